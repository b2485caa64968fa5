"""The SQLite file: one connection per thread, short transactions, a versioned schema."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core import paths
from core.errors import Unavailable

_WAIT_MS = 10_000
#: Each entry takes the schema one version further; ``PRAGMA user_version`` says how many were applied.
_VERSIONS = (
    """
    CREATE TABLE files (
        workspace TEXT NOT NULL, kind TEXT NOT NULL, sha256 TEXT NOT NULL, suffix TEXT NOT NULL, name TEXT NOT NULL,
        framework TEXT NOT NULL, architecture TEXT, added REAL NOT NULL,
        PRIMARY KEY (workspace, kind, sha256)
    ) STRICT;
    CREATE INDEX files_by_hash ON files (sha256);
    CREATE TABLE runs (
        id TEXT PRIMARY KEY, workspace TEXT NOT NULL, parent TEXT, name TEXT NOT NULL, plan TEXT NOT NULL,
        state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', created REAL NOT NULL, queued REAL NOT NULL,
        started REAL, ended REAL, progress REAL NOT NULL DEFAULT 0, eta REAL, rate REAL, text TEXT NOT NULL DEFAULT '',
        asked TEXT, asked_at REAL, before TEXT, after TEXT, artefacts TEXT NOT NULL DEFAULT '{}',
        claimed REAL, pid INTEGER, process_created REAL
    ) STRICT;
    CREATE INDEX runs_by_workspace ON runs (workspace, id);
    CREATE INDEX runs_by_state ON runs (state);
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, time REAL NOT NULL, kind TEXT NOT NULL,
        data TEXT NOT NULL
    ) STRICT;
    CREATE INDEX events_by_run ON events (run, id);
    """,
    """
    ALTER TABLE runs DROP COLUMN process_created;
    ALTER TABLE runs ADD COLUMN born TEXT
    """,
)


class Database:
    """The store's file, made when it was missing. Safe to share between threads.

    Args:
        home: The folder it lies in.

    Raises:
        Unavailable: The file cannot be made, is locked for too long, or the disk is full.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._local = threading.local()
        paths.made(home)
        self._migrate()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            # Autocommit mode: every transaction is opened by ``writing``, and stays as short as its block.
            connection = sqlite3.connect(paths.store(self.home), timeout=_WAIT_MS / 1000, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute(f"PRAGMA busy_timeout = {_WAIT_MS}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            self._local.connection = connection
        return connection

    def close(self) -> None:
        """Let go of this thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """This thread's connection, for statements that change nothing."""
        try:
            yield self._connection()
        except sqlite3.Error as err:
            raise _unavailable(err) from err

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The same in a transaction: all of the block, or nothing of it."""
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _migrate(self) -> None:
        with self.reading() as connection:
            if _version(connection) == len(_VERSIONS):
                return
        with self.writing() as connection:
            version = _version(connection)  # again: another process may have been first
            if version > len(_VERSIONS):
                raise Unavailable("The store was written by a newer version of Topiary. Update this one to open it.")
            for script in _VERSIONS[version:]:
                for statement in script.split(";"):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {len(_VERSIONS)}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _unavailable(err: sqlite3.Error) -> Unavailable:
    if "full" in str(err):
        return Unavailable("The disk is full: the store could not be written. Free some space and try again.")
    return Unavailable(f"The store cannot be used now: {err}.")
