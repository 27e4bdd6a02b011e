"""Addresses of images inside a file."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emseg.reading.finding.stems import output_stems
from emseg.reading.formats import format_of, stem
from emseg.reading.inside import file_of, join, split

NAMES = st.text("abc _-.Ωü", min_size=1, max_size=9).filter(lambda name: name.strip(". "))


@pytest.mark.parametrize(
    ("given", "file", "inside"),
    [
        ("a.h5:/raw", "a.h5", "/raw"),
        ("a.h5:raw", "a.h5", "/raw"),
        ("a b/c d.HDF5:/x y/z/", "a b/c d.HDF5", "/x y/z"),
        ("a.h5", "a.h5", ""),
        ("a.h5:", "a.h5", "/"),
        ("a.tif:/raw", "a.tif:/raw", ""),
        ("C:/data/a.h5:/raw", "C:/data/a.h5", "/raw"),
        ("*.h5:/raw", "*.h5", "/raw"),
    ],
)
def test_an_address_is_a_file_and_a_path_inside_it(given, file, inside):
    assert split(Path(given)) == (Path(file), inside)


@given(NAMES, st.lists(NAMES, min_size=1, max_size=3))
def test_what_is_joined_is_parted_again(name, inside):
    file, address = Path("nowhere", f"{name}.h5"), "/" + "/".join(inside)
    assert split(join(file, address)) == (file, address)
    assert file_of(join(file, address)) == file


def test_what_lies_inside_a_file_has_its_name_and_is_read_as_hdf5():
    assert stem(Path("a b.h5:/volumes/raw")) == "a b"
    assert stem(Path("a_Probabilities.ilastik.h5:/exported_data")) == "a_Probabilities"
    assert format_of(Path("map.emd:/data/image")).name == "HDF5"


def test_outputs_of_two_datasets_have_names_of_their_own_without_a_colon(tmp_path):
    paths = [tmp_path / each for each in ("x/a.h5:/raw", "x/a.h5:/mask", "y/a.h5:/raw")]
    stems = output_stems(paths)
    assert len({*stems.values()}) == 3
    assert not [each for each in stems.values() if ":" in each]
