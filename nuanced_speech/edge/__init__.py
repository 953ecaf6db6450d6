"""Conversion on small machines: ONNX Runtime, NumPy and the folder that ``nuanced-speech export onnx`` makes.

Nothing here imports PyTorch, Whisper, librosa, SciPy or soxr; soundfile is needed for files only.
"""

from nuanced_speech.edge.converter import EdgeConversion, EdgeConverter

__all__ = ["EdgeConversion", "EdgeConverter"]
