"""A model behind an endpoint that answers well or badly: what is an answer, what is kept, what is asked again."""

from __future__ import annotations

import base64
import io
import json
import time
from dataclasses import replace

import numpy as np
import pytest

from tenfold.chat.client import Spent
from tenfold.chat.errors import BudgetSpent, NotAuthorised
from tenfold.chat.messages import Message, Sampling
from tenfold.chat.transcript import Transcript
from tenfold.mmr import chat_model
from tenfold.mmr.chat_model import ChatModel, QueryImage
from tenfold.mmr.endpoint_model import endpoint_model
from tenfold.mmr.predictions import Prediction
from tenfold.mmr.prompts import queries_of
from tenfold.mmr.queries import Query
from tests.tenfold.chat.conftest import Call
from tests.tenfold.mmr import small_items


def text_of(call: Call) -> str:
    """Return the text of the last message."""
    content = call.asked["messages"][-1]["content"]
    return content if isinstance(content, str) else content[-1]["text"]


def model_at(book, **more) -> ChatModel:
    made = endpoint_model(book.address, "m", **{"tries": 2, **more})
    return replace(made, backend=replace(made.backend, pause=0.01))


def plain(count: int) -> list[Query]:
    return [Query(f"q{number}", "font_size", f"Which, {number}?", f"Which, {number}?") for number in range(count)]


def test_the_image_goes_as_base64_beside_the_prompt(serve, items):
    book = serve(lambda call: call.say("2"))
    queries = list(queries_of(items.only([0]), style="official_system"))
    (found,) = model_at(book).answer(queries)
    system, user = book.requests[0]["messages"]
    image, text = user["content"]
    assert found == Prediction(queries[0].key, "2") and text == {"type": "text", "text": queries[0].prompt}
    assert system == {"role": "system", "content": queries[0].system} and book.requests[0]["temperature"] == 0
    head, data = image["image_url"]["url"].split(",")
    assert head == "data:image/png;base64"
    from PIL import Image

    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))), queries[0].image)


def test_images_can_be_sent_as_jpeg(serve, items):
    book = serve(lambda call: call.say("2"))
    model_at(book, jpeg=60).answer(list(queries_of(items.only([0]))))
    assert book.requests[0]["messages"][0]["content"][0]["image_url"]["url"].startswith("data:image/jpeg;base64,/9j/")


@pytest.mark.parametrize(
    ("act", "status", "why"),
    [
        (lambda call: call.say(None), "empty", "an empty reply"),
        (lambda call: call.say("  \n"), "empty", "an empty reply"),
        (lambda call: call.say("", "length"), "cut", "raise max_tokens"),
        (lambda call: call.say("The answer is", "length"), "cut", "cut off at the longest reply"),
        (lambda call: call.say("2", "error"), "failed", "ended the reply with an error"),
        (lambda call: call.say("2", "content_filter"), "failed", "a content filter took the reply"),
        (lambda call: call.send(400, {"error": {"message": "no images, please"}}), "failed", "no images, please"),
        (lambda call: call.send(500, {"error": {"message": "out of memory"}}), "failed", "out of memory"),
        (lambda call: call.send(200, {"error": {"message": "upstream is down"}}), "failed", "upstream is down"),
    ],
    ids=["null", "blank", "cut empty", "cut", "error", "filtered", "400", "500", "200 with an error"],
)
def test_what_is_no_answer_is_recorded_as_such(serve, tmp_path, act, status, why):
    """Symptom 4: none of these is scored, and none is kept as an answer."""
    book = serve(act)
    with Transcript(tmp_path / "transcript.jsonl") as kept:
        (found,) = model_at(book, transcript=kept).answer(plain(1))
        assert (found.status, found.answer) == (status, None) and why in found.why
        replies = [kept.get(json.loads(line)["key"]) for line in kept.path.read_text().splitlines()]
        assert all(reply.finish_reason == "length" for reply in replies)


def test_after_two_nulls_of_fifty_two_are_asked(serve, tmp_path):
    """Symptom 4: 48 of 50 are stored, 2 are null."""
    broken = True

    def act(call: Call) -> None:
        call.say(None if broken and text_of(call) in ("Which, 7?", "Which, 31?") else f"Answer: {text_of(call)}")

    book, queries = serve(act), plain(50)
    with Transcript(tmp_path / "transcript.jsonl") as kept:
        first = model_at(book, transcript=kept, tries=1).answer(queries)
        assert len(kept) == 48 and [one.key for one in first if one.status == "empty"] == ["q7", "q31"]
    broken, before = False, len(book.requests)
    with Transcript(tmp_path / "transcript.jsonl") as kept:
        found = model_at(book, transcript=kept).answer(queries)
    assert len(book.requests) - before == 2
    assert len({one.key for one in found}) == 50 and all(one.status == "answered" for one in found)


