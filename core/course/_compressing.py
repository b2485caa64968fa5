"""What follows recovery: the network made smaller, step by step, each step weighed and measured."""

import time
from dataclasses import replace

from core.backends._base import Extras, LoadedModel
from core.checkpoints import Place
from core.compression import COMPRESSIONS, Compressed, Context, content
from core.course._lessons import of_recovery
from core.course._witness import Witness
from core.datasets import Parts
from core.errors import BadModel, BadSetting
from core.measurement import Measurement
from core.plan import Compression, Plan
from core.results import Stage


def refuse_compression(plan: Plan, model: LoadedModel) -> None:
    """Refuse what cannot be done to this network, before anything is trained.

    Raises:
        BadSetting: It cannot be done to that network.
        BadModel: It would have to be trained and cannot be.
    """
    same = True
    for choice in plan.compression:
        method = COMPRESSIONS[choice.method]
        sentence = method.misfit(model, choice) if same else ""
        if sentence:
            raise BadSetting(sentence)
        same = same and method.keeps_zeros  # who does not is about to make other kernels
        if method.trains(choice) and not model.trainable:
            raise BadModel(f"This network cannot be trained here: {' '.join(model.notes)} Ask for 0 epochs.")


class Compressing:
    """The steps of a plan on a finished network.

    Args:
        plan: What is to be done.
        parts: Data as the network takes it.
        dense: The network before pruning: it teaches where the plan distils.
        witness: Measures, and is asked whether it may go on.
    """

    def __init__(self, plan: Plan, parts: Parts, dense: LoadedModel, witness: Witness) -> None:
        self._plan, self._parts, self._dense, self._witness = plan, parts, dense, witness

    def carried_out(self, place: Place, final: LoadedModel) -> tuple[Compressed, tuple[Stage, ...]]:
        """The network after all steps, and what was there on the way: dense, pruned, each step."""
        now, stages = Compressed(final), [_dense(place.before), self._stage("pruned", "Pruned", Compressed(final))]
        context = self._context()
        for number, choice in enumerate(self._plan.compression, 1):
            method = COMPRESSIONS[choice.method]
            self._witness.progress.doing(f"{method.title}, step {number} of {len(self._plan.compression)}")
            started = time.perf_counter()
            after = method.apply(now, choice, context)
            seconds = time.perf_counter() - started
            if after.accuracy is None and after.model is now.model:  # nothing that computes was changed
                after = replace(after, accuracy=stages[-1].accuracy, file=stages[-1].file)
            stages.append(self._stage(method.name, method.title, after, choice, seconds))
            now = after
        return now, tuple(stages)

    def _stage(
        self,
        name: str,
        title: str,
        compressed: Compressed,
        choice: Compression | None = None,
        seconds: float | None = None,
    ) -> Stage:
        accuracy = compressed.accuracy
        if accuracy is None:
            accuracy = self._witness.measured(compressed.model, split="test", zipped=False).quality
        size = len(content(compressed))
        told = compressed.told if choice is not None else ()
        return Stage(name, title, size, accuracy, seconds, told, dict(compressed.layers), compressed.file)

    def _context(self) -> Context:
        witness, plan = self._witness, self._plan
        trains = any(COMPRESSIONS[choice.method].trains(choice) for choice in plan.compression)
        extras = Extras()
        if trains:
            extras = of_recovery(plan, self._parts, self._dense, witness.progress.poll, dense_updates=False)
        return Context(
            plan=plan,
            parts=self._parts,
            extras=replace(extras, movement=False),
            measure=lambda model: witness.measured(model, zipped=False),
            poll=witness.progress.poll,
            doing=witness.progress.doing,
        )


def _dense(before: Measurement) -> Stage:
    return Stage("dense", "Dense", before.dense_bytes, before.quality)
