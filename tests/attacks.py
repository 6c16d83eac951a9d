"""Attack a checkout of the toy paper: random edits, also while stages run, and kill -9 at random moments.

``python -m tests.attacks --edits N --kills N [--minutes M] [--seed S] [--damages SHARE] [--write]``; SHARE is that of
edits that damage an output. With ``--planted`` it tells in how many attacks each of several known bugs is found,
planted one after the other (``tests/attacks_planted.py``). One attack is one of these, at a stage drawn at random with
all that it needs:

- *edit*: a line of code, a parameter or the graph is changed, or an output is cut or removed; ``dvc repro STAGE``.
- *edit while it runs*: a parameter is changed, ``dvc repro STAGE`` started, and at a random moment of it the same is
  done. *edit and back while it runs*: a change that is taken back before the run ends.
- *kill*: at a random moment of such a run, SIGKILL to DVC or to the step that it runs.

After the last three a user recovers: ``python -m flows refresh``, then ``dvc repro STAGE`` to its end. Each attack ends
with a comparison: the stage's outputs, and those of all that it needs, must be what the steps give that are called one
after the other in a second checkout, without DVC, cache, records or sandbox (once for each state of that checkout).

What is counted as a fault, of which there must be none:

- *wrong hits*: an output is not what a clean run gives; *missing outputs*: it is not there.
- *half-written outputs*: after a kill, before anything is mended, the output of a step that ran is neither absent nor
  whole, old or new. (What DVC was restoring then may be incomplete; it sees that itself: *restores cut off*.)
- *changes kept*: a step wrote a checkpoint after an edit of what it depends on, and did not end as ChangedWhileRunning.
- *orphans*: processes live in the checkout 10 seconds after its command ended; *unfinished left*: so do their folders.
- *failed recoveries*: ``refresh`` or ``dvc repro`` failed when nothing disturbed them.

Edits and kills that came after the run's end are counted apart, as too late. DVC and steps are processes of their own,
forked from one that has imported other people's packages (``tests/warm_process.py``); one run at the start, of commands
started as a user does, must give the same outputs. The seed chooses attacks and moments, not what they meet: a machine
is never twice as busy. ``--write`` adds the counts to benchmarks/results/attacks.json, by seed.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from benchmarks.machine import checkout, machine
from steps.runtime.outputs import write_atomically
from steps.runtime.stage import address, name_at
from steps.step.environment import pinned
from tests.conftest import ROOT, Project, build
from tests.warm_process import SPARES, Forked, Warm

RESULT = ROOT / "benchmarks/results/attacks.json"
FAULTS = (
    *("wrong hits", "missing outputs", "half-written outputs", "changes kept"),
    *("orphans", "unfinished left", "failed recoveries"),
)
EDIT, MEANWHILE, BACK, KILL = KINDS = ("edit", "edit while it runs", "edit and back while it runs", "kill")


class Knob(NamedTuple):
    """A place of the checkout that can stand in several ways."""

    file: str
    frame: str
    values: tuple[str, ...]
    first: str  # the first stage, in order, whose output or code it changes
    trains: bool = False  # whether the stages train-left and train-right depend on it


UPDATES, PAUSE = "updates: {{smoke: 3, default: {}}}", "pause: {}"
KNOBS = (
    Knob("tenfold/toy/scale.py", "SCALE = {}", ("1.0", "2.0", "3.0"), "toy-train-left", True),
    Knob("tenfold/toy/walk.py", "RATE, NOISE = {}, 0.01", ("0.1", "0.2", "0.3"), "toy-train-left", True),
    Knob("steps/toy/figures.py", 'TITLE = "{}"', ("The walk", "A walk"), "toy-evaluate"),
    Knob("steps/toy/combine.py", "Average the arms' places{}", ("", " again"), "toy-combine"),
    Knob("steps/step/run.py", "EVERY = {}", ("30.0", "31.0"), "data-wine", True),
    Knob("params.yaml", "seed: {}", ("0", "1", "2"), "toy-draw", True),
    Knob("params.yaml", "profile: {}", ("default", "smoke"), "data-wine", True),
    Knob(
        "steps/toy/params.yaml", "coordinates: {{smoke: 10, default: {}}}", tuple(map(str, range(100, 400))), "toy-draw"
    ),
    Knob("steps/toy/params.yaml", UPDATES, tuple(map(str, range(12, 4, -1))), "toy-train-left", True),
    Knob("steps/toy/params.yaml", PAUSE, tuple(f"{0.02 + n / 1e4:.4f}" for n in range(99)), "toy-train-left", True),
    Knob("flows/toy.py", 'combine", arms={}', ("arms", "arms[::-1]"), "toy-combine"),
)
PROFILE = next(number for number, knob in enumerate(KNOBS) if knob.frame == "profile: {}")
STARTERS = [number for number, knob in enumerate(KNOBS) if len(knob.values) > 5]  # where a value is mostly a new one
STAGES = ("data-wine", "toy-draw", "toy-train-left", "toy-train-right", "toy-combine", "toy-evaluate", "toy-publish")
TARGETS = {"toy-train-left": 6, "toy-train-right": 2, "toy-combine": 1, "toy-publish": 1}  # how often each is drawn
DAMAGED = {  # what an edit may damage, and the stage whose output it is
    "artifacts/{}/toy/draw/target.npy": "toy-draw",
    "artifacts/{}/toy/train-left/place.npy": "toy-train-left",
    "data/{}/wine/source.json": "data-wine",
}

PLAIN = """
import json, os, sys
from contextlib import nullcontext
from pathlib import Path
from steps.step.call import prepare

