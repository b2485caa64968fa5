"""The path from plan to result, on the smallest sample, in this process."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import artefacts, paths
from core.errors import BadSetting, Cancelled, PruneError, Unavailable
from core.experiment import run
from core.opening import Opened, open_model, with_data
from core.plan import DataChoice, Override, Plan, Recovery, ScheduleChoice
from core.recipes import kernels_of, read_recipe
from core.recovery import learning_rate
from core.reports import Progress, Silent
from core.results import Result


class Noting:
    """A report that keeps what it is told, and may cancel at a given poll."""

    def __init__(self, cancel_after: int | None = None) -> None:
        self.events: list[tuple[str, Mapping[str, Any]]] = []
        self._polls = cancel_after

    def event(self, kind: str, data: Mapping[str, Any]) -> None:
        self.events.append((kind, data))

    def poll(self) -> None:
        if self._polls is not None:
            self._polls -= 1
            if self._polls < 0:
                raise Cancelled

    def of(self, kind: str) -> list[Mapping[str, Any]]:
        return [data for found, data in self.events if found == kind]


@pytest.fixture(scope="module")
def opened() -> Opened:
    return with_data(open_model("sample:iris-mlp@pytorch", Path("nowhere")), DataChoice("iris"))


def carried_out(opened: Opened, plan: Plan, folder: Path, report: Noting | None = None, **more: Any) -> Result:
    assert opened.parts is not None
    return run(plan, report or Silent(), model=opened.model, parts=opened.parts, folder=folder, **more)


def test_a_schedule_prunes_step_by_step_and_never_gives_back(opened: Opened, plan: Plan, tmp_path: Path) -> None:
    report = Noting()
    schedule = ScheduleChoice("cubic", steps=4, epochs_between=2)
    gradual = replace(plan, sparsity=0.8, schedule=schedule, recovery=Recovery(epochs=3))
    result = carried_out(opened, gradual, tmp_path, report)
    expected = [0.8 * (1 - (1 - step / 4) ** 3) for step in (1, 2, 3, 4)]
    assert [data["sparsity"] for data in report.of("pruned")] == pytest.approx(expected, abs=0.5 / 170)
    assert [data["epoch"] for data in report.of("epoch")] == list(range(1, 10))
    assert [data["step"] for data in report.of("epoch")] == [1, 1, 2, 2, 3, 3, 4, 4, 4]
    assert result.after.sparsity == pytest.approx(136 / 170)
    for name, mask in result.masks.items():
        assert not result.model.arrays()[name][~mask.kept].any()


def test_the_dense_network_is_not_changed(opened: Opened, plan: Plan, tmp_path: Path) -> None:
    before = kernels_of(opened.model)
    carried_out(opened, replace(plan, recovery=Recovery(epochs=2)), tmp_path)
    assert kernels_of(opened.model) == before


def test_with_nothing_to_remove_the_dense_network_is_fine_tuned(opened: Opened, plan: Plan, tmp_path: Path) -> None:
    recovery = Recovery(epochs=2, learning_rate=0.01, keep_best=False)
    result = carried_out(opened, replace(plan, sparsity=0, recovery=recovery), tmp_path)
    assert result.masks == {} and result.after.sparsity == 0
    assert kernels_of(result.model) != kernels_of(opened.model)


def test_the_best_weights_since_the_last_step_are_kept(opened: Opened, plan: Plan, tmp_path: Path) -> None:
    wild = Recovery(epochs=6, learning_rate=5.0, keep_best=True)
    report = Noting()
    carried_out(opened, replace(plan, recovery=wild), tmp_path, report)
    points = {(data["phase"], data["epoch"]): data["measurement"] for data in report.of("point")}
    candidates = [found["accuracy"] for (phase, _), found in points.items() if phase in ("pruned", "epoch")]
    assert points["final", 6]["accuracy"] == max(candidates)


def test_patience_ends_a_run_that_does_not_get_better(opened: Opened, plan: Plan, tmp_path: Path) -> None:
    report = Noting()
    stubborn = Recovery(epochs=50, learning_rate=5.0, patience=2)
    carried_out(opened, replace(plan, recovery=stubborn), tmp_path, report)
    assert len(report.of("epoch")) < 20


def test_a_dragged_threshold_becomes_a_count_that_every_step_obeys(opened: Opened, plan: Plan, tmp_path: Path) -> None:
    weights = np.abs(opened.model.arrays()["fc2.kernel"])
    threshold = float(np.quantile(weights, 0.4))
    dragged = replace(
        plan,
        allocation="thresholds",
        overrides={"fc2.kernel": Override(threshold=threshold)},
        schedule=ScheduleChoice("iterative", steps=2, epochs_between=1),
        recovery=Recovery(epochs=2, learning_rate=0.05),
    )
    report = Noting()
    result = carried_out(opened, dragged, tmp_path, report)
    count = int((weights < threshold).sum())
    assert result.plan.overrides["fc2.kernel"] == Override(count=count, threshold=threshold)
    assert {name: mask.removed for name, mask in result.masks.items()} == {"fc2.kernel": count}
    first, second = (round(data["sparsity"] * 170) for data in report.of("pruned"))
    assert (first, second) == (round(count / 2), count)


@pytest.mark.parametrize("polls", [3, 40, 90])
def test_cancelled_anywhere_it_goes_on_to_the_same_weights(
    opened: Opened, plan: Plan, tmp_path: Path, polls: int
) -> None:
    slow = replace(plan, recovery=Recovery(epochs=8, batch_size=16), schedule=ScheduleChoice("iterative", 2, 2))
    whole = carried_out(opened, slow, tmp_path / "whole")
    with pytest.raises(Cancelled):
        carried_out(opened, slow, tmp_path / "broken", Noting(cancel_after=polls))
    assert not paths.result_file(tmp_path / "broken").exists()
    mended = carried_out(opened, slow, tmp_path / "broken")
    one, other = (paths.weights_file(result.folder).read_bytes() for result in (whole, mended))
    assert one == other


def test_a_checkpoint_of_another_plan_is_not_gone_on_from(opened: Opened, plan: Plan, tmp_path: Path) -> None:
    slow = replace(plan, recovery=Recovery(epochs=8, batch_size=16))
    with pytest.raises(Cancelled):
        carried_out(opened, slow, tmp_path, Noting(cancel_after=60))
    report = Noting()
    carried_out(opened, replace(slow, seed=1), tmp_path, report)
    assert report.of("started") == [{"continued": False}] and len(report.of("epoch")) == 8


def test_a_disk_that_fills_up_in_mid_run_loses_no_epoch(
    opened: Opened, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = replace(plan, recovery=Recovery(epochs=6))
    whole = carried_out(opened, slow, tmp_path / "whole")
    real, left = artefacts.write_json, [3]

    def filling(path: Path, values: Mapping[str, Any]) -> Path:
        left[0] -= 1
        if left[0] < 0:
            raise Unavailable("The disk is full.")
        return real(path, values)

    monkeypatch.setattr(artefacts, "write_json", filling)
    with pytest.raises(Unavailable):
        carried_out(opened, slow, tmp_path / "full")
    monkeypatch.undo()
    report = Noting()
    mended = carried_out(opened, slow, tmp_path / "full", report)
    assert report.of("started") == [{"continued": True}] and len(report.of("epoch")) < 6
    assert paths.weights_file(mended.folder).read_bytes() == paths.weights_file(whole.folder).read_bytes()


def test_stored_masks_of_another_network_are_refused(opened: Opened, plan: Plan, tmp_path: Path) -> None:
    result = carried_out(opened, plan, tmp_path / "one")
    strange = {"fc1.kernel": result.masks["fc2.kernel"]}
    with pytest.raises(BadSetting, match="do not fit this network"):
        carried_out(opened, plan, tmp_path / "other", stored=strange)


def test_a_recipe_says_what_was_done(opened: Opened, plan: Plan, tmp_path: Path) -> None:
    result = carried_out(opened, plan, tmp_path)
    recipe = read_recipe(result.recipe_file)
    assert opened.parts is not None and recipe.masks is not None
    assert (recipe.plan, recipe.data) == (plan, opened.parts.fingerprint)
    assert recipe.kernels == kernels_of(opened.model)
    assert recipe.counts == {name: mask.removed for name, mask in result.masks.items()}
    assert recipe.stored_for(opened.model) is recipe.masks and recipe.stored_for(result.model) is None
    assert recipe.differing(result.masks) == 0


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [("constant", [1, 1, 1, 1]), ("cosine", [1, 0.853553, 0.5, 0.146447]), ("step", [1, 1, 0.1, 0.01])],
)
def test_learning_rates_by_hand(schedule: str, expected: list[float]) -> None:
    recovery = Recovery(epochs=4, learning_rate=1.0, rate_schedule=schedule)
    assert [learning_rate(recovery, epoch) for epoch in range(4)] == pytest.approx(expected, abs=1e-6)


def test_progress_counts_batches_and_guesses_the_time_left() -> None:
    now = [0.0]
    report = Noting()
    progress = Progress(report, epochs=2, clock=lambda: now[0])
    poll = progress.epoch()
    for batch in range(1, 11):
        now[0] += 1
        poll(batch, 10)
    progress.epoch_done()
    last = report.of("progress")[-1]
    assert (last["done"], last["total"], last["rate"], last["eta"]) == (10, 20, 1.0, 10.0)


def test_a_network_that_cannot_be_trained_says_so(opened: Opened, plan: Plan, tmp_path: Path) -> None:
    frozen = open_model("sample:iris-mlp@pytorch", Path("nowhere")).model
    frozen.trainable = False
    with pytest.raises(PruneError, match="Ask for 0 epochs"):
        carried_out(replace(opened, model=frozen), replace(plan, recovery=Recovery(epochs=1)), tmp_path)
