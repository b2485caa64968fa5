"""Layers that become two: a thinner one, and one that brings its result back to as many channels."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.backends._base import Floats
from core.backends.keras.model import KerasModel
from core.backends.keras.network import Network
from core.backends.keras.surgery import holding, rebuilt, resizing_nothing
from core.backends.keras.walk import Call
from core.errors import BadModel
from core.factors import checked

Config = dict[str, Any]


def factorised(model: KerasModel, factors: Mapping[str, tuple[Floats, Floats]]) -> KerasModel:
    """See :meth:`core.backends._base.LoadedModel.factorised`; nested models are flattened.

    A layer used twice becomes two layers used twice.
    """
    checked(model.network.graph, factors)
    if not factors:
        return model.holding(model.values, {})
    by_layer = {name.rpartition(".")[0]: pair for name, pair in factors.items()}
    arrays = dict(model.arrays())
    for layer, (up, down) in by_layer.items():
        del arrays[f"{layer}.kernel"]
        arrays |= {f"{layer}_down.kernel": down, f"{layer}_up.kernel": up}
        if f"{layer}.bias" in arrays:
            arrays[f"{layer}_up.bias"] = arrays.pop(f"{layer}.bias")
    try:
        network = Network(rebuilt(model.network.model, _making(model.network, by_layer)))
        fits = network.shapes == {name: array.shape for name, array in arrays.items()}
    except (ValueError, TypeError) as err:
        raise BadModel(f"The factorised network cannot be built: {' '.join(str(err).split())[:200]}") from err
    if not fits:
        raise BadModel("The factorised network came out with other shapes than its weights.")
    made = holding(model, network, arrays)
    made.norms = model.norms
    return made


def _making(network: Network, factors: Mapping[str, tuple[Floats, Floats]]) -> Callable[[Call], Any]:
    otherwise = resizing_nothing(network)

    def made(call: Call) -> Any:
        return _pair(call, len(factors[call.path][1])) if call.path in factors else otherwise(call)

    return made


@dataclass(frozen=True)
class Pair:
    """Stands for a layer: callable like one."""

    down: Any
    up: Any

    def __call__(self, x: Any, **_: Any) -> Any:
        return self.up(self.down(x))


def _pair(call: Call, rank: int) -> Pair:
    """The thin layer with the original's stride, padding and dilation, and the one of window 1 with its bias and
    activation."""
    from keras import layers as k

    outer = call.operation
    inner = outer.layer if isinstance(outer, k.TimeDistributed) else outer
    thin, wide = _configs(inner, rank)
    names = f"{call.path}_down", f"{call.path}_up"
    made = [type(inner).from_config({**config, "name": name}) for config, name in zip((thin, wide), names, strict=True)]
    if inner is not outer:
        made = [k.TimeDistributed(layer, name=name) for layer, name in zip(made, names, strict=True)]
    return Pair(*made)


def _configs(layer: Any, rank: int) -> tuple[Config, Config]:
    from keras import layers as k

    given = copy.deepcopy(layer.get_config())
    for own in ("kernel_constraint", "lora_rank", "lora_alpha", "quantization_config"):  # they were the whole kernel's
        given.pop(own, None)
    thin = {**given, "use_bias": False, "activation": None, "activity_regularizer": None}
    if isinstance(layer, k.Dense):
        return {**thin, "units": rank}, given
    one = {"kernel_size": 1, "strides": 1, "dilation_rate": 1, "padding": "valid"}
    return {**thin, "filters": rank}, {**given, **one}
