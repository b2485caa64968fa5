"""Who computes when: a few slots, people in turn, and the latest wish of a person for a chart wins."""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from core.errors import Superseded

#: Seconds somebody computes before a waiting person gets the slot.
SLICE = 0.05


class Ticket:
    """One request's place: asked for by ``person`` for ``chart``; ``superseded`` once a newer one came."""

    def __init__(self, person: str, chart: str, gone: Callable[[], bool] = lambda: False) -> None:
        self.person, self.chart = person, chart
        self.superseded = False
        self.gone = gone
        self.running = False
        self.since = 0.0


class Turns:
    """A few slots that many threads share fairly.

    A thread computes while it holds a slot. It calls :meth:`breathe` between batches: there it learns that it was
    superseded, or lets the next person go first once its slice is over. Slots go round by person, however many requests
    one of them has waiting; a person's own requests are served in the order they came.

    Args:
        slots: How many compute at once.
    """

    def __init__(self, slots: int = 2) -> None:
        self._free = slots
        self._changed = threading.Condition()
        self._waiting: OrderedDict[str, deque[Ticket]] = OrderedDict()
        self._latest: dict[tuple[str, str], Ticket] = {}

    def ask(self, person: str, chart: str, gone: Callable[[], bool] = lambda: False) -> Ticket:
        """A ticket; an older one of that person and chart (neither empty) is superseded.

        ``gone`` tells whether nobody waits for the answer any more.
        """
        ticket = Ticket(person, chart, gone)
        if person and chart:
            with self._changed:
                older = self._latest.get((person, chart))
                if older is not None:
                    older.superseded = True
                self._latest[person, chart] = ticket
                self._changed.notify_all()
        return ticket

    def done(self, ticket: Ticket) -> None:
        """The request was answered."""
        with self._changed:
            if self._latest.get((ticket.person, ticket.chart)) is ticket:
                del self._latest[ticket.person, ticket.chart]

    @contextmanager
    def slot(self, ticket: Ticket) -> Iterator[None]:
        """Hold a slot.

        Raises:
            Superseded: A newer request came while this one waited.
        """
        self._enter(ticket)
        try:
            yield
        finally:
            if ticket.running:
                self._leave(ticket)

    @contextmanager
    def away(self, ticket: Ticket) -> Iterator[None]:
        """Give the slot up for a while: to wait for something that is not computing."""
        self._leave(ticket)
        try:
            yield
        finally:
            self._enter(ticket)

    def breathe(self, ticket: Ticket) -> None:
        """Between batches: stop if no longer wanted, let others go first if it is their turn.

        Raises:
            Superseded: A newer request came, or nobody waits for this one.
        """
        self.check(ticket)
        if self._waiting and monotonic() - ticket.since > SLICE:
            self._leave(ticket)
            self._enter(ticket)

    def check(self, ticket: Ticket) -> None:
        """Stop if no longer wanted.

        Raises:
            Superseded: A newer request came, or nobody waits for this one.
        """
        if ticket.superseded or ticket.gone():
            raise Superseded

    def _enter(self, ticket: Ticket) -> None:
        with self._changed:
            self._waiting.setdefault(ticket.person, deque()).append(ticket)
            while not (self._free > 0 and self._next() is ticket):
                if ticket.superseded or ticket.gone():
                    self._forget(ticket)
                    raise Superseded
                self._changed.wait(0.5)
            self._forget(ticket)
            if ticket.person in self._waiting:
                self._waiting.move_to_end(ticket.person)
            self._free -= 1
            ticket.running, ticket.since = True, monotonic()
            self._changed.notify_all()

    def _leave(self, ticket: Ticket) -> None:
        with self._changed:
            ticket.running = False
            self._free += 1
            self._changed.notify_all()

    def _next(self) -> Ticket:
        return next(iter(self._waiting.values()))[0]

    def _forget(self, ticket: Ticket) -> None:
        self._waiting[ticket.person].remove(ticket)
        if not self._waiting[ticket.person]:
            del self._waiting[ticket.person]
        self._changed.notify_all()
