"""Attack a checkout of the toy paper: random edits, also while stages run, and kill -9 at random moments.

``python -m tests.attacks --edits N --kills N [--minutes M] [--seed S] [--write]``. After each attack
``python -m flows refresh`` and ``dvc repro`` must give what the steps give that are called one after the other in a
second checkout, without DVC, cache or sandbox. Counted are wrong hits (a digest that a clean run does not give),
half-written outputs, orphans, and recoveries that failed; each must be 0. ``--write`` writes the counts to
benchmarks/results/attacks.json, and ``--minutes`` ends with the attack in which that time is over.
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

import psutil

from steps.step.environment import pinned
from tests.conftest import ROOT, Project, build

RESULT = ROOT / "benchmarks/results/attacks.json"
# each knob: file, what stands there, and what may stand there instead
KNOBS = (
    ("tenfold/toy/scale.py", "SCALE = {}", ("1.0", "2.0", "3.0")),
    ("tenfold/toy/walk.py", "RATE, NOISE = {}, 0.01", ("0.1", "0.2")),
    ("steps/toy/figures.py", 'TITLE = "{}"', ("The walk", "A walk")),
    ("steps/toy/combine.py", "Average the arms' places{}", ("", " again")),
    ("steps/step/run.py", "EVERY = {}", ("30.0", "31.0")),
    ("params.yaml", "seed: {}", ("0", "1", "2")),
    ("params.yaml", "profile: {}", ("default", "smoke")),
    (
        "steps/toy/params.yaml",
        "coordinates: {{smoke: 10, default: {}}}",
        tuple(map(str, range(100, 400))),
    ),  # every step
    ("steps/toy/params.yaml", "updates: {{smoke: 3, default: {}}}", ("12", "9")),
    ("flows/toy.py", 'combine", arms={}', ("arms", "arms[::-1]")),
)
REPRO = ("dvc", "repro", "steps/toy/dvc.yaml")
LONGEST = 8.0  # seconds before an attack on what runs
OUTPUTS = ("artifacts/{}/toy/draw/target.npy", "artifacts/{}/toy/train-left/place.npy", "data/{}/wine/source.json")


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


@dataclass
class Attack:
    """A checkout under attack, another that answers what is right, and what was counted."""

    project: Project
    clean: Project
    chance: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    knobs: list[int] = field(default_factory=lambda: [0] * len(KNOBS))
    right: dict[tuple[int, ...], dict[str, str]] = field(default_factory=dict)

    def turn(self, project: Project, number: int, choice: int) -> None:
        """Let a knob of ``project`` stand at ``choice``."""
        file, frame, values = KNOBS[number]
        text = (project.root / file).read_text()
        before = next(frame.format(value) for value in reversed(values) if frame.format(value) in text)
        (project.root / file).write_text(text.replace(before, frame.format(values[choice])))
        if file.startswith("flows/"):
            project.flows("generate")

    def edit(self) -> None:
        """Change a knob, or damage an output."""
        if self.chance.random() < 0.2:
            path = self.project.root / self.chance.choice(OUTPUTS).format(self.profile)
            if path.is_file():
                content = path.read_bytes()
                path.unlink()  # the cache may hold the same file
                path.write_bytes(content[: self.chance.randrange(len(content))])
                self.counts["outputs damaged"] += 1
            return
        self.change(self.chance.randrange(len(KNOBS)))

    def change(self, number: int) -> None:
        """Turn a knob of the attacked checkout to something else."""
        others = set(range(len(KNOBS[number][2]))) - {self.knobs[number]}
        self.knobs[number] = self.chance.choice(sorted(others))
        self.turn(self.project, number, self.knobs[number])
        self.counts["edits"] += 1

    @property
    def profile(self) -> str:
        (number,) = (number for number, knob in enumerate(KNOBS) if knob[1] == "profile: {}")
        return KNOBS[number][2][self.knobs[number]]

    def expected(self) -> dict[str, str]:
        """Return what the steps give where the knobs stand now, called as plain functions, once per state."""
        state = tuple(self.knobs)
        if state not in self.right:
            for number, choice in enumerate(state):
                self.turn(self.clean, number, choice)
            for name in (".tenfold", "artifacts", "results", "data/default", "data/smoke"):
                shutil.rmtree(self.clean.root / name, ignore_errors=True)
            stages = [spec for spec in self.clean.stages().values() if "python -m steps" in spec["cmd"]]
            calls = [
                (spec["cmd"].split()[4:], spec["meta"]["out"].replace("${profile}", self.profile)) for spec in stages
            ]
            command = [sys.executable, "-c", PLAIN, json.dumps(calls)]
            environment = pinned(self.clean.environment())
            subprocess.run(command, cwd=self.clean.root, env=environment, check=True, stdout=subprocess.DEVNULL)
            self.right[state] = self.made(self.clean)
            self.counts["clean runs"] += 1
        return self.right[state]

    def made(self, project: Project) -> dict[str, str]:
        """Return the digests of the outputs of the profile in force."""
        return {name: value for name, value in project.digests().items() if f"/{self.profile}/" in name}

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Change what every step depends on, start ``dvc repro``, and wait for a random time."""
        self.change(next(number for number, knob in enumerate(KNOBS) if "coordinates:" in knob[1]))
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(
                REPRO,
                cwd=self.project.root,
                env=self.project.environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            with suppress(subprocess.TimeoutExpired):
                process.wait(self.chance.uniform(0.5, LONGEST))
            yield process
            process.wait()
            log.seek(0)
            self.counts["stopped as changed while running"] += b"ChangedWhileRunning" in log.read()

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill DVC or the step that it runs."""
        if process.poll() is not None:
            self.counts["kills too late"] += 1
            return
        below = psutil.Process(process.pid).children(recursive=True)
        victim = self.chance.choice([psutil.Process(process.pid), *below])
        with suppress(psutil.NoSuchProcess):
            victim.kill()
            self.counts["kills"] += 1

    def check(self) -> None:
        """Recover as a user would, and compare with a clean run."""
        until = time.monotonic() + 10
        while (left := self.living()) and time.monotonic() < until:
            time.sleep(0.05)
        self.counts["orphans"] += len(left)
        self.refresh_and_repro()
        expected, made = self.expected(), self.made(self.project)
        wrong = [name for name, value in made.items() if expected.get(name, value) != value]
        missing = [name for name in expected if name not in made]
        self.counts["wrong hits"] += bool(wrong)
        self.counts["half-written outputs"] += bool(missing)
        self.counts["unfinished left"] += len(list(self.project.root.glob("*/*/*/.*.unfinished*")))
        self.counts["checks"] += 1
        if wrong or missing or left:
            print(f"knobs {self.knobs}: wrong {wrong}, missing {missing}, orphans {left}", file=sys.stderr)

    def refresh_and_repro(self) -> None:
        for command in ((sys.executable, "-m", "flows", "refresh"), REPRO):
            done = subprocess.run(
                command, cwd=self.project.root, env=self.project.environment(), capture_output=True, text=True
            )
            if done.returncode != 0:
                self.counts["failed recoveries"] += 1
                print(done.stdout + done.stderr, file=sys.stderr)

    def living(self) -> list[str]:
        """Return the command lines of steps and DVCs that still work in the checkout."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.cwd() == str(self.project.root) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(" ".join(process.cmdline()))
        return found


def attack(folder: Path, edits: int, kills: int, seed: int, minutes: float = math.inf) -> Counter[str]:
    """Return the counts after so many edits, half of them while stages run, and so many kills, or when time is over."""
    until = time.monotonic() + 60 * minutes
    project = build(folder / "attacked")
    project.edit("steps/toy/params.yaml", "pause: 0.0", "pause: 0.05")
    clean = Project(folder / "clean")
    shutil.copytree(project.root, clean.root, symlinks=True)
    clean.edit("steps/toy/params.yaml", "pause: 0.05", "pause: 0.0")
    state = Attack(project, clean, random.Random(seed))
    acts = ["edit"] * (edits - edits // 2) + ["edit while it runs"] * (edits // 2) + ["kill"] * kills
    state.chance.shuffle(acts)
    for act in acts:
        state.counts[act] += 1
        if act == "edit":
            state.edit()
        else:
            with state.running() as process:
                state.kill(process) if act == "kill" else state.edit()
        state.check()
        if time.monotonic() > until:
            break
    return state.counts


def main() -> int:
    """Return 0 if nothing went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--edits", type=int, default=100)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="attacks-") as folder:
        counts = attack(Path(folder), given.edits, given.kills, given.seed, given.minutes)
    faults = ("wrong hits", "half-written outputs", "orphans", "failed recoveries", "unfinished left")
    result = {"seed": given.seed, **dict.fromkeys(faults, 0), **dict(sorted(counts.items()))}
    text = json.dumps(result, indent=1) + "\n"
    print(text, end="")
    if given.write:
        RESULT.write_text(text, encoding="utf-8")
    return int(any(counts[fault] for fault in faults))


if __name__ == "__main__":
    sys.exit(main())
