"""Reports say what was measured, of whatever there is, and bring nothing from elsewhere."""

import json
import re
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from core import paths
from core.charts.words import count, percent
from core.cli import main
from core.errors import BadSetting
from core.history import History, read_history
from core.jobs.job import Event, JobState, Run
from core.measurement import Measurement
from core.plan import Compression, DataChoice, Plan, Recovery
from core.reporting import file_name, of_folder, of_run, page
from core.results import LayerResult, printed

PLAN = Plan("sample:digits-lenet5@pytorch", DataChoice("digits"), sparsity=0.9, recovery=Recovery(epochs=2))
DENSE = Measurement(
    "test", 360, 360, accuracy=0.9861, f1_macro=0.986, loss=0.09, parameters=31294, nonzero=31294, macs=109224,
    effective_macs=109224, dense_bytes=125912, zipped_bytes=116616, sparse_bytes=125944, latency_ms=0.29,
    latency_spread_ms=0.04,
)  # fmt: skip
PRUNED = replace(
    DENSE, accuracy=0.9778, nonzero=3365, sparsity=0.9, effective_macs=21058, zipped_bytes=17280, sparse_bytes=18635
)
LAYERS = [LayerResult("conv1", 144, 100).to_dict(), LayerResult("fc1", 15360, 1197).to_dict()]
HISTOGRAMS = {
    "conv1.kernel": {"edges": [-1.0, -0.3, 0.3, 1.0], "before": [40, 64, 40], "after": [50, 0, 50], "gone": 44}
}
STAGES = [
    {"name": "dense", "title": "Dense", "bytes": 40_000, "accuracy": 0.98, "seconds": 0.0},
    {
        "name": "sharing",
        "title": "Shared values",
        "bytes": 1_000,
        "accuracy": 0.9765,
        "seconds": 1.0,
        "told": ["31 shared values a layer"],
    },
]


def told(measured: Measurement = PRUNED, epochs: int = 2) -> list[tuple[str, dict[str, object]]]:
    """Dense, pruned, healed."""

    def at(phase: str, epoch: int, one: Measurement) -> tuple[str, dict[str, object]]:
        step = int(phase != "dense")
        return "point", {
            "phase": phase,
            "step": step,
            "epoch": epoch,
            "measurement": asdict(replace(one, split="validation")),
        }

    happened = [("started", {"continued": False}), at("dense", 0, DENSE)]
    happened += [("pruned", {"step": 1, "steps": 1, "sparsity": 0.9}), at("pruned", 0, measured)]
    for epoch in range(1, epochs + 1):
        data = {"phase": "recover", "epoch": epoch, "epochs": epochs, "step": 1, "loss": 0.5, "accuracy": 0.9}
        happened += [
            ("epoch", {**data, "validation_loss": 0.4, "validation_accuracy": 0.95}),
            at("epoch", epoch, measured),
        ]
    return happened


def folder(place: Path, *, plan: Plan = PLAN, epochs: int = 2, **more: object) -> Path:
    """What the command line leaves behind, made by hand."""
    place.mkdir()
    history = History(paths.history_file(place))
    for kind, data in told(epochs=epochs):
        history.event(kind, data)
    history.event("finished", {"before": DENSE.to_dict(), "after": PRUNED.to_dict(), "layers": LAYERS})
    result = {"plan": plan.to_dict(), "before": printed(DENSE), "after": printed(PRUNED), "layers": LAYERS, **more}
    paths.result_file(place).write_text(json.dumps(result))
    paths.histograms_file(place).write_text(json.dumps(HISTOGRAMS))
    return place


def run(state: JobState = JobState.DONE, plan: Plan = PLAN, **more: object) -> Run:
    return replace(Run("a", "w", None, "", plan, state, created=1.0), **more)


def events(*given: tuple[str, dict[str, object]]) -> list[Event]:
    return [Event(number, "a", 1.0, kind, data) for number, (kind, data) in enumerate(given, 1)]


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


