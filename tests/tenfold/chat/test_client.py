"""The client and its transcript: nothing is asked twice, nothing that failed is kept, no budget is exceeded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tenfold.chat import (
    BudgetSpent,
    Client,
    Conversation,
    DamagedTranscript,
    Failure,
    Image,
    Message,
    Reply,
    Sampling,
    Spent,
    Transcript,
    TranscriptInUse,
)
from tenfold.chat.messages import call_key

SAMPLING = Sampling()


@dataclass
class Echo:
    """A backend that repeats what is said, counts, and fails on "bad"."""

    model: str = "echo"
    asked: list[str] = field(default_factory=list)

    def identity(self) -> Mapping[str, Any]:
        return {"kind": "echo", "model": self.model}

    def replies(
        self, calls: Iterable[tuple[int, Conversation]], sampling: Sampling
    ) -> Iterator[tuple[int, Reply | Failure]]:
        for number, conversation in calls:
            self.asked.append(conversation[-1].text)
            yield (
                number,
                Failure("no") if conversation[-1].text == "bad" else Reply(conversation[-1].text, "stop", 2, 1),
            )


def say(*texts: str) -> list[list[Message]]:
    return [[Message("user", text)] for text in texts]


def test_what_is_known_is_not_asked_again(tmp_path):
    backend = Echo()
    with Transcript(tmp_path / "replies.jsonl") as kept:
        client = Client(backend, kept)
        assert [reply.text for reply in client.generate(say("a", "b", "a"), SAMPLING)] == ["a", "b", "a"]
        assert backend.asked == ["a", "b"]
    with Transcript(tmp_path / "replies.jsonl") as kept:
        client = Client(backend, kept)
        assert [reply.text for reply in client.generate(say("b", "c"), SAMPLING)] == ["b", "c"]
        assert backend.asked == ["a", "b", "c"] and client.spent.known == 1
    lines = [json.loads(line) for line in (tmp_path / "replies.jsonl").read_text().splitlines()]
    assert [line["messages"][0]["text"] for line in lines] == ["a", "b", "c"]
    assert lines[0]["reply"] == {"text": "a", "finish_reason": "stop", "prompt_tokens": 2, "completion_tokens": 1}


def test_a_failure_is_not_kept(tmp_path):
    backend = Echo()
    for _ in range(2):
        with Transcript(tmp_path / "replies.jsonl") as kept:
            assert Client(backend, kept).generate(say("bad", "a"), SAMPLING) == [
                Failure("no"),
                Reply("a", "stop", 2, 1),
            ]
    assert backend.asked == ["bad", "a", "bad"]


def test_a_key_depends_on_all_that_a_reply_may_depend_on():
    base = (Echo().identity(), say("a")[0], Sampling())
    others = [
        (Echo("other").identity(), base[1], base[2]),
        ({**base[0], "revision": "2"}, base[1], base[2]),
        (base[0], say("b")[0], base[2]),
        (base[0], [Message("system", "a")], base[2]),
        (base[0], [Message("user", "a", (Image(b"1"),))], base[2]),
        (base[0], [Message("user", "a", (Image(b"2"),))], base[2]),
        (base[0], say("a", "a")[0] * 2, base[2]),
        *((base[0], base[1], replace(base[2], **change)) for change in CHANGES),
    ]
    keys = [call_key(*parts) for parts in (base, *others)]
    assert len(set(keys)) == len(keys)
    assert call_key(*base) == keys[0]


CHANGES: list[dict[str, Any]] = [{"seed": 1}, {"temperature": 0.1}, {"top_p": 0.9}, {"max_tokens": 9}, {"stop": ("x",)}]


def test_a_budget_is_kept_and_what_was_answered_too(tmp_path):
    with Transcript(tmp_path / "replies.jsonl") as kept:
        with pytest.raises(BudgetSpent, match="2 calls were made"):
            Client(Echo(), kept, Spent(most_calls=2)).generate(say("a", "b", "c"), SAMPLING)
        assert len(kept) == 2
        with pytest.raises(BudgetSpent, match="3 tokens were spent of 3"):
            Client(Echo(), kept, Spent(most_tokens=3)).generate(say("c", "d"), SAMPLING)
        spent = Spent(prompt_price=1e6, completion_price=2e6)
        Client(Echo(), kept, spent).generate(say("a", "b", "c", "d"), SAMPLING)
        assert (spent.calls, spent.known, spent.cost) == (1, 3, 4.0)


def test_progress_is_told_after_each_reply():
    seen: list[int] = []
    Client(Echo(), progress=lambda spent: seen.append(spent.completion_tokens)).generate(say("a", "b"), SAMPLING)
    assert seen == [1, 2]


def test_a_line_that_was_cut_off_is_asked_again(tmp_path):
    path, backend = tmp_path / "replies.jsonl", Echo()
    with Transcript(path) as kept:
        Client(backend, kept).generate(say("a", "b"), SAMPLING)
    path.write_bytes(path.read_bytes()[:-5])
    with Transcript(path) as kept:
        assert len(kept) == 1
        Client(backend, kept).generate(say("a", "b"), SAMPLING)
    assert backend.asked == ["a", "b", "b"]
    assert len([json.loads(line) for line in path.read_text().splitlines()]) == 2


def test_half_a_surrogate_pair_is_no_obstacle(tmp_path):
    half, whole = "cut \ud83d", "cut \ufffd"
    assert Reply(half).text == whole and Reply("\ud83d\ude00 \ude00").text == "😀 \ufffd"
    path, backend = tmp_path / "replies.jsonl", Echo()
    for _ in range(2):
        with Transcript(path) as kept:
            (reply,) = Client(backend, kept).generate(say(half), SAMPLING)
            assert reply.text == whole
            assert Client(backend, kept).generate(say(reply.text), SAMPLING) == [reply]
    assert backend.asked == [half, whole]
    assert json.loads(path.read_text().splitlines()[0])["messages"][0]["text"] == half


@pytest.mark.parametrize("line", ["nonsense", "{}", '{"key": "k", "reply": {"words": 1}}', '{"key": "k", "reply": 3}'])
def test_a_damaged_line_is_named(tmp_path, line):
    path = tmp_path / "replies.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(DamagedTranscript, match=r"replies.jsonl:1: no reply can be read"):
        Transcript(path)
    assert path.read_text() == line + "\n"
    path.unlink()
    Transcript(path).close()


def test_two_runs_do_not_write_into_one_transcript(tmp_path):
    with (
        Transcript(tmp_path / "replies.jsonl"),
        pytest.raises(TranscriptInUse, match="another process is adding to it"),
    ):
        Transcript(tmp_path / "replies.jsonl")
    Transcript(tmp_path / "replies.jsonl").close()


KILLED = """
import sys
from pathlib import Path
from tenfold.chat import Client, Endpoint, Message, Sampling, Transcript
client = Client(Endpoint(sys.argv[1], "m", concurrency=4), Transcript(Path(sys.argv[2])))
client.generate([[Message("user", str(n))] for n in range(40)], Sampling())
"""


def test_kill_9_in_the_middle_loses_only_what_was_under_way(tmp_path, serve):
    from tests.tenfold.chat.conftest import slowly

    book, path = serve(slowly(0.05)), tmp_path / "replies.jsonl"
    command = [sys.executable, "-c", KILLED, book.address, str(path)]
    first = subprocess.Popen(command)
    while sum(book.tries.values()) < 12:
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    time.sleep(0.2)
    subprocess.run(command, check=True)
    assert len(path.read_text().splitlines()) == 40
    assert sum(book.tries.values()) <= 40 + 4 and len(book.tries) == 40
