"""Each way of healing does what it says, on a network small enough to compare every weight."""

from dataclasses import replace

import numpy as np
import pytest

from core.errors import BadSetting, BadWeights, PruneError
from core.initialisation import fresh
from core.plan import Budget, Override, Preparation, Recovery, ScheduleChoice
from tests.unit.training.conftest import Noting, clusters, parts_of, recovering
from tests.unit.training.tiny_network import TinyModel, softmax, tiny

KERNELS = ("fc1.kernel", "fc2.kernel")


def under(masks, arrays):
    return {name: np.where(masks[name].kept, arrays[name], 0) if name in masks else arrays[name] for name in arrays}


def same(one, other):
    return all((one[name] == other[name]).all() for name in one)


def test_rewinding_to_the_start_gives_exactly_the_weights_of_the_start_under_the_mask(carried_out, plan, model):
    ticket = recovering(replace(plan, preparation=Preparation(epochs=4)), "rewind-initial", epochs=0)
    result = carried_out(ticket)
    assert same(result.model.arrays(), under(result.masks, model.arrays()))
    dense = carried_out(replace(ticket, sparsity=0.0, recovery=replace(ticket.recovery, method="none")))
    moved = {name: np.abs(dense.model.arrays()[name]) for name in KERNELS}
    kept = np.concatenate([moved[name][result.masks[name].kept] for name in KERNELS])
    gone = np.concatenate([moved[name][~result.masks[name].kept] for name in KERNELS])
    assert kept.min() >= gone.max()  # the mask is chosen by the trained weights, not by those it goes back to


def test_with_fresh_weights_the_start_is_what_was_drawn(carried_out, plan, model):
    prepared = replace(plan, preparation=Preparation(epochs=2, fresh=True), seed=3)
    result = carried_out(recovering(prepared, "rewind-initial", epochs=0))
    assert same(result.model.arrays(), under(result.masks, fresh(model.graph(), 3)))


def test_rewinding_to_an_early_epoch_gives_the_weights_of_that_epoch(carried_out, plan):
    early = recovering(replace(plan, preparation=Preparation(epochs=5)), "rewind-early", epochs=0, rewind_epoch=2)
    result = carried_out(early)
    two = replace(plan, preparation=Preparation(epochs=2), sparsity=0.0)
    expected = carried_out(recovering(two, "none")).model.arrays()
    assert same(result.model.arrays(), under(result.masks, expected))


def test_an_epoch_that_was_never_prepared_cannot_be_gone_back_to(carried_out, plan):
    with pytest.raises(BadSetting, match="Rewinding to epoch 3 needs .* the preparation has 2 epochs"):
        carried_out(recovering(replace(plan, preparation=Preparation(epochs=2)), "rewind-early", rewind_epoch=3))


PREPARED = Preparation(epochs=2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"criterion": "bn_scale"}, "does not rank weights"),
        ({"structure": "head"}, "no attention head|no head"),
        ({"structure": "channel", "criterion": "beauty"}, 'no criterion "beauty"'),
        ({"allocation": "mean", "budget": Budget("parameters", 50)}, '"mean" decides that by itself'),
        ({"budget": Budget("beauty", 50)}, 'no budget "beauty"'),
        (
            {"budget": Budget("parameters", 20)},
            "out of reach: it comes to 26 parameters",
        ),  # scales, shifts, two weights
        ({"budget": Budget("macs", 5), "structure": "channel"}, "out of reach: it comes to 7 multiply-adds"),
        ({"overrides": {"fc9.kernel": Override(count=1)}}, 'no pool "fc9.kernel"'),
        ({"overrides": {"fc1.kernel": Override(count=49)}}, "has 48 weights; an override wants 49"),
        ({"overrides": {"fc1.kernel": Override(locked=True)}}, "fixes nothing"),
        ({"schedule": ScheduleChoice("rigl"), "recovery": Recovery(method="none")}, "here it does not train"),
        ({"schedule": ScheduleChoice("dns", interval=50)}, "would never change a mask"),
        ({"recovery": Recovery(method="distil")}, "while it trains: ask for epochs"),
        ({"preparation": Preparation(penalty="l1")}, "acts while the network trains before pruning"),
    ],
)
def test_what_cannot_be_or_would_do_nothing_is_refused_before_anything_is_trained(carried_out, plan, changes, said):
    report = Noting()
    with pytest.raises(PruneError, match=said):
        carried_out(replace(plan, **{"preparation": PREPARED, **changes}), report)
    assert report.events == []


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_preparation_that_diverged_says_what_to_do(carried_out, plan):
    wild = [(x * np.float32(1e25), y) for x, y in (clusters(90, 0), clusters(60, 1), clusters(60, 2))]
    with pytest.raises(BadWeights, match="training before pruning diverged: .* smaller learning rate"):
        carried_out(replace(plan, preparation=PREPARED), parts=parts_of(*wild))


