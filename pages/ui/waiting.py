"""Waiting for the lab without holding up the page: how far it is shows, and a newer wish interrupts."""

from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from streamlit.delta_generator import DeltaGenerator

from core.charts.words import count, duration
from core.lab.client import Told
from core.lab.wire import WAITING

#: Seconds an answer is waited for before anything is drawn; most are there by then.
_QUIET = 0.35
_TICK = 0.2
Answer = dict[str, Any]


@dataclass
class Asked:
    """A question on its way. ``of`` tells what it is about, so that a rerun that wants the same goes on waiting."""

    of: str
    future: "Future[Answer]" = field(default_factory=Future)
    done: int = 0
    total: int = 0
    waits: bool = False
    seconds: float = 0.0

    def told(self, done: int, total: int) -> None:
        """How far the lab is; called in the thread that asks."""
        self.done, self.total, self.waits = done, total, (done, total) == WAITING


def begun(of: str, ask: Callable[[Told], Answer]) -> Asked:
    """A question asked in a thread of its own, which knows nothing of the page."""
    asked = Asked(of)

    def work() -> None:
        try:
            asked.future.set_result(ask(asked.told))
        except BaseException as err:  # noqa: BLE001 - it is raised where the answer is waited for
            asked.future.set_exception(err)

    Thread(target=work, name="lab-question", daemon=True).start()
    return asked


def awaited(asked: Asked, slot: DeltaGenerator, words: str) -> Answer:
    """The answer. Until it is there ``slot`` shows how far the lab is; each drawing lets a newer wish interrupt.

    Raises:
        PruneError: What the lab says.
        Superseded: A newer question took this one's place.
    """
    shown, waited = False, _QUIET
    wait([asked.future], _QUIET)
    while not asked.future.done():
        progress(slot, asked, words, waited)
        shown = True
        wait([asked.future], _TICK)
        waited += _TICK
    if shown:
        slot.empty()
    asked.seconds += waited
    return asked.future.result()


def progress(slot: DeltaGenerator, asked: Asked, words: str, waited: float = 0.0) -> None:
    """Show how far a question is, ``waited`` seconds into this wait."""
    slot.progress(_share(asked), text=_text(asked, words, asked.seconds + waited))


def _share(asked: Asked) -> float:
    return min(asked.done / asked.total, 1.0) if asked.total else 0.0


def _text(asked: Asked, words: str, waited: float) -> str:
    """ "Ablation: 34 of 120 · 12 s left"; no guess before a tenth is done."""
    if asked.waits:
        return f"{words}: waiting until another measuring on this machine has ended …"
    if not asked.total:
        return f"{words} …"
    left = waited * (asked.total - asked.done) / max(asked.done, 1)
    guess = f" · {duration(left)} left" if asked.done * 10 >= asked.total and left >= 1 else ""
    return f"{words}: {count(asked.done)} of {count(asked.total)}{guess}"
