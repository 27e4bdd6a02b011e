"""--channels: what a file holds becomes the channels of its micrographs."""

import logging

import numpy as np
import pytest
import tifffile

from emseg.calibration import Axis, PixelSize
from emseg.errors import ContentError, MismatchError, UnknownNameError, UsageError
from emseg.micrograph import Micrograph, Region
from emseg.reading import ReadOptions, describe, open_stack
from emseg.reading.choosing.channel_terms import parse_channels
from emseg.reading.choosing.channels import with_channels
from emseg.reading.signals.layout import Layout
from emseg.reading.signals.signal import OpenFile, Signal
from emseg.reading.signals.spectra import spectra_of
from emseg.writing import write_micrographs

COUNTS = np.random.default_rng(0).integers(0, 50, (6, 8, 100), np.uint8)


def write_hspy(path, data, energy, *, kind="EDS_TEM", navigate=(True, True, False)):
    """Write a spectrum image as HyperSpy does; ``energy`` is its scale, offset and unit."""
    from rsciio.hspy import file_writer

    scale, offset, units = energy
    steps = [("y", 0.002, 0.0, "µm"), ("x", 0.002, 0.0, "µm"), ("Energy", scale, offset, units)]
    axes = [
        {"name": name, "size": size, "scale": step, "offset": start, "units": unit, "navigate": nav}
        for (name, step, start, unit), size, nav in zip(steps, data.shape, navigate, strict=True)
    ]
    file_writer(
        str(path),
        {
            "data": data, "axes": axes,
            "metadata": {"General": {"title": "map"}, "Signal": {"signal_type": kind}},
            "original_metadata": {}, "attributes": {"_lazy": False, "ragged": False},
            "package_info": {"package": "hyperspy", "package_version": "2.3"},
            "tmp_parameters": {}, "learning_results": {}, "models": {},
        },
    )  # fmt: skip


@pytest.fixture
def eds(tmp_path):
    """A map of 6 x 8 points, 100 energies from 0 to 10 keV."""
    write_hspy(tmp_path / "a map.hspy", COUNTS, (0.1, 0.0, "keV"))
    return tmp_path / "a map.hspy"


def channels(path, text, **more):
    return open_stack(path, ReadOptions(channels=text, **more))[0]


def test_windows_are_summed_in_the_order_of_the_list(eds):
    read = channels(eds, "2-3keV,0-500eV,2-10")
    assert read.channels == ("2-3keV", "0-500eV", "2-10")
    for channel, (first, stop) in zip(read.pixels, [(20, 30), (0, 5), (20, 100)], strict=True):
        np.testing.assert_array_equal(channel, COUNTS[..., first:stop].sum(-1))
    assert read.pixels.dtype == np.uint32
    assert (read.pixel_size.y_nm, read.pixel_size.x_nm) == pytest.approx((2.0, 2.0))
    assert read.pixel_size.source == "the HyperSpy axes"
    assert (read.name, read.plane, read.specimen) == ("a map", None, None)


def test_bins_cover_all_energies_and_are_named_by_them(eds):
    read = channels(eds, "bins=4")
    assert read.channels == ("0-2.5keV", "2.5-5keV", "5-7.5keV", "7.5-10keV")
    np.testing.assert_array_equal(read.pixels.sum(0), COUNTS.sum(-1))


def test_a_map_is_refused_without_channels_and_says_how_to_take_it(eds):
    (signal,) = describe(eds)
    assert not signal.usable
    assert "0-10keV; make channels of it with --channels Si_Ka,O_Ka or bins=8" in signal.reason
    assert signal.pixel_size.x_nm == pytest.approx(2.0)
    with pytest.raises(ContentError, match=r"6 x 8 points .*--channels"):
        open_stack(eds)


def test_energy_losses_are_invited_with_a_window(tmp_path):
    write_hspy(tmp_path / "e.hspy", COUNTS.astype(np.float32), (2.0, -10.0, "eV"), kind="EELS")
    assert "make channels of it with --channels -10-40eV" in describe(tmp_path / "e.hspy")[0].reason
    read = channels(tmp_path / "e.hspy", "-10-40eV,0.1-0.15keV")
    np.testing.assert_allclose(read.pixels[0], COUNTS[..., :25].sum(-1))
    np.testing.assert_allclose(read.pixels[1], COUNTS[..., 55:80].sum(-1))
    assert read.pixels.dtype == np.float64


