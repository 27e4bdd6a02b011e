"""Label images in files against masks in files."""

import logging

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from emseg.config import Numbered
from emseg.errors import LabelError, MismatchError, UnknownNameError, UsageError
from emseg.evaluation import MaskRule, score_label_images
from emseg.micrograph import LabelClass, LabelImage
from emseg.writing import write_label_images


def evaluate_label_images(*given, **how):
    return score_label_images(*given, **how).report()


THREE = (
    LabelClass("matrix", (0, 0, 0), (0,)),
    LabelClass("small", (9, 0, 0), (1,)),
    LabelClass("large", (0, 9, 0), (2,)),
)
CELLS = (LabelClass("membrane", (0, 0, 0), (0,)), LabelClass("cell", (9, 0, 0), (255,)))
PREDICTED = [[0, 0, 1, 1], [2, 2, 2, 2]]
TRUE = [[0, 1, 1, 1], [2, 2, 2, 0]]
MEAN_IOU = (1 / 3 + 2 / 3 + 3 / 4) / 3


def rows(pixels, dtype=np.uint8):
    """A plane of at least two rows, since a line of pixels is no image."""
    plane = np.array(pixels, dtype=dtype)
    return np.repeat(plane, 2, axis=0) if len(plane) == 1 else plane


def predict(path, *planes, classes=THREE, numbers=None):
    """Write a prediction as emseg predict does."""
    path.parent.mkdir(exist_ok=True)
    name = path.name.removesuffix(".ome.tif")
    numbers = numbers or ([None] if len(planes) == 1 else range(len(planes)))
    images = [
        LabelImage(rows(plane), classes, name, number)
        for plane, number in zip(planes, numbers, strict=True)
    ]
    write_label_images(path, images, count=len(images))
    return path


def mask(path, pixels, dtype=np.uint8):
    path.parent.mkdir(exist_ok=True)
    iio.imwrite(path, rows(pixels, dtype))
    return path


def stack(path, *planes):
    tifffile.imwrite(
        path,
        np.array([rows(each) for each in planes]),
        photometric="minisblack",
        metadata={"axes": "ZYX"},
    )
    return path


@pytest.fixture
def folders(tmp_path):
    return tmp_path / "predictions", tmp_path / "masks"


def evaluated(folders, **options):
    predictions, masks = folders
    return evaluate_label_images([predictions], [masks], **options)


def mean_iou(folders, **options):
    return evaluated(folders, **options).pooled.mean_iou


def test_predictions_of_emseg_are_compared_by_the_mask_values_of_their_training(folders):
    predict(folders[0] / "a.ome.tif", PREDICTED)
    mask(folders[1] / "a.png", TRUE)
    scores = evaluated(folders).pooled
    assert [each.iou for each in scores.classes.values()] == pytest.approx([1 / 3, 2 / 3, 3 / 4])
    assert scores.mean_iou == pytest.approx(MEAN_IOU)
    assert scores.pixel_accuracy == 6 / 8


def test_mask_values_may_be_anything_that_the_training_knew(folders):
    classes = tuple(
        LabelClass(c.name, c.colour, (v,)) for c, v in zip(THREE, (7, 300, 40), strict=True)
    )
    predict(folders[0] / "a.ome.tif", PREDICTED, classes=classes)
    mask(folders[1] / "a.tif", np.array([7, 300, 40])[np.array(TRUE)], dtype=np.uint16)
    assert mean_iou(folders) == pytest.approx(MEAN_IOU)


def test_scores_pool_the_pixels_and_are_given_image_by_image(folders):
    predict(folders[0] / "10.ome.tif", [[0, 0]])
    predict(folders[0] / "2.ome.tif", [[1, 1]])
    mask(folders[1] / "10.png", [[0, 1]])
    mask(folders[1] / "2.png", [[1, 1]])
    report = evaluated(folders)
    assert [each.name for each in report.images] == ["2", "10"]
    assert [each.values["pixel_accuracy",] for each in report.images] == [1.0, 0.5]
    assert report.pooled.pixel_accuracy == 3 / 4
    assert report.pooled.classes["small"].iou == pytest.approx(2 / 3)
    assert report.pooled.absent == ("large",)


def test_names_with_endings_spaces_and_umlauts_are_matched(folders):
    predict(folders[0] / "Größe 1 µm.ome.tif", PREDICTED)
    predict(folders[0] / "other.ome.tif", PREDICTED)
    mask(folders[1] / "Größe 1 µm_mask.png", TRUE)
    mask(folders[1] / "other-label.png", TRUE)
    assert [each.name for each in evaluated(folders).images] == ["Größe 1 µm", "other"]


