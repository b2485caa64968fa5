"""The command line: everything the pages do, without them.

Importing this, and ``--help``, import neither framework.
"""

import os
import sys
from collections.abc import Sequence

from core.cli.output import json_only, show
from core.cli.parser import parser
from core.errors import Cancelled, JobFailed, LabLost, PruneError, Unavailable

DONE, ELSE, WRONG_REQUEST = 0, 1, 2
#: Nobody asked for anything wrong: the machine could not do it.
_NOT_THE_REQUEST = (Unavailable, JobFailed, LabLost)


def main(arguments: Sequence[str]) -> int:
    """Carry out one command line and return the exit status: 0 done, 2 the request was wrong, 1 anything else."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    asked = parser().parse_args(arguments)
    try:
        with json_only(asked.json):
            answer = asked.command(asked)
        show(answer, asked.json)
    except PruneError as err:
        return _refused(str(err), ELSE if isinstance(err, _NOT_THE_REQUEST) else WRONG_REQUEST)
    except (KeyboardInterrupt, Cancelled):
        goes_on = " The same command goes on from the last finished epoch." if asked.goes_on else ""
        return _refused(f"Stopped.{goes_on}", ELSE)
    except OSError as err:
        return _refused(f"{err.filename or 'A file'}: {err.strerror or err}.", ELSE)
    return DONE


def _refused(sentence: str, status: int) -> int:
    print("topiary:", " ".join(sentence.split()), file=sys.stderr)
    return status
