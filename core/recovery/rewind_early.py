"""Lottery tickets of larger networks: back to an early epoch, masks kept."""

from core.plan import Plan
from core.recovery._base import Arrays, Method, Origin, Stage, rewound


class RewindEarly(Method):
    """After every pruning step weights and rate go back to the preparation's epoch ``rewind_epoch``."""

    name = "rewind-early"
    title = "Rewind to an early epoch"
    formula = "w ← w_k ⊙ m after every step"
    reference = "Renda et al. 2020, Comparing Rewinding and Fine-tuning, arXiv:2003.02389; Frankle et al. 2019"
    note = "Kept weights go back to an early epoch of the training that came before pruning."
    settings = (*Method.settings, "rewind_epoch")
    goes_early = True

    def refuses(self, plan: Plan) -> str:
        epoch, epochs = plan.recovery.rewind_epoch, plan.preparation.epochs
        if epoch <= epochs:
            return ""
        return (
            f"Rewinding to epoch {epoch} needs training before pruning that gets so far; the preparation has {epochs} "
            f"epochs. Prepare for at least {epoch}, or rewind to the start."
        )

    def weights(self, origin: Origin, stage: Stage) -> Arrays | None:
        return origin.early()

    def rate(self, plan: Plan, epoch: int, stage: Stage) -> float:
        return rewound(plan, epoch, stage, start=plan.recovery.rewind_epoch)
