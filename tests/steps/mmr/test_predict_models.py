"""Models that see, as a step asks them: a model of the hub's form in a folder, and one behind an endpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from steps.mmr.item_sets import OFFICIAL, RECEIPTS, RENDERED, read_sets, write_about
from steps.mmr.measurements import all_measurements
from steps.mmr.model_params import SeeingModel
from steps.mmr.predict_models import TRANSCRIPT, PredictModelsParams, predict_models
from steps.mmr.replies import read_replies
from steps.mmr.scored import score_sets
from steps.step.run import Run
from tenfold.mmr.items import IMAGES, ItemSet, write_items
from tenfold.mmr.tasks import CHOICE, TASKS
from tests.steps.mmr.planted import item_set, write_replied, write_set
from tests.tenfold.mmr import tiny_llava


def write_images(folder: Path, items: ItemSet) -> ItemSet:
    """Write a set of items with an image each, of another colour for each name."""
    from dataclasses import replace

    from PIL import Image

    (folder / IMAGES).mkdir(parents=True)
    for number, name in enumerate(sorted(set(items.images.tolist()))):
        Image.fromarray(np.full((30, 40, 3), number, dtype=np.uint8)).save(folder / IMAGES / f"{name}.png")
    rows = tuple(replace(item, file=f"{item.image}.png", width=40, height=30) for item in items.rows)
    write_items(rows, folder)
    write_about(folder, items, origin="mirror", stand_in=False, detail="planted", rejected={})
    return ItemSet(items.name, rows, folder)


@pytest.fixture
def sets(tmp_path: Path) -> list[Path]:
    """Return the folders of the sets: one item of each task with an image each, the official ones without."""
    write_set(tmp_path / OFFICIAL, item_set(OFFICIAL, 1))
    for name in (RENDERED, RECEIPTS):
        write_images(tmp_path / name, item_set(name, 1, images=3))
    return [tmp_path / name for name in (OFFICIAL, RENDERED, RECEIPTS)]


def params(*models: SeeingModel, **more) -> PredictModelsParams:
    plain = {"styles": [], "views": [], "rotations": [], "reask": False, "together": 5}
    return PredictModelsParams(models=list(models), **(plain | more))


def asked(sets: list[Path], out: Path, own: PredictModelsParams) -> dict[str, list]:
    """Run the step; return the predictions of each entry by its set and name."""
    out.mkdir()
    predict_models(*sets, out=out, params=own, run=Run("mmr", "predict_models", out=out))
    sources = read_sets(*sets)
    return {
        f"{one.entry.items}: {one.entry.named}": one.to(sources[one.entry.items].items) for one in read_replies([out])
    }


def at(book, **more) -> SeeingModel:
    return SeeingModel(model="m", revision="2026-01-01", size=4, base_url=book.address, name="M", **more)


def test_a_model_of_the_hubs_form_answers_in_a_folder(sets, tmp_path):
    model = SeeingModel(model=str(tiny_llava.save(tmp_path / "tiny")), revision=None, size=0.1, max_tokens=4)
    found = asked(sets, tmp_path / "out", params(model))
    assert set(found) == {"rendered: tiny", "receipts: tiny"}  # the official images are not here
    assert all(len(predictions) == len(TASKS) for predictions in found.values())
    assert all(one.status in ("answered", "cut", "empty") for one in found["rendered: tiny"])
    assert not (tmp_path / "out" / TRANSCRIPT).exists()


def test_an_endpoint_is_asked_under_every_setting_and_again_where_a_reply_was_out_of_form(sets, tmp_path, serve):
    def reply(call) -> None:
        again = len(call.asked["messages"]) > 1
        call.say("3" if again else "the third")

    book = serve(reply)
    varied = {"styles": ["explicit"], "views": ["336"], "rotations": [1], "reask": True}
    found = asked(sets, tmp_path / "out", params(at(book), **varied))
    names = {name.partition(": ")[2] for name in found}
    assert names == {"M", "M · explicit", "M · 336", "M · options turned by 1", "M · asked again"}
    items = read_sets(*sets)[RENDERED].items
    first, again = found["rendered: M"], found["rendered: M · asked again"]
    for item, one, two in zip(items.rows, first, again, strict=True):
        failed = item.task in CHOICE or item.task.startswith("grounding")
        assert one.reply == "the third" and two.reply == ("3" if failed else "the third")
    turned = found["rendered: M · options turned by 1"]
    assert [one.status for one in turned] == ["answered" if item.task in CHOICE else "failed" for item in items.rows]


def test_claims_about_models_that_see_are_tested_once_the_images_are_there(tmp_path, serve):
    every = {
        name: write_images(tmp_path / name, item_set(name, 6, images=8)) for name in (OFFICIAL, RENDERED, RECEIPTS)
    }
    blind = write_replied(tmp_path / "blind", every)
    folders = [tmp_path / name for name in every]
    book = serve(lambda call: call.say("1"))
    models = [at(book), SeeingModel(model="big", revision="x", size=13, base_url=book.address)]
    out = tmp_path / "out"
    out.mkdir()
    predict_models(*folders, out=out, params=params(*models), run=Run("mmr", "predict_models", out=out))
    found = all_measurements(score_sets(read_sets(*folders), read_replies([blind, out])))
    assert found["official_models"].value == 2 and found["official_spread"].interval is not None
    assert found["official_small_minus_large"].value == 0 and found["official_best"].number < 60
    assert "60 of 100 points in recognition" in found["official_others_minus_text_box"].unavailable  # they say "1"


def test_a_model_without_what_it_needs_is_refused():
    with pytest.raises(ValidationError, match="key_variable and jpeg belong"):
        SeeingModel(model="a/b", revision=None, size=None, jpeg=75)
    with pytest.raises(ValidationError, match="trust_remote_code is of no use"):
        SeeingModel(model="a/b", revision=None, size=None, base_url="http://127.0.0.1:1/v1", trust_remote_code=True)
    assert SeeingModel(model="owner/model-7b", revision="x", size=7).named == "model-7b"
