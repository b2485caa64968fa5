"""What is being done to have a format, how long already, and how long it takes."""

from core.charts.words import count, duration
from core.export_queue.work import Phase, State, Work
from core.exports import Made

#: How far it is where nobody knows how long it takes.
_PLACES = {Phase.LOADING: 0.08, Phase.WRITING: 0.3, Phase.OPENING: 0.6, Phase.COMPARING: 0.9}
#: An expectation is no promise: a bar is not full before the end.
_MOST = 0.97


def share(work: Work, now: float) -> float:
    """How far it is, from 0 to below 1; ``now`` in seconds since 1970."""
    if work.state is not State.WORKING:
        return 0.0
    if work.expected is None:
        return _PLACES[work.phase]
    return min(_MOST, _seconds(work, now) / max(work.expected, 0.1))


def progress_line(work: Work, ahead: int, now: float) -> str:
    """``Writing · 3 s of about 12 s``; of one that waits how many come before it."""
    if work.state is State.WAITING:
        return "Starting …" if not ahead else f"Waits for {count(ahead)} other{'' if ahead == 1 else 's'}"
    of = f" of about {duration(work.expected)}" if work.expected is not None and work.expected >= 1 else ""
    return f"{work.phase.value.capitalize()} · {duration(_seconds(work, now))}{of}"


def _seconds(work: Work, now: float) -> float:
    return max(0.0, now - (work.began or now))


def compared_on(found: Made) -> str:
    """``on 2,000 of 10,000 test samples``, and what a quantised file was calibrated on."""
    if found.accuracy is None:
        on = f"on {count(found.samples)} samples"
    elif found.of_samples in (0, found.samples):
        on = f"on {'all ' if found.of_samples else ''}{count(found.samples)} test samples"
    else:
        on = f"on the first {count(found.samples)} of {count(found.of_samples)} test samples"
    return on + (f"; calibrated on {count(found.calibrated)} training samples" if found.calibrated else "")
