"""Label images of other programs: how they are called, what their values mean, and what is told."""

import logging

import numpy as np
import pytest
import tifffile
from PIL import Image

from emseg.calibration import PixelSize
from emseg.config import Numbered
from emseg.errors import LabelError, MismatchError
from emseg.evaluation import MaskRule, score_label_images
from emseg.labels import colour
from emseg.micrograph import LabelClass, LabelImage, Micrograph
from emseg.writing import write_label_images, write_micrographs


def evaluate_label_images(*given, **how):
    return score_label_images(*given, **how).report()


SHAPE = (24, 40)


def cells(count, dtype=np.uint16, first=1):
    """Draw squares of 4 pixels a side that do not touch, numbered one after the other."""
    plane = np.zeros(SHAPE, dtype)
    for n in range(count):
        y, x = divmod(n, 6)
        plane[6 * y + 1 : 6 * y + 5, 6 * x + 1 : 6 * x + 5] = first + n
    return plane


def binary(value=255):
    return (cells(9) > 0).astype(np.uint8) * value


def pixels(*values, dtype=np.uint8):
    """Scatter values over a plane, each in many pieces."""
    plane = np.array(values, dtype)[np.arange(SHAPE[0] * SHAPE[1]) % len(values)]
    return plane.reshape(SHAPE)


@pytest.fixture
def evaluated(tmp_path):
    def run(predicted, true, ending="", **options):
        folders = tmp_path / "predictions", tmp_path / "masks"
        for folder, plane, end in zip(folders, (predicted, true), (ending, ""), strict=True):
            folder.mkdir()
            for name in "ab":
                tifffile.imwrite(folder / f"{name}{end}.tif", plane)
        return evaluate_label_images([folders[0]], [folders[1]], **options)

    return run


@pytest.mark.parametrize("ending", ["_cp_masks", "_pred", "_prediction", "_seg"])
def test_objects_of_another_program_find_their_masks_by_name(evaluated, ending):
    report = evaluated(cells(5), cells(5), ending, instances=Numbered.BOTH)
    assert [each.name for each in report.images] == [f"a{ending}", f"b{ending}"]


def test_predictions_without_masks_are_called_predictions(evaluated):
    with pytest.raises(MismatchError, match="no prediction has a mask of its name: the predict"):
        evaluated(cells(5), cells(5), "nother")


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
@pytest.mark.parametrize(
    ("true", "option"), [("numbered", "both"), ("binary", "predictions")], ids=str
)
def test_many_numbered_objects_are_refused_with_the_option_for_them(
    evaluated, caplog, dtype, true, option
):
    many = np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(dtype)
    many = many * 100 if dtype == np.int32 else many
    masks = many if true == "numbered" else binary()
    with pytest.raises(LabelError, match=rf"960 values .*, add --instances {option};") as refused:
        evaluated(many, masks)
    assert "--labels" not in str(refused.value)
    assert not caplog.messages


def test_many_numbered_masks_beside_binary_predictions(evaluated):
    many = np.arange(np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE)
    with pytest.raises(LabelError, match=r"^the masks hold 960 .* add --instances masks;"):
        evaluated(binary(), many)


@pytest.mark.parametrize("true", [(0, 1, 2), (0, 1, 255)])
def test_binary_predictions_of_which_class_of_the_masks_are_refused(evaluated, caplog, true):
    with pytest.raises(LabelError, match="the predictions hold the values 0, 255 and the masks 0"):
        evaluated(binary(), pixels(*true))
    assert not caplog.messages


def test_binary_predictions_are_taken_as_the_class_that_the_user_says(evaluated):
    rule = MaskRule(
        prediction_labels={0: "matrix", 255: "small"},
        labels={0: "matrix", 1: "small", 2: "large"},
    )
    assert evaluated(binary(), binary(1), rule=rule).pooled.classes["small"].iou == 1.0


@pytest.mark.parametrize("where", ["predictions", "masks"])
def test_255_beside_classes_is_said_to_be_where_it_is(evaluated, caplog, where):
    sides = [pixels(0, 1, 2, 255), pixels(0, 1, 2)]
    with caplog.at_level(logging.WARNING):
        evaluated(*(sides if where == "predictions" else reversed(sides)))
    assert caplog.messages == [
        f"the value 255 beside 0, 1, 2 in the {where} is taken as unlabelled; where it is a "
        "class, name all values with --labels VALUE=NAME,..."
    ]


