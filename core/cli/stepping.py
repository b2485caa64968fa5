"""How far slow steps are, on standard error: a bar with a running clock on a terminal, plain lines elsewhere."""

import sys
import threading
from types import TracebackType
from typing import Any

from tqdm import tqdm

from core.charts.words import duration
from core.cli.output import say

_SHAPE = "{desc} {bar} {n}/{total} [{elapsed}{postfix}]"


class Steps:
    """Use it in a ``with`` block, so that the bar is closed.

    Args:
        total: How many steps there are.
    """

    def __init__(self, total: int) -> None:
        self._total, self._text = total, ""
        self._bar: tqdm[Any] | None = None
        self._ended = threading.Event()

    def __enter__(self) -> "Steps":
        if sys.stderr.isatty():
            self._bar = tqdm(total=self._total, file=sys.stderr, bar_format=_SHAPE, dynamic_ncols=True)
            threading.Thread(target=self._clock, name="steps-clock", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._bar is not None:
            self._bar.close()

    def now(self, done: int, text: str) -> None:
        """What comes now, with so many steps behind."""
        if self._bar is not None:
            self._bar.n = done
            self._bar.set_description(text)
        elif text != self._text:
            say(text)
        self._text = text

    def said(self, done: int, text: str, seconds: float) -> None:
        """A line that stays: what was done, and how long it took, with so many steps behind."""
        line = f"{text} ({duration(seconds) if seconds >= 1 else 'under 1 s'})"
        if self._bar is not None:
            self._bar.n = done
            self._bar.write(f"topiary: {line}", file=sys.stderr)
        else:
            say(line)

    def _clock(self) -> None:
        while self._bar is not None and not self._ended.wait(1.0):
            self._bar.refresh()