def test_what_has_no_partner_is_named_in_a_notice_and_left_out(folders, caplog):
    for name in "abcde":
        predict(folders[0] / f"{name}.ome.tif", PREDICTED)
    mask(folders[1] / "a.png", TRUE)
    mask(folders[1] / "z.png", TRUE)
    with caplog.at_level(logging.WARNING):
        assert [each.name for each in evaluated(folders).images] == ["a"]
    assert caplog.messages == [
        "left out: 4 predictions without a mask of that name "
        "(b.ome.tif, c.ome.tif, d.ome.tif and 1 more)",
        "left out: 1 mask without a prediction of that name (z.png)",
    ]


def test_no_pair_at_all_is_refused(folders):
    for name in "ab":
        predict(folders[0] / f"{name}.ome.tif", PREDICTED)
        mask(folders[1] / f"other{name}.png", TRUE)
    with pytest.raises(MismatchError, match=r"a\.ome\.tif.*othera\.png"):
        evaluated(folders)


def test_a_mask_of_another_size_is_refused_by_name(folders):
    predict(folders[0] / "a.ome.tif", PREDICTED)
    mask(folders[1] / "a_mask.png", [[0, 1]])
    with pytest.raises(MismatchError, match="a is 2 x 4 pixels but the mask a_mask is 2 x 2"):
        evaluated(folders)


def test_a_mask_value_that_is_no_class_is_refused_with_the_way_out(folders):
    predict(folders[0] / "a.ome.tif", PREDICTED)
    path = mask(folders[1] / "a.png", [[0, 1, 2, 7]] * 2)
    with pytest.raises(LabelError, match="holds the value 7, which is no class") as refused:
        evaluated(folders)
    assert str(path) in str(refused.value)
    assert "--labels" in str(refused.value)
    assert "--unlabelled 7" in str(refused.value)


def test_labels_say_what_the_values_of_other_masks_mean(folders):
    predict(folders[0] / "a.ome.tif", PREDICTED)
    mask(folders[1] / "a.png", np.array([50, 90, 10])[np.array(TRUE)])
    labels = {10: "large", 50: "matrix", 90: "small"}
    assert mean_iou(folders, rule=MaskRule(labels=labels)) == pytest.approx(MEAN_IOU)


def test_classes_say_what_the_values_of_other_masks_mean_in_their_order(folders):
    predict(folders[0] / "a.ome.tif", PREDICTED)
    mask(folders[1] / "a.png", np.array([50, 90, 10])[np.array(TRUE)])
    rule = MaskRule(names=("large", "matrix", "small"))
    assert mean_iou(folders, rule=rule) == pytest.approx(MEAN_IOU)


@pytest.mark.parametrize(
    "rule", [MaskRule(labels={0: "matrix", 1: "smal"}), MaskRule(names=("matrix", "smal", "large"))]
)
def test_a_class_that_the_predictions_do_not_have_is_refused(folders, rule):
    predict(folders[0] / "a.ome.tif", PREDICTED)
    mask(folders[1] / "a.png", TRUE)
    with pytest.raises(UnknownNameError, match="no class 'smal'; did you mean 'small'"):
        evaluated(folders, rule=rule)


def test_an_unlabelled_value_is_not_scored(folders):
    predict(folders[0] / "a.ome.tif", PREDICTED)
    mask(folders[1] / "a.png", [[0, 9, 1, 1], [2, 2, 2, 9]])
    scores = evaluated(folders, rule=MaskRule(unlabelled=9)).pooled
    assert scores.pixel_accuracy == 1.0
    assert scores.pixels == 6


def test_255_beside_small_values_is_unlabelled_with_a_notice(folders, caplog):
    predict(folders[0] / "a.ome.tif", PREDICTED)
    mask(folders[1] / "a.png", [[0, 255, 1, 1], [2, 2, 2, 255]])
    with caplog.at_level(logging.WARNING):
        assert evaluated(folders).pooled.pixels == 6
    assert "255, which is no class, is taken as unlabelled" in caplog.text


def test_a_binary_mask_of_one_of_several_classes_is_not_scored_as_background(folders):
    predict(folders[0] / "a.ome.tif", PREDICTED)
    mask(folders[1] / "a.png", [[0, 255, 0, 0], [0, 255, 255, 0]])
    with pytest.raises(
        LabelError, match=r"hold only 0, 255 .* --masks NAME=DIR .*--unlabelled 255"
    ):
        evaluated(folders)
    assert evaluated(folders, rule=MaskRule(unlabelled=255)).pooled.pixels == 5


