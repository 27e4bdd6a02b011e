"""Predictions on the terminal."""

from rich.console import Console

from emseg.cli.printing.prediction_tables import prediction_table


def test_files_of_one_name_keep_their_folders():
    rows = [
        {"file": file, "plane": plane, "pixel_width_nm": None, "fraction.pore": 0.25}
        for file, plane in (("i/mon/a.png", None), ("i/tue/a.png", None), ("s.h5:/raw", 3))
    ]
    console = Console(width=100)
    with console.capture() as captured:
        console.print(prediction_table(rows))
    lines = [" ".join(line.split()) for line in captured.get().splitlines()]
    assert lines[3:6] == [
        "mon/a.png unknown 25.0%", "tue/a.png unknown 25.0%", "s.h5:/raw[3] unknown 25.0%"
    ]  # fmt: skip