def test_every_round_of_a_lottery_ticket_starts_where_the_first_did(carried_out, plan, model):
    rounds = replace(plan, preparation=Preparation(epochs=3), schedule=ScheduleChoice("iterative", 3, 2))
    ticket, tuned = carried_out(recovering(rounds, "rewind-initial")), carried_out(rounds)
    # The last round alone, from the start and under the same masks, trains to the same weights.
    alone = tiny().trainer(rounds.recovery, ticket.masks, rounds.seed)
    for epoch in range(3):
        alone.epoch(*clusters(90, 0), 3 + 2 * 2 + epoch, rounds.recovery.learning_rate)
    assert same(ticket.model.arrays(), alone.model().arrays())
    assert not same(tuned.model.arrays(), alone.model().arrays())


def test_reinitialised_tickets_have_the_same_masks_and_other_weights(carried_out, plan, model):
    rounds = replace(plan, preparation=Preparation(epochs=2, fresh=True), schedule=ScheduleChoice("iterative", 3, 2))
    ticket = carried_out(recovering(rounds, "rewind-initial", epochs=0))
    control = carried_out(recovering(rounds, "reinitialise", epochs=0))
    for name, mask in ticket.masks.items():
        np.testing.assert_array_equal(mask.kept, control.masks[name].kept)
        kept = mask.kept
        assert (ticket.model.arrays()[name][kept] != control.model.arrays()[name][kept]).all()


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("fine-tune", [1, 1, 1, 0.853553, 0.5, 0.146447]),  # constant between steps
        ("rewind-initial", [1, 0.5, 1, 0.853553, 0.5, 0.146447]),
        ("rewind-rate", [0.25, 0.066987, 0.75, 0.5, 0.25, 0.066987]),  # of 6 epochs the last 2, then the last 4
        ("rewind-early", [0.5, 0.146447, 0.75, 0.5, 0.25, 0.066987]),  # from epoch 2 on: 2 of 4, then 4 of 6
    ],
)
def test_rates_after_each_step_by_hand(carried_out, plan, method, expected):
    report = Noting()
    rounds = replace(plan, preparation=Preparation(epochs=6), schedule=ScheduleChoice("iterative", 2, 2))
    carried_out(recovering(rounds, method, epochs=4, learning_rate=1.0, rate_schedule="cosine", rewind_epoch=2), report)
    assert [data["learning_rate"] for data in report.of("epoch", phase="recover")] == pytest.approx(expected, abs=1e-6)
    prepared = [data["learning_rate"] for data in report.of("epoch", phase="prepare")]
    assert prepared == pytest.approx([1, 0.933013, 0.75, 0.5, 0.25, 0.066987], abs=1e-6)


def test_rewinding_the_rate_leaves_the_weights_where_they_are(carried_out, plan):
    prepared = replace(plan, preparation=Preparation(epochs=3))
    rewound = carried_out(recovering(prepared, "rewind-rate", epochs=0))
    left = carried_out(recovering(prepared, "none"))
    assert same(rewound.model.arrays(), left.model.arrays())


def divergence(teacher, student, x):
    told, soft = softmax(teacher.predict(x) / 4), softmax(student.predict(x) / 4)
    return float((told * (np.log(told) - np.log(soft))).sum(axis=1).mean())


def test_a_taught_network_is_nearer_to_its_teacher_than_a_tuned_one(carried_out, plan, parts):
    prepared = replace(plan, preparation=Preparation(epochs=10), sparsity=0.7)
    dense = carried_out(recovering(replace(prepared, sparsity=0.0), "none")).model
    told, tuned, pruned = (
        carried_out(recovering(prepared, method, epochs=12, teacher_weight=1.0)).model
        for method in ("distil", "fine-tune", "none")
    )
    assert divergence(dense, told, parts.x_test) < divergence(dense, tuned, parts.x_test)
    assert divergence(dense, told, parts.x_test) < divergence(dense, pruned, parts.x_test)


