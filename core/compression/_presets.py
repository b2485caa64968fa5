"""Whole plans under one name."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.plan import Compression, Plan
from core.registry import Registry


@dataclass(frozen=True)
class Preset:
    """Settings that belong together.

    Attributes:
        name: As it is asked for.
        title: For a person.
        note: One sentence for the person who chooses.
        reference: Where it comes from.
        settings: Setting -> value by part of the plan ("" is the plan itself).
    """

    name: str
    title: str
    note: str
    reference: str
    settings: Mapping[str, Mapping[str, Any]]

    def applied(self, plan: Plan) -> Plan:
        """The plan with these settings; a sparsity that was chosen already stays."""
        own = dict(self.settings[""])
        if plan.sparsity or plan.budget is not None or plan.overrides:
            own.pop("sparsity", None)
        parts = {part: replace(getattr(plan, part), **values) for part, values in self.settings.items() if part}
        return replace(plan, **own, **parts)


_DEEP_COMPRESSION = Preset(
    "deep-compression",
    "Deep Compression",
    "Prune by magnitude step by step and fine-tune, share values, code them: about a fortieth of the bytes.",
    "Han et al. 2016, Deep Compression, arXiv:1510.00149",
    {
        "": {
            "criterion": "magnitude",
            "structure": "unstructured",
            "allocation": "lamp",
            "sparsity": 0.92,
            "compression": (Compression("sharing", bits=5, conv_bits=8, epochs=2), Compression("coding")),
        },
        "schedule": {"name": "cubic", "steps": 8, "epochs_between": 1},
        "recovery": {"method": "distil", "epochs": 10, "rate_schedule": "cosine"},
    },
)

PRESETS: Registry[Preset] = Registry("preset", (_DEEP_COMPRESSION,))
