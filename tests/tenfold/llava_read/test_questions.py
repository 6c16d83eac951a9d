"""Every answer is found again from the description by other means; a guess from the question alone is at chance."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from tenfold.llava_read.contents import COLOURS, SHAPES
from tenfold.llava_read.pages import draw_pages
from tenfold.llava_read.parts import PARTS, Part
from tenfold.llava_read.questions import KINDS, SIGHT, Question, questions_about
from tenfold.llava_read.reading_errors import InvalidQuestion
from tenfold.rendering.colours import NAMED
from tenfold.rendering.fonts import bundled_fonts

COUNTS: dict[Part, int] = {"train": 160, "validation": 20, "test": 80}


@pytest.fixture(scope="module")
def parts():
    return {part: list(draw_pages(part, COUNTS[part], seed=3, fonts=bundled_fonts())) for part in PARTS}


@pytest.fixture(scope="module")
def pages(parts):
    return [page for part in PARTS for page in parts[part]]


def middle(box):
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def quoted(question):
    return question.question.split('"')[1]


def lines_of(page):
    """Return each line's text, without a name's colon, with its box; roles and facts are left aside."""
    return [(line["text"].rstrip(":"), line["box"]) for line in page.description["lines"]]


def box_of(page, text):
    (box,) = [box for one, box in lines_of(page) if one == text]
    return box


def right_of(page, box):
    """Return the text whose middle is level with ``box`` and whose left edge is the next one to the right."""
    level = [
        (other[0], text)
        for text, other in lines_of(page)
        if other[0] >= box[2] and other[1] < middle(box)[1] < other[3]
    ]
    return min(level)[1]


def next_in_column(page, box, downwards):
    """Return the text nearest above or below of those that begin near where ``box`` begins or ends."""
    aligned = [
        (abs(middle(other)[1] - middle(box)[1]), text)
        for text, other in lines_of(page)
        if (min(abs(other[0] - box[0]), abs(other[2] - box[2])) <= 4)
        and (other[1] > middle(box)[1] if downwards else other[3] < middle(box)[1])
    ]
    return min(aligned)[1]


def over(page, box, direction):
    """Return the text of a chart right above (-1) or below (1) a box, whose middle is the same."""
    x, y = middle(box)
    near = [
        (abs(middle(other)[1] - y), text)
        for text, other in lines_of(page)
        if abs(middle(other)[0] - x) <= 3
        and direction * (middle(other)[1] - y) > 0
        and text != page.description["facts"]["title"]
    ]
    return min(near)[1]


def bar_colour(page, box):
    """Return the name of the colour that most pixels have in the column over a bar's name."""
    x = round(middle(box)[0])
    strip = page.image[: box[1] - 6, x - 2 : x + 3].reshape(-1, 3).astype(int)
    counts = {name: int((np.abs(strip - NAMED[name]).sum(axis=1) < 12).sum()) for name in COLOURS}
    return max(counts, key=lambda name: counts[name])


def recomputed(page, question):
    values = {text: box for text, box in lines_of(page) if text.isdigit()}
    shapes = [(one["name"], one["colour"]) for one in page.description["shapes"]]
    match question.stratum:
        case "title":
            (tallest,) = [line["text"] for line in page.description["lines"] if line["role"] == "title"]
            return tallest
        case "beside":
            return right_of(page, box_of(page, quoted(question)))
        case "above" | "below":
            return next_in_column(page, box_of(page, quoted(question)), question.stratum == "below")
        case "colour":
            return next(colour for name, colour in shapes if f"the {name}?" in question.question)
        case "object":
            return next(name for name, colour in shapes if f"is {colour}?" in question.question)
        case "value":
            return over(page, box_of(page, quoted(question)), -1)
        case "name":
            return over(page, values[question.question.split()[-1].rstrip("?")], 1)
        case "extreme":
            tops = {text: box[1] for text, box in values.items()}
            pick = min if "highest" in question.question else max  # the highest bar's value stands highest
            best = pick(tops.values())
            return {over(page, values[text], 1) for text, top in tops.items() if abs(top - best) <= 2}
        case "bar colour":
            return bar_colour(page, box_of(page, quoted(question)))
    raise AssertionError(question.stratum)


