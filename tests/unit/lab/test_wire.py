"""What travels: JSON and plain arrays, never a pickle."""

import io
import json
import pickle

import numpy as np
import pytest

from core.errors import BadSetting, LabLost, Superseded, UnknownName
from core.lab import faults
from core.lab.wire import BadMessage, decode, encode


def test_arrays_arrive_as_they_left_whatever_their_order_and_place():
    turned = np.arange(6, dtype=np.float32).reshape(2, 3).T
    sent = {"a": turned, "deep": [{"b": np.zeros((0, 4), np.int64)}], "n": np.int64(3)}
    got = decode(encode(sent))
    np.testing.assert_array_equal(got["a"], sent["a"])
    assert got["deep"][0]["b"].shape == (0, 4)
    assert got["n"] == 3


def test_objects_do_not_travel():
    with pytest.raises(ValueError, match="Object arrays"):
        encode({"a": np.array([object()])})
    with pytest.raises(TypeError, match="does not travel"):
        encode({"a": object()})


def test_a_pickled_array_is_not_opened():
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}]), allow_pickle=True)
    text = json.dumps({"__array__": 0}).encode()
    with pytest.raises(BadMessage):
        decode(len(text).to_bytes(4, "big") + text + buffer.getvalue())


@pytest.mark.parametrize(
    "raw",
    [b"", b"\0\0", b"\xff\xff\xff\xff", b"\0\0\0\2{]", b"\0\0\0\2[]", b"\0\0\0\2{}GET /", pickle.dumps({"a": 1})],
)
def test_garbage_is_refused_with_one_named_error(raw):
    with pytest.raises(BadMessage):
        decode(raw)


def test_a_missing_array_is_refused():
    text = json.dumps({"a": {"__array__": 5}}).encode()
    with pytest.raises(BadMessage):
        decode(len(text).to_bytes(4, "big") + text)


@pytest.mark.parametrize("error", [BadSetting("Too much."), LabLost("Gone."), UnknownName("criterion", "x", ("a",))])
def test_an_error_keeps_its_name_and_sentence(error):
    back = faults.revived(faults.told(error))
    assert type(back) is type(error)
    assert str(back) == str(error)


def test_signals_keep_their_kind_and_surprises_are_named():
    assert isinstance(faults.revived(faults.told(Superseded())), Superseded)
    assert "ZeroDivisionError" in str(faults.revived(faults.told(ZeroDivisionError("1 / 0"))))


def test_an_answer_cannot_name_a_class_that_is_no_error_of_ours():
    assert type(faults.revived({"error": "Iterable", "message": "m"})).__name__ == "PruneError"