def test_spectra_that_are_no_energies_have_bins_and_windows_without_a_unit(tmp_path):
    write_hspy(tmp_path / "cl.hspy", COUNTS, (2.0, 400.0, "nm"), kind="CL")
    read = channels(tmp_path / "cl.hspy", "bins=2,400-420")
    assert read.channels == ("400-500nm", "500-600nm", "400-420")
    np.testing.assert_array_equal(read.pixels[2], COUNTS[..., :10].sum(-1))
    with pytest.raises(ContentError, match=r"1-2keV is in electronvolts, but the axis 400-600nm"):
        channels(tmp_path / "cl.hspy", "1-2keV")


def test_an_energy_filtered_series_stays_a_stack_and_can_be_summed(tmp_path):
    path = tmp_path / "eftem.hspy"
    from rsciio.hspy import file_writer

    series = np.moveaxis(COUNTS[..., :4], -1, 0)
    axes = [
        {"name": n, "size": s, "scale": 5.0, "offset": 100.0, "units": u, "navigate": n == "E"}
        for n, s, u in zip(("E", "y", "x"), series.shape, ("eV", "nm", "nm"), strict=True)
    ]
    file_writer(
        str(path),
        {
            "data": series, "axes": axes,
            "metadata": {"General": {"title": "s"}, "Signal": {}},
            "original_metadata": {}, "attributes": {"_lazy": False, "ragged": False},
            "package_info": {"package": "hyperspy", "package_version": "2.3"},
            "tmp_parameters": {}, "learning_results": {}, "models": {},
        },
    )  # fmt: skip
    assert len(open_stack(path)) == 4
    summed = channels(path, "100-110eV")
    np.testing.assert_array_equal(summed.pixels[0], series[:2].astype(int).sum(0))


def test_an_image_beside_the_map_is_one_more_channel(eds):
    image = np.arange(48, dtype=np.float32).reshape(6, 8) / 7
    tifffile.imwrite(eds.with_name("a map-haadf.tif"), image)
    for said in ("{stem}-haadf.tif", "*haadf.tif", str(eds.with_name("a map-haadf.tif"))):
        read = channels(eds, f"{said},1-2keV")
        assert read.channels == (said, "1-2keV")
        np.testing.assert_array_equal(read.pixels[0], image)
        np.testing.assert_array_equal(read.pixels[1], COUNTS[..., 10:20].sum(-1))
        assert read.pixels.dtype == np.float64


def test_the_finer_of_image_and_map_is_averaged(eds, caplog):
    fine = np.random.default_rng(1).integers(0, 60000, (12, 24), np.uint16)
    tifffile.imwrite(eds.with_name("fine.tif"), fine)
    with caplog.at_level(logging.WARNING, "emseg"):
        read = channels(eds, "1-2keV,fine.tif")
    np.testing.assert_allclose(read.pixels[1], fine.reshape(6, 2, 8, 3).mean((1, 3)))
    np.testing.assert_array_equal(read.pixels[0], COUNTS[..., 10:20].sum(-1))
    assert "has finer pixels in fine.tif: averaged over 2 x 3 of them" in caplog.text
    tifffile.imwrite(eds.with_name("coarse.tif"), np.ones((3, 4), np.uint16))
    coarse = channels(eds, "1-2keV,coarse.tif")
    assert coarse.pixel_size.x_nm == pytest.approx(4.0)
    sums = COUNTS[..., 10:20].sum(-1).reshape(3, 2, 4, 2)
    np.testing.assert_allclose(coarse.pixels[0], sums.mean((1, 3)))


def test_an_image_of_no_whole_fraction_is_refused(eds):
    tifffile.imwrite(eds.with_name("odd.tif"), np.ones((9, 8), np.uint8))
    with pytest.raises(MismatchError, match=r"odd.tif has 9 x 8 pixels and another has 6 x 8"):
        channels(eds, "1-2keV,odd.tif")


def test_a_stack_beside_the_map_is_refused(eds):
    tifffile.imwrite(
        eds.with_name("stack.tif"), np.ones((3, 6, 8), np.uint8), photometric="minisblack"
    )
    with pytest.raises(MismatchError, match=r"stack.tif is a stack of 3 planes"):
        channels(eds, "1-2keV,stack.tif")


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("11-12keV", ContentError, "the window 11-12keV is not within the axis, 0-10keV"),
        ("Zn_Kb1q,", UsageError, "has an empty part"),
        ("bins=101", ContentError, "bins=101 is more than the 100 bins"),
        ("nothing.tif", ContentError, "none in its folder fits 'nothing.tif'"),
        ("[!]*.tif", ContentError, "none in its folder fits"),
        ("HAADF", ContentError, "no channel, image or X-ray line 'HAADF'.*written Si_Ka"),
        ("map", ContentError, "'map' of --channels is no image: a spectrum along Energy"),
        ("0", ContentError, "has no channel 0: it has no image"),
    ],
)
def test_what_the_file_does_not_have_is_refused(eds, text, error, said):
    with pytest.raises(error, match=said) as caught:
        channels(eds, text)
    assert "\n" not in str(caught.value)


