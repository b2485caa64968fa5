"""Makes formats as the app does, but what it writes is nothing, and it waits: "slow" for good, with a child."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from core.artefacts import write_text
from core.errors import JobFailed
from core.export_queue.making import Maker
from core.export_queue.work import Phase
from core.export_queue.worker import Worker
from core.paths import exports_folder, made_file


class Waiting(Maker):
    def make(self, turn, tell):
        tell(Phase.WRITING)
        if turn.name == "bad" and not (self._run_folder / "mended").exists():
            raise JobFailed("It cannot be had.")
        if turn.name == "slow":
            Path(tempfile.mkdtemp(prefix="left-behind-"))
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            write_text(self._run_folder / "child", str(child.pid))
            time.sleep(600)
        write_text(made_file(exports_folder(self._run_folder), turn.name), "{}")


folder = Path(sys.argv[1])
Worker(folder, Waiting(folder)).work()
