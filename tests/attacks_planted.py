"""Known bugs, each planted in a checkout of its own, that attacks must find: ``python -m tests.attacks --planted``."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from tests.attacks import BACK, EDIT, FAULTS, KILL, MEANWHILE, Attack, besieged, counters
from tests.conftest import Project

MOST = 60  # attacks in which each must be found


class Plant(NamedTuple):
    """A bug: in a file, what stands there and what stands there instead; attacks of these kinds shall find it."""

    name: str
    kinds: tuple[str, ...]
    file: str
    before: str
    after: str


IN_PLACE = """
    with _named_errors(out):
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        yield out
        return
"""
PLANTS = (
    Plant(
        "what a step depends on is not compared again after it ran",
        (MEANWHILE,),
        "steps/runtime/execute.py",
        "        outside.call(seen.require_unchanged)\n",
        "",
    ),
    Plant(
        "a parameter is left out of the digest",
        (EDIT,),
        "flows/graph/dvc_yaml.py",
        '["profile", "seed", *([]',
        '["profile", *([]',
    ),
    Plant(
        "an output is not put in place by a rename",
        (KILL,),
        "steps/runtime/outputs.py",
        "\n    with unfinished(out) as folder, _named_errors(out):\n        yield folder\n",
        IN_PLACE,
    ),
    Plant(
        "what was written and written back while a step ran is not looked for",
        (BACK,),
        "steps/runtime/unchanged.py",
        "    found = {}\n",
        "    return {}\n    found = {}\n",
    ),
    Plant(
        "a checkpoint is taken up whatever it was made from",
        (MEANWHILE, KILL),
        "steps/runtime/execute.py",
        "{own[:16]}",
        "{'0' * 16}",
    ),
)


@contextmanager
def planted(base: Attack, plant: Plant, seed: int) -> Iterator[Attack]:
    """Yield an attack on a copy of the attacked checkout that has the bug."""
    project = Project(base.project.root.with_name("planted"))
    shutil.copytree(base.project.root, project.root, symlinks=True)
    project.edit(plant.file, plant.before, plant.after)
    attack = replace(base, project=project, chance=random.Random(seed), knobs=[0] * len(base.knobs), **counters())
    if plant.file.startswith("flows/"):
        attack.run(project, "python", "-m", "flows", "generate")
    try:
        yield attack
    finally:
        shutil.rmtree(project.root)


def hunt(seed: int) -> dict[str, dict[str, object]]:
    """Return for each plant in how many attacks of its kinds it was found (None: it was not), as what, in what time."""
    found = {}
    with besieged(seed) as base:
        for plant in PLANTS:
            began = time.monotonic()
            with planted(base, plant, seed) as attack:
                made = 0
                while made < MOST and not attack.faults:
                    attack.attack(attack.chance.choice(plant.kinds))
                    made += 1
                names = [name for name in FAULTS if attack.counts[name]]
            found[plant.name] = {
                "kinds": plant.kinds,
                "attacks": made if names else None,
                "found as": names,
                "seconds": round(time.monotonic() - began),
            }
            print(plant.name, found[plant.name], flush=True)
    return found
