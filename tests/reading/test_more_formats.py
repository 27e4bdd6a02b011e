"""Formats that others write here, and what plugins hand over that is no pixel size."""

import json

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from emseg.errors import ContentError, UnreadableFileError
from emseg.reading import ReadOptions, describe, open_stack
from emseg.reading.microscopes import via_rosettasciio

PIXELS = np.random.default_rng(0).integers(0, 60000, (3, 20, 30)).astype(np.uint16)


def signal(pixels, *, scale=2.5, units="nm", navigate=None, names="zyx"):
    """Lay out pixels as RosettaSciIO's readers and writers pass them around."""
    names = names[-pixels.ndim :]
    axes = [
        {
            "name": name, "size": size, "index_in_array": at, "scale": scale, "offset": 0.0,
            "units": units, "navigate": at < pixels.ndim - 2 if navigate is None else navigate,
        }
        for at, (name, size) in enumerate(zip(names, pixels.shape, strict=True))
    ]  # fmt: skip
    metadata = {"General": {"title": "a"}, "Signal": {"signal_type": ""}}
    return {
        "data": pixels, "axes": axes, "metadata": metadata, "original_metadata": {},
        "tmp_parameters": {},
    }  # fmt: skip


def write_ripple(path, pixels):
    from rsciio.ripple import file_writer

    file_writer(str(path), signal(pixels))


def write_semper(path, pixels):
    from rsciio.semper import file_writer

    file_writer(str(path), signal(pixels.astype(np.float32)))


def write_pantarhei(path, pixels):
    calibration = {"unit": "nm", "offset": 0.0, "value": 2.5}
    said = {"type": "Stack" if pixels.ndim > 2 else "2D", "device.calib": [calibration] * 3}
    with path.open("wb") as file:
        np.savez_compressed(file, data=pixels, meta_data_json=json.dumps([said]))


def write_nexus(path, pixels):
    with h5py.File(path, "w") as file:
        plot = file.create_group("entry/plot")
        plot["counts"] = pixels
        plot.attrs.update({"NX_class": "NXdata", "signal": "counts"})
        plot.attrs["axes"] = list("zyx"[-pixels.ndim :])
        for name, size in zip("zyx"[-pixels.ndim :], pixels.shape, strict=True):
            plot[name] = np.arange(size) * 2.5
            plot[name].attrs["units"] = "nm"


@pytest.mark.parametrize(
    ("suffix", "write", "source"),
    [
        ("prz", write_pantarhei, "the PantaRhei axes"),
        ("rpl", write_ripple, "the Ripple header"),
        ("unf", write_semper, "the Semper header"),
        ("nxs", write_nexus, "the NeXus axes"),
    ],
)
@pytest.mark.parametrize("planes", [1, 3])
def test_values_and_pixel_size_come_back(tmp_path, suffix, write, source, planes):
    pixels, path = PIXELS[:planes].squeeze(), tmp_path / f"a b.{suffix}"
    write(path, pixels)
    stack = open_stack(path)
    assert (len(stack), stack.size, stack.name) == (planes, (20, 30), "a b")
    np.testing.assert_array_equal([each.pixels[0] for each in stack], pixels.reshape(-1, 20, 30))
    size = stack.pixel_size
    assert (size.y_nm, size.x_nm, size.source) == (pytest.approx(2.5), pytest.approx(2.5), source)


def test_pickled_metadata_stay_closed(tmp_path):
    """PantaRhei before 24.03 pickled its metadata; the pixels are read, the pixel size is not."""
    with (tmp_path / "a.prz").open("wb") as file:
        np.savez(file, data=PIXELS[0], meta_data=np.array([{}], dtype=object))
    stack = open_stack(tmp_path / "a.prz")
    np.testing.assert_array_equal(stack[0].pixels[0], PIXELS[0])
    assert stack.pixel_size is None


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_archive_with_one_image(tmp_path, save):
    save(tmp_path / "a.npz", image=PIXELS.astype(">u2"), gain=np.float64(3), names=np.array("a"))
    stack = open_stack(tmp_path / "a.npz")
    assert (len(stack), stack[0].pixels.dtype) == (3, np.dtype(np.uint16))
    np.testing.assert_array_equal(stack[2].pixels[0], PIXELS[2])


