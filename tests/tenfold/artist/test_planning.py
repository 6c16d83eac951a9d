"""From prompts to words with boxes: quotes, the tagger, a chat model that misbehaves, and nothing lost on the way."""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from tenfold.artist.box_sampler import BoxSampler, centred_rows
from tenfold.artist.canvases import CanvasStyle, draw_glyphs
from tenfold.artist.captions import Caption, caption
from tenfold.artist.conditioning import condition, conditioning_dump
from tenfold.artist.layouts import InvalidLayout, Layout
from tenfold.artist.parts import fonts_of
from tenfold.artist.planners import ChatPlanner, QuotePlanner, TaggerPlanner
from tenfold.artist.plans import InvalidPlan, NoKeywords, counted, parse_plan
from tenfold.artist.quotations import official_targets, quoted_words, without_quotes
from tenfold.artist.tagger import KeywordTagger, PromptTooLong, train_tagger
from tenfold.chat.client import Client
from tenfold.chat.messages import Conversation, Failure, Reply, Sampling
from tenfold.chat.transcript import Transcript
from tenfold.data.made_up_files import made_up_files
from tenfold.data.registry import StandIn
from tenfold.language.decoder import load_decoder
from tenfold.language.generation import LocalModel
from tenfold.rendering.assets import Assets
from tenfold.rendering.fonts import bundled_fonts
from tenfold.rendering.words import drawn_words, english_words, split_words

WORDS = split_words(english_words(3, 12), {"train": 0.8, "test": 0.2})

QUOTED = [  # prompt, official, ours
    ("'don't stop'", ["don"], ["don't", "stop"]),
    ('a "OPEN 24h" sign', [], ["open", "24h"]),
    ("a “OPEN 24h” sign", [], ["open", "24h"]),
    ("a ‘don’t stop’ sign", [], ["don't", "stop"]),
    ("it's a sign: 'a' and 'b'", ["s", "a", "sign:", "and"], ["a", "b"]),
    ("'Team' hat", ["team"], ["team"]),
    ("the dogs' bowl says 'woof.'", ["bowl", "says"], ["woof"]),
    ("no words at all", [], []),
    ('an empty "" pair', [], []),
]


@pytest.mark.parametrize(("prompt", "official", "ours"), QUOTED)
def test_quoted_words_by_the_official_rule_and_by_ours(prompt, official, ours):
    """Symptom 3."""
    assert official_targets(prompt) == official and quoted_words(prompt) == ours
    bare = without_quotes(prompt)
    assert quoted_words(bare) == [] and all(word.strip("'") in bare.lower().replace("’", "'") for word in ours)


@pytest.fixture(scope="module")
def captions() -> Callable[..., list[Caption]]:
    def make(part: str, count: int, quotes: Any = None, seed: int = 0) -> list[Caption]:
        generator = np.random.default_rng(seed)
        counts = generator.choice([0, 1, 1, 1, 2, 3], count).tolist()
        return [caption(drawn_words(WORDS[part], k, generator) if k else [], generator, quotes=quotes) for k in counts]

    return make


@pytest.fixture(scope="module")
def tagger(captions) -> KeywordTagger:
    return train_tagger(captions("train", 1500), seed=0, updates=150)[0]


@pytest.fixture(scope="module")
def sampler() -> BoxSampler:
    fonts = fonts_of(bundled_fonts(), ("DejaVu Sans Book", "STIXGeneral Regular"))
    assets = Assets(fonts, english_words(3, 6))
    _, layouts = draw_glyphs(assets, 200, np.random.default_rng(0), style=CanvasStyle(smallest=0.7))
    return BoxSampler.fit(layouts)


def recall(found: list[list[str]], wanted: list[tuple[str, ...]]) -> float:
    hits = sum(sum((Counter(one) & Counter(other)).values()) for one, other in zip(found, wanted, strict=True))
    return hits / sum(map(len, wanted))


def test_the_tagger_finds_unquoted_words_that_quotes_cannot_and_as_many_quoted_ones(tagger, captions):
    """C2 on templates: words that training has not seen."""
    bare, quoted = captions("test", 200, "none", 1), captions("test", 200, "double", 2)
    wanted = [said.words for said in bare]
    assert recall([quoted_words(said.text) for said in bare], wanted) == 0
    assert recall(tagger.keywords([said.text for said in bare]), wanted) > 0.8
    empty = tagger.keywords([said.text for said in bare if not said.words])
    assert np.mean([not words for words in empty]) > 0.9
    assert recall([quoted_words(said.text) for said in quoted], [said.words for said in quoted]) == 1


