"""What the values of a set of masks are taken for, over all of them."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emseg.errors import LabelError
from emseg.labels import Said, judge, judge_layer, tell_left_out, to_label_image
from emseg.micrograph import Micrograph

SIDE = 128
Y, X = np.mgrid[:SIDE, :SIDE]
TWO = {0: "background", 1: "foreground"}


def mask(plane, name="s0.png"):
    plane = np.asarray(plane)
    return Micrograph(plane[None] if plane.ndim == 2 else plane, Path(name).stem, Path(name))


def discs(*values, dtype=np.uint8, shift=0, radius=13):
    """Draw nine discs of these values in turn, each value in several pieces, on 0."""
    plane = np.zeros((SIDE, SIDE), dtype)
    for number in range(9):
        y, x = 20 + 40 * (number // 3), 20 + shift + 40 * (number % 3)
        plane[np.hypot(Y - y, X - x) < radius] = values[number % len(values)]
    return plane


def cells(count, dtype=np.uint16, first=1):
    """Draw squares of 7 pixels a side that do not touch, numbered one after the other."""
    plane = np.zeros((SIDE, SIDE), dtype)
    for number in range(count):
        y, x = divmod(number, 12)
        plane[10 * y + 1 : 10 * y + 8, 10 * x + 1 : 10 * x + 8] = first + number
    return plane


def through_jpeg(plane, quality):
    with io.BytesIO() as file:
        Image.fromarray(plane).save(file, "JPEG", quality=quality)
        return np.asarray(Image.open(file))


def smaller(plane):
    return np.asarray(Image.fromarray(plane).resize((50, 50), Image.Resampling.BILINEAR))


def meaning(*planes, suffix=".png", **said):
    """Judge masks; give the class of each value, the unlabelled one, and the masks as read."""
    masks = [mask(plane, f"s{number}{suffix}") for number, plane in enumerate(planes)]
    judgement = judge(masks, Said(**said))
    classes, unlabelled = judgement.classes("say --masks object=masks")
    read = [judgement.read(each).pixels[0] for each in masks]
    return {value: each.name for each in classes for value in each.values}, unlabelled, read


def test_plain_masks_are_read_as_they_are_without_a_word(caplog):
    drawn = discs(1, 2)
    values, unlabelled, (read, _) = meaning(drawn, discs(2, 1, 1))
    assert values == {0: "class_0", 1: "class_1", 2: "class_2"}
    assert unlabelled is None
    np.testing.assert_array_equal(read, drawn)
    assert not caplog.messages


@pytest.mark.parametrize("quality", [95, 85])
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_two_classes_through_jpeg_are_the_nearer_of_two(quality, suffix, caplog):
    drawn = discs(255)
    stored = through_jpeg(drawn, quality)
    assert len(np.unique(stored)) > 5
    values, _, (read,) = meaning(stored, suffix=suffix)
    assert values == {0: "background", 255: "foreground"}
    np.testing.assert_array_equal(read, drawn)
    assert "each pixel is taken as the nearer of 0 and 255 (" in caplog.text


def test_smooth_edges_of_two_classes_are_cut_in_the_middle(caplog):
    stored = smaller(discs(255))
    values, _, (read,) = meaning(stored)
    assert values == {0: "background", 255: "foreground"}
    np.testing.assert_array_equal(read == 255, stored >= 128)
    assert f"the masks hold {len(np.unique(stored))} values in place of two, in s0.png" in (
        caplog.text
    )


@pytest.mark.parametrize(
    ("stored", "suffix"),
    [
        (through_jpeg(discs(128, 255), 95), ".png"),
        (through_jpeg(discs(1, 2), 95), ".jpg"),
        (smaller(discs(128, 255)), ".tif"),
        (np.stack([through_jpeg(discs(255), 100), *2 * [discs(255)]]), ".png"),
    ],
    ids=["JPEG", "JPEG of small numbers", "smooth edges", "colours"],
)
def test_blurred_masks_of_several_classes_are_refused(stored, suffix):
    with pytest.raises(LabelError, match=r"save masks as PNG.*one value a class|colour") as refused:
        meaning(stored, suffix=suffix)
    assert "s0" in str(refused.value)


def test_few_colours_that_smooth_edges_made_are_refused():
    drawn = np.zeros((40, 40, 3), np.uint8)
    drawn[10:30, 10:30] = 200, 0, 0
    drawn[9, 10:30] = 100, 0, 0
    drawn[30, 10:30] = 50, 0, 0
    with pytest.raises(LabelError, match=r"4 values \(#000000: .*most of them at the edges"):
        meaning(drawn.transpose(2, 0, 1))


@pytest.mark.parametrize("values", [(128, 255), (10, 20, 30, 40), (1, 2, 255)])
def test_lines_one_pixel_wide_are_classes(values):
    drawn = discs(*values)
    drawn[5::40] = values[0]
    drawn[:, 5::40] = values[-1]
    kept = {value for value in (0, *values) if value != 255 or len(values) == 2}
    assert set(meaning(drawn)[0]) == kept


def test_masks_of_one_and_of_255_show_the_same_class(caplog):
    drawn = [discs(255), discs(1), discs(1).astype(bool), discs(65535, dtype=np.uint16)]
    values, unlabelled, read = meaning(*drawn, np.zeros((4, 4), np.uint8))
    assert (values, unlabelled) == (TWO, None)
    for each in read[:4]:
        np.testing.assert_array_equal(each, drawn[1])
    assert caplog.messages == [
        "the masks write the same class as different numbers, which are taken as one: "
        "1 in 2 of them (s1.png first), 255 in s0.png, 65535 in s3.png"
    ]


@pytest.mark.parametrize(
    ("first", "second", "labels"),
    [
        (discs(255), discs(1, 2), "0=NAME,1=NAME,2=NAME,255=NAME"),
        (discs(255), discs(1, 255), "0=NAME,1=NAME,255=NAME"),
        (np.full((8, 8), 255, np.uint8), discs(1), "0=NAME,1=NAME,255=NAME"),
    ],
)
def test_255_that_is_a_class_here_and_none_there_is_refused(first, second, labels):
    with pytest.raises(LabelError, match="255 may be a class or mean that nothing") as refused:
        meaning(first, second)
    assert f"say --labels {labels}," in str(refused.value)
    assert str(refused.value).endswith("or --unlabelled 255")
    meaning(first, second, assigned={0: "a", 1: "b", 2: "b", 255: "b"})
    assert 255 not in meaning(first, second, unlabelled=255)[0]


@pytest.mark.parametrize("none", [255, 65535])
def test_the_largest_number_beside_small_ones_is_unlabelled(none, caplog):
    drawn = discs(1, none, dtype=np.uint16)
    values, unlabelled, _ = meaning(drawn, np.full((8, 8), none, np.uint16))
    assert (values, unlabelled) == (TWO, none)
    assert f"the value {none} beside 0, 1 in the masks is taken as unlabelled" in caplog.text


def test_numbers_stretched_to_16_bits_are_those_of_the_others(caplog):
    small = discs(1, 2)
    _, _, (read, _) = meaning(small.astype(np.uint16) * 257, small)
    np.testing.assert_array_equal(read, small)
    assert "multiples of 257 in s0.png" in caplog.text


def test_grey_levels_beside_small_numbers_are_refused():
    with pytest.raises(LabelError, match=r"128, 255 in s1.png and 1, 2 in s0.png, never together"):
        meaning(discs(1, 2), discs(128, 255))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32])
@pytest.mark.parametrize("counts", [(12, 13), (100, 90)])
def test_numbered_objects_are_refused_with_what_makes_one_class_of_them(dtype, counts):
    with pytest.raises(LabelError, match=r"each in one piece: they number objects; say --masks ob"):
        meaning(*(cells(count, dtype) for count in counts))


def test_classes_as_many_as_objects_are_classes():
    assert len(meaning(discs(*range(1, 7)) + discs(*range(7, 13), shift=5) * 0)[0]) == 7
    scattered = np.arange(SIDE * SIDE).reshape(SIDE, SIDE) % 14
    assert len(meaning(scattered.astype(np.uint8))[0]) == 14


def test_numbered_objects_are_no_classes_that_fewer_names_could_name():
    with pytest.raises(LabelError, match="they number objects; say --masks"):
        meaning(cells(13), names=("background", "cell"))


def test_named_values_of_one_piece_each_are_classes():
    assert len(meaning(cells(13), names=[f"c{number}" for number in range(14)])[0]) == 14


@pytest.mark.parametrize(
    ("planes", "is_told"),
    [
        ([cells(5), cells(4)], True),
        ([cells(2), cells(3)], True),
        ([cells(3, first=7), cells(3, first=20)], True),
        ([cells(3), cells(3)], False),
        ([discs(1, 2, 3), cells(4)], False),
    ],
)
def test_few_values_of_one_piece_each_are_told(planes, is_told, caplog):
    meaning(*planes)
    assert ("where each is an object, say --masks object=masks" in caplog.text) is is_told


def test_classes_that_no_mask_shows_together_are_told(caplog):
    meaning(discs(128), discs(128), discs(255))
    assert caplog.messages == [
        "no two of the values 128, 255 are in the same mask (128 in 2 of them (s0.png first), 255 "
        "in s2.png): each is taken as a class; where they are the same class, say --labels "
        "0=background,128=foreground,255=foreground"
    ]


def strokes():
    plane = np.zeros((SIDE, SIDE), np.uint8)
    for row in (20, 60, 100):
        plane[row : row + 3, 10:50], plane[row : row + 3, 70:110] = 1, 2
    return plane


def test_a_zero_that_may_be_unpainted_is_told(caplog):
    meaning(strokes())
    (said,) = caplog.messages
    assert said.startswith("0 covers 95.6 % of the masks and is taken as a class")
    assert "say --unlabelled 0; --labels 0=background,1=class_1,2=class_2 says" in said


@pytest.mark.parametrize(
    ("drawn", "said"),
    [
        (strokes(), {"unlabelled": 0}),
        (strokes(), {"names": ("a", "b", "c")}),
        (strokes(), {"assigned": {0: "a", 1: "b", 2: "c"}}),
        (np.minimum(strokes(), 1), {}),
        (discs(1, 2), {}),
    ],
)
def test_a_zero_is_not_asked_about_where_it_is_said_or_plain(drawn, said, caplog):
    meaning(drawn, **said)
    assert not caplog.messages


def test_a_zero_that_is_left_out_is_told_where_it_covers_most(caplog):
    for drawn in (strokes(), discs(1, 2, radius=19)):
        tell_left_out(judge([mask(drawn)], Said(unlabelled=0)), "it is never learnt")
    assert caplog.messages == [
        "--unlabelled 0 leaves out 95.6 % of the pixels of the masks: it is never learnt"
    ]


def test_an_unlabelled_zero_beside_one_class_is_refused_with_the_way_out():
    with pytest.raises(LabelError, match="omit --unlabelled 0 where it is the background"):
        meaning(discs(1), unlabelled=0)


@pytest.mark.parametrize("rest", [[0], [0, 1], [0, 1, 2]])
def test_a_number_below_zero_is_refused_with_both_ways_out(rest):
    drawn = discs(-1, *rest, dtype=np.int16)
    with pytest.raises(LabelError, match=r"say --unlabelled=-1; .*--labels=-1=NAME,0=NAME"):
        meaning(drawn)
    assert judge([mask(drawn)], Said(unlabelled=-1)).found.counts.keys() == {0, *rest}


def test_many_values_without_a_name_may_be_objects():
    with pytest.raises(LabelError, match="where they number objects, say --masks object=masks"):
        meaning(cells(13), assigned={0: "background", 1: "cell"})


def test_masks_of_one_class_through_jpeg_are_cut_in_the_middle():
    drawn = discs(255)
    stored = mask(through_jpeg(drawn, 90))
    judgement = judge_layer([stored], "cell")
    np.testing.assert_array_equal(judgement.read(stored).pixels[0], drawn)


def test_colours_beside_numbers_are_refused():
    with pytest.raises(LabelError, match=r"s0.png is a colour picture .* and s1.png is grey"):
        meaning(np.stack([discs(255), *2 * [discs(0)]]), discs(255))


@pytest.mark.parametrize("second", [discs(1, 2), np.stack([discs(1, 2)] * 3)])
def test_grey_pictures_of_three_channels_hold_grey_levels(second, caplog):
    masks = [mask(np.stack([discs(1, 2)] * 3)), mask(second, "s1.png")]
    judgement = judge(masks)
    classes, _ = judgement.classes("")
    assert [each.name for each in classes] == ["class_0", "class_1", "class_2"]
    for each in masks:
        read = to_label_image(judgement.read(each), classes).pixels
        np.testing.assert_array_equal(read, discs(1, 2))
    assert ("three channels in s0.png and with one in s1.png" in caplog.text) is (second.ndim == 2)


def test_a_model_that_knows_the_values_is_believed(caplog):
    judge([mask(discs(255)), mask(discs(1, 2))], Said(known=frozenset({0, 1, 2, 255})))
    assert not caplog.messages


BLACK, RED, BLUE = (0, 0, 0), (255, 0, 0), (0, 0, 255)


def tabled(plane, *palette, name="s0.png"):
    return replace(mask(plane, name), palette=np.array(palette, np.uint8))


def test_values_of_one_palette_are_classes(caplog):
    masks = [tabled(discs(1, 2), BLACK, RED, BLUE), tabled(discs(1), BLACK, RED)]
    judgement = judge(masks)
    assert judgement.values == {0, 1, 2}
    assert judgement.read(masks[0]) is masks[0]
    assert not caplog.messages


@pytest.mark.parametrize("is_rgb", [False, True])
def test_palettes_that_differ_are_read_by_colour(is_rgb, caplog):
    masks = [
        tabled(1 - np.minimum(discs(1), 1), RED, BLACK),
        tabled(discs(1, 2), BLACK, BLUE, RED, name="s1.png"),
    ]
    if is_rgb:
        masks[1] = mask(np.array([BLACK, BLUE, RED], np.uint8)[discs(1, 2)].transpose(2, 0, 1))
    judgement = judge(masks)
    classes, _ = judgement.classes("")
    assert [each.name for each in classes] == ["class_0", "class_0000ff", "class_ff0000"]
    first, second = (to_label_image(judgement.read(each), classes).pixels for each in masks)
    np.testing.assert_array_equal(first, discs(2))
    np.testing.assert_array_equal(second, discs(1, 2))
    told = "(0 is #ff0000 in s0.png and #000000 in s1.png): their values mean nothing"
    assert (told in caplog.text) is not is_rgb


def test_palettes_of_files_of_one_name_are_told_by_their_folders(caplog):
    """Masks to train on and to validate with often have the same names."""
    black, red, green = (0, 0, 0), (255, 0, 0), (0, 255, 0)
    plane = np.array([[0, 1, 2]] * 3, np.uint8)
    first = tabled(plane, black, red, green, name="train/s0.png")
    second = tabled(plane, black, green, red, name="val/s0.png")
    judge([first, second])
    assert "1 is #ff0000 in train/s0.png and #00ff00 in val/s0.png" in caplog.text


def test_grey_palettes_that_differ_are_read_by_level(caplog):
    white = 3 * (255,)
    masks = [
        tabled(1 - np.minimum(discs(1), 1), white, BLACK),
        tabled(discs(1), BLACK, white, name="s1.png"),
        mask(discs(255), "s2.png"),
    ]
    judgement = judge(masks)
    for each in masks:
        np.testing.assert_array_equal(judgement.read(each).pixels[0], discs(255))
    assert "the grey levels are read in their place (0: 71.6 %, 255: 28.4 %)" in caplog.text


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (tabled(discs(1, 2), BLACK, BLUE, BLUE, name="s1.png"), {}),
        (tabled(discs(1), BLACK, BLUE, name="s1.png"), {"names": ("a", "b")}),
    ],
)
def test_palettes_that_colours_do_not_mend_are_refused(other, said):
    with pytest.raises(LabelError, match=r"palettes of the masks differ \(1 is #ff0000 in s0"):
        judge([tabled(discs(1), BLACK, RED), other], Said(**said))


def test_palettes_that_differ_beside_masks_without_are_refused():
    masks = [
        tabled(discs(1), BLACK, RED),
        tabled(discs(1), BLACK, BLUE, name="s1.png"),
        mask(discs(1), "s2.png"),
    ]
    with pytest.raises(
        LabelError, match=r"and there are no colours in s2\.png; save all masks with one"
    ):
        judge(masks)


def test_a_table_laid_over_a_binary_mask_is_refused_where_it_differs():
    ramp = np.arange(256)[:, None] * [1, 0, 0]
    masks = [tabled(discs(255), *ramp), tabled(discs(255), *ramp[:, ::-1], name="s1.png")]
    with pytest.raises(LabelError, match="whether 255 is one class, shown in several colours"):
        judge(masks)


def test_colours_that_the_user_names_are_looked_up_in_palettes():
    drawn = tabled(discs(1), BLACK, RED)
    judgement = judge([drawn], Said(assigned={0: "a", 0xFF0000: "b"}))
    classes, _ = judgement.classes("")
    assert to_label_image(judgement.read(drawn), classes).pixels.max() == 1


def test_unlabelled_pixels_stay_so_when_values_are_translated():
    blurred = smaller(discs(200)).copy()
    blurred[:9] = 255
    (read,) = meaning(blurred, unlabelled=255)[2]
    assert set(np.unique(read)) == {0, 200, 255}
    wide = discs(65535, dtype=np.uint16)
    wide[:5] = 255
    _, unlabelled, (_, read) = meaning(discs(1), wide, unlabelled=255)
    assert set(np.unique(read)) == {0, 1, 255}
    assert unlabelled == 255


def test_an_unlabelled_colour_is_one_whatever_its_value():
    masks = [tabled(discs(1, 2), BLACK, RED, BLUE), tabled(discs(1, 2), BLUE, BLACK, RED)]
    for unlabelled, left in ((0, {0xFF, 0xFF0000}), (0xFF0000, {0, 0xFF})):
        judgement = judge(masks, Said(unlabelled=unlabelled))
        assert judgement.found.counts.keys() == left


def test_a_palette_is_no_place_to_look_for_an_unlabelled_value():
    masks = [tabled(discs(1, 2), BLACK, RED, BLUE), tabled(discs(1, 2), BLACK, BLUE, RED)]
    with pytest.raises(LabelError, match="--unlabelled 2 names no colour; say --unlabelled '#rr"):
        judge(masks, Said(unlabelled=2))


@pytest.mark.parametrize(
    ("drawn", "is_told"), [(discs(1, 255), True), (discs(255), False), (cells(90), False)]
)
def test_255_beside_the_value_of_a_class_is_told_where_masks_show_one_class(drawn, is_told, caplog):
    judge_layer([mask(drawn)], "cell")
    assert ("the masks of cell hold 255 beside small numbers" in caplog.text) is is_told
