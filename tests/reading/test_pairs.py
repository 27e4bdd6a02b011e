"""Which mask belongs to which image."""

import numpy as np
import pytest
import tifffile

from emseg.errors import MismatchError
from emseg.reading import list_planes, match_pairs


@pytest.fixture
def write(tmp_path):
    def write_files(folder, **planes):
        """Write one file for each name; a double underscore stands for a dash."""
        (tmp_path / folder).mkdir(exist_ok=True)
        paths = [tmp_path / folder / name.replace("__", "-") for name in planes]
        for path, count in zip(paths, planes.values(), strict=True):
            pixels = np.zeros((count, 8, 9), np.uint8)
            tifffile.imwrite(path.with_suffix(".tif"), pixels, photometric="minisblack")
        return [path.with_suffix(".tif") for path in paths]

    return write_files


def matched(images, masks, **said):
    found = match_pairs(list_planes(images), list_planes(masks), **said)
    return [(pair.image.title, pair.mask.title) for pair in found.pairs], found


def test_equal_names_match_and_leftovers_are_told(write):
    pairs, found = matched(write("i", a=1, b=1, c=1), write("m", b=1, a=1, d=1))
    assert pairs == [("a", "a"), ("b", "b")]
    assert (found.images_alone, found.masks_alone) == (("c.tif",), ("d.tif",))


def test_one_name_in_several_folders_is_matched_by_the_folders_that_tell_them_apart(write):
    for folder in ("mon", "tue", "wed", "x", "y"):
        write(folder)
    images = [*write("mon/i", a=1, b=1), *write("tue/i", a=1)]
    masks = [*write("tue/m", a=1), *write("wed/m", a=1), *write("mon/m", a=1, b=1)]
    _, found = matched(images, masks)
    sides = [(pair.image.stack.path, pair.mask.stack.path) for pair in found.pairs]
    days = [tuple(path.parts[-3] for path in side) for side in sides]
    assert days == [("mon", "mon"), ("mon", "mon"), ("tue", "tue")]
    assert found.masks_alone == ("a.tif",)
    with pytest.raises(MismatchError, match="two images are called 'a'"):
        matched([*write("x", a=1), *write("y", a=1)], masks)


@pytest.mark.parametrize(
    "mask",
    ["{}_mask", "{}__mask", "{}_masks", "{}_label", "{}_LABELS", "{}_seg", "{}_Segmentation",
     "{}_gt", "{}_groundtruth", "{}_ground_truth", "{}_annotation", "mask_{}", "label_{}"],
)  # fmt: skip
@pytest.mark.parametrize("image", ["{}", "{}_image", "{}_img", "{}_raw", "img_{}"])
def test_affixes_that_people_use(write, image, mask):
    images = write("i", **{image.format("Grain_1"): 1, image.format("Grain_2"): 1})
    masks = write("m", **{mask.format("grain_2"): 1, mask.format("grain_1"): 1})
    pairs, found = matched(images, masks)
    assert [left[-7:].count("1") for left, _ in pairs] == [1, 0]
    assert all(("1" in left) == ("1" in right) for left, right in pairs)
    assert len(pairs) == 2
    assert found.images_alone == found.masks_alone == ()


def test_an_exact_name_goes_before_a_stripped_one(write):
    pairs, found = matched(write("i", a=1, a_raw=1), write("m", a_raw=1, a_mask=1))
    assert pairs == [("a", "a_mask"), ("a_raw", "a_raw")]
    assert found.masks_alone == ()


def test_stacks_match_plane_by_plane(write):
    pairs, _ = matched(write("i", v=3, w=1), write("m", w=1, v_labels=3))
    assert pairs == [*((f"v[{n}]", f"v_labels[{n}]") for n in range(3)), ("w", "w")]


def test_one_file_on_each_side_matches_whatever_the_names(write):
    pairs, _ = matched(write("i", volume=2), write("m", truth=2))
    assert pairs == [("volume[0]", "truth[0]"), ("volume[1]", "truth[1]")]


def test_masks_in_the_folder_of_their_images(write):
    write("all", a=1, a_mask=1, b=1, b_mask=1)
    folder = write("all", a=1)[0].parent
    pairs, found = matched([folder], [f"{folder}/*_mask.tif"])
    assert pairs == [("a", "a_mask"), ("b", "b_mask")]
    assert found.images_alone == ()


def test_numbers_of_planes_must_agree(write):
    with pytest.raises(MismatchError, match=r"v\.tif has 3 planes and its mask .*v\.tif has 2"):
        matched(write("i", v=3), write("m", v=2))


