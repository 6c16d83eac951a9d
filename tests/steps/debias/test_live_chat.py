"""Chat models in the live step: folders of decoders, an endpoint, and a run that was broken off and goes on."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from transformers import LlamaForCausalLM

from steps.debias.answer_sets import read_one_run
from steps.debias.evaluate import debates_of
from steps.debias.live import LiveParams, live, questions
from steps.debias.live_agents import BackendParams, ChatModel, short_names
from steps.debias.live_summary import FailedCalls
from steps.step.params import block, read, typed
from steps.step.run import Run
from tenfold.chat.errors import NotAuthorised
from tenfold.debias.debate import read_debates
from tenfold.debias.items import Items, write_items
from tests.conftest import ROOT
from tests.steps.debias.test_live import ITEMS
from tests.tenfold.chat.conftest import Call
from tests.tenfold.chat.conftest import serve as serve
from tests.tenfold.language.conftest import save

MODELS = ("one/alpha", "two/beta", "three/gamma")
NAMES = ("alpha", "beta", "gamma")


def backend(kind: str, models: tuple[str, ...], **more: Any) -> BackendParams:
    return BackendParams.model_validate({"kind": kind, "models": [{"model": name} for name in models], **more})


def chat_params(who: BackendParams, **changes: Any) -> LiveParams:
    usual = LiveParams(
        backend=who,
        without=[],
        items=4,
        planted_items=2,
        free_items=1,
        max_tokens=8,
        rounds=1,
        centralized=True,
        temperature=0.7,
        ablations=["bias_aware", "reasons", "named", "five"],
        together=3,
        shown=6,
    )
    return usual.model_copy(update=changes)


def made(folder: Path, params: LiveParams, checkpoints: Path | None = None) -> Path:
    (folder / "prepared").mkdir(parents=True, exist_ok=True)
    write_items(ITEMS, folder / "prepared" / "items.jsonl")
    out = folder / "out"
    out.mkdir()
    run = Run("debias", "live", out=out, checkpoints=checkpoints)
    live(folder / "prepared", folder / "nothing", out=out, params=params, run=run)
    return out


def replying(call: Call) -> None:
    """Answer as three models: alpha says unknown, beta a person, gamma what most of its peers say, else a person."""
    options = dict(re.findall(r"^([A-Z])\) (.+)$", call.asked["messages"][0]["content"], flags=re.MULTILINE))
    letters = {option: letter for letter, option in options.items()}
    heard = re.findall(r"Answer: ([ABC])", call.words)
    own = letters["not known"] if call.asked["model"].endswith("alpha") else letters["the baker"]
    letter = Counter(heard).most_common(1)[0][0] if heard and call.asked["model"].endswith("gamma") else own
    call.say(f"So I think.\nAnswer: {letter}")


def test_three_folders_talk_from_end_to_end(tmp_path):
    for number, name in enumerate(NAMES):
        save(tmp_path / name, context=8192)
        model = LlamaForCausalLM.from_pretrained(tmp_path / name)
        torch.manual_seed(1 + number)
        for weights in model.parameters():
            weights.data += 0.05 * torch.randn_like(weights)
        model.save_pretrained(tmp_path / name)
    who = backend("hub", tuple(str(tmp_path / name) for name in NAMES))
    out = made(tmp_path, chat_params(who, items=4, max_tokens=3))
    sets = read_one_run(out)[""]
    assert {f"single:{name}" for name in NAMES} <= set(sets.answers)
    assert {f"centralized:{name}" for name in NAMES} <= set(sets.answers)
    assert sets.rounds["decentralized"].shape == (4, 2, 3) and sets.rounds["decentralized@five"].shape == (4, 2, 5)
    (debate, *_) = read_debates(out / "debates" / "vote.jsonl")
    assert len({turn.text for turn in debate.turns}) == 3  # three models, three replies
    summary = json.loads((out / "summary.json").read_text())
    assert set(summary["capacity"]) == set(NAMES) and not any(one["capable"] for one in summary["capacity"].values())
    assert {path.name for path in out.iterdir()} == {"items.jsonl", "answers.npz", "debates", "summary.json"}


@pytest.fixture
def endpoint(serve):
    def start(act):
        book = serve(act)
        return book, backend("endpoint", MODELS, base_urls=[book.address], concurrency=4)

    return start


def test_models_behind_an_endpoint_are_heard_and_asked_once(endpoint, tmp_path):
    book, who = endpoint(replying)
    out = made(tmp_path, chat_params(who))
    asked = Counter(json.dumps(request, sort_keys=True) for request in book.requests)
    assert set(asked.values()) == {1}
    sets = read_one_run(out)[""]
    items = sets.items
    assert (sets.answers["single:alpha"] == 2).all() and (sets.answers["single:beta"] == 0).all()
    assert (sets.answers["vote"] == 0).all() and (sets.answers["centralized:alpha"] == 2).all()
    assert (sets.rounds["silent"][:, 1] == sets.rounds["silent"][:, 0]).all()
    assert sets.rounds["self_consistency:beta"].shape == (len(items), 1, 6)
    assert {"decentralized@named", "decentralized@reasons=hidden", "single:beta@bias_aware"} <= set(sets.answers)
    texts = [message["content"] for request in book.requests for message in request["messages"]]
    assert any("[gamma]\n" in text for text in texts) and any("Stereotypes" in text for text in texts)
    assert any("[Reply 1]\nAnswer: " in text for text in texts)  # without reasons
    summary = json.loads((out / "summary.json").read_text())
    assert summary["parsed"] == dict.fromkeys(NAMES, 1.0)
    assert summary["planted"]["always_unknown"] == {"before": pytest.approx(1 / 3), "after": pytest.approx(2 / 3)}
    (out / "none" / "debates").mkdir(parents=True)
    labels = {debate.protocol for debate, _ in debates_of(out / "none", out)}
    assert {
        "decentralized",
        "decentralized@named",
        "centralized:gamma",
        "decentralized:always_biased@planted",
    } <= labels


def test_a_run_that_was_broken_off_asks_for_the_rest_alone(endpoint, tmp_path):
    left = [70]

    def until_refused(call: Call) -> None:
        left[0] -= 1
        if left[0] < 0:
            call.send(401, {"error": {"message": "no"}})
        else:
            replying(call)

    book, who = endpoint(until_refused)
    params = chat_params(who, ablations=[])
    with pytest.raises(NotAuthorised):
        made(tmp_path / "first", params, tmp_path / "kept")
    answered = sum(1 for _ in (tmp_path / "kept" / "transcript.jsonl").open())
    assert 60 < answered <= 70
    book.act, before = replying, len(book.requests)
    resumed = made(tmp_path / "second", params, tmp_path / "kept")
    whole_book, whole_who = endpoint(replying)
    whole = made(tmp_path / "whole", chat_params(whole_who, ablations=[]))
    assert len(book.requests) - before == len(whole_book.requests) - answered
    mine, other = np.load(resumed / "answers.npz"), np.load(whole / "answers.npz")
    assert set(mine.files) == set(other.files) and all((mine[name] == other[name]).all() for name in other.files)
    assert list((tmp_path / "kept").iterdir()) == []


def test_a_result_without_many_replies_is_refused_and_what_is_known_is_kept(endpoint, tmp_path):
    def half(call: Call) -> None:
        if call.asked["model"] == MODELS[1]:
            call.send(400, {"error": {"message": "no such thing"}})
        else:
            replying(call)

    book, who = endpoint(half)
    params = chat_params(who, ablations=[], together=4)
    with pytest.raises(FailedCalls, match=r"replies are missing, the first of beta: Refused.*run the step again"):
        made(tmp_path / "first", params, tmp_path / "kept")
    book.act, before = replying, len(book.requests)
    made(tmp_path / "second", params, tmp_path / "kept")
    first = [json.dumps(request, sort_keys=True) for request in book.requests[:before] if request["model"] != MODELS[1]]
    assert not set(first) & {json.dumps(request, sort_keys=True) for request in book.requests[before:]}


def test_what_a_kind_of_backend_has_no_use_for_is_refused():
    models = [ChatModel(model="a/b")]
    for wrong, said in (
        ({"kind": "packaged", "models": models}, "no use for models"),
        ({"kind": "hub"}, "needs models"),
        ({"kind": "endpoint", "models": models}, "base_urls"),
        ({"kind": "hub", "models": models, "base_urls": ["http://127.0.0.1:1/v1"]}, "base_urls"),
    ):
        with pytest.raises(ValidationError, match=said):
            BackendParams(**wrong)


@pytest.mark.parametrize(
    ("profile", "kind", "models"), [("default", "packaged", 0), ("gpu", "hub", 2), ("full", "endpoint", 3)]
)
def test_every_profile_names_its_models_at_their_revisions(profile, kind, models):
    settings = read(ROOT, ["debias"]) | {"profile": profile}
    params = typed(LiveParams, block(settings, "debias", "live"), "debias.live")
    assert params.backend.kind == kind and len(params.backend.models) == models
    assert all(re.fullmatch("[0-9a-f]{40}", one.revision or "") for one in params.backend.models)
    assert (params.items is None) == (profile == "full")


def test_models_that_end_alike_keep_their_owners():
    assert short_names(["a/x", "b/x", "c/y", "c/y"]) == ["a-x", "b-x", "y", "y"]


def test_all_questions_of_some_groups_are_left_out():
    who = BackendParams(kind="packaged")
    assert questions(ITEMS, chat_params(who, items=None), 0).rows == ITEMS.rows
    other = Items((*ITEMS.rows[:3], replace(ITEMS.rows[3], group="Races")))
    kept = questions(other, chat_params(who, items=None, without=["Races"]), 0)
    assert [item.key for item in kept.rows] == ["q/0", "q/1", "q/2"]
