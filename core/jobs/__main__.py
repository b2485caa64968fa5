"""``python -m core.jobs RUN_FOLDER``: the process of one job."""

import sys
from pathlib import Path

from core.jobs.worker import work

if __name__ == "__main__":
    sys.exit(work(Path(sys.argv[1]).resolve()))
