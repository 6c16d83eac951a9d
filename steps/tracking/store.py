"""One spool into MLflow: experiment = paper, run = executed step, under one parent per commit and profile.

Delivering is repeatable: a spool that was delivered in part, or whose deliverer was killed, is delivered
again without doubles, because MLflow keeps one point for the same metric, update, time and value.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from ruamel.yaml import YAML

from steps.runtime.outputs import write_atomically
from steps.tracking.relocation import FOLDER, LOCKED, database, require_folder

METRICS, PARAMS = 1000, 100  # MLflow's limits of one request
READ = 1_000_000  # bytes of the log at a time
LONGEST_VALUE, LONGEST_NAME, LONGEST_DIGEST, LONGEST_INPUT_TAG, LONGEST_CARD = 1000, 250, 36, 500, 5000  # characters
TAGS = ("stage", "digest", "paper", "step", "variant", "profile", "commit", "dirty", "seed", "processes")
NOTE = "mlflow.note.content"  # what MLflow shows as a description
SERVERS = ("http:", "https:", "databricks")  # they keep artifacts where they were told to


class DeletedExperiment(RuntimeError):
    """The paper's experiment is in MLflow's trash, where its name cannot be used."""


class Store:
    """An MLflow store; whoever writes to it holds ``delivery.turn``, in which the first one makes the tables."""

    def __init__(self, root: Path, uri: str) -> None:
        self.root, self.uri = root, uri
        plain_file = re.fullmatch(r"sqlite:[^?]+", uri)
        self.client = mlflow.MlflowClient(f"{uri}?timeout={LOCKED}" if plain_file else uri)

    def check(self) -> None:
        """Raise whatever MLflow raises if the store does not answer."""
        self.client.search_experiments(max_results=1)

    def find(self, paper: str, digests: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Return (experiment id, run id) of the newest finished run of each stage digest that has one."""
        experiment: Any = self.client.get_experiment_by_name(paper)
        found = {}
        for digest in digests if experiment else ():
            finished = f"tags.digest = '{digest}' and attributes.status = 'FINISHED'"
            newest = ["attributes.start_time DESC"]
            for run in self.client.search_runs([experiment.experiment_id], finished, order_by=newest, max_results=1):
                found[digest] = (run.info.experiment_id, run.info.run_id)
        return found

    def deliver(self, spool: Path, *, living: bool) -> bool:
        """Bring one spool up to date; return whether all of it is delivered, so that it may go.

        Raises DeletedExperiment, MissingArtifacts, or whatever MLflow raises: the spool then stays as it is.
        """
        facts = _read(spool / "run.json")
        run = self._run(spool, facts)
        if run.info.lifecycle_stage != "deleted":  # by a user, or by a retry elsewhere
            self._log(spool, run.info.run_id)
            if not living:
                self._end(spool, run, facts)
        return not living

    def _run(self, spool: Path, facts: dict[str, Any]) -> Run:
        """Return the spool's run; open it at first, and again if the store is another one by now."""
        if (spool / "synced.json").is_file():
            try:
                return self.client.get_run(_read(spool / "synced.json")["run"])
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
        run = self._create(facts)
        _note(spool, run.info.run_id, 0)
        return run

    def _create(self, facts: dict[str, Any]) -> Run:
        """Open a run under its parent, in place of an unfinished run of the same stage digest."""
        experiment = self._experiment(facts["paper"])
        same = f"tags.digest = '{facts['digest']}' and attributes.status != 'FINISHED'"
        for run in self.client.search_runs([experiment], same):
            self.client.delete_run(run.info.run_id)
        words = filter(None, (facts["paper"], facts["step"], facts["variant"]))
        tags = {name: str(facts[name]) for name in (*TAGS, "prefect_run_id") if facts.get(name) is not None} | {
            "mlflow.parentRunId": self._parent(experiment, facts),
            "mlflow.source.name": " ".join(("python -m steps", *words)),
            "mlflow.source.type": "LOCAL",
            "mlflow.source.git.commit": facts["commit"] or "",
        }
        name = " · ".join(filter(None, (facts["step"], facts["variant"], f"seed {facts['seed']}")))
        run = self.client.create_run(experiment, int(1000 * facts["started"]), tags, name)
        flat = {"seed": facts["seed"], **dict(_flattened(facts["params"], ""))}
        for part in _parts([Param(_name(name), _cut(value)) for name, value in flat.items()], PARAMS):
            self.client.log_batch(run.info.run_id, params=part)
        return run

    def _experiment(self, paper: str) -> str:
        """Return the id of a paper's experiment, after making it; its artifacts are beside the store, or else here."""
        found = self.client.get_experiment_by_name(paper)
        if found is None:
            file = database(self.uri)
            beside = file.resolve().parent if file else self.root.resolve()
            place = None if self.uri.startswith(SERVERS) else (beside / FOLDER / paper).as_uri()
            return self.client.create_experiment(paper, artifact_location=place, tags={NOTE: self._about(paper)})
        if found.lifecycle_stage == "deleted":
            raise DeletedExperiment(
                f"the experiment {paper} was deleted; restore it (mlflow experiments restore -x "
                f"{found.experiment_id}) or remove it for good (mlflow gc --experiment-ids {found.experiment_id})"
            )
        require_folder(paper, found.artifact_location)
        return found.experiment_id

    def _about(self, paper: str) -> str:
        """Return what a paper is, from its claims.yaml, or what an experiment that is no paper holds."""
        path = self.root / "steps" / paper / "claims.yaml"
        if not path.is_file():
            return "What steps read: data sets and weights, by source." if paper == "data" else f"Steps of {paper}."
        about = YAML(typ="safe").load(path)
        return f"**{about['title']}** ([arXiv:{about['arxiv']}](https://arxiv.org/abs/{about['arxiv']}))\n\n{about['summary']}"

    def summarise(self, path: Path) -> None:
        """Give the parents of a paper's runs its verdicts, headline metrics and a note; where there are any."""
        facts = _read(path)
        experiment, ended = self._experiment(facts["paper"]), int(1000 * facts["ended"])
        metrics = [Metric(_name(name), value, ended, 0) for name, value in facts["metrics"].items()]
        tags = [RunTag(f"verdict.{name}", verdict) for name, verdict in facts["verdicts"].items()]
        for commit in facts["commits"]:
            for run in self.client.search_runs([experiment], f"tags.`group` = '{commit}/{facts['profile']}'"):
                self.client.log_batch(run.info.run_id, metrics, tags=[*tags, RunTag(NOTE, facts["note"])])

    def _parent(self, experiment: str, facts: dict[str, Any]) -> str:
        commit, profile = facts["commit"] or "no commit", facts["profile"]
        tags = {"group": f"{commit}/{profile}", "commit": commit, "profile": profile, "paper": facts["paper"]}
        found = self.client.search_runs([experiment], f"tags.`group` = '{tags['group']}'", max_results=1)
        if found:
            return found[0].info.run_id
        started = int(1000 * facts["started"])
        run = self.client.create_run(experiment, started, tags, f"{profile} · {commit[:9]}")
        self.client.set_terminated(run.info.run_id, "FINISHED", started)
        return run.info.run_id

    def _log(self, spool: Path, run: str) -> None:
        """Deliver the whole lines that were appended since the last time."""
        done = _read(spool / "synced.json")["bytes"]
        with open(spool / "log.jsonl", "rb") as log:
            log.seek(done)
            while lines := [line for line in log.readlines(READ) if line.endswith(b"\n")]:
                rows = [json.loads(line) for line in lines]
                metrics = [
                    Metric(_name(name), value, int(1000 * row["time"]), row["update"] or 0)
                    for row in rows
                    for name, value in row.get("metrics", {}).items()
                    if isinstance(value, int | float)
                ]
                for part in _parts(metrics, METRICS):
                    self.client.log_batch(run, metrics=part)
                for update in [row["resumed_from_update"] for row in rows if "resumed_from_update" in row]:
                    self.client.set_tag(run, "resumed_from_update", str(update))
                done += sum(map(len, lines))
                _note(spool, run, done)

    def _end(self, spool: Path, run: Run, facts: dict[str, Any]) -> None:
        """Deliver what is known at the end only: artifacts, data, cost, models, status."""
        if (spool / "end.json").is_file():
            end = _read(spool / "end.json")
        else:
            killed = (spool / "log.jsonl").stat().st_mtime
            end = {"status": "KILLED", "error": "the process was killed", "sources": facts["sources"], "ended": killed}
        number, ended = run.info.run_id, int(1000 * end["ended"])
        costs = [Metric(key, end[key], ended, 0) for key in ("seconds", "peak_memory_bytes") if key in end]
        self.client.log_batch(number, metrics=costs)
        if end["sources"]:
            self.client.log_inputs(number, [self._dataset(source, facts["profile"]) for source in end["sources"]])
        if end["error"]:
            self.client.set_tag(number, "error", _cut(end["error"]))
        if (spool / "artifacts").is_dir():
            self.client.log_artifacts(number, str(spool / "artifacts"))
            self._log_tables(run, spool)
        if (spool / "models").is_dir() and end["status"] == "FINISHED":
            self.client.log_artifacts(number, str(spool / "models"), "models")
            for model in sorted((spool / "models").iterdir()):
                self._register(run, model, facts)
        self.client.set_terminated(number, end["status"], ended)
        self.client.set_terminated(run.data.tags["mlflow.parentRunId"], "FINISHED", ended)

    def _log_tables(self, run: Run, spool: Path) -> None:
        """Log each table once more as one that MLflow's pages show; it would append to one that is there."""
        import pandas as pd

        there = self.client.get_run(run.info.run_id).data.tags.get("mlflow.loggedArtifacts", "")
        for path in sorted((spool / "artifacts").glob("tables/*.csv")):
            if (name := f"tables/{path.stem}.json") not in there:
                self.client.log_table(run.info.run_id, pd.read_csv(path), name)

    def _dataset(self, source: dict[str, Any], profile: str) -> DatasetInput:
        """Return the data behind a run, with their folder, origin and digest."""
        place = json.dumps({"uri": str(self.root / "data" / profile / source["name"])})
        digest = source.get("sha256") or hashlib.sha256(_text(source).encode()).hexdigest()
        tags = [InputTag("mlflow.data.context", source["origin"])]
        tags += [InputTag(key, _text(source.get(key))[:LONGEST_INPUT_TAG]) for key in ("detail", "licence")]
        return DatasetInput(Dataset(source["name"], digest[:LONGEST_DIGEST], "local", place), tags)

    def _register(self, run: Run, model: Path, facts: dict[str, Any]) -> None:
        """Register a version of a model that was logged, once, with its card as the description.

        The newest version of a profile carries the profile as its alias: ``models:/<paper>-<model>@<profile>``.
        """
        name, card = f"{facts['paper']}-{model.name}", model / "README.md"
        if not self.client.search_registered_models(f"name = '{name}'"):
            first = card.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ") if card.is_file() else model.name
            about = f"{first}, kept by the step {facts['step']} of {facts['paper']}; each version has its card."
            self.client.create_registered_model(name, tags={"paper": facts["paper"]}, description=about)
        if any(found.run_id == run.info.run_id for found in self.client.search_model_versions(f"name = '{name}'")):
            return
        made = self.client.create_model_version(
            name,
            f"{run.info.artifact_uri}/models/{model.name}",
            run.info.run_id,
            tags={"digest": facts["digest"], "profile": facts["profile"]},
            description=card.read_text(encoding="utf-8")[:LONGEST_CARD] if card.is_file() else None,
        )
        self.client.set_registered_model_alias(name, facts["profile"], made.version)


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def _note(spool: Path, run: str, done: int) -> None:
    """Note in the spool which run it is and how many bytes of its log are delivered."""
    write_atomically(spool / "synced.json", json.dumps({"run": run, "bytes": done}))


def _parts(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


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
