"""Where a TIFF's pixel size comes from, and when it is unknown."""

import numpy as np
import pytest
import tifffile

from emseg.calibration import PixelSize
from emseg.reading import ReadOptions, describe, open_stack

PIXELS = np.zeros((8, 16), np.uint8)


def size_of(path, **options):
    tifffile.imwrite(path, options.pop("pixels", PIXELS), **options)
    return open_stack(path).pixel_size


@pytest.mark.parametrize("dpi", [72, 96, 150, 300, 600, 1200])
def test_a_printing_resolution_is_no_calibration(tmp_path, dpi):
    assert size_of(tmp_path / "a.tif", resolution=(dpi, dpi), resolutionunit="INCH") is None


def test_a_fine_resolution_is_one(tmp_path):
    size = size_of(tmp_path / "a.tif", resolution=(2e6, 1e6), resolutionunit="CENTIMETER")
    assert size == PixelSize(10.0, 5.0, "the TIFF resolution tags")


def test_a_resolution_without_unit_says_nothing(tmp_path):
    assert size_of(tmp_path / "a.tif", resolution=(2e6, 2e6), resolutionunit="NONE") is None


def test_a_resolution_of_zero_says_nothing(tmp_path):
    assert size_of(tmp_path / "a.tif", resolution=((0, 1), (0, 1)), resolutionunit=3) is None


@pytest.mark.parametrize(
    ("unit", "factor"), [("nm", 1.0), ("micron", 1e3), ("um", 1e3), ("\\u00B5m", 1e3), ("Å", 0.1)]
)
def test_imagej_says_its_unit(tmp_path, unit, factor):
    size = size_of(
        tmp_path / "a.tif",
        pixels=np.zeros((3, 8, 16), np.uint8),
        imagej=True,
        resolution=(0.5, 0.25),
        metadata={"unit": unit.replace("Å", "angstrom"), "spacing": 50.0, "axes": "ZYX"},
    )
    assert size.source == "the ImageJ description"
    assert (size.x_nm, size.y_nm, size.z_nm) == pytest.approx((2 * factor, 4 * factor, 50 * factor))


def described_by_imagej(path, text):
    described = {"description": text.encode(), "metadata": None}
    return size_of(path, resolution=(0.5, 0.25), resolutionunit="NONE", **described)


@pytest.mark.parametrize(("unit", "factor"), [("\\u00C5", 0.1), ("\\u03BCm", 1e3), ("µm", 1e3)])
def test_imagej_escapes_its_unit(tmp_path, unit, factor):
    size = described_by_imagej(tmp_path / "a.tif", f"ImageJ=1.53c\nunit={unit}\n")
    assert (size.x_nm, size.y_nm) == pytest.approx((2 * factor, 4 * factor))


def test_imagej_has_a_unit_of_its_own_for_y(tmp_path):
    size = described_by_imagej(tmp_path / "a.tif", "ImageJ=1.53c\nunit=nm\nyunit=um\n")
    assert (size.x_nm, size.y_nm) == pytest.approx((2.0, 4000.0))


def test_a_malformed_spacing_costs_only_itself(tmp_path):
    size = described_by_imagej(tmp_path / "a.tif", "ImageJ=1.53c\nunit=nm\nspacing=?\n")
    assert (size.x_nm, size.y_nm, size.z_nm) == (2.0, 4.0, None)


@pytest.mark.parametrize("unit", ["pixel", "inch"])
def test_imagej_pixels_and_print_sizes_say_nothing(tmp_path, unit):
    size = size_of(tmp_path / "a.tif", imagej=True, resolution=(72, 72), metadata={"unit": unit})
    assert size is None


def test_ome_goes_before_the_resolution_tags(tmp_path):
    size = size_of(
        tmp_path / "a.ome.tif",
        resolution=(1e7, 1e7),
        resolutionunit="CENTIMETER",
        metadata={"axes": "YX", "PhysicalSizeX": 0.004, "PhysicalSizeY": 0.006},
    )
    assert size.source == "OME-XML"
    assert (size.y_nm, size.x_nm) == pytest.approx((6.0, 4.0))


