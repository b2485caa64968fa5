"""How much of the machine jobs may use: slots, threads and memory, from the environment or from what there is."""

import os

import psutil

from core.errors import BadSetting

#: Of the machine's memory, shared by all slots; the rest is for server, lab and browser.
_SHARE_OF_MEMORY = 0.75
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


def _whole(name: str, otherwise: int) -> int:
    told = os.environ.get(name)
    if told is None:
        return otherwise
    try:
        number = int(told)
    except ValueError:
        number = 0
    if number < 1:
        raise BadSetting(f'{name} must be a whole number of at least 1; got "{told}".')
    return number


def slots() -> int:
    """Runs at once: ``TOPIARY_SLOTS``, else one less than there are cores."""
    return _whole("TOPIARY_SLOTS", max(1, _cores() - 1))


def threads() -> int:
    """Threads a job: ``TOPIARY_THREADS``, else one core stays free for the person and the rest is shared."""
    return _whole("TOPIARY_THREADS", max(1, (_cores() - 1) // slots()))


def memory() -> int:
    """Bytes a job may hold: ``TOPIARY_MEMORY`` (in MB), else three quarters of the machine's, shared by the slots."""
    otherwise = int(psutil.virtual_memory().total * _SHARE_OF_MEMORY / slots()) >> 20
    return _whole("TOPIARY_MEMORY", max(1, otherwise)) << 20


def environment(slots: int) -> dict[str, str]:
    """The environment of a job's process on an engine with so many slots."""
    return {
        **os.environ,
        **dict.fromkeys(_THREAD_VARIABLES, str(threads())),
        "TOPIARY_SLOTS": str(slots),
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONUNBUFFERED": "1",
    }


def _cores() -> int:
    return psutil.cpu_count() or 1
