"""A Hugging Face folder: an encoder built from its ``config.json`` and filled from its safetensors.

Needs the package ``transformers``, which is no requirement. The network is one that the package itself holds, of a
family in :data:`core.backends.pytorch.encoders.FAMILIES`: code that a folder brings along is never run, nothing is
downloaded, and no pickled weights are read.
"""

import re
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from core.backends.pytorch.encoders import FAMILIES, Encoder, encoder
from core.backends.pytorch.hugging_face_files import Folder, OnDisk, folder, vet_folder
from core.backends.pytorch.reading import Exported
from core.backends.pytorch.weights import exported_on
from core.errors import BadModel, PruneError, RefusedFile, Unavailable, first_line

_WRAPPED = "network."
#: How the package calls its networks; nothing else of it is looked up.
_NAME = re.compile(r"[A-Z]\w*(Model|For[A-Z]\w*)", re.ASCII)
#: Fields that say how transformers computes or where a file came from; how it computes is said here.
_LEFT = ("attn_implementation", "experts_implementation", "transformers_weights", "torch_dtype", "dtype", "auto_map")


def exported_from_folder(path: Path) -> Exported:
    """The encoder whose folder lies in a .zip at ``path``, or around the weights at ``path``, exported.

    The batch is free; so is the number of tokens where the network allows it.

    Raises:
        Unavailable: ``transformers`` is missing.
        RefusedFile: The folder brings code, an adapter, or a configuration that is none.
        BadModel: It is no encoder, or cannot be built or exported.
    """
    with folder(path) as found:
        config, parts = vet_folder(found)
        kind = _class(found.name, config)
        state = {name: tensor for part in parts for name, tensor in _tensors(found, part).items()}
        network, missing = _built(kind, found.name, config, state)
    try:
        wrapped = encoder(network)
    except PruneError:
        raise
    except Exception as err:  # the package's code on an odd configuration
        raise BadModel(f'"{found.name}" does not predict: {first_line(err)}') from err
    return _unwrapped(exported_on(wrapped, wrapped.example(), wrapped.free()), _notes(wrapped, missing))


def _class(name: str, config: Mapping[str, Any]) -> Any:
    """The package's own class that the configuration names."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries that come along
            import transformers
    except ImportError as err:
        raise Unavailable(
            f'"{name}" is a Hugging Face folder; it is opened with the package "transformers", which is not installed '
            "here: pip install transformers. Or export the network as .pt2 or .onnx where it is."
        ) from err
    names = config.get("architectures")
    wanted = names[0] if isinstance(names, list) and names and isinstance(names[0], str) else ""
    kind: Any = getattr(transformers, wanted, None) if _NAME.fullmatch(wanted) else None
    if not isinstance(kind, type) or not issubclass(kind, transformers.PreTrainedModel):
        raise BadModel(f'"{name}" names the architecture "{wanted[:60]}", which transformers does not have.')
    family = str(getattr(getattr(kind, "config_class", None), "model_type", ""))
    decodes = config.get("is_encoder_decoder") or config.get("is_decoder") or config.get("add_cross_attention")
    if decodes or family not in FAMILIES or wanted.endswith(("CausalLM", "LMHeadModel")):
        raise BadModel(
            f'"{name}" is no encoder that is opened from a folder ("{wanted[:60]}"); these are: {", ".join(FAMILIES)}. '
            "Export the network as .pt2."
        )
    return kind


def _tensors(found: Folder, part: str) -> Mapping[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load, load_file

    try:
        if isinstance(found, OnDisk):
            return load_file(found.path / part)
        with found.opened(part) as file:
            return load(file.read())
    except (SafetensorError, ValueError, TypeError, KeyError) as err:
        raise RefusedFile(f'"{part}" of "{found.name}" is damaged. Save the weights again.') from err


def _built(kind: Any, name: str, config: Mapping[str, Any], state: Mapping[str, Any]) -> tuple[Any, list[str]]:
    """The network and the names of the weights that the files lack: they are drawn, always the same way."""
    from transformers.utils import logging

    given = {key: value for key, value in config.items() if key not in _LEFT and not key.startswith("_")}
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.simplefilter("ignore")  # notes to the package's users
            torch.manual_seed(0)
            network, told = kind.from_pretrained(
                None,
                config=kind.config_class.from_dict(given),
                state_dict=dict(state),
                local_files_only=True,
                trust_remote_code=False,
                dtype=torch.float32,
                attn_implementation="sdpa" if kind._supports_sdpa else "eager",
                output_loading_info=True,
            )
    except Exception as err:  # the package raises whatever an odd configuration leads to
        raise BadModel(f'"{name}" cannot be built by transformers: {first_line(err)}') from err
    missing = sorted(told["missing_keys"])
    if 2 * len(missing) > len(network.state_dict()):
        raise BadModel(f'The weights in "{name}" are not those of its "{kind.__name__}": {len(missing)} are missing.')
    return network.eval(), missing


def _notes(wrapped: Encoder, missing: list[str]) -> tuple[str, ...]:
    notes = [f"Opened from a Hugging Face folder. {wrapped.told()}".rstrip()]
    if missing:
        names = ", ".join(f'"{name}"' for name in missing[:4]) + (" …" if len(missing) > 4 else "")
        notes.append(f"The files lack {names}: drawn at random, to be trained.")
    return tuple(notes)


def _unwrapped(exported: Exported, notes: tuple[str, ...]) -> Exported:
    """The same with the layers' own names."""
    program = exported.program
    stored = {name: path.removeprefix(_WRAPPED) for name, path in program.stored.items()}
    calls = tuple(
        replace(call, modules=tuple((key, path.removeprefix(_WRAPPED), kind) for key, path, kind in call.modules))
        for call in program.calls
    )
    buffers = frozenset(path.removeprefix(_WRAPPED) for path in program.buffers)
    tensors = {path.removeprefix(_WRAPPED): tensor for path, tensor in exported.tensors.items()}
    return Exported(replace(program, stored=stored, calls=calls, buffers=buffers), tensors, notes)
