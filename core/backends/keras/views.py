"""A layer seen otherwise: a second object over the same variables, some of whose parts are exchanged.

The shared layer itself is never touched, so other threads may use it meanwhile.
"""

from typing import Any


def view(layer: Any, /, **parts: Any) -> Any:
    """Another layer of the same class, with the same variables, whose attributes ``parts`` are others."""
    other = object.__new__(type(layer))
    other.__dict__.update(layer.__dict__)
    other.__dict__.update(parts)
    return other


def without_activation(layer: Any) -> Any:
    """The same layer, linear; a wrapped one inside its wrapper."""
    from keras import activations
    from keras import layers as k

    if isinstance(layer, k.TimeDistributed):
        return view(layer, layer=without_activation(layer.layer))
    return view(layer, activation=activations.linear)


def activation_of(layer: Any) -> Any:
    """The activation that a layer ends with, a wrapped one's too; None for none."""
    from keras import layers as k

    return activation_of(layer.layer) if isinstance(layer, k.TimeDistributed) else getattr(layer, "activation", None)