def test_ome_pixels_are_no_length(tmp_path):
    metadata = {"axes": "YX", "PhysicalSizeX": 1.0, "PhysicalSizeXUnit": "pixel",
                "PhysicalSizeY": 1.0, "PhysicalSizeYUnit": "pixel"}  # fmt: skip
    assert size_of(tmp_path / "a.ome.tif", metadata=metadata) is None


def test_fei_pixel_width(tmp_path):
    text = "[Scan]\r\nPixelWidth=1.5e-009\r\nPixelHeight=3e-009\r\n"
    size = size_of(tmp_path / "a.tif", extratags=[(34682, "s", 0, text, True)])
    assert size.source == "the FEI tags"
    assert (size.y_nm, size.x_nm) == pytest.approx((3.0, 1.5))


def with_fei(path, text, size=(88, 128), **more):
    tags = [(34682, "s", 0, text.replace("\n", "\r\n"), True)]
    tifffile.imwrite(path, np.zeros(size, np.uint8), extratags=tags, **more)
    stack = open_stack(path)
    return stack.pixel_size and stack.pixel_size.x_nm, " ".join(stack.notices)


SCAN = "[Scan]\nPixelWidth=2.5e-09\nPixelHeight=2.5e-09\n[Image]\nResolutionX=128\nResolutionY=88\n"


@pytest.mark.parametrize("height", [80, 88, 96])
def test_fei_tags_of_this_picture_with_and_without_its_bar(tmp_path, height):
    found, notice = with_fei(tmp_path / "a.tif", SCAN, (height, 128))
    assert found == pytest.approx(2.5)
    told = (
        "is 80 pixels high and the FEI tags are about a picture of 88, as where the information bar"
    )
    assert notice.startswith(told) == (height == 80)


@pytest.mark.parametrize(
    ("size", "said"),
    [((44, 64), "is 64 pixels wide and the FEI tags are about a picture of 128"),
     ((176, 256), "is 256 pixels wide"), ((44, 128), "is 44 pixels high and the FEI tags are"),
     ((176, 128), "is 176 pixels high")],
)  # fmt: skip
def test_fei_tags_of_another_picture_give_no_pixel_size(tmp_path, size, said):
    """Nor do the resolution tags, which were copied with them."""
    more = {"resolution": (4e6, 4e6), "resolutionunit": "CENTIMETER"}
    found, notice = with_fei(tmp_path / "a.tif", SCAN, size, **more)
    assert found is None
    assert said in notice
    assert open_stack(tmp_path / "a.tif", ReadOptions(pixel_size="3nm")).notices == ()


@pytest.mark.parametrize(
    ("beam", "nm"),
    [("Beam=IBeam\nScan=IScan", 4), ("Beam=EBeam\nScan=EScan", 1), ("Beam=IBeam", 4),
     ("Scan=EScan", 1)],
)  # fmt: skip
def test_the_scan_that_made_the_picture_counts(tmp_path, beam, nm):
    text = f"[Beam]\n{beam}\n[EScan]\nPixelWidth=1e-09\n[IScan]\nPixelWidth=4e-09\n"
    assert with_fei(tmp_path / "a.tif", text) == (pytest.approx(nm), "")


BEAM = "[Beam]\nBeam=IBeam\n[EScan]\nPixelWidth=1e-09\n[Image]\nResolutionX=128\nResolutionY=88\n"


@pytest.mark.parametrize(
    ("more", "nm"),
    [("[IBeam]\nHFW=5.12e-07\nVFW=3.52e-07\n", 4), ("[IBeam]\nHFW=\n", None), ("", None),
     ("[Scan]\nPixelWidth=4e-09\n[IBeam]\nHFW=5.12e-07\n", 4),
     ("[Scan]\nPixelWidth=1e-09\n[IBeam]\nHFW=5.12e-07\n", None)],
)  # fmt: skip
def test_the_electron_scan_says_nothing_of_an_ion_picture(tmp_path, more, nm):
    """The field of view does, by the number of pixels."""
    found, notice = with_fei(tmp_path / "a.tif", BEAM + more)
    assert found == (nm and pytest.approx(nm))
    assert bool(notice) == (nm is None)


