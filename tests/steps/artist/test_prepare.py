"""What is drawn shares no word, photograph or face between parts; the prompts' boxes hold their words; ceilings."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from steps.artist import canvas_sets as sets
from steps.artist.ceilings import _others
from steps.artist.prepare import _quotes, prepare
from steps.step.json_files import read_json
from tenfold.artist.captions import caption
from tenfold.artist.layouts import InvalidLayout
from tenfold.artist.parts import SharedParts
from tenfold.ocr.errors import EngineNotInstalled
from tests.steps.artist.material import FACES, HELD_OUT, make_prepared, prepare_params, run_of, write_sources

pytestmark = pytest.mark.skipif(find_spec("rapidocr") is None, reason="rapidocr is not installed")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return make_prepared(tmp_path_factory.mktemp("artist"))


def test_parts_share_no_word_no_photograph_and_no_face(prepared):
    words = {name: set(found) for name, found in read_json(prepared / sets.WORDS).items()}
    assert not words["train"] & words["validation"] and not (words["train"] | words["validation"]) & words["test"]
    for stage in sets.stages_of(prepared):
        train, validation = (sets.visual_set(prepared, stage, part) for part in ("train", "validation"))
        assert {word for one in train.words for word in one} <= words["train"]
        assert {word for one in validation.words for word in one} <= words["validation"]
        test = sets.real_composites(prepared, stage)
        assert {word for one in test.words for word in one} <= words["test"]
        assert set(train.fonts) | set(validation.fonts) <= set(FACES)
        assert test.fonts.count(HELD_OUT) == 2 and set(test.fonts) - {HELD_OUT} <= set(FACES)
    for name in sets.TEXT_PARTS:
        found = sets.text_set(prepared, name)
        part = "validation" if name.startswith("validation") else "train"
        assert {word for layout in found.layouts for word in layout.texts} <= words[part]
        assert {len(layout.words) for layout in found.layouts} == {2 if name.endswith("sentences") else 1}
    one, other = ({each.tobytes() for each in sets.backgrounds(prepared, part)} for part in ("train", "test"))
    assert one and other and not one & other
    faces = {face["name"]: face["part"] for face in read_json(prepared / sets.FONTS)}
    assert faces == dict.fromkeys(FACES, "seen") | {HELD_OUT: "held_out"}


def test_stages_and_shares(prepared):
    grey, colour = (sets.visual_set(prepared, stage, "train") for stage in ("grey", "colour"))
    assert sum(len(words) == 2 for words in grey.words) == 5 == sum(len(words) == 2 for words in colour.words)
    spread = [int(np.ptp(stage.images.astype(int), axis=-1).max()) for stage in (grey, colour)]
    assert spread[0] <= 3 < 50 < spread[1]  # of red, green and blue; blending rounds
    smaller = sets.chosen(grey, range(8))
    assert len(smaller) == 8 and smaller.layouts == grey.layouts[:8] and np.array_equal(smaller.images, grey.images[:8])


def test_prompts_ask_for_what_the_real_composites_show(prepared):
    prompts, real = sets.prompt_rows(prepared), sets.real_composites(prepared, "grey")
    assert [row.number for row in prompts] == list(range(8)) and len(real) == 8
    assert [row.seen for row in prompts] == [True] * 4 + [False] * 2 + [True] * 2
    assert [len(row.keywords) for row in prompts] == [1] * 6 + [2] * 2
    for row, layout, glyphs in zip(prompts, real.layouts, real.glyphs, strict=True):
        assert row.layout == layout and all(word in row.prompt for word in row.keywords)
        outside = glyphs.copy()
        for x0, y0, x1, y1 in row.boxes:
            assert glyphs[y0:y1, x0:x1].max() > 100
            outside[y0:y1, x0:x1] = 0
        assert not outside.any()
        assert sets.PromptRow.from_row(json.loads(json.dumps(row.row()))) == row
    said = caption(["open"], np.random.default_rng(0), quotes="curly")
    assert _quotes(said.text, said.span) == "curly"
    assert not replace(prompts[0], quotes="none").quoted and replace(prompts[0], quotes="single").quoted


def test_text_images_come_back_as_they_were(prepared, tmp_path):
    found = sets.text_set(prepared, "sentences")
    found.save(tmp_path / "again.npz")
    again = sets.GlyphSet.load(tmp_path / "again.npz")
    assert again.layouts == found.layouts and np.array_equal(again.glyphs, found.glyphs)
    (tmp_path / "broken.npz").write_bytes((tmp_path / "again.npz").read_bytes()[:300])
    with pytest.raises(InvalidLayout, match="no text images"):
        sets.GlyphSet.load(tmp_path / "broken.npz")


def test_the_reader_has_a_ceiling_and_reads_no_wrong_word(prepared):
    rows = {(row["stage"], row["mode"]): row for row in sets.ceilings(prepared)}
    kinds = ("crop", "crop_seen", "crop_unseen", "crop_two_words", "canvas")
    assert set(rows) == {(stage, mode) for stage in ("grey", "colour") for mode in kinds}
    assert rows["grey", "crop"]["words"] == 1 == rows["grey", "crop"]["letters"]
    assert all(row["wrong_words"] == 0 and "PP-OCRv6" in row["version"] for row in rows.values())
    assert rows["grey", "crop_unseen"]["images"] == 2 and rows["grey", "crop_two_words"]["images"] == 2


def test_wrong_words_are_never_the_right_ones():
    wanted = [["one"], ["one"], ["two", "six"], ["ten"]]
    assert _others(wanted) == [["two"], ["two"], ["ten", "one"], ["one"]]
    assert _others([["one"], ["one"]]) == [["\0"], ["\0"]]


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    small = {"stages": ["grey"], "test": {"one_word": 2, "unseen_font": 1, "two_words": 0}}

    def digests(folder, seed):
        out = make_prepared(tmp_path / folder, seed=seed, **small)
        files = sorted(path for path in out.rglob("*") if path.is_file())
        return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    assert digests("one", 0) == digests("again", 0) != {}


def test_what_cannot_be_is_refused(tmp_path):
    made = write_sources(tmp_path / "sources")
    with pytest.raises(SharedParts, match="STIXGeneral Regular"):
        prepare(
            **made,
            out=tmp_path / "a",
            params=prepare_params(fonts=[*FACES, "STIXGeneral Regular"], held_out=[HELD_OUT]),
            run=run_of("prepare", tmp_path / "a"),
        )
    with pytest.raises(EngineNotInstalled):
        import tenfold.ocr.reading as reading

        def refuse():
            raise EngineNotInstalled("not here: install it")

        known = dict(reading.ENGINES)
        try:
            reading.ENGINES["absent"] = refuse
            prepare(
                **made,
                out=tmp_path / "b",
                params=prepare_params(stages=["grey"], engines=["absent"]),
                run=run_of("prepare", tmp_path / "b"),
            )
        finally:
            reading.ENGINES.clear()
            reading.ENGINES.update(known)
