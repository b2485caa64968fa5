"""Keras' optimisers with the settings that both backends share."""

from typing import Any

from core.plan import Recovery

#: Momentum of ``sgd`` and weight decay of ``adamw``, as in the PyTorch backend.
MOMENTUM = 0.9
WEIGHT_DECAY = 1e-2


def optimiser(recovery: Recovery) -> Any:
    """Keras' optimiser with the settings that both backends share."""
    from keras import optimizers

    rate = recovery.learning_rate
    if recovery.optimiser == "sgd":
        return optimizers.SGD(rate, momentum=MOMENTUM)
    if recovery.optimiser == "adamw":
        return optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY, epsilon=1e-8)
    return optimizers.Adam(rate, epsilon=1e-8)


def memory(optimizer: Any, variable: Any) -> list[Any]:
    """What an optimiser remembers of a variable, entry by entry."""
    found = []
    for name in ("_momentums", "_velocities", "momentums"):
        states = getattr(optimizer, name, None) or []
        for trained, state in zip(optimizer._trainable_variables, states, strict=False):
            if trained is variable:
                found.append(state)
    return found


def forget(optimizer: Any) -> None:
    """As if it had not taken a step yet; the learning rate stays."""
    import tensorflow as tf

    rate = optimizer.learning_rate
    for state in optimizer.variables:
        if state is not rate:
            state.assign(tf.zeros(state.shape, state.dtype))
