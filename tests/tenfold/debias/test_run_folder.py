"""A run's folder: who may begin or continue a run there, what a kill leaves, and what the scores of a run are."""

from __future__ import annotations

import json

import pytest

from tenfold.chat import Message, Reply, Sampling, TranscriptInUse
from tenfold.chat.client import Spent
from tenfold.command_line import InvalidOutput
from tenfold.debias.chat_run import ChatRun
from tenfold.debias.debate import Debate, Turn, write_debates
from tenfold.debias.errors import InvalidAnswers, InvalidItem
from tenfold.debias.items import Items
from tenfold.debias.own_items import read_own_items
from tenfold.debias.prompts import ChatPrompts
from tenfold.debias.protocols import Vote
from tenfold.debias.run_folder import DEBATES, RUN, TRANSCRIPT, items_digest, open_run, scores_of_debates
from tenfold.debias.run_questions import check_questions
from tests.tenfold.debias.stand_ins import Scripted, always, item, items

SETTINGS = {"models": ["red"], "seed": 0}
OTHER = SETTINGS | {"seed": 1}


def answered(folder, settings=SETTINGS):
    """Begin a run that gets one reply."""
    with open_run(folder, settings, resume=False) as transcript:
        transcript.add("key", {}, [Message("user", "who?")], Sampling(), Reply("yes"))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class Stopped(Exception):
    pass


def test_a_run_that_ends_before_the_first_reply_leaves_nothing(tmp_path):
    out = tmp_path / "o"
    for made in (False, True):
        if made:
            out.mkdir()  # a person's own, which stays
        with pytest.raises(Stopped), open_run(out, SETTINGS, resume=False) as transcript:
            assert (out / RUN).is_file() and transcript.path == out / TRANSCRIPT
            raise Stopped
        assert out.exists() == made and not list(out.glob("*"))
    answered(out, OTHER)


def test_a_run_that_ends_after_a_reply_keeps_it(tmp_path):
    out = tmp_path / "o"
    with pytest.raises(Stopped), open_run(out, SETTINGS, resume=False) as transcript:
        transcript.add("key", {}, [Message("user", "who?")], Sampling(), Reply("yes"))
        raise Stopped
    with pytest.raises(InvalidOutput, match="holds a run already; continue it with --resume"):
        open_run(out, SETTINGS, resume=False).__enter__()
    with pytest.raises(InvalidOutput, match=r"another run \(seed was 0 and is 1\)"):
        open_run(out, OTHER, resume=True).__enter__()
    with open_run(out, SETTINGS, resume=True) as transcript:
        assert len(transcript) == 1


@pytest.mark.parametrize("left", [(), (RUN,), (RUN, TRANSCRIPT), (f".{RUN}.77.unfinished",), (TRANSCRIPT,)])
@pytest.mark.parametrize("content", ["{}", json.dumps(OTHER), '{"models": ['])
@pytest.mark.parametrize("resume", [False, True])
def test_what_a_kill_leaves_before_the_first_reply_binds_nobody(tmp_path, left, content, resume):
    for name in left:
        (tmp_path / name).write_text("" if name == TRANSCRIPT else content)
    with open_run(tmp_path, SETTINGS, resume=resume):
        assert json.loads((tmp_path / RUN).read_text()) == SETTINGS
        assert not list(tmp_path.glob(".*.unfinished"))


def test_what_a_kill_leaves_later_is_removed_and_nothing_else(tmp_path):
    before = answered(tmp_path)
    for name in (f".{DEBATES}.77.unfinished", ".predictions.red.jsonl.7.unfinished", ".page.html.7.unfinished"):
        (tmp_path / name).write_text("half")
    (tmp_path / ".novel.7.unfinished").write_text("mine")
    with open_run(tmp_path, SETTINGS, resume=True):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {*before, ".novel.7.unfinished"}


@pytest.mark.parametrize("name", ["novel.txt", ".novel.7.unfinished", DEBATES, f".{RUN}.unfinished"])
def test_a_folder_with_something_else_is_left_alone(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(InvalidOutput, match="something else than a run"):
        open_run(tmp_path, SETTINGS, resume=True).__enter__()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InvalidOutput, match="something else than a run"):
        open_run(tmp_path / "file", SETTINGS, resume=False).__enter__()


