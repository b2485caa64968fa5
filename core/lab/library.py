"""What the lab has open: models by content, data as those models take it, scores and predictions for plans."""

import hashlib
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from core.allocations import ALLOCATIONS
from core.backends import backend
from core.backends._base import LoadedModel, Masks
from core.criteria import CRITERIA, Need
from core.datasets import SPLITS, Parts
from core.datasets import load as load_data
from core.errors import BadSetting, RefusedFile
from core.graph import Weight
from core.inputs import arrays_of
from core.lab import check, endpoint
from core.lab.shelf import Caller, Key, Shelf
from core.masks import digest
from core.matching import matched, suited
from core.measures import Costs, Looking, costs_of, tally_of
from core.paths import PROJECT
from core.plan import DataChoice, Plan, ScheduleChoice
from core.pruning import Decision, Pool, choose, decide, pools

_ONCE = ScheduleChoice()  # a preview shows where a plan ends, not how it gets there
#: Zipping is exact up to this size in a preview (40 ms), an estimate from blocks above.
EXACT_ZIP = 1 << 20


@dataclass(frozen=True)
class Opened:
    """A model on the shelf: its key there, its file, the network."""

    key: Key
    path: Path
    network: LoadedModel


class Evaluation:
    """A model on one split under one set of masks: predictions that are added to, costs once asked for."""

    def __init__(self, tally: Looking, network: LoadedModel, masks: Masks) -> None:
        self.tally, self.lock = tally, threading.Lock()
        self._network, self._masks = network, masks
        self._costs: Costs | None = None

    @property
    def costs(self) -> Costs:
        """Sizes and multiply-adds under the masks."""
        if self._costs is None:
            self._costs = costs_of(self._network, self._masks, exact=EXACT_ZIP)
        return self._costs


