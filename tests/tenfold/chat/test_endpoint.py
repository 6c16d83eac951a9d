"""Endpoints: what is tried again, what is final, what ends all; nothing that failed is an answer."""

from __future__ import annotations

import base64
import re
import socket
import threading
import time
from contextlib import suppress
from email.utils import formatdate

import pytest

from tenfold.chat import (
    Client,
    Endpoint,
    Failure,
    Image,
    InvalidMessage,
    Message,
    NotAuthorised,
    Reply,
    Sampling,
    Unreachable,
    WrongEndpoint,
)
from tenfold.chat.endpoint import _seconds
from tests.tenfold.chat.conftest import Book, Call, slowly

SAMPLING = Sampling()


def say(*texts: str) -> list[list[Message]]:
    return [[Message("user", text)] for text in texts]


def endpoint(book: Book, **more) -> Endpoint:
    return Endpoint(book.address, "m", **{"pause": 0.01, **more})


def echo(call: Call) -> None:
    call.say(f"you said {call.words}")


def test_replies_come_in_order_with_their_tokens(serve):
    book = serve(slowly(0.05))
    client = Client(endpoint(book, concurrency=4))
    replies = client.generate(say(*"abcdefgh"), Sampling(temperature=0.5, max_tokens=9, seed=3, stop=("\n",)))
    assert replies == [Reply(f"you said {word}", "stop", 7, 3) for word in "abcdefgh"]
    assert (client.spent.calls, client.spent.prompt_tokens, client.spent.completion_tokens) == (8, 56, 24)
    assert 1 < book.most_at_once <= 4
    asked = book.requests[0]
    assert (asked["model"], asked["temperature"], asked["max_tokens"], asked["seed"]) == ("m", 0.5, 9, 3)
    assert asked["stop"] == ["\n"] and "top_p" not in asked


def test_images_go_as_base64_parts_before_the_text(serve):
    book = serve(lambda call: call.say("a dot"))
    Client(endpoint(book)).generate([[Message("user", "what is it?", (Image(b"PNG", "image/png"),))]], SAMPLING)
    image, text = book.requests[0]["messages"][0]["content"]
    assert image["image_url"]["url"] == "data:image/png;base64," + base64.b64encode(b"PNG").decode()
    assert text == {"type": "text", "text": "what is it?"}


def at_first(wrong, times: int = 2):
    """Answer wrongly as often as that, then well."""

    def act(call: Call) -> None:
        book = call.server.book
        wrong(call) if book.tries[call.words] <= times else echo(call)

    return act


def drip(call: Call) -> None:
    """Send a reply byte by byte: never silent for long, and never done."""
    call.send_response(200)
    call.send_header("Content-Type", "application/json")
    call.send_header("Content-Length", "400")
    call.end_headers()
    with suppress(OSError):
        for _ in range(40):
            call.wfile.write(b" ")
            call.wfile.flush()
            time.sleep(0.05)
    call.close_connection = True


