"""CustomSTFT against torch.stft and torch.istft, at its edges, under gradients and as an ONNX graph."""

import importlib.util
import io
import math
import warnings

import numpy as np
import pytest
import torch
from helpers import ROOT

from nuanced_speech.dsp.conv_stft import CustomSTFT

# filter, hop and window: the defaults, a window shorter than the filter, odd numbers, and the least overlap allowed
SIZES = [(800, 200, 800), (1024, 120, 600), (801, 160, 641), (64, 32, 64)]


def noise(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


def reference(waveform: torch.Tensor, sizes: tuple[int, int, int], **options: object) -> torch.Tensor:
    window = torch.hann_window(sizes[2], dtype=waveform.dtype)
    return torch.stft(waveform, *sizes, window, return_complex=True, **options)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("options", [{"pad_mode": "reflect"}, {"pad_mode": "replicate"}, {"center": False}])
def test_transform_is_that_of_torch(sizes, options):
    waveform = noise(2, 4003)
    expected = reference(waveform, sizes, **options)
    magnitude, phase = CustomSTFT(*sizes, **options).transform(waveform)
    assert magnitude.shape == phase.shape == expected.shape
    tolerance = 1e-6 * expected.abs().max().item()
    torch.testing.assert_close(magnitude, expected.abs(), atol=tolerance, rtol=1e-5)
    torch.testing.assert_close(torch.polar(magnitude, phase), expected, atol=tolerance, rtol=1e-5)


@pytest.mark.parametrize("sizes", SIZES)
def test_round_trip_over_the_whole_length(sizes):
    hop = sizes[1]
    for length in (20 * hop, 20 * hop + 1, 21 * hop - 1):
        for pad_mode in ("reflect", "replicate"):
            waveform = noise(2, length)
            restored = CustomSTFT(*sizes, pad_mode=pad_mode)(waveform)
            assert restored.shape == waveform.shape
            assert (restored - waveform).abs().max() < 1e-5, (length, pad_mode)


def test_round_trip_by_hand_of_ten_seconds():
    stft = CustomSTFT()
    waveform = noise(1, 240_199)
    magnitude, phase = stft.transform(waveform)
    assert (stft.inverse(magnitude, phase, length=waveform.shape[-1]) - waveform).abs().max() < 1e-5


def test_a_clip_shorter_than_one_hop():
    waveform = noise(1, 150)
    torch.testing.assert_close(CustomSTFT(pad_mode="replicate")(waveform), waveform, atol=1e-5, rtol=0)


@pytest.mark.parametrize("sizes", [(800, 200, 800), (801, 160, 641)])
def test_inverse_of_a_changed_spectrum_is_that_of_torch(sizes):
    # A spectrogram that belongs to no waveform: only the right overlap-add and normalisation give the same result.
    spectrum = reference(noise(2, 4000), sizes, pad_mode="reflect")
    spectrum = spectrum * noise(*spectrum.shape)
    spectrum[:, 0] = spectrum[:, 0].real.to(spectrum.dtype)
    if sizes[0] % 2 == 0:
        spectrum[:, -1] = spectrum[:, -1].real.to(spectrum.dtype)
    expected = torch.istft(spectrum, *sizes, torch.hann_window(sizes[2]))
    inverse = CustomSTFT(*sizes).inverse(spectrum.abs(), spectrum.angle())
    torch.testing.assert_close(inverse, expected, atol=2e-6, rtol=1e-5)


def test_inverse_length():
    stft = CustomSTFT(64, 16, 64)
    waveform = noise(1, 167)
    magnitude, phase = stft.transform(waveform)
    assert stft.inverse(magnitude, phase).shape == (1, 160)
    assert torch.equal(stft.inverse(magnitude, phase, length=100), stft.inverse(magnitude, phase)[:, :100])
    longer = stft.inverse(magnitude, phase, length=300)
    assert longer.shape == (1, 300)
    torch.testing.assert_close(longer[:, :167], waveform, atol=1e-5, rtol=0)
    assert not longer[:, 160 + 32 :].any()


def test_uncentred_restores_all_but_the_ends_and_never_blows_up():
    stft = CustomSTFT(256, 64, 256, center=False)
    waveform = noise(1, 256 + 64 * 20)
    magnitude, phase = stft.transform(waveform)
    restored = stft.inverse(magnitude, phase)
    assert restored.shape == waveform.shape
    assert (restored - waveform)[:, 64:-64].abs().max() < 1e-5
    # Frames that contradict each other do not vanish at the window's foot, where dividing by its square explodes.
    assert stft.inverse(magnitude, phase + noise(*phase.shape)).abs().max() < 4


def test_gradients_are_those_of_torch():
    sizes = (64, 16, 64)
    ours, theirs = noise(2, 400).requires_grad_(), noise(2, 400).requires_grad_()
    magnitude = reference(theirs, sizes, pad_mode="reflect").abs()
    weight = noise(*magnitude.shape)
    (magnitude * weight).sum().backward()
    (CustomSTFT(*sizes).transform(ours)[0] * weight).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-4, rtol=1e-4)


