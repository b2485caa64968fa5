"""One format made of a finished run, in the process that holds the framework, and put in its place when it is whole."""

import json
import shutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from core import paths
from core.artefacts import unavailable
from core.errors import JobFailed, PruneError
from core.export_queue.work import CHECK, Phase, Work
from core.plan import Plan

if TYPE_CHECKING:
    from core.backends._base import LoadedModel
    from core.exporting import Probe
    from core.exports import Made, Refused


_UNREADABLE = "It was made, but what came of it cannot be read back. Try again."


class Maker:
    """A run's network, loaded once for all its formats.

    Args:
        run_folder: The folder of the run.
    """

    def __init__(self, run_folder: Path) -> None:
        self._run_folder = run_folder
        self._exports = paths.exports_folder(run_folder)
        self._loaded: tuple[tuple[str, int], LoadedModel, Probe] | None = None

    @cached_property
    def plan(self) -> Plan:
        """What was carried out."""
        return Plan.from_yaml(paths.plan_file(self._run_folder).read_text(encoding="utf-8"))

    def make(self, turn: Work, tell: Callable[[Phase], None]) -> None:
        """Make one, or open the run's own file once more.

        Raises:
            PruneError: It could not be written, did not open, or does not fit its data.
        """
        tell(Phase.LOADING)
        model_file = Path(turn.model_file)
        if turn.name == CHECK:
            from core.artefacts_check import check, checked

            check(self._run_folder, model_file, turn.called, tell)
            if checked(self._run_folder, model_file, turn.called) is None:
                raise JobFailed(_UNREADABLE)
            return
        from core.exporting import export
        from core.exports import made

        model, probe = self._network(model_file)
        draft = paths.made(paths.export_work(self._exports) / "written")
        try:
            self._put(export(model, turn.name, draft, turn.called, probe, tell), draft)
        except OSError as err:
            raise err if isinstance(err, PruneError) else unavailable(self._exports, err) from err
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        if made(self._run_folder, model_file, turn.name) is None:
            raise JobFailed(_UNREADABLE)

    def _put(self, found: "Made | Refused", draft: Path) -> None:
        """In the place of what was there of it before: the file first, the note that vouches for it last."""
        file = getattr(found, "file_name", None)
        before = _file_name(paths.made_file(self._exports, found.format))
        for old in filter(None, {file, before}):
            if (self._exports / old).is_dir():
                (self._exports / old).rename(draft / f"before-{old}")
        if file is not None:
            (draft / file).replace(self._exports / file)
        paths.made_file(draft, found.format).replace(paths.made_file(self._exports, found.format))
        if before is not None and before != file:
            (self._exports / before).unlink(missing_ok=True)

    def _network(self, model_file: Path) -> tuple["LoadedModel", "Probe"]:
        key = (str(model_file), model_file.stat().st_mtime_ns)
        if self._loaded is None or self._loaded[0] != key:
            from core.backends import backend_for
            from core.datasets import load
            from core.exporting import Probe
            from core.matching import matched

            model = backend_for(model_file).load(model_file)
            if self.plan.output is not None:
                model = model.with_output(self.plan.output)
            model, parts = matched(model, load(self.plan.data), told=self.plan.output is not None)
            self._loaded = (key, model, Probe.of(model, parts, self.plan))
        return self._loaded[1], self._loaded[2]


def _file_name(note: Path) -> str | None:
    """The file that a note speaks of."""
    try:
        found = json.loads(note.read_text(encoding="utf-8"))["file_name"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return Path(found).name if isinstance(found, str) else None
