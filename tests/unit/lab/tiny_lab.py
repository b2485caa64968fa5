"""``python tiny_lab.py [check] …``: the lab, or its throw-away check, with the tiny framework known to it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import core.backends  # noqa: E402
from core.lab import __main__, check  # noqa: E402

core.backends._MODULES["tiny"] = "tiny_backend"
check.COMMAND = (sys.executable, __file__, "check")

if __name__ == "__main__":
    if sys.argv[1] == "check":
        del sys.argv[1]
        sys.exit(check.main())
    sys.exit(__main__.main())