def test_a_name_that_fits_two_files(write):
    with pytest.raises(MismatchError, match="two masks are called 'a'"):
        matched(write("i", a=1, b=1), write("m", a_mask=1, mask_a=1))


def test_nothing_matches(write):
    with pytest.raises(MismatchError, match=r"images are a\.tif, b\.tif, the masks c\.tif, d\.tif"):
        matched(write("i", a=1, b=1), write("m", c=1, d=1))


def test_the_same_files_twice(write):
    images = write("i", a=1, b=1)
    with pytest.raises(MismatchError, match="are the same files"):
        matched(images, images)


@pytest.mark.parametrize("ending", ["_cp_masks", "__cp__masks", "_pred", "_prediction", "_Seg"])
@pytest.mark.parametrize("side", [0, 1])
def test_endings_of_label_images_of_other_programs_on_either_side(write, ending, side):
    sides = [write("i", g1=1, g2=1), write("m", **{f"G2{ending}": 1, f"G1{ending}": 1})]
    pairs, found = matched(*(sides if side else reversed(sides)))
    assert [{left[:2].lower(), right[:2].lower()} for left, right in pairs] == [{"g1"}, {"g2"}]
    assert found.images_alone == found.masks_alone == ()


def test_an_ending_of_a_program_goes_after_that_of_a_mask(write):
    pairs, found = matched(write("i", a=1, b=1), write("m", a_pred=1, a_mask=1, b=1))
    assert pairs == [("a", "a_mask"), ("b", "b")]
    assert found.masks_alone == ("a_pred.tif",)


def test_endings_of_two_programs_for_one_image_are_refused(write):
    with pytest.raises(MismatchError, match="two predictions are called 'a'"):
        matched(
            write("i", a_pred=1, a_cp_masks=1), write("m", a=1, b=1), kinds=("prediction", "mask")
        )


def test_images_of_nnunet_lie_beside_labels_without_their_channel(write):
    labels = write("m", a=1, b_pred=1)
    pairs, _ = matched(write("i", a_0000=1, b_0000=1), labels)
    assert pairs == [("a_0000", "a"), ("b_0000", "b_pred")]
    kinds = ("prediction", "micrograph")
    assert matched(labels, write("i", a_0000=1), kinds=kinds)[0] == [("a", "a_0000")]


def test_numbers_of_a_series_are_no_channels(write):
    frames = write("i", a_0000=1, a_0001=1, b_0000=1)
    pairs, found = matched(frames, write("m", a=1, b=1, b_0000=1))
    assert pairs == [("b_0000", "b_0000")]
    assert found.masks_alone == ("a.tif", "b.tif")
    numbered = write("n", a_0000_cp_masks=1, a_0001_cp_masks=1, b_0000_cp_masks=1)
    assert len(matched(frames, numbered)[0]) == 3


def test_masks_keep_the_number_that_images_may_leave_out(write):
    pairs, found = matched(write("i", a=1, b=1), write("m", a_0000=1, b=1))
    assert pairs == [("b", "b")]
    assert found.masks_alone == ("a_0000.tif",)


def test_what_does_not_match_is_called_what_it_is(write):
    sides = write("i", a=1, b=1), write("m", c=1, d=1)
    said = r"no prediction has a mask .* the predictions are a\.tif, b\.tif, the masks c\.tif"
    with pytest.raises(MismatchError, match=said) as refused:
        matched(*sides, kinds=("prediction", "mask"))
    assert "image" not in str(refused.value)


@pytest.mark.parametrize(
    "mask",
    [
        "Mask of {}", "Count Masks of {}", "{}_Simple Segmentation", "{}_Probabilities",
        "{}_Object Predictions", "{}_labelled", "{}_labeled", "{}_segmented", "{}_pred_mask",
        "{}-labels", "{}_gt", "{} mask", "{}.tif_mask", "{}_mask_gt", "{}_predicted", "{}_lbl",
        "{}_truth", "{}.seg", "Mask of {}.tif",
    ],
)  # fmt: skip
def test_names_of_more_programs_and_habits(write, caplog, mask):
    images = write("i", im1=1, im2=1, im10=1)
    masks = [images[0].with_name(f"{mask.format(f'im{n}')}.tif") for n in (10, 2, 1)]
    for path in masks:
        tifffile.imwrite(path, np.zeros((8, 9), np.uint8))
    for sides in ((images, masks), (masks, images)):
        pairs, found = matched(*sides)
        assert len(pairs) == 3
        numbers = [{digits(title.replace(".tif", "")) for title in pair} for pair in pairs]
        assert all(len(each) == 1 for each in numbers)
        assert found.images_alone == found.masks_alone == ()
    assert not caplog.messages


