"""How many random networks are tried: always the same 25, or a thousand new ones (benchmarks/generated_networks.py)."""

import os

from hypothesis import HealthCheck, settings

_QUICK = settings(
    max_examples=25, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
_EXAMPLES = os.environ.get("TOPIARY_GENERATED_NETWORKS")
#: What the tests run under.
PROFILE = settings(_QUICK, max_examples=int(_EXAMPLES), derandomize=False, print_blob=True) if _EXAMPLES else _QUICK
