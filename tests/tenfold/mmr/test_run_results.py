"""Which runs may stand beside the published rows (trap 13), and how runs are called on leaderboards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tenfold.mmr.errors import InvalidLeaderboard
from tenfold.mmr.item_sources import NamedItems
from tenfold.mmr.items import ItemSet
from tenfold.mmr.predictions import Prediction
from tenfold.mmr.run import Run, prepared
from tenfold.mmr.run_folder import keep_items, open_run, settings_of
from tenfold.mmr.run_results import identity_of, labels, not_comparable, run_names, run_rows, write_results
from tenfold.mmr.showing import Showing
from tests.tenfold.mmr import small_items


class Same:
    """A model that says one thing."""

    name = "same"

    def identity(self) -> dict[str, str]:
        return {"kind": "same"}

    def answer(self, queries):
        return [Prediction(query.key, "1") for query in queries]


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> ItemSet:
    """Items in the numbers of the official ones, about one image."""
    folder = tmp_path_factory.mktemp("official") / "items"
    rows = [small_items.item(one.task, number % 50, "image") for number, one in enumerate(small_items.of_all_tasks(50))]
    found = small_items.write(folder, rows[:1])
    return ItemSet("official", tuple(rows), found.folder)


def begun(items: ItemSet, folder: Path, **more) -> Path:
    """Return the folder of a run in which nothing has been asked yet."""
    run = Run(prepared(Same()), NamedItems(items), **more)
    with open_run(folder, run.settings(), resume=False):
        keep_items(run.showing.items(items), folder)
    return folder


def finished(items: ItemSet, folder: Path, **more) -> Path:
    """Return the folder of a run that is over."""
    asked, predictions, _ = Run(prepared(Same()), NamedItems(items), **more).run(folder)
    write_results(folder, asked, predictions)
    return folder


def test_published_rows_stand_beside_the_released_setting_alone(official, tmp_path):
    whole = finished(official, tmp_path / "whole")
    rows = run_rows([whole], published=True)
    assert not_comparable(whole) is None and labels([whole]) == ["official"]
    published = [row for row in rows if row.source == "published"]
    assert len(published) == 14 and {(row.scorer, row.items, row.prompt) for row in published} == {
        ("official", "official", "official")
    }
    assert [(row.name, row.scorer, row.items, row.prompt) for row in rows if row.source == "measured"] == [
        ("same", scorer, "official", "official") for scorer in ("official", "mended")
    ]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"style": "explicit"}, "style 'explicit'"),
        ({"showing": Showing(side=32)}, "not shown as released"),
        ({"showing": Showing(rotation=2)}, "not shown as released"),
        ({"showing": Showing(images=False)}, "not shown as released"),
    ],
)
def test_another_setting_may_not(official, tmp_path, more, reason):
    folder = begun(official, tmp_path / "run", **more)
    assert reason in (not_comparable(folder) or "")


def test_jpeg_and_the_system_message_are_as_released(official, tmp_path):
    assert not_comparable(begun(official, tmp_path / "jpeg", showing=Showing(jpeg=75))) is None
    assert not_comparable(begun(official, tmp_path / "system", style="official_system")) is None


def test_other_items_may_not(official, items, tmp_path):
    few = begun(official.only(range(549)), tmp_path / "few")
    own = finished(items, tmp_path / "own")
    assert "50 official ones" in (not_comparable(few) or "") and "50 official ones" in (not_comparable(own) or "")
    with pytest.raises(InvalidLeaderboard, match="published rows cannot stand beside"):
        run_rows([own], published=True)
    bare = ItemSet("official", official.rows)
    blind = begun(bare, tmp_path / "bare", showing=Showing(images=False))
    assert "no images" in (not_comparable(blind) or "")
    names = labels([few, own, blind])
    assert names[0].startswith("official, 549 items ") and names[1].startswith("items, 22 items ")
    assert names[2] == "official, without images"


def test_a_row_says_how_it_was_asked(items, tmp_path):
    showing = Showing(side=32, rotation=1)
    (row, _) = run_rows([finished(items, tmp_path / "run", style="explicit", showing=showing)])
    assert row.prompt == "explicit, images of 32 px at most, options moved by 1" and row.kind == "model"
    settings = json.loads((tmp_path / "run" / "run.json").read_text())["settings"]
    assert settings["showing"]["side"] == 32 and settings["items"]["count"] == len(items)


def test_models_of_one_name_are_told_apart_by_their_folders(items, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    folders = [finished(items, tmp_path / name / "run") for name in ("a", "b")]
    rows = run_rows(folders)
    assert [row.name for row in rows if row.scorer == "official"] == ["same (a/run)", "same (b/run)"]
    assert len({row.identity for row in rows}) == 1
    with pytest.raises(InvalidLeaderboard, match="named twice"):
        run_rows([folders[0], folders[0]])


def test_a_model_is_known_by_its_identity_and_a_given_name_by_itself():
    def known(identity, **more):
        return identity_of({"model": {"name": "m", "kind": "file", "identity": identity} | more})

    assert known("x") == known("x") != known("y") and known("x", called=True) == known("y", called=True)
    assert known("x", kind="oracle") == known("y", kind="oracle") != known("x")


def test_a_comparison_says_names_and_what_was_asked_otherwise(tenfold, items, tmp_path):
    one, other = tmp_path / "deep" / "er" / "one", tmp_path / "other"
    given = ("mmr", "run", "--model", "random", "--items", items.folder / "items.jsonl", "--name")
    tenfold(*given, "Ann", "--out", one)
    tenfold(*given, "Ben", "--out", other, "--no-images")
    assert settings_of(one)["model"]["called"] is True
    found = tenfold("mmr", "compare", one, other).out
    assert found.split()[:2] == ["Ann", "Ben"]
    assert "asked otherwise: the first official; the second official, without images" in found
    assert "asked otherwise" not in tenfold("mmr", "compare", one, one).out
    assert run_names(one, other, [None, None]) == ("one", "other")