PASSING = {
    "408": lambda call: call.send(408, {"error": {"message": "too slow"}}),
    "409": lambda call: call.send(409, {"error": {"message": "conflict"}}),
    "an error that is no JSON": lambda call: call.send(502, "<html>bad gateway</html>"),
    "cut-off JSON": lambda call: call.send(200, {"choices": [{"message": {"content": "half"}}]}, cut=9),
    "slow stream": drip,
    "429": lambda call: call.send(429, {"error": {"message": "slow down"}}),
    "500": lambda call: call.send(500, {"error": {"message": "oh"}}),
    "503": lambda call: call.send(503, {"error": {"message": "loading"}}),
    "broken JSON": lambda call: (
        call.send_response(200),
        call.send_header("Content-Length", "9"),
        call.send_header("Content-Type", "application/json"),
        call.end_headers(),
        call.wfile.write(b'{"choices'),
    ),
    "no JSON object": lambda call: call.send(200, ["what?"]),
    "no choices": lambda call: call.send(200, {"id": "1", "choices": []}),
    "choices by name": lambda call: call.send(200, {"choices": {"0": {"message": {"content": "text"}}}}),
    "a number of choices": lambda call: call.send(200, {"choices": 1}),
    "choices that are texts": lambda call: call.send(200, {"choices": ["text"]}),
    "a message that is a text": lambda call: call.send(200, {"choices": [{"message": "text"}]}),
    "JSON too deep to be read": lambda call: (
        call.send_response(200),
        call.send_header("Content-Length", "200000"),
        call.send_header("Content-Type", "application/json"),
        call.end_headers(),
        call.wfile.write(b"[" * 100_000 + b"]" * 100_000),
    ),
    "an error under status 200": lambda call: call.send(200, {"error": {"message": "quota"}}),
    "empty parts": lambda call: call.say([{"type": "text", "text": " "}, {"type": "thinking", "text": "hm"}, 5]),
    "empty content": lambda call: call.say(""),
    "null content": lambda call: call.say(None),
    "time-out": lambda call: (time.sleep(0.6), call.say("too late")),
    "closed connection": lambda call: call.connection.close(),
}


@pytest.mark.parametrize("wrong", PASSING.values(), ids=PASSING)
def test_what_passes_is_tried_again(serve, wrong):
    book = serve(at_first(wrong))
    assert Client(endpoint(book, timeout=0.4)).generate(say("hello"), SAMPLING) == [
        Reply("you said hello", "stop", 7, 3)
    ]
    assert book.tries["hello"] == 3


@pytest.mark.parametrize("wrong", [PASSING["500"], PASSING["empty content"], PASSING["broken JSON"]])
def test_what_does_not_pass_is_a_failure_and_no_answer(serve, wrong):
    book = serve(at_first(wrong, times=99))
    client = Client(endpoint(book, tries=3))
    (reply,) = client.generate(say("hello"), SAMPLING)
    assert isinstance(reply, Failure) and "in each of 3 tries" in reply.error
    assert book.tries["hello"] == 3 and client.spent.failed == 1


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ({"message": "you are over\nyour quota, sk-very-secret", "code": 429}, ": you are over your quota, …, in each"),
        ("over quota", ": over quota, in each"),
        ({"type": "overloaded"}, ": {'type': 'overloaded'}, in each"),
    ],
)
def test_what_is_said_under_status_200_stands_in_the_failure(serve, monkeypatch, error, says):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    book = serve(lambda call: call.send(200, {"error": error}))
    (reply,) = Client(endpoint(book, tries=2)).generate(say("a"), SAMPLING)
    assert isinstance(reply, Failure) and f"an error in the place of a reply{says} of 2 tries" in reply.error


def test_a_reply_in_parts_is_their_text(serve):
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "The "},
        {"type": "text", "text": "baker."},
    ]
    (reply,) = Client(endpoint(serve(lambda call: call.say(parts)))).generate(say("a"), SAMPLING)
    assert reply == Reply("The baker.", "stop", 7, 3)


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        ("n/a", (0, 0)),
        (["7", "3"], (0, 0)),
        ({"prompt_tokens": {"text": 7}, "completion_tokens": "3"}, (0, 0)),
        ({"prompt_tokens": float("inf"), "completion_tokens": float("nan")}, (0, 0)),
        ({"prompt_tokens": -7, "completion_tokens": 3}, (0, 3)),
        ({"prompt_tokens": 7.0, "completion_tokens": True}, (7, 0)),
        ({"prompt_tokens": 10**400, "completion_tokens": None}, (0, 0)),
        (None, (0, 0)),
    ],
)
def test_tokens_that_are_no_number_count_as_none_and_never_extend_a_budget(serve, usage, counted):
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "yes"}}
    book = serve(lambda call: call.send(200, {"choices": [choice], "usage": usage}))
    client = Client(endpoint(book))
    assert client.generate(say("a"), SAMPLING) == [Reply("yes", "stop", *counted)]
    assert (client.spent.prompt_tokens, client.spent.completion_tokens) == counted


