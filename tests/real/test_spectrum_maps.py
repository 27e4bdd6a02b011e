"""The spectrum images of ``../shared/data/spectrum_maps``, beside HyperSpy and eXSpy."""

import warnings

import numpy as np
import pytest

from emseg.errors import ContentError
from emseg.labels import choose_classes, to_label_image
from emseg.labels.masks import distinct_values, mask_plane
from emseg.mask_values import parse_labels, parse_value
from emseg.reading import AS_STORED, ReadOptions, describe, open_stack


def mask_values(mask):
    return tuple(distinct_values(mask_plane(mask)).tolist())


pytestmark = pytest.mark.real

SILICA, BRUKER = "SiO2 EDS Spectrum Image.hspy", "L2083-K-4-1_tilt0.bcf"


@pytest.fixture(scope="module")
def exspy_signal(real_data):
    """Load a file as a user of HyperSpy does; skips where eXSpy is not installed."""
    pytest.importorskip("exspy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # HyperSpy warns of its own deprecations on import
        import hyperspy.api as hs

    def load(name):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = hs.load(real_data("spectrum_maps") / name)
        signals = found if isinstance(found, list) else [found]
        return next(each for each in signals if each.axes_manager.signal_dimension == 1)

    return load


@pytest.mark.parametrize("name", [SILICA, BRUKER])
def test_windows_and_lines_are_those_of_hyperspy(real_data, exspy_signal, name):
    signal = exspy_signal(name)
    lines = ["Si_Ka", "O_Ka", "Cu_La"]
    read = open_stack(
        real_data("spectrum_maps") / name,
        ReadOptions(channels=f"1.65-1.85keV,500-560eV,{','.join(lines)}"),
    )[0]
    expected = [signal.isig[1.65:1.85].data.sum(-1), signal.isig[0.5:0.56].data.sum(-1)]
    if "Detector.EDS.energy_resolution_MnKa" not in signal.metadata.Acquisition_instrument.TEM:
        signal.set_microscope_parameters(energy_resolution_MnKa=130)
    signal.set_lines(lines)
    expected += [each.data for each in signal.get_lines_intensity(lines)]
    for channel, wanted in zip(read.pixels, expected, strict=True):
        np.testing.assert_array_equal(channel, wanted)
    assert read.pixels.any(axis=(1, 2)).all()


def test_a_map_and_the_image_beside_it(real_data):
    folder = real_data("spectrum_maps")
    read = open_stack(folder / SILICA, ReadOptions(channels="bins=8,SiO2 HAADF Image.hspy"))[0]
    haadf = open_stack(folder / "SiO2 HAADF Image.hspy")[0]
    assert read.pixels.shape == (9, 128, 128)
    np.testing.assert_array_equal(read.pixels[8], haadf.pixels[0])
    assert read.channels[:2] == ("0-2.56keV", "2.56-5.12keV")
    assert read.pixel_size.x_nm == pytest.approx(8.552446, rel=1e-6)


def test_a_bruker_map_and_the_image_in_its_file(real_data):
    path = real_data("spectrum_maps") / BRUKER
    read = open_stack(path, ReadOptions(channels="HAADF,bins=1"))[0]
    np.testing.assert_array_equal(read.pixels[0], open_stack(path)[0].pixels[0])
    assert (read.pixels.dtype, read.pixels.shape) == (np.uint32, (2, 256, 256))
    assert read.pixel_size.source == "the Bruker metadata"
    assert [each.usable for each in describe(path)] == [True, False]


def test_energies_of_an_image_are_refused_in_one_line(real_data):
    path = real_data("spectrum_maps") / "SiO2 HAADF Image.hspy"
    with pytest.raises(ContentError, match=r"no spectrum image of which --channels"):
        open_stack(path, ReadOptions(channels="bins=8"))


def test_silica_is_bright_where_the_mask_says_particle(real_data):
    folder = real_data("spectrum_maps")
    mask = open_stack(folder / "SiO2_sparse_trainingmask.png", AS_STORED)[0]
    assert mask_values(mask) == (0, 0x6DA34D, 0xA30015)
    nothing = parse_value("#000000")
    classes, _ = choose_classes(
        mask_values(mask),
        assigned=parse_labels("#6da34d=background,#a30015=particle"),
        unlabelled=nothing,
    )
    labels = to_label_image(mask, classes, nothing)
    assert labels.counts().tolist() == [1800, 219]
    read = open_stack(folder / SILICA, ReadOptions(channels="1.65-1.85keV"))[0]
    silicon = read.pixels[0].astype(float)
    assert silicon[labels.pixels == 1].mean() > 100 * silicon[labels.pixels == 0].mean()
