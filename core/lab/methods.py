"""What the lab can be asked, one method each. ``params["model"]`` holds path, architecture and output."""

from collections.abc import Callable, Mapping
from typing import Any

from core.backends import backend
from core.describe import describe
from core.errors import BadSetting, UnknownName
from core.lab import explaining, views
from core.lab.comparing import compare
from core.lab.costs import costs
from core.lab.differing import differ
from core.lab.library import Library
from core.lab.paces import Paces
from core.lab.preview import preview
from core.lab.shelf import Caller
from core.lab.shrinking import shrinking
from core.lab.singular import singular_values
from core.lab.times import layer_times
from core.measurement import Measurement
from core.measures import measure
from core.plan import DataChoice, Plan

Params = Mapping[str, Any]
Answer = dict[str, Any]


class Methods:
    """The lab's answers for one framework.

    Args:
        library: What is open.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._paces = Paces()
        self._known: dict[str, Callable[[Params, Caller], Answer]] = {
            "ready": self._ready,
            "describe": self._describe,
            "check": self._describe,
            "measure": self._measure,
            "histograms": self._histograms,
            "preview": self._preview,
            "layer": self._layer,
            "cost": self._cost,
            "compare": self._compare,
            "differ": self._differ,
            "singular_values": self._singular_values,
            "respond": self._respond,
            "without": self._without,
            "shrinking": self._shrinking,
            "layer_times": self._layer_times,
        }

    def answer(self, method: str, params: Params, caller: Caller) -> Answer:
        """The answer of a method.

        Raises:
            PruneError: What was asked cannot be done; the sentence says why.
            Superseded: Nobody wants the answer any more.
        """
        if method not in self._known:
            raise UnknownName("question", method, self._known)
        try:
            return self._known[method](params, caller)
        except KeyError as err:
            if isinstance(err, UnknownName):
                raise
            raise BadSetting(f'The question "{method}" lacks {err}.') from err

    def _ready(self, params: Params, caller: Caller) -> Answer:
        """Answers once the framework is imported: its versions, device and threads."""
        return {"environment": dict(backend(self._library.framework).environment())}

    def _describe(self, params: Params, caller: Caller) -> Answer:
        """The network, in words and numbers. A file opened for the first time is tried in a throw-away process."""
        opened = self._library.model(params["model"], caller)
        made = self._library.shelf.get(
            ("description", opened.key), lambda: describe(opened.network, opened.path), lambda d: 1 << 16, caller
        )
        return dict(made)

    def _measure(self, params: Params, caller: Caller) -> Answer:
        """``split`` of ``data``, at most ``limit`` samples of it, as a Measurement; kept for the next who asks.

        With ``latency`` one sample is timed as well.
        """
        opened = self._library.model(params["model"], caller)
        choice, split, limit = _data(params["data"]), str(params.get("split", "validation")), params.get("limit")
        latency = bool(params.get("latency"))
        parts = self._library.parts(opened, choice, caller)
        network = self._library.suited(opened, choice, caller).network

        def measured() -> Measurement:
            return measure(network, parts, split, limit=limit, latency=latency, poll=caller.breathe)

        key = ("measurement", opened.key, choice, parts.fingerprint, split, limit, latency)
        return self._library.shelf.get(key, measured, lambda made: 1 << 12, caller).to_dict()

    def _histograms(self, params: Params, caller: Caller) -> Answer:
        """Per pool the scores' histograms (linear, log10), the weights' histogram, near-zero entries and dead units."""
        opened, plan = self._library.model(params["model"], caller), Plan.from_dict(params["plan"])
        return views.histograms(self._library, opened, plan, int(params.get("bins") or 64), caller)

    def _preview(self, params: Params, caller: Caller) -> Answer:
        """What a plan would remove, and what the validation split says of it; an estimate first under a ``budget``."""
        opened, plan = self._library.model(params["model"], caller), Plan.from_dict(params["plan"])
        return preview(self._library, self._paces, opened, plan, params.get("budget"), caller)

    def _layer(self, params: Params, caller: Caller) -> Answer:
        """One layer's weights and mask as pictures, its filters, and what its channels are worth."""
        opened, plan = self._library.model(params["model"], caller), Plan.from_dict(params["plan"])
        return views.layer(self._library, opened, plan, str(params["layer"]), caller)

    def _cost(self, params: Params, caller: Caller) -> Answer:
        """What the network costs in the measure of a budget, dense and as the plan leaves it."""
        opened, plan = self._library.model(params["model"], caller), Plan.from_dict(params["plan"])
        return costs(self._library, opened, plan, str(params["measure"]), caller)

    def _compare(self, params: Params, caller: Caller) -> Answer:
        """``criterion_a`` beside ``criterion_b`` on the units of a plan, see :func:`core.lab.comparing.compare`."""
        opened, plan = self._library.model(params["model"], caller), Plan.from_dict(params["plan"])
        names = str(params["criterion_a"]), str(params["criterion_b"])
        return compare(self._library, opened, plan, names, caller)

    def _differ(self, params: Params, caller: Caller) -> Answer:
        """Where the masks of ``criterion_a`` and ``criterion_b`` differ in one layer."""
        opened, plan = self._library.model(params["model"], caller), Plan.from_dict(params["plan"])
        names = str(params["criterion_a"]), str(params["criterion_b"])
        return differ(self._library, opened, plan, names, str(params["layer"]), caller)

    def _shrinking(self, params: Params, caller: Caller) -> Answer:
        """What a plan really makes smaller and quicker, see :func:`core.lab.shrinking.shrinking`."""
        opened, plan = self._library.model(params["model"], caller), Plan.from_dict(params["plan"])
        return shrinking(self._library, opened, plan, params, caller)

    def _layer_times(self, params: Params, caller: Caller) -> Answer:
        """Where the time goes, layer by layer, see :func:`core.lab.times.layer_times`."""
        opened, plan = self._library.model(params["model"], caller), Plan.from_dict(params["plan"])
        return layer_times(self._library, opened, plan, int(params.get("batch") or 1), caller)

    def _respond(self, params: Params, caller: Caller) -> Answer:
        """What the units of a Weight give for one sample, see :func:`core.lab.explaining.respond`."""
        opened, plan = self._library.model(params["model"], caller), Plan.from_dict(params["plan"])
        return explaining.respond(self._library, opened, plan, params, caller)

    def _without(self, params: Params, caller: Caller) -> Answer:
        """Which predictions change when one unit is cut, see :func:`core.lab.explaining.without`."""
        opened, plan = self._library.model(params["model"], caller), Plan.from_dict(params["plan"])
        return explaining.without(self._library, opened, plan, params, caller)

    def _singular_values(self, params: Params, caller: Caller) -> Answer:
        """What low rank could keep of each kernel, see :func:`core.lab.singular.singular_values`."""
        opened, plan = self._library.model(params["model"], caller), Plan.from_dict(params["plan"])
        return singular_values(self._library, opened, plan, caller)


def _data(asked: Mapping[str, Any]) -> DataChoice:
    return DataChoice(str(asked["name"]), str(asked.get("scaling", "raw")))
