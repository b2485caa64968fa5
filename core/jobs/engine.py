"""Engine: whoever carries out runs. Pages and command line speak to this only."""

from typing import Protocol

from core.jobs.job import Event, Run
from core.plan import Plan


class Engine(Protocol):
    """Takes plans, runs them somewhere, and tells how they stand.

    Every verb returns at once and may be called from any thread. A run belongs to a workspace; whoever calls
    has checked that the person owns it. Unknown ids raise :class:`core.errors.UnknownName`.
    """

    def submit(self, plan: Plan, *, workspace: str, name: str = "", parent: str | None = None) -> str:
        """Queue a run and return its id."""

    def cancel(self, run_id: str) -> None:
        """Ask it to stop; a process that does not is ended within seconds. Nothing happens to a finished run."""

    def pause(self, run_id: str) -> None:
        """Ask it to hold after the batch at hand. It keeps its memory, uses no CPU and gives its slot to others."""

    def resume(self, run_id: str) -> None:
        """Let a paused run go on as soon as there is a slot."""

    def continue_(self, run_id: str) -> None:
        """Queue a lost, failed or cancelled run again; it goes on from its checkpoint.

        Raises:
            BadSetting: It is in no such state.
        """

    def delete(self, run_id: str) -> None:
        """Forget a finished run and its files.

        Raises:
            BadSetting: It has not finished.
        """

    def get(self, run_id: str) -> Run:
        """How it stands now."""

    def events(self, run_id: str, after: int = 0) -> list[Event]:
        """What happened since the event with that id."""

    def list(self, workspace: str) -> list[Run]:
        """All runs of a workspace, newest first."""
