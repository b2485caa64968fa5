"""Numbers as people read them: rounded to what is known, with their unit."""

from collections.abc import Iterable

_MINUS, _THIN = "\N{MINUS SIGN}", "\N{NO-BREAK SPACE}"


def percent(share: float | None, digits: int = 1) -> str:
    """0.962 is "96.2 %"."""
    return "–" if share is None else f"{100 * share:.{digits}f}{_THIN}%"


def points(change: float, digits: int = 1) -> str:
    """A change in percentage points: -0.029 is "−2.9"; what rounds to nothing is "±0"."""
    text = f"{abs(100 * change):.{digits}f}"
    if float(text) == 0:
        return "±0"
    return f"{_MINUS if change < 0 else '+'}{text}"


def count(number: int | None) -> str:
    """78474 is "78,474"."""
    return "–" if number is None else f"{number:,}"


def short(number: float) -> str:
    """7830000 is "7.83 M"."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g}{_THIN}{unit}"
    return f"{number:.0f}"


def size(number: int | None) -> str:
    """1560000 bytes are "1.56 MB"."""
    if number is None:
        return "–"
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= scale:
            return f"{number / scale:.3g}{_THIN}{unit}"
    return f"{number}{_THIN}B"


def shape_text(shape: Iterable[int | None]) -> str:
    """(16, 8, 8) is "16 × 8 × 8"; an open size is "any"."""
    return " × ".join("any" if n is None else f"{n}" for n in shape)
