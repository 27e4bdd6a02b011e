"""Mask values become classes: as the user says, or inferred where that is safe."""

import logging

import pytest

from emseg.errors import LabelError, UsageError
from emseg.labels import choose_classes, colour
from emseg.mask_values import parse_labels, parse_names, parse_value


def meaning(found, **said):
    classes, unlabelled = choose_classes(found, **said)
    return [(each.name, each.values) for each in classes], unlabelled


def test_names_are_read_in_order():
    assert parse_names("matrix, small ,large γ") == ("matrix", "small", "large γ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,,b", "empty name"),
        ("", "empty name"),
        ("a,b,a", "names 'a' twice.*--labels 0=a,1=a"),
    ],
)
def test_names_that_cannot_be_meant_are_refused(text, said):
    with pytest.raises(UsageError, match=said):
        parse_names(text)


def test_labels_are_read():
    assert parse_labels("0=matrix, 1 = small,2=small,-1=void") == {
        0: "matrix",
        1: "small",
        2: "small",
        -1: "void",
    }


@pytest.mark.parametrize("text", ["", "0", "=a", "a=0", "0=", "1.5=a", "--5=a", "²=a", "0=a,"])
def test_labels_that_cannot_be_read_say_how_to_write_them(text):
    with pytest.raises(UsageError, match="write --labels 0=matrix,255=cell"):
        parse_labels(text)


def test_colours_are_values():
    assert parse_labels("#6da34d=silica,#A30015=carbon,0=void") == {
        0x6DA34D: "silica",
        0xA30015: "carbon",
        0: "void",
    }
    assert [parse_value(text) for text in ("255", "-1", "#000000", "#6DA34d")] == [
        *(255, -1, 0, 0x6DA34D)
    ]


@pytest.mark.parametrize("text", ["", "black", "#6da34", "#6da34dd", "1.5", "0x10"])
def test_what_is_no_value_is_refused(text):
    with pytest.raises(UsageError, match=r"write a mask value, as in 255 or '#6da34d'"):
        parse_value(text)


def test_colours_are_classes_of_their_own_and_black_is_asked_about(caplog):
    with caplog.at_level(logging.WARNING):
        assert meaning([0, 0x6DA34D])[0] == [("class_0", (0,)), ("class_6da34d", (0x6DA34D,))]
        assert not caplog.text  # one class would be left
        names = [name for name, _ in meaning([0, 0xFF, 0x6DA34D])[0]]
    assert names == ["class_0", "class_0000ff", "class_6da34d"]
    assert "--unlabelled '#000000'" in caplog.text


@pytest.mark.parametrize("numbers", [range(0, 200_000, 2000), [0, 1, 1 << 24]])
def test_large_numbers_of_objects_are_no_colours(numbers, caplog):
    with caplog.at_level(logging.WARNING):
        try:
            said = str(meaning(numbers))
        except LabelError as error:
            said = str(error)
    assert "#" not in caplog.text + said


def test_a_colour_without_a_name_is_named_as_a_shell_takes_it():
    with pytest.raises(LabelError, match=r"the value #a30015, .* add '#a30015=NAME' to --labels"):
        choose_classes([0x6DA34D, 0xA30015], assigned={0x6DA34D: "a"})


def test_a_value_without_a_name_is_left_out_only_where_two_classes_stay():
    for said, is_offered in (({1: "a"}, False), ({1: "a", 2: "b"}, True)):
        with pytest.raises(LabelError, match="add 0=NAME to --labels") as refused:
            choose_classes([0, *said], assigned=said)
        assert ("--unlabelled 0" in str(refused.value)) is is_offered


def test_a_value_given_twice_is_refused():
    with pytest.raises(UsageError, match="the value 3 twice"):
        parse_labels("3=a,3=b")


def test_two_values_are_background_and_foreground():
    for found in ([0, 255], [0, 1], [255, 0], [38, 75]):
        expected = [("background", (min(found),)), ("foreground", (max(found),))]
        assert meaning(found) == (expected, None)


def test_small_integers_are_numbered_classes():
    assert meaning([2, 0, 1])[0] == [("class_0", (0,)), ("class_1", (1,)), ("class_2", (2,))]


def test_255_beside_small_integers_is_unlabelled_and_told(caplog):
    with caplog.at_level(logging.WARNING):
        classes, unlabelled = meaning([0, 1, 255])
    assert [name for name, _ in classes] == ["background", "foreground"]
    assert unlabelled == 255
    assert "255 beside 0, 1 in the masks is taken as unlabelled" in caplog.text


