"""The spool: everything is in files at once, and nothing that goes wrong with it reaches the step."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from steps.runtime.outputs import has_owner
from steps.tracking.spool import Spool, carry, folder

ROOT = Path(__file__).parents[3]
DIGEST = "ab12" * 16
FACTS = {
    "paper": "toy",
    "step": "train",
    "variant": None,
    "stage": "toy-train",
    "profile": "smoke",
    "seed": 0,
    "digest": DIGEST,
    "commit": "c" * 40,
    "dirty": False,
    "params": {"updates": 3},
    "sources": [],
}
STEP = f"""
import os, sys, time
from pathlib import Path
from steps.tracking import spool
spool.LIVE_AFTER = 0.2
with spool.Spool(Path(sys.argv[1]), {FACTS!r} | {{"started": time.time()}}) as record:
    record.log({{"loss": 0.5}}, 1)
    print("logged", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def tracked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TENFOLD_TRACKING", "TENFOLD_PREFECT_RUN"):
        monkeypatch.delenv(name, raising=False)


def facts(**more) -> dict:
    return FACTS | {"started": time.time()} | more


def lines(spool: Spool) -> list[dict]:
    return [json.loads(line) for line in (spool.path / "log.jsonl").read_text().splitlines()]


def read(spool: Spool, name: str) -> dict:
    return json.loads((spool.path / name).read_text())


def living_step(root: Path) -> subprocess.Popen[str]:
    step = subprocess.Popen(
        [sys.executable, "-c", STEP, str(root)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert step.stdout is not None and step.stdout.readline() == "logged\n"
    return step


def wait_until(condition) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until, "waited 30 s in vain"
        time.sleep(0.05)


def test_a_step_does_not_import_mlflow():
    heavy = "mlflow", "sqlalchemy", "pandas"
    code = f"import sys, steps.runtime.execute; print([name for name in {heavy} if name in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert printed.stdout == "[]\n"


def test_what_is_logged_is_on_disk_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TENFOLD_PREFECT_RUN", "flow-7")
    given = facts()
    with Spool(tmp_path, given) as spool:
        spool.log({"loss": 0.5, "gap": 2}, 1)
        spool.log({"score": 1.0}, None)
        assert [(line["update"], line["metrics"]) for line in lines(spool)] == [
            (1, {"loss": 0.5, "gap": 2}),
            (None, {"score": 1.0}),
        ]
        assert read(spool, "run.json") == given | {"prefect_run_id": "flow-7"}
        assert has_owner(spool.path) and not (spool.path / "end.json").exists()
    assert not has_owner(spool.path)
    end = read(spool, "end.json")
    assert end["status"] == "FINISHED" and end["error"] is None
    assert 0 <= end["seconds"] < 30 and end["peak_memory_bytes"] > 1e6


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("row 3 is zero"), "FAILED"), (KeyboardInterrupt(), "KILLED")]
)
def test_an_error_is_recorded_and_passed_on(tmp_path: Path, error: BaseException, status: str):
    with pytest.raises(type(error)), Spool(tmp_path, facts()) as spool:
        raise error
    end = read(spool, "end.json")
    assert end["status"] == status and end["error"] == f"{type(error).__name__}: {error}"


