"""Model references: ``sample:NAME@FRAMEWORK``, ``sha256:HEX`` of an uploaded file, or a path."""

import re
from dataclasses import dataclass
from pathlib import Path

from core import architectures, paths
from core.backends import FRAMEWORKS, backend_for
from core.errors import BadSetting, RefusedFile, UnknownName

SAMPLE = "sample:"
HASH = "sha256:"
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ModelFile:
    """A model file that is there. ``architecture`` belongs to bare weights; ``sample`` is its name if it is one."""

    path: Path
    framework: str
    architecture: str | None
    title: str
    sample: str | None


def resolve(ref: str, home: Path, workspace: str = "") -> ModelFile:
    """The file that a reference means; ``sample:NAME`` alone is the PyTorch one.

    Args:
        ref: As above.
        home: Where uploaded files are.
        workspace: Who asks; "" asks for anybody's upload.

    Raises:
        UnknownName: No such sample or framework.
        BadSetting: The reference is malformed, the file is not there, or the operator no longer names its architecture.
        RefusedFile: No backend opens such a file.
    """
    if ref.startswith(SAMPLE):
        return _sample(ref.removeprefix(SAMPLE))
    if ref.startswith(HASH):
        return _stored(ref.removeprefix(HASH), home, workspace)
    path = Path(ref).expanduser()
    if path.is_dir() and (path / "config.json").is_file():
        return _folder(path)
    if not path.is_file():
        raise BadSetting(
            f'There is no model file "{ref}". Give a file, or a sample such as sample:digits-lenet5@pytorch.'
        )
    return ModelFile(path, backend_for(path).name, None, path.name, None)


def _folder(folder: Path) -> ModelFile:
    """A Hugging Face folder, by its weights."""
    path = folder / "model.safetensors"
    if (folder / "model.safetensors.index.json").is_file() and not path.is_file():
        path = next(iter(sorted(folder.glob("*.safetensors"))), path)
    if not path.is_file():
        raise BadSetting(
            f'The folder "{folder.name}" has a config.json but no model.safetensors. '
            "Save it again, without pickles: model.save_pretrained(folder)."
        )
    return ModelFile(path, backend_for(path).name, None, folder.name, None)


def _sample(text: str) -> ModelFile:
    from sample_models import SAMPLES  # here, so that stored files resolve without the samples' tables

    name, _, framework = text.partition("@")
    framework = framework or FRAMEWORKS[0]
    sample = SAMPLES[name]
    if framework not in FRAMEWORKS:
        raise UnknownName("framework", framework, FRAMEWORKS)
    path = sample.path(framework)
    if not path.is_file():
        raise RefusedFile(f'The sample "{name}" has no {framework} file at "{path.name}". Reinstall sample_models.')
    return ModelFile(path, framework, None, sample.title, name)


def _stored(sha256: str, home: Path, workspace: str) -> ModelFile:
    from core.jobs.store import Store

    if not _HEX.fullmatch(sha256):
        raise BadSetting(f'"{HASH}{sha256}" is not a reference to a stored model: 64 hexadecimal digits are expected.')
    kept = Store(home).model(sha256, workspace)
    path = paths.model_file(home, sha256, kept.suffix)
    if not path.is_file():
        raise BadSetting(f'The file of "{kept.name}" is no longer in the store. Upload it again.')
    if kept.architecture is not None:
        architectures.checked(kept.architecture)
    return ModelFile(path, kept.framework, kept.architecture, kept.name, None)
