"""Every error a person can meet, written for the reader: what came, what was expected, what to do.

PruneError
├── BadSetting              (ValueError)    a setting outside its range
├── UnknownName             (KeyError)      a name no registry knows
├── RefusedFile             (ValueError)    a file that is unsafe, damaged or of a kind we do not open
├── NeedsArchitecture       (ValueError)    weights without the network they belong to
├── BadModel                (ValueError)    a network we opened but cannot work with
│   ├── NothingPrunable
│   └── BadWeights                          NaN or infinite weights, an empty layer
├── BadData                 (ValueError)
│   ├── WrongShape
│   ├── WrongLabels
│   ├── EmptyData
│   └── NotFinite
├── Unavailable             (OSError)       a download, a disk or a device that is not to be had now
├── LabLost                 (ConnectionError)
└── JobFailed               (RuntimeError)
Superseded, Cancelled       not errors: somebody asked for something newer, or asked to stop
"""

from collections.abc import Iterable


def first_line(err: BaseException) -> str:
    """What an error of somebody else's says, to be told in a sentence: its first line, shortened; of one that says
    nothing its kind."""
    return (str(err).strip().splitlines() or [type(err).__name__])[0][:200]


class PruneError(Exception):
    """Root of all errors that are shown to a person as one sentence."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else type(self).__name__


class BadSetting(PruneError, ValueError):
    """A setting outside its range."""


class UnknownName(PruneError, KeyError):
    """A name that a registry does not know; the message lists those it does."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f'There is no {kind} "{name}". Choose one of: {", ".join(known)}.')


class RefusedFile(PruneError, ValueError):
    """A file that is unsafe, damaged, or of a kind we do not open."""


class NeedsArchitecture(PruneError, ValueError):
    """Weights that came without the network they belong to."""


class BadModel(PruneError, ValueError):
    """A network that opened but cannot be worked with."""


class NothingPrunable(BadModel):
    """A network without a single prunable weight."""


class BadWeights(BadModel):
    """Weights that are NaN or infinite, or a layer without any."""


class BadData(PruneError, ValueError):
    """Data that does not fit its purpose."""


class WrongShape(BadData):
    """Samples whose shape the network does not take."""


class WrongLabels(BadData):
    """Labels outside the classes of the network."""


class EmptyData(BadData):
    """A data set, or one of its parts, without samples."""


class NotFinite(BadData):
    """Samples that are NaN or infinite."""


class Unavailable(PruneError, OSError):
    """A download, a disk or a device that is not to be had now."""


class LabLost(PruneError, ConnectionError):
    """The preview's worker ended; it is started again by the next request."""


class JobFailed(PruneError, RuntimeError):
    """A job that ended without its result; the message says why."""


class Superseded(Exception):  # noqa: N818 - a signal between threads, not an error
    """Somebody asked for something newer; this answer is no longer wanted."""


class Cancelled(Exception):  # noqa: N818 - a signal between threads, not an error
    """Somebody asked a job to stop."""