@pytest.mark.parametrize("beam", ["", "[Beam]\nScan=IScan\n[Scan]\nPixelWidth=1e-09\n"])
def test_scans_that_contradict_each_other_give_no_pixel_size(tmp_path, beam):
    text = f"{beam}[EScan]\nPixelWidth=1e-09\n[IScan]\nPixelWidth=4e-09\n"
    found, notice = with_fei(tmp_path / "a.tif", text)
    assert found is None
    assert "says 1 nm a pixel and [IScan] 4 nm; neither is taken" in notice


def test_fei_pixels_without_a_height_are_square(tmp_path):
    text = "[Scan]\r\nPixelWidth=1.5e-009\r\nPixelHeight=0\r\n"
    size = size_of(tmp_path / "a.tif", extratags=[(34682, "s", 0, text, True)])
    assert (size.y_nm, size.x_nm) == pytest.approx((1.5, 1.5))


@pytest.mark.parametrize(
    "text", ["[Scan]\r\nPixelWidth=\r\n", "[Scan]\r\nPixelWidth=0\r\n", "rubbish"]
)
def test_malformed_fei_tags_say_nothing(tmp_path, text):
    assert size_of(tmp_path / "a.tif", extratags=[(34682, "s", 0, text, True)]) is None


@pytest.mark.parametrize(
    ("line", "nm"), [("Image Pixel Size = 5.5 nm", 5.5), ("Image Pixel Size = 1.2 µm", 1200.0)]
)
def test_zeiss_image_pixel_size(tmp_path, line, nm):
    header = "\r\n".join(["0"] * 3 + ["2e-09"] + ["0"] * 4)
    text = f"{header}\r\nAP_PIXEL_SIZE\r\nPixel Size = 2 nm\r\nAP_IMAGE_PIXEL_SIZE\r\n{line}\r\n"
    tag = (34118, "s", 0, text.encode("cp1252"), True)
    size = size_of(tmp_path / "a.tif", extratags=[tag])
    assert size.source == "the Zeiss tags"
    assert size.x_nm == pytest.approx(nm)


@pytest.mark.parametrize(
    ("line", "nm"),
    [
        ("Image Pixel Size = 11,65 nm", 11.65),
        ("Image Pixel Size = 11.65nm", 11.65),
        ("Image Pixel Size = 1.165e-08 m", 11.65),
        ("Image Pixel Size =", 11.0),  # then the 5.5 nm of the screen's 1024 pixels count
        ("Image Pixel Size = 0 nm", 11.0),
    ],
)
@pytest.mark.parametrize("header", ["0\r\n0\r\n0\r\n5.5e-09\r\n0\r\n", ""])
def test_zeiss_tags_of_an_image_of_512_pixels(tmp_path, line, nm, header):
    screen = "AP_PIXEL_SIZE\r\nPixel Size = 5.5 nm\r\n"
    text = f"{header}{screen}AP_IMAGE_PIXEL_SIZE\r\n{line}\r\n"
    tag = (34118, "s", 0, text.encode("cp1252"), True)
    size = size_of(tmp_path / "a.tif", pixels=np.zeros((8, 512), np.uint8), extratags=[tag])
    assert (size.x_nm, size.y_nm) == pytest.approx((nm, nm))


def test_zeiss_tags_of_another_picture_give_no_pixel_size(tmp_path):
    text = "0\r\n0\r\n0\r\n0\r\nAP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = 5 nm\r\n"
    text += "DP_IMAGE_STORE\r\nStore resolution = 1024 * 768\r\n"
    tag = (34118, "s", 0, text.encode("cp1252"), True)
    assert (
        size_of(tmp_path / "a.tif", pixels=np.zeros((384, 512), np.uint8), extratags=[tag]) is None
    )
    assert "is 512 pixels wide" in open_stack(tmp_path / "a.tif").notices[0]
    pixels = np.zeros((768, 1024), np.uint8)
    assert size_of(tmp_path / "b.tif", pixels=pixels, extratags=[tag]).x_nm == pytest.approx(5)


