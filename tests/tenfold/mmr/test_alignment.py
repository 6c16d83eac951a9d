"""PNLS against a plain alignment that is written from its description, and its corrections against their words."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenfold.mmr.alignment import ABOVE, alignment_share, pnls, pnls_length, pnls_spaceless
from tenfold.mmr.alignment_table import CELLS, Table, batches
from tenfold.mmr.errors import InvalidPredictions

ALPHABETS = ("ab", "ab-", 'a-" ', "abcdefgh ", "-", "héßİ\U0001f600\u0301 x-", 'abc  "', "\ud800a")


def plain(reference: str, reply: str) -> float:
    """The released score by a table and a walk back through it, as its description has it."""
    if not reference:
        return 1.0
    rows, columns = len(reference), len(reply)
    table = [[0] * (columns + 1)] + [[-row] + [0] * columns for row in range(1, rows + 1)]
    for i in range(1, rows + 1):
        for j in range(1, columns + 1):
            gain = 1 if reference[i - 1] == reply[j - 1] else -1
            table[i][j] = max(table[i - 1][j - 1] + gain, table[i - 1][j] - 1, table[i][j - 1] - 1)
    best, j = -1, 0
    for column in range(1, columns + 1):
        if table[rows][column] > best:
            best, j = table[rows][column], column
    i, aligned = rows, []
    while i or j:
        gain = 1 if i and j and reference[i - 1] == reply[j - 1] else -1
        if i and j and table[i][j] == table[i - 1][j - 1] + gain:
            i, j = i - 1, j - 1
            aligned.append((reference[i], reply[j]))
        elif i and (not j or table[i][j] == table[i - 1][j] - 1):
            i -= 1
            aligned.append((reference[i], "-"))
        else:
            j -= 1
            aligned.append(("-", reply[j]))
    aligned.reverse()
    upper = [one for one, _ in aligned]
    first = upper.index(reference[0])
    last = len(upper) - upper[::-1].index(reference[-1])
    return sum(one == other for one, other in aligned[first:last]) / (last - first)


def adversarial(count: int, seed: int) -> list[tuple[str, str]]:
    """Pairs with shared beginnings, slips, verbose replies, hyphens, double spaces, quotes, nothing, and any script."""
    chance = random.Random(seed)

    def text(alphabet: str, most: int) -> str:
        return "".join(chance.choices(alphabet, k=chance.randint(0, most)))

    def slips(one: str, alphabet: str) -> str:
        letters = list(one)
        for _ in range(chance.randint(0, 4)):
            place = chance.randint(0, len(letters))
            letters[place : place + chance.randint(0, 1)] = chance.choice(["", chance.choice(alphabet)])
        return "".join(letters)

    pairs = []
    for _ in range(count):
        alphabet = chance.choice(ALPHABETS)
        one = text(alphabet, 9)
        other = chance.choice(
            [
                text(alphabet, 16),
                text(alphabet, 4) + slips(one, alphabet) + text(alphabet, 4),
                one[: chance.randint(0, len(one))] + text(alphabet, 5) + one[: chance.randint(0, len(one))],
                one.replace(" ", "  ").replace("-", ""),
            ]
        )
        pairs.append((one, other))
    return pairs


def test_ten_thousand_adversarial_pairs_score_as_by_the_plain_alignment():
    pairs = adversarial(10_000, seed=3)
    expected = [plain(*pair) for pair in pairs]
    assert alignment_share(*zip(*pairs, strict=True)).tolist() == expected
    assert len(set(expected)) > 50  # the pairs tell scores apart


@settings(max_examples=60)
@given(st.lists(st.tuples(st.text("ab- é", max_size=12), st.text("ab- é", max_size=40)), max_size=12))
def test_any_batch_scores_each_pair_as_by_itself(pairs: list[tuple[str, str]]):
    found = alignment_share([one for one, _ in pairs], [other for _, other in pairs])
    assert found.tolist() == [plain(*pair) for pair in pairs]
    assert ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize("reference", ["-b-a", "b-ab", "a", "ab ba ab", "-"])
def test_replies_cut_into_windows_score_as_whole_ones(reference: str):
    chance = random.Random(5)
    replies = ["".join(chance.choices("ab- c", k=size)) for size in (0, 530, 790, 1300, 2000)]
    replies.append("c" * 900 + reference[1:] + "c" * 600 + reference[:-1] + "c" * 500)
    expected = [plain(reference, one) for one in replies]
    assert alignment_share([reference] * len(replies), replies).tolist() == expected


def test_strictness_above_nine_tenths():
    near, one_of_eleven = pnls(["abcdefghij", "abcdefghijk"], ["abcdefghix", "abcdefghijx"]), 10 / 11
    assert near.tolist() == [0.9, one_of_eleven]
    assert (near > ABOVE).tolist() == [False, True]


@pytest.mark.parametrize(
    ("reference", "reply", "expected"),
    [
        ("Dune", "The title of this book is DUNE, by Frank Herbert", 1.0),  # a verbose reply wins
        ("The title of this book is Dune", "dune", 0.0),  # and the direction matters
        ("two words", "two  words", 9 / 10),  # an inner double space costs a gap
        ("a-b", "ab", 1.0),  # a gap is written as a hyphen
        ("-", "", 1.0),
        ("--", "", 1.0),
        ("a", "", 0.0),
        ("", "anything", 1.0),
        ('"', "anything", 1.0),  # nothing is left of an unbalanced quote
        ('"TREVETHLAN', "Trevethlan", 1.0),
        ("ÉCOLE İ", "école i̇", 1.0),
        ("東京", "東京タワー", 1.0),
        ("abc", "xyz", 0.0),
        ("-a", "xxxxxxxx-a", 2 / 10),  # counted from the reply's beginning
    ],
)
def test_golden_scores(reference: str, reply: str, expected: float):
    assert pnls([reference], [reply]).tolist() == [pytest.approx(expected)]
    assert pnls([reference], [reply])[0] == plain(reference.lower().replace('"', ""), reply.lower())


def test_the_reply_keeps_its_quotes_where_the_reference_loses_them():
    assert pnls(["ab"], ['a"b'])[0] == plain("ab", 'a"b') < 1


def test_the_length_penalty_counts_the_whole_reply_and_no_hyphen_for_a_gap():
    found = pnls_length(
        ["Dune", "a-b", "two words", "Dune", "", "?!", ""], ["x Dune", "ab", "two\n WORDS.", "", "a", "?!", ""]
    )
    assert found.tolist() == [4 / 6, 2 / 3, 1, 0, 0, 1, 1]
    dump = "company address date total " * 20 + "Dune"
    assert pnls(["Dune"], [dump]) == 1 and pnls_length(["Dune"], [dump])[0] < 0.01


@settings(max_examples=60)
@given(st.text("ab- ", max_size=9), st.text("ab- ", max_size=20))
def test_a_longer_reply_never_gains_by_the_length_penalty(reference: str, reply: str):
    assert 0 <= pnls_length([reference], [reply])[0] <= 1
    assert pnls_length([reference], [reference])[0] == 1


def test_without_spaces_an_engine_that_writes_none_is_right():
    assert pnls(["the long way"], ["thelongway"])[0] < ABOVE
    assert pnls_spaceless(["the long way"], ["thelong\tway"])[0] == 1
    assert pnls_spaceless(["   "], ["x"])[0] == 1  # nothing is left of the reference


def test_a_reply_of_twenty_thousand_characters_takes_no_more_memory_than_its_windows():
    windows = [window for _ in range(20) for window in _windows_of(30, 20_000)]
    assert all(len(batch) * max(one.stop - one.start for one in batch) <= CELLS for batch in batches(windows))
    reply = "harry potter and a dog x " * 800
    started = time.process_time()
    found = alignment_share(["harry potter and the chamber"] * 2, [reply, reply + "harry potter and the chamber"])
    assert found[1] == 1 and 0.5 < found[0] < 0.9
    assert time.process_time() - started < 30  # a bound against a hang, not a timing


def _windows_of(m: int, n: int) -> list:
    from tenfold.mmr.alignment import _windows

    return list(_windows(0, m, n))


def test_texts_that_do_not_pair_up_or_do_not_fit_are_refused():
    with pytest.raises(InvalidPredictions, match="2 references cannot be compared with 1 replies"):
        pnls(["a", "b"], ["a"])
    with pytest.raises(InvalidPredictions, match="too long"):
        Table(["a" * 40_000], ["b"], hyphen_is_gap=True)
    assert pnls([], []).shape == (0,) and pnls([], []).dtype == np.float64