@pytest.mark.parametrize("content", ["", '{"models": [', "[]", "[" * 100_000])
def test_a_damaged_run_is_named(tmp_path, content):
    answered(tmp_path)
    (tmp_path / RUN).write_text(content)
    with pytest.raises(InvalidOutput, match=r"run\.json (cannot be read|is of no run)"):
        open_run(tmp_path, SETTINGS, resume=True).__enter__()
    with pytest.raises(InvalidAnswers, match=r"run\.json cannot be read"):
        check_questions(tmp_path / "predictions.jsonl", items(2))


def test_a_folder_belongs_to_one_process_at_a_time(tmp_path):
    with open_run(tmp_path / "o", SETTINGS, resume=False):
        with pytest.raises(TranscriptInUse):
            open_run(tmp_path / "o", OTHER, resume=False).__enter__()
        assert json.loads((tmp_path / "o" / RUN).read_text()) == SETTINGS


@pytest.mark.parametrize(
    "change", [{"options": ("The gardener", "The baker", "Not known")}, {"question": "Who?"}, {"context": "They came."}]
)
def test_predictions_are_not_scored_with_questions_whose_words_or_order_changed(tmp_path, change):
    (tmp_path / RUN).write_text(json.dumps({"questions": 1, "questions_sha256": items_digest(items(1))}))
    write_debates([Debate(one, "vote", (), 0) for one in items(1).rows], tmp_path / DEBATES)
    check_questions(tmp_path / "predictions.jsonl", Items((item(gold=0, target=1, group="other"),)))
    for _ in range(2):  # by the debates, and by the digest alone
        with pytest.raises(InvalidAnswers, match=r"the run was asked|is of other questions"):
            check_questions(tmp_path / "predictions.jsonl", Items((item(**change),)))
        (tmp_path / DEBATES).unlink(missing_ok=True)


def test_first_answers_are_those_of_round_0_whatever_an_agent_says_later():
    """Right at first and wrong ever after, and the other way round."""
    turns = [
        *(Turn("ann", 0, "agent", "", 2), Turn("ben", 0, "agent", "", 0)),
        *(Turn("ann", 1, "agent", "", 0), Turn("ben", 1, "agent", "", 2)),
        *(Turn("ann", 2, "agent", "", 1), Turn("ben", 2, "agent", "", 2)),
    ]
    found = scores_of_debates([Debate(one, "decentralized", tuple(turns), 2) for one in items(3).rows])
    first = found["decentralized"]["first_answers"]
    assert {agent: (one["accuracy"], one["calls"]) for agent, one in first.items()} == {"ann": (1, 9), "ben": (0, 9)}
    assert first["ben"]["pooled"]["n_biased_amb"] == 3 and first["ann"]["pooled"]["n_persons_amb"] == 0


def test_all_that_replies_depend_on_stands_in_the_settings():
    def settings(**changes):
        made = {
            "models": ["red"],
            "backends": [Scripted(always("The baker"), model="red")],
            "protocol": Vote(),
            "prompts": ChatPrompts(),
            "sampling": Sampling(),
            "seed": 0,
            "spent": Spent(),
        }
        return ChatRun(**made | changes).settings(items(2))

    for changes in (
        {"models": ["blue"]},
        {"backends": [Scripted(always("The baker"), model="blue")]},
        {"protocol": Vote(tie="first")},
        {"prompts": ChatPrompts("bias_aware")},
        {"sampling": Sampling(max_tokens=9)},
        {"seed": 1},
    ):
        assert settings(**changes) != settings(), changes
    assert settings(spent=Spent(most_calls=3)) == settings()


def test_json_that_is_too_deep_to_be_read_is_named(tmp_path):
    (tmp_path / "own.jsonl").write_text("[" * 100_000)
    with pytest.raises(InvalidItem, match=r"own\.jsonl:1: not JSON"):
        read_own_items(tmp_path / "own.jsonl")