def digits(title):
    return "".join(each for each in title if each.isdigit())


@pytest.mark.parametrize("mask", ["mask{}", "{}mask", "label{}", "gt{}"])
def test_words_that_touch_a_number(write, mask):
    pairs, _ = matched(
        write("i", img001=1, img002=1), write("m", **{mask.format(f"00{n}"): 1 for n in (1, 2)})
    )
    assert [digits(left) == digits(right) for left, right in pairs] == [True, True]


def test_a_name_that_begins_one_mask_is_its_image_with_a_notice(write, caplog):
    images = write("i", **{f"sub__0{n}_SEM": 1 for n in (1, 2)})
    masks = write("m", **{f"sub__0{n}_SEM_seg__axonmyelin__manual": 1 for n in (1, 2)})
    for sides in ((images, masks), (masks, images)):
        caplog.clear()
        pairs, _ = matched(*sides)
        assert [left[:6] == right[:6] for left, right in pairs] == [True, True]
        (notice,) = caplog.messages
        assert "whose name it shares in part, and 1 more pair likewise; rename them" in notice


@pytest.mark.parametrize(
    "mask", ["{}_binary", "C1__{}", "2024__{}", "Mask of {} copy", "{}__data_Simple Segmentation"]
)
def test_names_that_are_part_of_one_other(write, mask):
    pairs, found = matched(
        write("i", im1=1, im2=1), write("m", **{mask.format(f"im{n}"): 1 for n in (1, 2)})
    )
    assert [(left, left in right) for left, right in pairs] == [("im1", True), ("im2", True)]
    assert found.images_alone == found.masks_alone == ()


def test_a_name_that_begins_several_masks_is_refused_with_the_way_out(write):
    images = write("i", a_SEM=1, b_SEM=1)
    masks = write("m", a_SEM_seg__axon=1, a_SEM_seg__myelin=1, b_SEM=1)
    with pytest.raises(
        MismatchError, match=r"2 masks begin or end with the name of a_SEM\.tif: .*axon\.tif'$"
    ):
        matched(images, masks)


@pytest.mark.parametrize(
    ("image", "mask"),
    [("s1", "s10_x"), ("s1", "s1_2_x"), ("s1", "s12"), ("1", "x_21"), ("1", "x2_1"), ("a", "ab")],
)
def test_a_number_is_never_cut(write, image, mask):
    with pytest.raises(MismatchError, match="no image has a mask of its name"):
        matched(write("i", **{image: 1, "other": 1}), write("m", **{mask: 1, "more": 1}))


def test_the_longest_name_has_the_mask(write):
    pairs, found = matched(
        write("i", s1=1, s1_b=1, s10=1), write("m", s1_b_by__hand=1, s10_by__hand=1)
    )
    assert pairs == [("s1_b", "s1_b_by-hand"), ("s10", "s10_by-hand")]
    assert found.images_alone == ("s1.tif",)


def test_an_exact_name_goes_before_a_beginning(write):
    pairs, found = matched(write("i", a=1, b=1), write("m", a=1, a_old=1, b=1))
    assert pairs == [("a", "a"), ("b", "b")]
    assert found.masks_alone == ("a_old.tif",)


@pytest.mark.parametrize("side", [0, 1])
def test_a_stack_and_the_files_of_its_planes_pair_in_order(write, caplog, side):
    sides = [write("i", cells=3), write("m", **{f"z{n}": 1 for n in (2, 10, 1)})]
    pairs, _ = matched(*(sides if side else reversed(sides)))
    expected = [("cells[0]", "z1"), ("cells[1]", "z2"), ("cells[2]", "z10")]
    assert [pair if side else pair[::-1] for pair in pairs] == expected
    kind = "mask" if side else "image"
    (notice,) = caplog.messages
    assert notice == (
        f"the 3 planes of cells.tif are paired with the {kind}s z1.tif to z10.tif in their order"
    )


@pytest.mark.parametrize("names", ["z{}", "cells_{}", "cells_mask_{}"])
def test_a_stack_with_more_planes_than_files_is_refused_with_both_numbers(write, names):
    masks = write("m", **{names.format(n): 1 for n in (1, 2)})
    with pytest.raises(
        MismatchError, match=r"cells\.tif has 3 planes, and there are 2 masks of one plane each"
    ):
        matched(write("i", cells=3), masks)
