"""The gate before all analysis: speech goes on, long gaps are cut out, other sound is silenced.

A recording of nothing but speech with short pauses passes bit for bit. After the conversion, ``restored`` puts silence
of the same length where a gap was.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from nuanced_speech.audio.fades import fade_ends
from nuanced_speech.audio.gate import frame_levels
from nuanced_speech.audio.level import active_level_db, gain_of
from nuanced_speech.core.constants import SAMPLE_RATE, SAMPLES_PER_UNIT
from nuanced_speech.core.progress import Progress, part_of
from nuanced_speech.models.voice_activity import FRAME_SECONDS, SpeechStretch, StretchConfig, VoiceActivity, stretches
from nuanced_speech.models.whisper import Transcript

# Easier than by default: a word that is lost is worse than a sound that passes.
GATE_SPEECH = StretchConfig(begins=0.45, ends=0.15, shortest_seconds=0.064, pause_seconds=0.2, margin_seconds=0.2)
_PAD_SECONDS = 0.512
# Of the work, what the recording takes as it is; slowed, it is half as long again.
_AS_RECORDED = 0.4
_FRAMES_AT_ONCE = 1000
_FRAME = round(FRAME_SECONDS * SAMPLE_RATE)


@dataclass(frozen=True)
class GateConfig:
    """Settings of the gate.

    Attributes:
        speech: what counts as speech.
        as_recorded: weight of the probability that the recording has as it is, beside that of the slowed one.
        doubt: probability from which a recording without speech is in doubt.
        short_seconds: a shorter recording may be a single word, which needs less, and is given silence around it.
        around_seconds: silence before and after such a recording.
        cut_seconds: a gap in the speech that lasts as long is cut out.
        mute_seconds: a gap that lasts as long is silenced if it is loud.
        loud_db: a gap is loud if 25 ms of it are less than this below the speech.
        margin_seconds: what stays of a gap on each side, faded to silence.
        fade_seconds: length of the fade.
        periodic: correlation of a sound with itself a period later, from which it has a pitch.
        near_frames: frames of 32 ms around a pitch that belong to it.
        sure_log_probability, sure_no_speech: Whisper writes words for noise too, with a mean log probability below the
            one or a probability of no speech above the other.
    """

    speech: StretchConfig = GATE_SPEECH
    as_recorded: float = 0.7
    doubt: float = 0.2
    short_seconds: float = 1.0
    around_seconds: float = 0.3
    cut_seconds: float = 2.0
    mute_seconds: float = 0.8
    loud_db: float = 15.0
    margin_seconds: float = 0.25
    fade_seconds: float = 0.1
    periodic: float = 0.4
    near_frames: int = 4
    sure_log_probability: float = -0.8
    sure_no_speech: float = 0.5


@dataclass(frozen=True)
class Cut:
    """A gap that was cut out: ``samples`` at ``position`` of what is left, both at 24 kHz."""

    position: int
    samples: int


@dataclass(frozen=True)
class GatedRecording:
    """A recording with its speech only.

    Attributes:
        wave: ``[T]`` at 24 kHz; empty where there is no speech.
        cuts: in order.
        samples: length of the whole recording.
        speech: the stretches of speech in the whole recording.
        gaps: what was cut out or silenced, begin and end in samples of the whole recording.
        doubtful: there seems to be no speech, and it might be: a scream, or a word that is cut off.
        lead: samples of silence that ``wave`` has before the recording; as many follow it.
    """

    wave: np.ndarray
    cuts: tuple[Cut, ...]
    samples: int
    speech: tuple[SpeechStretch, ...]
    gaps: tuple[tuple[int, int], ...] = ()
    doubtful: bool = False
    lead: int = 0

    @property
    def has_speech(self) -> bool:
        """Whether anybody speaks."""
        return bool(self.speech)

    def whole(self, recording: np.ndarray) -> "GatedRecording":
        """The same recording, taken for speech from beginning to end."""
        return GatedRecording(recording, (), len(recording), (SpeechStretch(0.0, len(recording) / SAMPLE_RATE),))

    def surrounded(self, config: GateConfig) -> "GatedRecording":
        """A single word with silence before and after, since sounds at its very edges are misunderstood; longer
        recordings as they are."""
        if not 0 < len(self.wave) < config.short_seconds * SAMPLE_RATE:
            return self
        lead = round(config.around_seconds * SAMPLE_RATE)
        cuts = tuple(replace(cut, position=cut.position + lead) for cut in self.cuts)
        return replace(self, wave=np.pad(self.wave, lead), cuts=cuts, lead=lead)

    def restored(self, chunks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """A conversion of ``wave``, chunk by chunk, with silence for each cut: as long as the recording."""
        if not self.lead:
            yield from self._with_cuts(chunks)
            return
        position = 0
        for chunk in self._with_cuts(chunks):
            inside = chunk[max(self.lead - position, 0) : max(self.lead + self.samples - position, 0)]
            position += len(chunk)
            if len(inside):
                yield inside

    def _with_cuts(self, chunks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        cuts, position = list(self.cuts), 0
        for chunk in chunks:
            while cuts and cuts[0].position < position + len(chunk):
                cut = cuts.pop(0)
                head, chunk = chunk[: cut.position - position], chunk[cut.position - position :]
                position = cut.position
                if len(head):
                    yield head
                yield np.zeros(cut.samples, np.float32)
            position += len(chunk)
            yield chunk
        for cut in cuts:
            yield np.zeros(cut.samples, np.float32)

    def seconds(self, time: float) -> float:
        """When in the recording something was that is at ``time`` in ``wave``, in seconds."""
        missing = sum(cut.samples for cut in self.cuts if cut.position <= time * SAMPLE_RATE) - self.lead
        return max(time + missing / SAMPLE_RATE, 0.0)


class SpeechGate:
    """Lets the speech of recordings through. Threads may share it.

    Args:
        activity: probability of speech; made if omitted.
        config: settings.
    """

    def __init__(self, activity: VoiceActivity | None = None, config: GateConfig | None = None) -> None:
        self._activity, self.config = activity, config or GateConfig()

    def probabilities(self, recording: np.ndarray, progress: Progress | None = None) -> np.ndarray:
        """Probability of speech in each 32 ms of ``recording [T]`` at 24 kHz, float32 ``[ceil(T / 768)]``.

        The network knows voices of ordinary level and pitch best. The recording is brought to the level of speech, and
        heard a second time slowed by half, since it takes shouting and singing at 400 Hz for something else, and hums
        and organs at their own speed for speech. Slowed, it starts at sudden noise, so only what has a pitch counts.
        """
        activity = self._activity or VoiceActivity()
        frames = -(-len(recording) // _FRAME)
        # mirrored ends: the network needs some frames to know a sound, and takes its sudden start for speech
        pad = round(_PAD_SECONDS * SAMPLE_RATE)
        wave = np.pad(recording, (pad, pad + frames * _FRAME - len(recording)), "reflect")
        wave = np.multiply(wave, np.float32(gain_of(recording)), out=wave if wave.dtype == np.float32 else None)
        skipped = pad // _FRAME
        as_recorded = activity.of_recording(wave, SAMPLE_RATE, part_of(progress, 0.0, _AS_RECORDED))[
            skipped : skipped + frames
        ]
        # samples at 24 kHz taken for some at 16 kHz: three frames of these for two
        slowed = activity.of_recording(wave, progress=part_of(progress, _AS_RECORDED, 1.0))
        slowed = slowed[: len(slowed) // 3 * 3].reshape(-1, 3)
        slowed = np.stack([slowed[:, :2].max(axis=1), slowed[:, 1:].max(axis=1)], axis=1).reshape(-1)
        slowed = np.where(_periodic(wave, self.config)[: len(slowed)], slowed[: len(wave) // _FRAME], 0.0)
        return np.maximum(slowed[skipped : skipped + frames], self.config.as_recorded * as_recorded)

    def __call__(self, recording: np.ndarray, progress: Progress | None = None) -> GatedRecording:
        """The speech of ``recording [T]`` at 24 kHz; ``progress`` is called with the share that is done."""
        if float(np.ptp(recording)) == 0.0:
            return _nothing(recording)
        probabilities = self.probabilities(recording, progress)
        speech = stretches(probabilities, self.config.speech)
        if not speech and len(recording) < self.config.short_seconds * SAMPLE_RATE:
            # of a single word, the sudden start is what the network knows best
            alone = self.probabilities(np.pad(recording, round(_PAD_SECONDS * SAMPLE_RATE)))
            if alone.max() >= self.config.speech.begins:
                return GatedRecording(recording, (), len(recording), ()).whole(recording)
        if not speech:
            return _nothing(recording, bool(probabilities.max() >= self.config.doubt))
        edges = [min(round(time * SAMPLE_RATE), len(recording)) for one in speech for time in (one.start, one.end)]
        level = active_level_db(np.concatenate([recording[a:b] for a, b in _pairs(edges)]), SAMPLE_RATE)
        gaps = [gap for gap in _pairs([0, *edges, len(recording)]) if self._closed(recording[slice(*gap)], level)]
        return (
            self._without(recording, gaps, speech)
            if gaps
            else GatedRecording(recording, (), len(recording), tuple(speech))
        )

    def _closed(self, gap: np.ndarray, speech_db: float) -> bool:
        """Whether a gap is to be cut out or silenced, beside speech of a level in dBFS."""
        seconds = len(gap) / SAMPLE_RATE
        if seconds < self.config.mute_seconds:
            return False
        return (
            seconds >= self.config.cut_seconds
            or frame_levels(gap, SAMPLES_PER_UNIT).max() > speech_db - self.config.loud_db
        )

    def _without(
        self, recording: np.ndarray, gaps: list[tuple[int, int]], speech: list[SpeechStretch]
    ) -> GatedRecording:
        """The recording without what lies in gaps, but for their margins; short gaps stay as silence."""
        margin, fade = (round(x * SAMPLE_RATE) for x in (self.config.margin_seconds, self.config.fade_seconds))
        total = len(recording)
        holes = [(start + margin if start else 0, end - margin if end < total else total) for start, end in gaps]
        parts, cuts = [], []
        for number, (begin, end) in enumerate(_pairs([0, *(edge for hole in holes for edge in hole), total])):
            if end > begin:
                most = min(fade, end - begin)
                parts.append(fade_ends(recording[begin:end], most if begin else 0, most if end < total else 0))
            if number == len(holes):
                break
            missing = holes[number][1] - holes[number][0]
            gap = (gaps[number][1] - gaps[number][0]) / SAMPLE_RATE
            if gap >= self.config.cut_seconds:
                cuts.append(Cut(sum(map(len, parts)), missing))
            else:
                parts.append(np.zeros(missing, np.float32))
        return GatedRecording(np.concatenate(parts), tuple(cuts), total, tuple(speech), tuple(holes))


def speech_in(
    wave: np.ndarray,
    gate: SpeechGate,
    transcribe: Callable[[np.ndarray], Transcript],
    check: Progress | None = None,
) -> GatedRecording:
    """The speech in a recording. Where the gate is in doubt, Whisper decides.

    Args:
        wave: ``[T]`` at 24 kHz.
        gate: lets speech through.
        transcribe: transcribes ``[T]`` at 24 kHz.
        check: called by the gate now and then with the share that it has done; may break it off.
    """
    gated = gate(wave, check)
    if gated.doubtful and recognised_words(transcribe(wave * np.float32(gain_of(wave))), gate.config):
        return gated.whole(wave)
    return gated


def recognised_words(transcript: Transcript, config: GateConfig) -> bool:
    """Whether words were certainly said."""
    return any(
        any(c.isalnum() for c in piece.text)
        and piece.log_probability > config.sure_log_probability
        and piece.no_speech < config.sure_no_speech
        for piece in transcript.segments
    )


def _periodic(wave: np.ndarray, config: GateConfig) -> np.ndarray:
    """Which 32 ms of ``wave [T]`` at 24 kHz have a pitch of 80 to 800 Hz in or near them, bool ``[T // 768]``."""
    count = len(wave) // _FRAME
    flags = np.zeros(count, bool)
    for begin in range(0, count, _FRAMES_AT_ONCE):
        part = wave[begin * _FRAME : min(begin + _FRAMES_AT_ONCE + 1, count) * _FRAME].reshape(-1, _FRAME)
        if begin + _FRAMES_AT_ONCE >= count:
            part = np.pad(part, ((0, 1), (0, 0)))
        frames = np.concatenate([part[:-1], part[1:]], axis=1)
        power = np.abs(np.fft.rfft(frames, 4 * _FRAME)) ** 2
        correlation = np.fft.irfft(power)
        lags = slice(SAMPLE_RATE // 800, SAMPLE_RATE // 80)
        peak = correlation[:, lags].max(axis=1)
        flags[begin : begin + len(frames)] = peak > config.periodic * correlation[:, 0] + 1e-9
    return np.convolve(flags, np.ones(2 * config.near_frames + 1), "same") > 0


def _nothing(recording: np.ndarray, doubtful: bool = False) -> GatedRecording:
    return GatedRecording(np.zeros(0, np.float32), (), len(recording), (), ((0, len(recording)),), doubtful)


def _pairs(edges: list[int]) -> list[tuple[int, int]]:
    """The first and second edge, the third and fourth, and so on."""
    return list(zip(edges[::2], edges[1::2], strict=True))
