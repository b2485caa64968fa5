"""What flows through named places of a network, and the loss' gradient there.

The network is carried out call by call. A place inside a layer (before its fused activation, a recurrent layer's hidden
states, what an attention's out projection takes) is reached by a view of the layer that shows it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.backends._base import Batch, Masks, Tap
from core.backends.keras.given import Given
from core.backends.keras.hidden import hidden_states
from core.backends.keras.network import Network
from core.backends.keras.running import Apply, like, plain, run
from core.backends.keras.signals import losses
from core.backends.keras.views import activation_of, view, without_activation
from core.backends.keras.walk import Call
from core.errors import UnknownName
from core.graph import Graph, Op

if TYPE_CHECKING:
    from core.backends.keras.model import KerasModel

#: What each half of a bidirectional layer is called.
_HALVES = ("forward", "backward")


def taps(
    model: "KerasModel", batches: Iterable[Batch], names: Sequence[str], masks: Masks, gradients: bool
) -> Iterator[dict[str, Tap]]:
    """See :meth:`core.backends._base.LoadedModel.taps`.

    Hidden states are in the order in which the steps are taken. The gradient of one is the whole: what it does
    through later steps counts too. Integers that flow in have a gradient of zeros.
    """
    network = model.network
    names = tuple(dict.fromkeys(names))
    _known(network.graph, names)
    given = Given(model, masks, loss=gradients)
    call = given.compiled(("taps", gradients, names), lambda: _function(network, names, model.output, gradients))
    for batch in batches:
        values, found = call(*given.of(batch))
        pairs = zip(values, found if gradients else [None] * len(values), strict=True)
        yield dict(zip(names, (Tap(_array(v), g if g is None else _array(g)) for v, g in pairs), strict=True))


def _array(tensor: Any) -> Any:
    return tensor.numpy().astype(np.float32, copy=False)


def places(graph: Graph) -> tuple[str, ...]:
    """The names that can be tapped."""
    found = [node.name for node in graph.nodes]
    found += [f"{node.name}:hidden" for node in graph.nodes if node.op in (Op.GRU, Op.LSTM)]
    return (*found, *(f"{node.name}:context" for node in graph.nodes if node.op is Op.ATTENTION))


def _known(graph: Graph, names: Sequence[str]) -> None:
    known = places(graph)
    for name in names:
        if name not in known:
            raise UnknownName("place", name, known)


def _function(network: Network, names: Sequence[str], output: str, gradients: bool) -> Callable[..., Any]:
    import tensorflow as tf
    from keras import StatelessScope

    def function(values: Any, inputs: Any, norms: Any, targets: Any, weights: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            watching = Watching(network.graph, names, tape)
            with StatelessScope(state_mapping=list(zip(network.variables, values, strict=True))):
                raw = tf.cast(watching.run(network, inputs, norms), tf.float32)
            if not gradients:
                return [watching.values[name] for name in names], []
            summed = tf.reduce_sum(tf.cast(weights, tf.float64) * losses(output, raw, targets, None, "float64"))
        sources = {name: source for name, source in watching.sources.items() if source.dtype.is_floating}
        found = tape.gradient(summed, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        values = [watching.values[name] for name in names]
        return values, [found.get(name, tf.zeros_like(x)) for name, x in zip(names, values, strict=True)]

    return function


class Watching:
    """Carries out a network and writes down what flows through the named places.

    Args:
        graph: Of the network.
        names: Places.
        tape: Told to watch them.
    """

    def __init__(self, graph: Graph, names: Sequence[str], tape: Any) -> None:
        self._names = frozenset(names)
        self._tape = tape
        self.values: dict[str, Any] = {}
        #: Where the gradient of each is taken.
        self.sources: dict[str, Any] = {}
        pairs = [(node.inputs[0], node) for node in graph.nodes if len(node.inputs) == 1]
        #: Layers with an activation of their own: the activation's node by the layer's.
        self._activated = {before: node.name for before, node in pairs if node.name == f"{before}/{node.label}"}

    def run(self, network: Network, inputs: Sequence[Any], norms: Sequence[Any]) -> Any:
        """The first raw output."""
        import tensorflow as tf

        symbols = network.walk.inputs
        given = [self.seen(name, tf.cast(x, symbol.dtype)) for (name, symbol), x in zip(symbols, inputs, strict=True)]
        outputs = run(network.walk, given, self._applied(plain(network.kept_by_layer(norms))))
        return self.seen("output", outputs[0])

    def seen(self, name: str, tensor: Any, source: Any = None) -> Any:
        """``tensor``, written down if it flows through a named place.

        Args:
            name: Of the place.
            tensor: What flows.
            source: A tensor already watched in whose stead the gradient is taken.
        """
        import tensorflow as tf

        if name not in self._names:
            return tensor
        tensor = like(tf.identity(tensor), tensor)
        if source is None and tensor.dtype.is_floating:
            self._tape.watch(tensor)
        self.values[name], self.sources[name] = tensor, tensor if source is None else source
        return tensor

    def _applied(self, apply: Apply) -> Apply:
        from keras import tree

        def watched(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            outputs = tree.flatten(self._call(apply, call, args, kwargs))
            last = self._activated.get(call.name, call.name)
            names = [last, *(f"{call.name}/{i}" for i in range(1, len(outputs)))]
            return [self.seen(name, x) for name, x in zip(names, outputs, strict=True)]

        return watched

    def _call(self, apply: Apply, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        layer = call.operation
        inside = [name for name in self._names if name.startswith((f"{call.name}:", f"{call.name}/"))]
        if call.name in self._activated and call.name in self._names:
            before = apply(replace(call, operation=without_activation(layer)), args, kwargs)
            return like(activation_of(layer)(self.seen(call.name, before)), before)
        if any(name.endswith(":context") for name in inside):
            return apply(replace(call, operation=self._shown_context(call.name, layer)), args, kwargs)
        if any(name.endswith(":hidden") or name.removeprefix(f"{call.name}/") in _HALVES for name in inside):
            return apply(replace(call, operation=self._shown_hidden(call.name, layer)), args, kwargs)
        return apply(call, args, kwargs)

    def _shown_context(self, name: str, layer: Any) -> Any:
        """A view of an attention that shows what its out projection takes."""
        import tensorflow as tf

        def project(context: Any) -> Any:
            shape = tf.shape(context)
            width = context.shape[-1] * context.shape[-2]
            joined = tf.reshape(context, tf.concat([shape[:-2], [width]], 0))
            return layer.output_dense(tf.reshape(self.seen(f"{name}:context", joined), shape))

        return view(layer, _output_dense=project)

    def _shown_hidden(self, name: str, layer: Any) -> Any:
        """A view of a recurrent layer that shows its hidden states; of a bidirectional one, both of its halves."""
        from keras import layers as k

        if not isinstance(layer, k.Bidirectional):
            return self._recurrent(f"{name}:hidden", "", layer)
        halves = {f"{half}_layer": self._recurrent_half(name, half, layer) for half in _HALVES}
        never = {f"_can_attempt_fused_{kind}": lambda *_: False for kind in ("lstm", "gru")}
        return view(layer, **halves, **never)

    def _recurrent_half(self, name: str, half: str, layer: Any) -> Any:
        return self._recurrent(f"{name}/{half}:hidden", f"{name}/{half}", getattr(layer, f"{half}_layer"))

    def _recurrent(self, hidden: str, whole: str, layer: Any) -> Any:
        import tensorflow as tf

        def call(sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
            outputs, states, push = hidden_states(layer, sequences, initial_state, mask, self._tape.watch)
            outputs = self.seen(hidden, outputs, push)
            backwards = layer.go_backwards and layer.return_sequences
            result = outputs if layer.return_sequences else outputs[:, -1]
            result = self.seen(whole, tf.reverse(result, [1]) if backwards else result)
            result = tf.reverse(result, [1]) if backwards else result
            return (result, *states) if layer.return_state else result

        return view(layer, call=call)