def test_the_tagger_is_saved_and_refuses_what_it_does_not_look_at(tagger, captions, tmp_path):
    prompts = [said.text for said in captions("test", 8, None, 3)]
    tagger.save(tmp_path)
    assert KeywordTagger.load(tmp_path).keywords(prompts) == tagger.keywords(prompts)
    assert tagger.keywords(["", prompts[0]])[0] == []
    assert tagger.keywords([prompts[0]]) == tagger.keywords([prompts[0], "a much longer prompt " * 5])[:1]
    with pytest.raises(PromptTooLong, match="78 words"):
        tagger.keywords(["word " * 78])


def test_quotes_come_first_then_the_tagger_and_a_prompt_without_words_is_plain_with_a_warning(tagger, sampler):
    """Symptom 3."""
    planner = TaggerPlanner(tagger, sampler)
    quoted, bare = planner.plan(["a “OPEN 24h” sign", "a sign that says welcome"])
    assert (quoted.texts, quoted.how) == (("open", "24h"), "quotes")
    assert (bare.texts, bare.how) == (("welcome",), "tagger")
    with pytest.warns(NoKeywords, match="a red box"):
        (plain,) = planner.plan(["a red box in the park"])
    assert plain.words == () and plain.how == "none"
    fitted = plain.layout(width=64, height=16)
    assert condition([fitted.layout]).mask.sum() == 0
    with pytest.warns(NoKeywords):
        assert QuotePlanner(sampler).plan(["a sign that says welcome"])[0].words == ()


def test_boxes_follow_the_layouts_they_were_learnt_from(sampler):
    words = [[word] for word in english_words(4, 4)[:200]]
    drawn = [sampler.sample(one, key=f"prompt {number}")[0] for number, one in enumerate(words)]
    heights = np.array([y1 - y0 for _, y0, _, y1 in drawn])
    seen = sampler.table[:, 0]
    assert abs(heights.mean() - seen.mean()) < 0.05 and heights.max() <= seen.max() + 1e-9
    assert all(0 <= x0 < x1 <= 1 + 1e-9 and 0 <= y0 < y1 <= 1 + 1e-9 for x0, y0, x1, y1 in drawn)
    assert sampler.sample(["open"], key="a") == sampler.sample(["open"], key="a") != sampler.sample(["open"], key="b")
    assert sampler.sample(["open"], key="a", seed=1) != sampler.sample(["open"], key="a")
    left, right = sampler.sample(["one", "two"], key="a")
    assert left[2] <= 0.5 <= right[0]
    with pytest.raises(InvalidLayout):
        BoxSampler.fit([Layout(64, 16)])


def test_rows_in_the_middle_keep_six_lines():
    words = ["a", "bb", "ccc", "dddd", "eeeee", "f" * 25]
    boxes = centred_rows(words)
    assert len(boxes) == 6
    for number, (x0, y0, x1, y1) in enumerate(boxes):
        assert x0 + x1 == pytest.approx(1) and number / 6 < y0 < y1 < (number + 1) / 6 + 1e-6
    assert centred_rows([]) == ()


