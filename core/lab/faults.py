"""Errors as they travel: a name and a sentence, never an object."""

from collections.abc import Mapping

from core import errors
from core.errors import Cancelled, PruneError, Superseded

_SIGNALS: dict[str, type[Exception]] = {"Superseded": Superseded, "Cancelled": Cancelled}


def told(error: BaseException) -> dict[str, str]:
    """The name of an error's class and its sentence."""
    if isinstance(error, PruneError):
        known = next(kind for kind in type(error).__mro__ if getattr(errors, kind.__name__, None) is kind)
        return {"error": known.__name__, "message": str(error)}
    if isinstance(error, Superseded | Cancelled):
        return {"error": type(error).__name__, "message": ""}
    if isinstance(error, MemoryError):
        return {"error": "Unavailable", "message": "There is not enough memory; try a smaller model or less data."}
    return {"error": "PruneError", "message": f"The lab met something unforeseen: {type(error).__name__}: {error}."}


def revived(answer: Mapping[str, str]) -> Exception:
    """The error that :func:`told` put into words."""
    name, sentence = str(answer["error"]), str(answer.get("message", ""))
    if name in _SIGNALS:
        return _SIGNALS[name]()
    kind = getattr(errors, name, PruneError)
    if not (isinstance(kind, type) and issubclass(kind, PruneError)):
        kind = PruneError
    error: PruneError = kind.__new__(kind)
    error.args = (sentence,)  # the sentence is ready: no class makes it anew
    return error
