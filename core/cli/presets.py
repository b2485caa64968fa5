"""``--preset``: what it stands for on the command line."""

from typing import Any

from core.compression import PRESETS


def settings(name: str) -> dict[str, Any]:
    """Place in the namespace -> value.

    Raises:
        UnknownName: There is no such preset.
    """
    found: dict[str, Any] = {}
    for part, values in PRESETS[name].settings.items():
        for setting, value in values.items():
            own = not part and setting in ("sparsity", "compression")
            found[setting if own else f"{part}.{setting}"] = value
    return found
