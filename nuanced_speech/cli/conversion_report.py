"""The report of ``nuanced-speech convert``: figures and plots of one conversion."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from nuanced_speech.cli.arguments import STANDARD

if TYPE_CHECKING:
    import numpy as np

    from nuanced_speech.convert.converter import Conversion
    from nuanced_speech.convert.options import ConversionOptions
    from nuanced_speech.convert.resumable import AnyConverter
    from nuanced_speech.evaluate.report import Measures

console = Console(stderr=True)


def report_name(output: Path) -> str:
    """Name of the report of an output."""
    return "standard-output" if str(output) == STANDARD else output.stem


def report_conversion(
    converter: "AnyConverter",
    conversion: "Conversion",
    written: "np.ndarray",
    name: str,
    options: "ConversionOptions",
    folder: Path,
) -> None:
    """Measure a conversion as it was written, write the report, and print its figures."""
    from nuanced_speech.convert.text_language import text_language
    from nuanced_speech.evaluate import report

    figures, source_contours, output_contours = report.measure(
        conversion.source,
        written,
        converter.models.transcriber,
        conversion.seconds,
        target_text=options.text,
        target_language=None if options.text is None else text_language(options, conversion.language),
        language=options.language,
        target=_target(converter, options),
        overlaps=conversion.overlaps,
    )
    sheet, plot = report.write(folder, name, conversion.source, written, figures, source_contours, output_contours)
    console.print(_figures_table(figures, conversion.overlap_times))
    console.print(f"report: {sheet}\nplot: {plot}", markup=False, highlight=False)


def _target(converter: "AnyConverter", options: "ConversionOptions") -> "np.ndarray | None":
    """Speech ``[T]`` of the voice that was asked for: its recording, or a sentence in it; None for the source's own."""
    from nuanced_speech import audio
    from nuanced_speech.convert.options import is_recording
    from nuanced_speech.synthesis.sample import sentence_for
    from nuanced_speech.synthesis.text_to_speech import TextToSpeech
    from nuanced_speech.voice.voice import Voice as LoadedVoice

    if options.voice is None:
        return None
    if is_recording(options.voice):
        return audio.read(str(options.voice))
    voice = LoadedVoice.load(options.voice)
    sentence, language = sentence_for(voice)
    return TextToSpeech(converter.models, decoder=converter.decoder).speak(sentence, voice, language)


def _figures_table(figures: "Measures", overlaps: str) -> Table:
    table = Table(show_header=False)
    table.add_row("source says", figures.source_transcript)
    table.add_row("output says", figures.output_transcript)
    table.add_row("WER", f"{figures.wer:.1%}")
    table.add_row("log-F0 correlation", f"{figures.f0_correlation:.3f}")
    table.add_row("energy correlation", f"{figures.energy_correlation:.3f}")
    similarity = figures.speaker_similarity
    table.add_row(
        "speaker similarity to the source", "install the evaluate extra" if similarity is None else f"{similarity:.3f}"
    )
    if figures.target_similarity is not None:
        table.add_row("speaker similarity to the target", f"{figures.target_similarity:.3f}")
    table.add_row("RTF", f"{figures.rtf:.2f}")
    if overlaps:
        table.add_row("two people at once", overlaps)
    return table
