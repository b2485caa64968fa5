"""A job that listens to nobody and has a child: what an engine must be able to end all the same."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from core import paths
from core.jobs import process
from core.jobs.store import Store

folder = Path(sys.argv[1])
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
(folder / "child").write_text(str(child.pid))
Store(paths.home_of(folder)).adopt(folder.name, *process.me())
time.sleep(600)