def test_the_round_trip_passes_gradients_unchanged():
    waveform = noise(1, 500).requires_grad_()
    weight = noise(1, 500).flip(-1)
    (CustomSTFT(64, 16, 64)(waveform) * weight).sum().backward()
    torch.testing.assert_close(waveform.grad, weight, atol=1e-4, rtol=0)


@pytest.mark.parametrize("level", [0.0, 1e-30, 1e-20, 1e-12, 1e-7, 1.0])
def test_gradients_are_finite_in_silence(level):
    waveform = torch.zeros(1, 400)
    waveform[:, 150:200] = level  # constant: bins on the zeros of its spectrum are silent at any level
    waveform.requires_grad_()
    magnitude, phase = CustomSTFT(64, 16, 64).transform(waveform)
    (magnitude.sum() + magnitude.log().sum() + phase.sin().sum() + phase.sum()).backward()
    assert torch.isfinite(magnitude).all() and torch.isfinite(phase).all()
    assert torch.isfinite(waveform.grad).all()


def test_phase_of_zero_frequency_is_exactly_zero_or_pi():
    _, phase = CustomSTFT(64, 16, 64).transform(noise(1, 400))
    edges = phase[:, [0, -1]].abs()
    assert ((edges == 0) | (edges == torch.tensor(math.pi))).all()


def test_batch_equals_single():
    stft = CustomSTFT(64, 16, 64)
    waveforms = noise(3, 300)
    singles = torch.cat([stft(waveform[None]) for waveform in waveforms])
    torch.testing.assert_close(stft(waveforms), singles, atol=1e-6, rtol=0)


def test_checkpoints_hold_no_kernels():
    assert not CustomSTFT().state_dict()


def test_onnx_graph_gives_the_same_at_other_lengths():
    import onnx
    from onnx.reference import ReferenceEvaluator

    class Analysis(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stft = CustomSTFT(32, 8, 24)

        def forward(self, waveform: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return *self.stft.transform(waveform), self.stft(waveform)

    model = Analysis()
    names = ["magnitude", "phase", "restored"]
    file = io.BytesIO()
    with warnings.catch_warnings():
        # The exporter that needs no onnxscript announces its own deprecation.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (noise(2, 100),),
            file,
            input_names=["waveform"],
            output_names=names,
            dynamic_axes={"waveform": {0: "batch", 1: "samples"}},
            opset_version=17,
            dynamo=False,
        )
    graph = onnx.load_from_string(file.getvalue())
    onnx.checker.check_model(graph, full_check=True)
    assert not {"STFT", "DFT"} & {node.op_type for node in graph.graph.node}

    waveform = noise(3, 203)
    waveform[0] = 0.0
    magnitude, phase, restored = ReferenceEvaluator(graph).run(names, {"waveform": waveform.numpy()})
    expected = model(waveform)
    np.testing.assert_allclose(magnitude, expected[0], atol=1e-5)
    # Phases as points on the circle: pi and -pi are the same, and in near-silent bins rounding decides.
    points, expected_points = magnitude * np.exp(1j * phase), torch.polar(*expected[:2]).numpy()
    np.testing.assert_allclose(points, expected_points, atol=1e-5)
    np.testing.assert_allclose(restored, waveform, atol=1e-5)


@pytest.mark.parametrize(
    "arguments",
    [(800, 200, 801), (800, 0, 800), (800, 401, 800), (800, 200, 1), (800, 200, 800, True, "constant")],
)
def test_arguments_that_do_not_fit_are_refused(arguments):
    with pytest.raises(ValueError, match="must be"):
        CustomSTFT(*arguments)


def test_entry_point_is_the_packages_class():
    path = ROOT / "custom_stft.py"
    spec = importlib.util.spec_from_file_location("entry_custom_stft", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.CustomSTFT is CustomSTFT
