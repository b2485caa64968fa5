"""Which framework opens what. Importing this imports no framework."""

from importlib import import_module
from pathlib import Path
from typing import cast

from core.backends._base import Backend
from core.errors import RefusedFile, UnknownName

#: Framework name -> module whose ``BACKEND`` opens its files. The module imports its framework only inside ``load``.
_MODULES = {"pytorch": "core.backends.pytorch", "keras": "core.backends.keras"}

FRAMEWORKS = tuple(_MODULES)


def backend(framework: str) -> Backend:
    """The backend of that name.

    Raises:
        UnknownName: There is none.
    """
    if framework not in _MODULES:
        raise UnknownName("framework", framework, FRAMEWORKS)
    return cast(Backend, import_module(_MODULES[framework]).BACKEND)


def backend_for(path: Path) -> Backend:
    """The backend that opens files of that suffix.

    Raises:
        RefusedFile: No backend does.
    """
    for name in FRAMEWORKS:
        if path.suffix.lower() in backend(name).suffixes:
            return backend(name)
    known = ", ".join(s for name in FRAMEWORKS for s in backend(name).suffixes)
    raise RefusedFile(f'"{path.name}" is not a model file we open. We open: {known}.')
