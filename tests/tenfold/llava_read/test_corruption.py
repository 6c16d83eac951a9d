"""Words with a share of their characters wrong."""

from __future__ import annotations

import pytest

from tenfold.llava_read.corruption import corrupted
from tenfold.llava_read.reading_errors import InvalidPrompt
from tenfold.ocr.page import Page, Word

PAGE = Page(100, 100, (Word("Harvest", (0, 0, 50, 10)), Word("1945-07:" * 600, (0, 20, 90, 30))), "described")


def wrong(page: Page) -> float:
    pairs = [(a, b) for one, other in zip(PAGE.words, page.words, strict=True) for a, b in zip(one.text, other.text)]  # noqa: B905
    asked = [(a, b) for a, b in pairs if a.isalnum()]
    return sum(a != b for a, b in asked) / len(asked)


@pytest.mark.parametrize("share", [0.05, 0.15, 0.30])
def test_the_share_of_wrong_characters_is_what_was_asked_for(share):
    page = corrupted(PAGE, share, seed=0)
    assert wrong(page) == pytest.approx(share, abs=0.025)
    assert page.engine == f"corrupted {100 * share:g} % (described)"
    assert [word.box for word in page.words] == [word.box for word in PAGE.words]
    assert page == corrupted(PAGE, share, seed=0) != corrupted(PAGE, share, seed=1)


def test_letters_stay_letters_digits_digits_and_the_rest_as_it_is():
    page = corrupted(PAGE, 1.0, seed=0)
    for one, other in zip(PAGE.words, page.words, strict=True):
        for before, after in zip(one.text, other.text, strict=True):
            assert (before == after) == (not before.isalnum())
            assert (before.isdigit(), before.isupper()) == (after.isdigit(), after.isupper())
    assert corrupted(PAGE, 0, seed=0).words == PAGE.words


def test_a_share_beyond_one_is_refused():
    with pytest.raises(InvalidPrompt, match=r"0 to 1.*1\.5"):
        corrupted(PAGE, 1.5, seed=0)
