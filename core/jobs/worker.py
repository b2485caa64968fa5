"""What a job's process does: adopt the run, carry it out, give it its end, start the next one."""

import os
import signal
import threading
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from core import paths
from core.artefacts import unavailable
from core.errors import Cancelled, PruneError
from core.jobs import limits, process
from core.jobs.job import JobState
from core.jobs.local import LocalEngine
from core.jobs.reporting import JobReport
from core.jobs.store import Store
from core.processes import birth

#: Seconds between two looks at the memory.
_WATCH = 0.5
_ENDED = "The system ended its process. Continue it to go on from its checkpoint."


def work(folder: Path) -> int:
    """Carry out the run of a folder. Returns the exit status: 0 for every end that was written down."""
    home, run_id = paths.home_of(folder), folder.name
    store = Store(home)
    if not store.adopt(run_id, os.getpid(), birth(os.getpid())):
        return 0  # another process has it, or it was cancelled before we came
    process.step_back()
    signal.signal(signal.SIGTERM, _asked_to_end)
    threading.Thread(target=_watch_memory, args=(home, run_id, limits.memory()), daemon=True).start()
    try:
        _carry_out(store, home, run_id, folder)
    finally:
        LocalEngine(home)  # its first act is to let the queue move
    return 0


def _carry_out(store: Store, home: Path, run_id: str, folder: Path) -> None:
    ended: dict[str, Any]
    try:
        ended = _result(store, home, run_id, folder)
    except Cancelled:
        # SIGTERM comes from the engine when a cancel is not obeyed, else from a machine that shuts down.
        lost = store.asked(run_id) != "cancel"
        ended = {"state": JobState.LOST if lost else JobState.CANCELLED, "reason": _ENDED if lost else ""}
    except PruneError as err:
        ended = {"state": JobState.FAILED, "reason": str(err)}
    except OSError as err:
        ended = {"state": JobState.FAILED, "reason": str(unavailable(folder, err))}
    except MemoryError:
        ended = {"state": JobState.FAILED, "reason": "There was not enough memory. Choose a smaller batch size."}
    except Exception as err:
        traceback.print_exc()  # into the log, which the sentence names
        ended = {"state": JobState.FAILED, "reason": f"An error we did not expect: {err!r}. The log has the details."}
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # nothing may come between the end and its being written down
    store.ended(run_id, **ended)


def _result(store: Store, home: Path, run_id: str, folder: Path) -> dict[str, Any]:
    """Run the experiment; what to write into the row."""
    import json

    from core.experiment import run
    from core.opening import open_model, with_data
    from core.recipes import Source

    kept = store.run(run_id)
    plan = kept.plan
    report = JobReport(store, run_id)
    opened = with_data(open_model(plan.model, home, workspace=kept.workspace, output=plan.output), plan.data)
    assert opened.parts is not None  # with_data gave them
    source = Source.of(opened.file.path, opened.file.architecture)
    result = run(plan, report, model=opened.model, parts=opened.parts, folder=folder, source=source)
    files = {**result.artefacts, "log": paths.log_file(folder)}
    return {
        "state": JobState.DONE,
        "progress": 1.0,
        "text": "",
        "before": json.dumps(result.before.to_dict()),
        "after": json.dumps(result.after.to_dict()),
        "artefacts": json.dumps({name: str(path) for name, path in files.items()}),
        "data": result.told(),
    }


def _asked_to_end(number: int, frame: FrameType | None) -> None:
    raise Cancelled


def _watch_memory(home: Path, run_id: str, most: int) -> None:
    """End this process when it holds more than its share, before the system ends something else."""
    here = psutil.Process()
    while here.memory_info().rss <= most:
        time.sleep(_WATCH)
    reason = f"It needed more than the {most >> 20} MB a job may use (TOPIARY_MEMORY). Choose a smaller batch size."
    Store(home).ended(run_id, JobState.FAILED, reason)
    LocalEngine(home)
    os._exit(1)
