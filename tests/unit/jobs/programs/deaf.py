"""A job that listens to nobody and has a child: what an engine must be able to end all the same."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from core import paths
from core.jobs.store import Store
from core.processes import birth

folder = Path(sys.argv[1])
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
(folder / "child").write_text(str(child.pid))
Store(paths.home_of(folder)).adopt(folder.name, os.getpid(), birth(os.getpid()))
time.sleep(600)