def test_255_is_a_class_when_the_names_say_so():
    classes, unlabelled = meaning([0, 128, 255], names=("a", "b", "c"))
    assert classes == [("a", (0,)), ("b", (128,)), ("c", (255,))]
    assert unlabelled is None


def test_255_is_unlabelled_when_there_is_no_name_left_for_it():
    classes, unlabelled = meaning([0, 1, 2, 255], names=("a", "b", "c"))
    assert (classes[-1], unlabelled) == (("c", (2,)), 255)


def test_names_follow_the_order_of_the_values():
    assert meaning([0, 255], names=("membrane", "cell"))[0] == [
        ("membrane", (0,)),
        ("cell", (255,)),
    ]


def test_a_class_that_no_mask_shows_keeps_its_value():
    classes, _ = meaning([0, 2], names=("matrix", "small", "large"))
    assert classes == [("matrix", (0,)), ("small", (1,)), ("large", (2,))]


def test_labels_merge_values_and_order_classes():
    said = {0: "matrix", 1: "phase", 2: "phase"}
    assert meaning([0, 1, 2], assigned=said)[0] == [("matrix", (0,)), ("phase", (1, 2))]
    assert meaning([0, 1, 2], assigned=said, names=("phase", "matrix"))[0] == [
        ("phase", (1, 2)),
        ("matrix", (0,)),
    ]


def test_a_named_unlabelled_value_is_no_class():
    classes, unlabelled = meaning([0, 7, 9], unlabelled=7)
    assert classes == [("background", (0,)), ("foreground", (9,))]
    assert unlabelled == 7


@pytest.mark.parametrize(
    ("found", "said", "expected", "message"),
    [
        ([0], {}, LabelError, "only the value 0"),
        ([5], {"unlabelled": 5}, LabelError, "no labelled pixel"),
        (range(40), {}, LabelError, "too many to be classes"),
        ([0, 1, 2], {"names": ("a", "b")}, LabelError, "3 values .* names 2 .*--labels"),
        ([0, 9], {"names": ("a", "b", "c")}, LabelError, "2 values .* names 3"),
        ([0], {"names": ("a",)}, UsageError, "one class only"),
        ([0, 3], {"assigned": {0: "a", 1: "b"}}, LabelError, "the value 3.* add 3=NAME"),
        ([0, 1], {"assigned": {0: "a", 1: "a"}}, LabelError, "one class only"),
        ([0, 1], {"assigned": {0: "a", 1: "b"}, "names": ("a", "c")}, UsageError, "the same names"),
    ],
)
def test_what_cannot_be_mapped_says_with_which_option_it_can(found, said, expected, message):
    with pytest.raises(expected, match=message) as caught:
        choose_classes(found, **said)
    assert "\n" not in str(caught.value)


def test_colours_differ_for_as_many_classes_as_a_label_image_holds():
    colours = [colour(index) for index in range(40)]
    assert all(0 <= part <= 255 for each in colours for part in each)
    assert len(set(colours)) == len(colours)


def test_classes_carry_their_colours():
    classes, _ = choose_classes([0, 1, 2])
    assert [each.colour for each in classes] == [colour(0), colour(1), colour(2)]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("\x1b[31mred", r"'\x1b[31mred' holds characters that cannot be shown"),
        ("a\nb", r"'a\nb' holds characters"),
        ("x" * 101, "has 101 characters, and 100 are allowed"),
    ],
)
def test_a_name_that_no_table_can_show_is_refused(name, said):
    for parse, text in ((parse_names, f"matrix,{name}"), (parse_labels, f"0=matrix,1={name}")):
        with pytest.raises(UsageError) as caught:
            parse(text)
        assert said in str(caught.value)
        assert "\x1b" not in str(caught.value)


def test_names_that_a_reader_takes_for_one_are_told(caplog):
    parse_names("matrix,Spheres,spheres")
    parse_labels("0=a b,1=a_b,2=b")
    parse_names("class_1_2,class_12")
    assert caplog.messages == [
        "--classes names 'Spheres' and 'spheres', which are different classes to emseg; where they "
        "are one, write them alike",
        "--labels names 'a b' and 'a_b', which are different classes to emseg; where they are one, "
        "write them alike",
    ]