def test_two_files_that_fit_are_refused_and_named(eds):
    for name in ("h1.tif", "h2.tif"):
        tifffile.imwrite(eds.with_name(name), np.ones((6, 8), np.uint8))
    with pytest.raises(ContentError, match=r"2 files \(h1.tif, h2.tif\) in its folder fits"):
        channels(eds, "1-2keV,h?.tif")


def test_an_image_has_no_energies(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((6, 8), np.uint8))
    for text in ("1-2keV", "bins=4", "Si_Ka"):
        with pytest.raises(ContentError, match=r"a.tif holds no spectrum image .*--channels"):
            channels(tmp_path / "a.tif", text)


@pytest.fixture
def coloured(tmp_path):
    pixels = np.random.default_rng(2).integers(0, 60000, (4, 3, 6, 8), np.uint16)
    said = {"axes": "ZCYX", "PhysicalSizeX": 2, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 2,
            "PhysicalSizeYUnit": "nm", "Channel": {"Name": ["BSE", "SE", "Si_Ka"]}}  # fmt: skip
    tifffile.imwrite(tmp_path / "c.ome.tif", pixels, metadata=said)
    return tmp_path / "c.ome.tif", pixels


def test_channels_of_an_image_are_picked_by_number_and_name(coloured):
    path, pixels = coloured
    for text, picked in (("2,0", [2, 0]), ("se", [1]), ("Si_Ka,0", [2, 0]), ("1,1", [1, 1])):
        stack = open_stack(path, ReadOptions(channels=text))
        assert (len(stack), stack[3].channels) == (4, tuple(text.split(",")))
        for plane in (0, 3):
            np.testing.assert_array_equal(stack[plane].pixels, pixels[plane][picked])
        assert stack[1].pixels.dtype == np.uint16
        assert stack.pixel_size.x_nm == pytest.approx(2)
    with pytest.raises(ContentError, match="has no channel 3: it has 3"):
        channels(path, "3")


def test_a_picked_channel_keeps_the_specimen_that_the_file_states(tmp_path):
    pixels, bar = np.zeros((2, 40, 50), np.uint8), Region(0, 30, 0, 50, "the FEI tags")
    write_micrographs(tmp_path / "a.ome.tif", [Micrograph(pixels, "a", specimen=bar)])
    assert open_stack(tmp_path / "a.ome.tif", ReadOptions(channels="1")).specimen == bar


def test_colours_are_channels(tmp_path):
    pixels = np.random.default_rng(3).integers(0, 255, (6, 8, 3), np.uint8)
    tifffile.imwrite(tmp_path / "rgb.tif", pixels, photometric="rgb")
    read = channels(tmp_path / "rgb.tif", "blue,0")
    np.testing.assert_array_equal(read.pixels, pixels.transpose(2, 0, 1)[[2, 0]])


def image(name, pixels, size=None):
    axes = tuple(Axis(n, s) for n, s in zip("yx", pixels.shape, strict=True))
    return Signal(name, axes, pixels.dtype, lambda index: pixels[index], size)


def spectrum_image(name, data):
    energies = Axis("Energy", data.shape[2], 0.1, 0.0, "keV")
    axes = (Axis("y", data.shape[0]), Axis("x", data.shape[1]), energies)
    return Signal(
        name, axes, data.dtype, lambda index: data[index],
        PixelSize(2, 2, "the tags"), refusal="spectra", spectra=spectra_of(data, energies, 2, {}),
    )  # fmt: skip


def made(tmp_path, signals, text, wanted=None):
    """What with_channels makes of signals: the pixels, and the notices."""
    source = OpenFile(tuple(signals))
    made_of = with_channels(tmp_path / "f.x", source, parse_channels(text), wanted, list)
    (signal,) = made_of.signals
    layout = Layout.of(signal.axes)
    return layout.arrange(signal.read(layout.index(0))), made_of.notices


