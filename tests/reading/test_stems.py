"""Results of different files never have the same name."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from emseg.reading.finding.stems import output_stems, shown_names


def test_stems_that_collide_keep_their_folder_and_no_others_do():
    stems = output_stems([Path("/d/mon/a.tif"), Path("/d/tue/a.tif"), Path("/d/tue/b.ome.tif")])
    assert list(stems.values()) == ["mon/a", "tue/a", "b"]


names = st.lists(st.sampled_from("abA"), min_size=1, max_size=3).map("/".join)


@given(st.lists(st.tuples(names, st.sampled_from([".tif", ".png"])), unique=True, min_size=1))
def test_all_names_differ_also_where_case_does_not_count(found):
    stems = output_stems([Path(f"/d/{name}{suffix}") for name, suffix in found])
    assert len({each.lower() for each in stems.values()}) == len(found)


def test_files_that_have_results_keep_their_names_and_no_other_file_takes_them():
    old, new = Path("/d/mon/a.tif"), Path("/d/tue/a.tif")
    assert output_stems([new], {old: "a"}) == {new: "tue/a"}
    assert output_stems([new, old], {old: "a"}) == {new: "tue/a", old: "a"}
    assert output_stems([old], {old: "a", new: "tue/a"}) == {old: "a"}
    assert output_stems([new], {new: "tue/a"}) == {new: "tue/a"}


def test_names_in_tables_have_as_many_folders_as_tell_them_apart():
    paths = [Path(each) for each in ("x/mon/a.png", "x/tue/a.png", "y/tue/a.png", "x/b.png")]
    assert shown_names([*paths, paths[0]]) == {
        paths[0]: "mon/a.png",
        paths[1]: "x/tue/a.png",
        paths[2]: "y/tue/a.png",
        paths[3]: "b.png",
    }
