"""The lab's process: lets callers in, gives each a thread, computes by turns, ends with the last server."""

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener, answer_challenge, deliver_challenge
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from core.errors import Superseded
from core.lab import endpoint, faults, wire
from core.lab.methods import Methods
from core.lab.owners import Owners
from core.lab.turns import Ticket, Turns

#: Seconds between two words on how far an answer is.
_WORD = 0.25
#: Seconds between two looks whether what somebody else does has ended.
_MOMENT = 0.1
#: Seconds a stranger may take to prove to be allowed in.
_PATIENCE = 5.0


class Talk:
    """One request as the methods see it: between batches it may be told to stop, or lets others go first.

    ``tell`` is given how far the answer is, a few times a second.
    """

    def __init__(self, turns: Turns, ticket: Ticket, tell: Callable[[int, int], None] | None = None) -> None:
        self._turns, self._ticket, self._tell = turns, ticket, tell
        self._told = monotonic()

    def breathe(self, done: int = 0, total: int = 0) -> None:
        """Raises Superseded when nobody wants the answer any more."""
        self._turns.breathe(self._ticket)
        if total:
            self._say(done, total)

    def waits(self) -> None:
        """A moment for others to end what only one may do at a time; who asked is told so."""
        with self.away():
            sleep(_MOMENT)
        self._turns.check(self._ticket)
        self._say(*wire.WAITING)

    def _say(self, done: int, total: int) -> None:
        now = monotonic()
        if self._tell is not None and now - self._told >= _WORD:
            self._told = now
            self._tell(done, total)

    def check(self) -> None:
        """Raises Superseded as well, and never waits."""
        self._turns.check(self._ticket)

    def away(self) -> AbstractContextManager[None]:
        """While in this context, others compute."""
        return self._turns.away(self._ticket)


class Server:
    """Answers questions on a socket.

    Args:
        methods: What can be asked.
        turns: Who computes when.
        owners: Whose end is the lab's end.
    """

    def __init__(self, methods: Methods, turns: Turns, owners: Owners) -> None:
        self._methods, self._turns, self._owners = methods, turns, owners

    def serve(self, home: Path, framework: str) -> None:
        """Listen until the last owner is gone. Publishes the endpoint once callers can connect."""
        place = endpoint.fresh(home, framework)
        with _listening(place) as listener:
            endpoint.write(home, framework, place)
            threading.Thread(target=self._accept, args=(listener, place.key), daemon=True).start()
            self._owners.wait()

    def _accept(self, listener: Listener, key: bytes) -> None:
        while True:
            with suppress(OSError, EOFError):  # a stranger who hung up while being let in
                caller = listener.accept()
                threading.Thread(target=self._talk, args=(caller, key), daemon=True).start()

    def _talk(self, connection: "Connection[Any, Any]", key: bytes) -> None:
        """One caller, until it hangs up. What goes wrong here ends this talk and nothing else."""
        with connection, suppress(OSError, EOFError, AuthenticationError, wire.BadMessage):
            _let_in(connection, key)
            while True:
                question = wire.decode(connection.recv_bytes(wire.LONGEST_REQUEST))
                connection.send_bytes(self._answer(question, connection))

    def _answer(self, question: dict[str, Any], connection: "Connection[Any, Any]") -> bytes:
        person, chart = str(question.get("person", "")), str(question.get("chart", ""))
        ticket = self._turns.ask(person, chart, lambda: connection.poll(0))

        def tell(done: int, total: int) -> None:
            with suppress(OSError):  # whoever hung up is noticed at the next batch
                connection.send_bytes(wire.encode({"progress": [done, total]}))

        try:
            if question.get("method") == "hello":
                self._owners.add(int(question["pid"]), str(question["born"]))
                return wire.encode({"answer": {"pid": os.getpid()}})
            with self._turns.slot(ticket):
                talk = Talk(self._turns, ticket, tell if question.get("progress") else None)
                found = self._methods.answer(str(question["method"]), question["params"], talk)
            return wire.encode({"answer": found})
        except Superseded as err:
            return wire.encode(faults.told(err))
        except Exception as err:
            told = faults.told(err)
            if told["error"] == "PruneError":
                sys.excepthook(type(err), err, err.__traceback__)  # into the log: this one is ours to mend
            return wire.encode(told)
        finally:
            self._turns.done(ticket)


@contextmanager
def _listening(place: endpoint.Endpoint) -> Iterator[Listener]:
    if place.family == "AF_UNIX":
        Path(place.address).unlink(missing_ok=True)  # left by a dead lab: we hold the lock
    # Without the key: accept() would otherwise wait for one stranger's proof and keep everybody else out.
    listener = Listener(place.address, place.family, backlog=64)
    try:
        yield listener
    finally:
        listener.close()


def _let_in(connection: "Connection[Any, Any]", key: bytes) -> None:
    """Both sides prove that they know the key; messages are bounded and never unpickled."""
    watchdog = threading.Timer(_PATIENCE, _hang_up, (connection,))
    watchdog.daemon = True
    watchdog.start()
    try:
        deliver_challenge(connection, key)
        answer_challenge(connection, key)
    finally:
        watchdog.cancel()


def _hang_up(connection: "Connection[Any, Any]") -> None:
    """Wake whoever reads: closing alone would leave a reader waiting."""
    if sys.platform == "win32":
        connection.close()
        return
    with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as end:
        end.shutdown(socket.SHUT_RDWR)
