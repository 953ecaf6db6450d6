"""``/v1/realtime``, an answer that is interrupted: the question is kept, and of the answer what was spoken."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
from helpers import CLIP
from serve.conversing import Scripted, Talk, talking

from nuanced_speech import audio
from nuanced_speech.serve.realtime_settings import RealtimeLimits


def test_what_was_spoken_before_a_cancel_is_remembered(tmp_path: Path) -> None:
    async def work(talk: Talk) -> None:
        await talk.ask("Who?")
        await talk.until("response.output_audio.delta")
        await talk.send("response.cancel")
        assert (await talk.until("response.done"))["response"]["status"] == "cancelled"
        assert talk.turns == [("Who?", "One, two.")]
        talk.replier.endless = False
        await talk.ask("And where?")
        await talk.until("response.done")
        assert talk.turns == [("Who?", "One, two."), ("And where?", "One, two. Three.")]

    replier = Scripted()
    talking(replier, tmp_path, work)
    messages = replier.asked[1][1].messages("And where?", "")
    assert [message.content for message in messages[1:]] == ["Who?", "One, two.", "And where?"]


@pytest.mark.parametrize("how", ["at once", "after its first word", "failed"])
def test_a_question_without_a_spoken_answer_is_still_to_be_answered(tmp_path: Path, how: str) -> None:
    async def work(talk: Talk) -> None:
        await talk.ask("Who?")
        if how == "after its first word":
            await talk.until("response.output_audio_transcript.delta")
        if how != "failed":
            await talk.send("response.cancel")
        done = await talk.until("response.done")
        assert done["response"]["status"] == ("failed" if how == "failed" else "cancelled")
        assert talk.turns == []
        talk.replier.silent = talk.replier.endless = talk.replier.broken = False
        await talk.send("response.create")
        await talk.until("response.done")
        assert talk.turns == [("Who?", "One, two. Three.")]

    talking(Scripted(silent=True, broken=how == "failed"), tmp_path, work)


def test_who_speaks_into_an_answer_interrupts_it(tmp_path: Path) -> None:
    async def work(talk: Talk) -> None:
        await talk.ask("Who?")
        await talk.until("response.output_audio.delta")
        clip = audio.read(CLIP)
        for wave in (clip[: len(clip) // 2], np.zeros(audio.SAMPLE_RATE, np.float32)):
            for at in range(0, len(wave), 4800):
                sound = audio.to_int16(wave[at : at + 4800]).astype("<i2").tobytes()
                await talk.send("input_audio_buffer.append", audio=base64.b64encode(sound).decode())
        await talk.until("input_audio_buffer.speech_started")
        done = (await talk.until("response.done"))["response"]
        assert (done["status"], done["status_details"]["reason"]) == ("cancelled", "turn_detected")
        assert talk.turns[0] == ("Who?", "One, two.")
        # the words that were spoken into it are the next question
        await talk.until("response.output_audio.delta")
        question, conversation, _ = talk.replier.asked[1]
        assert question.text == "Who is there?" and conversation.turns[0].answer == "One, two."

    talking(Scripted(), tmp_path, work)


@pytest.mark.parametrize("late", [False, True])
def test_what_a_client_did_not_play_is_forgotten(tmp_path: Path, late: bool) -> None:
    async def work(talk: Talk) -> None:
        talk.replier.endless = not late
        await talk.ask("Who?")
        item = (await talk.until("response.output_audio.delta"))["item_id"]
        if late:
            await talk.until("response.done")
        await talk.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=500)
        assert (await talk.until("conversation.item.truncated"))["audio_end_ms"] == 500
        if not late:
            await talk.send("response.cancel")
            await talk.until("response.done")
        assert talk.turns == [("Who?", "One,")]
        for wrong in ("soon", -1, 10**400):
            await talk.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=wrong)
            assert "give milliseconds" in (await talk.until("error"))["error"]["message"]

    talking(Scripted(), tmp_path, work)


def test_of_many_questions_the_newest_wait(tmp_path: Path) -> None:
    async def work(talk: Talk) -> None:
        sound = base64.b64encode(bytes(2 * 4800)).decode()
        await talk.send("session.update", session={"turn_detection": None})
        for text in ("One?", "Two?"):
            item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
            await talk.send("conversation.item.create", item=item)
        await talk.send("input_audio_buffer.append", audio=sound)
        await talk.send("input_audio_buffer.commit")
        await talk.send("conversation.item.create", item=item)
        await talk.send("response.create")
        await talk.until("response.done")
        assert [question.text for question, _, _ in talk.replier.asked] == ["Who is there? Two?"]

    talking(Scripted(endless=False), tmp_path, work, RealtimeLimits(most_open=2))
