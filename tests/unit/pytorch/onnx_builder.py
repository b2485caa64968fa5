"""Small ONNX networks made by hand."""

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from core.backends.pytorch.onnx_importing import imported
from core.backends.pytorch.plain import plain

_KINDS = {np.dtype("float32"): TensorProto.FLOAT, np.dtype("int64"): TensorProto.INT64}


def model(nodes, inputs, stored=(), *, outputs=("y",), opset=18, batch="n", functions=(), domains=()):
    """A network of nodes.

    Args:
        nodes: What ``onnx.helper.make_node`` gave.
        inputs: Shapes of a sample by name; of whole numbers where the name ends in "_tokens".
        stored: Tensors by name.
        batch: How many samples; a text for any number.
    """
    given = [
        helper.make_tensor_value_info(
            name, TensorProto.INT64 if name.endswith("_tokens") else TensorProto.FLOAT, [batch, *shape]
        )
        for name, shape in inputs.items()
    ]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in dict(stored).items()]
    graph = helper.make_graph(nodes, "made", given, results, tensors)
    versions = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=versions, ir_version=10, functions=list(functions))


def write(made, path):
    """The network's file."""
    onnx.save(made, path)
    return path


def run_plain(path, given):
    """What the imported program gives, operation by operation."""
    with torch.no_grad():
        result = plain(imported(path))(*(torch.from_numpy(each) for each in given))
    return (result[0] if isinstance(result, tuple) else result).numpy()


def run_reference(path, given):
    """What ONNX Runtime gives."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(None, {slot.name: each for slot, each in zip(session.get_inputs(), given, strict=True)})[0]