def test_what_the_output_shows_is_kept(tmp_path: Path):
    out = tmp_path / "out"
    shown = {"figures/gap.svg", "tables/rates.csv", "pages/samples.html"}
    for name in (*shown, "models/final/README.md", "weights/large.bin"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(name)
    (out / "metrics.json").write_text('{"score": 0.9}')
    (out / "source.json").write_text('{"name": "iris"}')
    with Spool(tmp_path, facts()) as spool:
        spool.keep(out)
        assert [line["metrics"] for line in lines(spool)] == [{"score": 0.9}]
    kept = {path.relative_to(spool.path).as_posix() for path in spool.path.rglob("*/*/*") if path.is_file()}
    assert kept == {*(f"artifacts/{name}" for name in shown), "models/final/README.md"}
    assert read(spool, "end.json")["sources"] == [{"name": "iris"}] and read(spool, "run.json")["sources"] == []


def test_large_files_are_left_out(tmp_path: Path):
    (tmp_path / "out/figures").mkdir(parents=True)
    (tmp_path / "out/figures/large.svg").write_bytes(bytes(5_000_001))
    with Spool(tmp_path, facts()) as spool:
        spool.keep(tmp_path / "out")
        spool.keep(tmp_path / "absent")
        spool.log({"loss": 1.0}, 1)
    assert len(lines(spool)) == 1 and not (spool.path / "artifacts").exists()


def test_a_resumed_step_takes_over_its_earlier_curve(tmp_path: Path):
    history = [{"update": 1, "loss": 3.0}, {"start": 9.0}, {"update": 2, "loss": 2.0}]
    with Spool(tmp_path, facts()) as spool:
        spool.log({"loss": 3.0}, 1)  # an earlier loop of this process, which the history begins with
        spool.resumed(2, history)
        spool.log({"loss": 1.0}, 3)
    assert [line["metrics"] for line in lines(spool) if "metrics" in line] == [
        {"loss": 3.0},
        {"start": 9.0},
        {"loss": 2.0},
        {"loss": 1.0},
    ]
    assert {"resumed_from_update": 2} in lines(spool)


def test_a_folder_that_cannot_be_written_is_told_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    (tmp_path / ".tenfold").write_text("not a folder")
    with Spool(tmp_path, facts()) as spool:
        spool.log({"loss": 1.0}, 1)
        spool.keep(tmp_path)
    carry(tmp_path)
    told = capfd.readouterr().err.splitlines()
    assert len(told) == 1 and told[0].startswith("tracking: ") and "goes on without" in told[0]


def test_a_full_disk_is_told_once(tmp_path: Path):
    code = f"""
import resource, sys, time
from pathlib import Path
from steps.tracking.spool import Spool
with Spool(Path(sys.argv[1]), {FACTS!r} | {{"started": time.time()}}) as spool:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    for update in range(100):
        spool.log({{"loss": 1.0}}, update)
print("done")
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "done\n" and done.stderr.count("tracking:") == 1
    (spool,) = folder(tmp_path).glob("*/")
    assert (spool / "log.jsonl").stat().st_size <= 1000
    assert json.loads((spool / "end.json").read_text())["status"] == "FINISHED"


def test_odd_values_do_not_reach_the_step(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    with Spool(tmp_path, facts(params={"folder": Path("x")})) as spool:
        spool.log({"loss": "low"}, 1)  # type: ignore[dict-item]
        spool.log({"loss": object()}, 2)  # type: ignore[dict-item]
    assert read(spool, "run.json")["params"] == {"folder": "x"}
    assert capfd.readouterr().err.count("tracking:") == 1
    assert read(spool, "end.json")["status"] == "FINISHED"


def test_tracking_can_be_turned_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TENFOLD_TRACKING", "off")
    with Spool(tmp_path, facts()) as spool:
        spool.log({"loss": 1.0}, 1)
    carry(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_kill_9_keeps_what_was_logged_and_takes_the_follower_along(tmp_path: Path):
    step = living_step(tmp_path)
    process = psutil.Process(step.pid)
    wait_until(process.children)
    (follower,) = process.children()
    (spool,) = folder(tmp_path).glob("*/")
    assert has_owner(spool)
    step.send_signal(signal.SIGKILL)
    step.communicate()
    wait_until(lambda: not follower.is_running() or follower.status() == psutil.STATUS_ZOMBIE)
    assert not has_owner(spool) and not (spool / "end.json").exists()
    first, *_ = (spool / "log.jsonl").read_text().splitlines()  # what the system does may be logged behind it
    assert json.loads(first)["metrics"] == {"loss": 0.5}


def test_the_follower_ends_with_its_step(tmp_path: Path):
    step = living_step(tmp_path)
    process = psutil.Process(step.pid)
    wait_until(process.children)
    (follower,) = process.children()
    step.send_signal(signal.SIGINT)
    step.communicate(timeout=30)
    assert not follower.is_running()
    (spool,) = folder(tmp_path).glob("*/")
    assert json.loads((spool / "end.json").read_text())["status"] == "KILLED"
