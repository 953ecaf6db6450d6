"""``GET /v1/models``: the names of models that clients may send."""

from typing import Any

from fastapi import APIRouter

from nuanced_speech.serve.errors import ApiError
from nuanced_speech.serve.services import Services

# A fixed moment: the models are as old as this list.
CREATED = 1_735_689_600
SPEECH = ("nuanced-speech", "kokoro", "tts-1", "tts-1-hd", "gpt-4o-mini-tts")
CONVERSION = ("eleven_multilingual_sts_v2", "eleven_english_sts_v2")


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter()
    names = (*SPEECH, "whisper-1", f"whisper-{services.config.whisper}", *CONVERSION)

    @routes.get("/v1/models", tags=["models"])
    async def models() -> dict[str, Any]:
        """List all models."""
        return {"object": "list", "data": [_shown(name) for name in dict.fromkeys(names)]}

    @routes.get("/v1/models/{model}", tags=["models"])
    async def model(model: str) -> dict[str, Any]:
        """One model."""
        if model not in names:
            raise ApiError(404, f"there is no model {model[:60]!r}", "model", "model_not_found")
        return _shown(model)

    return routes


def _shown(name: str) -> dict[str, Any]:
    """A model in OpenAI's shape, with what ElevenLabs' clients read beside it."""
    return {
        "id": name, "object": "model", "created": CREATED, "owned_by": "nuanced-speech", "model_id": name,
        "name": name, "can_do_text_to_speech": name in SPEECH, "can_do_voice_conversion": name in CONVERSION,
    }  # fmt: skip
