"""What is measured on the way, and told."""

from dataclasses import replace

import numpy as np

from core.backends._base import EpochResult, LoadedModel, Masks
from core.checkpoints import Place
from core.course._moving_histogram import MovingHistogram
from core.datasets import Parts
from core.measurement import Measurement
from core.measures import measure
from core.measures.latency import Latency, latencies
from core.reports import Progress, Report
from core.results import Result


class Witness:
    """Measures a run's networks and tells its report.

    Args:
        report: Told what happens.
        parts: Data as the network takes it.
        start: The network the run starts with: sparsity counts against it, histograms keep its axes.
        epochs: Of the whole run.
    """

    def __init__(self, report: Report, parts: Parts, start: LoadedModel, epochs: int) -> None:
        self._report, self._parts, self._graph, self._epochs = report, parts, start.graph(), epochs
        self._histogram = MovingHistogram(start)
        self._masks: tuple[int, Masks] | None = None
        self.progress = Progress(report, epochs)

    def started(self, kept: Place | None) -> None:
        """The run begins, or goes on from what was kept."""
        self.progress = Progress(self._report, self._epochs, kept.number if kept else 0)
        self._report.event("started", {"continued": kept is not None})

    def measured(self, model: LoadedModel, *, split: str = "validation", zipped: bool = True) -> Measurement:
        """A Measurement against the dense network."""
        return measure(model, self._parts, split, dense=self._graph, zipped=zipped, poll=self.progress.poll)

    def point(self, phase: str, place: Place, measurement: Measurement) -> None:
        """What the network is worth at this place."""
        data = {"phase": phase, "step": place.step, "epoch": place.number, "measurement": measurement.to_dict()}
        self._report.event("point", data)

    def pruned(self, place: Place, steps: int, measured: Measurement) -> None:
        """A pruning step was taken."""
        self._report.event("pruned", {"step": place.step, "steps": steps, "sparsity": measured.sparsity})
        self.point("pruned", place, measured)

    def epoch(self, phase: str, place: Place, done: EpochResult, measured: Measurement, rate: float) -> None:
        """An epoch of the preparation (``prepare``) or the recovery (``recover``) is done and was measured."""
        data = {
            "phase": phase,
            "epoch": place.number,
            "epochs": self._epochs,
            "step": place.step,
            "loss": done.loss,
            "accuracy": done.accuracy,
            "validation_loss": measured.loss,
            "validation_accuracy": measured.quality,
            "quality": "R²" if measured.accuracy is None else "accuracy",
            "learning_rate": rate,
            "seconds": done.seconds,
        }
        self._report.event("epoch", data)
        self.point("prepare" if phase == "prepare" else "epoch", place, measured)
        self.progress.epoch_done()

    def histogram(self, phase: str, place: Place, model: LoadedModel, masks: Masks) -> None:
        """Where the weights are, and how many of the kept ones came back since the epoch before."""
        layers = self._histogram.rows(model.arrays(), masks)
        data = {"phase": phase, "epoch": place.number, "step": place.step, "layers": layers}
        if self._masks is not None and self._masks[0] == place.step:
            data["exchanged"] = _come_back(self._masks[1], masks)
        self._masks = place.step, masks
        self._report.event("histogram", data)

    def timed(self, dense: LoadedModel, final: LoadedModel) -> tuple[Latency, Latency]:
        """Latency of the dense and the final network, taken in turn: before and after can be compared."""
        self.progress.doing("Timing dense and pruned in turn")
        one = self._parts.split("test")[0][:1]
        first, second = latencies([dense, final], one, poll=self.progress.poll)
        return first, second

    def finished(self, result: Result) -> None:
        """The run has its result."""
        self._report.event("finished", result.told())


def _come_back(before: Masks, now: Masks) -> float:
    """Share of the kept entries under masks that were masked before."""
    if before is now:
        return 0.0
    shared = [(before[name].kept, now[name].kept) for name in now if name in before]
    kept = sum(int(np.count_nonzero(here)) for _, here in shared)
    return sum(int(np.count_nonzero(here & ~was)) for was, here in shared) / max(1, kept)


def with_latency(measured: Measurement, timing: Latency) -> Measurement:
    """The measurement with how long a prediction takes."""
    return replace(measured, latency_ms=timing.median_ms, latency_spread_ms=timing.spread_ms)
