"""``latency``: one network, or two in turn, as a table and as JSON."""

import json
from collections.abc import Callable

import pytest

from .conftest import Spoken, refused, topiary_here


@pytest.fixture
def say(capfd: pytest.CaptureFixture[str]) -> Callable[..., Spoken]:
    """The command line in this process, where PyTorch is imported once for all tests."""
    return lambda *arguments: topiary_here(*arguments, capture=capfd)


def test_two_networks_are_timed_in_pairs_at_every_batch_size(say: Callable[..., Spoken]) -> None:
    spoken = say(
        *("latency", "sample:iris-mlp", "sample:iris-mlp", "--runtimes", "native,litert"),
        *("--batch", "1,4", "--threads", "1", "--pairs", "6", "--json"),
    )
    assert spoken.status == 0, spoken.err
    found = json.loads(spoken.out)
    native, refusing = ([one for one in found["speeds"] if one["runtime"] == name] for name in ("native", "litert"))
    assert [(one["batch"], one["threads"]) for one in native] == [(1, 1), (4, 1)]
    assert all(one["pairs"] >= 6 and one["low"] <= one["ratio"] <= one["high"] for one in native)
    assert native[0]["dense"]["median_ms"] > 0 and native[0]["pruned"]["median_ms"] > 0
    assert all(one["refused"] and one["dense"] is None for one in refusing)
    assert found["denormals"] == {"dense": 0, "pruned": 0}


def test_one_network_is_a_table_without_what_was_not_compared(say: Callable[..., Spoken]) -> None:
    spoken = say("latency", "sample:iris-mlp", "--runtimes", "native", "--pairs", "6", "--data", "iris")
    assert spoken.status == 0, spoken.err
    head = spoken.out.splitlines()[0]
    assert "dense" in head and "RAM" in head and "pruned" not in head and "ratio" not in head


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--runtimes", "abacus"], "Choose one of: native, compiled, onnxruntime, litert"),
        (["--batch", "1,many"], "such as 1,16"),
        (["--batch", "0"], "at least one sample"),
        (["--threads", "-2"], "Threads are 1 to 1024"),
    ],
)
def test_a_wrong_request_is_one_clear_line(more: list[str], said: str, say: Callable[..., Spoken]) -> None:
    assert said in refused(say("latency", "sample:iris-mlp", *more))
