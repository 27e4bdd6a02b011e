"""What a file of ONNX points at, read without ONNX: weights that lie in other files are refused.

A file of ONNX may say that its weights lie in another file, of any path; a runtime would then read
whatever that names on this machine. Those that emseg writes hold all of theirs, so only as much of
the format is followed here as leads to tensors (https://github.com/onnx/onnx, ``onnx.proto``)::

    ModelProto --> GraphProto --> NodeProto --> AttributeProto --> GraphProto ...
                        |                             |
                        +------> TensorProto <--------+        external_data, data_location
"""

from collections.abc import Iterator, Mapping

_TREE: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
"""What a message holds, by the numbers of its fields."""

_ELSEWHERE = (13, 14)  # fields of a tensor: external_data, data_location (0 where it is here)
_VARINT, _EIGHT, _TEXT, _FOUR = 0, 1, 2, 5  # types on the wire


def points_elsewhere(content: bytes) -> bool:
    """Whether a file of ONNX keeps tensors in other files.

    Parameters
    ----------
    content : bytes
        Of the file.

    Raises
    ------
    ValueError
        When it is no protocol buffer.
    """
    data, open_ = memoryview(content), [("model", 0, len(content))]
    while open_:
        kind, start, stop = open_.pop()
        for number, first, last in _fields(data, start, stop):
            if kind == "tensor" and number in _ELSEWHERE and first != last:
                return True
            inner = _TREE.get(kind, {}).get(number)
            if inner is not None:
                open_.append((inner, first, last))
    return False


def _fields(data: memoryview, at: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Give the number of each field of a message, and where its content, unless 0, lies."""
    while at < stop:
        key, at = _varint(data, at, stop)
        wire, last = key & 7, at
        if wire == _VARINT:
            value, last = _varint(data, at, stop)
            at = at if value else last
        elif wire == _TEXT:
            length, at = _varint(data, at, stop)
            last = at + length
        elif wire in (_EIGHT, _FOUR):
            last = at + (8 if wire == _EIGHT else 4)
        else:
            raise ValueError(f"no protocol buffer: a field of type {wire}")
        if last > stop:
            raise ValueError("no protocol buffer: a field ends behind its message")
        yield key >> 3, at, last
        at = last


def _varint(data: memoryview, at: int, stop: int) -> tuple[int, int]:
    """Read a number of seven bits a byte, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= stop:
            break
        byte, at = data[at], at + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("no protocol buffer: a number does not end")
