"""The searches that docs/tracking.md shows find what they say, in the store that steps fill."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path

import pytest
from mlflow import MlflowClient

from steps.tracking import delivery as tracking
from steps.tracking.spool import Spool

ROOT = Path(__file__).parents[3]
SECTION = (ROOT / "docs/tracking.md").read_text(encoding="utf-8").split("## Finding runs")[1].split("\n## ")[0]
SEARCHES = re.findall(r"^(\S.*?) {2,}# (.*)$", SECTION.split("```text")[1].split("```")[0], flags=re.MULTILINE)
COMMIT = "68b8eb9" + "0" * 33
RUNS = {  # name: what tells it from the first
    "rate": {"step": "rate"},
    "rate at smoke": {"step": "rate", "profile": "smoke"},
    "other paper": {"paper": "other"},
    "other commit": {"commit": "c" * 40},
    "left": {"step": "train", "variant": "left"},
    "right": {"step": "train", "variant": "right"},
    "digest": {"digest": "ab12" * 16},
    "failed": {},
    "good": {"seed": 3, "loss": 0.25},
    "bad": {"seed": 3, "loss": 0.75},
    "other seed": {"loss": 0.25},
}
FOUND = {
    "a paper at one scale": RUNS.keys() - {"rate at smoke", "other paper"},
    "one step": {"rate", "rate at smoke"},
    "a commit": RUNS.keys() - {"other commit"},
    "one arm": {"left"},
    "what made an output: digest in its provenance": {"digest"},
    "what failed, was killed or still runs": {"failed"},
    "by parameter and by number": {"good"},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with one run for each thing to be told apart, delivered as steps' runs are."""
    root = tmp_path_factory.mktemp("found")
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("MLFLOW_TRACKING_URI", "TENFOLD_TRACKING"):
            patch.delenv(variable, raising=False)
        for number, (name, more) in enumerate(RUNS.items()):
            facts = {
                "paper": "dp_john",
                "step": "solve",
                "variant": None,
                "stage": name,
                "profile": "default",
                "seed": 0,
                "digest": f"{number:02d}" * 32,
                "commit": COMMIT,
                "dirty": False,
                "params": {},
                "sources": [],
                "started": time.time(),
            } | more
            loss = facts.pop("loss", None)
            with suppress(ValueError), Spool(root, facts) as spool:
                if loss is not None:
                    spool.log({"train/loss": loss}, 1)
                if name == "failed":
                    raise ValueError("row 3 is zero")
        assert tracking.sync(root) == 0
    return f"sqlite:///{root}/mlflow.db"


@pytest.mark.parametrize(("search", "meaning"), SEARCHES, ids=[meaning for _, meaning in SEARCHES])
def test_a_search_finds_what_it_says(store: str, search: str, meaning: str):
    client = MlflowClient(store)
    found = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()], search)
    assert {run.data.tags["stage"] for run in found if "stage" in run.data.tags} == FOUND[meaning]
    parents = [run for run in found if "stage" not in run.data.tags]
    assert all("group" in run.data.tags for run in parents) and ("tags.step" not in search or not parents)


def test_every_search_is_tried():
    assert [meaning for _, meaning in SEARCHES] == list(FOUND)
