"""Every structure with every allocation over every schedule: it works, or one sentence says why not. Whole plans that
are drawn at random keep what all runs promise, or are refused before anything is trained."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from core import paths
from core.allocations import ALLOCATIONS
from core.backends._base import no_poll
from core.budgets import BUDGETS
from core.controls import prunes
from core.criteria import CRITERIA
from core.datasets import Parts
from core.errors import BadSetting, PruneError
from core.experiment import run
from core.graph import Graph, Node, Op
from core.masks import digest
from core.penalties import PENALTIES
from core.plan import (
    CALIBRATIONS,
    TARGETS,
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
from core.pruning import Decision, cuts
from core.recipes import read_recipe
from core.recovery import RECOVERIES
from core.schedules import SCHEDULES
from core.steps import Step
from core.structures import STRUCTURES
from tests.unit.training.conftest import Noting, clusters, parts_of
from tests.unit.training.tiny_network import tiny

PLAN = Plan("sample:none@pytorch", DataChoice("made"), sparsity=0.5, calibration_batches=1, calibration_size=8)
STEPS = 3


class Network:
    """A convolution, an attention, a GRU and two linear layers; its outputs are worse the more is masked."""

    output, classes, framework, trainable, notes = "logits", 4, "tiny", False, ()
    input_shapes = ((4, 12),)

    def __init__(self) -> None:
        arrays = {
            "c.kernel": (8, 4, 3),
            "c.bias": (8,),
            **{f"t.{role}": (8, 8) for role in ("query", "key", "value", "out")},
            **{f"t.{role}_bias": (8,) for role in ("query", "key", "value", "out")},
            "g.kernel": (18, 8),
            "g.recurrent": (18, 6),
            "g.bias": (18,),
            "g.recurrent_bias": (18,),
            "f.kernel": (9, 6),
            "f.bias": (9,),
            "z.kernel": (4, 9),
            "z.bias": (4,),
        }
        nodes = (
            Node("x", Op.INPUT, (), (4, 12)),
            Node("c", Op.CONV, ("x",), (8, 12), "c", {"groups": 1, "channel_axis": 0}),
            Node("p", Op.PERMUTE, ("c",), (12, 8), None, {"axes": (1, 0)}),
            Node("t", Op.ATTENTION, ("p",), (12, 8), "t", {"heads": 2}),
            Node("g", Op.GRU, ("t",), (12, 6), "g", {"hidden": 6}),
            Node("m", Op.REDUCE, ("g",), (6,), None, {"axes": (0,), "keepdims": False}),
            Node("f", Op.LINEAR, ("m",), (9,), "f"),
            Node("z", Op.LINEAR, ("f",), (4,), "z"),
            Node("y", Op.OUTPUT, ("z",), (4,)),
        )
        self.drawn = Graph(nodes, arrays, {})
        rng = np.random.default_rng(0)
        self.values = {name: rng.integers(-3, 4, shape).astype(np.float32) for name, shape in arrays.items()}

    def graph(self) -> Graph:
        return self.drawn

    def arrays(self) -> dict[str, np.ndarray]:
        return self.values

    def predict(self, x, masks=None, batch_size=256, poll=no_poll) -> np.ndarray:
        kept = np.mean([mask.kept.mean() for mask in masks.values()]) if masks else 1.0
        return (x[:, :, 0] * kept).astype(np.float32)


def parts() -> Parts:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((12, 4, 12), np.float32)
    y = x[:, :, 0].argmax(axis=1)
    return Parts("made", ("a", "b", "c", "d"), x, y, x, y, x, y, "series")


NETWORK, PARTS = Network(), parts()


def carried_out(plan: Plan) -> list[Decision]:
    found, before = [], Decision({}, {}, {})
    for number in range(1, SCHEDULES[plan.schedule.name].steps(plan.schedule) + 1):
        plan, before = Step(number, NETWORK.graph(), before, None).decide(plan, lambda: NETWORK, PARTS, no_poll)
        found.append(before)
    return found


@pytest.mark.parametrize("structure", [*STRUCTURES, "3:7", "block-2x3"])
@pytest.mark.parametrize("allocation", ALLOCATIONS)
def test_everything_goes_with_everything_or_says_why_not(structure, allocation):
    """Steps only ever take more, all end alike, nothing empties, and what is cut is consistent."""
    sparsity = 0.5 * STRUCTURES[structure].whole
    plan = replace(PLAN, structure=structure, allocation=allocation, sparsity=sparsity)
    pools = {unit.name: unit.size for unit in STRUCTURES[structure].units(NETWORK.graph())}
    first = min(pools)
    plan = replace(plan, overrides={first: Override(count=pools[first] // 2)})
    for schedule in SCHEDULES.values():
        choice = ScheduleChoice(schedule.name, steps=STEPS, initial=0.1)
        if schedule.refuses(structure):
            with pytest.raises(BadSetting, match=f'"{structure}"'):
                carried_out(replace(plan, schedule=choice))
            continue
        decisions = carried_out(replace(plan, schedule=choice))
        assert len(decisions) == schedule.steps(choice)
        for before, after in zip(decisions, decisions[1:], strict=False):
            for name, mask in before.masks.items():
                assert not (after.masks[name].kept & ~mask.kept).any()
        last = decisions[-1]
        assert set(last.sizes) == set(pools)
        assert last.removed[first] == pools[first] // 2
        if STRUCTURES[structure].whole == 1:
            assert all(count < pools[name] for name, count in last.removed.items())
        assert all(kept.size for kept in cuts(NETWORK.graph(), last).values())
        if ALLOCATIONS[allocation].follows_amount and allocation != "uniform":
            wanted = STRUCTURES[structure].quota(sum(pools.values()), sparsity)
            possible = last.removed[first] + sum(
                size - (STRUCTURES[structure].whole == 1) for name, size in pools.items() if name != first
            )
            assert sum(last.removed.values()) == min(wanted, possible)


#: What the small network of the tests has signals for.
CRITERIA_HERE = ("magnitude", "taylor", "snip", "random", "l1_norm", "bn_scale", "fpgm", "movement", "ablation")
CLUSTERS = parts_of(clusters(40, 0), clusters(20, 1), clusters(20, 2))


def drawn(seed: int, graph: Graph) -> Plan:
    """A plan out of all registries, settings inside and at the ends of their ranges."""
    rng = random.Random(seed)
    pick = rng.choice
    structure = pick(["unstructured", "unstructured", "channel", "channel", "row", "column", "1:4", "block-2x3"])
    overrides = {
        unit.name: pick([Override(excluded=True), Override(count=rng.randint(0, unit.size)), Override(threshold=0.3)])
        for unit in STRUCTURES[structure].units(graph)
        if rng.random() < 0.2
    }
    limit = pick([Budget("parameters", 60), Budget("macs", 50), Budget("l1_norm", 15)])
    prepared = pick([0, 0, 2])
    return Plan(
        "tiny",
        DataChoice("clusters"),
        pick([name for name in CRITERIA_HERE if CRITERIA[name].ranks(structure)]),
        structure,
        pick([*ALLOCATIONS]),
        pick([0.0, 0.3, 0.5, 0.9, 0.999]),
        overrides,
        ScheduleChoice(pick([*SCHEDULES]), pick([1, 2, 4]), pick([0, 1]), pick([0.0, 0.4]), pick([1, 2])),
        Recovery(
            epochs=pick([0, 1, 2]),
            batch_size=pick([7, 16]),
            patience=pick([0, 1]),
            keep_best=pick([True, False]),
            method=pick([*RECOVERIES]),
            class_weights=pick([True, False]),
            target=pick(TARGETS),
            recalibrate=pick([True, False]),
        ),
        Preparation(prepared, pick([True, False]), pick([*PENALTIES]) if prepared else "none", 0.01),
        Limits(pick([1.0, 0.6]), pick([1, 3]), pick([1, 4]), pick([True, True, False])),
        Sharing(pick([None, None, 1.0]), pick([1.0, 0.5])),
        limit if rng.random() < 0.3 else None,
        calibration=pick(CALIBRATIONS),
        calibration_batches=2,
        calibration_size=8,
        seed=seed,
    )


@pytest.mark.parametrize("seed", range(24))
def test_a_plan_drawn_at_random_keeps_its_promises_or_is_refused(seed: int, tmp_path: Path) -> None:
    model, report = tiny(), Noting()
    plan = drawn(seed, model.graph())
    try:
        result = run(plan, report, model=model, parts=CLUSTERS, folder=tmp_path / "run")
    except PruneError:
        budgeted = plan.budget is not None and not BUDGETS[plan.budget.measure].by_numbers
        assert budgeted or not report.of("epoch")
        return
    written, graph, structure = load_file(paths.weights_file(result.folder)), model.graph(), STRUCTURES[plan.structure]
    counts, masks = read_recipe(result.recipe_file).counts, result.masks
    stays = cuts(graph, Decision(masks, counts, counts))
    for name, mask in masks.items():
        kept = mask.kept
        for axis in range(kept.ndim):
            kept = np.take(kept, stays[name, axis], axis) if (name, axis) in stays else kept
        assert not written[name][~kept].any()
    kernels = {weight.name: weight.size for weight in graph.weights()}
    nonzero = sum(int(np.count_nonzero(written[name])) for name in kernels)
    assert result.after.sparsity == pytest.approx(1 - nonzero / sum(kernels.values()))
    assert sum(layer.nonzero for layer in result.layers) == nonzero
    gone = structure.gone(graph, masks)
    for name, count in counts.items():
        given = plan.overrides.get(name)
        size = next(unit.size for unit in structure.units(graph) if unit.name == name)
        assert count == (int(np.count_nonzero(gone[name])) if name in gone else 0)
        if given is None:
            assert count <= structure.cap(size, plan.limits.most)
            assert count < size or structure.whole < 1 or not plan.limits.guard
        elif given.excluded or given.count is not None:
            assert count == (0 if given.excluded else min(given.count or 0, size - structure.least))
    if plan.budget is not None and prunes(plan) and plan.budget.measure == "parameters":
        assert result.after.nonzero <= plan.budget.limit
    shares = [data["sparsity"] for data in report.of("pruned")]
    assert shares == sorted(shares)
    again = run(plan, Noting(), model=model, parts=CLUSTERS, folder=tmp_path / "again", stored=masks)
    assert digest(again.masks) == digest(masks)
