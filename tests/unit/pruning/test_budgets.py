"""A budget is met, not undershot by more than one unit, and out of reach it says what is the least."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.allocations import ALLOCATIONS
from core.budgets import BUDGETS, Left
from core.decisions import Choice
from core.errors import BadSetting
from core.graph import Graph, Node, Op
from core.measures.macs import total
from core.plan import Budget, DataChoice, Limits, Override, Plan, Sharing
from core.pruning import choose, decide, pools

EXACT = [name for name, measure in BUDGETS.items() if measure.exact]
FOLLOWING = [n for n, a in ALLOCATIONS.items() if a.follows_amount and not a.needs_curves]
WIDTHS = st.lists(st.integers(2, 12), min_size=1, max_size=3)
PROFILE = settings(max_examples=25, deadline=None)


class Network:
    """Linear layers. ``predict`` takes as long as there are weights left: see the clock of the test."""

    def __init__(self, widths: list[int], seed: int = 0, values: dict[str, np.ndarray] | None = None) -> None:
        nodes, arrays = [Node("x", Op.INPUT, (), (5,))], {}
        for number, (before, out) in enumerate(zip([5, *widths], [*widths, 3], strict=True)):
            arrays |= {f"l{number}.kernel": (out, before), f"l{number}.bias": (out,)}
            nodes.append(Node(f"n{number}", Op.LINEAR, (nodes[-1].name,), (out,), f"l{number}"))
        self.drawn = Graph((*nodes, Node("y", Op.OUTPUT, (nodes[-1].name,), (3,))), arrays, {})
        rng = np.random.default_rng(seed)
        self.values = values or {n: rng.standard_normal(s).astype(np.float32) for n, s in arrays.items()}
        self.widths, self.input_shapes = widths, ((5,),)

    def graph(self) -> Graph:
        return self.drawn

    def arrays(self) -> dict[str, np.ndarray]:
        return self.values

    def masked(self, masks) -> "Network":
        return self

    def cut(self, cuts) -> "Network":
        widths = [len(cuts.get((f"l{n}.kernel", 0), range(width))) for n, width in enumerate(self.widths)]
        return Network(widths)

    def predict(self, x, masks=None, batch_size=1) -> np.ndarray:
        now.append(now[-1] + 1e-6 * total(self.drawn) ** 2)
        return x


now = [0.0]


def plan(**given) -> Plan:
    return Plan("sample:none@pytorch", DataChoice("iris"), **given)


def cost(measure: str, network: Network, decision) -> float:
    return BUDGETS[measure].cost(Left(network, network.graph(), network.values, decision))


def half_way(measure: str, network: Network, settled: Plan, found, share: float) -> float:
    """A limit between everything and nothing left."""
    ends = [cost(measure, network, decide(found, settled, network.graph(), amount=a)) for a in (0.0, 1.0)]
    return ends[0] + share * (ends[1] - ends[0])


@given(
    WIDTHS,
    st.sampled_from(EXACT),
    st.sampled_from(FOLLOWING),
    st.sampled_from(["unstructured", "channel", "row", "1:2", "block-2x2"]),
    st.floats(0.05, 0.95),
)
@PROFILE
def test_a_budget_is_met_and_one_unit_less_would_break_it(widths, measure, allocation, structure, share):
    network, settled = Network([*widths, 6]), plan(structure=structure, allocation=allocation)
    found = pools(network, settled, None)
    limit = half_way(measure, network, settled, found, share)
    settled = replace(settled, budget=Budget(measure, limit))
    decision = choose(network, settled, None, found)
    assert cost(measure, network, decision) <= limit
    if decision.sparsity == 0:
        return
    choice = Choice(found, settled, network.graph())
    removed = dict(decision.removed)
    fewer = [{**removed, name: count - 1} for name, count in removed.items() if count]
    assert max(cost(measure, network, choice.decision(counts)) for counts in fewer) > limit


@pytest.mark.parametrize("measure", EXACT)
def test_with_one_threshold_the_unit_before_the_last_breaks_the_budget(measure):
    network, settled = Network([9, 7]), plan()
    found, size = pools(network, settled, None), 5 * 9 + 9 * 7 + 7 * 3
    limit = half_way(measure, network, settled, found, 0.6)
    count = sum(choose(network, replace(settled, budget=Budget(measure, limit)), None, found).removed.values())
    costs = [
        cost(measure, network, decide(found, settled, network.graph(), amount=n / size)) for n in (count - 1, count)
    ]
    assert costs[0] > limit >= costs[1]


def test_parameters_are_counted_with_their_biases():
    """12 x 5 + 12 + 3 x 12 + 3 = 111; 40 weights go so that 71 are left."""
    network, settled = Network([12]), plan(budget=Budget("parameters", 71))
    assert sum(choose(network, settled, None, pools(network, settled, None)).removed.values()) == 40


def test_channels_are_counted_with_what_goes_with_them():
    """Each of the 12 neurons costs 5 + 1 + 3 = 9 parameters, and 3 biases stay: seven are within 3 + 9 x 7.5."""
    network, settled = Network([12]), plan(structure="channel", budget=Budget("parameters", 3 + 9 * 7.5))
    decision = choose(network, settled, None, pools(network, settled, None))
    assert decision.removed == {"l0": 5}
    assert cost("macs", network, decision) == 7 * 5 + 7 * 3


def test_norms_are_those_of_the_weights_that_stay():
    network, settled = Network([2]), plan()
    network.values = {n: np.full(a.shape, 3, np.float32) for n, a in network.values.items()}
    decision = decide(pools(network, settled, None), settled, network.graph(), amount=0.0)
    assert cost("l1_norm", network, decision) == 3 * 16
    assert cost("frobenius", network, decision) == pytest.approx(3 * 4)


def test_a_budget_that_is_kept_already_takes_nothing():
    network, settled = Network([6]), plan(sparsity=0.9, budget=Budget("parameters", 10_000))
    assert choose(network, settled, None, pools(network, settled, None)).sparsity == 0


@pytest.mark.parametrize("measure", EXACT)
def test_a_budget_out_of_reach_says_the_least_there_is(measure):
    network, settled = Network([6]), plan(structure="channel", budget=Budget(measure, 1e-3))
    with pytest.raises(BadSetting, match="out of reach: it comes to .* at the least"):
        choose(network, settled, None, pools(network, settled, None))


def test_the_least_obeys_what_is_fixed():
    """Of 57 parameters 30 are held and 9 are biases; of the 18 that may go the guard keeps one."""
    network, settled = Network([6]), plan(budget=Budget("parameters", 20), overrides={"l0.kernel": Override(count=0)})
    with pytest.raises(BadSetting, match="it comes to 40 parameters at the least"):
        choose(network, settled, None, pools(network, settled, None))


@pytest.mark.parametrize("allocation", ["mean", "thresholds"])
def test_thresholds_of_an_allocations_own_cannot_be_searched(allocation):
    network, settled = Network([6]), plan(allocation=allocation, budget=Budget("parameters", 20))
    with pytest.raises(BadSetting, match=f'"{allocation}" decides by itself'):
        choose(network, settled, None, pools(network, settled, None))


def test_with_a_budget_the_multiple_of_the_deviation_is_found():
    network = Network([6])
    settled = plan(allocation="deviations", sharing=Sharing(deviations=9.0), budget=Budget("parameters", 40))
    assert cost("parameters", network, choose(network, settled, None, pools(network, settled, None))) == 40


def test_limits_hold_within_a_budget():
    network = Network([16, 16])
    settled = plan(structure="channel", limits=Limits(multiple=4, most=0.5), budget=Budget("parameters", 300))
    decision = choose(network, settled, None, pools(network, settled, None))
    assert cost("parameters", network, decision) <= 300
    assert all((16 - count) % 4 == 0 and count <= 8 for count in decision.removed.values())


def test_what_is_gone_before_stays_gone_and_counts():
    network, settled = Network([12]), plan()
    found = pools(network, settled, None)
    before = decide(found, settled, network.graph(), amount=0.3).masks
    other = pools(network, plan(criterion="random"), None)
    budgeted = plan(criterion="random", budget=Budget("parameters", 60))
    masks = choose(network, budgeted, None, other, before=before).masks
    assert all(not (masks[name].kept & ~mask.kept).any() for name, mask in before.items())


def test_time_is_kept_and_not_undershot_by_more_than_a_unit(monkeypatch):
    """A network whose time is the square of its multiply-adds, on a clock of its own."""
    from core.budgets import milliseconds
    from core.measures.latency import latency

    monkeypatch.setattr(milliseconds, "latency", lambda *given, **more: latency(*given, **more, clock=lambda: now[-1]))
    network, settled = Network([64]), plan(structure="channel")
    found, probes = pools(network, settled, None), []
    settled = replace(settled, budget=Budget("milliseconds", 100.0))
    decision = choose(network, settled, None, found, poll=lambda done, of: probes.append(done))
    assert len(probes) <= 8  # both ends, and 64 units halved six times
    taken = cost("milliseconds", network, decision)
    fewer = decide(found, settled, network.graph(), amount=(decision.removed["l0"] - 1) / 64)
    assert taken <= 100 < cost("milliseconds", network, fewer)


def test_zeros_save_no_time_and_the_sentence_says_so(monkeypatch):
    from core.budgets import milliseconds
    from core.measures.latency import latency

    monkeypatch.setattr(milliseconds, "latency", lambda *given, **more: latency(*given, **more, clock=lambda: now[-1]))
    network, settled = Network([8]), plan(budget=Budget("milliseconds", 1e-6))
    with pytest.raises(BadSetting, match="Zeros save no time"):
        choose(network, settled, None, pools(network, settled, None))
