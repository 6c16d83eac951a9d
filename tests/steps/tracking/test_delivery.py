"""Spools reach MLflow whole, once, and in any order of failures; MLflow itself answers what arrived."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run, ViewType

from steps.tracking import delivery as tracking
from steps.tracking.spool import Spool, carry, folder, summarise

ROOT = Path(__file__).parents[3]
SOURCE = {"name": "iris", "origin": "stand_in", "detail": "made up", "sha256": "5e" * 32, "licence": "CC0"}
FACTS = {
    "paper": "toy",
    "step": "train",
    "variant": None,
    "stage": "toy-train",
    "profile": "smoke",
    "seed": 3,
    "digest": "ab12" * 16,
    "commit": "c" * 40,
    "dirty": False,
    "params": {},
    "sources": [],
}
STEP = f"""
import sys, time
from pathlib import Path
from steps.tracking import delivery as tracking
from steps.tracking import spool
spool.LIVE_AFTER = 0.2
root, stage, points, seconds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
facts = {FACTS!r} | {{"stage": stage, "digest": stage * 4, "started": time.time()}}
with spool.Spool(root, facts) as record:
    for update in range(1, points + 1):
        record.log({{"loss": 1 / update}}, update)
    print("logged", flush=True)
    time.sleep(seconds)
sys.exit(tracking.sync(root))
"""


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A store in which nothing has been logged; to make one takes a second."""
    root = tmp_path_factory.mktemp("store")
    tracking.create(root)
    return (root / "mlflow.db").read_bytes()


