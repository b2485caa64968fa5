"""The files people brought: each kept once by its hash, listed under the name each workspace gave it."""

import hashlib
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Row
from typing import Any

from core import artefacts, paths
from core.backends import backend_for
from core.errors import BadSetting
from core.jobs import workspaces
from core.jobs.database import Database

_CHUNK = 1 << 20


@dataclass(frozen=True)
class FileEntry:
    """A file in the store under the name a workspace gave it. ``framework`` is "" for data."""

    sha256: str
    suffix: str
    name: str
    framework: str
    architecture: str | None
    workspace: str
    added: float
    path: Path


@dataclass(frozen=True)
class ModelEntry(FileEntry):
    """A model in the store."""

    @property
    def ref(self) -> str:
        """What a plan calls it."""
        return f"sha256:{self.sha256}"


@dataclass(frozen=True)
class DataEntry(FileEntry):
    """A data file in the store."""

    @property
    def ref(self) -> str:
        """What a plan calls it: the name of its ``DataChoice``."""
        return str(self.path)


class Shelf(Database):
    """Models and data files."""

    def add_model(
        self, source: Path | bytes, name: str, workspace: str, *, architecture: str | None = None
    ) -> ModelEntry:
        """Keep a vetted model file; the same content is kept once. Adding it again gives it the new name.

        Args:
            source: The file or its content.
            name: What the person calls it; its suffix says what it is.
            workspace: Who brought it.
            architecture: For bare weights.

        Raises:
            RefusedFile: No backend opens files of that suffix.
            Unavailable: The disk is full.
        """
        workspaces.checked(workspace)
        framework = backend_for(Path(name)).name
        sha256 = self._keep(source, paths.models(self.home), Path(name).suffix.lower())
        self._list("model", sha256, name, framework, architecture, workspace)
        return next(entry for entry in self.models(workspace) if entry.sha256 == sha256)

    def add_data(self, source: Path | bytes, name: str, workspace: str) -> DataEntry:
        """Keep a data file (``.npz`` or ``.csv``), as :meth:`add_model`."""
        workspaces.checked(workspace)
        sha256 = self._keep(source, paths.datasets(self.home), Path(name).suffix.lower())
        self._list("data", sha256, name, "", None, workspace)
        return next(entry for entry in self.data(workspace) if entry.sha256 == sha256)

    def models(self, workspace: str) -> list[ModelEntry]:
        """The models of a workspace, newest first."""
        return [ModelEntry(**_values(row, paths.models(self.home))) for row in self._rows("model", workspace)]

    def data(self, workspace: str) -> list[DataEntry]:
        """The data files of a workspace, newest first."""
        return [DataEntry(**_values(row, paths.datasets(self.home))) for row in self._rows("data", workspace)]

    def model(self, sha256: str, workspace: str = "") -> ModelEntry:
        """A workspace's entry of that content; "" asks for anybody's, for whoever has the whole store before him.

        What equal weights are called and which architecture they belong to is everybody's own.

        Raises:
            BadSetting: Nobody brought such a file there.
        """
        query = "SELECT * FROM files WHERE sha256 = ? AND kind = 'model' AND ? IN ('', workspace)"
        order = "ORDER BY architecture IS NULL, added DESC"
        with self.reading() as connection:
            row = connection.execute(f"{query} {order}", (sha256, workspace)).fetchone()
        if row is None:
            where = "workspace" if workspace else "store"
            raise BadSetting(f"No model with the hash {sha256[:12]}… is in this {where}. Upload it again.")
        return ModelEntry(**_values(row, paths.models(self.home)))

    def _keep(self, source: Path | bytes, folder: Path, suffix: str) -> str:
        sha256 = _hash(source)
        target = paths.made(folder) / f"{sha256}{suffix}"
        if not target.exists():
            with artefacts.replacing(target) as draft:
                if isinstance(source, bytes):
                    draft.write_bytes(source)
                else:
                    shutil.copyfile(source, draft)
        return sha256

    def _list(
        self, kind: str, sha256: str, name: str, framework: str, architecture: str | None, workspace: str
    ) -> None:
        row = (workspace, kind, sha256, Path(name).suffix.lower(), name, framework, architecture, time.time())
        with self.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def _rows(self, kind: str, workspace: str) -> list[Row]:
        query = "SELECT * FROM files WHERE workspace = ? AND kind = ? ORDER BY added DESC"
        with self.reading() as connection:
            return connection.execute(query, (workspace, kind)).fetchall()


def _values(row: Row, folder: Path) -> dict[str, Any]:
    values = {key: row[key] for key in row.keys() if key != "kind"}  # noqa: SIM118 - a Row is no mapping
    return {**values, "path": folder / f"{row['sha256']}{row['suffix']}"}


def _hash(source: Path | bytes) -> str:
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    sha = hashlib.sha256()
    with source.open("rb") as file:
        while chunk := file.read(_CHUNK):
            sha.update(chunk)
    return sha.hexdigest()
