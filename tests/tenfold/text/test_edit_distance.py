"""Edit distances against the plain recursion, and ANLS in both conventions with its known values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.text.anls import anls_docvqa, anls_lmms
from tenfold.text.edit_distance import edit_distance_table, edit_distances, normalised_edit_similarity
from tenfold.text.errors import UnpairedTexts

TEXT = st.text(alphabet="abAé ", max_size=7)


def plain(one: str, other: str) -> int:
    """Return the distance by its definition, row by row."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


@given(st.lists(st.tuples(TEXT, TEXT), max_size=5))
def test_distances_are_those_of_the_definition(pairs):
    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    wanted = [plain(a, b) for a, b in pairs]
    assert edit_distances(one, other).tolist() == wanted
    table = edit_distance_table(one, other)
    assert table.shape == (len(pairs), len(pairs)) and table.diagonal().tolist() == wanted


def test_unpaired_texts_are_refused():
    with pytest.raises(UnpairedTexts, match="2 texts"):
        edit_distances(["a", "b"], ["a"])
    with pytest.raises(UnpairedTexts, match="none empty"):
        anls_lmms(["a"], [[]])
    with pytest.raises(UnpairedTexts, match="3 lists"):
        anls_docvqa(["a", "b", "c"], [["a"]])


@pytest.mark.parametrize(
    ("prediction", "references", "lmms", "docvqa"),
    [
        ("kitten", ["sitting"], 1 - 3 / 7, 1 - 3 / 7),
        ("ab", ["a"], 0.5, 0.0),  # exactly a half
        ("completely unrelated text here", ["x"], 0.0, 0.0),
        ("kitten", ["x", "kitten"], 1.0, 1.0),
        ("", [""], 1.0, 1.0),
        ("Total  42", ["total 42"], 1.0, 1.0),
        ("abc   d", ["abc e"], 1 - 1 / 7, 1 - 1 / 5),  # the raw text is longer than the normalised one
    ],
)
def test_anls_has_its_known_values(prediction, references, lmms, docvqa):
    assert anls_lmms([prediction], [references])[0] == pytest.approx(lmms)
    assert anls_docvqa([prediction], [references])[0] == pytest.approx(docvqa)


@given(st.lists(st.tuples(TEXT, st.lists(TEXT, min_size=1, max_size=3)), min_size=1, max_size=5))
def test_many_items_score_as_each_by_itself(items):
    predictions, references = [a for a, _ in items], [b for _, b in items]
    for score in (anls_lmms, anls_docvqa):
        alone = [score([a], [b])[0] for a, b in items]
        assert score(predictions, references) == pytest.approx(np.array(alone))


def test_similarity_is_that_of_anytext():
    assert normalised_edit_similarity(["abcd", "", "x"], ["abcx", "", ""]) == pytest.approx([0.75, 1, 0], abs=1e-4)
