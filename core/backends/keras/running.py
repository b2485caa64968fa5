"""A network carried out call by call, so that each call may be done otherwise and looked at."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.backends.keras.kept_norm import normalised
from core.backends.keras.strides import carried_out
from core.backends.keras.walk import Call, Walk

#: Gives the outputs of one call for real arguments.
Apply = Callable[[Call, tuple[Any, ...], dict[str, Any]], Any]


def plain(kept: Mapping[int, Any], training: bool = False) -> Apply:
    """Every call as Keras does it.

    Args:
        kept: By ``id`` of a normalisation: 1 for its kept channels, 0 for others.
        training: With dropout, and statistics of the batch.
    """

    def apply(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if id(call.operation) in kept:
            return normalised(call.operation, args[0], kept[id(call.operation)])
        return carried_out(call.operation, training)(*args, **kwargs)

    return apply


def run(walk: Walk, inputs: Sequence[Any], apply: Apply) -> list[Any]:
    """The network's outputs.

    Args:
        walk: Its calls.
        inputs: A tensor for each input.
        apply: Carries out one call.
    """
    import tensorflow as tf
    from keras import KerasTensor, tree

    known = {id(symbol): tf.cast(x, symbol.dtype) for (_, symbol), x in zip(walk.inputs, inputs, strict=True)}

    def filled(arguments: Any) -> Any:
        return tree.map_structure(lambda x: known[id(x)] if isinstance(x, KerasTensor) else x, arguments)

    for call in walk.calls:
        outputs = tree.flatten(apply(call, filled(call.args), filled(call.kwargs)))
        known.update((id(symbol), x) for symbol, x in zip(call.outputs, outputs, strict=True))
    return [known[id(symbol)] for symbol in walk.outputs]


def like(x: Any, original: Any) -> Any:
    """``x`` with the Keras mask (padding of sequences) of ``original``."""
    from keras.src import backend

    mask = backend.get_keras_mask(original)
    if mask is not None:
        backend.set_keras_mask(x, mask)
    return x