@pytest.mark.parametrize(("trained", "written"), [(255, 1), (1, 255)])
def test_the_class_of_a_binary_mask_may_be_written_as_1_or_255(folders, caplog, trained, written):
    classes = (CELLS[0], LabelClass("cell", (9, 0, 0), (trained,)))
    predict(folders[0] / "a.ome.tif", [[0, 1, 1]], classes=classes)
    mask(folders[1] / "a.png", [[0, 0, written]])
    with caplog.at_level(logging.WARNING):
        assert evaluated(folders).pooled.classes["cell"].iou == 1 / 2
    assert f"value {written} is taken as cell" in caplog.text


def test_masks_of_one_class_a_folder(folders, tmp_path):
    predict(folders[0] / "a.ome.tif", PREDICTED)
    mask(tmp_path / "s" / "a.png", np.array(TRUE) == 1)
    mask(tmp_path / "l" / "a_mask.png", (np.array(TRUE) == 2) * 255)
    masks = {"large": tmp_path / "l", "small": tmp_path / "s"}
    assert evaluate_label_images([folders[0]], masks).pooled.mean_iou == pytest.approx(MEAN_IOU)


def test_every_class_but_the_background_needs_a_mask_folder(folders, tmp_path):
    predict(folders[0] / "a.ome.tif", PREDICTED)
    mask(tmp_path / "s" / "a.png", np.array(TRUE) == 1)
    with pytest.raises(LabelError, match="folders for small but the classes are matrix, small, la"):
        evaluate_label_images([folders[0]], {"small": tmp_path / "s"})
    with pytest.raises(UnknownNameError, match="did you mean 'small'"):
        evaluate_label_images([folders[0]], {"smal": tmp_path / "s"})


def test_slices_pick_files_of_the_mask_folder_in_natural_order(folders):
    for number in range(12):
        predict(folders[0] / f"{number}.ome.tif", PREDICTED)
        mask(folders[1] / f"{number}.png", TRUE)
    report = evaluated(folders, slices=slice(9, 11))
    assert [each.name for each in report.images] == ["9", "10"]


def plane(value):
    return [[value, value]]


def test_a_predicted_part_of_a_stack_finds_its_planes_in_the_whole_mask_stack(tmp_path):
    predicted = predict(tmp_path / "s.ome.tif", plane(2), plane(0), numbers=[2, 3])
    masks = stack(tmp_path / "s_mask.tif", plane(1), plane(1), plane(2), plane(0))
    report = evaluate_label_images([predicted], [masks])
    assert [each.values["pixel_accuracy",] for each in report.images] == [1.0, 1.0]


@pytest.mark.parametrize("write", [predict, stack], ids=["emseg", "foreign"])
def test_slices_pick_planes_of_the_mask_stack(tmp_path, write):
    planes = [plane(0), plane(1), plane(2), plane(0)]
    predicted = write(tmp_path / "s.ome.tif", *planes)
    masks = stack(tmp_path / "s_mask.tif", plane(2), plane(1), plane(2), plane(1))
    report = evaluate_label_images([predicted], [masks], slices=slice(1, 3))
    assert [each.name for each in report.images] == ["s[1]", "s[2]"]
    assert report.pooled.pixel_accuracy == 1.0


def test_stacks_of_different_length_that_say_nothing_are_refused(tmp_path):
    predicted = stack(tmp_path / "s.tif", plane(0), plane(1))
    masks = stack(tmp_path / "s_mask.tif", plane(0), plane(1), plane(2))
    with pytest.raises(MismatchError, match=r"has 2 planes and .* 3; pick .* --slices"):
        evaluate_label_images([predicted], [masks])
    with pytest.raises(MismatchError, match=r"has 3 planes and .* 2; pick .* --slices"):
        evaluate_label_images([masks], [predicted])


def test_slices_that_pick_nothing_are_refused(folders):
    predict(folders[0] / "a.ome.tif", PREDICTED)
    mask(folders[1] / "a.png", TRUE)
    with pytest.raises(UsageError, match="7:9"):
        evaluated(folders, slices=slice(7, 9))


def test_predictions_of_two_models_are_refused(folders):
    predict(folders[0] / "a.ome.tif", PREDICTED)
    predict(folders[0] / "b.ome.tif", PREDICTED, classes=CELLS + THREE[:1])
    for name in "ab":
        mask(folders[1] / f"{name}.png", TRUE)
    with pytest.raises(MismatchError, match=r"b\.ome\.tif has the classes membrane, cell, matrix"):
        evaluated(folders)


