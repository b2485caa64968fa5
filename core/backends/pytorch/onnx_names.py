"""What layers are called: after the stored tensors where these carry a layer's name, else after the operation."""

import keyword
import re
from collections import Counter
from collections.abc import Iterable

#: Ends of stored tensors' names that exporters put behind the layer's own.
_LEAVES = (r"weight_(?:ih|hh)_l\d+(?:_reverse)?|bias_(?:ih|hh)_l\d+(?:_reverse)?"
           r"|weight|bias|kernel|recurrent_kernel|gamma|beta|running_mean|running_var|embeddings?|in_proj_weight"
           r"|in_proj_bias")  # fmt: skip
_STORED = re.compile(rf"(.+?)[./](?:{_LEAVES})(?::\d+)?\Z")
#: Names that say nothing: numbered values, and folders that exporters wrap everything in.
_MADE_UP = re.compile(r"(onnx::|val_|const_fold|new_shape|node_|Transpose__|MatMul__|\d)")
_WRAPPERS = ("StatefulPartitionedCall", "PartitionedCall", "model", "module")
#: Parts of tensors' names that are operations of TensorFlow, no layers.
_OPERATION = re.compile(r"(convolution|Cast|BiasAdd|batchnorm|Tensordot|MatMul|Reshape|ExpandDims|split|Squeeze)")
_OTHER = re.compile(r"[^A-Za-z0-9_]+")


class Names:
    """Hands out names that are free."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._paths: set[str] = set()
        self._layers: dict[tuple[object, ...], str] = {}
        self.root = ""

    def learn(self, nodes: Iterable[str]) -> None:
        """Look at all operations' names: a first folder that most share is the network's own."""
        heads = [name.split("/") for name in nodes if name.count("/") > 0 and not name.startswith("/")]
        common = Counter(parts[0] for parts in heads).most_common(1)
        self.root = common[0][0] if common and 2 * common[0][1] > len(heads) else ""

    def value(self, name: str) -> str:
        """A name for an input."""
        found = _OTHER.sub("_", name).strip("_") or "input"
        found = f"input_{found}" if not re.match(r"[A-Za-z_]", found) or keyword.iskeyword(found) else found
        return _free(found[:80], self._values)

    def call(self, label: str) -> str:
        """A name for an operation's result."""
        return _free(_OTHER.sub("_", label).lower().strip("_") or "call", self._values)

    def constant(self, source: str) -> str:
        """A path for a constant operand, the same for the same stored tensor."""
        key = ("constant", source)
        if source and key in self._layers:
            return self._layers[key]
        path = _path(source.rpartition(":")[0] or source) if source and not _MADE_UP.match(source) else "constant"
        self._layers[key] = _free(path, self._paths)
        return self._layers[key]

    def layer(self, op: str, node: str, sources: tuple[str, ...]) -> str:
        """A layer's path; the same stored tensors in the same kind of operation are the same layer."""
        key = (op, *sources)
        if any(sources) and key in self._layers:
            return self._layers[key]
        stored = (_STORED.match(source) for source in sources if not _MADE_UP.match(source))
        path = next((_path(match[1]) for match in stored if match and not self._keras(match[1])), "")
        if op.startswith("Conv"):  # tf2onnx names it after the normalisation it has folded in
            path = path or next(filter(None, map(self._of_tensor, sources[:1])), "")
        path = path or self._of_node(node) or next(filter(None, map(self._of_tensor, sources)), "")
        self._layers[key] = _free(path or f"{op.lower()}_1", self._paths)
        return self._layers[key]

    def _keras(self, stored: str) -> bool:
        """Whether a stored tensor's name is an operation's, as tf2onnx writes it."""
        return bool(self.root) and stored.startswith(f"{self.root}/")

    def _of_tensor(self, source: str) -> str:
        """``network_1/conv_1/convolution/merged_input:0`` is ``conv``."""
        if not self._keras(source):
            return ""
        parts = source.split("/")
        end = next((index for index, part in enumerate(parts) if _OPERATION.match(part)), len(parts) - 1)
        return self._of_node("/".join([*parts[:end], "tensor"]))

    def _of_node(self, node: str) -> str:
        """``/block/block.0/conv/Conv`` is ``block.0.conv``, ``network_1/conv_1/BiasAdd`` is ``conv``."""
        if "/" not in node:
            return ""
        traced = node.startswith("/")
        parts = [part for part in node.strip("/").split("/")[:-1] if part]
        if not traced:
            parts = [part for part in parts if part != self.root and part not in _WRAPPERS]
            parts = [part.removesuffix("_1") for part in parts] if self.root.endswith("_1") else parts
            parts = [part for part in parts if part not in ("convolution", "Tensordot", "separable_conv2d")]
        kept: list[str] = []
        for part in parts:
            if kept and part.startswith(f"{kept[-1]}."):
                kept.pop()
            kept.append(part)
        return _path("/".join(kept))


def _path(text: str) -> str:
    """A dotted path of plain names."""
    parts = (_OTHER.sub("_", part).strip("_") for part in re.split(r"[./]+", text))
    return ".".join(part for part in parts if part)[:200].strip(".")


def _free(name: str, taken: set[str]) -> str:
    found, number = name, 1
    while found in taken:
        number += 1
        stem = re.sub(r"_1\Z", "", name)
        found = f"{stem}_{number}"
    taken.add(found)
    return found
