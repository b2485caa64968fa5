"""What a network is, as plain values: what ``inspect`` prints and the *Model* page draws."""

from pathlib import Path
from typing import Any

from core.backends._base import LoadedModel
from core.graph import Group, Layer
from core.groups import groups as grouped
from core.layers import layers
from core.measures.macs import total


def describe(model: LoadedModel, path: Path) -> dict[str, Any]:
    """Everything there is to say about a network without data, ready for JSON.

    Returns:
        ``framework``, ``parameters``, ``macs``, ``file_bytes`` and ``layers`` as DESIGN.md 6 promises them; also
        ``output``, ``classes``, ``input_shapes``, ``notes``, ``trainable``, ``nodes`` (for the picture) and ``groups``.
    """
    graph = model.graph()
    groups = grouped(graph)
    table = layers(model, groups)
    return {
        "framework": model.framework,
        "parameters": sum(layer.parameters for layer in table),
        "prunable_parameters": sum(weight.size for weight in graph.weights()),
        "macs": total(graph),
        "file_bytes": path.stat().st_size,
        "output": model.output,
        "classes": model.classes,
        "input_shapes": [list(shape) for shape in model.input_shapes],
        "input_names": list(model.input_names),
        "trainable": model.trainable,
        "notes": list(model.notes),
        "layers": [_layer(layer) for layer in table],
        "nodes": [
            {
                "name": node.name,
                "op": str(node.op),
                "inputs": list(node.inputs),
                "shape": list(node.shape),
                "layer": node.layer,
                "label": node.label or str(node.op),
            }
            for node in graph.nodes
        ],
        "groups": [_group(group) for group in groups],
    }


def _layer(layer: Layer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "kind": layer.kind,
        "class_name": layer.class_name,
        "shape": list(layer.shape),
        "parameters": layer.parameters,
        "macs": layer.macs,
        "group": layer.group,
        "prunable": layer.prunable,
        "reason": layer.reason,
        "weights": [{"name": w.name, "role": w.role, "shape": list(w.shape), "size": w.size} for w in layer.weights],
    }


def _group(group: Group) -> dict[str, Any]:
    def owners(produces: bool) -> list[str]:
        names = (m.array.rsplit(".", 1)[0] for m in group.members if m.produces is produces)
        return list(dict.fromkeys(names))

    producers = owners(True)
    return {
        "name": group.name,
        "channels": group.channels,
        "producers": producers,
        "consumers": [name for name in owners(False) if name not in producers],
        "cuttable": group.cuttable,
        "reason": group.reason,
    }
