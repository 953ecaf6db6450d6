"""Whisper from a CTranslate2 ``model.bin`` (spec WhisperSpec), back to openai-whisper's names.

The file is a flat list of named arrays: a header, the variables, then aliases of variables that are shared. CTranslate2
stacks the projections that it multiplies at once: query, key and value of self-attention; key and value of
cross-attention.
"""

import struct

import numpy as np

SPEC = "WhisperSpec"
_DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}

_NORM = {"gamma": "weight", "beta": "bias"}
_PLAIN = {"weight": "weight", "bias": "bias"}


class _Reader:
    """Little-endian fields one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data, self.position = data, 0

    def number(self, code: str) -> int:
        (value,) = struct.unpack_from("<" + code, self.data, self.position)
        self.position += struct.calcsize("<" + code)
        return value

    def bytes(self, count: int) -> memoryview:
        if self.position + count > len(self.data):
            raise ValueError(f"the file ends {self.position + count - len(self.data)} bytes too early")
        piece = memoryview(self.data)[self.position : self.position + count]
        self.position += count
        return piece

    def string(self) -> str:
        return bytes(self.bytes(self.number("H"))).rstrip(b"\0").decode()


def parse(data: bytes) -> dict[str, np.ndarray]:
    """All variables of a CTranslate2 model file, aliases included, without copying them.

    Raises:
        ValueError: not a whole WhisperSpec file, or a dtype that is not known.
    """
    reader = _Reader(data)
    try:
        reader.number("I")  # version of the container, 6 where this was checked
        spec = reader.string()
        if spec != SPEC:
            raise ValueError(f"the file holds a {spec!r}, not a {SPEC}")
        reader.number("I")  # revision of the spec, 3 where this was checked
        variables: dict[str, np.ndarray] = {}
        for _ in range(reader.number("I")):
            name = reader.string()
            shape = [reader.number("I") for _ in range(reader.number("B"))]
            dtype = reader.number("B")
            if dtype not in _DTYPES:
                raise ValueError(f"variable {name} has dtype {dtype}, which is not known")
            variables[name] = np.frombuffer(reader.bytes(reader.number("I")), _DTYPES[dtype]).reshape(shape)
        for _ in range(reader.number("I")):
            alias, name = reader.string(), reader.string()
            variables[alias] = variables[name]
    except (struct.error, UnicodeDecodeError) as error:
        raise ValueError(f"not a CTranslate2 model file ({error})") from None
    return variables


def convert(data: bytes) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """State dict and dimensions of ``whisper.model.Whisper`` from the bytes of ``model.bin``.

    Returns:
        float16 arrays by state-dict name (views of ``data`` where it holds float16 already), and the fields of
        ``whisper.model.ModelDimensions``. Which heads follow the audio is not in the file: openai-whisper has the
        table by model name.

    Raises:
        ValueError: not a Whisper model in floating point, or one that openai-whisper cannot express.
    """
    variables = parse(data)
    state: dict[str, np.ndarray] = {}

    def copy(source: str, target: str, names: dict[str, str]) -> None:
        for theirs, ours in names.items():
            state[f"{target}.{ours}"] = variables[f"{source}/{theirs}"]

    def split(source: str, target: str, projections: tuple[str, ...]) -> None:
        """Undo a stack of projections along the output axis."""
        weights = np.split(variables[f"{source}/weight"], len(projections))
        biases = np.split(variables[f"{source}/bias"], len(projections))
        for projection, weight, bias in zip(projections, weights, biases, strict=True):
            state[f"{target}.{projection}.weight"] = weight
            if projection != "key":
                state[f"{target}.{projection}.bias"] = bias
            elif bias.any():
                raise ValueError(f"{source} has a key bias, which openai-whisper has not")

    def attention(source: str, target: str, stacks: tuple[tuple[str, ...], ...]) -> None:
        for number, projections in enumerate(stacks):
            split(f"{source}/linear_{number}", target, projections)
        copy(f"{source}/layer_norm", f"{target}_ln", _NORM)

    layers = {}
    for side in ("encoder", "decoder"):
        layers[side] = sum(name.startswith(side) and name.endswith("/ffn/linear_0/weight") for name in variables)
        for number in range(layers[side]):
            source, target = f"{side}/layer_{number}", f"{side}.blocks.{number}"
            attention(f"{source}/self_attention", f"{target}.attn", (("query", "key", "value"), ("out",)))
            if side == "decoder":
                attention(f"{source}/attention", f"{target}.cross_attn", (("query",), ("key", "value"), ("out",)))
            copy(f"{source}/ffn/layer_norm", f"{target}.mlp_ln", _NORM)
            copy(f"{source}/ffn/linear_0", f"{target}.mlp.0", _PLAIN)
            copy(f"{source}/ffn/linear_1", f"{target}.mlp.2", _PLAIN)
        state[f"{side}.positional_embedding"] = variables[f"{side}/position_encodings/encodings"]
    copy("encoder/conv1", "encoder.conv1", _PLAIN)
    copy("encoder/conv2", "encoder.conv2", _PLAIN)
    copy("encoder/layer_norm", "encoder.ln_post", _NORM)
    copy("decoder/layer_norm", "decoder.ln", _NORM)
    state["decoder.token_embedding.weight"] = variables["decoder/embeddings/weight"]

    for name, value in state.items():
        if value.dtype.kind != "f":
            raise ValueError(f"{name} is quantised to {value.dtype}: use a float16 model")
    dims = _dimensions(state, variables, layers)
    return {name: value.astype(np.float16, copy=False) for name, value in state.items()}, dims


def _dimensions(
    state: dict[str, np.ndarray], variables: dict[str, np.ndarray], layers: dict[str, int]
) -> dict[str, int]:
    """The fields of ``whisper.model.ModelDimensions``; ``layers`` has the number of layers of each side."""
    audio_context, audio_state = state["encoder.positional_embedding"].shape
    text_context, text_state = state["decoder.positional_embedding"].shape
    return {
        "n_mels": state["encoder.conv1.weight"].shape[1],
        "n_audio_ctx": audio_context,
        "n_audio_state": audio_state,
        "n_audio_head": int(variables["encoder/num_heads"]),
        "n_audio_layer": layers["encoder"],
        "n_vocab": state["decoder.token_embedding.weight"].shape[0],
        "n_text_ctx": text_context,
        "n_text_state": text_state,
        "n_text_head": int(variables["decoder/num_heads"]),
        "n_text_layer": layers["decoder"],
    }
