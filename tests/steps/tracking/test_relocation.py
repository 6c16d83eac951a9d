"""A checkout that is copied or moved keeps its artifacts with it, and nothing of the old one is made or touched."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from steps.tracking import delivery as tracking
from steps.tracking.relocation import MissingArtifacts, local, require_folder
from steps.tracking.spool import Spool, folder

FACTS = {
    "paper": "toy",
    "step": "train",
    "variant": None,
    "stage": "toy-train",
    "profile": "smoke",
    "seed": 0,
    "commit": "c" * 40,
    "dirty": False,
    "params": {},
    "sources": [],
}
NAMES = ("MLFLOW_TRACKING_URI", "TENFOLD_TRACKING", "TENFOLD_PREFECT_RUN")


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A store in which nothing has been logged; to make one takes a second."""
    root = tmp_path_factory.mktemp("store")
    tracking.create(root)
    return (root / "mlflow.db").read_bytes()


@pytest.fixture
def old(tmp_path: Path, empty_store: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one delivered run, its table and its model."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in tracking.QUIET.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "an old one").mkdir()
    (tmp_path / "an old one/mlflow.db").write_bytes(empty_store)
    deliver(tmp_path / "an old one", 1)
    return tmp_path / "an old one"


def record(root: Path, number: int) -> None:
    out = root / "out"
    shutil.rmtree(out, ignore_errors=True)
    (out / "tables").mkdir(parents=True)
    (out / "tables/rates.csv").write_text(f"a\n{number}\n")
    (out / "models/final").mkdir(parents=True)
    (out / "models/final/model.safetensors").write_bytes(b"%d" % number)
    with Spool(root, FACTS | {"digest": f"{number}" * 64, "started": time.time()}) as spool:
        spool.keep(out)


def deliver(root: Path, number: int) -> None:
    record(root, number)
    assert tracking.sync(root) == 0 and not list(folder(root).iterdir())


def client(root: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{root}/mlflow.db")


def runs(root: Path) -> list[Run]:
    """Return the steps' runs, oldest first."""
    (toy,) = (found for found in client(root).search_experiments() if found.name == "toy")
    found = client(root).search_runs([toy.experiment_id], "tags.stage = 'toy-train'", order_by=["start_time"])
    return list(found)


def everything(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def kept(root: Path, run: Run) -> Path:
    """Return where a run's artifacts are, after reading one through MLflow."""
    assert Path(client(root).download_artifacts(run.info.run_id, "tables/rates.csv")).is_file()
    place = local(run.info.artifact_uri)
    assert place is not None and (place / "tables/rates.csv").is_file()
    return place


def readable(root: Path) -> None:
    """Assert that the tables and models of two runs are found below ``root``."""
    for number, run in enumerate(runs(root), 1):
        place = root / "mlartifacts/toy" / run.info.run_id / "artifacts"
        assert kept(root, run) == place and (place / "tables/rates.csv").read_text() == f"a\n{number}\n"
        (version,) = client(root).search_model_versions(f"run_id = '{run.info.run_id}'")
        for uri in (version.source, client(root).get_model_version_download_uri(version.name, version.version)):
            weights = local(uri)
            assert weights == place / "models/final"
            assert (weights / "model.safetensors").read_bytes() == b"%d" % number
    assert len(runs(root)) == 2


def test_a_moved_checkout_keeps_its_artifacts_and_does_not_make_the_old_one_again(old: Path, tmp_path: Path):
    new = old.rename(tmp_path / "new")
    deliver(new, 2)
    assert not old.exists()
    readable(new)


def test_a_copied_checkout_delivers_into_itself_and_leaves_the_other_as_it_was(old: Path, tmp_path: Path):
    before = everything(old)
    new = Path(shutil.copytree(old, tmp_path / "new"))
    deliver(new, 2)
    assert everything(old) == before
    readable(new)
    (only,) = runs(old)
    assert kept(old, only).is_relative_to(old)


def test_a_store_copied_without_its_artifacts_still_finds_the_earlier_ones(old: Path, tmp_path: Path):
    new = tmp_path / "new"
    new.mkdir()
    shutil.copy(old / "mlflow.db", new)
    deliver(new, 2)
    first, second = runs(new)
    assert kept(new, first).is_relative_to(old) and kept(new, second).is_relative_to(new)


def test_the_store_follows_when_it_is_opened_to_be_looked_at(old: Path, tmp_path: Path):
    new = old.rename(tmp_path / "new")
    tracking.create(new)
    (run,) = runs(new)
    assert kept(new, run).is_relative_to(new)
    assert not old.exists()


def test_artifacts_that_a_user_put_elsewhere_stay_there(old: Path, tmp_path: Path):
    own = (tmp_path / "elsewhere" / "mlartifacts" / "kept").as_uri()
    client(old).create_experiment("mine", artifact_location=own)
    bucket = "s3://bucket/mlartifacts/theirs"
    client(old).create_experiment("theirs", artifact_location=bucket)
    new = old.rename(tmp_path / "new")
    tracking.create(new)
    found = {item.name: item.artifact_location for item in client(new).search_experiments()}
    assert (found["mine"], found["theirs"]) == (own, bucket)


def test_the_experiments_of_a_server_with_this_folder_follow_by_their_number(old: Path, tmp_path: Path):
    number = client(old).create_experiment("served", artifact_location=(old / "mlartifacts" / "2").as_uri())
    assert number == "2"
    new = old.rename(tmp_path / "new")
    tracking.create(new)
    (found,) = (item for item in client(new).search_experiments() if item.name == "served")
    assert found.artifact_location == (new / "mlartifacts/2").as_uri()


def test_the_folder_of_a_checkout_that_is_gone_is_not_made_again(tmp_path: Path):
    """As under PostgreSQL, which stands beside no checkout, so that nothing can follow."""
    gone = tmp_path / "gone/mlartifacts/toy"
    with pytest.raises(MissingArtifacts, match=r"the experiment toy keeps .* bring that folder back"):
        require_folder("toy", gone.as_uri())
    assert not gone.parent.parent.exists()
    gone.parent.parent.mkdir()
    for location in (gone.as_uri(), "s3://bucket/mlartifacts/toy", "mlflow-artifacts:/1"):
        require_folder("toy", location)


def test_a_run_waits_and_says_so_where_the_store_cannot_follow(
    old: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    """An experiment under a name of the user's choice in a folder that is no checkout's: it is not ours to change."""
    (toy,) = (found for found in client(old).search_experiments() if found.name == "toy")
    client(old).rename_experiment(toy.experiment_id, "renamed")
    gone = tmp_path / "gone/mlartifacts/other"
    client(old).create_experiment("toy", artifact_location=gone.as_uri())
    record(old, 2)
    assert tracking.sync(old) == 1 and not gone.parent.parent.exists()
    told = capfd.readouterr().err.splitlines()[-1]
    assert told.startswith("tracking: 1 runs wait") and f"keeps its artifacts in {gone}, but there is no" in told
    assert len(list(folder(old).glob("*/"))) == 1
