"""Labelled micrographs: found, paired, checked and split."""

import logging
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from emseg.config import TrainConfig
from emseg.errors import ContentError, LabelError, MismatchError, PathMissingError, UsageError
from emseg.training.holding_out import check_classes, split
from emseg.training.labelled import fingerprint, load_labelled


def config(images, masks=None, **more):
    masks = () if masks is None else (masks,)
    return TrainConfig(images=(images,), masks=masks, out=Path("run"), **more)


def titles(planes):
    return [plane.micrograph.title for plane in planes]


def test_pairs_are_read_and_a_part_held_out(folders):
    data = load_labelled(config(*folders(5)))
    assert sorted(titles([*data.train, *data.validation])) == ["1", "2", "3", "4", "5"]
    assert len(data.validation) == 1
    assert [(each.name, each.values) for each in data.classes] == [
        ("background", (0,)),
        ("foreground", (255,)),
    ]
    assert (data.channels, data.pixel_size) == (1, None)
    for plane in data.train:
        mask = iio.imread(plane.micrograph.path.parents[1] / "masks" / plane.micrograph.path.name)
        np.testing.assert_array_equal(plane.labels.pixels, mask // 255)


def test_masks_are_found_by_their_usual_endings(folders):
    images, masks = folders(3)
    for path in list(masks.iterdir()):
        path.rename(masks / f"{path.stem}_mask.png")
    data = load_labelled(config(images, masks))
    assert len(data.train) + len(data.validation) == 3


def test_what_has_no_partner_is_told_and_left_out(folders, caplog):
    images, masks = folders(4)
    (images / "4.png").rename(images / "other.png")
    with caplog.at_level(logging.WARNING):
        data = load_labelled(config(images, masks))
    assert len(data.train) + len(data.validation) == 3
    assert "1 micrograph(s) have no mask and are left out: other.png" in caplog.text
    assert "1 mask(s) have no micrograph and are left out: 4.png" in caplog.text


def test_names_that_do_not_match_at_all_are_explained(folders):
    images, masks = folders(2)
    for path in list(masks.iterdir()):
        path.rename(masks / f"x{path.name}")
    with pytest.raises(MismatchError, match=r"the images are 1.png, 2.png, the masks x1.png"):
        load_labelled(config(images, masks))


def test_a_mask_of_another_size_is_refused_naming_both(folders):
    images, masks = folders(2)
    iio.imwrite(masks / "2.png", np.zeros((40, 48), np.uint8))
    with pytest.raises(MismatchError, match="40 x 48") as caught:
        load_labelled(config(images, masks))
    assert str(masks / "2.png") in str(caught.value)
    assert f"{images / '2.png'} has 48 x 40" in str(caught.value)


def test_colour_masks_are_refused(folders):
    images, masks = folders(2)
    iio.imwrite(masks / "2.png", np.random.default_rng(0).integers(0, 255, (48, 40, 3), np.uint8))
    with pytest.raises(LabelError, match=r"2\.png is a colour picture \(1920 colours\)"):
        load_labelled(config(images, masks))


def test_a_mask_that_lies_on_its_side_is_called_so(folders):
    images, masks = folders(2)
    iio.imwrite(masks / "1.png", iio.imread(masks / "1.png").T)
    with pytest.raises(MismatchError, match=r"its micrograph, and one of them is turned by 90°"):
        load_labelled(config(images, masks))


def test_micrographs_of_different_channels_are_refused(folders):
    images, masks = folders(2)
    iio.imwrite(images / "2.png", np.random.default_rng(0).integers(0, 255, (48, 40, 3), np.uint8))
    with pytest.raises(
        MismatchError, match=r"2\.png is a colour picture and .* --channels 0 reads"
    ):
        load_labelled(config(images, masks))


def test_unlabelled_pixels_are_left_out(folders):
    images, masks = folders(3)
    for path in masks.iterdir():
        mask = iio.imread(path)
        mask[:10] = 77
        iio.imwrite(path, mask)
    data = load_labelled(config(images, masks, unlabelled=77))
    for plane in [*data.train, *data.validation]:
        assert (plane.labels.pixels[:10] == 255).all()
        assert plane.labels.counts().sum() == 38 * 40
    assert len(data.classes) == 2


def test_masks_without_a_labelled_pixel_are_refused(folders):
    images, masks = folders(2)
    for path in masks.iterdir():
        iio.imwrite(path, np.full((48, 40), 9, np.uint8))
    said = {"unlabelled": 9, "classes": ("a", "b")}
    with pytest.raises(ContentError, match="no pixel of the training masks is labelled"):
        load_labelled(config(images, masks, **said))


def test_a_class_that_no_mask_shows_is_told(folders, caplog):
    with caplog.at_level(logging.WARNING):
        load_labelled(config(*folders(3), labels={0: "a", 255: "b", 3: "ghost"}))
    assert "no training mask shows ghost, which cannot be learnt" in caplog.text


def test_one_mask_folder_a_class(folders, tmp_path):
    images, masks = folders(3)
    (tmp_path / "edges").mkdir()
    for path in masks.iterdir():
        edge = np.zeros((48, 40), np.uint8)
        edge[0] = 1
        iio.imwrite(tmp_path / "edges" / path.name, edge)
    named = {"square": masks, "edge": tmp_path / "edges"}
    data = load_labelled(config(images, mask_folders=named))
    assert [each.name for each in data.classes] == ["background", "square", "edge"]
    for plane in [*data.train, *data.validation]:
        assert (plane.labels.pixels[0] == 2).all()
        assert plane.labels.counts()[1] >= 15 * 16


def test_a_micrograph_that_lacks_one_of_its_masks_is_left_out(folders, tmp_path):
    images, masks = folders(3)
    (tmp_path / "edges").mkdir()
    for name in ("1.png", "2.png"):
        iio.imwrite(tmp_path / "edges" / name, np.ones((48, 40), np.uint8))
    data = load_labelled(config(images, mask_folders={"a": masks, "b": tmp_path / "edges"}))
    assert sorted(titles([*data.train, *data.validation])) == ["1", "2"]


def marked(folder, rows):
    folder.mkdir()
    mask = np.zeros((48, 40), np.uint8)
    mask[rows] = 255
    iio.imwrite(folder / "2.png", mask)
    return folder


def test_validation_folders_mean_the_same_classes_in_any_order(folders, tmp_path):
    images, _ = folders(2)
    top, rest = marked(tmp_path / "top", slice(0, 8)), marked(tmp_path / "rest", slice(8, 20))
    iio.imwrite(top / "1.png", np.eye(48, 40, dtype=np.uint8))
    iio.imwrite(rest / "1.png", np.eye(48, 40, 3, dtype=np.uint8))
    data = load_labelled(
        config(
            images,
            mask_folders={"top": top, "rest": rest},
            val_images=(images / "2.png",),
            val_mask_folders={"rest": rest, "top": top},
        )
    )
    assert [each.name for each in data.classes] == ["background", "top", "rest"]
    assert data.validation[0].labels.counts().tolist() == [28 * 40, 8 * 40, 12 * 40]


@pytest.mark.parametrize("kind", ["another class", "fewer classes", "plain masks"])
def test_validation_masks_of_other_classes_are_refused(folders, tmp_path, kind):
    images, masks = folders(3)
    more = {
        "another class": {"val_mask_folders": {"a": masks, "c": masks}},
        "fewer classes": {"val_mask_folders": {"a": masks}},
        "plain masks": {"val_masks": (masks / "2.png",)},
    }[kind]
    named = {"a": masks, "b": masks}
    with pytest.raises(UsageError, match=r"--val-masks names .* and --masks a, b; name the same"):
        load_labelled(config(images, mask_folders=named, val_images=(images / "2.png",), **more))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"val_images": (Path("v"),)}, "--val-images needs --val-masks"),
        ({"val_masks": (Path("v"),)}, "--val-masks needs --val-images"),
    ],
)
def test_validation_needs_images_and_masks(folders, more, said):
    with pytest.raises(UsageError, match=said):
        load_labelled(config(*folders(2), **more))


