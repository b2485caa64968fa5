"""What will really shrink: before and after, measured or estimated, and one honest sentence."""

from dataclasses import replace

import pytest

from core.charts.layer_time import MOST, TIME, WORK, layer_time_rows, layer_time_spec
from core.charts.shrinking import Timed, blocks, verdict
from core.measurement import Measurement
from core.measures.latency import Latency
from core.measures.speed import Speed

DENSE = Measurement(
    *("validation", 10, 10), parameters=1000, nonzero=1000, macs=10_000, effective_macs=10_000,
    dense_bytes=4000, zipped_bytes=3600, sparse_bytes=4000,
)  # fmt: skip
NOW = replace(DENSE, nonzero=250, sparsity=0.75, effective_macs=2500, zipped_bytes=1100, sparse_bytes=1125)


def speed(title, ratio, dense=10.0, half=0.01, **more):
    times = {"dense": Latency(dense, 0.1), "now": Latency(dense * ratio, 0.1)}
    interval = {"ratio": ratio, "low": ratio - half, "high": ratio + half, "pairs": 20}
    return Speed(title.lower(), title, 1, 2, **times, **interval, ram=4000, ram_now=1000, **more)


def timed(*speeds, stale=False):
    counted = {"dense_bytes": 1010, "zipped_bytes": 930, "sparse_bytes": 1020}
    return Timed({}, counted, speeds, 2, stale=stale)


def lines(found):
    return {line.name: line for block in found for line in block.lines}


def test_scattered_zeros_shrink_what_is_zipped_or_sparse_and_nothing_else():
    shown = lines(blocks(NOW, DENSE, cut=False))
    left = {name: line.after / line.before for name, line in shown.items()}
    assert left["file, dense"] == left["weights"] == left["MACs"] == left["any runtime"] == 1
    assert left["file, zipped"] == pytest.approx(1100 / 3600) and left["MACs, non-zero"] == pytest.approx(0.25)
    assert [name for name, line in shown.items() if not line.measured] == ["any runtime"]


def test_before_it_is_cut_what_goes_for_good_is_an_estimate():
    shown = lines(blocks(NOW, DENSE, cut=True))
    assert shown["file, cut"].after == pytest.approx(0.25) and "about" in shown["file, cut"].text
    assert not any(shown[name].measured for name in ("file, cut", "file, sparse", "weights", "any runtime"))
    assert shown["MACs"].measured and shown["MACs"].after == pytest.approx(0.25)
    assert shown["any runtime"].text == "at best 25\N{NO-BREAK SPACE}%"


def test_what_was_measured_takes_the_place_of_estimates():
    found = blocks(NOW, DENSE, cut=True, timed=timed(speed("PyTorch", 0.4), speed("ONNX Runtime", 1.2)))
    shown = lines(found)
    assert shown["file, cut"].text == "1.01 of 4\N{NO-BREAK SPACE}kB" and shown["file, cut"].measured
    assert found[1].title == "In memory" and [line.name for line in found[1].lines] == ["PyTorch", "ONNX Runtime"]
    assert found[3].title == "Time for one sample, 2 threads"
    assert shown["PyTorch"].after == pytest.approx(0.4) and not shown["PyTorch"].grown
    slower = shown["ONNX Runtime"]
    assert slower.after == 1 and slower.before == pytest.approx(1 / 1.2) and slower.grown


def test_what_belongs_to_another_plan_says_so_and_shrinks_no_file_of_this_one():
    found = blocks(NOW, DENSE, cut=True, timed=timed(speed("PyTorch", 0.4), stale=True))
    assert [block.stale for block in found] == [False, True, False, True]
    assert not lines(found)["file, cut"].measured
    assert verdict(timed(speed("PyTorch", 0.4), stale=True), NOW, DENSE, cut=True) == ""


def test_a_finished_network_is_measured_and_shows_the_time_of_its_run():
    before, after = replace(DENSE, latency_ms=2.0), replace(NOW, latency_ms=0.5, macs=5000)
    shown = lines(blocks(after, before, cut=True, done=True))
    assert all(line.measured for line in shown.values())
    assert shown["MACs"].after == 0.5, "zeros that are left in a smaller network are multiplied by"
    assert shown["MACs, non-zero"].after == 0.25
    assert "MACs, non-zero" not in lines(blocks(replace(after, macs=2500), before, cut=True, done=True))
    assert shown["latency"].text == "0.50 of 2.00\N{NO-BREAK SPACE}ms"


@pytest.mark.parametrize(
    ("speeds", "cut", "multiple", "words"),
    [
        ([], True, 1, ""),
        ([speed("PyTorch", 1.0), speed("LiteRT", 0.99)], False, 1, "PyTorch and LiteRT take as long as dense"),
        ([speed("PyTorch", 0.26)], True, 1, "PyTorch takes 26\N{NO-BREAK SPACE}% of the time."),
        ([speed("PyTorch", 0.6)], True, 1, "The MACs promise 25\N{NO-BREAK SPACE}%"),
        ([speed("PyTorch", 0.5), speed("LiteRT", 1.2)], True, 1, "but LiteRT is no quicker. Runtimes compute"),
        ([speed("LiteRT", 1.0, dense=0.05)], True, 8, "larger batches show the gain"),
        ([speed("LiteRT", 1.0)], True, 8, "Inspect shows it layer by layer"),
    ],
)  # fmt: skip
def test_one_sentence_says_what_came_of_it_and_what_would_help(speeds, cut, multiple, words):
    assert words in verdict(timed(*speeds), NOW, DENSE, cut=cut, multiple=multiple)


def test_denormal_weights_are_named():
    told = verdict(replace(timed(speed("PyTorch", 0.3)), denormals=(0, 1204)), NOW, DENSE, cut=True)
    assert told.endswith("1,204 denormal weights were taken for zero where the runtime can.")


def layer(name, ms, macs):
    return {"name": name, "kind": "Conv2d", "ms": ms, "spread_ms": 0.1, "macs": macs}


def test_time_stands_beside_work_as_shares_of_the_whole():
    rows = layer_time_rows([layer("conv", 3.0, 100), layer("relu", 1.0, 0)])
    assert [(row["layer"], row["what"], row["share"]) for row in rows] == [
        ("conv", TIME, 0.75), ("conv", WORK, 1.0), ("relu", TIME, 0.25), ("relu", WORK, 0.0),
    ]  # fmt: skip


def test_of_many_layers_the_small_ones_are_one():
    rows = layer_time_rows([layer(f"l{i}", 1.0 + i, 1) for i in range(40)])
    assert len(rows) == 2 * MOST and rows[-1]["layer"] == "17 others"
    assert sum(row["share"] for row in rows if row["what"] == TIME) == pytest.approx(1)


def test_a_chart_of_more_layers_is_higher():
    assert layer_time_spec(20, None)["height"] > layer_time_spec(5, "dark")["height"]
