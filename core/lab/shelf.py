"""Things that are costly to make, each made once for everybody, the longest unused thrown away first."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, cast

T = TypeVar("T")
#: Kind of thing, then what it belongs to: everything that starts with a model's key goes when the model goes.
Key = tuple[Any, ...]


class Caller(Protocol):
    """Who asks: lets others compute while it waits, and may be told to stop."""

    def breathe(self, done: int = 0, total: int = 0) -> None:
        """Called between batches; raises to stop."""

    def check(self) -> None:
        """Raises if the answer is no longer wanted."""

    def away(self) -> Any:
        """A context in which the caller does not compute."""

    def waits(self) -> None:
        """Called again and again while somebody else must end first: a moment without computing; raises to stop."""


class Shelf:
    """A cache by memory.

    Args:
        limit: Bytes kept. The newest thing stays even if it is larger alone.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._things: OrderedDict[Key, tuple[Any, int]] = OrderedDict()
        self._making: dict[Key, threading.Lock] = {}

    def get(self, key: Key, make: Callable[[], T], weigh: Callable[[T], int], caller: Caller) -> T:
        """The thing under that key; made by the first who asks, while others wait without computing."""
        with self._lock:
            if key in self._things:
                self._things.move_to_end(key)
                return cast(T, self._things[key][0])
            making = self._making.setdefault(key, threading.Lock())
        with held(making, caller):
            with self._lock:
                if key in self._things:
                    return cast(T, self._things[key][0])
            thing = make()
            self._put(key, thing, weigh(thing))
        return thing

    def __contains__(self, key: Key) -> bool:
        with self._lock:
            return key in self._things

    @property
    def nbytes(self) -> int:
        """Bytes kept now."""
        with self._lock:
            return sum(size for _, size in self._things.values())

    def _put(self, key: Key, thing: object, size: int) -> None:
        with self._lock:
            self._things[key] = (thing, size)
            self._making.pop(key, None)
            total = sum(size for _, size in self._things.values())
            for oldest in list(self._things):
                if total <= self._limit:
                    break
                gone = [other for other in self._belonging(oldest) if other != key]
                total -= sum(self._things.pop(other)[1] for other in gone)

    def _belonging(self, key: Key) -> list[Key]:
        """The key, if it is still there, and all that was made from what lies under it."""
        return [other for other in self._things if other == key or _belongs(other, key)]


def _belongs(other: Key, key: Key) -> bool:
    owner = other[1] if len(other) > 1 else None
    return isinstance(owner, tuple) and owner[: len(key)] == key


@contextmanager
def held(lock: threading.Lock, caller: Caller) -> Iterator[None]:
    """Hold a lock; while somebody else has it the caller does not compute, and may be told to stop."""
    mine = lock.acquire(blocking=False)
    try:
        if not mine:
            with caller.away():
                while not mine:
                    caller.check()
                    mine = lock.acquire(timeout=0.05)
        yield
    finally:
        if mine:
            lock.release()