def test_an_archive_with_several_images_asks_which(tmp_path):
    np.savez(tmp_path / "a.npz", raw=PIXELS[0], mask=PIXELS[1])
    with pytest.raises(
        ContentError, match=r"holds 2 images.*raw, mask; name one with --signal raw"
    ):
        open_stack(tmp_path / "a.npz")
    stack = open_stack(tmp_path / "a.npz", ReadOptions(signal="mask"))
    np.testing.assert_array_equal(stack[0].pixels[0], PIXELS[1])


def test_pickled_objects_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}] * 4).reshape(2, 2), allow_pickle=True)
    np.savez(tmp_path / "b.npz", a=np.array([{}] * 4).reshape(2, 2))
    for name in ("a.npy", "b.npz"):
        with pytest.raises(ContentError, match=name):
            open_stack(tmp_path / name)


def test_python_objects_are_refused_with_where_masks_are_had(tmp_path):
    for name, said in (("a_seg.npy", "with --save_tif of cellpose"), ("a.npy", "numpy.save")):
        np.save(tmp_path / name, {"masks": np.eye(4)}, allow_pickle=True)
        with pytest.raises(ContentError, match=f"{name} .*Python objects, which emseg never"):
            open_stack(tmp_path / name)
        with pytest.raises(ContentError, match=said):
            open_stack(tmp_path / name)


@pytest.fixture
def hand_over(tmp_path, monkeypatch):
    """Let a plugin hand over a signal that is made up here."""

    def stack_of(made_up):
        monkeypatch.setattr(via_rosettasciio, "file_reader", lambda _: lambda *_, **__: [made_up])
        (tmp_path / "a.ser").write_bytes(b"not looked at")
        return open_stack(tmp_path / "a.ser")

    return stack_of


@pytest.mark.parametrize(
    ("scale", "units"),
    [(0.05, "1/nm"), (0.05, "nm^-1"), (5e7, "m"), (1.0, ""), (-1.0, "nm"), (0.0, "nm"), (2.0, "s")],
)
def test_what_is_no_length_gives_no_pixel_size(hand_over, scale, units):
    assert hand_over(signal(PIXELS[0], scale=scale, units=units)).pixel_size is None


def test_a_bruker_map_has_the_pixels_of_the_image_beside_it(tmp_path, monkeypatch):
    image, spectra = signal(PIXELS[0]), signal(PIXELS)
    for each, scales in ((image, (2.0, 3.0)), (spectra, (2.0, 2.0, 0.01))):
        each["axes"] = [
            {"name": name, "scale": scale, "units": units, "navigate": each is spectra and at < 2}
            for at, (name, scale, units) in enumerate(
                zip(("height", "width", "Energy"), scales, ("µm", "µm", "keV"), strict=False)
            )
        ]
    found = [image, spectra]
    monkeypatch.setattr(via_rosettasciio, "file_reader", lambda _: lambda *_, **__: found)
    (tmp_path / "a.bcf").write_bytes(b"not looked at")
    sizes = [each.pixel_size for each in describe(tmp_path / "a.bcf")]
    assert [(each.y_nm, each.x_nm) for each in sizes] == [(2000.0, 3000.0)] * 2


def test_axes_that_the_plugin_forgot_are_made_up(hand_over):
    found = signal(PIXELS)
    found["axes"] = found["axes"][:1]
    assert (len(hand_over(found)), hand_over(found).size) == (3, (20, 30))


def test_axes_that_are_all_called_navigation_are_known_by_their_names(hand_over):
    stack = hand_over(signal(PIXELS, navigate=True))
    assert (len(stack), stack.size) == (3, (20, 30))


def test_four_dimensions_are_a_stack_unless_they_are_a_scan(hand_over):
    series = PIXELS.reshape(3, 1, 20, 30).repeat(2, axis=1)
    assert len(hand_over(signal(series, units="", names="tzyx"))) == 6
    scan = signal(series, names="tzyx")
    with pytest.raises(ContentError, match="a diffraction pattern at each of 3 x 2 points"):
        hand_over(scan)


