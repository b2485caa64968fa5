"""Keras 3 on TensorFlow. Importing this imports neither; the framework comes in with the first ``load``.

============= =================================================================
file          job
============= =================================================================
vetting       may this file be opened at all (configs, hdf5: the two halves)
loading       file -> LoadedModel
walk          a Keras model -> its calls in order, nested models flattened
arrays        Keras variables <-> canonical arrays
graph         calls -> neutral Graph (operations: one function a layer class)
network       the compiled functions take all values as arguments; predict
running       a network carried out call by call (views: layers seen otherwise)
kept_norm     normalisations over kept channels; strides: a crash of TensorFlow avoided
feeding       samples and labels from outside, checked
signals       loss and accuracy of each kind of output
derivatives   gradients, squares sample by sample (products), Hessian products
tapping       what flows through a place (hidden: inside a recurrent layer)
flow          synaptic flow
model         LoadedModel over a network and one set of values
training      Trainer (steps, objectives, penalising, optimisers: its parts)
recalibration batch normalisation measured anew
surgery       copies, and smaller copies (resizing: one layer's sizes)
narrowing     zeroed channels left out of statistics in a plain file
export        files and snippets
============= =================================================================
"""

from collections.abc import Mapping
from pathlib import Path

from core.backends._base import Backend, LoadedModel
from core.backends.keras.vetting import vet


class KerasBackend(Backend):
    """Opens ``.keras`` and ``.h5``."""

    name = "keras"
    title = "Keras"
    suffixes = (".keras", ".h5", ".hdf5")
    saves = ".keras"

    def vet(self, path: Path) -> None:
        vet(path)

    def load(self, path: Path, architecture: str | None = None) -> LoadedModel:
        from core.backends.keras.loading import load

        return load(path, architecture)

    def environment(self) -> Mapping[str, str]:
        from core.backends.keras.loading import environment

        return environment()


BACKEND = KerasBackend()
