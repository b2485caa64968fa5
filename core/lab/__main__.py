"""``python -m core.lab FRAMEWORK HOME``: the one warm worker of a framework for that home."""

import argparse
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path

from core import temporary
from core.lab import endpoint
from core.lab.owners import Owners
from core.locks import only_one
from core.paths import made
from core.processes import birth


def main(arguments: list[str] | None = None) -> int:
    """Answer questions until the server that started this is gone; return at once if another lab is there."""
    parser = argparse.ArgumentParser(prog="python -m core.lab", description=__doc__)
    parser.add_argument("framework")
    parser.add_argument("home", type=Path)
    parser.add_argument("--owner", type=int, default=os.getppid(), help="process whose end is this one's")
    told = parser.parse_args(arguments)
    made(endpoint.folder(told.home)).chmod(0o700)
    with only_one(endpoint.lock_file(told.home, told.framework)) as alone:
        if not alone:
            return 0
        born = birth(told.owner)
        if born is None:
            return 0
        _serve(told.framework, told.home, told.owner, born)
    return 0


def _serve(framework: str, home: Path, owner: int, born: str) -> None:
    # Only now: who finds another lab running should not pay for these.
    from core.backends import backend
    from core.lab.library import Library
    from core.lab.methods import Methods
    from core.lab.server import Server
    from core.lab.turns import Turns

    def warm() -> None:
        temporary.sweep()
        backend(framework).environment()

    owners = Owners()
    owners.add(owner, born)
    threading.Thread(target=warm, name="warm", daemon=True).start()
    Server(Methods(Library(framework, home)), Turns(), owners).serve(home, framework)
    with suppress(OSError):
        endpoint.endpoint_file(home, framework).unlink()


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # nothing here is worth waiting for: frameworks take seconds to tear down
