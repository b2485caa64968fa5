"""A job without a framework: it counts for some seconds, listens like every job, and leaves a trace of its time."""

import os
import sys
import time
from pathlib import Path

from core import paths
from core.errors import Cancelled
from core.jobs.job import JobState
from core.jobs.reporting import JobReport
from core.jobs.store import Store
from core.processes import birth

folder = Path(sys.argv[1])
store = Store(paths.home_of(folder))
if not store.adopt(folder.name, os.getpid(), birth(os.getpid())):
    sys.exit(0)
report = JobReport(store, folder.name)
end = time.monotonic() + float(store.run(folder.name).name or 0.3)
with (folder / "trace").open("a") as trace:
    trace.write(f"{time.time()} ")
    try:
        while time.monotonic() < end:
            report.poll()
            time.sleep(0.01)
        trace.write(f"{time.time()}\n")
        trace.flush()
        store.ended(folder.name, JobState.DONE)
    except Cancelled:
        store.ended(folder.name, JobState.CANCELLED)
