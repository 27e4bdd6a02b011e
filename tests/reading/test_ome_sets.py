"""OME-TIFF sets: one image in several files, of which some may be missing or renamed."""

import json
import logging
import struct

import numpy as np
import pytest
import tifffile

from emseg.errors import ContentError
from emseg.reading import find_files, list_planes, look_into, match_pairs, open_stack

HEAD = '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'


def uuid(number):
    return f"urn:uuid:{number:08d}-1111-1111-1111-111111111111"


def image(name, blocks, *, z=1, c=1, t=1, size=(6, 9), nm=10):
    """An Image element; blocks are (file, number of its UUID, page, z, c, t)."""
    data = "".join(
        f'<TiffData IFD="{page}" PlaneCount="1" FirstZ="{z}" FirstC="{channel}" FirstT="{time}">'
        f'<UUID FileName="{file}">{uuid(number)}</UUID></TiffData>'
        for file, number, page, z, channel, time in blocks
    )
    channels = "".join(f'<Channel ID="Channel:0:{at}" SamplesPerPixel="1"/>' for at in range(c))
    return (
        f'<Image ID="Image:0" Name="{name}"><Pixels DimensionOrder="XYZCT" Type="uint8" '
        f'SizeX="{size[1]}" SizeY="{size[0]}" SizeZ="{z}" SizeC="{c}" SizeT="{t}" '
        f'PhysicalSizeX="{nm}" PhysicalSizeXUnit="nm" PhysicalSizeY="{nm}" PhysicalSizeYUnit="nm" '
        f'PhysicalSizeZ="40" PhysicalSizeZUnit="nm">{channels}{data or "<TiffData/>"}'
        "</Pixels></Image>"
    )


def write(path, values, xml, number=None, size=(6, 9)):
    """A file with a page of each value; `number` gives it a UUID."""
    own = f' UUID="{uuid(number)}"' if number is not None else ""
    pages = np.stack([np.full(size, value, np.uint8) for value in values])
    text = f"{HEAD}{own}>{xml}</OME>"
    tifffile.imwrite(path, pages, description=text, metadata=None, photometric="minisblack")


def stack_of(folder, count=4, names="B_z{}.ome.tif"):
    blocks = [(names.format(at), at, 0, at, 0, 0) for at in range(count)]
    for at in range(count):
        write(folder / names.format(at), [10 + at], image("s", blocks, z=count), at)


def values(path):
    return [int(each.pixels[0, 0, 0]) for each in open_stack(path)]


def notices(path):
    return " ".join(look_into(path).notices)


@pytest.mark.parametrize("named", ["", "B_z0.ome.tif", "B_z2.ome.tif", "*[13].ome.tif"])
def test_a_set_is_one_stack_whichever_of_its_files_is_named(tmp_path, named):
    stack_of(tmp_path)
    (path,) = find_files([tmp_path / named])
    assert path.name == "B_z0.ome.tif"
    assert [int(each.read().pixels.min()) for each in list_planes([path])] == [10, 11, 12, 13]
    stack = open_stack(path)
    assert (stack.name, stack.pixel_size.x_nm, stack.pixel_size.z_nm) == ("B_z0", 10, 40)
    assert "one stack with B_z1.ome.tif, B_z2.ome.tif" in notices(path)