def test_masks_of_several_classes_beside_numbered_predictions_are_refused(evaluated, tmp_path):
    with pytest.raises(LabelError, match="holds the values 0, 1, 2, 3, and --instances pred") as no:
        evaluated(cells(5), pixels(0, 1, 2, 3), instances=Numbered.PREDICTIONS)
    assert str(tmp_path / "masks" / "a.tif") in str(no.value)
    assert "give a binary mask of the class that the objects belong to" in str(no.value)
    assert "--unlabelled" not in str(no.value)


def test_unlabelled_pixels_of_a_binary_mask_are_no_class(evaluated):
    mask = binary(1)
    mask[-2:] = 255
    with pytest.raises(LabelError, match="--unlabelled 255 where 255 is none"):
        evaluated(cells(9), mask, instances=Numbered.PREDICTIONS)


def test_an_unlabelled_value_of_masks_is_left_out_beside_numbered_predictions(evaluated):
    mask = binary(1)
    mask[-2:] = 255
    rule = MaskRule(unlabelled=255)
    report = evaluated(cells(9), mask, instances=Numbered.PREDICTIONS, rule=rule)
    assert report.pooled.classes["object"].iou == 1.0
    assert report.pooled.pixels == 2 * (24 - 2) * 40


def test_what_emseg_did_not_look_at_is_no_object(tmp_path):
    found = binary(1)
    found[-2:] = 255  # an information bar
    classes = (LabelClass("ice", (0, 0, 0), (0,)), LabelClass("cell", (9, 0, 0), (1,)))
    write_label_images(tmp_path / "a.ome.tif", [LabelImage(found, classes, "a")])
    tifffile.imwrite(tmp_path / "mask.tif", cells(9))
    report = evaluate_label_images(
        [tmp_path / "a.ome.tif"], [tmp_path / "mask.tif"], instances=Numbered.MASKS
    )
    assert report.pooled.classes["object"].iou == 1.0


@pytest.mark.parametrize(
    ("predicted", "true", "told"),
    [
        (cells(9), cells(8), "both"),
        (cells(4), cells(2), "both"),
        (pixels(0, 1, 2, 3, 4), cells(4), "both"),
        (binary(1), cells(5), "masks"),
        (cells(5, np.uint8), binary(1), "predictions"),
        (cells(3), cells(3), None),
        (cells(5, first=2), cells(5, first=2), None),
        (pixels(0, 1, 2, 3, 4), pixels(0, 1, 2, 3, 4), None),
    ],
)
def test_few_numbered_objects_are_classes_with_a_notice(evaluated, caplog, predicted, true, told):
    with caplog.at_level(logging.WARNING):
        evaluated(predicted, true)
    notices = [message for message in caplog.messages if "--instances" in message]
    assert len(notices) == (told is not None)
    assert told is None or notices[0].endswith(f"add --instances {told}")


def test_no_notice_where_the_values_have_names(evaluated, caplog):
    names = ("background", *"abcde")
    evaluated(cells(5), cells(5), rule=MaskRule(names=names))
    assert not caplog.messages


def test_few_numbered_objects_beside_a_binary_mask_are_refused_with_the_option(evaluated):
    with pytest.raises(LabelError, match="or add --instances predictions where each is an object"):
        evaluated(cells(9), binary(255))


def test_a_micrograph_says_the_pixel_size_that_label_images_do_not_know(evaluated, tmp_path):
    (tmp_path / "micrographs").mkdir()
    for name in "ab":
        image = Micrograph(binary()[None], name, pixel_size=PixelSize(3, 3, "test"))
        write_micrographs(tmp_path / "micrographs" / f"{name}.ome.tif", [image])
    report = evaluated(binary(), binary(), micrographs=[tmp_path / "micrographs"])
    assert report.notes == {"distance": "2 px (6 nm)"}


def test_a_pixel_size_that_is_said_holds_for_all_label_images(evaluated):
    report = evaluated(binary(), binary(), pixel_size=PixelSize(1.5, 1.5, "said"))
    assert report.notes == {"distance": "2 px (3 nm)"}


