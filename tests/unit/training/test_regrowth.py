"""Masks that change while training: counts stay, decision and checkpoints follow, what is broken off goes on."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from core import paths
from core.errors import BadSetting, Cancelled
from core.masks import digest
from core.plan import Preparation, ScheduleChoice
from core.recipes import read_recipe
from tests.unit.training.conftest import Noting, recovering
from tests.unit.training.tiny_network import TinyModel, TinyTrainer

DYNAMIC = ("rigl", "dns")


@pytest.fixture(params=DYNAMIC)
def changing(plan, request):
    schedule = ScheduleChoice(request.param, interval=2, drop=0.5, until=0.8)
    prepared = replace(plan, preparation=Preparation(fresh=True), schedule=schedule, allocation="uniform")
    return recovering(prepared, "fine-tune", epochs=6, keep_best=False)


def without_changes(plan):
    return replace(plan, schedule=ScheduleChoice())


def test_masks_change_and_every_layer_loses_as_many_as_before(carried_out, changing):
    moved, still = carried_out(changing), carried_out(without_changes(changing))
    assert {n: m.removed for n, m in moved.masks.items()} == {n: m.removed for n, m in still.masks.items()}
    assert digest(moved.masks) != digest(still.masks)
    for name, mask in moved.masks.items():
        assert not moved.model.arrays()[name][~mask.kept].any()


def test_each_epoch_says_how_much_it_exchanged(carried_out, changing):
    report = Noting()
    carried_out(replace(changing, preparation=Preparation(epochs=1, fresh=True)), report)
    shares = [data["exchanged"] for data in report.of("histogram", step=1) if "exchanged" in data]
    assert 0 < max(shares) < 1
    assert shares[-1] == 0  # the last fifth of training leaves the masks alone


def test_the_recipe_holds_the_masks_of_the_end(carried_out, changing):
    result = carried_out(changing)
    recipe = read_recipe(result.recipe_file)
    assert recipe.digest == digest(result.masks)
    assert recipe.counts == {name: mask.removed for name, mask in result.masks.items()}


def test_masks_that_are_given_stay_as_they_are(carried_out, changing):
    stored = carried_out(changing).masks
    again = carried_out(changing, stored=stored)
    assert digest(again.masks) == digest(stored)


def test_the_best_weights_come_back_with_their_own_masks(carried_out, changing):
    report = Noting()
    result = carried_out(recovering(changing, "fine-tune", epochs=6, keep_best=True, learning_rate=1.0), report)
    points = {(data["phase"], data["epoch"]): data["measurement"]["accuracy"] for data in report.of("point")}
    assert points["final", 6] == max(v for (phase, _), v in points.items() if phase in ("pruned", "epoch"))
    for name, mask in result.masks.items():
        assert not result.model.arrays()[name][~mask.kept].any()
    assert read_recipe(result.recipe_file).digest == digest(result.masks)


@pytest.mark.parametrize("keep_best", [False, True])
def test_broken_off_it_goes_on_to_the_same_masks_and_weights(carried_out, changing, keep_best):
    changing = recovering(changing, "fine-tune", epochs=6, keep_best=keep_best)
    whole = carried_out(changing)
    for polls in (*range(4, 30, 5), 10**9):
        with suppress(Cancelled):
            mended = carried_out(changing, Noting(cancel_after=polls), "often")
    assert digest(mended.masks) == digest(whole.masks)
    assert paths.weights_file(mended.folder).read_bytes() == paths.weights_file(whole.folder).read_bytes()


def test_only_single_weights_can_be_regrown(carried_out, changing):
    with pytest.raises(BadSetting, match="structure"):
        carried_out(replace(changing, structure="channel", criterion="l1_norm"))


def test_nothing_changes_once_the_share_of_training_is_done(carried_out, plan, monkeypatch):
    seen = []
    real = TinyTrainer.set_masks

    def noted(trainer, masks):
        seen.append(digest(masks))
        real(trainer, masks)

    monkeypatch.setattr(TinyTrainer, "set_masks", noted)
    schedule = ScheduleChoice("rigl", interval=1, drop=0.9, until=0.5)
    carried_out(recovering(replace(plan, schedule=schedule), "fine-tune", epochs=4, keep_best=False))
    # 6 batches an epoch, 24 in all, the mask of the beginning and then one after each of the first 11.
    assert len(seen) == 12


@pytest.mark.parametrize("name", DYNAMIC)
def test_an_interval_longer_than_the_training_is_refused(carried_out, plan, name):
    """6 batches an epoch, 18 in all: by the ninth masks may change, with an interval of 9 none would."""
    schedule = ScheduleChoice(name, interval=9, until=0.5)
    with pytest.raises(BadSetting, match="every 9 batches, and only within the first 9 of the 18 batches"):
        carried_out(replace(plan, schedule=schedule))
    carried_out(replace(plan, schedule=replace(schedule, interval=8)))


def test_masked_weights_of_surgery_go_on_learning(carried_out, plan, monkeypatch):
    told = []
    real = TinyModel.trainer
    monkeypatch.setattr(TinyModel, "trainer", lambda *a, **k: told.append(real(*a, **k)) or told[-1])
    result = carried_out(recovering(replace(plan, schedule=ScheduleChoice("dns", interval=2)), "fine-tune", epochs=2))
    assert told[-1].extras.dense_updates
    hidden = told[-1].dense_arrays()["fc1.kernel"][~result.masks["fc1.kernel"].kept]
    assert (hidden != 0).all()


def test_movement_is_what_the_run_itself_has_moved(carried_out, plan, model, parts):
    moving = replace(plan, criterion="movement", preparation=Preparation(epochs=3))
    result = carried_out(recovering(moving, "none"))
    from core.backends._base import Extras

    trainer = model.trainer(plan.recovery, {}, plan.seed, Extras(movement=True))
    for epoch in range(3):
        trainer.epoch(parts.x_train, parts.y_train, epoch, plan.recovery.learning_rate)
    scores = np.concatenate([trainer.movement()[name].ravel() for name in ("fc1.kernel", "fc2.kernel")])
    kept = np.concatenate([result.masks[name].kept.ravel() for name in ("fc1.kernel", "fc2.kernel")])
    assert scores[kept].min() >= scores[~kept].max()


@pytest.mark.parametrize("between", [0, 2])
def test_movement_survives_being_broken_off(carried_out, plan, between):
    rounds = ScheduleChoice("iterative", 3, between)
    moving = replace(plan, criterion="movement", preparation=Preparation(epochs=3), schedule=rounds)
    whole = carried_out(moving)
    for polls in (*range(9, 40, 6), 10**9):
        with suppress(Cancelled):
            mended = carried_out(moving, Noting(cancel_after=polls), "often")
    assert digest(mended.masks) == digest(whole.masks)
    assert paths.weights_file(mended.folder).read_bytes() == paths.weights_file(whole.folder).read_bytes()
