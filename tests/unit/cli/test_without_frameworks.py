"""What the command line answers without importing a framework: help, lists, and most refusals."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core.cli.parser import parser
from core.cli.prune import _plan
from core.plan import (
    Budget,
    DataChoice,
    Limits,
    Override,
    Plan,
    Preparation,
    Recovery,
    ScheduleChoice,
    Sharing,
)

from .conftest import ROOT, refused, topiary, topiary_here

HEAVY = ("torch", "tensorflow", "keras", "streamlit", "sklearn", "pandas")
LISTS = (
    *("criteria", "structures", "allocations", "budgets", "schedules", "penalties", "recoveries"),
    *("runtimes", "datasets", "samples"),
)
PRUNE = ("prune", "sample:iris-mlp", "--data", "iris", "-o", "never-made")


@pytest.mark.parametrize("arguments", [["--help"], ["prune", "--help"], ["run", "--help"], ["list", "criteria"]])
def test_help_and_lists_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys, core.cli\n"
        f"try: core.cli.main({arguments!r})\nexcept SystemExit as end: assert not end.code\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\nassert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("what", LISTS)
def test_every_list_is_one_json_object_and_a_table(what: str, capfd: pytest.CaptureFixture[str]) -> None:
    rows = topiary_here("list", what, "--json", capture=capfd).json[what]
    names = [row["name"] for row in rows]
    assert len(set(names)) == len(names) >= 2
    table = topiary_here("list", what, capture=capfd).out
    assert all(name in table for name in names)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "COMMAND"),
        (["frob"], "invalid choice"),
        (["list", "everything"], "invalid choice"),
        (["prune", "sample:iris-mlp", "--data", "iris"], "--out"),
        ([*PRUNE], "--sparsity"),
        ([*PRUNE, "--sparsity", "much"], "invalid float"),
        ([*PRUNE, "--sparsity", "1"], "below 1; got 1.0"),
        ([*PRUNE, "--sparsity", "-0.1"], "at least 0"),
        ([*PRUNE, "--sparsity", "nan"], "at least 0"),
        ([*PRUNE, "--sparsity", "0.5", "--criterion", "beauty"], 'no criterion "beauty"'),
        ([*PRUNE, "--sparsity", "0.5", "--structure", "beauty"], 'no structure "beauty"'),
        ([*PRUNE, "--sparsity", "0.5", "--allocation", "beauty"], 'no allocation "beauty"'),
        ([*PRUNE, "--sparsity", "0.5", "--schedule", "beauty"], 'no schedule "beauty"'),
        ([*PRUNE, "--sparsity", "0.5", "--epochs", "-1"], "Epochs must be"),
        ([*PRUNE, "--sparsity", "0.5", "--steps", "0"], "Steps must be"),
        ([*PRUNE, "--sparsity", "0.5", "--batch-size", "0"], "batch size"),
        ([*PRUNE, "--sparsity", "0.5", "--seed", "-3"], "seed"),
        ([*PRUNE, "--sparsity", "0.5", "--override", "fc1.kernel"], "NAME=COUNT"),
        ([*PRUNE, "--sparsity", "0.5", "--normalise", "up"], "invalid choice"),
        ([*PRUNE, "--sparsity", "0.5", "--recovery", "beauty"], 'no recovery "beauty"'),
        ([*PRUNE, "--sparsity", "0.5", "--penalty", "beauty"], 'no penalty "beauty"'),
        ([*PRUNE, "--budget", "beauty=3"], 'no budget "beauty"'),
        ([*PRUNE, "--budget", "macs"], "MEASURE=LIMIT"),
        ([*PRUNE, "--budget", "macs=0"], "above 0"),
        ([*PRUNE, "--sparsity", "0.5", "--calibration", "by_luck"], "invalid choice"),
        ([*PRUNE, "--sparsity", "0.5", "--recovery", "rewind-early"], "the preparation has 0 epochs"),
        ([*PRUNE, "--sparsity", "0.5", "--schedule", "rigl", "--structure", "channel"], "regrows single weights"),
        ([*PRUNE, "--sparsity", "0.5", "--most", "0"], "above 0 and at most 1"),
        ([*PRUNE, "--sparsity", "0.5", "--criterion", "bn_scale"], 'does not rank weights ("unstructured")'),
        ([*PRUNE, "--sparsity", "0.5", "--schedule", "rigl"], "here it does not train. Ask for epochs"),
        ([*PRUNE, "--sparsity", "0.5", "--penalty", "l1"], "Ask for epochs before pruning"),
        ([*PRUNE, "--sparsity", "0.5", "--recovery", "distil"], "learns from the dense one while it trains"),
        ([*PRUNE, "--budget", "macs=9", "--allocation", "mean"], '"mean" decides that by itself'),
        ([*PRUNE, "--override", "a.kernel=1", "--override", "a.kernel=2"], "names each weight once"),
        ([*PRUNE, "--sparsity", "0.5", "--compress", "coding:bits=3"], 'Compression "coding" has no bits'),
        (["prune", "sample:iris-mlp", "--data", "nope", "--sparsity", "0", "-o", "x"], 'no data set "nope"'),
        (["inspect", "sample:nope"], 'no sample "nope"'),
        (["inspect", "sample:iris-mlp@jax"], 'no framework "jax"'),
        (["inspect", "sha256:../../etc/passwd"], "64 hexadecimal digits"),
        (["inspect", "no-such-file.pt2"], "no model file"),
        (["run", "no-such-recipe.yaml", "-o", "x"], "cannot be read"),
        (["export", "sample:iris-mlp", "-o", "x"], "--to"),
        (["export", "sample:iris-mlp", "--to", "paper", "-o", "x"], 'no format "paper"'),
        (["export", "sample:nope", "--to", "onnx", "-o", "x"], 'no sample "nope"'),
        (["export", "tests", "--to", "onnx", "-o", "x"], "cannot be read"),
    ],
)
def test_a_wrong_request_is_one_clear_line(arguments: list[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert said in refused(topiary_here(*arguments, capture=capfd))


@pytest.mark.parametrize(
    ("words", "said"),
    {
        "--steps 5": '--steps means nothing to schedule "one-shot"; it is for iterative, linear',
        "--schedule cubic --steps 1": "one step is one shot",
        "--deviations 2": 'allocation "global"; it is for deviations',
        "--power 0.5 --allocation lamp": 'allocation "lamp"; it is for erk',
        "--strength 0.1": 'penalty "none"; it is for l1',
        "--temperature 2 --epochs 3": 'recovery "fine-tune"; it is for distil',
        "--epochs 3 --recovery recalibrate": '--epochs means nothing to recovery "recalibrate"',
        "--multiple 8": "it rounds what is kept of channels",
        "--calibration-size 9": 'criterion "magnitude", which looks at no data',
        "--optimiser sgd": "nothing is trained here",
        "--patience 2 --prepare 3": "there are none; give --epochs",
        "--allocation mean": "sparsity is not read",
    }.items(),
)
def test_an_option_that_nobody_reads_is_told_and_not_refused(
    words: str, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    spoken = topiary_here("prune", "none.pt2", *PRUNE[2:], "--sparsity", "0.5", *words.split(), capture=capfd)
    first, last = spoken.err.strip().splitlines()
    assert "note: " in first and said in first
    assert "no model file" in last


def test_a_schedule_of_steps_takes_five_where_none_are_typed() -> None:
    asked = [*PRUNE, "--sparsity", "0.5"]
    steps = [_plan(parser().parse_args([*asked, *more])).schedule.steps for more in (
        [], ["--schedule", "cubic"], ["--schedule", "cubic", "--steps", "3"],
    )]  # fmt: skip
    assert steps == [1, 5, 3]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("model.exe", b"MZ", "not a model file we open"),
        ("model.pt2", b"not a zip at all", "model.pt2"),
        ("model.keras", b"", "model.keras"),
        ("model.h5", b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "model.h5"),
        ("model.safetensors", b"\xff" * 64, "model.safetensors"),
    ],
)
def test_a_damaged_model_is_refused_in_one_line(
    tmp_path: Path, name: str, content: bytes, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert said in refused(topiary_here("inspect", file, capture=capfd))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a recipe"),
        ("- a\n- list", "not a recipe"),
        ("{unclosed: [", "not YAML"),
        ("!!python/object/apply:os.system ['true']", "not YAML"),
        ("topiary: 99\nplan: {}", "version 99"),
        ("topiary: 1\nplan: {model: m, data: {name: iris}}", "incomplete"),
        ("topiary: 1\nplan: 3\nmodel: {}", "incomplete"),
        ("model: sample:iris-mlp", "incomplete"),
        ("model: m\ndata: {name: iris}\nsparsty: 0.5", 'no setting "sparsty"'),
        ("model: m\ndata: {name: iris}\nsparsity: lots", "wrong type"),
        ("model: m\ndata:", '"data" must be a mapping'),
        ("model: m\ndata: {name: iris}\nrecovery:", '"recovery" must be a mapping'),
        ("model: m\ndata: {name: iris}\ncompression: [{method: low-rank, ranks: [3]}]", '"ranks" is a mapping'),
        ("model: m\ndata: {name: iris}\ncompression: [{method: low-rank, ranks: {a: 2.5}}]", "whole number"),
        ("model: m\ndata: {name: iris}\noverrides: {a: {threshold: .nan}}", "A threshold is a number"),
    ],
)
def test_a_wrong_recipe_is_one_clear_line(
    tmp_path: Path, text: str, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(text)
    assert said in refused(topiary_here("run", file, "-o", tmp_path / "out", capture=capfd))
    assert not (tmp_path / "out").exists()


def test_every_setting_of_a_plan_has_an_option_that_mirrors_it() -> None:
    plain = Plan("m", DataChoice("iris"), sparsity=0.5)
    command = ["prune", "m", "--data", "iris", "--sparsity", "0.5", "-o", "x"]
    assert _plan(parser().parse_args(command)) == plain
    changed = {
        "--criterion": "snip", "--most": 0.9, "--least": 2, "--drawn": 0.5, "--calibration": "by_loss",
        "--initial": 0.2, "--interval": 7, "--prepare": 3, "--penalty": "l1", "--strength": 0.01,
        "--recovery": "distil", "--epochs": 4,
        "--target": "loss", "--temperature": 2.0, "--epochs-between": 6, "--deviations": 1.5, "--patience": 2,
    }  # fmt: skip
    words = [str(word) for pair in changed.items() for word in pair]
    found = _plan(parser().parse_args([*command, *words, "--fresh", "--no-guard", "--class-weights", "--keep-last"]))
    assert found == replace(
        plain,
        criterion="snip",
        calibration="by_loss",
        limits=Limits(most=0.9, least=2, guard=False),
        sharing=Sharing(deviations=1.5, drawn=0.5),
        schedule=ScheduleChoice(initial=0.2, interval=7, epochs_between=6),
        preparation=Preparation(3, True, "l1", 0.01),
        recovery=Recovery(
            4, patience=2, keep_best=False, method="distil", target="loss", temperature=2.0, class_weights=True
        ),
    )


def test_a_budget_or_counts_take_the_place_of_a_sparsity() -> None:
    command = ["prune", "m", "--data", "iris", "-o", "x"]
    assert _plan(parser().parse_args([*command, "--budget", "macs=500"])).budget == Budget("macs", 500)
    counted = _plan(parser().parse_args([*command, "--override", "a.kernel=3", "--override", "b.kernel=keep"]))
    assert counted.overrides == {"a.kernel": Override(3), "b.kernel": Override(excluded=True)}


def test_results_do_not_go_into_a_file(tmp_path: Path) -> None:
    file = tmp_path / "out"
    file.write_text("mine")
    said = refused(topiary("prune", "sample:iris-mlp", "--data", "iris", "--sparsity", "0.5", "-o", file))
    assert "is a file" in said and file.read_text() == "mine"
