"""Files looked at before PyTorch sees them: sizes, names, pickles. Nothing is executed, no framework is imported."""

import io
import zipfile
from pathlib import Path

from core.archives import open_zip, read_member
from core.backends.pytorch.hugging_face_files import vet_zip
from core.backends.pytorch.onnx_vetting import vet_onnx
from core.backends.pytorch.pickles import vet_pickle
from core.backends.pytorch.safetensors_vetting import vet_tensors
from core.errors import RefusedFile

_MIB = 1 << 20
#: Most bytes of a file, of a graph or configuration, and of the pickled part of a state dict.
LARGEST = 16 << 30
LARGEST_TEXT = 256 * _MIB
_LARGEST_PICKLE = 64 * _MIB
EXPORT_SENTENCE = "torch.export.save(torch.export.export(model.eval(), (x,)), 'model.pt2')"
#: Members of a .pt2 that hold compiled machine code or other programs.
_CODE = ("data/aotinductor/", "data/executorch/", "code/", "executorch/")


def vet(path: Path) -> None:
    """Nothing, if the file is one this backend opens.

    Raises:
        RefusedFile: It is not there, unsafe, damaged, or of another kind.
    """
    if not path.is_file():
        raise RefusedFile(f'There is no file "{path.name}".')
    suffix = path.suffix.lower()
    if suffix == ".safetensors":
        vet_safetensors(path)
    elif suffix == ".zip":
        vet_zip(path)
    elif suffix == ".onnx":
        vet_onnx(path)
    elif suffix == ".pt2":
        open_pt2(path).close()
    elif is_pt2(path):
        raise RefusedFile(f'"{path.name}" is an exported program; give it the suffix .pt2.')
    else:
        vet_state_dict(path)


def is_pt2(path: Path) -> bool:
    """Whether the file is a zip that calls itself a ``.pt2``."""
    if not zipfile.is_zipfile(path):
        return False
    with open_zip(path, largest=LARGEST) as archive:
        formats = [name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/archive_format")]
        return any(read_member(archive, name, 64) == b"pt2" for name in formats)


def open_pt2(path: Path) -> zipfile.ZipFile:
    """The archive of an exported program, every member vetted.

    Raises:
        RefusedFile: A member is unsafe, or the layout is not that of ``torch.export.save`` since PyTorch 2.8.
    """
    archive = open_zip(path, largest=LARGEST)
    try:
        root = pt2_root(archive, path.name)
        for name in archive.namelist():
            _vet_member(archive, name, root, path.name)
    except RefusedFile:
        archive.close()
        raise
    return archive


def pt2_root(archive: zipfile.ZipFile, file_name: str) -> str:
    """The one folder all members lie in, with its slash."""
    names = archive.namelist()
    if any(name.endswith("serialized_exported_program.json") for name in names):
        raise RefusedFile(f'"{file_name}" was written by an old PyTorch. Export it again with PyTorch 2.9 or newer.')
    roots = {name.split("/", 1)[0] + "/" for name in names}
    if len(roots) != 1 or f"{next(iter(roots))}archive_format" not in names:
        raise RefusedFile(f'"{file_name}" is not what torch.export.save writes. Export it so: {EXPORT_SENTENCE}.')
    return roots.pop()


def _vet_member(archive: zipfile.ZipFile, name: str, root: str, file_name: str) -> None:
    inner = name[len(root) :]
    what = f'"{file_name}"'
    if inner.startswith(_CODE):
        raise RefusedFile(f"{what} holds compiled code ({inner}). Export it without compiling: {EXPORT_SENTENCE}.")
    if inner.startswith(("data/constants/custom_obj", "data/constants/opaque_obj")):
        raise RefusedFile(f"{what} holds a pickled object ({inner}), which could run code when opened.")
    if inner.endswith((".pt", ".pkl", ".pickle")):
        _vet_pickled_member(archive, name, f"{what}, member {inner},")


def _vet_pickled_member(archive: zipfile.ZipFile, name: str, what: str) -> None:
    data = read_member(archive, name, LARGEST_TEXT)
    if data and not data.startswith(b"PK"):
        vet_pickle(data, what)
    elif data:
        _vet_inner_zip(data, what)


def _vet_inner_zip(data: bytes, what: str) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as inner:
            _vet_torch_zip(inner, what)
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError) as err:
        raise RefusedFile(f"{what} is damaged. Save the model again.") from err


def _vet_torch_zip(archive: zipfile.ZipFile, what: str) -> None:
    """The zip ``torch.save`` writes: its one pickle is vetted, the rest are raw numbers."""
    names = archive.namelist()
    if any("/code/" in name or name.endswith(("/constants.pkl", "/model.json")) for name in names):
        raise RefusedFile(f"{what} holds a TorchScript program. Export the network as .pt2: {EXPORT_SENTENCE}.")
    pickles = [name for name in names if name.endswith(".pkl")]
    if len(pickles) != 1 or pickles[0].count("/") != 1:
        raise RefusedFile(f"{what} is not what torch.save writes.")
    vet_pickle(read_member(archive, pickles[0], _LARGEST_PICKLE), what)


def vet_state_dict(path: Path) -> None:
    """Nothing, if a ``.pt`` or ``.pth`` holds tensors in plain containers only."""
    what = f'"{path.name}"'
    if zipfile.is_zipfile(path):
        with open_zip(path, largest=LARGEST) as archive:
            _vet_torch_zip(archive, what)
        return
    raise RefusedFile(
        f"{what} is no state dict of PyTorch 1.6 or newer: it is damaged, cut short or of another kind. "
        "Save it again: torch.save(model.state_dict(), 'weights.pt')."
    )


def vet_safetensors(path: Path) -> None:
    """Nothing, if the header is sound and every tensor lies inside the file."""
    with path.open("rb") as file:
        vet_tensors(file, path.stat().st_size, path.name)
