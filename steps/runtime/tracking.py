"""Carry spools into MLflow: ``python -m steps.runtime.tracking [--follow]``.

metrics.json is the truth and MLflow the view. Experiment = paper, run = executed step, grouped under one parent
per commit and profile. What cannot be delivered stays in the spool for the next time.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from steps.runtime.outputs import write_atomically
from steps.runtime.spool import folder

BATCH = 1000  # metrics a request
LONGEST_VALUE = 500  # characters of a parameter or tag
PAUSE = 5.0  # seconds between two rounds of following
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
}  # fmt: skip


def sync(root: Path) -> int:
    """Deliver every spool and return how many could not be; a second caller at the same time returns at once.

    Spools of steps that ended are removed once delivered; those of living steps are delivered up to now.
    """
    waiting = sorted(path for path in folder(root).glob("*") if (path / "run.json").is_file())
    if not waiting:
        return 0
    with _only_one(root) as first:
        if not first:
            return 0
        try:
            client, uri = _client(root)
        except Exception as error:
            return _undelivered(len(waiting), error)
        for done, spool in enumerate(waiting):
            try:
                if _deliver(client, uri, root, spool):
                    shutil.rmtree(spool)
            except Exception as error:
                return _undelivered(len(waiting) - done, error)
    return 0


def redacted(text: str) -> str:
    """Return ``text`` with the user and password of every address blanked."""
    return re.sub(r"://[^/@\s]+@", "://***@", text)


def _client(root: Path) -> tuple[Any, str]:
    os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root / 'mlflow.db'}"
    import logging

    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore")
    import mlflow

    mlflow.set_tracking_uri(uri)
    return mlflow.MlflowClient(uri), uri


def _deliver(client: Any, uri: str, root: Path, spool: Path) -> bool:
    """Bring one spool up to date in MLflow; return whether it is complete."""
    facts = json.loads((spool / "run.json").read_text(encoding="utf-8"))
    state_file = spool / "synced.json"
    state = json.loads(state_file.read_text(encoding="utf-8")) if state_file.is_file() else {"lines": 0}
    living = _lives(spool)
    if "run" not in state:
        state["run"] = _create(client, uri, root, facts)
        write_atomically(state_file, json.dumps(state))
    lines = (spool / "log.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    lines = [line for line in lines if line.endswith("\n")]
    _log_metrics(client, state["run"], lines[state["lines"] :])
    state["lines"] = len(lines)
    write_atomically(state_file, json.dumps(state))
    if living:
        return False
    if (spool / "artifacts").is_dir():
        client.log_artifacts(state["run"], str(spool / "artifacts"))
    end_file = spool / "end.json"
    end = json.loads(end_file.read_text(encoding="utf-8")) if end_file.is_file() else {"status": "KILLED"}
    if end.get("error"):
        client.set_tag(state["run"], "error", end["error"][:LONGEST_VALUE])
    client.set_terminated(state["run"], end["status"], int(end.get("ended", time.time()) * 1000))
    return True


def _create(client: Any, uri: str, root: Path, facts: dict[str, Any]) -> str:
    """Open the step's run under its parent, in place of an unfinished run of the same stage digest."""
    experiment = _experiment(client, root, uri, facts["paper"])
    same = f"tags.digest = '{facts['digest']}' and attributes.status != 'FINISHED'"
    for run in client.search_runs([experiment], same):
        client.delete_run(run.info.run_id)
    parent = _parent(client, experiment, facts)
    names = ("stage", "digest", "paper", "step", "variant", "profile", "commit", "dirty", "seed", "prefect_run_id")
    tags = {name: str(facts[name]) for name in names if facts.get(name) is not None}
    run = client.create_run(
        experiment, start_time=int(facts["started"] * 1000), run_name=facts["stage"],
        tags=tags | {"mlflow.parentRunId": parent},
    )  # fmt: skip
    _log_params(client, run.info.run_id, facts)
    _log_sources(run.info.run_id, facts["sources"], root, facts["profile"])
    return run.info.run_id


def _experiment(client: Any, root: Path, uri: str, paper: str) -> str:
    found = client.get_experiment_by_name(paper)
    if found is not None:
        return found.experiment_id
    place = str(root / "mlartifacts") if uri.startswith("sqlite:") else None
    return client.create_experiment(paper, artifact_location=place and f"file://{place}/{paper}")


def _parent(client: Any, experiment: str, facts: dict[str, Any]) -> str:
    commit = facts["commit"] or "no commit"
    group = f"{commit}/{facts['profile']}"
    found = client.search_runs([experiment], f"tags.`group` = '{group}'", max_results=1)
    if found:
        return found[0].info.run_id
    tags = {"group": group, "commit": commit, "profile": facts["profile"], "paper": facts["paper"]}
    name = f"{facts['profile']} · {commit[:9]}"
    run = client.create_run(experiment, start_time=int(facts["started"] * 1000), run_name=name, tags=tags)
    client.set_terminated(run.info.run_id)
    return run.info.run_id


def _log_params(client: Any, run: str, facts: dict[str, Any]) -> None:
    from mlflow.entities import Param

    flat = dict(_flattened(facts["params"], ""))
    params = [Param(name, str(value)[:LONGEST_VALUE]) for name, value in flat.items()]
    client.log_batch(run, params=[Param("seed", str(facts["seed"])), *params][:100])


def _flattened(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flattened(item, f"{name}.{key}" if name else key)
    else:
        yield name, value


def _log_metrics(client: Any, run: str, lines: list[str]) -> None:
    from mlflow.entities import Metric

    metrics = [
        Metric(name, value, int(row["time"] * 1000), row["update"] or 0)
        for row in map(json.loads, lines)
        for name, value in row["metrics"].items()
    ]
    for start in range(0, len(metrics), BATCH):
        client.log_batch(run, metrics=metrics[start : start + BATCH])


def _log_sources(run: str, sources: list[dict[str, Any]], root: Path, profile: str) -> None:
    import mlflow
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.data.sources import LocalArtifactDatasetSource
    from mlflow.entities import DatasetInput, InputTag

    inputs = []
    for source in sources:
        place = LocalArtifactDatasetSource(str(root / "data" / profile / source["name"]))
        dataset = MetaDataset(place, name=source["name"], digest=(source.get("sha256") or "none")[:36])
        tags = [InputTag("mlflow.data.context", source["origin"])]
        inputs.append(DatasetInput(dataset._to_mlflow_entity(), tags))
    if inputs:
        mlflow.MlflowClient().log_inputs(run, inputs)


def _lives(spool: Path) -> bool:
    lock = os.open(spool, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(lock)


@contextmanager
def _only_one(root: Path) -> Iterator[bool]:
    lock = os.open(root / ".tenfold" / "tracking.lock", os.O_CREAT | os.O_RDWR)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(lock)


def _undelivered(count: int, error: Exception) -> int:
    reason = redacted(str(error).strip().split("\n")[0])[:300]
    print(f"tracking: {count} runs wait in .tenfold/tracking, MLflow did not take them: {reason}", file=sys.stderr)
    return count


def main(arguments: list[str]) -> int:
    """Return 0 if everything was delivered, 1 if something waits, 2 for wrong usage."""
    root = Path.cwd()
    if arguments == ["--follow"]:
        while True:
            sync(root)
            time.sleep(PAUSE)
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    return 1 if sync(root) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
