"""Questions are asked in the specification's words, answered truly, and give away no more than they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenfold.commit_tuning import SUBJECTS, InvalidSubject, Subject, answer_prior, ask, blind_accuracy
from tenfold.commit_tuning.questions import CIFAR10, Question, article

LABELS = np.arange(600) % 10
NAMES = [f"train-{place}" for place in range(600)]


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_every_answer_is_true_and_in_the_specified_words(subject):
    questions = ask(subject, NAMES, LABELS, seed=1)
    assert len(questions) == 3 * len(NAMES) and len({one.id for one in questions}) == len(questions)
    for one in questions:
        name = subject.classes[LABELS[NAMES.index(one.item)]]
        if one.kind == "name":
            assert (one.question, one.answer) == ("what is it ?", name) and 1 <= len(one.answer.split()) <= 3
        elif one.kind == "property":
            word = one.question.removeprefix("is it ").removesuffix(" ?")
            assert one.answer == ("yes" if name in subject.properties[word] else "no")
        else:
            asked = one.question.removesuffix(" ?").split(" ", 3)[-1]
            assert one.question == f"is it {article(asked)} {asked} ?" and asked in subject.classes
            assert one.answer == ("yes" if asked == name else "no")


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_the_words_alone_give_little_away(subject):
    train = ask(subject, NAMES, LABELS, seed=1)
    test = ask(subject, [f"test-{place}" for place in range(600)], LABELS, seed=1)
    prior, blind = answer_prior(train), blind_accuracy(train, test)
    assert prior["name"] == {name: 0.1 for name in subject.classes}
    assert 0.45 < prior["class"]["yes"] < 0.55
    assert blind["name"] == 0.1 and 0.4 < blind["class"] < 0.62 and 0.4 < blind["property"] < 0.8


def test_blind_accuracy_is_that_of_the_commonest_answer_to_the_same_words():
    def asked(answer: str, words: str = "is it alive ?") -> Question:
        return Question(answer, "item", "property", words, answer)

    train = [asked("yes"), asked("no"), asked("no")]
    assert blind_accuracy(train, [asked("no"), asked("no"), asked("yes"), asked("no", "is it red ?")]) == {
        "property": 0.5
    }


@given(st.lists(st.integers(0, 599), min_size=1, max_size=8, unique=True), st.integers(0, 3))
@settings(max_examples=20)
def test_what_is_asked_of_an_item_depends_on_nothing_but_its_name_and_the_seed(places, seed):
    whole = {one.id: one for one in ask(CIFAR10, NAMES, LABELS, seed=seed)}
    some = ask(CIFAR10, [NAMES[place] for place in places], LABELS[places], seed=seed)
    assert all(whole[one.id] == one for one in some)


def test_another_seed_asks_otherwise():
    assert ask(CIFAR10, NAMES, LABELS, seed=1) != ask(CIFAR10, NAMES, LABELS, seed=2)


def test_labels_that_are_no_classes_are_refused():
    with pytest.raises(InvalidSubject, match="labels 0 to 9, not 10"):
        ask(CIFAR10, ["one"], np.array([10]), seed=0)
    with pytest.raises(InvalidSubject, match="2 items and 1 labels"):
        ask(CIFAR10, ["one", "two"], np.array([1]), seed=0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"classes": ("a", "a")}, "different names"),
        ({"classes": ("a", "one of four words")}, "one to three words"),
        ({"classes": ("a", "B")}, "small letters"),
        ({"properties": {"red": frozenset({"c"})}}, "said of c"),
        ({"properties": {"red": frozenset({"a", "b"})}}, "known beforehand"),
        ({"properties": {"red": frozenset()}}, "known beforehand"),
    ],
)
def test_a_subject_without_sense_is_refused(changes, words):
    with pytest.raises(InvalidSubject, match=words):
        Subject(
            **(
                {"name": "s", "medium": "image", "classes": ("a", "b"), "properties": {"red": frozenset({"a"})}}
                | changes
            )
        )


def test_without_properties_names_and_classes_alone_are_asked_for():
    subject = Subject("s", "image", ("cup", "pot"), {})
    asked = ask(subject, ["a", "b"], np.array([0, 1]), seed=0)
    assert [one.kind for one in asked] == ["name", "class"] * 2 and asked[0].answer == "cup"
