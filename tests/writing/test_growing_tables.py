"""Tables whose rows come little by little."""

import pytest

from emseg.writing.growing_tables import growing_csv, growing_parquet

COLUMNS = ("image", "object", "cut", "size")
FIRST = [{"image": "a, b", "object": 1, "cut": True, "size": None}]
MORE = [{"image": "c", "object": 2**40, "cut": False, "size": 0.1}]


def test_rows_are_lines_and_floats_keep_every_digit(tmp_path):
    with growing_csv(tmp_path / "t.csv") as table:
        for rows in (FIRST, [], MORE):
            table.add(COLUMNS, rows)
    assert (tmp_path / "t.csv").read_text(encoding="utf-8") == (
        'image,object,cut,size\n"a, b",1,True,\nc,1099511627776,False,0.1\n'
    )


def test_a_table_without_a_row_has_columns(tmp_path):
    with growing_csv(tmp_path / "t.csv") as table:
        table.add(COLUMNS, [])
    assert (tmp_path / "t.csv").read_text(encoding="utf-8") == "image,object,cut,size\n"


@pytest.mark.parametrize("kind", [growing_csv, growing_parquet])
def test_a_table_that_is_not_finished_is_none(tmp_path, kind):
    if kind is growing_parquet:
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    (tmp_path / "t").write_text("of yesterday")

    def interrupted():
        with kind(tmp_path / "t") as table:
            table.add(COLUMNS, FIRST)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "t").read_text() == "of yesterday"
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


def test_a_name_that_is_no_utf_8_is_the_same_in_both(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    for kind in (growing_csv, growing_parquet):
        with kind(tmp_path / kind.__name__) as table:
            table.add(("image",), [{"image": "caf\udce9"}])
    read = parquet.read_table(tmp_path / "growing_parquet").to_pylist()
    assert read == [{"image": "caf\\udce9"}]
    assert (tmp_path / "growing_csv").read_text(encoding="utf-8") == "image\ncaf\\udce9\n"


def test_parquet_keeps_types(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    with growing_parquet(tmp_path / "t.parquet") as table:
        for rows in (FIRST, [], MORE):
            table.add(COLUMNS, rows)
    read = parquet.read_table(tmp_path / "t.parquet")
    assert read.to_pylist() == FIRST + MORE
    assert [str(each) for each in read.schema.types] == ["string", "int64", "bool", "double"]
    with growing_parquet(tmp_path / "empty.parquet") as table:
        table.add(COLUMNS, [])
    assert tuple(parquet.read_table(tmp_path / "empty.parquet").column_names) == COLUMNS


def test_parquet_may_lie_where_a_name_is_no_utf_8(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    try:
        (tmp_path / "caf\udce9").mkdir()
    except (OSError, UnicodeError):
        pytest.skip("this file system takes no such names")
    with growing_parquet(tmp_path / "caf\udce9" / "t.parquet") as table:
        table.add(COLUMNS, MORE)
    with (tmp_path / "caf\udce9" / "t.parquet").open("rb") as file:
        assert parquet.read_table(file).num_rows == 1
