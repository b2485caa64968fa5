"""Removing equals zeroing, on a thousand random networks for each framework (CI tries 25).

    python benchmarks/generated_networks.py [EXAMPLES] [pytorch] [keras]

What differs is shrunk by hypothesis to the smallest network that still shows it, and printed.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = {"pytorch": "test_removing_equals_zeroing.py", "keras": "test_removing_equals_zeroing_keras.py"}


def main(words: list[str]) -> int:
    """Each framework in a process of its own; 1 if any network failed."""
    examples = next((word for word in words if word.isdigit()), "1000")
    failed = 0
    print("framework    networks    seconds    result")
    for framework in [word for word in words if word in TESTS] or list(TESTS):
        test = ROOT / "tests" / "generated" / TESTS[framework]
        if not test.is_file():
            continue
        started = time.perf_counter()
        command = [sys.executable, "-m", "pytest", str(test), "-q", "--timeout=0", "-p", "no:cacheprovider"]
        environment = {**os.environ, "TOPIARY_GENERATED_NETWORKS": examples}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        result = "equal" if done.returncode == 0 else "DIFFERENT"
        print(f"{framework:<10}  {examples:>9}  {time.perf_counter() - started:>9.0f}    {result}", flush=True)
        if done.returncode:
            print(done.stdout[-6000:])
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
