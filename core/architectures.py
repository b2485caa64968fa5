"""Networks that the operator vouches for: names for code that bare weights may be opened with.

``TOPIARY_ARCHITECTURES="resnet=/opt/nets/resnet.py:make;tiny=mynets.small:tiny"``. Pages offer the names only, so no
code ever comes from a browser; lab, check and jobs inherit the variable and look the name up where it is needed.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from core.errors import BadSetting

VARIABLE = "TOPIARY_ARCHITECTURES"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def parsed(text: str) -> dict[str, str]:
    """Name to ``FILE.py:CALLABLE`` (an absolute path) or ``package.module:callable``, in the order given.

    Raises:
        BadSetting: An entry is malformed, or a name is given twice or belongs to a sample.
    """
    found: dict[str, str] = {}
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, target = (part.strip() for part in entry.partition("="))
        place, colon, maker = target.rpartition(":")
        _must(bool(equals and colon and _NAME.fullmatch(name)), entry, "Write NAME=FILE.py:CALLABLE")
        _must(maker.isidentifier(), entry, f'"{maker}" is no name of a callable')
        if place.endswith(".py"):
            _must(Path(place).is_absolute(), entry, "Give the whole path of the file")
        else:
            _must(_MODULE.fullmatch(place) is not None, entry, f'"{place}" is neither a .py file nor a module')
        _must(name not in found and name not in _samples(), entry, f'The name "{name}" is taken')
        found[name] = target
    return found


def named() -> Mapping[str, str]:
    """What the operator has set; empty where nothing is."""
    return parsed(os.environ.get(VARIABLE, ""))


def meant(architecture: str) -> str:
    """The code behind an operator's name; any other text as it is."""
    return architecture if ":" in architecture else named().get(architecture, architecture)


def offered() -> tuple[str, ...]:
    """All names that a page may offer for bare weights: the samples', then the operator's."""
    return (*_samples(), *named())


def checked(architecture: str) -> str:
    """The same name, if pages may use it.

    Raises:
        BadSetting: It is none of :func:`offered`.
    """
    if architecture not in offered():
        raise BadSetting(f'This server knows no architecture "{architecture}". The operator names them in {VARIABLE}.')
    return architecture


def _samples() -> tuple[str, ...]:
    from sample_models import SAMPLES  # here, so that plain files open without the samples' tables

    return tuple(SAMPLES)


def _must(condition: bool, entry: str, why: str) -> None:
    if not condition:
        raise BadSetting(f'{VARIABLE}: "{entry}" cannot be used. {why}.')
