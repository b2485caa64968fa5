"""What may the network cost? One small file each; add yours to the tuple."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.backends._base import LoadedModel, Masks, Poll, no_poll
from core.budgets._base import Measure
from core.budgets._left import Left
from core.budgets._search import refuse_unreachable, within
from core.budgets.frobenius import Frobenius
from core.budgets.l1_norm import L1Norm
from core.budgets.macs import Macs
from core.budgets.milliseconds import Milliseconds
from core.budgets.parameters import Parameters
from core.budgets.zipped_bytes import ZippedBytes
from core.decisions import Decision, decide
from core.plan import Plan
from core.registry import Registry
from core.scoring import Pool

if TYPE_CHECKING:
    from core.datasets import Parts

BUDGETS: Registry[Measure] = Registry(
    "budget", (Parameters(), Macs(), ZippedBytes(), Milliseconds(), L1Norm(), Frobenius())
)

__all__ = ["BUDGETS", "Left", "Measure", "refuse_unreachable", "settled"]


def settled(
    model: LoadedModel,
    plan: Plan,
    parts: "Parts | None",
    found: Mapping[str, Pool],
    *,
    amount: float | None = None,
    before: Masks | None = None,
    poll: Poll = no_poll,
) -> Decision:
    """What :func:`core.decisions.decide` says; with a budget, the decision that just keeps it, whatever the amount.

    Raises:
        BadSetting: The budget is out of reach.
        PruneError: As :func:`core.decisions.decide`.
    """
    if plan.budget is None:
        return decide(found, plan, model.graph(), amount=amount, before=before)
    return within(BUDGETS[plan.budget.measure], model, plan, parts, found, before, poll)