def test_a_badly_formatted_reply_is_an_answer_and_is_kept(serve, tmp_path):
    """Symptom 5: at temperature 0 it would come again."""
    book = serve(lambda call: call.say("I cannot tell from this image."))
    with Transcript(tmp_path / "transcript.jsonl") as kept:
        model = model_at(book, transcript=kept)
        first = model.answer(plain(3))
        assert model.answer(plain(3)) == first and len(book.requests) == 3
        assert [one.status for one in first] == ["answered"] * 3
        again = model.ask_again(plain(3), [one.reply for one in first])
        assert len(book.requests) == 6 and [one.key for one in again] == ["q0", "q1", "q2"]
        assert model.ask_again(plain(3), [one.reply for one in first]) == again and len(book.requests) == 6
    roles = [message["role"] for message in book.requests[-1]["messages"]]
    assert roles == ["user", "assistant", "user"]
    assert book.requests[-1]["messages"][1]["content"] == "I cannot tell from this image."


def test_a_rate_limit_is_waited_for_and_a_refusal_is_final(serve):
    """Symptom 8."""

    def limited(call: Call) -> None:
        if sum(call.server.book.tries.values()) == 1:
            call.send(429, {"error": {"message": "slow down"}}, Retry_After="2")
        else:
            call.say("3")

    book, began = serve(limited), time.monotonic()
    assert model_at(book).answer(plain(1))[0].answer == "3" and time.monotonic() - began >= 2
    refusing = serve(lambda call: call.send(400, {"error": {"message": "bad request"}}))
    assert model_at(refusing, tries=6).answer(plain(1))[0].status == "failed" and len(refusing.requests) == 1


def test_a_wrong_key_ends_all_by_the_variables_name(serve, monkeypatch):
    monkeypatch.setenv("MMR_KEY", "sk-never-shown-to-anyone")
    book = serve(lambda call: call.send(401, {"error": {"message": "sk-never-shown-to-anyone is wrong"}}))
    with pytest.raises(NotAuthorised, match="MMR_KEY") as error:
        model_at(book, key_variable="MMR_KEY", concurrency=1).answer(plain(5))
    assert "sk-never" not in str(error.value) and len(book.requests) == 1


def test_a_budget_of_ten_stops_at_ten_and_the_rest_comes_later(serve, tmp_path):
    book = serve(lambda call: call.say("1"))
    with Transcript(tmp_path / "transcript.jsonl") as kept:
        with pytest.raises(BudgetSpent):
            model_at(book, transcript=kept, spent=Spent(most_calls=10)).answer(plain(15))
        assert len(book.requests) == 10 == len(kept)
        assert len(model_at(book, transcript=kept).answer(plain(15))) == 15 == len(book.requests)


def test_each_thing_that_a_reply_depends_on_makes_another_call(serve, items, tmp_path, monkeypatch):
    """Trap 10: image, prompt, model, revision, decoding, how the image is sent, version of the adapter."""
    book = serve(lambda call: call.say("1"))
    (query,) = queries_of(items.only([0]))
    image = query.image.copy()
    image[0, 0, 0] ^= 1
    with Transcript(tmp_path / "transcript.jsonl") as kept:

        def asked(query: Query = query, **more) -> int:
            """Return how many requests a query makes."""
            before = len(book.requests)
            model_at(book, transcript=kept, **more).answer([query])
            return len(book.requests) - before

        assert asked() == 1 and asked() == 0
        assert asked(replace(query, key="another", width=1)) == 0  # the endpoint is told neither
        assert asked(replace(query, image=image)) == 1
        assert asked(replace(query, prompt=f"{query.prompt} ")) == 1
        assert asked(replace(query, system="Be short.")) == 1
        assert asked(revision="2026-11-30") == 1
        assert asked(sampling=Sampling(max_tokens=801)) == 1
        assert asked(sampling=Sampling(max_tokens=800, temperature=0.5)) == 1
        assert asked(jpeg=75) == 1
        monkeypatch.setattr(chat_model, "ADAPTER", chat_model.ADAPTER + 1)
        assert asked() == 1 and asked() == 0
    assert endpoint_model("http://a/v1", "m").identity() != endpoint_model("http://a/v1", "n").identity()


def test_an_image_is_known_by_its_pixels_and_encoded_when_it_is_sent():
    pixels = np.zeros((4, 5, 3), dtype=np.uint8)
    one, same = QueryImage(pixels, "digest"), QueryImage(pixels.copy(), "digest")
    assert one == same and hash(one) == hash(same) and one.data.startswith(b"\x89PNG")
    jpeg = QueryImage(pixels, "digest", 50)
    assert jpeg != one and jpeg.sha256 != one.sha256 and (jpeg.media_type, jpeg.data[:2]) == ("image/jpeg", b"\xff\xd8")
    described = Message("user", "text", (one,)).described()
    assert described["images"] == [{"media_type": "image/png", "sha256": "digest"}]


def test_nothing_of_an_item_but_image_question_and_prompt_is_sent(serve, items):
    """Trap 11, over the wire."""
    book = serve(lambda call: call.say("1"))
    rows = [
        replace(
            one,
            answer="2" if one.answer in "1234" else one.answer,
            url="http://secret",
            band="secret-band",
            layout="secret-layout",
            also=("secret-also",),
        )
        for one in items.rows
        if one.task != "grounding_o"
    ]
    model_at(book).answer(list(queries_of(type(items)("s", tuple(rows), items.folder))))
    sent = json.dumps([[part for part in request["messages"]] for request in book.requests])
    assert "secret" not in sent and not any(small_items.ANSWERS[task] in sent for task in small_items.ANSWERS)
    assert not any(one.key in sent or one.file in sent for one in rows)
