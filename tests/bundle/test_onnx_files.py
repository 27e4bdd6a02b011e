"""Files of ONNX that would have a runtime read other files are known without a runtime."""

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from emseg.bundle.onnx_files import points_elsewhere


def tensor(*, is_elsewhere):
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1])
    if is_elsewhere:
        weights.data_location = TensorProto.EXTERNAL
        weights.external_data.add(key="location", value="/etc/passwd")
    else:
        weights.data_location = TensorProto.DEFAULT
        weights.raw_data = bytes(4)
    return weights


def in_weights(weights):
    return helper.make_graph([helper.make_node("Add", ["a", "w"], ["b"])], "g", [], [], [weights])


def in_constant(weights):
    node = helper.make_node("Constant", [], ["b"], value=weights)
    return helper.make_graph([node], "g", [], [])


def in_branch(weights):
    branch = in_constant(weights)
    node = helper.make_node("If", ["a"], ["b"], then_branch=branch, else_branch=branch)
    return helper.make_graph([node], "g", [], [])


def in_list(weights):
    node = helper.make_node("Strange", [], ["b"], values=[weights])
    return helper.make_graph([node], "g", [], [])


def in_sparse(weights):
    graph = helper.make_graph([], "g", [], [])
    graph.sparse_initializer.add(values=weights, dims=[3])
    return graph


@pytest.mark.parametrize("where", [in_weights, in_constant, in_branch, in_list, in_sparse])
@pytest.mark.parametrize("is_elsewhere", [True, False])
def test_tensors_of_other_files_are_seen_wherever_they_stand(where, is_elsewhere):
    content = helper.make_model(where(tensor(is_elsewhere=is_elsewhere))).SerializeToString()
    assert points_elsewhere(content) is is_elsewhere


def test_functions_are_looked_into():
    function = helper.make_function(
        "d",
        "f",
        [],
        ["b"],
        in_constant(tensor(is_elsewhere=True)).node,
        [helper.make_opsetid("", 18)],
    )
    model = helper.make_model(in_weights(tensor(is_elsewhere=False)), functions=[function])
    assert points_elsewhere(model.SerializeToString())


@pytest.mark.parametrize("name", ["superalloy", "steel_classes"])
def test_models_that_come_along_hold_all_of_theirs(repository, name):
    assert not points_elsewhere(
        (repository / "tests" / "models" / name / "model.onnx").read_bytes()
    )


@given(st.binary(max_size=200))
def test_what_protocol_buffers_refuse_is_refused_or_points_nowhere(content):
    try:
        found = points_elsewhere(content)
    except ValueError:
        return
    try:
        read = onnx.load_from_string(content)
    except Exception:  # whatever it says to strange bytes
        return
    assert not (read.graph.initializer and read.graph.initializer[0].external_data and not found)


@pytest.mark.parametrize("content", [b"\x3b", b"\x3a\x05a", b"\x38", b"\xff" * 12])
def test_what_is_no_protocol_buffer_is_refused(content):
    with pytest.raises(ValueError, match="no protocol buffer"):
        points_elsewhere(content)