def test_no_masks_at_all_are_refused(folders):
    with pytest.raises(UsageError, match="micrographs without masks"):
        load_labelled(config(folders(2)[0]))


def test_a_folder_that_is_not_there_is_named(folders, tmp_path):
    with pytest.raises(PathMissingError, match="nowhere"):
        load_labelled(config(tmp_path / "nowhere", folders(2)[1]))


def test_named_validation_micrographs_are_used_and_nothing_is_split(folders):
    images, masks = folders(4)
    said = {"val_images": (images / "2.png",), "val_masks": (masks / "2.png",)}
    data = load_labelled(config(images, masks, **said))
    assert titles(data.validation) == ["2"]
    assert titles(data.train) == ["1", "3", "4"]  # what validates is not learnt


def test_slices_of_a_folder_and_of_validation(folders):
    data = load_labelled(config(*folders(12), slices="0:8", val_slices="8:10"))
    assert titles(data.train) == [str(n) for n in range(1, 9)]
    assert titles(data.validation) == ["9", "10"]


def write_stack(path, count, seed=0):
    planes = np.random.default_rng(seed).integers(0, 2, (count, 16, 16), dtype=np.uint8)
    tifffile.imwrite(path, planes, ome=True, metadata={"axes": "ZYX"})
    return path


def test_the_last_planes_of_a_stack_are_held_out(tmp_path):
    images, masks = write_stack(tmp_path / "s.tif", 10), write_stack(tmp_path / "m.tif", 10)
    data = load_labelled(config(images, masks))
    assert [plane.micrograph.plane for plane in data.train] == [*range(7)]  # 7 is like 8
    assert [plane.micrograph.plane for plane in data.validation] == [8, 9]