def test_every_answer_is_found_again_from_boxes_and_pixels(pages):
    seen = Counter()
    for page in pages:
        for question in page.questions:
            found = recomputed(page, question)
            expected = question.answers[0]
            assert expected in found if isinstance(found, set) else expected == found, (page.id, question)
            seen[question.stratum] += 1
    assert set(seen) == {
        "title",
        "beside",
        "above",
        "below",
        "colour",
        "object",
        "value",
        "name",
        "extreme",
        "bar colour",
    }
    assert min(seen.values()) >= 20


def test_every_page_has_four_questions_and_every_kind_as_many(pages):
    kinds = Counter(question.kind for page in pages for question in page.questions)
    assert set(kinds) == set(KINDS) - {"receipt"}
    assert len(set(kinds.values())) == 1
    assert all(len(page.questions) == 4 and {one.page for one in page.questions} == {page.id} for page in pages)
    assert len({question.id for page in pages for question in page.questions}) == 4 * len(pages)


def test_what_is_named_and_what_answers_stand_once_on_the_page(pages):
    for page in pages:
        texts = Counter(text.casefold() for text, _ in lines_of(page))
        for question in page.questions:
            if question.stratum not in SIGHT:
                assert texts[question.answers[0].casefold()] == 1
                assert question.text_size == next(
                    line["size"]
                    for line in page.description["lines"]
                    if line["text"].rstrip(":") == question.answers[0]
                )
            if '"' in question.question:
                assert texts[quoted(question).casefold()] == 1


def test_texts_never_answer_what_eyes_are_asked(pages):
    for page in pages:
        read = {word.text.casefold().strip(":") for word in page.truth.words}
        assert not read & {*COLOURS, *SHAPES}


def test_colours_and_shapes_are_asked_for_equally_often_with_each_other(parts):
    """In 80 pages, 64 without a chart: every pair of a shape and a colour once, in both kinds."""
    pages = parts["test"]
    for kind in ("colour", "object"):
        asked = [one for page in pages for one in page.questions if one.kind == kind]
        pairs = Counter((one.question, one.answers[0]) for one in asked)
        assert len(pairs) == 64 and set(pairs.values()) == {1}
    early = [one.answers[0] for page in pages[:10] for one in page.questions if one.kind == "colour"]
    assert len(set(early)) == 8


def test_a_blind_guess_from_the_question_is_at_chance(parts):
    """Letters of the question, classified: trained on training pages, no better on test pages than the commonest."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB

    sets: dict[str, dict[str, list[Question]]] = {}
    for part in ("train", "test"):
        sets[part] = defaultdict(list)
        for page in parts[part]:
            for question in page.questions:
                sets[part]["bar colour" if question.stratum == "bar colour" else question.kind].append(question)
    for kind, asked in sets["train"].items():
        letters = CountVectorizer(analyzer="char_wb", ngram_range=(1, 3))
        model = MultinomialNB().fit(
            letters.fit_transform([one.question for one in asked]), [one.answers[0] for one in asked]
        )
        tested = sets["test"][kind]
        guessed = model.predict(letters.transform([one.question for one in tested]))
        right = np.mean([guess == one.answers[0] for guess, one in zip(guessed, tested, strict=True)])
        chance = 1 / 8 if kind in ("colour", "object", "bar colour") else 0.02
        spread = 3 * np.sqrt(chance * (1 - chance) / len(tested))
        assert right <= chance + spread, (kind, right)


def test_pages_without_a_table_or_a_chart_and_questions_without_answers_are_refused():
    with pytest.raises(InvalidQuestion, match="neither cells nor bars"):
        questions_about("p", {"layout": "receipt", "facts": {}, "shapes": []}, number=0, seed=0)
    with pytest.raises(InvalidQuestion, match="no kind is called 'smell'"):
        Question("a", "p", "smell", "?", ("x",))
    for answers in ((), ("",), "red"):
        with pytest.raises(InvalidQuestion, match="answers must be"):
            Question("a", "p", "text", "?", answers)
    with pytest.raises(InvalidQuestion, match="needs an id"):
        Question("a", "", "text", "?", ("x",))