KEYWORD = {"text": "open", "box": [0.1, 0.2, 0.5, 0.8]}
BROKEN = {
    "prose": "Sure! Here is the JSON you asked for.",
    "fence": '```json\n{"keywords": []}\n```',
    "list": json.dumps([KEYWORD]),
    "more": json.dumps({"keywords": [KEYWORD], "note": "x"}),
    "text": json.dumps({"keywords": [{"text": 24, "box": [0, 0, 1, 1]}]}),
    "blank": json.dumps({"keywords": [{"text": "  ", "box": [0, 0, 1, 1]}]}),
    "pixels": json.dumps({"keywords": [{"text": "a", "box": [0, 0, 64, 16]}]}),
    "turned": json.dumps({"keywords": [{"text": "a", "box": [0.5, 0, 0.2, 1]}]}),
    "three": json.dumps({"keywords": [{"text": "a", "box": [0.5, 0, 1]}]}),
    "NaN": '{"keywords": [{"text": "a", "box": [0, 0, NaN, 1]}]}',
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_reply_that_breaks_the_contract_is_refused(kind):
    with pytest.raises(InvalidPlan):
        parse_plan(BROKEN[kind])


def test_a_keyword_of_two_words_is_divided_by_letters():
    reply = json.dumps({"keywords": [{"text": "open now", "box": [0.0, 0.25, 0.8, 0.75]}]})
    (one, first), (other, second) = parse_plan(reply)
    assert (one, other) == ("open", "now")
    assert first == pytest.approx((0, 0.25, 0.4, 0.75)) and second == pytest.approx((0.5, 0.25, 0.8, 0.75))


@dataclass
class Scripted:
    """A chat model on this machine that replies by rule, and counts its calls."""

    answer: Callable[[str, bool], str | None]  # the prompt, and whether it was sent back → the reply, None fails
    calls: list[str] = field(default_factory=list)

    def identity(self) -> Mapping[str, Any]:
        return {"kind": "scripted"}

    def replies(
        self, calls: Iterable[tuple[int, Conversation]], sampling: Sampling
    ) -> Iterator[tuple[int, Reply | Failure]]:
        assert sampling.temperature == 0
        for number, messages in calls:
            again = "not the JSON" in messages[-1].text
            prompt = messages[-3 if again else -1].text
            self.calls.append(prompt)
            text = self.answer(prompt, again)
            yield number, Failure("gone") if text is None else Reply(text)


def answer(prompt: str, again: bool) -> str | None:
    good = json.dumps({"keywords": [KEYWORD]})
    if "fails" in prompt:
        return None
    if "never" in prompt or ("late" in prompt and not again):
        return "Here you are: " + good
    return json.dumps({"keywords": []}) if "nothing" in prompt else good


def test_a_chat_planner_repairs_once_falls_back_openly_and_asks_nothing_twice(tagger, tmp_path):
    model = Scripted(answer)
    prompts = ["good", "late", "never 'keep out'", "never says welcome", "fails 'shut'", "nothing"]
    with Transcript(tmp_path / "plans.jsonl") as transcript, warnings.catch_warnings():
        warnings.simplefilter("ignore", NoKeywords)
        planner = ChatPlanner(Client(model, transcript), aspect=4.0, tagger=tagger)
        plans = planner.plan(prompts)
        assert [plan.how for plan in plans] == ["chat", "chat, repaired", *["centred rows"] * 3, "none"]
        assert plans[0].words == (("open", (0.1, 0.2, 0.5, 0.8)),) == plans[1].words
        assert [plan.texts for plan in plans[2:]] == [("keep", "out"), ("welcome",), ("shut",), ()]
        assert counted(plans) == {"centred rows": 3, "chat": 1, "chat, repaired": 1, "none": 1}
        asked = len(model.calls)
        assert asked == 9  # six prompts, three of them sent back; a call that failed is not
        assert planner.plan(prompts) == plans and len(model.calls) == asked + 1  # the failed call alone
    rows = (tmp_path / "plans.jsonl").read_text().splitlines()
    assert len(rows) == 8 and all(re.fullmatch(r"[0-9a-f]{64}", json.loads(row)["key"]) for row in rows)


def test_every_planned_word_and_box_arrives_in_the_arrays(tagger, sampler):
    """Symptom 1, from the prompt to what goes into a network."""
    plans = TaggerPlanner(tagger, sampler).plan(
        ['"open late"', "a sign that says welcome", "'six small words on one row'"]
    )
    layouts = [plan.layout(width=128, height=16).layout for plan in plans]
    dumps = conditioning_dump(layouts, condition(layouts))
    for plan, dump in zip(plans, dumps, strict=True):
        assert [row["text"] for row in dump] == list(plan.texts) == [row["found"] for row in dump]


def test_a_local_language_model_that_writes_no_json_falls_back_in_the_open(tmp_path):
    for name, content in made_up_files(StandIn(maker="decoder", seed=0, width=16))[1].items():
        (tmp_path / name).write_bytes(content)
    model = LocalModel(load_decoder(tmp_path))
    plans = ChatPlanner(Client(model), max_tokens=8).plan(["a sign 'open'", "a sign 'late night'"])
    assert counted(plans) == {"centred rows": 2} and [plan.texts for plan in plans] == [("open",), ("late", "night")]