@pytest.mark.parametrize(("shape", "nm"), [((8, 16), 10), ((4, 8), None), ((4, 16), None)])
def test_ome_xml_of_another_picture_gives_no_pixel_size(tmp_path, shape, nm):
    ome = tifffile.OmeXml()
    ome.addimage("uint8", (8, 16), (1, 1, 1, 8, 16, 1), axes="YX", PhysicalSizeX=0.01,
                 PhysicalSizeY=0.01)  # fmt: skip
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros(shape, np.uint8), description=ome.tostring().encode(),
        metadata=None, resolution=(4e6, 4e6), resolutionunit="CENTIMETER",
    )  # fmt: skip
    stack = open_stack(tmp_path / "a.tif")
    assert (stack.pixel_size and stack.pixel_size.x_nm) == (nm and pytest.approx(nm))
    assert bool(stack.notices) == (nm is None)


def pages(path, resolutions, size=(8, 16)):
    with tifffile.TiffWriter(path) as writer:
        for each in resolutions:
            writer.write(np.zeros(size, np.uint8), resolution=(each, each), metadata=None,
                         resolutionunit="CENTIMETER", contiguous=False)  # fmt: skip
    return open_stack(path)


def test_planes_of_different_pixel_sizes_have_none_in_common(tmp_path):
    stack = pages(tmp_path / "a.tif", [5e6, 5e6, 1.25e6])
    assert stack.pixel_size is None
    assert "different pixel sizes (2 of 2 nm, 1 of 8 nm): none is taken" in stack.notices[0]
    assert pages(tmp_path / "b.tif", [5e6] * 3).pixel_size.x_nm == pytest.approx(2)


@pytest.mark.parametrize("subfiletype", [0, 1])
def test_a_smaller_copy_has_not_the_pixel_size_of_the_picture(tmp_path, subfiletype):
    said = {"resolution": (5e6, 5e6), "resolutionunit": "CENTIMETER", "metadata": None}
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.zeros((64, 128), np.uint8), **said)
        writer.write(np.zeros((40, 64), np.uint8), **said)
        writer.write(np.zeros((18, 36), np.uint8), subfiletype=subfiletype, **said)
    sizes = {each.shape: each.pixel_size for each in describe(tmp_path / "a.tif")}
    assert sizes[64, 128] == sizes[40, 64] == PixelSize(2.0, 2.0, "the TIFF resolution tags")
    assert sizes.get((18, 36)) is None


def test_a_thumbnail_behind_a_picture_has_no_fei_tags(tmp_path):
    tags = [(34682, "s", 0, SCAN.replace("\n", "\r\n"), True)]
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.zeros((88, 128), np.uint8), extratags=tags, metadata=None)
        writer.write(np.zeros((30, 50), np.uint8), metadata=None)
    sizes = [each.pixel_size and each.pixel_size.x_nm for each in describe(tmp_path / "a.tif")]
    assert sizes == [pytest.approx(2.5), None]


@pytest.mark.parametrize(
    ("dpi", "shown"), [(1270, "20um"), (2400, "10.58um"), (4000, "6.35um"), (12800, "1.984um")]
)
@pytest.mark.parametrize("unit", ["INCH", "CENTIMETER"])
def test_the_resolution_of_a_scanner_is_told_and_not_taken(tmp_path, dpi, shown, unit):
    value = dpi if unit == "INCH" else dpi / 2.54
    assert size_of(tmp_path / "a.tif", resolution=(value, value), resolutionunit=unit) is None
    (notice,) = open_stack(tmp_path / "a.tif").notices or ("",)
    assert (f"--pixel-size {shown} says that it is" in notice) == (dpi > 1270)


def test_gatan_tags(tmp_path):
    tags = [(65003, "s", 0, "nm", True), (65004, "s", 0, "nm", True),
            (65009, "d", 1, 0.25, True), (65010, "d", 1, 0.5, True)]  # fmt: skip
    assert size_of(tmp_path / "a.tif", extratags=tags) == PixelSize(0.5, 0.25, "the Gatan tags")


def test_tescan_tag(tmp_path):
    text = b"\x01\x02[MAIN]\r\nPixelSizeX=2.5e-09\r\nPixelSizeY=2.5e-09\r\n\x00"
    size = size_of(tmp_path / "a.tif", extratags=[(50431, "B", len(text), text, True)])
    assert size.source == "the TESCAN tags"
    assert size.x_nm == pytest.approx(2.5)


