"""Tables that scikit-learn carries, read without importing it (which takes seconds)."""

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import Unavailable


def table(file_name: str, skip: int = 0, delimiter: str | None = ",") -> NDArray[np.float64]:
    """The numbers of one of scikit-learn's bundled ``.csv`` or ``.csv.gz`` files, a row per sample; ``delimiter`` None
    stands for blanks.

    Raises:
        Unavailable: scikit-learn is not installed, or does not hold that file.
    """
    package = find_spec("sklearn")
    path = Path(package.origin).parent / "datasets" / "data" / file_name if package and package.origin else None
    if path is None or not path.is_file():
        raise Unavailable(f'The data file "{file_name}" comes with scikit-learn, which is not installed here.')
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        return np.loadtxt(lines, delimiter=delimiter, skiprows=skip)