@pytest.mark.parametrize("equal", [True, False])
def test_colours_that_a_plugin_hands_over(hand_over, equal):
    pixels = np.zeros((20, 30), [("R", "u1"), ("G", "u1"), ("B", "u1"), ("A", "u1")])
    for at, name in enumerate("RGB"):
        pixels[name] = 9 if equal else at
    micrograph = hand_over(signal(pixels))[0]
    assert micrograph.pixels[:, 0, 0].tolist() == ([9] if equal else [0, 1, 2])


@pytest.mark.parametrize(
    "error",
    [
        NotImplementedError("Lazy loading of RGBA images is not supported."),
        ValueError("Array is already a dask array. Use 'asarray' or 'rechunk' instead."),
    ],
)
def test_a_plugin_that_cannot_be_lazy_is_asked_again(tmp_path, monkeypatch, error):
    def reader(_path, *, lazy):
        if lazy:
            raise error
        return [signal(PIXELS[0])]

    monkeypatch.setattr(via_rosettasciio, "file_reader", lambda _: reader)
    (tmp_path / "a.dm4").write_bytes(b"not looked at")
    np.testing.assert_array_equal(open_stack(tmp_path / "a.dm4")[0].pixels[0], PIXELS[0])


def test_a_large_file_that_is_read_whole_is_said_to_be(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("emseg.reading.stacks.stack._LARGE", 1000)
    np.savez(tmp_path / "a.npz", image=PIXELS)
    open_stack(tmp_path / "a.npz")
    assert "is read whole, 0 MB: NumPy archive cannot be read piece by piece" in caplog.text


def test_complex_values_are_refused_with_a_way_out(tmp_path):
    np.save(tmp_path / "a.npy", PIXELS[0].astype(complex))
    (found,) = describe(tmp_path / "a.npy")
    assert (found.usable, found.dtype) == (False, "complex128")
    with pytest.raises(ContentError, match=r"complex .save their modulus or phase as an image"):
        open_stack(tmp_path / "a.npy")


@pytest.mark.parametrize("end", [8, 100])
def test_a_tiff_that_ends_before_its_first_page(tmp_path, end):
    path = tmp_path / "a.tif"
    Image.fromarray(PIXELS[0]).save(path, compression="tiff_lzw")  # its tags stand at the end
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(UnreadableFileError, match="is cut short: its first page begins behind"):
        open_stack(path)


def test_a_tiff_that_lost_its_last_pages(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        for plane in PIXELS:
            writer.write(plane, metadata=None, compression="zlib")
    with tifffile.TiffFile(path) as tiff:
        last = tiff.pages[2]
        end = min(last.offset, *last.dataoffsets)
    path.write_bytes(path.read_bytes()[: end - 1])
    with pytest.raises(ContentError, match="is cut short: after 2 page"):
        open_stack(path)


def test_an_imagej_stack_of_one_page_that_was_cut_short(tmp_path):
    described = {"description": b"ImageJ=1.53c\nimages=3\nslices=3\n", "metadata": None}
    tifffile.imwrite(tmp_path / "one.tif", PIXELS[0], **described)
    first, behind = (tmp_path / "one.tif").read_bytes(), PIXELS[1:].tobytes()
    assert len(open_stack(tmp_path / "one.tif")) == 1  # saved alone
    (tmp_path / "all.tif").write_bytes(first + behind)
    np.testing.assert_array_equal([each.pixels[0] for each in open_stack(tmp_path / "all.tif")],
                                  PIXELS)  # fmt: skip
    (tmp_path / "cut.tif").write_bytes(first + behind[:-1])
    with pytest.raises(UnreadableFileError, match="is cut short: its 3 images need"):
        open_stack(tmp_path / "cut.tif")


def test_what_is_no_array_is_refused_without_advice_to_unpickle_it(tmp_path):
    (tmp_path / "a.npy").write_bytes(b"\x80\x04 a pickle, or anything else")
    with pytest.raises(UnreadableFileError, match=r"as NumPy \(it does not begin as one\); save"):
        open_stack(tmp_path / "a.npy")
