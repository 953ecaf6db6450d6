"""``python -m nuanced_speech.edge MODELS in.wav out.wav --voice af_heart``."""

import argparse
import signal
import sys
from pathlib import Path

from nuanced_speech.core.errors import UserError


def main(arguments: list[str] | None = None) -> int:
    """Convert one recording; the exit status is 1 after a mistake of the user, with one line on standard error."""
    parser = argparse.ArgumentParser(
        prog="python -m nuanced_speech.edge", description="Convert a recording without PyTorch."
    )
    parser.add_argument("models", type=Path, help="Folder that nuanced-speech export onnx wrote.")
    parser.add_argument("source", type=Path, help="Recording to convert.")
    parser.add_argument("output", type=Path, help="File to write: .wav, .flac or .ogg.")
    parser.add_argument(
        "--voice", required=True, help="Name of a voice in the folder, or 'own' for the voice of the recording."
    )
    parser.add_argument("--pitch-shift", type=float, default=0.0, help="Semitones, besides the voice's own pitch.")
    parser.add_argument(
        "--threads", type=_threads, metavar="N", help="Number of processor threads. All cores if omitted."
    )
    options = parser.parse_args(arguments)
    from nuanced_speech.core.files import check_apart
    from nuanced_speech.edge.converter import EdgeConverter
    from nuanced_speech.edge.sound_files import check_writable

    try:
        check_writable(options.output)
        check_apart(options.output, options.source)
        converter = EdgeConverter(options.models, options.threads)
        converter.convert(options.source, options.voice, pitch_shift=options.pitch_shift).save(options.output)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("interrupted: no half-written file was left behind", file=sys.stderr)
        return 130
    return 0


def _threads(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of threads: give 1 or more")
    return int(text)


def _terminate(number: int, _frame: object) -> None:
    # as an exception, so that a file that is being written is removed
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(main())
