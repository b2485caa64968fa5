#!/usr/bin/env bash
# All tests on a fresh machine: makes .venv, installs what is missing (Debian's chromium and fonts too), runs everything.
# More words go to pytest: bash tests/run.sh tests/unit -k mask
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v chromium >/dev/null; then
  as_root=""; [ "$(id -u)" = 0 ] || as_root=sudo
  $as_root apt-get update -qq
  $as_root apt-get install -y -qq chromium fonts-dejavu >/dev/null
fi
[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt

[ $# -gt 0 ] && exec .venv/bin/python -m pytest "$@"
# Two processes on two cores need no threads of their own; torch.export's cache costs a quarter more than it saves on
# small networks. The browser's tests run as people do, without either.
OMP_NUM_THREADS=1 TORCH_FAKE_TENSOR_DISPATCH_CACHE=0 \
  .venv/bin/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --ignore tests/browser
.venv/bin/python -m pytest tests/browser # by themselves: they watch the clock
