"""From a file to a network behind the seam."""

from pathlib import Path

from core.backends.pytorch import vetting
from core.backends.pytorch.hugging_face import exported_from_folder
from core.backends.pytorch.hugging_face_files import in_folder
from core.backends.pytorch.network import Network
from core.backends.pytorch.onnx_importing import imported, proved
from core.backends.pytorch.opening import opened
from core.backends.pytorch.reading import Exported, read
from core.backends.pytorch.tracing import FAILURES
from core.backends.pytorch.weights import exported_from_weights
from core.errors import BadModel, NeedsArchitecture, PruneError, first_line


def load(path: Path, architecture: str | None = None) -> Network:
    """Vet and open a file; see :meth:`core.backends._base.Backend.load`."""
    vetting.vet(path)
    if path.suffix.lower() == ".pt2":
        return _opened(read(path))
    if path.suffix.lower() == ".onnx":
        return proved(_opened(imported(path)))
    if path.suffix.lower() == ".zip" or (architecture is None and in_folder(path)):
        return _opened(exported_from_folder(path))
    if architecture is None:
        raise NeedsArchitecture(
            f'"{path.name}" holds weights only, not the network they belong to. Name its architecture: a sample '
            "(digits-lenet5), FILE.py:CALLABLE or package.module:callable; or export the network whole: "
            f"{vetting.EXPORT_SENTENCE}."
        )
    return _opened(exported_from_weights(path, architecture))


def _opened(exported: Exported) -> Network:
    """The network; what somebody's odd graph makes PyTorch raise becomes one sentence."""
    try:
        return opened(exported)
    except PruneError:
        raise
    except FAILURES as err:
        raise BadModel(f"The network's graph cannot be worked with: {first_line(err)}") from err
