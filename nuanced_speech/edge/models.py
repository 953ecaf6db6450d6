"""The folder that ``nuanced-speech export onnx`` wrote: graphs, voices and settings."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from nuanced_speech.core.constants import CONTENT_DIM, ENVELOPE_BANDS, OWN_VOICE, SYNTHETIC, TIMBRE_DIM
from nuanced_speech.core.errors import ContentError, UserError, reading
from nuanced_speech.core.reading import check_numbers
from nuanced_speech.edge.frames import EdgeFrames

TABLE, FORMAT = "models.json", 2
REMEDY = "make the folder with: nuanced-speech export onnx"
GRAPHS = ("encoder", "content", "phonemes", "pitch", "energy", "envelope", "decoder")


@dataclass(frozen=True)
class EdgeVoice:
    """A voice of the table.

    Attributes:
        name: of the voice.
        mark: what the metadata of its outputs say.
        log_f0: median of its melody, log2 Hz; NaN in the recording's own voice.
        timbre, speaker: float32 ``[1, 128]`` and ``[1, 256]``; NaN where it has none.
        frames: of its recordings; None where it has none. The recording's own voice has those of the recording.
    """

    name: str
    mark: str
    log_f0: float
    timbre: np.ndarray
    speaker: np.ndarray
    frames: EdgeFrames | None = None

    @property
    def own(self) -> bool:
        """Whether it is the recording's own."""
        return self.name == OWN_VOICE


@dataclass(frozen=True)
class EdgeSettings:
    """Numbers that the networks were trained with, from the JSON.

    Attributes:
        level_db: level of speech that energy is measured at, dBFS.
        energy_offset: energy that the decoder takes, less energy that is measured.
        sharpness: share of the recognised phonemes' text features.
        margin_seconds: silence around a clip that the encoder is given.
    """

    level_db: float
    energy_offset: float
    sharpness: float
    margin_seconds: float


class EdgeModels:
    """Graphs of one folder, each loaded when it is first needed.

    Args:
        folder: what was exported.
        threads: processor threads; all cores if omitted.

    Raises:
        UserError: no such folder, of another version, or with files missing or cut short.
    """

    def __init__(self, folder: str | Path, threads: int | None = None) -> None:
        self.folder, self.threads = Path(folder), threads
        path = self.folder / TABLE
        with reading(path, "a table of exported models", REMEDY):
            self.table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if self.table["format"] != FORMAT:
                raise UserError(f"{path}: of another version of Nuanced Speech; {REMEDY}")
            self.settings = EdgeSettings(**self.table["settings"])
            self._entries = {name: self.table["graphs"][name] for name in GRAPHS} | {
                name: self.table[name] for name in ("noise", "voices", "frames")
            }
            self._check_table()
            for entry in self._entries.values():
                self._check_size(entry)
        self._sessions: dict[str, Any] = {}

    def run(self, graph: str, **inputs: np.ndarray) -> list[np.ndarray]:
        """The outputs of a graph.

        Raises:
            UserError: its file is damaged.
        """
        if graph not in self._sessions:
            self._sessions[graph] = self._load(self.folder / self._entries[graph]["file"])
        with reading(self.folder / self._entries[graph]["file"], "a network that was exported", REMEDY):
            outputs: list[np.ndarray] = self._sessions[graph].run(None, inputs)
        return outputs

    @cached_property
    def noise(self) -> np.ndarray:
        """White noise that repeats ``[samples]``."""
        return np.fromfile(self.folder / self._entries["noise"]["file"], "<f4")

    @property
    def voices(self) -> list[str]:
        """Names of all voices; the last is the recording's own."""
        return [*(row["name"] for row in self.table["voices"]["rows"]), OWN_VOICE]

    def voice(self, name: str) -> EdgeVoice:
        """A voice of the table.

        Raises:
            UserError: an unknown name.
        """
        if name not in self.voices:
            raise UserError(f"unknown voice {name!r}: choose from {', '.join(self.voices)}, or export it too")
        rows, width = self.table["voices"]["rows"], self.table["voices"]["numbers"]
        if name == OWN_VOICE:
            nothing = np.full((1, width), np.nan, np.float32)
            return EdgeVoice(OWN_VOICE, SYNTHETIC, np.nan, nothing[:, :TIMBRE_DIM], nothing[:, TIMBRE_DIM:])
        index = self.voices.index(name)
        row = rows[index]
        numbers = np.fromfile(self.folder / self._entries["voices"]["file"], "<f4", width, offset=4 * width * index)
        timbre, speaker = numbers[None, :TIMBRE_DIM], numbers[None, TIMBRE_DIM:]
        return EdgeVoice(name, row["mark"], row["log_f0"], timbre, speaker, self._frames(index))

    def _frames(self, index: int) -> EdgeFrames | None:
        """Those of a voice of the table."""
        counts, width = [row["frames"] for row in self.table["voices"]["rows"]], CONTENT_DIM + ENVELOPE_BANDS
        if not counts[index]:
            return None
        path, before = self.folder / self._entries["frames"]["file"], sum(counts[:index])
        numbers = np.fromfile(path, "<f4", width * counts[index], offset=4 * width * before)
        return EdgeFrames.split(numbers.reshape(-1, width))

    def verify(self) -> None:
        """Compare all files with the sums in the table.

        Raises:
            UserError: one is not what was exported.
        """
        for entry in self._entries.values():
            path = self.folder / entry["file"]
            if hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
                raise UserError(f"{path}: not the file that was exported; {REMEDY}")

    def _check_table(self) -> None:
        """Refuse a table with anything else where names, numbers and files belong.

        Raises:
            Exception: it is damaged.
        """
        voices = self.table["voices"]
        rows, width = voices["rows"], voices["numbers"]
        if width <= TIMBRE_DIM or 4 * width * len(rows) != voices["bytes"]:
            raise ContentError("its voices do not fit their file")
        if 4 * (CONTENT_DIM + ENVELOPE_BANDS) * sum(row["frames"] for row in rows) != self.table["frames"]["bytes"]:
            raise ContentError("the frames of its voices do not fit their file")
        texts = [row[key] for row in rows for key in ("name", "mark")]
        texts += [entry["file"] for entry in self._entries.values()]
        if not all(isinstance(text, str) for text in texts) or any("/" in e["file"] for e in self._entries.values()):
            raise ContentError("something else where a name belongs")
        numbers = [*asdict(self.settings).values(), *(row["log_f0"] for row in rows)]
        if not all(isinstance(number, (int, float)) for number in numbers):
            raise ContentError("something else where a number belongs")
        check_numbers(numbers)

    def _check_size(self, entry: dict[str, Any]) -> None:
        path = self.folder / entry["file"]
        if not path.is_file() or path.stat().st_size != entry["bytes"]:
            raise UserError(f"{path}: missing, or not the file that was exported; {REMEDY}")

    def _load(self, path: Path) -> Any:
        options = onnxruntime.SessionOptions()
        if self.threads is not None:
            options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        # clips of all lengths come: an arena would keep the largest of every size
        options.enable_cpu_mem_arena = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        with reading(path, "a network of ONNX", REMEDY):
            return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
