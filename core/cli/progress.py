"""A run's progress on standard error: a bar on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from tqdm import tqdm

from core.history import History


class TerminalReport:
    """The command line's report. Use it in a ``with`` block, so that the bar is closed.

    Args:
        history: Where everything but progress is written down as well.
    """

    def __init__(self, history: History | None = None) -> None:
        self._history = history
        self._bar: tqdm[Any] | None = None
        self._text = ""

    def __enter__(self) -> "TerminalReport":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def event(self, kind: str, data: Mapping[str, Any]) -> None:
        """Show what happened."""
        if self._history is not None:
            self._history.event(kind, data)
        if kind == "progress":
            self._progress(data)
        elif kind == "pruned":
            self._line(f"step {data['step']} of {data['steps']}: {data['sparsity']:.2%} of the weights are gone")
        elif kind == "epoch":
            quality = data["validation_accuracy"]
            told = "" if quality is None else f", validation {data['quality']} {quality:.4f}"
            self._line(f"epoch {data['epoch']} of {data['epochs']}: loss {data['loss']:.4f}{told}")

    def poll(self) -> None:
        """Ctrl-C is how a person stops this."""

    def _progress(self, data: Mapping[str, Any]) -> None:
        if sys.stderr.isatty() and data["total"]:
            if self._bar is None:
                self._bar = tqdm(file=sys.stderr, unit="batch", dynamic_ncols=True)
            self._bar.total = data["total"]
            self._bar.set_description(data["text"], refresh=False)
            self._bar.n = data["done"]
            self._bar.refresh()
        elif data["text"] != self._text and ", epoch " not in data["text"]:
            self._line(data["text"])
        self._text = data["text"]

    def _line(self, text: str) -> None:
        if self._bar is not None:
            self._bar.write(text, file=sys.stderr)
        else:
            print(text, file=sys.stderr, flush=True)