def test_a_survey_image_of_the_file_is_stacked_and_that_of_the_size_of_the_map_preferred(tmp_path):
    large = image("HAADF", np.zeros((66, 77), np.uint16))
    small = image("HAADF", np.arange(48, dtype=np.uint16).reshape(6, 8))
    signals = [large, spectrum_image("EDX", COUNTS), small]
    pixels, notices = made(tmp_path, signals, "haadf,1-2keV")
    np.testing.assert_array_equal(pixels[0], np.arange(48).reshape(6, 8))
    assert (pixels.dtype, notices) == (np.uint32, ())


def test_of_several_maps_the_largest_is_taken_or_the_one_that_is_named(tmp_path):
    small = spectrum_image("small", COUNTS[:4])
    first, second = spectrum_image("first", COUNTS), spectrum_image("second", COUNTS // 2)
    signals = [small, image("SE", np.ones((20, 20))), first, second]
    pixels, notices = made(tmp_path, signals, "0-10keV")
    np.testing.assert_array_equal(pixels[0], COUNTS.sum(-1))
    assert "holds 2 spectrum images" in notices[0]
    assert "choose another with --signal: first, second" in notices[0]
    for wanted in ("Second", "3"):
        pixels, notices = made(tmp_path, signals, "0-10keV", wanted)
        np.testing.assert_array_equal(pixels[0], (COUNTS // 2).sum(-1))
        assert notices == ()
    with pytest.raises(ContentError, match=r"'SE' is no spectrum image .*0 \(small\), 2 \(first\)"):
        made(tmp_path, signals, "0-10keV", "SE")


def test_pixel_sizes_that_do_not_fit_are_told(tmp_path):
    other = image("HAADF", np.ones((6, 8)), PixelSize(3, 3, "the tags"))
    _, notices = made(tmp_path, [spectrum_image("EDX", COUNTS), other], "1-2keV,HAADF")
    assert "pixels of 2 nm, but HAADF has 3 nm" in notices[0]


def test_frames_of_spectra_are_planes(tmp_path):
    data = np.random.default_rng(4).integers(0, 9, (3, 6, 8, 20), np.uint16)
    energies = Axis("Energy", 20, 0.1, 0.0, "keV")
    spectra = spectra_of(data, energies, 3, {})
    axes = (Axis("t", 3), Axis("y", 6), Axis("x", 8), energies)
    signal = Signal("m", axes, data.dtype, lambda index: data[index], spectra=spectra)
    source = with_channels(tmp_path, OpenFile((signal,)), parse_channels("bins=2"), None, list)
    (joined,) = source.signals
    assert joined.shape == (3, 2, 6, 8)
    plane = joined.read((2, slice(None), slice(1, 4), slice(None)))
    np.testing.assert_array_equal(
        plane, data[2].reshape(6, 8, 2, 10).sum(-1).transpose(2, 0, 1)[:, 1:4]
    )


def test_counts_keep_every_integer_beside_floats(tmp_path):
    counts = np.full((2, 2, 4), 2**24 // 4, np.uint32)
    counts[0, 0, 0] += 1
    pixels, _ = made(
        tmp_path,
        [spectrum_image("EDX", counts), image("HAADF", np.ones((2, 2), np.float32))],
        "0-0.4keV,HAADF",
    )
    assert pixels[0].tolist() == [[2**24 + 1, 2**24], [2**24, 2**24]]


def test_a_line_needs_exspy_or_a_window(eds, monkeypatch):
    import sys

    from emseg.reading.choosing import xray_lines

    xray_lines._all_energies_ev.cache_clear()
    monkeypatch.setitem(sys.modules, "exspy.material", None)
    with pytest.raises(UsageError, match=r"pip install exspy.*--channels 1.65-1.85keV"):
        channels(eds, "Si_Ka")


def test_lines_are_windows_of_once_their_width_to_both_sides(eds):
    pytest.importorskip("exspy")
    read = channels(eds, "Si_Ka,Fe_Ka")
    # Fiori and Newbury: sqrt(130² + 2.5 (1739.7 - 5898.7)) = 80.6 eV; Fe at 6403.9 eV: 134.8 eV
    np.testing.assert_array_equal(read.pixels[0], COUNTS[..., 17:18].sum(-1))
    np.testing.assert_array_equal(read.pixels[1], COUNTS[..., 63:65].sum(-1))
    with pytest.raises(UnknownNameError, match="no X-ray line 'si_ka'; did you mean 'Si_Ka'"):
        channels(eds, "si_ka")
    with pytest.raises(ContentError, match=r"the X-ray line Mo_Ka \(17.*keV\) is not within"):
        channels(eds, "Mo_Ka")
