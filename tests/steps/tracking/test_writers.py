"""Several checkouts write into one store at once, from nothing on, and no run, point or model is lost."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from steps.runtime.processes import die_with_parent
from steps.tracking import delivery as tracking
from steps.tracking.spool import Spool, folder

ROOT = Path(__file__).parents[3]
WRITERS, STEPS, POINTS = 6, 2, 200
WRITER = f"""
import sys, time
from pathlib import Path
from steps.tracking import delivery as tracking
from steps.tracking import spool

root, number = Path(sys.argv[1]), sys.argv[2]
model = root / "out/models/final"
model.mkdir(parents=True)
(model / "model.safetensors").write_bytes(b"weights")
(model / "README.md").write_text("# Writer " + number)
for step in range({STEPS}):
    name = f"train{{number}}_{{step}}"
    facts = {{
        "paper": "toy", "step": name, "variant": None, "stage": f"toy-{{name}}", "profile": "smoke", "seed": 0,
        "digest": f"{{number}}{{step}}" * 32, "commit": "c" * 40, "dirty": False, "params": {{}}, "sources": [],
        "started": time.time(),
    }}
    with spool.Spool(root, facts) as record:
        for update in range(1, {POINTS} + 1):
            record.log({{"loss": 1 / update}}, update)
        record.keep(root / "out")
print("ready", flush=True)
sys.stdin.readline()
sys.exit(tracking.sync(root))
"""
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin")) + [
    Path(found).resolve().parent for found in [shutil.which("initdb")] if found
]


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/shared store.db"


@pytest.fixture
def postgresql() -> Iterator[str]:
    """A server of one's own, on a socket in a folder of one's own; without superuser's rights, as it insists."""
    if not PROGRAMS:
        pytest.skip("PostgreSQL is not installed here (no initdb): a shared PostgreSQL store is not tried")
    pytest.importorskip("psycopg2", reason="psycopg2 is not installed: pip install '.[postgres]'")
    user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    home = Path(tempfile.mkdtemp(prefix="pg-"))  # pytest's own folders are closed to other users
    if user:
        shutil.chown(home, "postgres", "postgres")
    subprocess.run(
        [PROGRAMS[-1] / "initdb", "-D", home / "data", "-U", "tenfold", "-A", "trust", "--no-sync"],
        cwd=home,
        check=True,
        stdout=subprocess.DEVNULL,
        **user,
    )
    server = subprocess.Popen(
        [PROGRAMS[-1] / "postgres", "-D", home / "data", "-k", home, "-c", "listen_addresses=", "-F"],
        cwd=home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **user,
        preexec_fn=die_with_parent,
    )
    try:
        until = time.monotonic() + 60
        ready = [PROGRAMS[-1] / "pg_isready", "-q", "-h", home, "-U", "tenfold", "-d", "postgres"]
        while subprocess.run(ready).returncode != 0:
            assert time.monotonic() < until and server.poll() is None, "the server did not start"
            time.sleep(0.1)
        yield f"postgresql://tenfold@/postgres?host={home}"
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: nothing in it is wanted any more
        server.wait(30)
        shutil.rmtree(home)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_concurrent_writers_lose_nothing(tmp_path: Path, kind: str, request: pytest.FixtureRequest):
    uri = request.getfixturevalue(kind)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TENFOLD_", "MLFLOW_"))}
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / f"checkout {number}"), str(number)],
            cwd=ROOT,
            text=True,
            env=environment | {"MLFLOW_TRACKING_URI": uri, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for number in range(WRITERS)
    ]
    for writer in writers:
        assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
    for writer in writers:  # all at once
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        printed, _ = writer.communicate(timeout=200)
        assert writer.returncode == 0, printed
    assert not [path for number in range(WRITERS) for path in folder(tmp_path / f"checkout {number}").iterdir()]

    client = MlflowClient(uri)
    (experiment,) = [found for found in client.search_experiments() if found.name == "toy"]
    found = client.search_runs([experiment.experiment_id])
    steps = {run.data.tags["step"]: run for run in found if "step" in run.data.tags}
    assert sorted(steps) == sorted(f"train{number}_{step}" for number in range(WRITERS) for step in range(STEPS))
    assert len(found) == len(steps) + 1, "one group for the commit and profile"
    expected = [(update, 1 / update) for update in range(1, POINTS + 1)]
    for run in steps.values():
        assert run.info.status == "FINISHED"
        curve = client.get_metric_history(run.info.run_id, "loss")
        assert sorted((point.step, point.value) for point in curve) == expected
    versions = client.search_model_versions("name = 'toy-final'")
    assert {version.run_id for version in versions} == {run.info.run_id for run in steps.values()}
    assert sorted(int(version.version) for version in versions) == list(range(1, len(steps) + 1))


def test_a_store_that_another_program_holds_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Longer than the five seconds after which SQLite gives up by itself."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/held.db")
    monkeypatch.delenv("TENFOLD_TRACKING", raising=False)
    tracking.create(tmp_path)
    facts = {
        "paper": "toy",
        "step": "train",
        "variant": None,
        "stage": "toy-train",
        "profile": "smoke",
        "seed": 0,
        "digest": "ab" * 32,
        "commit": "c" * 40,
        "dirty": False,
        "params": {},
        "sources": [],
        "started": time.time(),
    }
    with Spool(tmp_path, facts) as spool:
        spool.log({"loss": 1.0}, 1)
    holder = sqlite3.connect(tmp_path / "held.db", check_same_thread=False, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(7.0, holder.rollback)
    release.start()
    began = time.monotonic()
    assert tracking.sync(tmp_path) == 0 and time.monotonic() - began > 5
    release.join()
    assert not list(folder(tmp_path).iterdir())
