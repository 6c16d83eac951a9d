"""One spool into MLflow: experiment = paper, run = executed step, under one parent a commit and profile.

Delivering is repeatable: a spool that was delivered in part, or whose deliverer was killed, is delivered
again without doubles, because MLflow keeps one point for the same metric, update, time and value.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from steps.runtime.outputs import write_atomically
from steps.tracking.store_lock import turn

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
BATCH, PARAMS_BATCH = 1000, 100  # MLflow's limits of one request
READ = 1_000_000  # bytes of the log at a time
LONGEST_VALUE = 1000  # characters of a parameter or tag
LONGEST_NAME, LONGEST_DIGEST, LONGEST_INPUT_TAG = 250, 36, 500
LOCKED = 30  # seconds to wait for another writer of SQLite
TAGS = (
    "stage",
    "digest",
    "paper",
    "step",
    "variant",
    "profile",
    "commit",
    "dirty",
    "seed",
    "processes",
    "prefect_run_id",
)
GONE, TAKEN = "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"
ELSEWHERE = ("http:", "https:", "databricks")  # servers, which keep artifacts where they were told to


class DeletedExperiment(RuntimeError):
    """The paper's experiment is in MLflow's trash, where its name cannot be used."""


class Store:
    """The MLflow store of a checkout: what MLFLOW_TRACKING_URI names, else mlflow.db at its root."""

    def __init__(self, root: Path) -> None:
        os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
        warnings.filterwarnings("ignore")
        import mlflow

        for name in ("alembic", "mlflow", "urllib3"):
            logging.getLogger(name).setLevel("ERROR")
        self.root = root
        self.uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root / 'mlflow.db'}"
        address = f"{self.uri}?timeout={LOCKED}" if re.fullmatch(r"sqlite:[^?]+", self.uri) else self.uri
        with turn(self.uri):  # the first one makes the tables
            self.client = mlflow.MlflowClient(address)

    def check(self) -> None:
        """Raise whatever MLflow raises if the store does not answer."""
        self.client.search_experiments(max_results=1)

    def deliver(self, spool: Path, *, living: bool) -> bool:
        """Bring one spool up to date; return whether all of it is delivered, so that it may go.

        Raises DeletedExperiment, or whatever MLflow raises: the spool then stays as it is.
        """
        facts = _read(spool / "run.json")
        with turn(self.uri):
            run = self._run(spool, facts)
        if run.info.lifecycle_stage == "deleted":  # by a user, or by a retry elsewhere
            return not living
        self._log(spool, run.info.run_id)
        if living:
            return False
        self._end(spool, run, facts)
        return True

    def _run(self, spool: Path, facts: dict[str, Any]) -> Any:
        """Return the spool's run; open it at first, and again if the store is another one by now."""
        from mlflow.exceptions import MlflowException

        state = _read(spool / "synced.json") if (spool / "synced.json").is_file() else {}
        if state:
            try:
                return self.client.get_run(state["run"])
            except MlflowException as error:
                if error.error_code != GONE:
                    raise
        run = self._create(facts)
        write_atomically(spool / "synced.json", json.dumps({"run": run.info.run_id, "bytes": 0}))
        return run

    def _create(self, facts: dict[str, Any]) -> Any:
        """Open a run under its parent, in place of an unfinished run of the same stage digest."""
        experiment = self._experiment(facts["paper"])
        same = f"tags.digest = '{facts['digest']}' and attributes.status != 'FINISHED'"
        for run in self.client.search_runs([experiment], same):
            self.client.delete_run(run.info.run_id)
        words = [facts["paper"], facts["step"], facts["variant"]]
        tags = {name: str(facts[name]) for name in TAGS if facts.get(name) is not None} | {
            "mlflow.parentRunId": self._parent(experiment, facts),
            "mlflow.source.name": " ".join(["python -m steps", *filter(None, words)]),
            "mlflow.source.type": "LOCAL",
            "mlflow.source.git.commit": facts["commit"] or "",
        }
        started = int(facts["started"] * 1000)
        run = self.client.create_run(experiment, start_time=started, run_name=facts["stage"], tags=tags)
        self._params(run.info.run_id, facts)
        self._inputs(run.info.run_id, facts["sources"], facts["profile"])
        return run

    def _experiment(self, paper: str) -> str:
        found = self.client.get_experiment_by_name(paper)
        if found is None:
            local = not self.uri.startswith(ELSEWHERE)
            place = (self._beside_the_store() / "mlartifacts" / paper).as_uri() if local else None
            with _unless_taken():
                return self.client.create_experiment(paper, artifact_location=place)
            return self._experiment(paper)
        if found.lifecycle_stage == "deleted":
            raise DeletedExperiment(
                f"the experiment {paper} was deleted; restore it (mlflow experiments restore -x "
                f"{found.experiment_id}) or remove it for good (mlflow gc --experiment-ids "
                f"{found.experiment_id})"
            )
        return found.experiment_id

    def _beside_the_store(self) -> Path:
        """Return the folder of an SQLite store, which other checkouts may share, else this checkout's."""
        file = re.match(r"sqlite:///([^?]+)", self.uri)
        return Path(file.group(1)).resolve().parent if file else self.root.resolve()

    def _parent(self, experiment: str, facts: dict[str, Any]) -> str:
        commit = facts["commit"] or "no commit"
        group = f"{commit}/{facts['profile']}"
        found = self.client.search_runs([experiment], f"tags.`group` = '{group}'", max_results=1)
        if found:
            return found[0].info.run_id
        tags = {"group": group, "commit": commit, "profile": facts["profile"], "paper": facts["paper"]}
        started = int(facts["started"] * 1000)
        name = f"{facts['profile']} · {commit[:9]}"
        run = self.client.create_run(experiment, start_time=started, run_name=name, tags=tags)
        self.client.set_terminated(run.info.run_id, "FINISHED", started)
        return run.info.run_id

    def _params(self, run: str, facts: dict[str, Any]) -> None:
        from mlflow.entities import Param

        flat = {"seed": facts["seed"], **dict(_flattened(facts["params"], ""))}
        params = [Param(_name(name), _cut(value)) for name, value in flat.items()]
        for start in range(0, len(params), PARAMS_BATCH):
            self.client.log_batch(run, params=params[start : start + PARAMS_BATCH])

    def _inputs(self, run: str, sources: list[dict[str, Any]], profile: str) -> None:
        """Name the data behind a run, each with its folder, its origin and its digest."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        inputs = []
        for source in sources:
            place = json.dumps({"uri": str(self.root / "data" / profile / source["name"])})
            digest = source.get("sha256") or hashlib.sha256(_text(source).encode()).hexdigest()
            dataset = Dataset(source["name"], digest[:LONGEST_DIGEST], "local", place)
            tags = [InputTag("mlflow.data.context", source["origin"])]
            for key in ("detail", "licence"):
                tags.append(InputTag(key, _text(source.get(key))[:LONGEST_INPUT_TAG]))
            inputs.append(DatasetInput(dataset, tags))
        if inputs:
            self.client.log_inputs(run, inputs)

    def _log(self, spool: Path, run: str) -> None:
        """Deliver the whole lines that were appended since the last time."""
        from mlflow.entities import Metric

        done = _read(spool / "synced.json")["bytes"]
        with open(spool / "log.jsonl", "rb") as log:
            log.seek(done)
            while lines := [line for line in log.readlines(READ) if line.endswith(b"\n")]:
                rows = [json.loads(line) for line in lines]
                metrics = [
                    Metric(_name(name), value, int(row["time"] * 1000), row["update"] or 0)
                    for row in rows
                    for name, value in row.get("metrics", {}).items()
                    if isinstance(value, int | float)
                ]
                for start in range(0, len(metrics), BATCH):
                    self.client.log_batch(run, metrics=metrics[start : start + BATCH])
                for row in rows:
                    if "resumed_from_update" in row:
                        self.client.set_tag(run, "resumed_from_update", str(row["resumed_from_update"]))
                done += sum(map(len, lines))
                write_atomically(spool / "synced.json", json.dumps({"run": run, "bytes": done}))

    def _end(self, spool: Path, run: Any, facts: dict[str, Any]) -> None:
        """Deliver what is known at the end only: artifacts, data, cost, models, status."""
        from mlflow.entities import Metric

        end: dict[str, Any] = {"status": "KILLED", "error": "the process was killed"}
        if (spool / "end.json").is_file():
            end = _read(spool / "end.json")
        ended = int(end.get("ended", (spool / "log.jsonl").stat().st_mtime) * 1000)
        name = run.info.run_id
        costs = [Metric(key, end[key], ended, 0) for key in ("seconds", "peak_memory_bytes") if key in end]
        self.client.log_batch(name, metrics=costs)
        if end.get("sources"):
            self._inputs(name, end["sources"], facts["profile"])
        if end.get("error"):
            self.client.set_tag(name, "error", _cut(end["error"]))
        if (spool / "artifacts").is_dir():
            self.client.log_artifacts(name, str(spool / "artifacts"))
        if (spool / "models").is_dir() and end["status"] == "FINISHED":
            self.client.log_artifacts(name, str(spool / "models"), "models")
            with turn(self.uri):
                self._register(run, spool / "models", facts)
        self.client.set_terminated(name, end["status"], ended)
        self.client.set_terminated(run.data.tags["mlflow.parentRunId"], "FINISHED", ended)

    def _register(self, run: Any, models: Path, facts: dict[str, Any]) -> None:
        """Register a version of each of the models that were logged, with its card as the description.

        The newest version of a profile carries the profile as its alias: ``models:/<paper>-<model>@<profile>``.
        """
        for folder in sorted(models.iterdir()):
            name = f"{facts['paper']}-{folder.name}"
            if not self.client.search_registered_models(f"name = '{name}'"):
                with _unless_taken():
                    self.client.create_registered_model(name, tags={"paper": facts["paper"]})
            versions = self.client.search_model_versions(f"name = '{name}'")
            if any(version.run_id == run.info.run_id for version in versions):
                continue
            card = folder / "README.md"
            made = self.client.create_model_version(
                name,
                f"{run.info.artifact_uri}/models/{folder.name}",
                run.info.run_id,
                tags={"digest": facts["digest"], "profile": facts["profile"]},
                description=card.read_text(encoding="utf-8")[:5000] if card.is_file() else None,
            )
            self.client.set_registered_model_alias(name, facts["profile"], made.version)


@contextmanager
def _unless_taken() -> Iterator[None]:
    """Let another writer have been first."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code != TAKEN:
            raise


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def _flattened(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _flattened(item, f"{name}.{key}" if name else str(key))
    elif name:
        yield name, value


def _name(name: str) -> str:
    """Return ``name`` in the letters that MLflow allows: letters, digits, _ - . : / and spaces."""
    return re.sub(r"[^/\w.\- :]", "_", name)[:LONGEST_NAME]


def _cut(value: Any) -> str:
    """Return ``value`` as text; a long one ends in how long it was."""
    text = _text(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]} … ({len(text)} characters)"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
