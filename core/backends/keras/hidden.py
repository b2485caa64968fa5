"""Every hidden state of a GRU or LSTM, also where the layer gives only its last."""

from collections.abc import Callable
from typing import Any


def hidden_states(
    layer: Any, sequences: Any, initial_state: Any, mask: Any, watch: Callable[[Any], None]
) -> tuple[Any, list[Any], Any]:
    """Carry out a recurrent layer in evaluation mode, step by step.

    Args:
        layer: A GRU or LSTM.
        sequences: ``(samples, steps, features)``.
        initial_state: Tensors, or None for zeros.
        mask: ``(samples, steps)``, or None.
        watch: Told the zeros below before they are used.

    Returns:
        The outputs ``(samples, steps, hidden)`` in the order in which the steps are taken, the last states, and zeros
        of the outputs' shape that were added to the hidden states: the gradient with respect to them is that of the
        hidden states, later steps included.
    """
    import tensorflow as tf
    from keras.src import backend

    width, cell = sequences.shape[-1], layer.cell
    dtype = cell.compute_dtype
    initial = initial_state
    if initial is None:
        initial = layer.states if layer.stateful else layer.get_initial_state(tf.shape(sequences)[0])
    initial = [tf.cast(x, dtype) for x in (initial if isinstance(initial, (list, tuple)) else [initial])]
    push = tf.zeros((*tf.unstack(tf.shape(sequences)[:2]), layer.units), dtype)
    watch(push)
    in_time = tf.reverse(push, [1]) if layer.go_backwards else push

    def step(inputs: Any, states: Any) -> tuple[Any, list[Any]]:
        output, new = cell(inputs[..., :width], list(states), training=False)
        new = list(new) if isinstance(new, (list, tuple)) else [new]
        pushed = output + inputs[..., width:]
        return pushed, [pushed, *new[1:]]

    _, outputs, states = backend.rnn(
        step,
        tf.concat([tf.cast(sequences, dtype), in_time], -1),
        initial,
        go_backwards=layer.go_backwards,
        mask=mask,
        unroll=layer.unroll,
        input_length=sequences.shape[1],
        zero_output_for_mask=layer.zero_output_for_mask,
        return_all_outputs=True,
    )
    return outputs, list(states), push