class Words(HTMLParser):
    """The text a reader sees, and every attribute that could fetch something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "srcset", "data")]

    def handle_data(self, data: str) -> None:
        self.text += plain(data) + "\n"


def test_the_figures_of_the_page_are_those_of_the_result(tmp_path):
    """Tiles and the table of layers, against what lies in the folder."""
    place = folder(tmp_path / "out")
    result = json.loads(paths.result_file(place).read_text())
    seen = Words(page([of_folder(place, tmp_path)])).text
    for side in ("before", "after"):
        assert plain(percent(result[side]["accuracy"])) in seen
        assert count(result[side]["nonzero"]) in seen
    assert plain(percent(result["after"]["sparsity"])) in seen
    assert "17.3 kB" in seen and "of 117 kB" in seen and "0.29 ± 0.02" in seen
    rows = re.findall(r"\n(conv1|fc1)\n.*?\n([\d,]+)\n([\d,]+)\n([\d.]+.%)", seen)
    assert rows == [
        (one["name"], count(one["parameters"]), count(one["nonzero"]), plain(percent(one["sparsity"])))
        for one in result["layers"]
    ]


def test_the_page_brings_all_it_needs_and_its_charts_follow_the_readers_mode(tmp_path):
    text = page([of_folder(folder(tmp_path / "out"), tmp_path)])
    seen = Words(text)
    assert seen.links == [] and "link" not in seen.tags and "@import" not in text and "url(http" not in text
    assert seen.tags.count("svg") == 4, "quality against size, accuracy, loss, one histogram"
    assert 'stroke="var(--kept)"' in text and "prefers-color-scheme: dark" in text and "@page" in text
    named, used = re.findall(r'\bid="([^"]+)"', text), re.findall(r"url\(#([^)]+)\)", text)
    assert len(named) == len(set(named)) and used and set(used) <= set(named), "each drawing keeps its own"
    assert "python -m core run" in seen.text and "criterion: magnitude" in seen.text


def test_names_are_text_whatever_they_look_like(tmp_path):
    evil = "<script>alert(1)</script>"
    plan = replace(PLAN, model=f"/nowhere/{evil}", data=DataChoice(f"{evil}.csv"))
    first = of_folder(folder(tmp_path / "x<b>x", plan=plan), tmp_path)
    layer = LayerResult(evil, 10, 5)
    bad = replace(
        first, model=evil, layers=(layer,), histograms={f"{evil}.kernel": HISTOGRAMS["conv1.kernel"]}, recipe=evil
    )
    named = replace(bad, run=replace(bad.run, id="b", name=f"{evil} & <img src=x>"))
    for text in (page([bad]), page([bad, named])):
        tags = Words(text).tags
        assert tags.count("script") == 1, "the page's own"
        assert "img" not in tags and "b>x" not in text.replace("x&lt;b&gt;x", "")


@pytest.mark.parametrize("state", [JobState.CANCELLED, JobState.FAILED, JobState.QUEUED, JobState.RUNNING])
def test_a_run_without_an_end_is_told_as_far_as_it_went(tmp_path, state):
    nothing = Words(page([of_run(run(state), [], tmp_path)])).text
    assert "What was done" in nothing and "What shrank" not in nothing
    begun = Words(page([of_run(run(state, reason="It broke."), events(*told()), tmp_path)])).text
    assert "Accuracy, validation" in begun and "How it learned" in begun and "Layer by layer" not in begun


def test_a_plan_that_names_what_there_is_not_makes_a_page(tmp_path):
    strange = replace(
        PLAN, criterion="gone", recovery=replace(PLAN.recovery, epochs=0), compression=(Compression("int8"),)
    )
    seen = Words(page([of_run(run(JobState.FAILED, strange), [], tmp_path)])).text
    assert "gone" in seen and "int8" in seen


def test_of_low_rank_only_what_it_went_by_is_told(tmp_path):
    step = Compression("low-rank", energy=0.9, share=0.3, ranks={"fc1.kernel": 4})
    seen = Words(page([of_run(run(plan=replace(PLAN, compression=(step,))), [], tmp_path)])).text
    assert "share 0.3, rank 4 of fc1.kernel." in seen and "energy 0.9" not in seen


def test_without_epochs_there_are_no_curves(tmp_path):
    seen = Words(page([of_folder(folder(tmp_path / "out", epochs=0), tmp_path)])).text
    assert "How it learned" not in seen and "What shrank" in seen and "Weights before and after" in seen


def test_a_regression_is_told_in_its_own_measures(tmp_path):
    values = replace(DENSE, accuracy=None, f1_macro=None, r2=0.5123, mae=44.0)
    now = replace(values, r2=0.4711, nonzero=100, sparsity=0.5)
    done = run(before=values, after=now, plan=replace(PLAN, data=DataChoice("diabetes")))
    seen = Words(page([of_run(done, events(*told(now)[:4]), tmp_path)])).text
    assert "R², test" in seen and "0.471" in seen and "0.512" in seen


def test_stages_of_compression_are_a_waterfall_of_bytes(tmp_path):
    seen = Words(page([of_folder(folder(tmp_path / "out", stages=STAGES), tmp_path)])).text
    assert "Shared values" in seen and "1 kB · 40.0× smaller · 97.65 %" in seen and "31 shared values a layer" in seen


def test_files_for_elsewhere_stand_with_what_was_found_in_them(tmp_path):
    place = folder(tmp_path / "out")
    note = {"format": "onnx", "file_name": "m.onnx", "bytes": 2048, "difference": 1.5e-6, "accuracy": 0.9778}
    paths.exports_folder(place).mkdir()
    (paths.exports_folder(place) / "onnx.json").write_text(
        json.dumps({**note, "quality": "accuracy", "zeros": 9, "zeros_found": 9})
    )
    (paths.exports_folder(place) / "litert.json").write_text(json.dumps({"format": "litert", "refused": "no package"}))
    seen = Words(page([of_folder(place, tmp_path)])).text
    assert "m.onnx" in seen and "1.5e-06" in seen and "97.78 %" in seen and "9 of 9" in seen and "litert" not in seen


def test_several_runs_are_compared_and_told_one_after_the_other(tmp_path):
    plans = [PLAN, replace(PLAN, criterion="random")]
    runs = [of_folder(folder(tmp_path / name, plan=plan), tmp_path) for name, plan in zip("ab", plans, strict=True)]
    text = page(runs)
    seen = Words(text)
    assert "2 runs compared" in seen.text and seen.text.count("What was done") == 2
    assert seen.links == ["#run-1", "#run-2"] and all(f'id="{link[1:]}"' in text for link in seen.links)


def test_of_several_networks_each_run_stands_below_its_own_dense_one(tmp_path):
    plans = [PLAN, replace(PLAN, model="sample:digits-lenet300@pytorch")]
    runs = [of_folder(folder(tmp_path / name, plan=plan), tmp_path) for name, plan in zip("ab", plans, strict=True)]
    seen = Words(page(runs)).text
    table = seen[: seen.index("Quality against size")]
    named = [
        line for line in table.split("\n") if line in ("dense model", "LeNet-5 on digits", "LeNet-300-100 on digits")
    ]
    assert named == ["dense model", "LeNet-5 on digits"] + ["LeNet-5 on digits"] + ["dense model"] + 2 * [
        "LeNet-300-100 on digits"
    ]
    assert "dense 98.61" not in seen, "one line for both would be wrong for one"


def test_the_command_writes_the_page_and_refuses_a_folder_without_a_run(tmp_path, capsys):
    place = folder(tmp_path / "out")
    assert main(["report", str(place), "-o", str(tmp_path / "page.html"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["report_file"] == str(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    assert main(["report", str(tmp_path), "-o", str(tmp_path / "other.html")]) == 2
    with pytest.raises(BadSetting, match="holds no finished run"):
        of_folder(tmp_path, tmp_path)


def test_a_history_forgets_an_earlier_run_and_tells_each_place_once(tmp_path):
    file = tmp_path / "events.jsonl"
    for kind, data in (*told(), *told(epochs=1)):
        History(file).event(kind, data)
    History(file).event("progress", {"done": 1})
    assert [event.kind for event in read_history(file, "a")] == [kind for kind, _ in told(epochs=1)]
    History(file).event("epoch", {**told()[4][1], "loss": 0.1})
    losses = [event.data["loss"] for event in read_history(file, "a") if event.kind == "epoch"]
    assert losses == [0.1], "a continued run tells its last epoch again"
    with file.open("a") as opened:
        opened.write('{"time": 1, "ki')
    assert read_history(file, "a")[-1].kind == "epoch", "a line that was cut off is left out"


def test_a_copy_is_called_by_what_it_tells_of():
    assert file_name([run(after=PRUNED)]) == "digits-lenet5-magnitude-90-report.html"
    assert file_name([run(), run()]) == "comparison-of-2-runs.html"
