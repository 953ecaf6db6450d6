"""Kokoro's weights from ONNX and from its authors' file."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import nn

from nuanced_speech.weights import checkpoints, onnx_kokoro

HIDDEN = 3


def onnx_bytes(nodes: list[onnx.NodeProto], arrays: dict[str, np.ndarray]) -> bytes:
    stored = [numpy_helper.from_array(np.asarray(value), name) for name, value in arrays.items()]
    graph = helper.make_graph(nodes, "kokoro", [], [], stored)
    return helper.make_model(graph).SerializeToString()


def quantised_lstm(inputs: int) -> tuple[nn.LSTM, dict[str, np.ndarray]]:
    """A bidirectional LSTM whose weights are whole steps of a scale, and the same by hand in ONNX's layout.

    ONNX keeps gates in the order input, output, forget, cell, matrices as [direction, input, 4 * hidden], and both
    biases in one row.
    """
    rng = np.random.default_rng(inputs)
    lstm = nn.LSTM(inputs, HIDDEN, bidirectional=True)
    scales, zeros = np.array([0.01, 0.02], np.float32), np.array([120, 131], np.uint8)

    def to_onnx(gates: np.ndarray) -> np.ndarray:
        i, f, c, o = np.split(gates, 4)
        return np.concatenate([i, o, f, c])

    arrays: dict[str, np.ndarray] = {"scales": scales, "zeros": zeros}
    for kind, name, width in (("ih", "W", inputs), ("hh", "R", HIDDEN)):
        steps = rng.integers(0, 256, (2, 4 * HIDDEN, width)).astype(np.uint8)
        arrays[name] = np.stack([to_onnx(matrix).T for matrix in steps])
        for direction, suffix in enumerate(("", "_reverse")):
            value = (steps[direction].astype(np.float32) - zeros[direction]) * scales[direction]
            getattr(lstm, f"weight_{kind}_l0{suffix}").data = torch.from_numpy(value)
    biases = [
        np.concatenate([to_onnx(getattr(lstm, f"bias_{kind}_l0{suffix}").detach().numpy()) for kind in ("ih", "hh")])
        for suffix in ("", "_reverse")
    ]
    arrays["B"] = np.stack(biases)
    return lstm, arrays


# with twelve inputs a direction's matrix is square, so a missing transposition changes no shape
@pytest.mark.parametrize("inputs", [5, 4 * HIDDEN])
def test_lstm_weights_survive_the_trip_from_onnx(inputs: int) -> None:
    lstm, arrays = quantised_lstm(inputs)
    x = torch.randn(7, 2, inputs, generator=torch.Generator().manual_seed(0))
    wanted = lstm(x)[0].detach().numpy()

    # the layout above is ONNX's own: its reference implementation of LSTM gives the same from it
    float_arrays = {
        name: (arrays[name].astype(np.float32) - arrays["zeros"][:, None, None]) * arrays["scales"][:, None, None]
        for name in ("W", "R")
    }
    node = helper.make_node("LSTM", ["X", "W", "R", "B"], ["Y"], hidden_size=HIDDEN, direction="bidirectional")
    initial = {name: value.transpose(0, 2, 1) for name, value in float_arrays.items()} | {"B": arrays["B"]}
    float32 = TensorProto.FLOAT
    graph = helper.make_graph(
        [node],
        "lstm",
        [helper.make_tensor_value_info("X", float32, [7, 2, inputs])],
        [helper.make_tensor_value_info("Y", float32, None)],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in initial.items()],
    )
    (reference,) = ReferenceEvaluator(helper.make_model(graph)).run(None, {"X": x.numpy()})
    np.testing.assert_allclose(reference.transpose(0, 2, 1, 3).reshape(wanted.shape), wanted, atol=1e-5)

    quantised = helper.make_node(
        "DynamicQuantizeLSTM",
        ["X", "W", "R", "B", "", "", "", "", "scales", "zeros", "scales", "zeros"],
        ["Y"],
        name="/encoder/shared/LSTM_quant",
        domain="com.microsoft",
        hidden_size=HIDDEN,
        direction="bidirectional",
    )
    state = onnx_kokoro.convert(onnx_bytes([quantised], arrays))
    assert {name.removeprefix("predictor.shared.") for name in state} == set(lstm.state_dict())

    converted = nn.LSTM(inputs, HIDDEN, bidirectional=True)
    converted.load_state_dict({name.removeprefix("predictor.shared."): torch.tensor(v) for name, v in state.items()})
    np.testing.assert_allclose(converted(x)[0].detach().numpy(), wanted, atol=1e-5)


@pytest.mark.parametrize("outputs", [6, 4])
def test_linear_weights_are_transposed_back(outputs: int) -> None:
    steps = np.random.default_rng(0).integers(0, 256, (4, outputs)).astype(np.uint8)
    arrays = {
        "m_quantized": steps,
        "m_scale": np.array(0.02, np.float32),
        "shared_zero_point": np.array(100, np.uint8),
        "encoder.bert_encoder.bias": np.arange(outputs, dtype=np.float32),
    }
    name = "/encoder/bert_encoder/MatMul_quant"
    node = helper.make_node("MatMulInteger", ["x", "m_quantized", "x_zero", "shared_zero_point"], ["y"], name=name)
    state = onnx_kokoro.convert(onnx_bytes([node], arrays))
    linear = nn.Linear(4, outputs)
    linear.load_state_dict({key.removeprefix("bert_encoder."): torch.tensor(value) for key, value in state.items()})

    x = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    wanted = x @ ((steps.astype(np.float32) - 100) * 0.02) + arrays["encoder.bert_encoder.bias"]
    np.testing.assert_allclose(linear(torch.tensor(x)).detach().numpy(), wanted, atol=1e-5)


def test_zero_points_are_those_that_the_node_is_wired_to() -> None:
    steps = np.random.default_rng(0).integers(0, 256, (2, 3, 5)).astype(np.uint8)
    arrays = {
        "w_quantized": steps,
        "w_scale": np.array(0.5, np.float32),
        "w_zero_point": np.array(7, np.uint8),  # by its name it would be the one, but the node takes another's
        "other_zero_point": np.array(128, np.uint8),
    }
    name = "/decoder/decoder/decode.0/conv1/Conv_quant"
    node = helper.make_node("ConvInteger", ["x", "w_quantized", "x_zero", "other_zero_point"], ["y"], name=name)
    state = onnx_kokoro.convert(onnx_bytes([node], arrays))
    np.testing.assert_allclose(state["decoder.decode.0.conv1.weight"], (steps.astype(np.float32) - 128) * 0.5)


@pytest.mark.parametrize(
    ("node", "module"),
    [
        ("/decoder/decoder/decode.0/conv1/Conv_quant", "decoder.decode.0.conv1"),
        ("/encoder/F0.1/conv2/Conv_quant", "predictor.F0.1.conv2"),
        ("/encoder/shared/LSTM_quant", "predictor.shared"),
        ("/encoder/text_encoder/cnn.0/cnn.0.0/Conv_quant", "text_encoder.cnn.0.0"),
        ("/encoder/predictor/duration_proj/linear_layer/MatMul_quant", "predictor.duration_proj.linear_layer"),
    ],
)
def test_onnx_node_names_are_module_paths(node: str, module: str) -> None:
    assert onnx_kokoro.module_path(node) == module


@pytest.mark.filterwarnings("ignore:.*weight_norm.*")
def test_official_kokoro_loses_weight_norm_and_keeps_its_sound(tmp_path: Path) -> None:
    torch.manual_seed(0)
    decoder = nn.Sequential(
        nn.utils.weight_norm(nn.Conv1d(4, 6, 3)), nn.utils.weight_norm(nn.ConvTranspose1d(6, 2, 3)), nn.Conv1d(2, 2, 1)
    )
    with torch.no_grad():
        decoder[0].weight_g *= 3
        decoder[1].weight_g *= 0.2
    wanted = decoder(torch.ones(1, 4, 9))
    bert = {"module.pooler.weight": torch.ones(2, 2), "module.encoder.weight": torch.ones(2, 2)}
    nested = {"decoder": {f"module.{name}": value for name, value in decoder.state_dict().items()}, "bert": bert}
    torch.save(nested, tmp_path / "kokoro.pth")

    state = checkpoints.kokoro(tmp_path / "kokoro.pth")
    assert "bert.encoder.weight" in state and "bert.pooler.weight" not in state
    plain = nn.Sequential(nn.Conv1d(4, 6, 3), nn.ConvTranspose1d(6, 2, 3), nn.Conv1d(2, 2, 1))
    plain.load_state_dict({k.removeprefix("decoder."): torch.tensor(v) for k, v in state.items() if "decoder" in k})
    torch.testing.assert_close(plain(torch.ones(1, 4, 9)), wanted)


def test_filters_that_are_all_zero_stay_zero() -> None:
    state = {"c.weight_g": torch.tensor([[[2.0]], [[0.0]]]), "c.weight_v": torch.tensor([[[3.0, 4.0]], [[0.0, 0.0]]])}
    folded = checkpoints.fold_weight_norm(state)["c.weight"]
    torch.testing.assert_close(folded, torch.tensor([[[1.2, 1.6]], [[0.0, 0.0]]]))
