"""ONNX Runtime on the CPU."""

from pathlib import Path
from typing import Any

from core.backends._base import LoadedModel
from core.errors import BadModel, first_line
from core.inputs import Inputs
from core.runtimes._base import Call, Ready, Runtime
from core.runtimes._files import matched, refusal
from core.runtimes._flushing import as_it_was, flushing

#: ONNX Runtime's words for element types -> numpy's.
_KINDS = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
}


class Session(Ready):
    """One inference session."""

    def __init__(self, session: Any, names: tuple[str, ...], threads: int, file: Path) -> None:
        self._session, self._names, self.threads, self.file = session, names, threads, file

    def on(self, x: Inputs) -> Call:
        theirs = {one.name: _KINDS.get(one.type, "float32") for one in self._session.get_inputs()}
        given, first = matched(x, self._names, theirs), [self._session.get_outputs()[0].name]

        def call() -> None:
            self._session.run(first, given)

        try:
            call()
        except failures() as err:
            raise BadModel(f"ONNX Runtime cannot carry the network out: {first_line(err)}") from err
        return flushing(call)


class OnnxRuntime(Runtime):
    """Fixed threads that do not go on spinning between two calls, denormals taken for zero."""

    name = "onnxruntime"
    title = "ONNX Runtime"
    about = "The ONNX file on the CPU, graph optimised at load."
    loader = """
import onnxruntime

def load(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
"""

    def refuses(self, model: LoadedModel) -> str:
        return refusal(model, "onnx", "onnxruntime", "ONNX Runtime")

    def opened(self, model: LoadedModel, threads: int, folder: Path) -> Ready:
        file = model.write("onnx", folder / "model.onnx")
        return Session(session(file, threads), model.input_names, threads, file)


def session(file: Path, threads: int) -> Any:
    """An inference session of a file. Its own threads take denormals for zero; the one that runs it is left alone.

    Raises:
        BadModel: ONNX Runtime cannot carry it out.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    # Threads that spin after a run would take a core from whatever is timed next.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    try:
        with as_it_was():
            return ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except failures() as err:
        raise BadModel(f"ONNX Runtime cannot open the network: {first_line(err)}") from err


def failures() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises: exceptions of its own, which have nothing in common, and Python's."""
    from onnxruntime.capi import onnxruntime_pybind11_state as own

    kinds = (kind for kind in vars(own).values() if isinstance(kind, type) and issubclass(kind, Exception))
    return (*kinds, RuntimeError, ValueError)
