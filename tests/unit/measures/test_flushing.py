"""Denormals count for zero while a prediction is timed, and are there again afterwards."""

import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.runtimes._flushing import flushing

ROOT = Path(__file__).parents[3]
SMALL = np.full(64, 1e-40, np.float32)
known = pytest.mark.skipif((sys.platform, platform.machine()) != ("linux", "x86_64"), reason="another switch")


def there():
    """Whether this thread computes with denormals."""
    return bool((SMALL * np.float32(1)).all())


@known
def test_they_are_zero_within_the_call_only_even_one_that_fails():
    seen = []

    def call():
        seen.append(there())
        raise RuntimeError

    with pytest.raises(RuntimeError):
        flushing(call)()
    assert seen == [False] and there()


FIRST_SESSION = """
import sys
from pathlib import Path
import numpy as np
import onnx
from onnx import TensorProto, helper
from core.runtimes.onnxruntime import session
value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1])
graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "g", [value("x")], [value("y")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.save(model, sys.argv[1])
session(Path(sys.argv[1]), 1)
print(bool((np.full(64, 1e-40, np.float32) * np.float32(1)).all()))
"""


def test_the_first_session_of_a_process_leaves_its_thread_as_it_was(tmp_path):
    program = [sys.executable, "-c", FIRST_SESSION, str(tmp_path / "neg.onnx")]
    assert subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip() == "True"
