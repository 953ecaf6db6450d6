"""Losses against values worked out by other means, and their gradients where they could break."""

import importlib.util
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from helpers import ROOT

from nuanced_speech.dsp import stft_loss
from nuanced_speech.dsp.stft_loss import MultiResolutionSTFTLoss, STFTLoss
from nuanced_speech.train import losses
from nuanced_speech.train.losses import StyleSimilarityLoss, discriminator_loss, feature_matching_loss, generator_loss

SMALL = {"fft_sizes": (256, 128), "hops": (64, 32), "windows": (200, 128)}


def noise(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * 0.3


def magnitudes_by_hand(waveform: np.ndarray, fft_size: int, hop: int, window: int) -> np.ndarray:
    """Frame by frame with numpy: zeros at both ends, window in the middle of the frame. `[frames, bins]`."""
    left = (fft_size - window) // 2
    weights = np.zeros(fft_size)
    weights[left : left + window] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    padded = np.pad(waveform.astype(np.float64), fft_size // 2)
    frames = [padded[start : start + fft_size] for start in range(0, len(waveform) + 1, hop)]
    return np.sqrt(np.abs(np.fft.rfft(np.stack(frames) * weights)) ** 2 + 1e-7)


def test_stft_loss_is_the_papers_formula():
    prediction, target = noise(1000, seed=1), noise(1000, seed=2)
    sizes = list(zip(*SMALL.values(), strict=True))
    convergence, log_magnitude = [], []
    for fft_size, hop, window in sizes:
        predicted = magnitudes_by_hand(prediction.numpy(), fft_size, hop, window)
        wanted = magnitudes_by_hand(target.numpy(), fft_size, hop, window)
        convergence.append(np.linalg.norm(wanted - predicted) / np.linalg.norm(wanted))
        log_magnitude.append(np.abs(np.log(wanted) - np.log(predicted)).mean())
    loss = MultiResolutionSTFTLoss(**SMALL, convergence_weight=3.0, log_magnitude_weight=0.5)(prediction, target)
    assert loss.convergence.item() == pytest.approx(np.mean(convergence), rel=1e-4)
    assert loss.log_magnitude.item() == pytest.approx(np.mean(log_magnitude), rel=1e-4)
    assert loss.total.item() == pytest.approx(3 * np.mean(convergence) + 0.5 * np.mean(log_magnitude), rel=1e-4)


@pytest.mark.parametrize("n_mels", [None, 20])
def test_half_the_amplitude(n_mels):
    target = noise(2, 2400)
    loss = MultiResolutionSTFTLoss(**SMALL, n_mels=n_mels)(0.5 * target, target)
    assert loss.convergence.item() == pytest.approx(0.5, abs=1e-3)
    assert loss.log_magnitude.item() == pytest.approx(math.log(2), abs=1e-3)


@pytest.mark.parametrize("n_mels", [None, 20])
@pytest.mark.parametrize("case", ["equal", "silent prediction", "silent target", "both silent"])
def test_gradients_stay_finite(n_mels, case):
    silence = torch.zeros(2, 1000)
    prediction = silence.clone() if case in ("silent prediction", "both silent") else noise(2, 1000)
    target = silence if "target" in case or "both" in case else noise(2, 1000)
    prediction.requires_grad_()
    loss = MultiResolutionSTFTLoss(**SMALL, n_mels=n_mels)(prediction, target)
    loss.total.backward()
    assert torch.isfinite(loss.total)
    assert torch.isfinite(prediction.grad).all()
    if case in ("equal", "both silent"):
        assert loss.total.item() == 0.0


@pytest.mark.parametrize("n_mels", [None, 20])
def test_padded_batch_is_the_mean_of_its_items(n_mels):
    criterion = MultiResolutionSTFTLoss(**SMALL, n_mels=n_mels)
    lengths = [1500, 930, 77]
    prediction, target = noise(3, 1500, seed=3), noise(3, 1500, seed=4) * 0.1
    singles = [criterion(p[:n], t[:n]) for p, t, n in zip(prediction, target, lengths, strict=True)]
    prediction.requires_grad_()
    batch = criterion(prediction, target, torch.tensor(lengths))
    for part in ("total", "convergence", "log_magnitude"):
        expected = torch.stack([getattr(single, part) for single in singles]).mean()
        torch.testing.assert_close(getattr(batch, part), expected, atol=1e-6, rtol=1e-5)
    batch.total.backward()
    for gradient, length in zip(prediction.grad, lengths, strict=True):
        assert gradient[:length].any() and not gradient[length:].any()


def test_full_lengths_change_nothing():
    criterion = MultiResolutionSTFTLoss(**SMALL)
    prediction, target = noise(2, 1000, seed=5), noise(2, 1000, seed=6)
    lengths = torch.tensor([1000, 1000])
    assert torch.equal(criterion(prediction, target).total, criterion(prediction, target, lengths).total)


@pytest.mark.parametrize("n_mels", [None, 20])
def test_descending_the_loss_finds_the_filter(n_mels):
    source = noise(4, 2000)
    wanted = torch.tensor([0.7, 0.5, -0.2])
    taps = torch.tensor([0.3, 0.0, 0.0], requires_grad=True)
    target = torch.nn.functional.conv1d(source[:, None], wanted.view(1, 1, -1)).squeeze(1)
    criterion = MultiResolutionSTFTLoss(**SMALL, n_mels=n_mels)
    optimizer = torch.optim.Adam([taps], lr=0.05)
    for _ in range(40):
        optimizer.zero_grad()
        prediction = torch.nn.functional.conv1d(source[:, None], taps.view(1, 1, -1)).squeeze(1)
        loss = criterion(prediction, target)
        loss.total.backward()
        optimizer.step()
    assert loss.total.item() < 0.2
    torch.testing.assert_close(taps.detach(), wanted, atol=0.1, rtol=0)


def test_mel_bands_lie_on_slaneys_scale():
    criterion = STFTLoss(2048, 240, 1200, n_mels=80, sample_rate=24000)
    for frequency, mel in [(500.0, 7.5), (1000.0, 15.0), (6400.0, 42.0)]:  # Slaney: 200/3 Hz each, then log from 1 kHz
        tone = torch.sin(2 * math.pi * frequency / 24000 * torch.arange(12000))
        band = criterion.magnitude(tone[None])[0, :, 25].argmax().item()
        highest = 15 + 27 * math.log(12) / math.log(6.4)
        assert abs((band + 1) * highest / 81 - mel) < highest / 81


@pytest.mark.parametrize("fft_size", [1024, 256])
def test_mel_bands_are_means_of_bins_and_none_is_empty(fft_size):
    impulse = torch.zeros(1, 240)
    impulse[0, 120] = 0.7
    bins = STFTLoss(fft_size, 120, 240).magnitude(impulse)
    bands = STFTLoss(fft_size, 120, 240, n_mels=80).magnitude(impulse)
    assert bands.shape[1] == 80 if fft_size == 1024 else 40 < bands.shape[1] < 80
    torch.testing.assert_close(bands, bins[:, :1].expand_as(bands), atol=1e-5, rtol=1e-4)


def test_checkpoints_hold_no_windows():
    assert not MultiResolutionSTFTLoss(n_mels=80).state_dict()


@pytest.mark.parametrize(
    "arguments",
    [{"hops": (64,)}, {"fft_sizes": (), "hops": (), "windows": ()}, {"windows": (300, 128)}, {"hops": (64, 0)}],
)
def test_sizes_that_do_not_fit_are_refused(arguments):
    with pytest.raises(ValueError, match="need"):
        MultiResolutionSTFTLoss(**SMALL | arguments)


def test_waveforms_that_do_not_fit_are_refused():
    criterion = MultiResolutionSTFTLoss(**SMALL)
    with pytest.raises(ValueError, match="one shape"):
        criterion(noise(2, 1000), noise(2, 999))
    with pytest.raises(ValueError, match="one shape"):
        criterion(noise(2, 1, 1000), noise(2, 1, 1000))
    for lengths in ([1000], [1000, 0], [1001, 1000]):
        with pytest.raises(ValueError, match="lengths"):
            criterion(noise(2, 1000), noise(2, 1000), torch.tensor(lengths))


def test_style_similarity_by_hand():
    prediction = torch.zeros(2, 256)
    target = torch.zeros(2, 256)
    prediction[:, 0], target[0, 0], target[1, 1] = 2.0, -1.0, 1.0  # opposite, and at right angles
    loss = StyleSimilarityLoss(cosine_weight=0.2, mse_weight=10.0)(prediction, target)
    assert loss.cosine.item() == pytest.approx((2 + 1) / 2)
    assert loss.mse.item() == pytest.approx((9 + 5) / 512)
    assert loss.total.item() == pytest.approx(0.2 * 1.5 + 10 * 14 / 512)
    same = StyleSimilarityLoss()(target, target)
    assert same.total.item() == pytest.approx(0.0, abs=1e-6)


def test_style_halves_count_alike_whatever_their_norm():
    target = noise(4, 256)
    target[:, 128:] *= 0.01
    prediction = target.clone()
    prediction[:, 128:] *= -1
    assert StyleSimilarityLoss()(prediction, target).cosine < 0.01
    halves = StyleSimilarityLoss(per_half=True)(prediction, target)
    assert halves.cosine.item() == pytest.approx(1.0, abs=1e-5)
    assert torch.equal(halves.mse, StyleSimilarityLoss()(prediction, target).mse)


@pytest.mark.parametrize("per_half", [False, True])
def test_style_gradients_at_zero_and_shapes(per_half):
    prediction = torch.zeros(3, 5, 256, requires_grad=True)
    criterion = StyleSimilarityLoss(per_half=per_half)
    criterion(prediction, noise(3, 5, 256)).total.backward()
    assert torch.isfinite(prediction.grad).all() and prediction.grad.any()
    with pytest.raises(ValueError, match="one shape"):
        criterion(prediction, noise(1, 5, 256))


def test_adversarial_losses_by_hand():
    real = [torch.tensor([1.0, 0.5]), torch.full((1, 1, 4), 2.0)]
    generated = [torch.tensor([0.0, 1.0]), torch.full((1, 1, 4), -1.0)]
    assert discriminator_loss(real, generated).item() == pytest.approx((0.125 + 0.5) + (1.0 + 1.0))
    assert generator_loss(generated).item() == pytest.approx(0.5 + 4.0)
    ones, zeros = [torch.ones(3)] * 2, [torch.zeros(5)] * 2
    assert discriminator_loss(ones, zeros).item() == 0.0
    assert generator_loss(ones).item() == 0.0


def test_feature_matching_by_hand():
    real = [[torch.zeros(2, 3), torch.ones(4)], [torch.full((2,), 5.0)]]
    generated = [[torch.full((2, 3), 2.0), torch.ones(4)], [torch.tensor([5.0, 2.0])]]
    assert feature_matching_loss(real, generated).item() == pytest.approx(2.0 + 0.0 + 1.5)


def test_feature_matching_trains_the_generated_side_only():
    real, generated = torch.zeros(3, requires_grad=True), torch.ones(3, requires_grad=True)
    feature_matching_loss([[real]], [[generated]]).backward()
    assert real.grad is None
    torch.testing.assert_close(generated.grad, torch.full((3,), 1 / 3))


def test_lists_of_different_lengths_are_refused():
    one, two = [torch.ones(1)], [torch.ones(1)] * 2
    with pytest.raises(ValueError):
        discriminator_loss(two, one)
    with pytest.raises(ValueError):
        feature_matching_loss([two], [one])
    with pytest.raises(ValueError):
        feature_matching_loss([one, one], [one])


def test_no_torchaudio(tmp_path):
    # A torchaudio that cannot be imported, as the CUDA build is beside a CPU torch. The file is loaded by its path to
    # judge this module alone.
    (tmp_path / "torchaudio").mkdir()
    (tmp_path / "torchaudio" / "__init__.py").write_text("raise OSError('no CUDA library')")
    (tmp_path / "torchaudio-2.0.dist-info").mkdir()
    (tmp_path / "torchaudio-2.0.dist-info" / "METADATA").write_text("Name: torchaudio\nVersion: 2.0\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import importlib.util, torch\n"
        f"spec = importlib.util.spec_from_file_location('losses', {stft_loss.__file__!r})\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "sys.modules['losses'] = module\n"
        "spec.loader.exec_module(module)\n"
        "loss = module.MultiResolutionSTFTLoss()(torch.zeros(2400), torch.ones(2400))\n"
        "assert loss.total > 0\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_entry_point_gives_the_packages_own():
    spec = importlib.util.spec_from_file_location("entry_losses", ROOT / "losses.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert {"MultiResolutionSTFTLoss", "StyleSimilarityLoss", "generator_loss"} <= set(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is getattr(losses, name, getattr(stft_loss, name, None))
