"""From the names in a plan to a loaded network and data that fits it."""

from dataclasses import dataclass, replace
from pathlib import Path

from core.backends import backend
from core.backends._base import LoadedModel
from core.datasets import Parts, load
from core.matching import matched
from core.plan import DataChoice
from core.references import ModelFile, resolve


@dataclass(frozen=True)
class Opened:
    """A network, the file it came from, and data as it takes it (None when none was asked for).

    ``told`` is whether a person said what its output is.
    """

    model: LoadedModel
    file: ModelFile
    parts: Parts | None
    told: bool = False


def open_model(
    ref: str, home: Path, *, workspace: str = "", architecture: str | None = None, output: str | None = None
) -> Opened:
    """Load a network.

    Args:
        ref: As :func:`core.references.resolve` takes it.
        home: Where uploaded models are.
        workspace: Whose; "" for anybody's.
        architecture: For bare weights; overrides what the store knows.
        output: What its output is; None means as recognised.

    Raises:
        PruneError: It is not there, is refused, or cannot be worked with.
    """
    file = resolve(ref, home, workspace)
    model = backend(file.framework).load(file.path, architecture or file.architecture)
    return Opened(model if output is None else model.with_output(output), file, None, output is not None)


def with_data(opened: Opened, choice: DataChoice) -> Opened:
    """The same network with data that fits it. Data with values has the output read as a regression.

    Raises:
        PruneError: The data is not there or does not fit.
    """
    model, parts = matched(opened.model, load(choice), told=opened.told)
    return replace(opened, model=model, parts=parts)
