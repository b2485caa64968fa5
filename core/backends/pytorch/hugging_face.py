"""A Hugging Face folder: an encoder built from its ``config.json`` and filled from its ``model.safetensors``.

Needs the package ``transformers``, which is no requirement. The network is one that the package itself holds: code that
a folder brings along is never run, nothing is downloaded, and no pickled weights are read.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.backends.pytorch.reading import Exported
from core.backends.pytorch.weights import exported_on
from core.errors import BadModel, RefusedFile, Unavailable, first_line

CONFIG, WEIGHTS = "config.json", "model.safetensors"
_LARGEST_CONFIG = 1 << 20
#: Tokens of a sample, or as many as the network has places for, if fewer.
_TOKENS = 32
_WRAPPED = "network."


def in_folder(path: Path) -> bool:
    """Whether the weights lie in a Hugging Face folder."""
    return path.name == WEIGHTS and (path.parent / CONFIG).is_file()


def exported_from_folder(path: Path) -> Exported:
    """The encoder whose vetted weights lie at ``path``, exported with a free batch.

    Raises:
        Unavailable: ``transformers`` is missing.
        RefusedFile: The folder brings code, an adapter, or a configuration that is none.
        BadModel: It is no encoder, or cannot be built or exported.
    """
    config = _config(path.parent)
    network = _Encoder(_built(path.parent, config))
    exported = exported_on(network.eval(), (network.example(),))
    return _unwrapped(exported)


class _Encoder(nn.Module):
    """The network with its one input and its first output."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        self.input = str(network.main_input_name)
        if self.input not in ("input_ids", "pixel_values"):
            raise BadModel(f'The network takes "{self.input[:40]}"; only tokens and pictures are worked with.')

    def forward(self, x: torch.Tensor) -> Any:
        """Logits, or the last hidden state."""
        return self.network(**{self.input: x}, return_dict=False)[0]

    def example(self) -> torch.Tensor:
        """Two samples; with one, PyTorch takes the batch for a constant."""
        config = self.network.config
        if self.input == "input_ids":
            length = min(_TOKENS, int(getattr(config, "max_position_embeddings", _TOKENS)))
            return torch.ones((2, length), dtype=torch.int64)
        side = config.image_size
        height, width = side if isinstance(side, list | tuple) else (side, side)
        return torch.zeros(2, int(config.num_channels), int(height), int(width))


def _config(folder: Path) -> Mapping[str, Any]:
    path = folder / CONFIG
    try:
        if path.stat().st_size > _LARGEST_CONFIG:
            raise RefusedFile(f'The "{CONFIG}" of "{folder.name}" is larger than any configuration.')
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as err:
        if isinstance(err, RefusedFile):
            raise
        raise RefusedFile(f'The "{CONFIG}" of "{folder.name}" is damaged.') from err
    if not isinstance(found, dict):
        raise RefusedFile(f'The "{CONFIG}" of "{folder.name}" is damaged.')
    # A kernel's name with a slash in it is fetched from the hub and run.
    kernels = (
        str(found.get(key, "")) for key in ("attn_implementation", "_attn_implementation", "experts_implementation")
    )
    if "auto_map" in found or any("/" in name for name in kernels) or (folder / "adapter_config.json").exists():
        raise RefusedFile(
            f'"{folder.name}" brings code of its own or an adapter, which is never run. Export the network as .pt2.'
        )
    return found


def _built(folder: Path, config: Mapping[str, Any]) -> Any:
    try:
        import transformers
    except ImportError as err:
        raise Unavailable(
            f'"{folder.name}" is a Hugging Face folder; it is opened with the package "transformers": '
            "pip install transformers. Or export the network as .pt2 or .onnx where it is installed."
        ) from err
    kind = _class(transformers, folder, config)
    try:
        return kind.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
        )
    except Exception as err:  # the package raises whatever an odd configuration leads to
        raise BadModel(f'"{folder.name}" cannot be built by transformers: {first_line(err)}') from err


def _class(transformers: Any, folder: Path, config: Mapping[str, Any]) -> Any:
    """The package's own class that the configuration names."""
    names = config.get("architectures")
    name = names[0] if isinstance(names, list) and names and isinstance(names[0], str) else ""
    kind = getattr(transformers, name, None) if name.isidentifier() else None
    if not isinstance(kind, type) or not issubclass(kind, transformers.PreTrainedModel):
        raise BadModel(f'"{folder.name}" names the architecture "{name[:60]}", which transformers does not have.')
    if config.get("is_encoder_decoder") or config.get("is_decoder") or name.endswith(("CausalLM", "LMHeadModel")):
        raise BadModel(f'"{folder.name}" is no encoder ("{name[:60]}"); only encoders are worked with.')
    return kind


def _unwrapped(exported: Exported) -> Exported:
    """The same with the layers' own names."""
    program = exported.program
    stored = {name: path.removeprefix(_WRAPPED) for name, path in program.stored.items()}
    calls = tuple(
        replace(call, modules=tuple((key, path.removeprefix(_WRAPPED), kind) for key, path, kind in call.modules))
        for call in program.calls
    )
    buffers = frozenset(path.removeprefix(_WRAPPED) for path in program.buffers)
    tensors = {path.removeprefix(_WRAPPED): tensor for path, tensor in exported.tensors.items()}
    note = "Opened from a Hugging Face folder; every token counts, for there is no attention mask."
    return Exported(replace(program, stored=stored, calls=calls, buffers=buffers), tensors, (note,))