def test_an_unlabelled_value_of_the_masks_is_a_number_like_any_other_in_the_prediction(evaluated):
    numbered, masks = cells(2, first=254), binary(1)
    masks[cells(9) > 2] = 0
    rule = MaskRule(unlabelled=255)
    report = evaluated(numbered, masks, instances=Numbered.PREDICTIONS, rule=rule)
    assert report.value("classes", "object", "objects_prediction") == 2 * 2
    assert report.value("classes", "object", "iou") == 1


def labels_of_a_and_b():
    return np.repeat([[0, 0, 0, 1, 1, 2]], 12, axis=0).repeat(4, axis=1).astype(np.uint8)


def test_exchanged_values_score_as_told_when_the_advice_is_typed(evaluated, tmp_path):
    true = labels_of_a_and_b()
    report = evaluated(np.array([0, 2, 1], np.uint8)[true], true)
    (said,) = report.caveats
    assert report.value("mean", "iou") == pytest.approx(1 / 3)
    assert "and 1.000 where what the predictions call class_1 is taken as class_2" in said
    assert said.endswith(
        "add --labels 0=class_0,1=class_1,2=class_2 "
        "--prediction-labels 0=class_0,1=class_2,2=class_1"
    )
    names = {value: f"class_{value}" for value in range(3)}
    rule = MaskRule(labels=names, prediction_labels=names | {1: "class_2", 2: "class_1"})
    again = evaluate_label_images([tmp_path / "predictions"], [tmp_path / "masks"], rule=rule)
    assert (again.value("mean", "iou"), again.caveats) == (1, ())


def test_an_inverted_binary_mask_is_told(evaluated):
    (said,) = evaluated(255 - binary(), binary(1)).caveats
    assert said.endswith(
        "add --labels 0=background,1=foreground --prediction-labels 0=foreground,255=background"
    )


def test_a_value_that_only_the_predictions_hold_is_told_with_both_means(evaluated):
    true = labels_of_a_and_b()
    true[true == 2] = 0
    predicted = true.copy()
    predicted[0, 0] = 2
    report = evaluated(predicted, true)
    (said,) = report.caveats
    assert said.startswith("class_2 is in the predictions only (2 pixels, 0.3 %)")
    without = (report.value("classes", "class_0", "iou") + 1) / 2
    assert report.as_json()["only_predicted"]["mean_without"] == pytest.approx(without)


def test_numbers_that_lie_far_apart_are_told(evaluated, caplog):
    predicted = cells(9)
    predicted[predicted == 9] = 1
    evaluated(predicted, cells(9), instances=Numbered.BOTH)
    told = [each for each in caplog.messages if "far apart" in each]
    assert [each.partition("predictions/")[2] for each in told] == [
        f"{name}.tif: 1 of 8 numbers lies in several pieces far apart; each number is scored "
        "as one object; give each object a number of its own"
        for name in "ab"
    ]


@pytest.mark.parametrize("kind", ["one", "planes", "scaled", "channels"])
def test_probabilities_are_no_predictions(evaluated, kind):
    share = np.linspace(0, 1, SHAPE[0] * SHAPE[1], dtype=np.float32).reshape(SHAPE)
    pair = np.stack([share, 1 - share])
    predicted = {
        "one": share,
        "planes": pair,
        "scaled": np.stack([share * 255, 255 - share * 255]).round().astype(np.uint8),
        "channels": np.stack([share * 255, 0 * share, 255 - share * 255], axis=-1).astype(np.uint8),
    }[kind]
    with pytest.raises(LabelError, match=r"^the prediction .*a\.tif holds probabilities.*arg-max"):
        evaluated(predicted, binary())