def spoilt(model):
    arrays = dict(model.arrays())
    return TinyModel({**arrays, "bn.mean": arrays["bn.mean"] + 9, "bn.variance": arrays["bn.variance"] * 4})


def test_recalibration_gives_back_what_spoilt_statistics_cost(carried_out, plan, parts):
    trained = carried_out(replace(plan, sparsity=0.0, recovery=replace(plan.recovery, epochs=15))).model
    nothing = recovering(replace(plan, sparsity=0.1), "none")
    whole, broken = (carried_out(nothing, model=net).after.accuracy for net in (trained, spoilt(trained)))
    mended = carried_out(recovering(nothing, "recalibrate"), model=spoilt(trained))
    assert broken < whole - 0.2
    assert mended.after.accuracy > whole - 0.05
    hidden = parts.x_train @ mended.model.arrays()["fc1.kernel"].T
    np.testing.assert_allclose(mended.model.arrays()["bn.mean"], hidden.mean(axis=0), atol=1e-5)


def test_recalibration_moves_no_weight_and_joins_any_recovery(carried_out, plan):
    left = carried_out(recovering(plan, "none"))
    mended = carried_out(recovering(plan, "none", recalibrate=True))
    for name in (*KERNELS, "bn.scale", "bn.shift"):
        np.testing.assert_array_equal(left.model.arrays()[name], mended.model.arrays()[name])
    assert (left.model.arrays()["bn.mean"] != mended.model.arrays()["bn.mean"]).any()
    tuned = carried_out(recovering(plan, "fine-tune", recalibrate=True))
    assert tuned.after.accuracy > 0.5


def test_from_scratch_the_cut_shape_stays_and_nothing_of_the_weights_does(carried_out, plan, model):
    channels = replace(plan, structure="channel", criterion="l1_norm", preparation=Preparation(epochs=2))
    scratch = carried_out(recovering(channels, "scratch", epochs=0))
    tuned = carried_out(recovering(channels, "fine-tune", epochs=0))
    shapes = {name: array.shape for name, array in scratch.model.arrays().items()}
    assert shapes == {name: array.shape for name, array in tuned.model.arrays().items()}
    assert shapes["fc1.kernel"] == (6, 4)
    drawn = fresh(scratch.model.graph(), plan.seed + 1)
    assert same(scratch.model.arrays(), drawn)
    assert scratch.after.sparsity == tuned.after.sparsity > 0


def test_from_scratch_what_cannot_be_cut_stays_masked(carried_out, plan):
    result = carried_out(recovering(plan, "scratch", epochs=5))
    assert result.after.sparsity == pytest.approx(0.5, abs=0.01)
    assert result.after.accuracy > 0.6
    for name, mask in result.masks.items():
        assert not result.model.arrays()[name][~mask.kept].any()


def test_with_no_recovery_epochs_are_not_trained(carried_out, plan):
    report = Noting()
    result = carried_out(recovering(plan, "none"), report)
    assert report.of("epoch") == []
    assert result.after.sparsity == pytest.approx(0.5, abs=0.01)


def test_rare_classes_count_as_much_as_common_ones(carried_out, plan):
    uneven = parts_of(*(clusters(size, seed, shares=(30, 1, 1)) for seed, size in enumerate((200, 150, 300))))
    plain, weighed = (
        carried_out(
            recovering(replace(plan, sparsity=0.3), "fine-tune", epochs=4, class_weights=given, learning_rate=0.01),
            parts=uneven,
        )
        for given in (False, True)
    )
    assert weighed.after.recall_macro > plain.after.recall_macro + 0.05


def test_what_is_kept_is_the_best_by_the_target_that_was_chosen(carried_out, plan):
    uneven = parts_of(*(clusters(size, seed, shares=(20, 1, 1)) for seed, size in enumerate((200, 150, 300))))
    for target, name in (("f1_macro", "f1_macro"), ("loss", "loss"), ("accuracy", "accuracy")):
        report = Noting()
        wild = recovering(plan, "fine-tune", epochs=6, learning_rate=1.5, keep_best=True, target=target)
        carried_out(wild, report, parts=uneven)
        points = {(data["phase"], data["epoch"]): data["measurement"][name] for data in report.of("point")}
        candidates = [value for (phase, _), value in points.items() if phase in ("pruned", "epoch")]
        assert points["final", 6] == (min if target == "loss" else max)(candidates)
