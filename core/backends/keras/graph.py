"""The neutral graph of a flattened Keras model, and what its output is."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.backends.keras import layer_nodes, operation_nodes
from core.backends.keras.nodes import Emitter
from core.backends.keras.walk import Walk
from core.graph import Graph, Node, Op

Shape = tuple[int, ...]


def graph(walk: Walk, shapes: Mapping[str, Shape]) -> Graph:
    """Every call as one or more nodes; the last node is the output, shaped as the first where there are several."""
    from keras import Layer

    emitter = Emitter()
    for name, tensor in walk.inputs:
        emitter.names[id(tensor)] = emitter.node(name, Op.INPUT, (), tuple(tensor.shape[1:]), label="Input")
    classes: dict[str, str] = {}
    for call in walk.calls:
        if isinstance(call.operation, Layer):
            if any(name.startswith(f"{call.path}.") for name in shapes):
                classes.update(layer_nodes.classes(call.operation, call.path))
            layer_nodes.emit(emitter, call)
        else:
            operation_nodes.emit(emitter, call)
    outputs = tuple(emitter.names[id(output)] for output in walk.outputs)
    emitter.node("output", Op.OUTPUT, outputs, tuple(walk.outputs[0].shape[1:]), label="Output")
    return Graph(tuple(emitter.nodes), dict(shapes), classes)


#: The last activation -> what the output is.
_KINDS = {"softmax": "probabilities", "log_softmax": "log_probabilities"}
#: Nodes that leave the meaning of an output as it is.
_TRANSPARENT = (Op.RESHAPE, Op.ELEMENTWISE)
_UNCHANGED = ("Flatten", "Reshape", "Dropout", "Identity", "linear")


def output_kind(graph: Graph) -> tuple[str, tuple[str, ...]]:
    """One of ``core.plan.OUTPUTS``, recognised from the last activation, and notes where that is a guess."""
    units = graph.nodes[-1].shape[-1]
    node = ending(graph)
    if node.op is Op.SOFTMAX:
        return _KINDS.get(node.label, "probabilities"), ()
    if node.label == "sigmoid":
        if units == 1:
            return "sigmoid", ()
        return "probabilities", (
            f"The {units} sigmoid units of the output are read as probabilities of {units} classes.",
        )
    if units == 1:
        return "sigmoid_logit", (
            "The output is one unit without activation: read as the logit of two classes, or where the data has values "
            "as that value.",
        )
    return "logits", ()


def ending(graph: Graph) -> Node:
    """The last node that changes the output's values."""
    nodes = {node.name: node for node in graph.nodes}
    node = nodes[graph.nodes[-1].inputs[0]]
    while node.op in _TRANSPARENT and node.label in _UNCHANGED:
        node = nodes[node.inputs[0]]
    return node


def opaque_notes(nodes: Sequence[Node], classes: Mapping[str, str]) -> tuple[str, ...]:
    """One sentence naming what is computed as it is and never cut through, if there is such a thing."""
    after: set[str] = set()  # nodes that layers with arrays lead to: before them there is nothing to cut
    for node in nodes:
        if node.layer is not None or after.intersection(node.inputs):
            after.add(node.name)
    names = list(
        dict.fromkeys(_described(node, classes) for node in nodes if node.op is Op.OPAQUE and node.name in after)
    )
    if not names:
        return ()
    return (f"Not understood, so masked but never cut through: {', '.join(names)}.",)


def _described(node: Node, classes: Mapping[str, str]) -> str:
    kind: Any = node.label or classes.get(node.layer or "", "")
    return f'"{node.name}" ({kind})'
