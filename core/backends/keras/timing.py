"""Predictions made ready to be timed, and the time each layer takes."""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from core.backends._base import Floats, Poll
from core.backends.keras.running import Apply, plain, run
from core.backends.keras.walk import Call
from core.errors import BadModel, first_line
from core.inputs import Inputs

if TYPE_CHECKING:
    from core.backends.keras.model import KerasModel

#: One layer's work, to be timed.
Part = Callable[[], Any]


def repeated(model: "KerasModel", x: Inputs, threads: int, compiled: bool) -> Callable[[], None]:
    """See :meth:`core.backends._base.LoadedModel.repeated`. TensorFlow flushes denormals by itself; its threads are
    fixed by the first computation of a process, later wishes change nothing."""
    import tensorflow as tf

    _ask_for_threads(threads)
    network, norms = model.network, model.network.kept_norms(model.norms)
    inputs = [tf.constant(array) for array in model.feed.padded(model.feed.inputs(x))]
    # Not the weights: closed over, they would be constants of a graph that is optimised for minutes.
    predict = tf.function(lambda values, given: network.outputs(values, given, norms), jit_compile=compiled or None)
    specs = network.value_specs, [tf.TensorSpec.from_tensor(tensor) for tensor in inputs]

    try:
        function = predict.get_concrete_function(*specs)
        function(model.values, inputs).numpy()
    except (tf.errors.OpError, NotImplementedError) as err:
        if not compiled:
            raise
        raise BadModel(f"XLA cannot compile the network: {first_line(err)}") from err

    def call() -> None:
        function(model.values, inputs).numpy()

    return call


def _ask_for_threads(threads: int) -> None:
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:  # something was computed already
        return


def layer_times(model: "KerasModel", x: Inputs, threads: int, rounds: int, poll: Poll) -> Mapping[str, Floats]:
    """See :meth:`core.backends._base.LoadedModel.layer_times`. Each call of the functional graph is a compiled function
    of its own; what calling a function that does nothing takes is taken off, so that small layers are not all alike."""
    import tensorflow as tf
    from keras import StatelessScope

    _ask_for_threads(threads)
    network, norms = model.network, model.network.kept_norms(model.norms)
    parts: dict[str, Part] = {}
    apply = plain(network.kept_by_layer(norms))
    with StatelessScope(state_mapping=list(zip(network.variables, model.values, strict=True))):
        inputs = [tf.constant(array) for array in model.feed.padded(model.feed.inputs(x))]
        run(network.walk, inputs, _kept(apply, parts))
        idle = _compiled(Call("", "", None, (), {}, (), ()), lambda call, args, kwargs: inputs[0][:1], (), {})
        idle()
        times: dict[str, list[float]] = {name: [] for name in parts}
        for done in range(rounds):
            nothing = min(_timed(idle) for _ in range(3))
            for name, function in parts.items():
                times[name].append(max(0.0, _timed(function) - nothing))
            poll(done + 1, rounds)
    return {name: np.asarray(found, np.float32) for name, found in times.items()}


def _kept(apply: Apply, parts: dict[str, Part]) -> Apply:
    """Carries out calls and keeps each as a function to be timed, traced once."""

    def kept(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        parts[call.name] = _compiled(call, apply, args, kwargs)
        return parts[call.name]()

    return kept


def _compiled(call: Call, apply: Apply, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Part:
    import tensorflow as tf
    from keras import tree

    given = [x for x in tree.flatten((args, kwargs)) if tf.is_tensor(x)]
    places = tree.map_structure(lambda x: tf.is_tensor(x), (args, kwargs))

    def body(*tensors: Any) -> Any:
        left = iter(tensors)
        filled = tree.map_structure(lambda here, x: next(left) if here else x, places, (args, kwargs))
        return apply(call, filled[0], filled[1])

    function = tf.function(body).get_concrete_function(*map(tf.TensorSpec.from_tensor, given))
    return lambda: function(*given)


def _timed(function: Part) -> float:
    from keras import tree

    start = perf_counter()
    for output in tree.flatten(function()):
        output.numpy()
    return (perf_counter() - start) * 1000