def test_a_time_out_counts_the_whole_reply(serve):
    (reply,) = Client(endpoint(serve(drip), timeout=0.4, tries=1)).generate(say("hello"), SAMPLING)
    assert isinstance(reply, Failure) and "no answer within 0.4 s" in reply.error


def test_retry_after_is_obeyed(serve):
    book = serve(at_first(lambda call: call.send(429, {"error": {"message": "later"}}, Retry_After="0.5"), times=1))
    began = time.monotonic()
    Client(endpoint(book)).generate(say("hello"), SAMPLING)
    assert 0.5 <= time.monotonic() - began < 60


def test_retry_after_may_be_a_date():
    assert _seconds(formatdate(time.time() + 30, usegmt=True)) == pytest.approx(30, abs=2)
    assert _seconds(formatdate(0, usegmt=True)) == 0 and _seconds("2.5") == 2.5
    assert _seconds("soon") is None and _seconds(None) is None


def test_a_filtered_reply_is_refused_and_a_strange_reason_is_told(serve):
    def act(call: Call) -> None:
        reason = call.words
        call.say(None if reason == "content_filter" else "text", reason if reason != "none" else None)

    book = serve(act)
    filtered, strange, none = Client(endpoint(book)).generate(say("content_filter", "eos_token", "none"), SAMPLING)
    assert isinstance(filtered, Failure) and "a content filter took the reply" in filtered.error
    assert (strange.finish_reason, none.finish_reason) == ("eos_token", "stop")
    assert set(book.tries.values()) == {1}


def test_a_refused_call_is_final_and_the_others_go_on(serve):
    def act(call: Call) -> None:
        if call.words == "bad":
            call.send(400, {"error": {"message": "no such parameter"}})
        elif call.words == "long":
            call.send(400, {"error": {"message": "This model's maximum context length is 8 tokens, but 9 were asked"}})
        elif call.words == "rude":
            call.say(None, refusal="I will not")
        else:
            echo(call)

    book = serve(act)
    bad, good, long, rude = Client(endpoint(book)).generate(say("bad", "good", "long", "rude"), SAMPLING)
    assert good == Reply("you said good", "stop", 7, 3)
    assert bad == Failure("Refused: m: Error code: 400 - no such parameter")
    assert isinstance(long, Failure) and long.error.startswith("ContextTooLong: m:") and "8 tokens" in long.error
    assert isinstance(rude, Failure) and "I will not" in rude.error
    assert set(book.tries.values()) == {1}


def test_a_cut_off_reply_says_so(serve):
    book = serve(lambda call: call.say("and then", "length"))
    assert Client(endpoint(book)).generate(say("tell me"), SAMPLING)[0].finish_reason == "length"


def test_a_wrong_key_ends_all_and_stands_in_no_message(serve, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    book = serve(lambda call: call.send(401, {"error": {"message": "wrong key: sk-very-secret"}}))
    with pytest.raises(NotAuthorised, match="status 401; set OPENAI_API_KEY") as caught:
        Client(endpoint(book, concurrency=1)).generate(say(*map(str, range(50))), SAMPLING)
    assert len(book.requests) == 1 and "sk-very-secret" not in str(caught.value)
    assert book.headers[0]["authorization"] == "Bearer sk-very-secret"
    refuses = serve(lambda call: call.send(400, {"error": {"message": "sk-very-secret is unknown"}}))
    (reply,) = Client(endpoint(refuses)).generate(say("a"), SAMPLING)
    assert isinstance(reply, Failure) and "sk-very-secret" not in reply.error


def test_a_wrong_address_or_model_ends_all(serve):
    book = serve(lambda call: call.send(404, {"error": {"message": "model not found"}}))
    with pytest.raises(WrongEndpoint, match="knows no model 'm'"):
        Client(endpoint(book, concurrency=1)).generate(say("a", "b"), SAMPLING)
    assert len(book.requests) == 1


def test_an_early_end_does_not_wait_for_slow_replies(serve):
    closed, answered = threading.Event(), []

    def act(call: Call) -> None:
        if call.words != "quick":
            closed.wait(300)
            answered.append(call.words)
        echo(call)

    replies = endpoint(serve(act), timeout=600).replies(iter(enumerate(say("slow", "quick"))), SAMPLING)
    assert next(replies) == (1, Reply("you said quick", "stop", 7, 3))
    replies.close()
    assert not answered
    closed.set()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Message("robot", "hello"),
        lambda: Message("user", ""),
        lambda: Sampling(temperature=-1),
        lambda: Sampling(temperature=float("nan")),
        lambda: Sampling(top_p=0),
        lambda: Sampling(max_tokens=0),
    ],
)
def test_ill_formed_messages_are_refused(make):
    with pytest.raises(InvalidMessage):
        make()


