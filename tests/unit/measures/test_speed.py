"""Runtimes side by side: who refuses says why, figures are of pairs, and layers' times are those of their nodes."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import BadModel, BadSetting, Cancelled
from core.graph import Graph, Node, Op
from core.measures.layers import gathered
from core.measures.ram import resident
from core.measures.speed import Speed, Timing, speeds
from core.runtimes import Ready, Runtime


class Counting(Ready):
    """A network that is called and does nothing."""

    def __init__(self, threads, file):
        self.threads, self.file, self.calls = threads, file, []

    def on(self, x):
        return lambda: self.calls.append(len(x))


class Made(Runtime):
    """A runtime for which everything is there."""

    name, title, about = "made", "Made", ""

    def __init__(self, refusal="", fails="", loader=""):
        self.refusal, self.fails, self.loader, self.ready = refusal, fails, loader, []

    def refuses(self, model):
        return self.refusal

    def opened(self, model, threads, folder):
        if self.fails:
            raise BadModel(self.fails)
        file = folder / "network"
        file.write_bytes(b"x" * 100)
        self.ready.append(Counting(threads, file if self.loader else None))
        return self.ready[-1]


class Network:
    framework = "pytorch"

    def arrays(self):
        return {"fc.kernel": np.zeros((10, 5), np.float32)}


def batch(size):
    return np.zeros((size, 5), np.float32)


QUICK = Timing((1, 4), threads=2, pairs=6, seconds=0.2)


def test_every_batch_size_is_timed_in_pairs_with_the_threads_asked_for():
    runtime = Made()
    found = speeds(Network(), Network(), batch, [runtime], QUICK)
    assert [(one.batch, one.threads) for one in found] == [(1, 2), (4, 2)]
    assert all(one.pairs >= 6 and one.low <= one.ratio <= one.high for one in found)
    assert {len(ready.calls) for ready in runtime.ready} == {len(runtime.ready[0].calls)}, "both as often"
    assert found[0].ram == found[0].ram_now == 200 and found[0].file is None


def test_one_network_is_timed_alone():
    [one] = speeds(Network(), None, batch, [Made()], Timing(pairs=6))
    assert one.dense.median_ms >= 0 and one.now is None and one.ratio is None


@pytest.mark.parametrize("runtime", [Made(refusal="no GRU here"), Made(fails="no GRU here")])
def test_who_cannot_carry_a_network_out_says_why_and_the_others_go_on(runtime):
    found = speeds(Network(), Network(), batch, [runtime, Made()], QUICK)
    assert [one.refused for one in found] == ["no GRU here"] * 2 + [""] * 2


def test_progress_never_goes_back_and_ends_whole():
    seen = []
    speeds(Network(), Network(), batch, [Made(), Made(refusal="no")], QUICK, poll=lambda *told: seen.append(told))
    done = [one for one, _ in seen]
    assert done == sorted(done) and {total for _, total in seen} == {2 * 2 * 7}


def test_it_can_be_stopped():
    def stop(done, total):
        if done > 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        speeds(Network(), Network(), batch, [Made()], QUICK, poll=stop)


@pytest.mark.parametrize(("given", "words"), [({"threads": 0}, "Threads"), ({"batches": (0,)}, "one sample")])
def test_settings_outside_their_range_are_refused(given, words):
    with pytest.raises(BadSetting, match=words):
        Timing(**given)


def test_figures_survive_json():
    [one] = speeds(Network(), Network(), batch, [Made()], Timing(pairs=6, seconds=0.1))
    assert Speed.from_dict(one.to_dict()) == one


def test_memory_is_seen_in_a_clean_process(tmp_path: Path):
    file = tmp_path / "network"
    file.write_bytes(b"x" * (32 << 20))
    copying = "def load(path):\n    return bytearray(open(path, 'rb').read())"
    assert resident(copying, file) == pytest.approx(32 << 20, rel=0.1)
    assert resident("def load(path):\n    raise OSError", file) is None


def test_nodes_times_are_those_of_their_layers_round_by_round():
    nodes = (
        Node("x", Op.INPUT, (), (5,)),
        Node("fc", Op.LINEAR, ("x",), (10,), layer="fc"),
        Node("fc/relu", Op.ELEMENTWISE, ("fc",), (10,), label="relu"),
        Node("again", Op.LINEAR, ("fc/relu",), (10,), layer="fc"),
        Node("add", Op.ADD, ("again", "fc"), (10,), label="add"),
        Node("both/forward", Op.GRU, ("add",), (10,), layer="both.forward"),
    )
    graph = Graph(nodes, {"fc.kernel": (10, 5)}, {"fc": "Linear"})
    times = {"fc": [1, 2, 3], "again": [1, 1, 1], "add": [5, 5, 5], "both": [7, 7, 7], "helper": [0, 0, 0]}
    found = gathered(graph, {name: np.array(took, np.float32) for name, took in times.items()})
    assert [(one.name, one.kind, one.time.median_ms) for one in found] == [
        ("fc", "Linear", 3), ("add", "add", 5), ("both.forward", "gru", 7), ("helper", "", 0),
    ]  # fmt: skip
    assert [one.macs for one in found] == [100, 0, 0, 0], "a shared layer's uses add up"