def test_a_short_stack_spares_no_plane(tmp_path):
    images, masks = write_stack(tmp_path / "s.tif", 5), write_stack(tmp_path / "m.tif", 5)
    data = load_labelled(config(images, masks))
    assert [plane.micrograph.plane for plane in data.train] == [*range(4)]


def test_every_plane_is_in_one_part_of_a_stack(tmp_path):
    images, masks = write_stack(tmp_path / "s.tif", 12), write_stack(tmp_path / "m.tif", 12)
    parts = [load_labelled(config(images, masks, folds=3, fold=n)) for n in (1, 2, 3)]
    held_out = [[plane.micrograph.plane for plane in part.validation] for part in parts]
    assert held_out == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    learnt = [[plane.micrograph.plane for plane in part.train] for part in parts]
    assert learnt == [[*range(5, 12)], [0, 1, 2, 9, 10, 11], [*range(7)]]


def test_every_micrograph_is_in_one_part(folders):
    images, masks = folders(5)
    parts = [load_labelled(config(images, masks, folds=5, fold=n)) for n in range(1, 6)]
    held_out = [titles(part.validation) for part in parts]
    assert sorted(name for part in held_out for name in part) == sorted(str(n) for n in range(1, 6))
    assert all(len(part.train) == 4 for part in parts)
    with pytest.raises(UsageError, match="--folds 6 is more"):
        load_labelled(config(images, masks, folds=6, fold=1))


def test_specimens_are_held_out_whole(folders):
    names = [f"{specimen}_{n}.png" for specimen in "abcd" for n in range(3)]
    images, masks = folders(names=names)
    data = load_labelled(config(images, masks, group_by="^([a-d])_", val_fraction=0.3))
    learnt, held_out = (
        {title[0] for title in titles(part)} for part in (data.train, data.validation)
    )
    assert len(held_out) == 1
    assert learnt | held_out == set("abcd")
    assert not learnt & held_out
    assert len(data.validation) == 3
    with pytest.raises(UsageError, match="--group-by makes one group"):
        load_labelled(config(images, masks, group_by="folder"))


def test_the_last_planes_of_every_stack_are_held_out(tmp_path):
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
        for name in ("a.tif", "b.tif"):
            write_stack(tmp_path / kind / name, 5)
    data = load_labelled(config(tmp_path / "images", tmp_path / "masks"))
    assert titles(data.validation) == ["a[4]", "b[4]"]
    assert len(data.train) == 8


@pytest.mark.parametrize("count", [2, 3, 5, 30])
@pytest.mark.parametrize("fraction", [0.01, 0.2, 0.99])
def test_a_split_is_whole_and_disjoint(labelled, count, fraction):
    planes = [
        labelled(np.zeros((4, 4)), np.zeros((4, 4), int), path=Path(f"{n}.tif"))
        for n in range(count)
    ]
    train, validation = split(planes, fraction, seed=3)
    assert train
    assert validation
    assert sorted(titles([*train, *validation])) == sorted(titles(planes))
    assert len(validation) == min(count - 1, max(1, round(fraction * count)))