class Library:
    """Opens and keeps things for one framework.

    Args:
        framework: "pytorch" or "keras".
        home: Where uploads live; verdicts on them are kept beside.
        limit: Bytes kept; by default a quarter of the machine's memory, 4 GiB at most.
    """

    def __init__(self, framework: str, home: Path, limit: int | None = None) -> None:
        self.framework, self.home = framework, home
        self.shelf = Shelf(limit or min(4 << 30, psutil.virtual_memory().total // 4))
        self._hashes: dict[tuple[str, int, int], str] = {}

    def model(self, asked: dict[str, Any], caller: Caller) -> Opened:
        """The network in a file; one that was never opened before is tried in a throw-away process first.

        Raises:
            RefusedFile, NeedsArchitecture, BadModel: As the backend says.
        """
        path = Path(str(asked["path"]))
        architecture, output = asked.get("architecture"), asked.get("output")
        sha256 = self.sha256(path)
        key: Key = ("model", sha256, path.suffix.lower(), architecture)

        def opened() -> LoadedModel:
            self.tried(path, architecture, caller)
            return backend(self.framework).load(path, architecture)

        network = self.shelf.get(key, opened, lambda model: 2 * _nbytes(model), caller)
        if output is not None and output != network.output:
            key, network = (*key, output), network.with_output(output)
        return Opened(key, path, network)

    def tried(self, path: Path, architecture: str | None, caller: Caller) -> None:
        """Make sure that a file was opened once where it could do no harm.

        Raises:
            PruneError: What the trial said.
        """
        marker = endpoint.checked_file(self.home, self.framework, self.sha256(path))
        if marker.exists() or path.resolve().is_relative_to(PROJECT / "sample_models"):
            return
        with caller.away():
            check.tried(self.framework, path, architecture)
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()

    def sha256(self, path: Path) -> str:
        """Hash of a file's content, taken again only when the file changed."""
        try:
            state = path.stat()
            known = (str(path), state.st_size, state.st_mtime_ns)
            if known not in self._hashes:
                with path.open("rb") as file:
                    self._hashes[known] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as err:
            raise RefusedFile(f'"{path.name}" cannot be read: {err.strerror or err}.') from err
        return self._hashes[known]

    def parts(self, opened: Opened, choice: DataChoice, caller: Caller) -> Parts:
        """The data as the network takes it.

        Raises:
            BadData, Unavailable, RefusedFile: As the data set says.
        """
        raw = self._raw(choice, caller)
        network = self.suited(opened, choice, caller).network

        def fit() -> Parts:
            return matched(network, raw)[1]

        return self.shelf.get(("parts", opened.key, data_key(choice)), fit, _parts_nbytes, caller)

    def suited(self, opened: Opened, choice: DataChoice, caller: Caller) -> Opened:
        """The network, its output read as a regression where that is what the data asks for.

        Raises:
            WrongLabels: It is a network for other targets.
        """
        network = suited(opened.network, self._raw(choice, caller))
        return opened if network is opened.network else replace(opened, network=network)

    def _raw(self, choice: DataChoice, caller: Caller) -> Parts:
        return self.shelf.get(data_key(choice), lambda: load_data(choice), _parts_nbytes, caller)

    def pools(self, opened: Opened, plan: Plan, caller: Caller) -> dict[str, Pool]:
        """Every unit's score under the plan's criterion; the gradients behind them are taken once."""
        curves = ALLOCATIONS[plan.allocation].needs_curves
        needs_data = curves or not CRITERIA[plan.criterion].data_free
        drawing = (plan.calibration, plan.calibration_batches, plan.calibration_size)
        signals = (data_key(plan.data), *drawing, plan.recovery if _moves(plan) else None) if needs_data else ()
        key = ("pools", opened.key, plan.structure, plan.criterion, curves, plan.seed, signals)

        def scored() -> dict[str, Pool]:
            parts = self.parts(opened, plan.data, caller) if needs_data else None
            network = self.suited(opened, plan.data, caller).network if needs_data else opened.network
            return pools(network, plan, parts, caller.breathe)

        return self.shelf.get(key, scored, lambda made: sum(p.worth.nbytes for p in made.values()), caller)

    def decision(self, opened: Opened, plan: Plan, caller: Caller) -> Decision:
        """Which units the plan takes. Rounds of scores and a budget are costly: their decision is kept."""
        scored = self.pools(opened, plan, caller)
        if CRITERIA[plan.criterion].rounds == 1 and plan.budget is None:
            return decide(scored, plan, opened.network.graph())

        def chosen() -> Decision:
            parts = self.parts(opened, plan.data, caller)
            network = self.suited(opened, plan.data, caller).network
            return choose(network, plan, parts, scored, poll=caller.breathe)

        def weigh(made: Decision) -> int:
            return sum(mask.kept.nbytes for mask in made.masks.values())

        key = ("decision", opened.key, data_key(plan.data), repr(replace(plan, schedule=_ONCE)))
        return self.shelf.get(key, chosen, weigh, caller)

    def evaluation(
        self, opened: Opened, choice: DataChoice, split: str, masks: Masks, seed: int, caller: Caller
    ) -> Evaluation:
        """What is known of the model under these masks; asked for again it goes on from there."""
        parts = self.parts(opened, choice, caller)
        key = ("evaluation", opened.key, data_key(choice), split, seed, digest(masks))

        def begun() -> Evaluation:
            network = self.suited(opened, choice, caller).network
            return Evaluation(tally_of(network, parts, split, masks, seed=seed), network, masks)

        masks_nbytes = sum(mask.kept.nbytes for mask in masks.values())
        return self.shelf.get(key, begun, lambda made: made.tally.nbytes + masks_nbytes, caller)


def weights_of(network: LoadedModel, layer: str) -> list[Weight]:
    """The prunable kernels of one layer.

    Raises:
        BadSetting: It has none.
    """
    found = [weight for weight in network.graph().weights() if weight.layer == layer]
    if not found:
        raise BadSetting(f'The network has no layer "{layer}" with prunable weights.')
    return found


def _moves(plan: Plan) -> bool:
    """Whether scores depend on how the network would be fine-tuned."""
    return Need.MOVEMENT in CRITERIA[plan.criterion].needs


def data_key(choice: DataChoice) -> Key:
    """The data, and if it is a file its state on disk. It belongs into the key of all that depends on data."""
    path = Path(choice.name)
    state = path.stat() if path.suffix and path.is_file() else None
    version = (state.st_size, state.st_mtime_ns) if state is not None else ()
    return ("data", choice.name, choice.scaling, version)


def _nbytes(network: LoadedModel) -> int:
    return sum(array.nbytes for array in network.arrays().values())


def _parts_nbytes(parts: Parts) -> int:
    pairs = (parts.split(split) for split in SPLITS)
    return sum(array.nbytes for x, y in pairs for array in (*arrays_of(x), y))
