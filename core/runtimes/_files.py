"""What runtimes that read files of their own share."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from numpy.typing import NDArray

from core.backends._base import LoadedModel
from core.errors import BadModel
from core.inputs import Inputs, arrays_of


def refusal(model: LoadedModel, kind: str, package: str, title: str) -> str:
    """ "", or why a network cannot be had in a runtime that reads files of that kind."""
    if find_spec(package.partition(".")[0]) is None:
        return f"{title} is not installed on this machine (pip install {package.partition('.')[0].replace('_', '-')})."
    return model.formats().get(kind, f"This network cannot be written for {title}.")


def matched(x: Inputs, ours: Sequence[str], theirs: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """The arrays by the file's names for its inputs: of the same name, or where none fits in the same order.

    Args:
        x: A batch.
        ours: What the network calls its inputs.
        theirs: What the file calls them -> the type it takes.

    Raises:
        BadModel: The file has another number of inputs.
    """
    arrays = arrays_of(x)
    if len(arrays) != len(theirs):
        raise BadModel(f"The written file has {len(theirs)} inputs; the network has {len(arrays)}.")
    by_name = dict(zip(ours, arrays, strict=True))
    if set(by_name) != set(theirs):
        by_name = dict(zip(theirs, arrays, strict=True))
    return {name: by_name[name].astype(kind, copy=False) for name, kind in theirs.items()}