def test_an_address_at_which_nothing_ever_answered_ends_all_soon():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/v1"  # bound, and nobody listens
        told: list[str] = []
        with pytest.raises(Unreachable, match=f"nobody answers at {re.escape(address)} .*is the server running"):
            Client(Endpoint(address, "m", concurrency=1, pause=0.01, told=told.append)).generate(say(*"abc"), SAMPLING)
        assert len(told) == 2  # of six tries three, and of the first call alone


def test_an_address_that_has_answered_is_waited_for(serve):
    book = serve(echo)
    client = Client(endpoint(book, tries=3, told=(told := []).append))
    client.generate(say("hello"), SAMPLING)
    book.close()
    (reply,) = client.generate(say("again"), SAMPLING)
    assert isinstance(reply, Failure) and "in each of 3 tries" in reply.error
    assert [re.sub(r".*; ", "", line) for line in told] == ["try 2 of 3 in 0.0 s", "try 3 of 3 in 0.0 s"]


def test_an_address_without_its_end_is_asked_about(serve):
    book = serve(lambda call: call.send(404, {"error": {"message": "not found"}}))
    with pytest.raises(WrongEndpoint, match="does the address end in /v1"):
        Client(Endpoint(book.address.removesuffix("/v1"), "m")).generate(say("a"), SAMPLING)
    with pytest.raises(WrongEndpoint, match=r"not found'?\}?\)$"):
        Client(Endpoint(book.address, "m")).generate(say("a"), SAMPLING)


def test_a_reply_that_is_cut_before_its_first_word_is_final(serve):
    book = serve(lambda call: call.say("", finish_reason="length"))
    (reply,) = Client(endpoint(book)).generate(say("a"), SAMPLING)
    assert isinstance(reply, Failure) and "cut before it said a word" in reply.error and len(book.requests) == 1


def test_a_pause_that_is_too_long_is_not_waited_for(serve):
    said = {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}
    book = serve(lambda call: call.send(429, said, Retry_After="99999"))
    (reply,) = Client(endpoint(book)).generate(say("a"), SAMPLING)
    assert len(book.requests) == 1
    assert isinstance(reply, Failure) and reply.error.startswith("GaveUp: m at http://127.0.0.1:")
    assert "a pause of 99,999 s" in reply.error and "insufficient_quota" in reply.error


@pytest.mark.parametrize("status", [429, 500])
def test_what_the_endpoint_says_stands_in_the_failure(serve, status):
    book = serve(lambda call: call.send(status, {"error": {"message": "no quota", "code": "insufficient_quota"}}))
    (reply,) = Client(endpoint(book, tries=2)).generate(say("a"), SAMPLING)
    assert isinstance(reply, Failure) and f"status {status}: " in reply.error
    assert "insufficient_quota" in reply.error and "in each of 2 tries" in reply.error


