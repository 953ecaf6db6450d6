"""Kokoro-82M from the int8 ONNX file that the package registry carries, back to PyTorch names and layouts.

The graph was exported from the PyTorch model, so node names are module paths. Weights are dequantised as
``(q - zero_point) * scale``; zero points are shared between nodes, hence read from each node's own inputs.
"""

from collections.abc import Callable

import numpy as np
import onnx
from onnx import numpy_helper

_PARTS_OF_PREDICTOR = ("F0.", "N.", "F0_proj", "N_proj", "shared")
_GATES = 4


def module_path(node_name: str) -> str:
    """Name of the PyTorch module that an ONNX node was exported from.

    ``/encoder/text_encoder/cnn.0/cnn.0.0/Conv_quant`` is ``text_encoder.cnn.0.0``: inside a container a component
    repeats its parent's name, and the last component is the operator.
    """
    parts: list[str] = []
    for part in node_name.strip("/").split("/")[:-1]:
        if parts and part.startswith(parts[-1] + "."):
            parts[-1] = part
        else:
            parts.append(part)
    scope, rest = (parts or [""])[0], ".".join(parts[1:])
    if scope == "encoder" and rest.startswith(_PARTS_OF_PREDICTOR):
        return "predictor." + rest
    return rest


def pytorch_gates(weight: np.ndarray) -> np.ndarray:
    """Reorder LSTM gates along axis 0 from ONNX (input, output, forget, cell) to PyTorch (input, forget, cell, output).

    Args:
        weight: ``[4 * hidden, ...]``.
    """
    i, o, f, c = np.split(weight, _GATES)
    return np.concatenate([i, f, c, o])


def convert(data: bytes) -> dict[str, np.ndarray]:
    """All weights of ``kokoro.KModel`` (weight norm removed) from the bytes of the int8 ONNX file.

    Returns:
        float32 arrays by state-dict name. ALBERT's pooler and the identity affine of the instance norms are not in
        the graph and so are absent.
    """
    graph = onnx.load_from_string(data).graph
    stored = {tensor.name: tensor for tensor in graph.initializer}

    def array(name: str) -> np.ndarray:
        return numpy_helper.to_array(stored[name])

    def dequantised(name: str, zero_point: str) -> np.ndarray:
        scale, zero = array(name.replace("_quantized", "_scale")), array(zero_point)
        return (array(name).astype(np.float32) - zero.astype(np.float32)) * scale.astype(np.float32)

    state: dict[str, np.ndarray] = {}
    for name in stored:
        scope, _, rest = name.partition(".")
        if scope == "encoder" and not rest.endswith(("_quantized", "_scale", "_zero_point", "_shape")):
            state[rest] = array(name)
        if name.startswith("decoder.decoder.") and not name.endswith(("_quantized", "_scale", "_zero_point")):
            state[name.removeprefix("decoder.")] = array(name)

    zero_points = {node.input[0]: node.input[2] for node in graph.node if node.op_type == "DequantizeLinear"}
    for node in graph.node:
        path = module_path(node.name)
        if node.op_type == "ConvInteger":
            state[f"{path}.weight"] = dequantised(node.input[1], node.input[3])
        elif node.op_type in ("Conv", "ConvTranspose"):
            state[f"{path}.weight"] = array(node.input[1])
        elif node.op_type == "MatMul" and node.input[1] in stored:
            state[f"{path}.weight"] = np.ascontiguousarray(array(node.input[1]).T)
        elif node.op_type == "MatMulInteger" and node.input[1] in stored:
            # one ALBERT layer serves twelve times: its repeats carry a number behind the module's name
            if path.split("_")[-1].isdigit():
                continue
            state[f"{path}.weight"] = np.ascontiguousarray(dequantised(node.input[1], node.input[3]).T)
        elif node.op_type == "Gather" and node.input[0].endswith("weight_quantized"):
            state[f"{path}.weight"] = dequantised(node.input[0], zero_points[node.output[0]])
        elif node.op_type == "DynamicQuantizeLSTM":
            state.update(_lstm(path, node, array))
    return {name: value for name, value in state.items() if value.dtype == np.float32 and "stft" not in name}


def _lstm(path: str, node: onnx.NodeProto, array: Callable[[str], np.ndarray]) -> dict[str, np.ndarray]:
    """Both directions of one LSTM: ONNX keeps ``W`` as ``[2, input, 4 * hidden]``, ``B`` as ``[2, 8 * hidden]``."""
    state = {}
    bias = array(node.input[3])
    for kind, weight, scale, zero in (("ih", 1, 8, 9), ("hh", 2, 10, 11)):
        quantised, scales, zeros = (array(node.input[k]).astype(np.float32) for k in (weight, scale, zero))
        for direction, suffix in enumerate(("", "_reverse")):
            matrix = ((quantised[direction] - zeros[direction]) * scales[direction]).T
            state[f"{path}.weight_{kind}_l0{suffix}"] = pytorch_gates(matrix)
            half = np.split(bias[direction], 2)[0 if kind == "ih" else 1]
            state[f"{path}.bias_{kind}_l0{suffix}"] = pytorch_gates(half)
    return state