@pytest.fixture
def root(tmp_path: Path, empty_store: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("MLFLOW_TRACKING_URI", "TENFOLD_TRACKING", "TENFOLD_PREFECT_RUN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in tracking.QUIET.items():  # as a delivery sets it for itself
        monkeypatch.setenv(name, value)
    (tmp_path / "a checkout").mkdir()
    (tmp_path / "a checkout" / "mlflow.db").write_bytes(empty_store)
    return tmp_path / "a checkout"


def client(root: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{root}/mlflow.db")


def facts(**more) -> dict:
    return FACTS | {"started": time.time()} | more


def runs(root: Path, paper: str = "toy", view: int = ViewType.ACTIVE_ONLY) -> list[Run]:
    """Return the runs of a paper's steps, without their parents."""
    experiment = client(root).get_experiment_by_name(paper)
    found = [] if experiment is None else client(root).search_runs([experiment.experiment_id], "", view)
    return [run for run in found if "stage" in run.data.tags]


def curve(root: Path, run: Run, name: str = "loss") -> list[tuple[int, float]]:
    return sorted((point.step, point.value) for point in client(root).get_metric_history(run.info.run_id, name))


def python(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
        | {"PYTHONPATH": str(ROOT)},
    )


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine that is taken, but where nobody answers."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_a_finished_step_is_one_run_with_everything_in_it(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TENFOLD_PREFECT_RUN", "flow-7")
    out = root / "out"
    for name, text in {"tables/rates.csv": "a,b\n1,2\n", "figures/gap.svg": "<svg/>"}.items():
        (out / name).parent.mkdir(parents=True)
        (out / name).write_text(text)
    (out / "metrics.json").write_text('{"score": 0.9}')
    params = {"updates": 3, "solver": {"tolerance": 1e-3, "sizes": [1, 2]}, "long": "x" * 2000}
    with Spool(root, facts(variant="left", params=params, sources=[SOURCE])) as spool:
        for update in range(1, 2501):
            spool.log({"loss": 1 / update, "gap (ε)": float(update)}, update)
        spool.keep(out)
    assert tracking.sync(root) == 0
    assert list(folder(root).iterdir()) == []

    (run,) = runs(root)
    tags = run.data.tags
    kept = ("stage", "digest", "paper", "step", "variant", "profile", "commit", "dirty", "prefect_run_id")
    assert {name: tags[name] for name in kept} == {
        "stage": "toy-train",
        "digest": "ab12" * 16,
        "paper": "toy",
        "step": "train",
        "variant": "left",
        "profile": "smoke",
        "commit": "c" * 40,
        "dirty": "False",
        "prefect_run_id": "flow-7",
    }
    assert run.info.run_name == "train · left · seed 3"
    assert run.data.params | {"long": ""} == {
        "seed": "3",
        "updates": "3",
        "solver.tolerance": "0.001",
        "solver.sizes": "[1, 2]",
        "long": "",
    }
    assert run.data.params["long"].startswith("x" * 1000 + " … (2000")
    assert curve(root, run) == [(update, 1 / update) for update in range(1, 2501)]
    assert curve(root, run, "gap _ε_")[-1] == (2500, 2500.0)
    assert run.data.metrics["score"] == 0.9 and run.data.metrics["peak_memory_bytes"] > 1e6
    assert run.info.status == "FINISHED" and run.info.start_time <= run.info.end_time

    listed = {name: client(root).list_artifacts(run.info.run_id, name) for name in ("figures", "tables")}
    assert [item.path for items in listed.values() for item in items] == [
        "figures/gap.svg",
        "tables/rates.csv",
        "tables/rates.json",
    ]
    assert json.loads(tags["mlflow.loggedArtifacts"]) == [{"path": "tables/rates.json", "type": "table"}]
    table = Path(client(root).download_artifacts(run.info.run_id, "tables/rates.json"))
    assert json.loads(table.read_text()) == {"columns": ["a", "b"], "data": [[1, 2]]}
    assert (root / "mlartifacts/toy" / run.info.run_id / "artifacts/tables/rates.csv").is_file()
    (data,) = run.inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.digest) == ("iris", ("5e" * 32)[:36])
    assert json.loads(data.dataset.source) == {"uri": str(root / "data/smoke/iris")}
    assert {tag.key: tag.value for tag in data.tags} == {
        "mlflow.data.context": "stand_in",
        "detail": "made up",
        "licence": "CC0",
    }


def test_the_times_of_the_points_are_those_of_the_step(root: Path):
    with Spool(root, facts()) as spool:
        spool.log({"loss": 1.0}, 1)
        logged = time.time()
        time.sleep(0.3)
    tracking.sync(root)
    (run,) = runs(root)
    (point,) = client(root).get_metric_history(run.info.run_id, "loss")
    assert abs(point.timestamp / 1000 - logged) < 0.2


def test_steps_of_one_commit_and_profile_stand_under_one_parent(root: Path):
    for number, more in enumerate([{}, {}, {"profile": "default"}, {"commit": "d" * 40}, {"paper": "other"}]):
        with Spool(root, facts(stage=f"stage{number}", digest=f"{number}" * 64, **more)):
            pass
    assert tracking.sync(root) == 0
    parents = [
        run.data.tags["mlflow.parentRunId"] for run in sorted(runs(root), key=lambda run: run.data.tags["stage"])
    ]
    assert parents[0] == parents[1] and len(set(parents)) == 3
    assert client(root).get_run(parents[0]).info.run_name == "smoke · ccccccccc"
    assert len(runs(root, "other")) == 1


def test_a_paper_s_results_stand_with_the_parents_of_its_runs(root: Path):
    (root / "steps/toy").mkdir(parents=True)
    (root / "steps/toy/claims.yaml").write_text("{title: A walk, arxiv: '0000.00000', summary: It gets closer.}")
    result = {"ended": 1e9, "verdicts": {"C1": "reproduced"}, "metrics": {"gap": 0.25}, "note": "Claims: 1."}
    summarise(root, "toy", "smoke", result | {"commits": ["c" * 40, "e" * 40]})
    with Spool(root, facts()), Spool(root, facts(profile="default", digest="0" * 64)):
        pass
    for _ in range(2):
        assert tracking.sync(root) == 0 and not list(folder(root).iterdir())
        summarise(root, "toy", "smoke", result | {"commits": ["c" * 40]})
    experiment = client(root).get_experiment_by_name("toy")
    assert experiment is not None
    about = "**A walk** ([arXiv:0000.00000](https://arxiv.org/abs/0000.00000))\n\nIt gets closer."
    assert experiment.tags["mlflow.note.content"] == about
    parents = {run.data.tags["mlflow.parentRunId"]: run.data.tags["profile"] for run in runs(root)}
    for number, profile in parents.items():
        parent = client(root).get_run(number)
        tags = {name: parent.data.tags.get(name) for name in ("verdict.C1", "mlflow.note.content")}
        told = profile == "smoke"
        assert tags == {
            "verdict.C1": "reproduced" if told else None,
            "mlflow.note.content": "Claims: 1." if told else None,
        }
        assert parent.data.metrics == ({"gap": 0.25} if told else {})
        assert len(client(root).get_metric_history(number, "gap")) == told


def test_more_parameters_than_one_request_may_hold(root: Path):
    params = {f"p{number}": number for number in range(250)}
    with Spool(root, facts(params=params)):
        pass
    tracking.sync(root)
    (run,) = runs(root)
    assert len(run.data.params) == 251 and run.data.params["p249"] == "249"


def test_a_living_step_is_delivered_bit_by_bit(root: Path):
    with Spool(root, facts()) as spool:
        spool.log({"loss": 3.0}, 1)
        tracking.sync(root)
        (run,) = runs(root)
        assert run.info.status == "RUNNING" and curve(root, run) == [(1, 3.0)]
        with open(spool.path / "log.jsonl", "a") as log:
            log.write('{"update": 2, "time": 1.0, "metr')  # half a line, as a reader may meet it
            log.flush()
            tracking.sync(root)
            log.write('ics": {"loss": 2.0}}\n')
        tracking.sync(root)
        tracking.sync(root)
        assert curve(root, runs(root)[0]) == [(1, 3.0), (2, 2.0)]
        state = json.loads((spool.path / "synced.json").read_text())
        assert state["bytes"] == (spool.path / "log.jsonl").stat().st_size  # nothing is read twice
    tracking.sync(root)
    (run,) = runs(root)
    assert run.info.status == "FINISHED" and curve(root, run) == [(1, 3.0), (2, 2.0)]


def test_a_delivery_that_was_killed_is_repeated_without_doubles(root: Path):
    with Spool(root, facts(sources=[SOURCE])) as spool:
        for update in range(5):
            spool.log({"loss": float(update)}, update)
        tracking.sync(root)
        state = json.loads((spool.path / "synced.json").read_text())
        (spool.path / "synced.json").write_text(json.dumps(state | {"bytes": 0}))
        tracking.sync(root)
        assert len(curve(root, runs(root)[0])) == 5
        (spool.path / "synced.json").unlink()  # killed between opening the run and noting it
    tracking.sync(root)
    (run,) = runs(root)
    assert len(curve(root, run)) == 5 and len(run.inputs.dataset_inputs) == 1


def test_a_store_whose_making_was_killed_is_made_anew(root: Path):
    (root / "mlflow.db").unlink()
    create = f"from pathlib import Path; from steps.tracking import delivery; delivery.create(Path({str(root)!r}))"
    for tables in (1, 10, 20):  # of about forty in a whole store
        maker = python("-c", create)
        while all(number_of_tables(path) < tables for path in root.glob("mlflow.db*")):
            assert maker.poll() is None, "it ended before it could be killed"
        maker.kill()
        maker.communicate()
        assert not (root / "mlflow.db").exists()
        assert tracking.find(root, "toy", ["ab"]) == {}
        assert not (root / "mlflow.db").exists(), "asking made a store"
    with Spool(root, facts()) as spool:
        spool.log({"loss": 1.0}, 1)
    assert tracking.sync(root) == 0
    assert len(runs(root)) == 1
    assert sorted(path.name for path in root.glob("mlflow.db*")) == ["mlflow.db", "mlflow.db.lock"]


def number_of_tables(path: Path) -> int:
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        return int(store.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()[0])
    return 0


def test_the_follower_shows_the_curve_of_a_step_that_is_then_killed(root: Path):
    step = python("-c", STEP, str(root), "toy-train", "3", "60")
    assert step.stdout is not None and step.stdout.readline() == "logged\n"
    until = time.monotonic() + 60
    while not runs(root) or len(curve(root, runs(root)[0])) < 3:
        assert time.monotonic() < until, "the follower delivered nothing"
        time.sleep(0.2)
    assert runs(root)[0].info.status == "RUNNING"
    assert 0 < runs(root)[0].data.metrics["system/process_memory_usage_megabytes"] < 1e4
    step.send_signal(signal.SIGKILL)
    step.communicate()
    assert tracking.sync(root) == 0
    (run,) = runs(root)
    assert run.info.status == "KILLED" and run.data.tags["error"] == "the process was killed"
    assert len(curve(root, run)) == 3 and not list(folder(root).iterdir())


def test_a_retry_replaces_its_unfinished_run_and_no_other(root: Path):
    with suppress(ValueError), Spool(root, facts()):
        raise ValueError("row 3 is zero")
    with Spool(root, facts(stage="toy-other", digest="0" * 64)):
        pass
    tracking.sync(root)
    failed = next(run for run in runs(root) if run.data.tags["stage"] == "toy-train")
    assert failed.info.status == "FAILED" and failed.data.tags["error"] == "ValueError: row 3 is zero"
    with Spool(root, facts()):
        pass
    tracking.sync(root)
    assert sorted((run.data.tags["stage"], run.info.status) for run in runs(root)) == [
        ("toy-other", "FINISHED"),
        ("toy-train", "FINISHED"),
    ]
    with Spool(root, facts()):  # the same stage once more, forced
        pass
    tracking.sync(root)
    assert len(runs(root)) == 3


def test_a_resumed_step_has_one_curve_without_doubles(root: Path):
    with suppress(KeyboardInterrupt), Spool(root, facts()) as spool:
        for update in range(1, 8):
            spool.log({"loss": 1 / update}, update)
        raise KeyboardInterrupt  # the last checkpoint was of update 5
    tracking.sync(root)
    with Spool(root, facts()) as spool:
        spool.resumed(5, [{"update": update, "loss": 1 / update} for update in range(1, 6)])
        for update in range(6, 11):
            spool.log({"loss": 1 / update}, update)
    tracking.sync(root)
    (run,) = runs(root)
    assert curve(root, run) == [(update, 1 / update) for update in range(1, 11)]
    assert run.data.tags["resumed_from_update"] == "5"


def test_data_known_only_at_the_end_are_named(root: Path):
    with Spool(root, facts(paper="data", step="iris")) as spool:
        (root / "out").mkdir()
        (root / "out/source.json").write_text(json.dumps(SOURCE | {"sha256": None}))
        spool.keep(root / "out")
    tracking.sync(root)
    (run,) = runs(root, "data")
    (data,) = run.inputs.dataset_inputs
    assert data.dataset.name == "iris" and len(data.dataset.digest) == 36


def test_a_model_is_registered_once_with_its_card(root: Path):
    (root / "out/models/adapter").mkdir(parents=True)
    (root / "out/models/adapter/model.safetensors").write_bytes(b"weights")
    (root / "out/models/adapter/README.md").write_text("# The adapter\n")
    for digest in ("1" * 64, "2" * 64):
        with Spool(root, facts(digest=digest)) as spool:
            spool.keep(root / "out")
        tracking.sync(root)
    with suppress(ValueError), Spool(root, facts(digest="3" * 64)) as spool:
        spool.keep(root / "out")
        raise ValueError("it failed after all")
    tracking.sync(root)
    registered = client(root).get_registered_model("toy-adapter")
    assert registered.description == "The adapter, kept by the step train of toy; each version has its card."
    versions = client(root).search_model_versions("name = 'toy-adapter'")
    assert sorted(int(version.version) for version in versions) == [1, 2]
    assert {version.description for version in versions} == {"# The adapter\n"}
    assert {version.tags["digest"] for version in versions} == {"1" * 64, "2" * 64}
    weights = client(root).download_artifacts(versions[0].run_id, "models/adapter/model.safetensors")
    assert Path(weights).read_bytes() == b"weights"


def test_delivering_leaves_the_environment_alone(root: Path):
    with Spool(root, facts()):
        pass
    before = dict(os.environ)
    assert tracking.sync(root) == 0 and dict(os.environ) == before


def test_runs_are_found_by_the_digest_of_their_stage(root: Path, monkeypatch: pytest.MonkeyPatch):
    with suppress(ValueError), Spool(root, facts(digest="0" * 64)):
        raise ValueError("row 3 is zero")
    for _ in range(2):
        with Spool(root, facts()):
            pass
    tracking.sync(root)
    newest = max((run for run in runs(root) if run.info.status == "FINISHED"), key=lambda run: run.info.start_time)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    digest = facts()["digest"]
    assert tracking.pages(root, "toy", ["0" * 64, digest]) == {digest: (newest.info.experiment_id, newest.info.run_id)}
    assert tracking.pages(root, "nobody", [digest]) == {}


def test_a_store_that_cannot_be_made_is_said_in_one_line(root: Path, closed_port: int):
    address = f"http://ada:s3cr3t@127.0.0.1:{closed_port}"
    done = subprocess.run(
        [sys.executable, "-m", "steps.tracking.delivery", "--create"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": address},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and done.stderr.startswith("tracking: ") and done.stderr.count("\n") == 1
    assert "s3cr3t" not in done.stderr


def test_the_folder_of_a_step_that_was_killed_at_once_is_removed(root: Path):
    (folder(root) / "20260101T000000-toy-train").mkdir(parents=True)
    with Spool(root, facts()):
        pass
    assert tracking.sync(root) == 0 and not list(folder(root).iterdir())


def test_an_outage_costs_one_line_and_loses_nothing(
    root: Path, closed_port: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    for number in range(3):
        with Spool(root, facts(stage=f"stage{number}", digest=f"{number}" * 64)) as spool:
            spool.log({"loss": 1.0}, 1)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://ada:s3cr3t%2F@127.0.0.1:{closed_port}")
    assert tracking.sync(root) == 3
    told = capfd.readouterr().err
    assert told.count("\n") == 1 and told.startswith("tracking: 3 runs wait") and "s3cr3t" not in told
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert tracking.sync(root) == 0 and len(runs(root)) == 3


def test_a_broken_store_is_said_in_one_line_and_by_the_exit_status(
    root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    (root / "mlflow.db").write_bytes(b"this is no database" * 500)
    with Spool(root, facts()):
        pass
    monkeypatch.chdir(root)
    assert tracking.main([]) == 1
    told = capfd.readouterr()
    assert told.out == "" and told.err.count("\n") == 1 and "1 runs wait" in told.err
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    carry(root)  # in a process of its own: no failure comes back
    assert capfd.readouterr().err.count("\n") == 1 and len(list(folder(root).glob("*/"))) == 1


def test_a_spool_that_mlflow_refuses_does_not_hold_up_the_others(root: Path, capfd: pytest.CaptureFixture[str]):
    with Spool(root, facts(paper="refused")):
        pass
    tracking.sync(root)
    experiment = client(root).get_experiment_by_name("refused")
    assert experiment is not None
    client(root).delete_experiment(experiment.experiment_id)
    with Spool(root, facts(paper="refused")), Spool(root, facts()):
        pass
    assert tracking.sync(root) == 1
    told = capfd.readouterr().err
    assert told.count("\n") == 1 and "the experiment refused was deleted; restore it" in told
    assert len(runs(root)) == 1 and len(list(folder(root).glob("*/"))) == 1
    client(root).restore_experiment(experiment.experiment_id)
    assert tracking.sync(root) == 0


def test_a_run_begun_in_another_store_is_begun_again(root: Path, empty_store: bytes, monkeypatch: pytest.MonkeyPatch):
    with Spool(root, facts()) as spool:
        spool.log({"loss": 1.0}, 1)
        tracking.sync(root)
        (root / "second").mkdir()
        (root / "second" / "mlflow.db").write_bytes(empty_store)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root}/second/mlflow.db")
        tracking.sync(root)
    assert tracking.sync(root) == 0
    (run,) = runs(root / "second")
    assert curve(root / "second", run) == [(1, 1.0)]


def test_a_run_that_a_user_deleted_stays_deleted(root: Path):
    with Spool(root, facts()) as spool:
        spool.log({"loss": 1.0}, 1)
        tracking.sync(root)
        client(root).delete_run(runs(root)[0].info.run_id)
        assert tracking.sync(root) == 0
    assert tracking.sync(root) == 0
    assert runs(root) == [] and not list(folder(root).iterdir())


def test_writers_and_carriers_at_once_on_first_use(root: Path):
    (root / "mlflow.db").unlink()
    writers = [python("-c", STEP, str(root), f"toy-{number}", "50", "0") for number in range(6)]
    carriers = [
        python(
            "-c",
            f"from pathlib import Path; from steps.tracking.delivery import sync; sync(Path({str(root)!r}))",
        )
        for _ in range(4)
    ]
    for process in writers + carriers:
        printed, _ = process.communicate(timeout=120)
        assert process.returncode == 0 and "tracking:" not in printed, printed
    assert list(folder(root).iterdir()) == []
    found = runs(root)
    assert sorted(run.data.tags["stage"] for run in found) == [f"toy-{number}" for number in range(6)]
    assert len({run.data.tags["mlflow.parentRunId"] for run in found}) == 1
    assert all(run.info.status == "FINISHED" for run in found)
    expected = [(update, 1 / update) for update in range(1, 51)]
    assert all(curve(root, run) == expected for run in found)
    assert len(runs(root, view=ViewType.ALL)) == 6


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "no answer from https://ada:s3cr3t@host/x, https://host:1/a@b",
            "no answer from https://***@host/x, https://host:1/a@b",
        ),
        ("postgresql://ada:s3@cr3t@host/db\nmore", "postgresql://***@host/db"),
        ("  nothing secret  ", "nothing secret"),
    ],
)
def test_addresses_are_shown_without_passwords(text: str, shown: str):
    assert tracking.redacted(text) == shown


def test_wrong_usage(capsys: pytest.CaptureFixture[str]):
    assert tracking.main(["--follow", "me"]) == 2
    assert "--follow PARENT_PID" in capsys.readouterr().err
