"""``python -m core.export_queue RUN_FOLDER``: the process that makes formats of a run."""

import sys

from core.export_queue.worker import main

if __name__ == "__main__":
    sys.exit(main())