def test_files_of_one_name_are_matched_and_called_by_their_folders(tmp_path):
    for day, plane in (("mon", cells(9) > 0), ("tue", cells(5) > 0)):
        for folder in ("predictions", "masks"):
            (tmp_path / folder / day).mkdir(parents=True)
            tifffile.imwrite(tmp_path / folder / day / "a.tif", plane.astype(np.uint8))
    given = [[f"{tmp_path}/{folder}/*/*.tif"] for folder in ("predictions", "masks")]
    report = evaluate_label_images(*given)
    assert [(each.name, each.values["pixel_accuracy",]) for each in report.images] == [
        ("mon/a", 1),
        ("tue/a", 1),
    ]
    assert [row["image"] for row in report.as_rows()] == ["mon/a", "tue/a"]
    (tmp_path / "masks" / "tue").rename(tmp_path / "masks" / "wed")
    (tmp_path / "masks" / "mon").rename(tmp_path / "masks" / "thu")
    with pytest.raises(MismatchError, match="two predictions are called 'a'"):
        evaluate_label_images(*given)


def test_square_predictions_with_rows_and_columns_exchanged_are_told(tmp_path):
    plane = np.zeros((48, 48), np.uint8)
    plane[4:12, 4:40] = 1
    for folder, image in (("predictions", plane.T), ("masks", plane)):
        (tmp_path / folder).mkdir()
        tifffile.imwrite(tmp_path / folder / "a.tif", np.ascontiguousarray(image))
    report = evaluate_label_images([tmp_path / "predictions"], [tmp_path / "masks"])
    assert report.caveats[0].startswith("predictions look turned in 1 of 1 images (a)")
    assert report.as_json()["turned"][0]["turned_mean_iou"] == 1


def test_one_inverted_image_among_others_is_told(tmp_path):
    for folder in ("predictions", "masks"):
        (tmp_path / folder).mkdir()
        for name in "abc":
            inverted = folder == "masks" and name == "b"
            tifffile.imwrite(tmp_path / folder / f"{name}.tif", abs(255 * inverted - binary()))
    report = evaluate_label_images([tmp_path / "predictions"], [tmp_path / "masks"])
    (said,) = report.caveats
    assert said.startswith(
        "classes look exchanged in 1 of 3 images (b): their mean IoU is 0.000, and 1.000 where "
        "what the predictions call background is taken as foreground and foreground as background"
    )
    assert [each["image"] for each in report.as_json()["exchanged_images"]] == ["b"]


def test_a_class_has_one_colour_in_whatever_order_the_values_are_named(evaluated):
    seen = []
    evaluated(
        binary(7),
        binary(),
        rule=MaskRule(labels={0: "ice", 255: "cell"}, prediction_labels={7: "cell", 0: "ice"}),
        observers=[lambda pair, _: seen.append(pair.prediction.classes)],
    )
    assert [(each.name, each.colour) for each in seen[0]] == [
        ("ice", colour(0)),
        ("cell", colour(1)),
    ]


@pytest.mark.parametrize("kind", ["palette", "colours"])
def test_palettes_of_predictions_and_masks_are_compared_by_colour(tmp_path, caplog, kind):
    """Each value of the one has the colour of another value of the other."""
    true = pixels(0, 1, 2)
    predicted = np.array([0, 2, 1], np.uint8)[true]
    colours = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0]], np.uint8)
    for name, plane, palette in (("p", predicted, colours[[0, 2, 1]]), ("m", true, colours)):
        (tmp_path / name).mkdir()
        drawn = Image.frombytes("P", plane.shape[::-1], plane.tobytes())
        drawn.putpalette(palette.tobytes())
        drawn = drawn.convert("RGB") if kind == "colours" and name == "p" else drawn
        drawn.save(tmp_path / name / "a.png")
    report = evaluate_label_images([tmp_path / "p"], [tmp_path / "m"])
    assert report.pooled.pixel_accuracy == 1
    assert ("1 is #00ff00 in the one and #ff0000 in the other" in caplog.text) is (
        kind == "palette"
    )


def test_palettes_that_only_show_values_otherwise_leave_the_values(tmp_path, caplog):
    for name, palette in (("p", b"\0\0\0\xff\0\0\0\xff\0"), ("m", b"\0\0\0\0\0\xff\xff\xff\0")):
        (tmp_path / name).mkdir()
        drawn = Image.frombytes("P", SHAPE[::-1], pixels(0, 1, 2).tobytes())
        drawn.putpalette(palette)
        drawn.save(tmp_path / name / "a.png")
    assert evaluate_label_images([tmp_path / "p"], [tmp_path / "m"]).pooled.pixel_accuracy == 1
    assert "palettes" not in caplog.text
