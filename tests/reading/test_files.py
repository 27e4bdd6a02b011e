"""Files, folders and globs; planes and slices of them."""

import numpy as np
import pytest
import tifffile

from emseg.errors import ContentError, PathMissingError, UsageError
from emseg.reading import find_files, list_planes


def names(paths):
    return [path.name for path in paths]


@pytest.fixture
def folder(tmp_path):
    for name in ("10.png", "2.png", "1.TIF", ".hidden.png", "notes.txt", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "deeper" / "deepest").mkdir(parents=True)
    (tmp_path / "deeper" / "deepest" / "3.png").write_bytes(b"x")
    return tmp_path


def test_a_folder_gives_its_images_as_people_count(folder):
    assert names(find_files([folder])) == ["1.TIF", "2.png", "10.png"]


def test_globs_and_depth(folder):
    assert names(find_files([f"{folder}/*.png"])) == ["2.png", "10.png"]
    assert names(find_files([f"{folder}/**/*.png"])) == ["2.png", "10.png", "3.png"]
    assert names(find_files([f"{folder}/*"])) == ["1.TIF", "2.png", "10.png"]


def test_each_file_once_and_all_sorted(folder):
    given = [folder / "10.png", f"{folder}/*.png", folder, folder / "deeper" / ".." / "2.png"]
    assert names(find_files(given)) == ["1.TIF", "2.png", "10.png"]


def test_a_name_with_brackets_is_a_name_before_it_is_a_glob(tmp_path):
    (tmp_path / "img[3].png").write_bytes(b"x")
    assert names(find_files([tmp_path / "img[3].png"])) == ["img[3].png"]


@pytest.mark.parametrize("pattern", ["*.png", "**/*.png", "img[3]*.png", "img[[]3]*.png"])
def test_a_folder_that_exists_is_taken_literally(tmp_path, monkeypatch, pattern):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "[2024] run").mkdir()
    (tmp_path / "2 run").mkdir()  # what the brackets would match
    (tmp_path / "[2024] run" / "img[3]a.png").write_bytes(b"x")
    (tmp_path / "2 run" / "img3a.png").write_bytes(b"x")
    for above in (".", tmp_path):
        assert names(find_files([f"{above}/[2024] run/{pattern}"])) == ["img[3]a.png"]
    assert names(find_files(["[2] run/*.png"])) == ["img3a.png"]


def test_an_empty_folder_says_what_is_read(tmp_path):
    with pytest.raises(ContentError, match=r"holds no image; emseg reads \.tif .*\.dm3"):
        find_files([tmp_path])


def test_a_glob_without_match_and_a_path_that_is_missing(folder):
    with pytest.raises(PathMissingError, match="no file matches"):
        find_files([f"{folder}/*.dm4"])
    with pytest.raises(PathMissingError, match=r"did you mean '10\.png'"):
        find_files([folder / "010.png"])
    with pytest.raises(PathMissingError, match="holds no such name"):
        find_files([folder / "3.png"])  # 2.png is another one


def test_a_tia_index_gives_way_to_its_series(tmp_path):
    for name in ("a.emi", "a_1.ser", "a_2.ser", "b.emi"):
        (tmp_path / name).write_bytes(b"x")
    assert names(find_files([tmp_path])) == ["a_1.ser", "a_2.ser", "b.emi"]


def test_a_zspy_folder_is_one_file(tmp_path):
    (tmp_path / "a.zspy").mkdir()
    assert names(find_files([tmp_path])) == ["a.zspy"]
    assert names(find_files([tmp_path / "a.zspy"])) == ["a.zspy"]


def write_stack(path, planes):
    tifffile.imwrite(path, np.zeros((planes, 8, 9), np.uint8), photometric="minisblack")
    return path


def test_slices_pick_planes_of_one_stack(tmp_path):
    path = write_stack(tmp_path / "s.tif", 6)
    planes = list_planes([path], slices=slice(1, 6, 2))
    assert [plane.title for plane in planes] == ["s[1]", "s[3]", "s[5]"]
    assert planes[0].name == "s"
    assert planes[1].read().plane == 3


def test_slices_pick_files_of_a_folder(tmp_path):
    for number in range(12):
        write_stack(tmp_path / f"{number}.tif", 1)
    picked = list_planes([tmp_path], slices=slice(9, 11))
    assert [plane.title for plane in picked] == ["9", "10"]
    assert len(list_planes([tmp_path])) == 12


def test_slices_that_pick_nothing_are_a_wrong_option(tmp_path):
    path = write_stack(tmp_path / "s.tif", 6)
    with pytest.raises(UsageError, match=r"40:50 pick none of the 6 planes in .*s\.tif"):
        list_planes([path], slices=slice(40, 50))


def test_a_folder_of_folders_says_how_their_images_are_named(tmp_path):
    outer = tmp_path / "outer"
    (outer / "monday").mkdir(parents=True)
    (outer / "monday" / "a.png").write_bytes(b"x")
    with pytest.raises(ContentError, match=r"no image; its sub-folders do.*outer/\*\*'") as told:
        find_files([outer])
    assert ".dm4" not in str(told.value)
    assert names(find_files([f"{outer}/**"])) == ["a.png"]
