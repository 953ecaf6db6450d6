"""Graphs as ONNX files: traced, with weights in half precision, or with linear layers in int8."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from nuanced_speech.core.errors import UserError

OPSET = 17
"""Version of the ONNX operators: the lowest that has all that is used here, for old runtimes on phones."""
HALF_FROM = 1024
"""Numbers of a tensor from which it is kept in half precision: those of norms and biases stay."""

Axes = dict[int, str]


@dataclass(frozen=True)
class Graph:
    """A network to write.

    Attributes:
        name: of the file, without suffix.
        module: what is traced.
        example: arguments that it is traced with.
        inputs, outputs: names, each with the names of the dimensions that vary.
        int8: its linear layers are quicker in int8.
        by_column: in int8, every column of a matrix has a scale of its own, in place of one for the matrix.
        exact: end of the name of layers that lose too much in int8, and stay.
    """

    name: str
    module: nn.Module
    example: tuple[Tensor, ...]
    inputs: dict[str, Axes]
    outputs: dict[str, Axes]
    int8: bool = False
    by_column: bool = False
    exact: str = ""


def onnx_package() -> ModuleType:
    """The package ``onnx``.

    Raises:
        UserError: it is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise UserError("the package onnx is not installed: pip install 'nuanced-speech[models]'") from error
    return onnx


def write_graph(graph: Graph, path: Path, half: bool = False, int8: bool = False) -> None:
    """Write a graph.

    Args:
        graph: what to write.
        path: file.
        half: keep weights in half precision; they become float32 again when a runtime loads them, so that arithmetic
            is the same everywhere.
        int8: make matrices of linear layers int8, and what they are multiplied with too, as it comes (dynamic
            quantisation). Convolutions stay, since they would lose most.
    """
    onnx_package()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph.module.eval(),
            graph.example,
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=[*graph.inputs],
            output_names=[*graph.outputs],
            dynamic_axes={name: axes for name, axes in (graph.inputs | graph.outputs).items() if axes},
        )
    if int8:
        quantise(path, graph.by_column, graph.exact)
    if half:
        _halve(path)


def described(path: Path) -> dict[str, dict[str, Any]]:
    """Shapes and types of the inputs and outputs of an ONNX file, dimensions that vary by name."""
    onnx = onnx_package()
    graph = onnx.load(str(path), load_external_data=False).graph
    return {
        "inputs": {value.name: _shape(value, onnx) for value in graph.input},
        "outputs": {value.name: _shape(value, onnx) for value in graph.output},
    }


def _shape(value: Any, onnx: ModuleType) -> dict[str, Any]:
    tensor = value.type.tensor_type
    dims: Sequence[Any] = tensor.shape.dim
    kind = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
    return {"shape": [dim.dim_param or dim.dim_value for dim in dims], "type": "float32" if kind == "float" else kind}


def quantise(path: Path, by_column: bool = False, exact: str = "") -> None:
    """Make the matrices of a file's linear layers int8.

    Args:
        path: the file.
        by_column: every column has a scale of its own. Nearer, but where sums of products are large, processors without
            VNNI clip them.
        exact: end of the name of layers that stay as they are; none if it is empty.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = path.with_suffix(".prepared.onnx")
    try:
        quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        nodes = onnx_package().load(str(prepared), load_external_data=False).graph.node
        quantize_dynamic(
            str(prepared),
            str(path),
            op_types_to_quantize=["MatMul"],
            weight_type=QuantType.QInt8,
            per_channel=by_column,
            nodes_to_exclude=[node.name for node in nodes if exact and node.name.endswith(f"{exact}/MatMul")],
        )
    finally:
        prepared.unlink(missing_ok=True)


def _halve(path: Path) -> None:
    """Large float32 weights as float16, each with a cast behind it."""
    onnx = onnx_package()
    model = onnx.load(str(path))
    graph, float32, float16 = model.graph, onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16
    casts = []
    for k, tensor in enumerate(graph.initializer):
        array = onnx.numpy_helper.to_array(tensor)
        if tensor.data_type != float32 or array.size < HALF_FROM or abs(array).max() > 6e4:
            continue
        name = tensor.name
        graph.initializer[k].CopyFrom(onnx.numpy_helper.from_array(array.astype("float16"), f"{name}.half"))
        assert graph.initializer[k].data_type == float16
        casts.append(onnx.helper.make_node("Cast", [f"{name}.half"], [name], f"{name}.cast", to=float32))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, str(path))
