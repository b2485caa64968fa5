"""What somebody chose at once: one model file, or the files of a folder, which are packed as one archive."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

from core.errors import BadSetting

#: What of a folder is a model: its description, its weights, and the list of them where there are several.
_DESCRIBES, _WEIGHTS, _LISTS = "config.json", ".safetensors", "model.safetensors.index.json"
#: The earliest date an archive can tell: the same files make the same archive.
_DATE = (1980, 1, 1, 0, 0, 0)
_LONGEST = 60


def of_folder(names: Sequence[str]) -> tuple[str, ...]:
    """The files among these that belong to a folder's model; none if they are no folder's.

    Raises:
        BadSetting: Some of them are missing, and which.
    """
    found = tuple(name for name in names if name in (_DESCRIBES, _LISTS) or name.endswith(_WEIGHTS))
    weights = [name for name in found if name.endswith(_WEIGHTS)]
    if len(found) == 1 and weights:
        return ()
    others = [name for name in names if PurePath(name).suffix == ".json"]
    if not found and not others:
        return ()
    if _DESCRIBES not in found:
        raise BadSetting(f"The folder's {_DESCRIBES} is missing: choose it together with {', '.join(found or others)}.")
    if not weights:
        raise BadSetting(f"The folder's weights are missing: choose model{_WEIGHTS} together with {_DESCRIBES}.")
    return found


def folder_name(description: bytes) -> str:
    """What to call a folder whose files were chosen: the network that its description names."""
    try:
        found = json.loads(description)["architectures"][0]
    except (ValueError, LookupError, TypeError, RecursionError):
        return "folder"
    return found[:_LONGEST] if isinstance(found, str) and found.isidentifier() else "folder"


def pack(target: Path, files: Mapping[str, bytes | memoryview]) -> Path:
    """Write a folder's files as one archive, uncompressed: weights hardly shrink. Returns it.

    Weights that are alone get the name that weights have, whatever a browser made of it.
    """
    weights = [name for name in files if name.endswith(_WEIGHTS)]
    if len(weights) == 1 and _LISTS not in files:
        files = {f"model{_WEIGHTS}" if name in weights else name: content for name, content in files.items()}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            member = zipfile.ZipInfo(name, _DATE)
            with archive.open(member, "w", force_zip64=True) as file:
                file.write(files[name])
    return target
