"""Pretrained models: a tiny one of each family, built here, speaks through the same code as those of the hub."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from nuanced_speech.core.errors import UserError
from nuanced_speech.tts.pretrained import PretrainedConfig, speak

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="module")
def vits(tmp_path_factory) -> Path:  # type: ignore[no-untyped-def]
    """A VITS model as facebook/mms-tts-eng is one."""
    from transformers import VitsConfig, VitsModel, VitsTokenizer

    folder = tmp_path_factory.mktemp("models") / "vits"
    folder.mkdir()
    words = folder / "letters.json"
    words.write_text(json.dumps({letter: number for number, letter in enumerate(["<pad>", "<unk>", " ", *LETTERS])}))
    torch.manual_seed(0)
    config = VitsConfig(
        vocab_size=29, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, ffn_dim=16, flow_size=16,
        spectrogram_bins=9, prior_encoder_num_flows=1, posterior_encoder_num_wavenet_layers=1,
        prior_encoder_num_wavenet_layers=1, duration_predictor_num_flows=1, duration_predictor_filter_channels=16,
        upsample_initial_channel=16, upsample_rates=[8, 8], upsample_kernel_sizes=[16, 16],
        resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1]], sampling_rate=16000,
    )  # fmt: skip
    VitsModel(config).save_pretrained(folder)
    VitsTokenizer(str(words), phonemize=False, is_uroman=False).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def musicgen(tmp_path_factory) -> Path:  # type: ignore[no-untyped-def]
    """A MusicGen model: T5, EnCodec and the decoder between them."""
    from transformers import (
        EncodecConfig,
        MusicgenConfig,
        MusicgenDecoderConfig,
        MusicgenForConditionalGeneration,
        T5Config,
        T5Tokenizer,
    )

    folder = tmp_path_factory.mktemp("models") / "musicgen"
    torch.manual_seed(0)
    text = T5Config(vocab_size=200, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    codec = tiny_encodec()
    decoder = MusicgenDecoderConfig(
        vocab_size=16, hidden_size=16, num_hidden_layers=1, ffn_dim=16, num_attention_heads=2, num_codebooks=2,
        pad_token_id=16, bos_token_id=16, max_position_embeddings=256,
    )  # fmt: skip
    assert isinstance(codec, EncodecConfig)
    model = MusicgenForConditionalGeneration(MusicgenConfig(text_encoder=text, audio_encoder=codec, decoder=decoder))
    fill(model.audio_encoder)
    model.generation_config.decoder_start_token_id = model.generation_config.pad_token_id = 16
    model.generation_config.do_sample, model.generation_config.guidance_scale = True, 3.0
    model.save_pretrained(folder)
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -1.0), *((c, -2.0) for c in LETTERS)]
    T5Tokenizer(vocab=vocabulary).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def bark(tmp_path_factory) -> Path:  # type: ignore[no-untyped-def]
    """A Bark model: text to semantic tokens to coarse to fine codes, with one voice preset."""
    from transformers import (
        BarkCoarseConfig,
        BarkConfig,
        BarkFineConfig,
        BarkModel,
        BarkProcessor,
        BarkSemanticConfig,
        BertTokenizer,
    )
    from transformers.models.bark.generation_configuration_bark import (
        BarkCoarseGenerationConfig,
        BarkFineGenerationConfig,
        BarkGenerationConfig,
        BarkSemanticGenerationConfig,
    )

    folder = tmp_path_factory.mktemp("models") / "bark"
    torch.manual_seed(0)
    size = {"num_layers": 1, "num_heads": 2, "hidden_size": 16, "block_size": 256, "initializer_range": 0.5}
    # 20 semantic tokens, then text from 30 on; two codebooks of 16 entries above them
    semantic = BarkSemanticConfig(input_vocab_size=100, output_vocab_size=32, **size)
    coarse = BarkCoarseConfig(input_vocab_size=60, output_vocab_size=60, **size)
    fine = BarkFineConfig(input_vocab_size=17, output_vocab_size=17, n_codes_total=2, n_codes_given=1, **size)
    model = BarkModel(
        BarkConfig(
            semantic_config=semantic.to_dict(),
            coarse_acoustics_config=coarse.to_dict(),
            fine_acoustics_config=fine.to_dict(),
            codec_config=tiny_encodec().to_dict(),
        )
    )
    fill(model.codec_model)
    generation = BarkGenerationConfig(
        semantic_config=BarkSemanticGenerationConfig(
            eos_token_id=20, max_new_tokens=12, do_sample=True, text_encoding_offset=30, text_pad_token=90,
            semantic_pad_token=20, semantic_infer_token=91, semantic_vocab_size=20, max_input_semantic_length=16,
        ).to_dict(),
        coarse_acoustics_config=BarkCoarseGenerationConfig(
            do_sample=True, coarse_semantic_pad_token=55, coarse_infer_token=56, max_coarse_input_length=16,
            max_coarse_history=20, sliding_window_len=10, n_coarse_codebooks=2,
        ).to_dict(),
        fine_acoustics_config=BarkFineGenerationConfig(
            max_fine_history_length=16, max_fine_input_length=32, n_fine_codebooks=2
        ).to_dict(),
        sample_rate=16000,
        codebook_size=16,
    )  # fmt: skip
    model.save_pretrained(folder)
    # the class cannot write itself in every version of transformers
    (folder / "generation_config.json").write_text(json.dumps(generation.to_dict()))
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hello", "there", "you", *LETTERS]
    tokenizer = BertTokenizer(vocab={word: number for number, word in enumerate(vocabulary)})
    (folder / "voices").mkdir()
    rng = np.random.default_rng(0)
    preset = {
        "semantic_prompt": rng.integers(20, size=10),
        "coarse_prompt": rng.integers(16, size=(2, 20)),
        "fine_prompt": rng.integers(16, size=(2, 20)),
    }
    paths = {}
    for key, value in preset.items():
        np.save(folder / "voices" / f"{key}.npy", value)
        paths[key] = f"voices/{key}.npy"
    BarkProcessor(tokenizer).save_pretrained(folder)
    presets = {"repo_or_path": str(folder), "v2/en_speaker_0": paths}
    (folder / "speaker_embeddings_path.json").write_text(json.dumps(presets))
    return folder


def tiny_encodec():  # type: ignore[no-untyped-def]
    from transformers import EncodecConfig

    # bandwidth in kbit/s: 2 codebooks of 4 bits at 250 frames a second
    return EncodecConfig(
        target_bandwidths=[2.0], sampling_rate=16000, num_filters=4, hidden_size=8, codebook_size=16, codebook_dim=8,
        upsampling_ratios=[8, 8], num_lstm_layers=1, num_residual_layers=1,
    )  # fmt: skip


def fill(codec) -> None:  # type: ignore[no-untyped-def]
    """Give EnCodec's codebooks, which begin as zeros, something to say."""
    for layer in codec.quantizer.layers:
        layer.codebook.embed.normal_()


