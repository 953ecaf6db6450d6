"""Compile the text-normalisation grammars: python benchmarks/text_grammars.py nuanced_speech/data/grammars en es fr ...

It needs pynini==2.1.7, nemo_text_processing==1.2.0 (--no-deps) and sacremoses, which nothing else here does, and one to
ten minutes a language. The transducers are written as OpenFst's ConstFst, which loads in a twentieth of a second.
"""

import lzma
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import kaldifst

ROOT = "nemo_text_processing.text_normalization"


def compile_grammars(language: str, folder: Path) -> None:
    """Write the tagger and the verbaliser of a language."""
    tagger = import_module(f"{ROOT}.{language}.taggers.tokenize_and_classify").ClassifyFst
    verbalizer = import_module(f"{ROOT}.{language}.verbalizers.verbalize_final").VerbalizeFinalFst
    grammars = {"tagger": tagger(input_case="cased", deterministic=True), "verbalizer": verbalizer(deterministic=True)}
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "grammar.fst"
        for name, grammar in grammars.items():
            grammar.fst.write(str(path))
            kaldifst.StdConstFst(kaldifst.StdFst.read(str(path))).write(str(path))
            packed = folder / f"{language}_{name}.fst.xz"
            packed.write_bytes(lzma.compress(path.read_bytes(), preset=6))
            print(f"{packed}: {packed.stat().st_size / 1e6:.2f} MB, unpacked {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    for code in sys.argv[2:]:
        compile_grammars(code, Path(sys.argv[1]))
