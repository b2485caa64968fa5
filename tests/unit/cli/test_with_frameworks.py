"""The command line on real samples. Keras, terminals and plain frameworks get processes of their own."""

import json
import os
import pty
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core import artefacts, paths

from .conftest import ROOT, Spoken, refused, topiary, topiary_here

MEASURED = {
    *("accuracy", "f1_macro", "loss", "parameters", "nonzero", "sparsity", "macs", "effective_macs"),
    *("dense_bytes", "zipped_bytes", "sparse_bytes", "latency_ms"),
}
PLAIN = {
    "pytorch": "import torch; m = torch.export.load({file!r}).module(); print(tuple(m(torch.zeros(1, 4)).shape))",
    "keras": "import keras; m = keras.saving.load_model({file!r}); print(m(__import__('numpy').zeros((1, 4))).shape)",
}


Say = Callable[..., Spoken]


@pytest.fixture
def here(capfd: pytest.CaptureFixture[str]) -> Say:
    """The command line in this process, where PyTorch is imported once for all tests."""
    return lambda *arguments: topiary_here(*arguments, capture=capfd)


def prune(say: Say, out: Path, *more: object, model: str = "sample:iris-mlp", sparsity: float = 0.5) -> Spoken:
    return say("prune", model, "--data", "iris", "--sparsity", sparsity, "-o", out, *more)


@pytest.mark.parametrize("framework", ["pytorch", "keras"])
def test_prune_answers_one_json_object_and_a_model_the_plain_framework_opens(tmp_path: Path, framework: str) -> None:
    spoken = prune(topiary, tmp_path / "out", "--json", "--epochs", "2", model=f"sample:iris-mlp@{framework}")
    assert spoken.status == 0, spoken.err
    result = spoken.json
    assert list(result) == ["plan", "before", "after", "layers", "model_file", "recipe_file"]
    assert set(result["before"]) == set(result["after"]) == MEASURED
    assert [set(layer) for layer in result["layers"]] == [{"name", "parameters", "nonzero", "sparsity"}] * 3
    assert sum(layer["parameters"] - layer["nonzero"] for layer in result["layers"]) == 85
    assert result["after"]["sparsity"] == 0.5 and result["before"]["sparsity"] == 0
    assert json.loads(paths.result_file(tmp_path / "out").read_text()) == result
    assert "epoch 2 of 2" in spoken.err
    code = PLAIN[framework].format(file=result["model_file"])
    quiet = {**os.environ, "KERAS_BACKEND": "tensorflow", "PYTHONPATH": ""}
    opened = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=quiet, capture_output=True, text=True)
    assert opened.stdout.strip() == "(1, 3)", opened.stderr


def test_a_recipe_runs_on_its_twin_with_the_same_masks_bit_for_bit(tmp_path: Path, here: Say) -> None:
    asked = ("prune", "sample:digits-lenet5", "--data", "digits", "--criterion", "taylor", "--sparsity", "0.5")
    first = here(*asked, "-o", tmp_path / "first", "--json").json
    twin = ("--model", "sample:digits-lenet5@keras", "-o", tmp_path / "twin", "--json")
    spoken = topiary("run", first["recipe_file"], *twin)
    assert spoken.status == 0, spoken.err
    assert spoken.json["masks"] == {"stored": True, "entries_differing": 0}
    one, other = (paths.masks_file(tmp_path / name) for name in ("first", "twin"))
    assert one.read_bytes() == other.read_bytes()
    assert spoken.json["model_file"].endswith(".keras")
    assert spoken.json["layers"] == first["layers"]
    assert spoken.json["after"]["accuracy"] == pytest.approx(first["after"]["accuracy"], abs=1e-4)


def test_without_stored_masks_a_data_free_criterion_gives_them_again(tmp_path: Path, here: Say) -> None:
    first = prune(here, tmp_path / "first", "--json").json
    before = artefacts.read_masks(paths.masks_file(tmp_path / "first"))
    paths.masks_file(tmp_path / "first").unlink()
    spoken = here("run", first["recipe_file"], "-o", tmp_path / "again", "--json")
    assert spoken.json["masks"] == {"stored": False, "entries_differing": 0}
    again = artefacts.read_masks(paths.masks_file(tmp_path / "again"))
    assert all(np.array_equal(mask.kept, again[name].kept) for name, mask in before.items())
    one, other = (paths.weights_file(tmp_path / name) for name in ("first", "again"))
    assert one.read_bytes() == other.read_bytes()


def test_on_other_weights_the_counts_are_kept_and_the_difference_is_told(tmp_path: Path, here: Say) -> None:
    first = prune(here, tmp_path / "first", "--json").json
    holed = prune(here, tmp_path / "holed", "--criterion", "random", "--json", sparsity=0.1).json
    spoken = here("run", first["recipe_file"], "--model", holed["model_file"], "-o", tmp_path / "other", "--json")
    assert spoken.status == 0, spoken.err
    assert spoken.json["masks"]["stored"] is False and spoken.json["masks"]["entries_differing"] > 0
    assert [layer["nonzero"] for layer in spoken.json["layers"]] == [layer["nonzero"] for layer in first["layers"]]
    assert "not those the recipe was made for" in spoken.err


