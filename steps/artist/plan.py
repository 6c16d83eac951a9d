"""Find the words that prompts want, and boxes for them: by quotation marks, by the keyword tagger, by SmolLM2."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import NonNegativeInt

from steps.artist.canvas_sets import WORDS, PromptRow, prompt_rows, stages_of, visual_set
from steps.step.json_files import read_json, write_json
from steps.step.params import Count, Params, Positive
from steps.step.run import Run

if TYPE_CHECKING:
    from tenfold.artist.box_sampler import BoxSampler
    from tenfold.artist.planners import Planner
    from tenfold.artist.plans import Plan
    from tenfold.artist.tagger import KeywordTagger

PLANS, TAGGERS = "plans.jsonl", "taggers"
REGEX, TAGGER, CHAT = PLANNERS = ("quote_regex", "tagger", "chat")
QUOTED, UNQUOTED = FORMS = ("quoted", "unquoted")
TEST, REAL, WORDLESS = SETS = ("test", "real", "wordless")
ALARMS = 20  # captions of each template that wants no words
COUNTS = (0, 1, 1, 2, 2, 3)  # words of the captions that taggers learn from, in turn


class PlanParams(Params):
    """How the taggers are trained, by how many seeds, and how much the language model plans.

    ``captions`` are made up from templates and training words; one of six wants no words, and every second one quotes
    nothing, since prompts with quotes are none of a tagger's business. ``real`` and ``test`` count
    the prompts that are planned, each in both forms; null for all. ``chat`` counts the real prompts that the language
    model plans, each of a template of its own, none in most profiles, in replies of at most ``max_tokens``.
    """

    seeds: Count
    captions: Count
    updates: Count
    learning_rate: Positive
    real: Count | None
    chat: NonNegativeInt
    max_tokens: Count
    batch_size: Count


def plan(prepared: Path, prompts: Path, decoder: Path, *, out: Path, params: PlanParams, run: Run) -> None:
    """Plan every prompt by every planner, with its quotation marks and without them.

    Real prompts are GlyphControl's: their words are known because they stand in quotes. Made-up captions want no words:
    what is found there is a false alarm. Boxes are drawn after those of training canvases.

    Reads   prepared/words.json, prompts.jsonl, visual/<first stage>/train; prompts/: GlyphControl's; decoder/, where a
            language model plans
    Writes  plans.jsonl: a row per set (test, real, wordless), prompt, form, planner and seed: words wanted and found,
            boxes, how they were found, whether the planner fell back; taggers/<seed>/; fallbacks.json; replies.jsonl,
            the language model's
    Logs    tagger/loss (nats per word, the last update's) of the first seed
    Raises  TableMismatch
    """
    wordless = _wordless_rows(run.generator("captions without words"))
    asked = [*_test_rows(prompt_rows(prepared)), *_real_rows(prompts, params.real), *wordless]
    sampler = _box_sampler(prepared)
    rows = _planned(asked, REGEX, 0, _quotes(sampler, run.seed))
    for seed in range(params.seeds):
        tagger, loss = _trained(prepared, params, seed, run)
        (out / TAGGERS / str(seed)).mkdir(parents=True)
        tagger.save(out / TAGGERS / str(seed))
        if not seed:
            run.log({"tagger/loss": loss})
        rows += _planned(asked, TAGGER, seed, _tagger(tagger, sampler, run.seed))
    if params.chat:
        rows += _chat_rows(one_of_each(_of(asked, REAL), params.chat), decoder, params, out)
    write_plans(rows, out)
    told = Counter((row["planner"], row["set"], row["form"], row["how"]) for row in rows)
    write_json(out / "fallbacks.json", [[*key, count] for key, count in sorted(told.items())])
    run.say(f"{len(asked)} prompts in both forms, {len(rows)} plans, {sum(row['fallback'] for row in rows)} fallbacks")


def read_plans(folder: Path) -> list[dict[str, Any]]:
    """Return the rows that ``plan`` wrote."""
    return [json.loads(line) for line in (folder / PLANS).read_text(encoding="utf-8").splitlines()]


def write_plans(rows: Iterable[dict[str, Any]], folder: Path) -> None:
    """Write rows as `read_plans` reads them."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / PLANS).write_text(text, encoding="utf-8")


def template_of(prompt: str, words: Sequence[str]) -> str:
    """Return a prompt without its wanted words: prompts that differ by these alone share it, and are one cluster."""
    import re

    said = " ".join(prompt.casefold().split())
    for word in sorted(words, key=len, reverse=True):
        said = re.sub(rf"(?<!\w){re.escape(word.casefold())}(?!\w)", "·", said)
    return said


def _test_rows(prompts: Sequence[PromptRow]) -> list[dict[str, Any]]:
    """Return the test prompts in the forms that they have: unquoted all of them, quoted those that quote."""
    from tenfold.artist.quotations import without_quotes

    rows = []
    for one in prompts:
        about = {"set": TEST, "number": one.number, "template": str(one.number), "wanted": list(one.keywords)}
        if one.quoted:
            rows.append({**about, "form": QUOTED, "prompt": one.prompt})
        rows.append({**about, "form": UNQUOTED, "prompt": without_quotes(one.prompt)})
    return rows


def _real_rows(folder: Path, most: int | None) -> list[dict[str, Any]]:
    """Return the real prompts whose words are known, in both forms."""
    from tenfold.artist.prompt_sets import read_prompts
    from tenfold.artist.quotations import without_quotes

    rows = []
    for number, one in enumerate(read_prompts(folder)):
        bare, words = without_quotes(one.text), list(one.words)
        about = {"number": number, "wanted": words}
        if words:  # GlyphControl's; TextDiffuser's say not what they want, and templates have had theirs cut out
            about |= {"set": REAL, "template": template_of(bare, words)}
            rows += [{**about, "form": QUOTED, "prompt": one.text}, {**about, "form": UNQUOTED, "prompt": bare}]
    return rows if most is None else _spread(rows, most)


def _wordless_rows(generator: np.random.Generator) -> list[dict[str, Any]]:
    """Return captions that want no words, of every template that does: whole sentences, none with a word cut out."""
    from tenfold.artist.captions import KINDS, PLACES, SUBJECTS, WITHOUT_WORDS

    rows = []
    for place, template in enumerate(WITHOUT_WORDS):
        for number in range(ALARMS):
            filling = {
                name: items[int(generator.integers(0, len(items)))]
                for name, items in (("kind", KINDS), ("subject", SUBJECTS), ("place", PLACES))
            }
            about = {"set": WORDLESS, "number": place * ALARMS + number, "template": template, "wanted": []}
            rows.append({**about, "form": UNQUOTED, "prompt": template.format(**filling)})
    return rows


def _of(rows: Sequence[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["set"] == name]


def _spread(rows: Sequence[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """Return the rows of at most ``most`` prompts at equal distances."""
    numbers = list(dict.fromkeys(row["number"] for row in rows))
    count = min(len(numbers), most)
    kept = {numbers[place * len(numbers) // count] for place in range(count)}
    return [row for row in rows if row["number"] in kept]


def one_of_each(rows: Sequence[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """Return the rows of the first prompt of each of at most ``most`` templates at equal distances.

    Most real prompts share one template, which would be most of what is asked.
    """
    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(row["template"], row["number"])
    return _spread([row for row in rows if row["number"] in set(first.values())], most)


def _box_sampler(prepared: Path) -> BoxSampler:
    from tenfold.artist.box_sampler import BoxSampler

    return BoxSampler.fit(visual_set(prepared, stages_of(prepared)[0], "train").layouts)


def _quotes(sampler: BoxSampler, seed: int) -> Planner:
    from tenfold.artist.planners import QuotePlanner

    return QuotePlanner(sampler, seed)


def _tagger(tagger: KeywordTagger, sampler: BoxSampler, seed: int) -> Planner:
    from tenfold.artist.planners import TaggerPlanner

    return TaggerPlanner(tagger, sampler, seed)


def _trained(prepared: Path, params: PlanParams, seed: int, run: Run) -> tuple[KeywordTagger, float]:
    """Return the tagger of a seed, trained on captions with training words alone, and its last loss."""
    from tenfold.artist.captions import caption
    from tenfold.artist.tagger import train_tagger

    generator, words = run.generator(f"captions {seed}"), read_json(prepared / WORDS)["train"]
    captions = [
        caption(
            [words[int(place)] for place in generator.integers(0, len(words), COUNTS[number % len(COUNTS)])],
            generator,
            quotes="none" if number // len(COUNTS) % 2 else None,
        )
        for number in range(params.captions)
    ]
    tagger, losses = train_tagger(captions, seed=seed, updates=params.updates, learning_rate=params.learning_rate)
    return tagger, losses[-1]


def _planned(asked: Sequence[dict[str, Any]], name: str, seed: int, planner: Planner) -> list[dict[str, Any]]:
    from tenfold.artist.plans import NoKeywords

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoKeywords)  # many prompts want none; they are counted
        plans = planner.plan([row["prompt"] for row in asked])
    return [_row(about, name, seed, found) for about, found in zip(asked, plans, strict=True)]


def _row(about: dict[str, Any], planner: str, seed: int, found: Plan) -> dict[str, Any]:
    told = found.described()
    words = [text.casefold() for text in found.texts]
    hits = sum((Counter(words) & Counter(word.casefold() for word in about["wanted"])).values())
    boxes = [keyword["box"] for keyword in told["keywords"]]
    fallback = found.how == "centred rows"
    return {
        **about,
        "planner": planner,
        "seed": seed,
        "how": found.how,
        "fallback": fallback,
        "found": list(found.texts),
        "boxes": boxes,
        "hits": hits,
    }


def _chat_rows(asked: Sequence[dict[str, Any]], decoder: Path, params: PlanParams, out: Path) -> list[dict[str, Any]]:
    """Return what the language model plans; where it fails, quoted words alone help it, and that is a fallback."""
    from tenfold.artist.planners import ChatPlanner
    from tenfold.chat.client import Client
    from tenfold.chat.transcript import Transcript
    from tenfold.language.decoder import load_decoder
    from tenfold.language.generation import LocalModel

    with Transcript(out / "replies.jsonl") as kept:
        client = Client(LocalModel(load_decoder(decoder), batch=params.batch_size), kept)
        planner = ChatPlanner(client, aspect=4.0, max_tokens=params.max_tokens)
        return _planned(asked, CHAT, 0, planner)