@pytest.mark.parametrize("family", ["vits", "musicgen", "bark"])
def test_each_family_makes_a_file_and_the_seed_decides(family, request, tmp_path, run) -> None:  # type: ignore[no-untyped-def]
    folder = request.getfixturevalue(family)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        length = ["--seconds", "0.2"] if family == "musicgen" else []
        out = tmp_path / f"{name}.wav"
        status, _, err = run("tts", "pretrained", "hello there", out, "--model", folder, "--seed", seed, *length)
        assert status == 0, err
    a, b, c = (soundfile.read(tmp_path / f"{name}.wav")[0] for name in "abc")
    assert soundfile.info(tmp_path / "a.wav").samplerate == 16000
    assert a.ndim == 1 and np.abs(a).max() > 0
    assert np.array_equal(a, b) and not (len(a) == len(c) and np.array_equal(a, c))


def test_the_length_of_music(musicgen: Path) -> None:
    short, rate = speak("piano", PretrainedConfig(str(musicgen), seconds=0.2))
    long, _ = speak("piano", PretrainedConfig(str(musicgen), seconds=0.4))
    assert len(short) / rate == pytest.approx(0.2, abs=0.02) and len(long) / rate == pytest.approx(0.4, abs=0.02)


def test_a_voice_preset_of_bark(bark: Path) -> None:
    plain, _ = speak("hello", PretrainedConfig(str(bark), seed=3))
    other, _ = speak("hello", PretrainedConfig(str(bark), seed=3, speaker="v2/en_speaker_0"))
    assert not (len(plain) == len(other) and np.array_equal(plain, other))
    with pytest.raises(UserError, match="no voice preset 'nobody'.*v2/en_speaker_0"):
        speak("hello", PretrainedConfig(str(bark), speaker="nobody"))


def test_offline_a_model_comes_whole_from_the_cache(vits: Path, tmp_path: Path, empty_cache: Path) -> None:
    kept = tmp_path / "hub" / "models--nobody--vits"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("0" * 40)
    snapshot = kept / "snapshots" / ("0" * 40)
    shutil.copytree(vits, snapshot)
    config = PretrainedConfig("nobody/vits", seed=3)
    assert np.array_equal(speak("hello", config)[0], speak("hello", PretrainedConfig(str(vits), seed=3))[0])
    (snapshot / "model.safetensors").rename(snapshot / "pytorch_model.bin")
    with pytest.raises(UserError, match="no weights as safetensors"):
        speak("hello", config)
    (snapshot / "pytorch_model.bin").unlink()
    with pytest.raises(UserError, match="nobody/vits is not in the cache.*unset HF_HUB_OFFLINE"):
        speak("hello", config)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["", "out.wav"], "nothing to say"),
        (["hello", "out.mp4"], "cannot write the suffix"),
        (["hello", "no/out.wav"], "does not exist"),
        (["hello", "out.wav", "--device", "abacus"], "abacus"),
        (["hello", "out.wav", "--seconds", "99"], "0.1 to 30"),
        (["hello", "out.wav", "--model", "./nowhere"], "no such folder"),
        (["hello", "out.wav", "--model", "facebook/mms-tts-eng"], "unset HF_HUB_OFFLINE"),
        (["hello", "out.wav", "--model", "VITS", "--speaker", "x"], "error: --speaker is for Bark"),
        (["hello", "out.wav", "--model", "VITS", "--seconds", "3"], "error: --seconds is for MusicGen"),
        (["hello", "out.wav", "--model", "PICKLED"], "no weights as safetensors"),
        (["hello", "out.wav", "--model", "BERT"], "is a bert model"),
        (["hello", "out.wav", "--model", "EMPTY"], "does not hold a model"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    arguments, says, vits, tmp_path, monkeypatch, empty_cache, run
) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    folders = {"VITS": vits, **{name: tmp_path / name for name in ("PICKLED", "BERT", "EMPTY")}}
    for name in ("PICKLED", "BERT", "EMPTY"):
        folders[name].mkdir()
    # the same model with pickled weights: refused, though they are all right
    for file in vits.iterdir():
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            torch.save(load_file(file), folders["PICKLED"] / "pytorch_model.bin")
        else:
            (folders["PICKLED"] / file.name).write_bytes(file.read_bytes())
    (folders["BERT"] / "config.json").write_text('{"model_type": "bert"}')
    status, _, err = run("tts", "pretrained", *(folders.get(part, part) for part in arguments))
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert status == 1 and len(lines) == 1 and says in lines[0] and "Traceback" not in err
    assert not list((tmp_path / "here").iterdir())