def test_a_key_stands_in_no_reply_and_no_refusal(serve, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    book = serve(
        lambda call: call.say("it is sk-very-secret") if call.words == "a" else call.say(None, refusal="sk-very-secret")
    )
    echoed, refused = Client(endpoint(book)).generate(say("a", "b"), SAMPLING)
    assert echoed.text == "it is …"
    assert isinstance(refused, Failure) and refused.error == "Refused: the model declines: …"
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    (plain,) = Client(endpoint(serve(lambda call: call.say("none of them")))).generate(say("a"), SAMPLING)
    assert plain.text == "none of them"


def test_a_key_stands_in_no_reason_and_no_code(serve, monkeypatch):
    """As where a gateway echoes what it was sent."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    said = {"error": {"message": "no", "code": "Bearer sk-very-secret"}}
    book = serve(lambda call: call.say("yes", "Bearer sk-very-secret") if call.words == "a" else call.send(400, said))
    echoed, refused = Client(endpoint(book)).generate(say("a", "b"), SAMPLING)
    assert echoed.finish_reason == "Bearer …"
    assert isinstance(refused, Failure) and "(Bearer …)" in refused.error and "secret" not in refused.error
    monkeypatch.setenv("OPENAI_API_KEY", "length")
    (cut,) = Client(endpoint(serve(lambda call: call.say("and", "length")))).generate(say("a"), SAMPLING)
    assert cut.finish_reason == "length"


@pytest.mark.parametrize("key", ["sk very-secret", "sk-very-secret\n", " sk-very-secret", "sk-very-secrét"])
def test_a_key_that_no_header_holds_is_refused_by_the_name_of_its_variable(serve, monkeypatch, key):
    monkeypatch.setenv("MY_KEY", key)
    book = serve(echo)
    with pytest.raises(NotAuthorised, match=r"^MY_KEY holds white space") as caught:
        Client(endpoint(book, key_variable="MY_KEY")).generate(say("a"), SAMPLING)
    assert not book.requests and "secr" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "http://ann:sk-very-secret@host/v1",
        "http://sk-very-secret@host/v1",
        "https://host/v1?api_key=sk-very-secret",
        "https://host/v1#sk-very-secret",
    ],
)
def test_a_key_in_the_address_is_refused_and_not_repeated(address):
    with pytest.raises(WrongEndpoint, match=r"base_url at host: .* keys come from the environment") as caught:
        Endpoint(address, "m")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["", "localhost:8000/v1", "host/v1", "http:///v1", "ftp://host/v1", "http://[host/v1"]
)
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(WrongEndpoint, match="an address begins with http://"):
        Endpoint(address, "m")


def page(call: Call) -> None:
    data = b"\n<!doctype html><title>Welcome</title>"
    call.send_response(200)
    call.send_header("Content-Type", "text/html")
    call.send_header("Content-Length", str(len(data)))
    call.end_headers()
    call.wfile.write(data)


def test_a_page_in_the_place_of_the_protocol_ends_all_unless_it_has_answered_before(serve):
    book = serve(page)
    with pytest.raises(WrongEndpoint, match="answers with a page and not with the protocol"):
        Client(endpoint(book, concurrency=1)).generate(say("a", "b"), SAMPLING)
    assert len(book.requests) == 1
    later = serve(lambda call: echo(call) if call.words == "a" else page(call))
    first, second = Client(endpoint(later, concurrency=1, tries=2)).generate(say("a", "b"), SAMPLING)
    assert first.text == "you said a" and later.tries["b"] == 2
    assert isinstance(second, Failure) and "a page and not with the protocol" in second.error


def test_nobody_at_an_address_is_told_soon_and_after_an_answer_is_tried_again():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    told: list[str] = []
    with pytest.raises(WrongEndpoint, match=f"nobody answers at {address} .*is the server running"):
        Client(Endpoint(address, "m", concurrency=1, pause=0.01, told=told.append)).generate(say("a", "b"), SAMPLING)
    assert len(told) == 2  # and not the five of six tries
    gone = Endpoint(address, "m", pause=0.01)
    gone._heard(200)
    (reply,) = Client(gone).generate(say("a"), SAMPLING)
    assert isinstance(reply, Failure) and "in each of 6 tries" in reply.error
