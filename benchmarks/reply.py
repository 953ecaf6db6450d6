"""Answers to acted emotional questions: is their tone that of the question, and how soon do they begin?

    python benchmarks/reply.py tone FOLDER [--clips 48] [--out outputs/reply] [--voice af_heart]
    python benchmarks/reply.py time QUESTION.wav [--runs 3] [--decoder fast] [--llm-url URL --llm-model NAME]

FOLDER has recordings with a table ``clips.tsv`` (columns path, text, emotion), as ``nuanced-speech evaluate`` reads it.
``tone`` answers clips with one fixed sentence, in the speaker's own voice or another, and prints a Markdown table: the
correlation over clips of question and answer in median F0, F0 range, rate and level, each less the actor's mean; and
how often a classifier that was trained on other actors hears the same emotion in the answer as in the question. The
plain chain (Whisper, language model, a stock voice) is the comparison. Answers stay in ``--out``, and are made once.
``time`` prints the seconds from the end of the question to the first sound, with all models loaded.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nuanced_speech import audio
from nuanced_speech.core import threads
from nuanced_speech.dialogue.choice import language_model
from nuanced_speech.dialogue.conversation import Message
from nuanced_speech.dialogue.language_model import Sampling
from nuanced_speech.dialogue.replier import AnswerEvent, QuestionEvent, Replier, SpeechEvent
from nuanced_speech.dsp.f0 import f0 as track_f0
from nuanced_speech.evaluate import emotion
from nuanced_speech.evaluate.recordings import EvaluationRecording, find_recordings
from nuanced_speech.evaluate.second_pitch import harvest
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import load_decoder
from nuanced_speech.synthesis.text_to_speech import TextToSpeech
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.voice.voice import Voice

ANSWER = "I will be there in a minute, and then we can talk about it."
PLAIN_VOICE = "af_heart"
MEASURES = ("median F0", "F0 range", "rate", "level")
FRAME_SECONDS = 0.0125


class FixedAnswer:
    """A language model that always answers the same."""

    name = "fixed"

    def load(self) -> None:
        """Nothing."""

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Iterator[str]:
        """The answer."""
        yield ANSWER


@dataclass(frozen=True)
class Clip:
    """A question and its answer by file, with the actor and the words of both."""

    question: EvaluationRecording
    answer: Path


def main() -> None:
    """Run one of the two measurements."""
    threads.let_idle_threads_sleep()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    tone = commands.add_parser("tone")
    tone.add_argument("folder", type=Path)
    tone.add_argument("--clips", type=int, default=48)
    tone.add_argument("--out", type=Path, default=Path("outputs/reply"))
    tone.add_argument("--voice", default=None)
    timing = commands.add_parser("time")
    timing.add_argument("question", type=Path)
    timing.add_argument("--runs", type=int, default=3)
    timing.add_argument("--llm-url")
    timing.add_argument("--llm-model")
    timing.add_argument("--decoder", default="kokoro", help="Decoder: kokoro, fast, or a file.")
    given = parser.parse_args()
    if given.command == "tone":
        measure_tone(given.folder, given.clips, given.out, given.voice)
    else:
        measure_time(given.question, given.runs, given.llm_url, given.llm_model, given.decoder)


def chosen_clips(everything: Sequence[EvaluationRecording], most: int) -> list[EvaluationRecording]:
    """One clip of each actor and emotion, the strongest that is acted; of whole actors where there are more."""
    found: dict[tuple[str, str], EvaluationRecording] = {}
    # "strong" sorts after "normal", of which the first sentence is taken
    for recording in sorted(everything, key=lambda r: ("strong" not in r.name, r.name)):
        if recording.emotion:
            found.setdefault((recording.speaker, recording.emotion), recording)
    actors = sorted({speaker for speaker, _ in found})
    emotions = sorted({kind for _, kind in found})
    # whole actors first: the classifier needs all emotions of one
    return [found[actor, kind] for actor in actors for kind in emotions if (actor, kind) in found][:most]


def measure_tone(folder: Path, most: int, out: Path, voice: str | None) -> None:
    """Make the answers, and print the table."""
    everything = [r for speaker in find_recordings(folder).values() for r in speaker]
    out.mkdir(parents=True, exist_ok=True)
    replier = Replier(ModelBank(), FixedAnswer())
    chosen = None if voice is None else Voice.load(voice)
    clips = []
    for recording in chosen_clips(everything, most):
        answer = out / f"{recording.name}-{voice or 'own'}.wav"
        if not answer.exists():
            steps = replier.reply(audio.read(recording.path), voice=chosen, language="en")
            waves = [step.sentence.audio for step in steps if isinstance(step, SpeechEvent)]
            audio.write(answer, np.concatenate(waves))
            print(answer, flush=True)
        clips.append(Clip(recording, answer))
    plain = out / "plain.wav"
    if not plain.exists():
        audio.write(plain, TextToSpeech(replier.models).speak(ANSWER, PLAIN_VOICE))
    print_correlations(clips)
    if emotion.available():
        print_emotions(everything, clips, plain)


def measured(path: Path, text: str) -> np.ndarray:
    """The measures ``[4]`` of a recording of a text: log2 Hz, octaves, log2 phonemes a second, dB."""
    wave = audio.read(path)
    curve = track_f0(wave)
    voiced = np.flatnonzero(curve > 0)
    f0 = harvest(wave, audio.SAMPLE_RATE, curve > 0)
    log_f0 = np.log2(f0[f0 > 0])
    low, middle, high = np.quantile(log_f0, (0.1, 0.5, 0.9))
    sounds = sum(symbol.isalpha() for symbol in phonemize(text))
    rate = sounds / ((voiced[-1] - voiced[0] + 1) * FRAME_SECONDS)
    return np.array([middle, high - low, np.log2(rate), audio.active_level_db(wave, audio.SAMPLE_RATE)])


def print_correlations(clips: Sequence[Clip]) -> None:
    """The table of correlations."""
    questions = np.stack([measured(clip.question.path, clip.question.text or "") for clip in clips])
    answers = np.stack([measured(clip.answer, ANSWER) for clip in clips])
    actors = np.array([clip.question.speaker for clip in clips])
    for values in (questions, answers):
        for actor in set(actors):
            values[actors == actor] -= values[actors == actor].mean(0)
    print(f"\n{len(clips)} clips of {len(set(actors))} actors, each less the actor's mean\n")
    print("| measure | correlation | spread of questions | spread of answers |\n|---|---|---|---|")
    for k, name in enumerate(MEASURES):
        correlation = np.corrcoef(questions[:, k], answers[:, k])[0, 1]
        print(f"| {name} | {correlation:.2f} | {questions[:, k].std():.3f} | {answers[:, k].std():.3f} |")


def print_emotions(everything: Sequence[EvaluationRecording], clips: Sequence[Clip], plain: Path) -> None:
    """How often the classifier hears one emotion in question and answer.

    The mean over an actor's answers takes the place of the mean over the actor's originals, for both systems: the
    answers have other words and another timbre than the originals that the classifier was trained on.
    """
    originals = {
        r.name: emotion.Acted(emotion.egemaps(audio.read(r.path), audio.SAMPLE_RATE), r.speaker, r.emotion)
        for r in everything
        if r.emotion
    }
    print("\n| system | same emotion in question and answer |\n|---|---|")
    for system, files in (("reply", [clip.answer for clip in clips]), ("plain chain", [plain] * len(clips))):
        made = {file: emotion.egemaps(audio.read(file), audio.SAMPLE_RATE) for file in set(files)}
        features = {clip.question.name: made[file] for clip, file in zip(clips, files, strict=True)}
        shifted: dict[str, np.ndarray] = {}
        for actor in {clip.question.speaker for clip in clips}:
            names = [clip.question.name for clip in clips if clip.question.speaker == actor]
            usual = np.mean([original.features for original in originals.values() if original.actor == actor], 0)
            middle = np.mean([features[name] for name in names], 0)
            shifted |= {name: features[name] - middle + usual for name in names}
        judged = emotion.judge(originals, shifted)
        print(f"| {system} | {np.mean([j.original == j.conversion for j in judged]):.1%} |")


def measure_time(question: Path, runs: int, url: str | None, model: str | None, decoder: str) -> None:
    """Print the seconds until each step, and of the processor's time until the first sound."""
    wave = audio.read(question)
    models = ModelBank()
    speech = TextToSpeech(models, decoder=load_decoder(decoder, models))
    replier = Replier(models, language_model(url, model), text_to_speech=speech)
    print(f"question of {len(wave) / audio.SAMPLE_RATE:.1f} s\n")
    print("| run | heard | first sound | processor seconds until then | first words | all |\n|---|---|---|---|---|---|")
    for run in range(runs + 1):
        began, busy = time.monotonic(), time.process_time()
        heard = first = spent = 0.0
        words = ""
        for step in replier.reply(wave):
            now = time.monotonic() - began
            if isinstance(step, QuestionEvent):
                heard = now
            elif isinstance(step, SpeechEvent) and not first:
                first, spent = now, time.process_time() - busy
                words = " ".join(word.text for word in step.sentence.words)
            elif isinstance(step, AnswerEvent) and run:
                # the first run loads the models
                print(f"| {run} | {heard:.2f} | {first:.2f} | {spent:.2f} | {words} | {now:.2f} |", flush=True)


if __name__ == "__main__":
    main()