PIXEL_SIZE = '<PixelSize><X unit="m">3.5E-09</X><Y unit="m">3.6E-09</Y></PixelSize>'
PHENOM = '<pixelWidth unit="nm">3.5</pixelWidth><pixelHeight unit="nm">3.6</pixelHeight>'


@pytest.mark.parametrize("inside", [PIXEL_SIZE, PHENOM])
@pytest.mark.parametrize("space", ["", ' xmlns="http://maker.example/metadata"'])
def test_xml_of_thermo_fisher(tmp_path, inside, space):
    xml = f'<?xml version="1.0"?><Metadata{space}><Image>{inside}</Image></Metadata>\0'
    size = size_of(tmp_path / "a.tif", extratags=[(34683, "s", 0, xml, True)])
    assert (size.y_nm, size.x_nm) == pytest.approx((3.6, 3.5))
    assert size.source == "the Thermo Fisher XML"


@pytest.mark.parametrize(("wide", "nm"), [(16, 3.5), (32, None)])
def test_xml_of_thermo_fisher_about_another_picture_gives_no_pixel_size(tmp_path, wide, nm):
    stated = f"<ImageSize><X>{wide}</X><Y>8</Y></ImageSize>"
    xml = f"<Metadata><BinaryResult>{stated}{PIXEL_SIZE}</BinaryResult></Metadata>"
    size = size_of(tmp_path / "a.tif", extratags=[(34683, "s", 0, xml, True)])
    assert (size and size.x_nm) == (nm and pytest.approx(nm))
    said = " ".join(open_stack(tmp_path / "a.tif").notices)
    assert ("the Thermo Fisher XML is about a picture of 32" in said) == (nm is None)


@pytest.mark.parametrize(("wide", "nm"), [(16, 0.5), (32, None)])
def test_tvips_tags_of_another_picture_give_no_pixel_size(tmp_path, wide, nm):
    first = np.zeros((), tifffile.TIFF.TVIPS_HEADER_V1)
    second = np.zeros((), tifffile.TIFF.TVIPS_HEADER_V2)
    first["Version"], second["Magic"] = 2, 0xAAAAAAAA
    second["ImageSizeX"], second["ImageSizeY"] = wide, 8
    second["PixelSizeX"] = second["PixelSizeY"] = 0.5
    said = first.tobytes() + second.tobytes()
    size = size_of(tmp_path / "a.tif", extratags=[(37706, "B", len(said), said, True)])
    assert (size and size.x_nm) == nm
    told = " ".join(open_stack(tmp_path / "a.tif").notices)
    assert ("the TVIPS tags are about a picture of 32" in told) == (nm is None)


@pytest.mark.parametrize("xml", ["", "<", "<Metadata/>", f"<Metadata>{PIXEL_SIZE}", "no XML"])
def test_malformed_xml_says_nothing(tmp_path, xml):
    assert size_of(tmp_path / "a.tif", extratags=[(34683, "s", 0, xml, True)]) is None


@pytest.mark.parametrize("unit", ["1/nm", "1 / nm", "nm^-1", "nm-1", "mrad"])
def test_a_diffraction_pattern_gets_no_pixel_size_from_its_resolution_tags(tmp_path, unit):
    fine = {"resolution": (2e6, 2e6), "resolutionunit": "CENTIMETER"}
    scales = [(tag, "d", 1, 0.01, True) for tag in (65009, 65010)]
    units = [(tag, "s", 0, unit, True) for tag in (65003, 65004)]
    assert size_of(tmp_path / "a.tif", extratags=scales + units, **fine) is None
    assert (
        size_of(tmp_path / "b.tif", imagej=True, resolution=(20, 20), metadata={"unit": unit})
        is None
    )


def test_resolution_tags_of_a_camera_are_not_those_of_the_specimen(tmp_path):
    """JEOL's SightX says in XML how to get one from the other; where it is malformed, nothing."""
    size = size_of(
        tmp_path / "a.tif",
        description="<TemReporter><Eos/></TemReporter>",
        extratags=[(271, "s", 0, "JEOL Ltd.", True)],
        resolution=(1000, 1000),
        resolutionunit="CENTIMETER",
    )
    assert size is None