def test_label_images_of_another_program_are_compared_value_by_value(folders):
    mask(folders[0] / "a.png", PREDICTED)
    mask(folders[1] / "a.png", TRUE)
    scores = evaluated(folders).pooled
    assert tuple(scores.classes) == ("class_0", "class_1", "class_2")
    assert scores.mean_iou == pytest.approx(MEAN_IOU)
    named = evaluated(folders, rule=MaskRule(names=("matrix", "small", "large"))).pooled
    assert tuple(named.classes) == ("matrix", "small", "large")
    assert named.mean_iou == scores.mean_iou


@pytest.mark.parametrize("objects", [1, 2, 255])
def test_binary_images_of_another_program_are_compared_however_they_are_written(folders, objects):
    mask(folders[0] / "a.png", [[0, objects, objects]])
    mask(folders[1] / "a.png", [[0, 0, 255]])
    scores = evaluated(folders, rule=MaskRule(names=("ice", "cell"))).pooled
    assert {name: each.iou for name, each in scores.classes.items()} == {"ice": 0.5, "cell": 0.5}


def test_an_empty_prediction_scores_zero_and_is_no_error(folders):
    mask(folders[0] / "a.png", [[0, 0, 0]])
    mask(folders[1] / "a.png", [[0, 0, 255]])
    scores = evaluated(folders).pooled
    assert scores.classes["foreground"].iou == 0.0
    assert scores.classes["background"].recall == 1.0


def test_values_that_cannot_be_told_apart_are_refused_until_the_user_says(folders):
    mask(folders[0] / "a.png", [[1, 2, 2]])
    mask(folders[1] / "a.png", [[0, 0, 255]])
    with pytest.raises(LabelError, match="values 1, 2 and the masks 0, 255; say which"):
        evaluated(folders)
    rule = MaskRule(labels={0: "ice", 255: "cell"}, prediction_labels={1: "ice", 2: "cell"})
    assert evaluated(folders, rule=rule).pooled.classes["cell"].iou == 0.5
    only_predictions = MaskRule(prediction_labels={1: "ice", 2: "cell"})
    assert evaluated(folders, rule=only_predictions).pooled.classes["cell"].iou == 0.5


def test_values_that_differ_on_both_sides_are_compared_with_a_notice(folders, caplog):
    mask(folders[0] / "a.png", [[0, 1, 2]])
    mask(folders[1] / "a.png", [[0, 1, 3]])
    with caplog.at_level(logging.WARNING):
        assert evaluated(folders).pooled.mean_iou == pytest.approx((1 + 1 + 0 + 0) / 4)
    assert "values 0, 1, 2 and the masks 0, 1, 3: equal values are taken" in caplog.text


def test_foreign_label_images_against_one_mask_folder_a_class(folders, tmp_path):
    mask(folders[0] / "a.png", PREDICTED)
    mask(tmp_path / "s" / "a.png", np.array(TRUE) == 1)
    mask(tmp_path / "l" / "a.png", np.array(TRUE) == 2)
    masks = {"small": tmp_path / "s", "large": tmp_path / "l"}
    scores = evaluate_label_images([folders[0]], masks).pooled
    assert tuple(scores.classes) == ("background", "small", "large")
    assert scores.mean_iou == pytest.approx(MEAN_IOU)


def test_a_binary_foreign_label_image_against_the_mask_folder_of_its_class(folders, tmp_path):
    mask(folders[0] / "a.png", [[0, 255, 255]])
    mask(tmp_path / "m" / "a.png", [[0, 0, 1]])
    scores = evaluate_label_images([folders[0]], {"mitochondria": tmp_path / "m"}).pooled
    assert scores.classes["mitochondria"].iou == 0.5


def test_other_files_of_a_prediction_folder_are_no_predictions(folders):
    predict(folders[0] / "a.ome.tif", PREDICTED)
    (folders[0] / "predictions.csv").write_text("file\na\n")
    mask(folders[0] / "previews" / "a.png", TRUE)
    mask(folders[1] / "a.png", TRUE)
    assert len(evaluated(folders).images) == 1


def test_a_colour_picture_and_probabilities_are_no_label_images(folders, tmp_path):
    predict(folders[0] / "a.ome.tif", PREDICTED)
    mask(folders[1] / "a.png", np.random.default_rng(0).integers(0, 9, (8, 8, 3)))
    with pytest.raises(LabelError, match=r"colour picture \(6\d colours\)"):
        evaluated(folders)
    (folders[1] / "a.png").unlink()
    tifffile.imwrite(folders[1] / "a.tif", np.full((2, 4), 0.5, dtype=np.float32))
    with pytest.raises(LabelError, match="holds probabilities"):
        evaluated(folders)


