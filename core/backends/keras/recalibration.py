"""Batch normalisation measured anew: means and variances of the network as it is now."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from core.backends._base import Floats, Masks
from core.backends.keras.model import KerasModel
from core.backends.keras.network import Network, Values, norm_specs
from core.backends.keras.running import Apply, plain, run
from core.backends.keras.views import view
from core.backends.keras.walk import Call
from core.errors import EmptyData, NotFinite
from core.inputs import Inputs


def recalibrated(model: KerasModel, x: Inputs, masks: Masks, batch_size: int) -> KerasModel:
    """See :meth:`core.backends._base.LoadedModel.recalibrated`.

    Raises:
        EmptyData: There are no samples.
        NotFinite: They make means or variances that are no numbers.
    """
    network = model.network
    arrays = model.feed.inputs(x)
    if len(arrays[0]) == 0:
        raise EmptyData("There are no samples to measure batch normalisation on.")
    masked = model.masked(masks)
    paths = batch_norms(network)
    if not paths:
        return masked
    all_masks = model.checked(masks)
    norms = network.kept_norms(all_masks)
    call = network.compiled(("statistics", bool(norms)), lambda: _traced(network, paths, norms))
    size = model.feed.batch or batch_size
    sums: dict[str, Any] = {}
    count = 0
    for start in range(0, len(arrays[0]), size):
        batch = [array[start : start + size] for array in arrays]
        samples = len(batch[0])
        if model.feed.batch not in (None, samples):
            break  # a rest that the network cannot take
        count += samples
        for name, found in call(masked.values, batch, norms).items():
            sums[name] = sums.get(name, 0) + samples * found.numpy().astype(np.float64)
    return model.holding(network.replaced(masked.values, _statistics(sums, count, masks)), masks)


def batch_norms(network: Network) -> tuple[str, ...]:
    """Paths of the layers, each once."""
    from keras import layers as k

    return tuple(dict.fromkeys(c.path for c in network.walk.calls if isinstance(c.operation, k.BatchNormalization)))


def _traced(network: Network, paths: Sequence[str], norms: Sequence[Floats]) -> Any:
    import tensorflow as tf
    from keras import StatelessScope

    def function(values: Values, inputs: Sequence[Any], norms: Sequence[Any]) -> Mapping[str, Any]:
        found: dict[str, list[Any]] = {f"{path}.{role}": [] for path in paths for role in ("mean", "variance")}
        with StatelessScope(state_mapping=list(zip(network.variables, values, strict=True))):
            run(network.walk, inputs, _measuring(plain(network.kept_by_layer(norms)), found))
        return {name: tf.add_n(several) / len(several) for name, several in found.items()}

    specs = (network.value_specs, list(network.input_specs), norm_specs(norms))
    return tf.function(function, autograph=False).get_concrete_function(*specs)


def _measuring(apply: Apply, found: Mapping[str, list[Any]]) -> Apply:
    """Batch normalisations normalise by the batch, and what they measured is written down."""
    import tensorflow as tf
    from keras import layers as k
    from keras.src import backend

    def measuring(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        layer = call.operation
        if not isinstance(layer, k.BatchNormalization):
            return apply(call, args, kwargs)
        mean, variance = layer._moments(tf.cast(args[0], tf.float32), backend.get_keras_mask(args[0]))
        found[f"{call.path}.mean"].append(mean)
        found[f"{call.path}.variance"].append(variance)
        own = view(layer, moving_mean=mean, moving_variance=variance)
        return apply(replace(call, operation=own), args, kwargs)

    return measuring


def _statistics(sums: Mapping[str, Any], count: int, masks: Masks) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    for name, total in sums.items():
        values = (total / count).astype(np.float32)
        if not np.isfinite(values).all():
            raise NotFinite(f'Normalising anew gives "{name}" values that are NaN or infinite. Look at the data.')
        found[name] = np.where(masks[name].kept, values, np.float32(0)) if name in masks else values
    return found
