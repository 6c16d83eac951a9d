"""A run's folder: what killed processes left is in nobody's way, and replies are scored against what was asked."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from tenfold.chat.errors import TranscriptInUse
from tenfold.command_line import InvalidOutput
from tenfold.mmr.errors import InvalidPredictions
from tenfold.mmr.item_sources import NamedItems
from tenfold.mmr.items import ItemSet
from tenfold.mmr.models import ModelOptions, model_named
from tenfold.mmr.run import Run
from tenfold.mmr.run_folder import RUN, check_items, items_of_run, keep_items, open_run, settings_of
from tenfold.mmr.showing import Showing

SETTINGS = {"items": {"name": "made", "folder": None}, "style": "official"}


def leave(folder, *names):
    """Leave what a killed process does: files, and a folder for items."""
    for name in names:
        (folder / name).write_text("half of")
    kept = folder / f".{os.getpid()}.unfinished"
    kept.mkdir()
    (kept / "items.jsonl").write_text("half of")


@pytest.mark.parametrize("resume", [False, True])
def test_a_run_begins_where_one_was_killed_before_it_had_begun(tmp_path, resume):
    leave(tmp_path, f".run.json.{os.getpid()}.unfinished", ".transcript.jsonl.lock")
    (tmp_path / "transcript.jsonl").touch()
    with open_run(tmp_path, SETTINGS, resume=resume):
        assert not list(tmp_path.glob(".*.unfinished")) and settings_of(tmp_path) == SETTINGS


def test_a_run_goes_on_after_a_kill_with_the_number_of_the_killed_process(items, tmp_path):
    out = tmp_path / "run"
    with open_run(out, SETTINGS, resume=False):
        keep_items(items, out)
    leave(out, ".page.html.7.unfinished", f".run.json.{os.getpid()}.unfinished")
    with open_run(out, SETTINGS, resume=True):
        assert not list(out.glob(".*.unfinished"))
        leave(out)
        keep_items(items, out)  # even beside what is left of the same number
    assert items_of_run(out).rows == items.rows


@pytest.mark.parametrize("kept", ["transcript.jsonl", "ocr.jsonl", None])
def test_a_run_that_ends_before_anything_was_answered_leaves_no_folder(items, tmp_path, kept):
    out = tmp_path / "run"
    with pytest.raises(KeyError), open_run(out, SETTINGS, resume=False):
        keep_items(items, out)
        if kept:
            (out / kept).write_text("{}\n")
        raise KeyError
    assert out.exists() == (kept is not None)
    own = tmp_path / "own"
    own.mkdir()
    with pytest.raises(KeyError), open_run(own, SETTINGS, resume=False):
        raise KeyError
    assert own.is_dir()


def test_a_run_that_is_under_way_keeps_its_unfinished_files(tmp_path):
    with open_run(tmp_path / "run", SETTINGS, resume=False):
        leave(tmp_path / "run", ".page.html.7.unfinished")
        with pytest.raises(TranscriptInUse), open_run(tmp_path / "run", SETTINGS, resume=True):
            pass
        assert len(list((tmp_path / "run").glob(".*.unfinished"))) == 2


@pytest.mark.parametrize("name", ["transcript.jsonl", "novel.unfinished", ".novel"])
def test_what_no_kill_leaves_is_not_written_over(tmp_path, name):
    (tmp_path / name).write_text("once")
    with pytest.raises(InvalidOutput, match="something else"), open_run(tmp_path, SETTINGS, resume=True):
        pass
    assert os.listdir(tmp_path) == [name] and not (tmp_path / RUN).exists()


def test_replies_of_a_run_are_scored_against_its_own_items_alone(items, tmp_path):
    def run(out, **more):
        named = NamedItems(items)
        Run(model_named("oracle", ModelOptions(), items, lambda: items), named, **more).run(out)
        return out

    plain, padded = run(tmp_path / "plain"), run(tmp_path / "padded", showing=Showing(letterbox=True))
    changed = ItemSet(items.name, (replace(items.rows[0], answer="another"), *items.rows[1:]), items.folder)
    check_items(plain, items)
    check_items(padded, items_of_run(padded))
    for out, other, says in ((plain, changed, "over other items"), (padded, items, "shown otherwise")):
        with pytest.raises(InvalidPredictions, match=f"{says}.*leave out --items"):
            check_items(out, other)
