"""The lab with its real frameworks on LeNet-5: everything a page asks, in the order it asks it."""

import os
import shutil
import signal
from contextlib import suppress
from time import monotonic

import pytest

from core.errors import RefusedFile
from core.lab import check
from core.lab.client import Lab
from core.plan import Plan
from sample_models import SAMPLES

SAMPLE = SAMPLES["digits-lenet5"]


@pytest.fixture(scope="module", params=["pytorch", "keras"])
def lab(request, tmp_path_factory):
    made = Lab(request.param, tmp_path_factory.mktemp(request.param))
    made.ask("ready", {}, timeout=120)
    yield made
    made.close()
    with suppress(ProcessLookupError):
        os.kill(made.pid, signal.SIGKILL)


@pytest.fixture
def question(lab):
    def ask(**plan):
        model = {"path": str(SAMPLE.path(lab.framework)), "architecture": None, "output": None}
        return {"model": model, "plan": Plan("sample", SAMPLE.data, **plan).to_dict()}

    return ask


def test_the_first_preview_does_not_keep_anybody_waiting(lab, question):
    begin = monotonic()
    found = lab.ask("preview", {**question(sparsity=0.5), "budget": 0.3})
    assert monotonic() - begin < 10, "under a second where nothing else runs"
    assert found["dense"]["accuracy"] > 0.9


@pytest.mark.parametrize("criterion", ["magnitude", "taylor"])
def test_single_weights_go_by_exact_count_and_all_measurements_are_of_all_samples(lab, question, criterion):
    found = lab.ask("preview", question(sparsity=0.5, criterion=criterion))
    size = sum(pool["size"] for pool in found["pools"])
    assert sum(pool["removed"] for pool in found["pools"]) == round(size / 2)
    assert found["measurement"]["samples"] == found["measurement"]["of_samples"] == 360
    assert found["measurement"]["sparsity"] == pytest.approx(0.5, abs=1e-3)
    assert found["measurement"]["effective_macs"] < found["dense"]["effective_macs"]
    assert found["measurement"]["zipped_bytes"] < found["dense"]["zipped_bytes"]
    assert found["finished"]


def test_channels_go_with_all_that_belongs_to_them(lab, question):
    found = lab.ask("preview", question(sparsity=0.5, structure="channel", criterion="l2_norm", allocation="uniform"))
    assert [(pool["name"], pool["removed"]) for pool in found["pools"]] == [
        ("conv1", 8),
        ("conv2", 16),
        ("fc1", 60),
        ("fc2", 42),
    ]
    assert found["measurement"]["effective_macs"] < found["dense"]["effective_macs"] / 2


def test_histograms_count_every_unit_of_every_pool(lab, question):
    for structure, pools in (("unstructured", 5), ("channel", 4)):
        found = lab.ask("histograms", {**question(structure=structure), "bins": 64})["pools"]
        assert len(found) == pools
        for pool in found:
            assert pool["counts"].sum() == pool["log_counts"].sum() == pool["size"]


def test_a_layer_opens_with_its_filters_and_its_mask(lab, question):
    found = lab.ask("layer", {**question(sparsity=0.5), "layer": "conv2"})
    (kernel,) = found["weights"]
    assert kernel["picture"].shape == kernel["kept"].shape == (32, 144)
    assert kernel["filters"].shape == (32 * 16, 3, 3)
    assert kernel["kept"].mean() == pytest.approx(1 - kernel["removed"] / 4608, abs=1e-6)
    assert len(found["channels"][0]["scores"]) == 32


def test_an_upload_is_tried_once_and_garbage_is_refused(lab, tmp_path):
    good = tmp_path / f"copy{SAMPLE.path(lab.framework).suffix}"
    shutil.copy(SAMPLE.path(lab.framework), good)
    check.tried(lab.framework, good)
    model = {"path": str(good), "architecture": None, "output": None}
    assert lab.ask("check", {"model": model}, timeout=180)["classes"] == 10
    bad = good.with_stem("bad")
    bad.write_bytes(b"nothing of the kind")
    with pytest.raises(RefusedFile, match="bad"):
        lab.ask("check", {"model": {**model, "path": str(bad)}}, timeout=180)


def test_the_lab_measures_what_the_table_promises(lab):
    model = {"path": str(SAMPLE.path(lab.framework)), "architecture": None, "output": None}
    asked = {"model": model, "data": {"name": SAMPLE.data.name, "scaling": SAMPLE.data.scaling}, "split": "test"}
    found = lab.ask("measure", {**asked, "latency": True})
    assert found["accuracy"] == pytest.approx(SAMPLE.accuracy[lab.framework], abs=1e-4)
    assert found["latency_ms"] > 0


def test_what_a_plan_leaves_is_cut_and_timed_against_the_dense_network(lab, question):
    asked = question(sparsity=0.5, structure="channel", criterion="l2_norm", allocation="uniform")
    told = []
    found = lab.ask(
        "shrinking", {**asked, "runtimes": ["native"]}, timeout=240, told=lambda done, total: told.append((done, total))
    )
    assert found["now"]["dense_bytes"] < 0.4 * found["dense"]["dense_bytes"]
    assert found["now"]["macs"] == found["now"]["effective_macs"] < found["dense"]["macs"]
    [speed] = found["speeds"]
    assert speed["refused"] == "" and speed["pairs"] >= 6 and speed["low"] <= speed["ratio"] <= speed["high"]
    assert speed["ram_now"] < speed["ram"] and told


def test_the_time_of_every_layer_is_taken_dense_and_as_planned(lab, question):
    found = lab.ask("layer_times", question(sparsity=0.5, structure="channel", criterion="l2_norm"), timeout=120)
    for end in ("dense", "now"):
        times = {row["name"]: row["ms"] for row in found[end]}
        assert {"conv1", "conv2", "fc1", "fc2", "fc3"} <= set(times) and all(ms >= 0 for ms in times.values())
    work = [sum(row["macs"] for row in found[end]) for end in ("dense", "now")]
    assert work[1] < work[0] == 109_224