def test_the_seed_draws_the_split(labelled):
    planes = [
        labelled(np.zeros((4, 4)), np.zeros((4, 4), int), path=Path(f"{n}.tif")) for n in range(20)
    ]
    drawn = [titles(split(planes, 0.2, seed)[1]) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(("size", "axis"), [((30, 50), 1), ((50, 30), 0)])
def test_a_single_micrograph_is_cut_in_two_along_its_length(labelled, size, axis, caplog):
    pixels = np.arange(1500.0).reshape(size)
    plane = labelled(pixels, (pixels > 700).astype(int))
    with caplog.at_level(logging.WARNING):
        (first,), (last,) = split([plane], 0.2, 0)
    joined = np.concatenate([first.micrograph.pixels[0], last.micrograph.pixels[0]], axis=axis)
    np.testing.assert_array_equal(joined, pixels)
    assert last.labels.pixels.shape[axis] == 10
    np.testing.assert_array_equal(last.labels.pixels, last.micrograph.pixels[0] > 700)
    assert first.statistics is last.statistics is plane.statistics
    assert f"its last 10 {('rows', 'columns')[axis]} are held out" in caplog.text


def test_a_single_pixel_is_no_training_set(labelled):
    with pytest.raises(ContentError, match="single pixel"):
        split([labelled(np.zeros((1, 1)), np.zeros((1, 1), int))], 0.2, 0)


def calibrated(path, nm):
    metadata = {"axes": "YX"}
    if nm:
        metadata |= {"PhysicalSizeX": nm, "PhysicalSizeXUnit": "nm"}
        metadata |= {"PhysicalSizeY": nm, "PhysicalSizeYUnit": "nm"}
    pixels = np.random.default_rng(0).integers(0, 255, (16, 16), dtype=np.uint8)
    tifffile.imwrite(path, pixels, ome=True, metadata=metadata)


@pytest.mark.parametrize(
    ("sizes", "common", "said"),
    [
        ([2.0, 2.0, 2.0], 2.0, ""),
        ([2.0, 3.0, 4.0], 3.0, "the pixel sizes of the training differ: 2 to 4 nm"),
        ([2.0, None, 2.0], None, "1 of 3 micrographs have no pixel size"),
        ([None, None, None], None, ""),
    ],
)
def test_the_common_pixel_size(tmp_path, sizes, common, said, caplog):
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for number, size in enumerate(sizes):
        calibrated(tmp_path / "images" / f"{number}.tif", size)
        iio.imwrite(tmp_path / "masks" / f"{number}.png", np.eye(16, dtype=np.uint8))
    calibrated(tmp_path / "v.tif", common)
    iio.imwrite(tmp_path / "v.png", np.eye(16, dtype=np.uint8))
    with caplog.at_level(logging.WARNING):
        data = load_labelled(
            config(
                tmp_path / "images",
                tmp_path / "masks",
                val_images=(tmp_path / "v.tif",),
                val_masks=(tmp_path / "v.png",),
            )
        )
    assert (data.pixel_size.x_nm if data.pixel_size else None) == common
    assert said in caplog.text
    assert bool(said) == bool(caplog.text)


@pytest.mark.parametrize(
    ("rescale", "rows"), [("auto", [11, 16, 21, 32]), ("never", [16, 16, 16, 16])]
)
def test_micrographs_and_masks_come_to_the_median_pixel_size(tmp_path, rescale, rows):
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    mask = np.repeat([[0] * 8 + [1] * 8], 16, axis=0).astype(np.uint8)
    for number, size in enumerate([2.0, 3.0, 4.0]):
        calibrated(tmp_path / "images" / f"{number}.tif", size)
        iio.imwrite(tmp_path / "masks" / f"{number}.png", mask)
    calibrated(tmp_path / "v.tif", 6.0)
    iio.imwrite(tmp_path / "v.png", mask)
    data = load_labelled(
        config(
            tmp_path / "images",
            tmp_path / "masks",
            val_images=(tmp_path / "v.tif",),
            val_masks=(tmp_path / "v.png",),
            rescale=rescale,
        )
    )
    planes = [*data.train, *data.validation]
    assert [len(plane.labels.pixels) for plane in planes] == rows
    for plane in planes:
        side = len(plane.labels.pixels)
        assert plane.micrograph.size == plane.labels.pixels.shape == (side, side)
        assert plane.labels.pixels.dtype == np.uint8
        right = np.arange(side) >= side // 2 + side % 2 * (side != 16)
        np.testing.assert_array_equal(plane.labels.pixels[0, right], 1)
        assert plane.labels.pixels[:, : side // 2].max() == 0


def test_the_fingerprint_is_that_of_the_data(labelled):
    pixels, mask = np.arange(16.0).reshape(4, 4), np.eye(4, dtype=int)
    one = fingerprint([labelled(pixels, mask)])
    assert one == fingerprint([labelled(pixels.copy(), mask.copy(), path=Path("other.tif"))])
    assert one != fingerprint([labelled(pixels, 1 - mask)])
    assert one != fingerprint([labelled(pixels + 1, mask)])
    assert one != fingerprint([labelled(pixels.astype(np.float32), mask)])
    assert len(one) == 64


def showing(labelled, *classes, path, plane=None):
    """Make a plane whose columns show these classes."""
    mask = np.repeat([classes], 8, axis=0)
    return labelled(np.zeros(mask.shape), mask, path=Path(path), plane=plane)


@pytest.mark.parametrize("seed", range(8))
def test_the_only_micrograph_that_shows_a_class_is_learnt_from(labelled, seed, caplog):
    shown = [(0, 1), (0, 1), (0, 1, 2), (0, 1), (0, 1), (0, 1)]
    planes = [showing(labelled, *each, path=f"{n}.tif") for n, each in enumerate(shown)]
    train, validation = split(planes, 0.3, seed)
    assert "2.tif" in [str(plane.micrograph.path) for plane in train]
    assert len(validation) == 2
    check_classes(train, validation)
    (said,) = caplog.messages
    assert said.startswith("what is held out for validation does not show c2: no score says how")


def test_where_every_micrograph_is_needed_the_least_is_held_out(labelled, caplog):
    shown = [(0, 1, 2), (0, 1)], [(0, 1), (0, 2)]
    for (first, second), lost in zip(shown, ("", "only what is held out"), strict=True):
        planes = [
            showing(labelled, *first, path="a.tif"),
            showing(labelled, *second, path="b.tif"),
        ]
        for seed in range(4):
            caplog.clear()
            train, validation = split(planes, 0.2, seed)
            check_classes(train, validation)
            assert (lost in caplog.text) if lost else ("cannot be learnt" not in caplog.text)


def test_planes_of_a_stack_that_alone_show_a_class_are_learnt_from(labelled):
    shown = [(0, 1)] * 8 + [(0, 2), (0, 2)]
    planes = [showing(labelled, *each, path="s.tif", plane=n) for n, each in enumerate(shown)]
    _, validation = split(planes, 0.2, 0)
    assert [plane.micrograph.plane for plane in validation] == [7, 8]


@pytest.mark.parametrize("is_wide", [True, False])
def test_one_micrograph_is_cut_where_every_class_is_left(labelled, is_wide, caplog):
    mask = np.zeros((20, 10), int)
    mask[-2:], mask[:, -1] = 2, 1
    mask = mask.T if is_wide else mask
    (train,), (validation,) = split([labelled(np.zeros(mask.shape), mask)], 0.2, 0)
    assert (train.labels.counts() > 0).all()
    assert validation.labels.pixels.shape == ((10, 4) if is_wide else (4, 10))
    assert f"its first 4 {'columns' if is_wide else 'rows'} are held out" in caplog.text


def test_a_class_under_another_is_told_and_not_called_unshown(folders, tmp_path, caplog):
    images, masks = folders(3)
    (tmp_path / "all").mkdir()
    for path in masks.iterdir():
        iio.imwrite(tmp_path / "all" / path.name, np.full((48, 40), 255, np.uint8))
    load_labelled(config(images, mask_folders={"square": masks, "all": tmp_path / "all"}))
    assert "nothing is left of square; name square last" in caplog.text
    assert "no training mask shows square" not in caplog.text


@pytest.mark.parametrize(
    ("shape", "axes"), [((4, 40, 48, 1), None), ((4, 40, 48, 1), "zyxc"), ((40, 40, 40), "xyz")]
)
def test_masks_of_the_shape_of_their_micrographs_have_the_same_axes(tmp_path, shape, axes):
    images = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    np.save(tmp_path / "x.npy", images)
    np.save(tmp_path / "y.npy", (images > 99).astype(np.uint8))
    data = load_labelled(config(tmp_path / "x.npy", tmp_path / "y.npy", axes=axes))
    for plane in (*data.train, *data.validation):
        assert plane.micrograph.pixels.shape == (1, 40, shape[2])
        np.testing.assert_array_equal(plane.labels.pixels, plane.micrograph.pixels[0] > 99)