def test_a_set_is_one_stack_however_its_folder_is_spelled(tmp_path, monkeypatch):
    stack_of(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert len(find_files(["B_z1.ome.tif", tmp_path / "B_z2.ome.tif", tmp_path])) == 1


def test_a_set_of_images_and_a_set_of_masks_are_pairs(tmp_path):
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
        stack_of(tmp_path / name, names="B_z{}.ome.tif" if name == "images" else "B_z{}_mask.tif")
        stack_of(tmp_path / name, 2, names="C_{}.ome.tif")
    planes = [list_planes([tmp_path / name]) for name in ("images", "masks")]
    pairs = match_pairs(*planes).pairs
    assert [(pair.image.title, pair.mask.title) for pair in pairs[3:5]] == [
        ("B_z0[3]", "B_z0_mask[3]"), ("C_0[0]", "C_0[0]")
    ]  # fmt: skip


def test_images_in_files_of_their_own_are_the_images_of_those_files(tmp_path):
    both = image("a", [("A_0.ome.tif", 0, 0, 0, 0, 0)], nm=10)
    both += image("b", [("A_1.ome.tif", 1, 0, 0, 0, 0)], nm=50)
    write(tmp_path / "A_0.ome.tif", [1], both, 0)
    write(tmp_path / "A_1.ome.tif", [2], both, 1)
    assert len(find_files([tmp_path])) == 2
    assert values(tmp_path / "A_1.ome.tif") == [2]
    assert open_stack(tmp_path / "A_1.ome.tif").pixel_size.x_nm == 50
    (tmp_path / "A_0.ome.tif").unlink()
    assert values(tmp_path / "A_1.ome.tif") == [2]
    assert open_stack(tmp_path / "A_1.ome.tif").pixel_size.x_nm == 50
    assert "A_0.ome.tif is missing, so the image a is left out" in notices(tmp_path / "A_1.ome.tif")


def test_a_missing_file_is_told_and_the_others_are_read(tmp_path):
    stack_of(tmp_path)
    (tmp_path / "B_z2.ome.tif").unlink()
    path = tmp_path / "B_z0.ome.tif"
    assert values(path) == [10, 11, 13]
    assert open_stack(path).pixel_size.z_nm is None
    assert "has 3 of the 4 planes that its OME-XML speaks of (B_z2.ome.tif is missing)" in notices(
        path
    )


def test_a_file_of_that_name_from_another_recording_is_none_of_the_set(tmp_path):
    stack_of(tmp_path)
    write(tmp_path / "B_z1.ome.tif", [99], image("o", []), 77)
    assert values(tmp_path / "B_z0.ome.tif") == [10, 12, 13]
    assert "B_z1.ome.tif is of another recording" in notices(tmp_path / "B_z0.ome.tif")


def test_renamed_files_are_known_by_their_uuid(tmp_path):
    stack_of(tmp_path)
    for at, new in enumerate("dbca"):
        (tmp_path / f"B_z{at}.ome.tif").rename(tmp_path / f"{new}.ome.tif")
    assert find_files([tmp_path]) == [tmp_path / "d.ome.tif"]
    assert values(tmp_path / "a.ome.tif") == [10, 11, 12, 13]


def test_exchanged_names_do_not_exchange_planes(tmp_path):
    stack_of(tmp_path)
    (tmp_path / "B_z0.ome.tif").rename(tmp_path / "x")
    (tmp_path / "B_z1.ome.tif").rename(tmp_path / "B_z0.ome.tif")
    (tmp_path / "x").rename(tmp_path / "B_z1.ome.tif")
    assert values(tmp_path / "B_z0.ome.tif") == [10, 11, 12, 13]


@pytest.mark.parametrize("same", [{"own"}, {"own", "stated"}])
def test_names_tell_files_apart_where_all_have_one_uuid(tmp_path, same):
    """Some programs copy the same XML, root and all, into every file."""
    numbers = [0] * 3 if "stated" in same else range(3)
    blocks = [(f"{at}.ome.tif", number, 0, at, 0, 0) for at, number in enumerate(numbers)]
    for at in range(3):
        write(tmp_path / f"{at}.ome.tif", [10 + at], image("s", blocks, z=3), 0)
    for at in range(3):
        assert values(tmp_path / f"{at}.ome.tif") == [10, 11, 12]


def test_a_renamed_file_does_not_show_the_pixels_of_another(tmp_path):
    """Without a UUID of its own, and with the old name given to another picture."""
    write(tmp_path / "new.ome.tif", [1], image("a", [("old.ome.tif", 0, 0, 0, 0, 0)]))
    write(tmp_path / "old.ome.tif", [2], image("b", [("old.ome.tif", 5, 0, 0, 0, 0)]), 5)
    assert values(tmp_path / "new.ome.tif") == [1]
    assert len(find_files([tmp_path])) == 2


def test_xml_about_other_files_alone_is_not_about_this_one(tmp_path):
    blocks = [("x.ome.tif", 0, 0, 0, 0, 0), ("y.ome.tif", 1, 0, 1, 0, 0)]
    for at, name in enumerate(("x.ome.tif", "y.ome.tif", "copy.ome.tif")):
        write(tmp_path / name, [at], image("s", blocks, z=2), None)
    assert values(tmp_path / "copy.ome.tif") == [2]
    assert open_stack(tmp_path / "copy.ome.tif").pixel_size is None
    assert "not about itself" in notices(tmp_path / "copy.ome.tif")


def test_pages_lie_where_the_xml_says(tmp_path):
    """Two files with an overview before their planes, channels in reverse order."""
    blocks = [("a.ome.tif", 0, 2, 0, 0, 0), ("a.ome.tif", 0, 1, 0, 1, 0),
              ("b.ome.tif", 1, 2, 1, 0, 0), ("b.ome.tif", 1, 1, 1, 1, 0)]  # fmt: skip
    write(tmp_path / "a.ome.tif", [9, 1, 2], image("s", blocks, z=2, c=2), 0)
    write(tmp_path / "b.ome.tif", [9, 3, 4], image("s", blocks, z=2, c=2), 1)
    for name in ("a.ome.tif", "b.ome.tif"):
        stack = open_stack(tmp_path / name)
        assert [each.pixels[:, 0, 0].tolist() for each in stack] == [[2, 1], [4, 3]]


def test_the_images_of_one_file_have_pages_and_sizes_of_their_own(tmp_path):
    """The first image has no plane: its size is not that of the second."""
    xml = image("none", [("gone.ome.tif", 7, 0, 0, 0, 0)], nm=10)
    xml += image("here", [("a.ome.tif", 0, 1, 0, 0, 0)], nm=50)
    write(tmp_path / "a.ome.tif", [1, 2], xml, 0)
    assert values(tmp_path / "a.ome.tif") == [2]
    assert open_stack(tmp_path / "a.ome.tif").pixel_size.x_nm == 50


def test_images_that_name_no_page_follow_each_other(tmp_path):
    xml = image("one", [], z=2) + image("two", [], z=1, nm=20)
    write(tmp_path / "a.ome.tif", [1, 2, 3], xml)
    contents = look_into(tmp_path / "a.ome.tif")
    assert [each.pixel_size.x_nm for each in contents.signals] == [10, 20]
    assert values(tmp_path / "a.ome.tif") == [1, 2]


def test_pages_of_which_the_xml_does_not_speak_are_told(tmp_path):
    write(tmp_path / "a.ome.tif", [1, 2, 3, 4], image("s", [], z=2))
    assert values(tmp_path / "a.ome.tif") == [1, 2]
    assert "has 2 more page(s) of which its OME-XML does not speak" in notices(
        tmp_path / "a.ome.tif"
    )


@pytest.mark.parametrize(
    ("old", "new", "found", "nm", "said"),
    [
        ("<TiffData/>", "", [1, 2], 10, ""),
        ("<TiffData/>", '<TiffData IFD="5" PlaneCount="2"/>', [1, 2], None, "describes no image"),
        ("<TiffData/>", '<TiffData IFD="0"/><TiffData IFD="0" FirstZ="1"/>', [1], 10, "has 1 of"),
        ("<TiffData/>", '<TiffData IFD="1" FirstZ="7"/><TiffData IFD="0"/>', [1], 10,
         "it does not say where the others are"),
        ("<TiffData/>", '<TiffData IFD="-1"/><TiffData IFD="0"/>', [1], 10, "has 1 of the 2"),
        ('SamplesPerPixel="1"', 'SamplesPerPixel="0"', [1, 2], 10, ""),
        ('SizeZ="2"', 'SizeZ="x"', [1, 2], None, "describes no image that can be understood"),
        ("XYZCT", "XYZ", [1, 2], None, "describes no image that can be understood"),
    ],
)  # fmt: skip
def test_xml_that_is_wrong_is_told(tmp_path, old, new, found, nm, said):
    xml = (
        image("s", [], z=2)
        .replace(old, new)
        .replace(old.replace("<", "</").strip() + ">", "</Nothing>")
    )
    write(tmp_path / "a.ome.tif", [1, 2], xml)
    assert values(tmp_path / "a.ome.tif") == found
    size = open_stack(tmp_path / "a.ome.tif").pixel_size
    assert (size and size.x_nm) == nm
    assert said in notices(tmp_path / "a.ome.tif")


@pytest.mark.parametrize("content", [b"rubbish", None])
def test_a_damaged_file_of_a_set_is_told(tmp_path, content):
    stack_of(tmp_path)
    path = tmp_path / "B_z1.ome.tif"
    path.write_bytes(content or path.read_bytes()[:-10])
    assert values(tmp_path / "B_z0.ome.tif") == [10, 12, 13]
    assert "(B_z1.ome.tif is cut short or damaged)" in notices(tmp_path / "B_z0.ome.tif")


@pytest.mark.parametrize("name", ["n" * 300, "..", ".", "a/", "C:\\", "x\t"])
def test_names_that_no_file_has_are_missing(tmp_path, name):
    blocks = [("a.ome.tif", 0, 0, 0, 0, 0), (name, 1, 0, 1, 0, 0)]
    write(tmp_path / "a.ome.tif", [1], image("s", blocks, z=2), 0)
    assert [path.name for path in find_files([tmp_path])] == ["a.ome.tif"]
    assert values(tmp_path / "a.ome.tif") == [1]


def test_names_may_differ_in_case(tmp_path):
    blocks = [(f"K{at}.OME.TIF", at, 0, at, 0, 0) for at in range(2)]
    for at in range(2):
        write(tmp_path / f"k{at}.ome.tif", [at], image("s", blocks, z=2))
    assert find_files([tmp_path]) == [tmp_path / "k0.ome.tif"]
    assert values(tmp_path / "k1.ome.tif") == [0, 1]


@pytest.mark.parametrize(("nm", "size"), [(20, None), (10, 10)])
def test_images_that_claim_the_same_page_are_one(tmp_path, nm, size):
    """As where the images of a file were saved one by one with what is said about all."""
    xml = "".join(image(f"im{at}", [], nm=each) for at, each in enumerate((10, nm, 10)))
    write(tmp_path / "a.ome.tif", [1], xml)
    (signal,) = look_into(tmp_path / "a.ome.tif").signals
    assert (signal.pixel_size and signal.pixel_size.x_nm) == size
    assert notices(tmp_path / "a.ome.tif").count("lie in the same pages") == 1


@pytest.mark.parametrize(
    ("pages", "kept", "shape"), [(3, [0, 1, 2], (3,)), (4, [0, 1, 2, 3], (2, 2)), (0, [], ())]
)
def test_a_stopped_recording_gives_the_planes_that_are_there(tmp_path, pages, kept, shape):
    """Of 3 times and 2 depths."""
    write(tmp_path / "a.ome.tif", range(pages or 1), image("s", [], z=2, t=3))
    if not pages:
        tmp = (tmp_path / "a.ome.tif").read_bytes()
        (tmp_path / "a.ome.tif").write_bytes(tmp[:-20])
        with pytest.raises(ContentError, match="is cut short"):
            open_stack(tmp_path / "a.ome.tif")
        return
    assert values(tmp_path / "a.ome.tif") == kept
    (signal,) = look_into(tmp_path / "a.ome.tif").signals
    assert signal.shape[:-2] == shape
    assert f"has {pages} of the 6 planes" in notices(tmp_path / "a.ome.tif")


def test_a_plane_that_lacks_a_channel_is_left_out(tmp_path):
    write(tmp_path / "a.ome.tif", range(5), image("s", [], c=2, t=3))
    stack = open_stack(tmp_path / "a.ome.tif")
    assert [each.pixels[:, 0, 0].tolist() for each in stack] == [[0, 1], [2, 3]]
    assert "1 more lack a channel" in notices(tmp_path / "a.ome.tif")


def test_a_file_whose_last_page_was_not_written_gives_the_pages_before_it(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as writer:
        for value in range(3):
            writer.write(
                np.full((60, 90), value, np.uint8),
                description=f"{HEAD}>{image('s', [], z=3, size=(60, 90))}</OME>",
                metadata=None,
                contiguous=False,
            )
    (tmp_path / "a.ome.tif").write_bytes((tmp_path / "a.ome.tif").read_bytes()[:-100])
    assert values(tmp_path / "a.ome.tif") == [0, 1]
    assert "has 2 of the 3 planes" in notices(tmp_path / "a.ome.tif")


def test_xml_that_ends_in_the_middle_is_read_as_far_as_it_goes(tmp_path):
    text = f"{HEAD}>{image('s', [('a.ome.tif', 0, 0, 0, 0, 0)], z=2)}"
    pages = np.stack([np.full((6, 9), value, np.uint8) for value in (4, 5)])
    tifffile.imwrite(
        tmp_path / "a.ome.tif", pages, description=text[: text.index("<TiffData") + 20],
        metadata=None, photometric="minisblack",
    )  # fmt: skip
    assert values(tmp_path / "a.ome.tif") == [4, 5]
    assert open_stack(tmp_path / "a.ome.tif").pixel_size.x_nm == 10
    assert "ends in the middle" in notices(tmp_path / "a.ome.tif")


def companion(folder, name="set.companion.ome"):
    blocks = [(f"p{at}.ome.tif", at, 0, at, 0, 0) for at in range(2)]
    text = f'{HEAD} UUID="{uuid(9)}">{image("s", blocks, z=2)}</OME>'
    (folder / name).write_text(text, encoding="utf-8")
    only = f'<BinaryOnly MetadataFile="set.companion.ome" UUID="{uuid(9)}"/>'
    for at in range(2):
        write(folder / f"p{at}.ome.tif", [at], only, at)


@pytest.mark.parametrize("name", ["set.companion.ome", "other.companion.ome"])
@pytest.mark.parametrize("named", ["", "p1.ome.tif", "*.companion.ome"])
def test_a_companion_beside_the_file_is_read(tmp_path, name, named):
    companion(tmp_path, name)
    (path,) = find_files([tmp_path / named])
    assert path.name == "p0.ome.tif"
    assert values(path) == [0, 1]
    assert open_stack(path).pixel_size.z_nm == 40


def test_a_missing_companion_is_told(tmp_path):
    companion(tmp_path)
    (tmp_path / "set.companion.ome").unlink()
    assert open_stack(tmp_path / "p1.ome.tif").pixel_size is None
    assert values(tmp_path / "p1.ome.tif") == [1]
    assert "metadata in set.companion.ome, which is not beside it" in notices(
        tmp_path / "p1.ome.tif"
    )


def test_a_companion_alone_names_what_is_missing(tmp_path):
    companion(tmp_path)
    for at in range(2):
        (tmp_path / f"p{at}.ome.tif").unlink()
    with pytest.raises(ContentError, match=r"set\.companion\.ome .* p0\.ome\.tif"):
        open_stack(tmp_path / "set.companion.ome")


def test_folders_in_the_names_of_files_are_not_followed(tmp_path):
    (tmp_path / "set").mkdir()
    write(tmp_path / "secret.ome.tif", [7], image("x", []), 1)
    blocks = [("a.ome.tif", 0, 0, 0, 0, 0), ("../secret.ome.tif", 1, 0, 1, 0, 0)]
    write(tmp_path / "set" / "a.ome.tif", [1], image("s", blocks, z=2), 0)
    assert values(tmp_path / "set" / "a.ome.tif") == [1]


def test_a_page_of_another_size_in_a_sibling_is_refused(tmp_path):
    blocks = [(f"{at}.ome.tif", at, 0, at, 0, 0) for at in range(2)]
    write(tmp_path / "0.ome.tif", [1], image("s", blocks, z=2), 0)
    write(tmp_path / "1.ome.tif", [2], image("s", blocks, z=2), 1, size=(3, 9))
    with pytest.raises(ContentError, match=r"1\.ome\.tif: its page 0 has 3 x 9 pixels"):
        open_stack(tmp_path / "0.ome.tif")[1]


def test_micro_manager_stacks_of_several_positions_are_a_stack_each(tmp_path):
    """Each file holds a position; tifffile would put all files of the prefix together."""
    names = [f"m_MMStack_Pos{at}.ome.tif" for at in range(2)]
    xml = "".join(
        image(f"Pos{at}", [(name, at, page, page, 0, 0) for page in range(2)], z=2)
        for at, name in enumerate(names)
    )
    for at, name in enumerate(names):
        write(tmp_path / name, [at * 10, at * 10 + 1], xml, at)
    assert [path.name for path in find_files([tmp_path])] == names
    assert values(tmp_path / names[1]) == [10, 11]


def ndtiff(folder):
    """Two files of two planes, as Micro-Manager writes them, and their index."""
    index = b""
    for file in range(2):
        name = "s_NDTiffStack.tif" if not file else f"s_NDTiffStack_{file}.tif"
        pages = np.stack([np.full((6, 9), file * 2 + at, np.uint8) for at in range(2)])
        summary = b'{"Prefix": "s"}'
        head = (
            struct.pack("<2sHIIIIII", b"II", 42, 0, 483729, 3, 0, 2355492, len(summary)) + summary
        )
        data, offsets, start = b"", [], len(head)
        for at in range(2):
            offsets.append(start + len(data))
            data += pages[at].tobytes()
        tags = [(256, 3, 9), (257, 3, 6), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 0),
                (277, 3, 1), (278, 3, 6), (279, 4, 54)]  # fmt: skip
        start += len(data)
        ifds = b""
        for at in range(2):
            following = 0 if at else start + 2 + 12 * (len(tags) + 1) + 4
            about = struct.pack("<HHII", 51123, 2, len(summary), 28)
            fields = (
                struct.pack("<HHII", tag, kind, 1, offsets[at] if tag == 273 else value)
                for tag, kind, value in tags
            )
            ifds += (
                struct.pack("<H", len(tags) + 1)
                + b"".join(fields)
                + about
                + struct.pack("<I", following)
            )
            axes = json.dumps({"z": file * 2 + at}).encode()
            index += struct.pack("<I", len(axes)) + axes
            index += struct.pack("<I", len(name)) + name.encode()
            index += struct.pack("<IiiiiIii", offsets[at], 9, 6, 0, 0, 0, 0, 0)
        head = head[:4] + struct.pack("<I", start) + head[8:]
        (folder / name).write_bytes(head + data + ifds)
    (folder / "NDTiff.index").write_bytes(index)


def test_an_ome_tiff_without_its_xml_is_told(tmp_path):
    """As where the XML was to be written last."""
    pages = np.stack([np.full((6, 9), value, np.uint8) for value in (4, 5)])
    tifffile.imwrite(tmp_path / "a.tif", pages, metadata=None, photometric="minisblack")
    assert not notices(tmp_path / "a.tif")
    (tmp_path / "a.tif").rename(tmp_path / "a.ome.tif")
    assert values(tmp_path / "a.ome.tif") == [4, 5]
    assert "has no OME-XML, as a recording that was stopped" in notices(tmp_path / "a.ome.tif")


@pytest.mark.parametrize("is_micro_manager", [True, False])
def test_a_stopped_recording_of_micro_manager_gives_its_pages(tmp_path, is_micro_manager):
    """The last page names a next one that was never written."""
    path = tmp_path / "a_MMStack.tif"
    tags = [(51123, "s", 0, '{"Camera": "x"}', True)] if is_micro_manager else []
    with tifffile.TiffWriter(path) as writer:
        for value in range(3):
            writer.write(np.full((60, 90), value, np.uint8), extratags=tags, metadata=None)
    with tifffile.TiffFile(path) as tiff:
        end = tiff.pages[2].offset
    path.write_bytes(path.read_bytes()[:end])
    if is_micro_manager:
        assert values(path) == [0, 1]
        assert "its 2 page(s) are read in the order of the file" in notices(path)
    else:
        with pytest.raises(ContentError, match="is cut short"):
            open_stack(path)


def test_the_files_of_an_ndtiff_are_one_stack(tmp_path):
    ndtiff(tmp_path)
    (path,) = find_files([tmp_path / "s_NDTiffStack_1.tif"])
    assert find_files([tmp_path]) == [path]
    assert path.name == "s_NDTiffStack.tif"
    assert values(path) == [0, 1, 2, 3]
    assert values(tmp_path / "s_NDTiffStack_1.tif") == [0, 1, 2, 3]


def test_a_file_that_the_index_of_ndtiff_does_not_name_is_itself(tmp_path):
    ndtiff(tmp_path)
    (tmp_path / "s_NDTiffStack_1.tif").rename(tmp_path / "mine.tif")
    assert values(tmp_path / "mine.tif") == [2, 3]


def test_one_notice_a_file(tmp_path, caplog):
    stack_of(tmp_path)
    (tmp_path / "B_z3.ome.tif").unlink()
    with caplog.at_level(logging.WARNING):
        list_planes([tmp_path])
    assert len(caplog.messages) == 2
    assert all(str(tmp_path / "B_z0.ome.tif") in each for each in caplog.messages)