def test_on_other_weights_a_recipe_made_for_a_budget_keeps_its_counts(tmp_path: Path, here: Say) -> None:
    """The counts that kept it on smaller weights miss it by a little on larger ones."""
    holed = prune(here, tmp_path / "holed", "--criterion", "random", "--json", sparsity=0.5).json
    budget = ("--budget", "l1_norm=18", "--json")
    first = prune(here, tmp_path / "first", *budget, model=holed["model_file"], sparsity=0).json
    spoken = here("run", first["recipe_file"], "--model", "sample:iris-mlp", "-o", tmp_path / "other", "--json")
    assert spoken.status == 0, spoken.err
    assert [layer["nonzero"] for layer in spoken.json["layers"]] == [layer["nonzero"] for layer in first["layers"]]


def test_channels_really_go_and_the_table_says_so(tmp_path: Path, here: Say) -> None:
    spoken = prune(here, tmp_path / "out", "--structure", "channel", "--schedule", "iterative", "--steps", "2")
    assert spoken.status == 0, spoken.err
    result = json.loads(paths.result_file(tmp_path / "out").read_text())
    assert result["after"]["parameters"] < result["before"]["parameters"]
    assert result["after"]["macs"] < result["before"]["macs"]
    assert "effective macs" in spoken.out and "fc2" in spoken.out and str(tmp_path / "out") in spoken.out


def test_counts_given_by_hand_are_obeyed(tmp_path: Path, here: Say) -> None:
    more = ("--allocation", "thresholds", "--override", "fc2.kernel=30", "--override", "fc1.kernel=keep", "--json")
    layers = prune(here, tmp_path / "out", *more, sparsity=0).json["layers"]
    assert {layer["name"]: layer["parameters"] - layer["nonzero"] for layer in layers} == {
        "fc1": 0,
        "fc2": 30,
        "fc3": 0,
    }


def test_inspect_tells_what_the_design_promises(tmp_path: Path, here: Say) -> None:
    found = here("inspect", "sample:iris-mlp", "--data", "iris", "--json").json
    assert list(found) == ["framework", "parameters", "macs", "file_bytes", "layers", "accuracy"]
    assert (found["framework"], found["parameters"], found["macs"]) == ("pytorch", 193, 170)
    keys = ["name", "kind", "shape", "parameters", "macs", "group", "prunable", "reason"]
    assert all(list(layer) == keys for layer in found["layers"])
    assert found["accuracy"] >= 0.93
    table = here("inspect", "sample:iris-mlp").out
    assert "fc1" in table and "10 x 4" in table


def test_bare_weights_need_their_architecture_and_open_with_it(tmp_path: Path, here: Say) -> None:
    pruned = prune(here, tmp_path / "out", "--json", sparsity=0).json
    code = (
        "import sys, torch; from safetensors.torch import save_file\n"
        "program = torch.export.load(sys.argv[1])\nsave_file(dict(program.state_dict), sys.argv[2])"
    )
    bare = tmp_path / "bare.safetensors"
    subprocess.run([sys.executable, "-c", code, pruned["model_file"], str(bare)], check=True, capture_output=True)
    assert "rchitecture" in refused(here("inspect", bare))
    found = here("inspect", bare, "--architecture", "iris-mlp", "--json").json
    assert found["parameters"] == 193
    of_code = "sample_models.pytorch_networks:iris_mlp"
    assert here("inspect", bare, "--architecture", of_code, "--json").json["parameters"] == 193
    again = prune(here, tmp_path / "of-bare", "--architecture", of_code, "--json", model=str(bare)).json
    sentence = refused(here("run", again["recipe_file"], "-o", tmp_path / "x"))
    assert f"--architecture {of_code}" in sentence, "a recipe names code, but only a person runs it"


def test_data_that_does_not_fit_is_one_clear_line(tmp_path: Path, here: Say) -> None:
    said = refused(here("prune", "sample:iris-mlp", "--data", "digits", "--sparsity", "0.5", "-o", tmp_path / "x"))
    assert "(4,)" in said and "(1, 8, 8)" in said
    unknown = prune(here, tmp_path / "x", "--override", "nothing.kernel=1")
    assert 'no pool "nothing.kernel"' in unknown.err and unknown.status == 2 and "Traceback" not in unknown.err


def test_on_a_terminal_there_is_a_bar_and_standard_output_stays_pure(tmp_path: Path) -> None:
    shown, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 120))
    command = [sys.executable, "-m", "core", "prune", "sample:iris-mlp", "--data", "iris", "--sparsity", "0.5"]
    done = subprocess.run(
        [*command, "--epochs", "3", "-o", str(tmp_path / "out"), "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=terminal,
        text=True,
    )
    os.close(terminal)
    seen = os.read(shown, 65536).decode()
    os.close(shown)
    assert json.loads(done.stdout)["after"]["sparsity"] == 0.5
    assert "%|" in seen and "batch/s" in seen


def test_a_folder_of_results_is_exported_and_each_file_proved(tmp_path: Path, here: Say) -> None:
    here("prune", "sample:iris-mlp", "--data", "iris", "--sparsity", 0.5, "-o", tmp_path / "out")
    said = here("export", tmp_path / "out", "--to", "safetensors,litert", "-o", tmp_path / "files", "--json")
    made, refused = said.json["formats"]
    assert made["same"] and made["zeros_found"] >= made["zeros"] > 0
    assert Path(made["path"]).is_dir() and "litert-torch" in refused["refused"]
    assert "1 of 2: safetensors" in said.err