own = dict(os.environ)
for words, place in json.loads(sys.argv[1]):
    os.environ.clear()  # libraries add to it
    os.environ.update(own)
    out = Path.cwd() / place
    out.mkdir(parents=True)
    prepare(Path.cwd(), words, nullcontext).make(out, Path.cwd() / ".tenfold" / place, None, nullcontext)
"""


def needed(target: str) -> tuple[str, ...]:
    """Return a stage and all that it needs, in order."""
    if target == "toy-train-right":
        return ("data-wine", "toy-draw", "toy-train-right")
    return STAGES[: STAGES.index(target) + 1]


@dataclass
class Attack:
    """A checkout under attack, another that answers what is right, and what was counted."""

    project: Project
    clean: Project
    warm: Warm
    chance: random.Random
    damages: float = 0.2  # share of edits that damage an output, where there is one to damage
    counts: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)  # by kind of attack
    knobs: list[int] = field(default_factory=lambda: [0] * len(KNOBS))
    right: dict[Any, dict[str, str]] = field(default_factory=dict)  # by state of the clean checkout
    last: dict[str, str] = field(default_factory=dict)  # the outputs as the last check left them
    long: dict[str, float] = field(default_factory=lambda: dict.fromkeys(TARGETS, 3.0))  # seconds that a run may take

    @property
    def profile(self) -> str:
        return KNOBS[PROFILE].values[self.knobs[PROFILE]]

    def start(self, project: Project, *words: str, fresh: bool = False) -> Forked:
        """Start a command in a checkout; its Python keeps bytecode, as a user's does, unless it runs ``fresh``."""
        log = project.root.with_suffix(".log")
        log.write_text("")  # it is read before the fork opens it
        environment = project.environment() if fresh else project.environment(PYTHONDONTWRITEBYTECODE="")
        if words[0] == "dvc":
            environment[SPARES] = str(len(needed(name_at(words[-1]))))
        return self.warm.start(words, project.root, pinned(environment) if fresh else environment, log)

    def run(self, project: Project, *words: str, fresh: bool = False) -> None:
        """Run a command that must succeed."""
        if self.start(project, *words, fresh=fresh).status() != 0:
            raise RuntimeError(f"{words}: {project.root.with_suffix('.log').read_text()}")

    def turn(self, project: Project, number: int, choice: int) -> None:
        """Let a knob of ``project`` stand at ``choice``."""
        knob, path = KNOBS[number], project.root / KNOBS[number].file
        text = path.read_text()
        before = next(knob.frame.format(value) for value in reversed(knob.values) if knob.frame.format(value) in text)
        if (after := knob.frame.format(knob.values[choice])) != before:
            path.write_text(text.replace(before, after))
            if knob.file.startswith("flows/"):
                self.run(project, "python", "-m", "flows", "generate", fresh=project is self.clean)

    def change(self, number: int) -> None:
        """Turn a knob of the attacked checkout to something else."""
        self.knobs[number] = self.chance.choice([*{*range(len(KNOBS[number].values))} - {self.knobs[number]}])
        self.turn(self.project, number, self.knobs[number])

    def edit(self, target: str) -> bool:
        """Change a knob, or damage an output, that ``target`` depends on; return whether training depends on it."""
        paths = [name.format(self.profile) for name, stage in DAMAGED.items() if stage in needed(target)]
        path = self.project.root / self.chance.choice(paths)
        if self.chance.random() < self.damages and path.is_file():
            content = path.read_bytes()
            if self.chance.random() < 0.2:
                shutil.rmtree(path.parent, ignore_errors=True)
            else:
                path.unlink()  # the cache may hold the same file
                path.write_bytes(content[: self.chance.randrange(len(content))])
            self.counts["outputs damaged"] += 1
            return path.name == "target.npy"
        number = self.knob(target)
        self.change(number)
        return KNOBS[number].trains

    def knob(self, target: str) -> int:
        return self.chance.choice([number for number, knob in enumerate(KNOBS) if self.reaches(knob, target)])

    def reaches(self, knob: Knob, target: str) -> bool:
        return knob.first in needed(target) or (knob.first == "toy-train-left" and target == "toy-train-right")

    def expected(self, target: str) -> dict[str, str]:
        """Return what the steps give where the knobs stand now, called as plain functions, once per state."""
        state = (*(choice for knob, choice in zip(KNOBS, self.knobs, strict=True) if knob.frame != PAUSE), target)
        if state not in self.right:
            for number, choice in enumerate(self.knobs):
                if KNOBS[number].frame != PAUSE:  # a clean run needs none
                    self.turn(self.clean, number, choice)
            for name in (".tenfold", "artifacts", "results", "data/default", "data/smoke"):
                shutil.rmtree(self.clean.root / name, ignore_errors=True)
            stages = self.clean.stages()
            outs = {stage: stages[stage]["meta"]["out"].replace("${profile}", self.profile) for stage in needed(target)}
            calls = [(stages[stage]["cmd"].split()[4:], out) for stage, out in outs.items()]
            self.run(self.clean, "python", "-c", PLAIN, json.dumps(calls), fresh=True)
            self.right[state] = self.made(self.clean, target)
            self.counts["clean runs"] += 1
        return self.right[state]

    def made(self, project: Project, target: str) -> dict[str, str]:
        """Return the digests of the outputs of ``target`` and what it needs, in the profile in force."""
        folders = tuple(folder + "/" for folder in self.folders(target).values())
        return {name: value for name, value in project.digests().items() if name.startswith(folders)}

    def folders(self, target: str) -> dict[str, str]:
        """Return where the outputs of ``target`` and what it needs stand, by stage."""
        places = {"data-wine": f"data/{self.profile}/wine", "toy-publish": f"results/{self.profile}/toy"}
        own = f"artifacts/{self.profile}/toy/"
        return {stage: places.get(stage, own + stage.removeprefix("toy-")) for stage in needed(target)}

    @contextmanager
    def running(self, target: str) -> Iterator[Forked]:
        """Change a parameter, start ``dvc repro``, and wait for a random time, from then or from a step's beginning."""
        self.change(self.chance.choice(STARTERS))
        running = self.start(self.project, "dvc", "repro", address(target))
        if self.chance.random() < 0.6:  # half the time is DVC's
            stage = self.chance.choice([name for name in needed(target) if "train" in name])  # which surely runs
            while not running.ended(0.01) and f"Running stage '{address(stage)}'" not in running.log.read_text():
                pass
            running.ended(self.chance.uniform(0.0, 1.2))
        else:
            early = not running.ended(self.chance.uniform(0.0, self.long[target]))
            self.long[target] *= 1.05 if early else 0.9
        yield running
        running.status()
        self.counts["stopped as changed while running"] += "ChangedWhileRunning" in running.log.read_text()

    def edit_meanwhile(self, target: str) -> str:
        """Edit while a run lasts, and see that a step inside of which the edit fell keeps nothing; return the kind."""
        inside = None
        with self.running(target) as running:
            kind = EDIT + " too late" if running.ended() else MEANWHILE
            if self.edit(target):
                inside = self.inside(running)
        if inside is not None:
            self.counts["edits inside a training"] += 1
            if f"ChangedWhileRunning: stage {inside}" not in (log := running.log.read_text()):
                self.fault("changes kept", inside, log)
        return kind

    def edit_and_back(self, target: str) -> str:
        """Edit while a run lasts, and take it back before its end."""
        with self.running(target) as running:
            kind = EDIT + " too late" if running.ended() else BACK
            number = self.knob(target)
            before = self.knobs[number]
            self.change(number)
            running.ended(self.chance.uniform(0.0, 0.5))
            self.knobs[number] = before
            self.turn(self.project, number, before)
        return kind

    def inside(self, running: Forked) -> str | None:
        """Return the training that writes a checkpoint from now on."""
        since = time.time_ns()
        while not running.ended(0.005):
            for path in (self.project.root / ".tenfold/checkpoints").glob("toy-train-*/*.safetensors"):
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime_ns > since:
                        return path.parent.name.rpartition("-")[0]
            if not list(self.project.root.glob("artifacts/*/toy/.train-*.unfinished")):
                return None
        return None

    def kill(self, target: str) -> str:
        """Kill DVC, or the step that it runs, and see that each output is absent or whole; return the kind."""
        with self.running(target) as running:
            killed = not running.ended() and self.killed(running.pid)
        if not killed:
            return KILL + " too late"
        self.require_dead()
        log, last, expected = running.log.read_text(), self.last, self.expected(target)
        for stage, folder in self.folders(target).items():
            found, old, new = (
                {name: value for name, value in outputs.items() if name.startswith(folder + "/")}
                for outputs in (self.made(self.project, target), last, expected)
            )
            if (self.project.root / folder).is_dir() and found not in (old, new):
                if f"Running stage '{address(stage)}'" in log:
                    self.fault("half-written outputs", folder, sorted(found), log)
                else:
                    self.counts["restores cut off"] += 1
        return KILL

    def killed(self, pid: int) -> bool:
        """Kill a process or one of those below it that do something; return whether it lived until then."""
        with suppress(psutil.Error):
            below = [item for item in psutil.Process(pid).children(recursive=True) if item.cmdline()[:1] != ["spare"]]
            victim = self.chance.choice([psutil.Process(pid), *below])
            words = " ".join(victim.cmdline())
            victim.kill()
            who = "DVC" if victim.pid == pid else "a step" if "-m steps" in words else "another program"
            self.counts[f"kills of {who}"] += 1
            return True
        return False

    def check(self, target: str, *, mend: bool) -> None:
        """Recover as a user would, and compare with a clean run."""
        self.require_dead()
        for words in [("python", "-m", "flows", "refresh")] * mend + [("dvc", "repro", address(target))]:
            if (command := self.start(self.project, *words)).status() != 0:
                self.fault("failed recoveries", words, command.log.read_text())
        expected, self.last = self.expected(target), self.made(self.project, STAGES[-1])
        made = self.made(self.project, target)
        if wrong := [name for name, value in made.items() if expected.get(name, value) != value]:
            self.fault("wrong hits", wrong)
        if missing := expected.keys() - made.keys():
            self.fault("missing outputs", missing)
        if left := list(self.project.root.glob("*/*/*/.*.unfinished*")):
            self.fault("unfinished left", left)
        self.counts["checks"] += 1

    def require_dead(self) -> None:
        until = time.monotonic() + 10
        while (left := self.living()) and time.monotonic() < until:
            time.sleep(0.05)
        if left:
            self.fault("orphans", left)

    def living(self) -> list[str]:
        """Return the command lines of what still works in the checkout."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.cwd() == str(self.project.root) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(" ".join(process.cmdline()))
        return found

    def fault(self, name: str, *facts: Any) -> None:
        self.counts[name] += 1
        print(f"{name}, knobs {self.knobs}:", *facts, file=sys.stderr, flush=True)

    def attack(self, kind: str) -> None:
        """Do one attack of a kind, and check what came of it."""
        target = self.chance.choices([*TARGETS], [*TARGETS.values()])[0]
        began = time.monotonic()
        if kind == EDIT:
            self.edit(target)
        else:
            kind = {MEANWHILE: self.edit_meanwhile, BACK: self.edit_and_back, KILL: self.kill}[kind](target)
        self.counts[kind] += 1
        self.check(target, mend=kind != EDIT)
        self.seconds[kind] += time.monotonic() - began

    @property
    def faults(self) -> int:
        return sum(self.counts[name] for name in FAULTS)


def counters() -> dict[str, Counter[str]]:
    return {"counts": Counter(), "seconds": Counter()}


@contextmanager
def besieged(seed: int, damages: float = Attack.damages) -> Iterator[Attack]:
    """Yield two checkouts in which everything ran once, by commands as a user gives them."""
    with tempfile.TemporaryDirectory(prefix="attacks-") as folder:
        project = build(Path(folder) / "attacked")
        clean = Project(Path(folder) / "clean")
        shutil.copytree(project.root, clean.root, symlinks=True)
        pause = KNOBS[STARTERS[-1]]
        project.edit(pause.file, pause.frame.format("0.0"), pause.frame.format(pause.values[0]))
        warm = Warm(pinned(project.environment()))
        try:
            attack = Attack(project, clean, warm, random.Random(seed), damages)
            subprocess.run(
                ("dvc", "repro", "steps/toy/dvc.yaml"),
                cwd=project.root,
                env=project.environment(),
                check=True,
                stdout=subprocess.DEVNULL,
            )
            attack.check(STAGES[-1], mend=False)
            yield attack
        finally:
            warm.close()


def session(edits: int, kills: int, seed: int, minutes: float, damages: float, *, write: bool) -> dict[str, Any]:
    """Attack so often, or until time is over, and return the record."""
    until = time.monotonic() + 60 * minutes
    kinds = [EDIT] * (edits - edits // 2) + [MEANWHILE] * (edits // 2 - edits // 8) + [BACK] * (edits // 8)
    record: dict[str, Any] = {"machine": machine("dvc"), "commit": checkout(), "share of damage": damages}
    with besieged(seed, damages) as attack:
        left = kinds + [KILL] * kills
        attack.chance.shuffle(left)
        while left and time.monotonic() < until:
            attack.attack(left.pop())
            if write and attack.counts["checks"] % 20 == 0:
                keep(seed, record | summary(attack))
        record |= summary(attack)
    if write:
        keep(seed, record)
    return record


def summary(attack: Attack) -> dict[str, Any]:
    """Return faults, then attacks by kind with their rate, then what else was counted."""
    done = [kind for kind in attack.seconds if attack.counts[kind]]
    rest = sorted(set(attack.counts) - set(done) - set(FAULTS))
    return {
        "minutes": round(sum(attack.seconds.values()) / 60, 1),
        "faults": {name: attack.counts[name] for name in FAULTS},
        "attacks": {kind: attack.counts[kind] for kind in sorted(done)},
        "seconds per attack": {kind: round(attack.seconds[kind] / attack.counts[kind], 1) for kind in sorted(done)},
        "also": {name: attack.counts[name] for name in rest},
    }


def keep(seed: int, record: dict[str, Any]) -> None:
    """Add a session to the results, in place of an earlier one of the same seed, and the sums over all."""
    held = results()
    runs = held.get("sessions", {}) | {str(seed): record}
    sums = {
        part: dict(sorted(sum((Counter(run[part]) for run in runs.values()), Counter[str]()).items()))
        for part in ("attacks", "also")
    }
    faults = {name: sum(run["faults"][name] for run in runs.values()) for name in FAULTS}
    total = {"minutes": round(sum(run["minutes"] for run in runs.values()), 1), "faults": faults, **sums}
    write({"all": total, "sessions": runs, "planted": held.get("planted", {})})


def results() -> dict[str, Any]:
    return dict(json.loads(RESULT.read_text(encoding="utf-8"))) if RESULT.is_file() else {}


def write(held: dict[str, Any]) -> None:
    write_atomically(RESULT, json.dumps(held, indent=1) + "\n")


def main() -> int:
    """Return 0 if nothing went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--edits", type=int, default=100)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--damages", type=float, default=Attack.damages, help="share of edits that damage an output")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--planted", action="store_true")
    given = parser.parse_args()
    if given.planted:
        from tests.attacks_planted import hunt

        found = hunt(given.seed)
        if given.write:
            write(results() | {"planted": found})
        return int(not all(plant["attacks"] for plant in found.values()))
    record = session(given.edits, given.kills, given.seed, given.minutes, given.damages, write=given.write)
    print(json.dumps(record, indent=1))
    return int(any(record["faults"].values()))


if __name__ == "__main__":
    sys.exit(main())
