"""A LLaVA of the published classes, made by the test: its replies are those of its own ``generate``, image by image."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tenfold.chat.messages import Message, Sampling
from tenfold.chat.transcript import Transcript
from tenfold.mmr.errors import InvalidModel
from tenfold.mmr.hub_model import HubBackend, folder_digest, hub_model, load_hub_model, plain_prompt
from tenfold.mmr.queries import Query
from tests.tenfold.mmr import tiny_llava

TOKENS = 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llava.save(tmp_path_factory.mktemp("llava") / "model")


@pytest.fixture(scope="module")
def backend(folder: Path) -> HubBackend:
    return load_hub_model(folder, batch=3)


def queries(count: int = 4) -> list[Query]:
    generator = np.random.default_rng(0)
    images = [generator.integers(0, 256, (30 + 7 * number, 40, 3), dtype=np.uint8) for number in range(count)]
    words = [f"What is the title{'?' * (number + 1)}" for number in range(count)]
    return [
        Query(f"q{number}", "recognition_label", words[number], words[number], "", images[number], 40, 30)
        for number in range(count)
    ]


def own_reply(folder: Path, query: Query) -> str:
    """Return what the model says by the plainest use of transformers, one image at a time."""
    import torch
    from PIL import Image
    from transformers import AutoProcessor, LlavaForConditionalGeneration

    processor, model = AutoProcessor.from_pretrained(folder), LlavaForConditionalGeneration.from_pretrained(folder)
    text = f"USER: <image>\n{query.prompt} ASSISTANT:"
    inputs = processor(text=text, images=Image.fromarray(query.image), return_tensors="pt")
    with torch.inference_mode():
        made = model.generate(**inputs, do_sample=False, max_new_tokens=TOKENS)
    return processor.decode(made[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True).strip()


def test_replies_in_batches_are_the_models_own(folder, tmp_path):
    asked = queries()
    with Transcript(tmp_path / "transcript.jsonl") as transcript:
        model = hub_model(folder, batch=3, max_new_tokens=TOKENS, transcript=transcript)
        found = model.answer(asked)
        assert [one.reply for one in found] == [own_reply(folder, query) for query in asked]
        assert model.spent.calls == len(asked) and model.answer(asked) == found and model.spent.calls == len(asked)
    assert {one.status for one in found} <= {"answered", "cut"} and len({one.reply for one in found}) > 1


def test_replies_depend_on_the_image_and_the_prompt(folder):
    first = queries(1)[0]
    model = hub_model(folder, max_new_tokens=TOKENS)
    mixed = Query("m", first.task, "", "Author of the book, please, in one word", "", first.image)
    other = Query("o", first.task, first.question, first.prompt, "", 255 - first.image)
    blind = Query("b", first.task, first.question, first.prompt)
    replies = [one.reply for one in model.answer([first, mixed, other, blind])]
    assert len(set(replies)) == 4


def test_a_reply_that_ends_at_its_longest_is_cut(backend):
    asked = [(number, [Message("user", query.prompt)]) for number, query in enumerate(queries())]
    replies = [reply for _, reply in backend.replies(asked, Sampling(max_tokens=1))]
    assert [reply.finish_reason for reply in replies] == ["length"] * 4
    assert [reply.completion_tokens for reply in replies] == [1] * 4


def test_what_does_not_fit_the_context_fails_alone(tmp_path):
    folder = tiny_llava.save(tmp_path / "short", context=96)
    long = "Where is the title? " * 20
    asked = queries(2)
    asked.append(Query("long", "recognition_label", long, long, "", asked[0].image))
    found = hub_model(folder, max_new_tokens=TOKENS).answer(asked)
    assert [one.status == "failed" for one in found] == [False, False, True]
    assert "exceed the context of 96" in found[2].why


def test_a_processor_without_template_asks_as_llava_was_taught(tmp_path):
    folder = tiny_llava.save(tmp_path / "plain", template=None)
    query = queries(1)[0]
    assert hub_model(folder, max_new_tokens=TOKENS).answer([query])[0].reply == own_reply(folder, query)
    talk = [Message("system", "Be short."), Message("user", "Hello")]
    assert plain_prompt(talk, "<image>") == "Be short. USER: Hello ASSISTANT:"


def test_a_folder_is_known_by_its_files(folder, backend, tmp_path):
    assert backend.identity()["revision"] == folder_digest(folder)
    other = tiny_llava.save(tmp_path / "other", seed=1)
    assert folder_digest(other) != folder_digest(folder)


@pytest.mark.parametrize(
    ("place", "options", "says"),
    [
        ("nobody/nothing", {}, "give a revision"),
        ("nothing", {"revision": "main"}, "there is no folder nothing"),
        ("a/b", {"revision": "main", "trust_remote_code": True}, "a commit of 40 digits"),
    ],
)
def test_what_cannot_be_pinned_is_refused(place, options, says):
    with pytest.raises(InvalidModel, match=says):
        load_hub_model(place, **options)


def test_what_is_no_model_is_refused_by_name(folder, backend, tmp_path):
    with pytest.raises(InvalidModel, match="no image-and-text model"):
        load_hub_model(tmp_path)
    with pytest.raises(InvalidModel, match="has no revision"):
        load_hub_model(folder, revision="main")
    with pytest.raises(InvalidModel, match="dtype 'half-ish'"):
        load_hub_model(folder, dtype="half-ish")
    with pytest.raises(InvalidModel, match="greedily"):
        list(backend.replies([(0, [Message("user", "a")])], Sampling(temperature=0.5)))


def test_a_folder_is_named_on_the_command_line(tenfold, folder, items, tmp_path):
    out = tmp_path / "run"
    command = ("mmr", "run", "--model", f"hub:{folder}", "--items", items.folder, "--device", "cpu", "--max-tokens", 3)
    printed = tenfold(*command, "--limit", 3, "--out", out)
    assert "3 calls" in printed.out and json.loads((out / "run.json").read_text())["settings"]["model"]["kind"] == "hub"
