"""From a vetted file to a :class:`KerasModel`."""

import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.backends.keras.feeding import Feed
from core.backends.keras.framework import imported
from core.backends.keras.graph import opaque_notes, output_kind
from core.backends.keras.model import KerasModel, unscored
from core.backends.keras.network import Network
from core.backends.keras.vetting import vet
from core.backends.keras.walk import NOMINAL, functional
from core.errors import BadModel, BadSetting, BadWeights, NothingPrunable


def load(path: Path, architecture: str | None = None) -> KerasModel:
    """Vet a file and open it.

    Raises:
        RefusedFile: It is unsafe, damaged or not ours.
        BadModel: Keras cannot build it, or it is a kind of network we cannot work with.
        BadSetting: An architecture was given; Keras files carry their own.
    """
    if architecture is not None:
        raise BadSetting(f'"{path.name}" carries its own architecture; leave out "{architecture}".')
    vet(path)
    keras, _ = imported()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as err:  # the file is a stranger's: whatever Keras makes of it is one sentence to the person
        raise BadModel(f'Keras could not build the network in "{path.name}": {_first_line(err)}') from err
    return loaded(model)


def loaded(model: Any) -> KerasModel:
    """A Keras model in memory as a :class:`KerasModel`; it must not be changed afterwards.

    Raises:
        BadModel: It is subclassed, or takes no numbers.
        BadWeights: A layer is empty, or holds NaN or infinite weights.
        NothingPrunable: It has no kernel.
    """
    _workable(model)
    network = Network(model)
    try:
        graph = network.graph
    except (ValueError, TypeError, AttributeError, KeyError, IndexError) as err:
        raise BadModel(f"The network's operations cannot be followed: {_first_line(err)}") from err
    output, odd = output_kind(graph)
    notes = [*odd, *opaque_notes(graph.nodes, graph.classes), *_shape_notes(network)]
    if not network.scores:
        notes.append(unscored(network))
    result = KerasModel(network, network.values(), output, tuple(notes), network.scores)
    _sound(result)
    return result


def _shape_notes(network: Network) -> Iterator[str]:
    """What its inputs and outputs mean for the person."""
    if any(None in entry.shape[1:] for entry in network.entries):
        yield f"The network takes samples of any size; MACs are given for {NOMINAL} along each open axis."
    fixed = Feed(network).batch
    if fixed is not None:
        yield f"The network takes a batch of exactly {fixed}; batches are filled up."
    count = len(network.walk.outputs)
    if count > 1:
        yield f"The network has {count} outputs: the first is measured and trained, all are kept."


def _workable(model: Any) -> None:
    inner = functional(model)
    if inner is None:
        raise BadModel(
            "This is a subclassed model: its operations are Python code outside the file. Rebuild it as a functional "
            "or sequential model and save that."
        )
    if not inner.inputs or not inner.outputs:
        raise BadModel("The network has no input or no output; save one that has both.")
    if any(str(entry.dtype) == "string" for entry in inner.inputs):
        raise BadModel("The network takes text; save the part that takes numbers.")
    if any(str(variable.dtype) == "bfloat16" for variable in model.variables):
        raise BadModel("The network's weights are bfloat16, which is half precision. Save it in single precision.")
    for layer in model._flatten_layers():
        if getattr(layer, "quantization_mode", None):
            raise BadModel(f'Layer "{layer.name}" is quantised; prune the network before quantising it.')


def _sound(model: KerasModel) -> None:
    for name, array in model.arrays().items():
        if array.size == 0:
            raise BadWeights(f'"{name}" is empty: a layer without weights cannot be pruned.')
        if not np.isfinite(array).all():
            raise BadWeights(f'"{name}" holds NaN or infinite values; train the network again before pruning it.')
    if not model.graph().weights():
        raise NothingPrunable("No layer has weights that can be pruned (Dense, Conv, GRU, LSTM, attention).")


def _first_line(err: Exception) -> str:
    text = " ".join(str(err).split())
    return (text[:200] + "…" if len(text) > 200 else text) or type(err).__name__


def environment() -> Mapping[str, str]:
    """Versions, device and threads."""
    keras, tf = imported()
    devices = tf.config.list_physical_devices("GPU")
    return {
        "keras": str(keras.__version__),
        "tensorflow": str(tf.__version__),
        "numpy": np.__version__,
        "device": devices[0].name if devices else "cpu",
        "threads": str(tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count() or 1),
    }