@given(order=st.permutations(range(3)), seed=st.integers(0, 999))
@settings(
    deadline=None,
    max_examples=15,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture
    ],  # each example overwrites its files
)
def test_scores_do_not_depend_on_the_values_that_stand_for_classes(folders, order, seed):
    predicted, true = np.random.default_rng(seed).integers(0, 3, size=(2, 4, 6))
    names = ("matrix", "small", "large")
    mask(folders[0] / "a.png", predicted)
    mask(folders[1] / "a.png", true)
    rule = MaskRule(labels=dict(enumerate(names)))
    before = evaluated(folders, rule=rule).as_json()
    mask(folders[0] / "a.png", np.array(order)[predicted])
    other = {order[index]: name for index, name in enumerate(names)}
    rule = MaskRule(labels=rule.labels, prediction_labels=other, names=names)
    assert evaluated(folders, rule=rule).as_json() == before


@pytest.mark.real
def test_real_masks_against_themselves_are_perfect(real_data, tmp_path):
    masks = real_data("steel_phases") / "labels"
    for path in sorted(masks.iterdir())[:3]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    report = evaluate_label_images([tmp_path], [masks])
    assert len(report.images) == 3
    assert report.pooled.mean_iou == report.pooled.pixel_accuracy == 1.0


def test_masks_are_judged_over_the_whole_set(folders, caplog):
    """Both masks show the same, though one is written as 0 and 255."""
    for name in "ab":
        predict(folders[0] / f"{name}.ome.tif", [[0, 0, 1, 1]], classes=THREE[:2])
    mask(folders[1] / "a.png", [[0, 1, 1, 1]])
    mask(folders[1] / "b.png", [[0, 255, 255, 255]])
    assert mean_iou(folders) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert "write the same class as different numbers" in caplog.text


def test_palettes_of_masks_are_compared(folders):
    predict(folders[0] / "a.ome.tif", [[0, 0, 1, 1]], classes=THREE[:2])
    predict(folders[0] / "b.ome.tif", [[0, 0, 1, 1]], classes=THREE[:2])
    folders[1].mkdir()
    for name, palette in (("a", b"\0\0\0\xff\0\0"), ("b", b"\xff\0\0\0\0\0")):
        drawn = Image.fromarray(rows([[0, 0, 1, 1]]), "P")
        drawn.putpalette(palette)
        drawn.save(folders[1] / f"{name}.png")
    with pytest.raises(LabelError, match="#ff0000, which is no class"):
        evaluated(folders)
    labels = {0: "matrix", 0xFF0000: "small"}
    assert mean_iou(folders, rule=MaskRule(labels=labels)) == pytest.approx(1 / 3)


def test_a_zero_that_is_left_out_of_the_score_is_told(folders, caplog):
    strokes = tuple(
        LabelClass(each.name, each.colour, (value,)) for value, each in enumerate(THREE[1:], 1)
    )
    predict(folders[0] / "a.ome.tif", [[0, 0, 1, 1]], classes=strokes)
    mask(folders[1] / "a.png", [[0, 0, 0, 1]])
    with pytest.raises(LabelError, match=r"--labels 0=NAME,.* these 75\.0% of the mask"):
        evaluated(folders)
    evaluated(folders, rule=MaskRule(unlabelled=0))
    assert "leaves out 75.0 % of the pixels of the masks: what is predicted there is not" in (
        caplog.text
    )


def test_a_class_under_another_is_told(folders, tmp_path, caplog):
    predict(folders[0] / "a.ome.tif", [[0, 1, 2, 2]])
    mask(tmp_path / "small" / "a.png", [[0, 1, 1, 0]])
    mask(tmp_path / "large" / "a.png", [[0, 0, 1, 1]])
    masks = {"small": tmp_path / "small", "large": tmp_path / "large"}
    assert evaluate_label_images([folders[0]], masks).pooled.mean_iou == 1
    assert "50.0 % of small lies under large (2 of 4 pixels in the masks)" in caplog.text


def test_masks_that_number_objects_are_refused_with_the_option_for_them(folders):
    numbers = np.zeros((40, 80), np.uint8)
    for number in range(14):
        y, x = divmod(number, 7)
        numbers[20 * y + 2 : 20 * y + 9, 10 * x + 2 : 10 * x + 9] = number + 1
    predict(folders[0] / "a.ome.tif", numbers > 0, classes=THREE[:2])
    mask(folders[1] / "a.png", numbers)
    with pytest.raises(LabelError, match="they number objects; add --instances masks, or"):
        evaluated(folders)
    report = evaluated(folders, instances=Numbered.MASKS)
    assert report.value("classes", "object", "iou") == 1
