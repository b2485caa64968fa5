"""What came of a run, as the command line prints it and the folder keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core import paths
from core.backends._base import Floats, LoadedModel, Masks
from core.factors import standing_for
from core.graph import Graph
from core.measurement import Measurement
from core.plan import Plan

#: What of a Measurement is printed.
_PRINTED = (
    *("accuracy", "f1_macro", "loss", "parameters", "nonzero", "sparsity", "macs", "effective_macs"),
    *("dense_bytes", "zipped_bytes", "sparse_bytes", "latency_ms"),
)
_OF_VALUES = ("mae", "r2")


@dataclass(frozen=True)
class LayerResult:
    """Prunable kernel weights of one layer: ``parameters`` of the dense model, ``nonzero`` of the pruned one.

    Of a layer that became two, ``nonzero`` counts both factors.
    """

    name: str
    parameters: int
    nonzero: int

    @property
    def sparsity(self) -> float:
        """Share of the dense layer that is zero or gone."""
        return (self.parameters - self.nonzero) / self.parameters if self.parameters else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**vars(self), "sparsity": self.sparsity}


@dataclass(frozen=True)
class Stage:
    """A network on its way from dense to compressed, by the one file that holds its weights as small as they get.

    Attributes:
        name: ``dense``, ``pruned``, then the names of the compressions.
        title: The same for a person.
        bytes: Of the dense weights as safetensors; from ``pruned`` on of the compressed file.
        accuracy: On test; of a regression R².
        file: The format of the file that ``accuracy`` belongs to where it is another runtime's (8-bit activations);
            "" where it is that of the network itself.
        seconds: What the step took; None where it is none.
        told: Sentences for the person.
        layers: By array name what the step made of it.
    """

    name: str
    title: str
    bytes: int
    accuracy: float | None
    seconds: float | None = None
    told: tuple[str, ...] = ()
    layers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    file: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**vars(self), "told": list(self.told), "layers": {name: dict(f) for name, f in self.layers.items()}}


@dataclass(frozen=True)
class Result:
    """One plan, carried out. Measurements are on the test split; files lie in ``folder``.

    ``model`` is the pruned network and ``masks`` are those of the dense one, both for whoever wants to go on.
    ``stages`` are there where the plan compresses: dense, pruned, each step.
    """

    plan: Plan
    before: Measurement
    after: Measurement
    layers: tuple[LayerResult, ...]
    folder: Path
    model_file: Path
    recipe_file: Path
    model: LoadedModel
    masks: Masks
    notes: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()

    @property
    def artefacts(self) -> dict[str, Path]:
        """The files by what they are."""
        named = {
            "masks": paths.masks_file,
            "weights": paths.weights_file,
            "result": paths.result_file,
        }
        if self.stages:
            named["compressed"] = paths.compressed_file
        of_folder = {name: place(self.folder) for name, place in named.items()}
        return {"model": self.model_file, "recipe": self.recipe_file, **of_folder}

    def told(self) -> dict[str, Any]:
        """What the ``finished`` event says."""
        return {
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "layers": [layer.to_dict() for layer in self.layers],
            "stages": [stage.to_dict() for stage in self.stages],
        }

    def to_dict(self) -> dict[str, Any]:
        """The object of ``--json`` and of ``result.json``; ``stages`` where the plan compresses."""
        return {
            "plan": self.plan.to_dict(),
            "before": printed(self.before),
            "after": printed(self.after),
            "layers": [layer.to_dict() for layer in self.layers],
            "model_file": str(self.model_file),
            "recipe_file": str(self.recipe_file),
            **({"stages": [stage.to_dict() for stage in self.stages]} if self.stages else {}),
        }


def printed(measurement: Measurement) -> dict[str, Any]:
    """What of a Measurement is printed; of a regression ``mae`` and ``r2`` too."""
    values = measurement.mae is not None or measurement.r2 is not None
    compressed = ("compressed_bytes",) if measurement.compressed_bytes is not None else ()
    return {name: getattr(measurement, name) for name in (*_PRINTED, *compressed, *(_OF_VALUES if values else ()))}


def by_layer(graph: Graph, arrays: Mapping[str, Floats]) -> tuple[LayerResult, ...]:
    """What is left of each layer of the dense ``graph`` in the pruned ``arrays``."""
    sizes: dict[str, list[int]] = {}
    for weight in graph.weights():
        nonzero = sum(int(np.count_nonzero(arrays[name])) for name in standing_for(weight.name, arrays))
        size = sizes.setdefault(weight.layer, [0, 0])
        size[0] += weight.size
        size[1] += nonzero
    return tuple(LayerResult(layer, *size) for layer, size in sizes.items())
