"""Every structure with every allocation over every schedule: it works, or one sentence says why not."""

from dataclasses import replace

import numpy as np
import pytest

from core.allocations import ALLOCATIONS
from core.backends._base import no_poll
from core.datasets import Parts
from core.errors import BadSetting
from core.graph import Graph, Node, Op
from core.plan import DataChoice, Override, Plan, ScheduleChoice
from core.pruning import Decision, cuts
from core.schedules import SCHEDULES
from core.steps import Step
from core.structures import STRUCTURES

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
