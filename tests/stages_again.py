"""Run the commands of stages again, one after another, each in a fork of a process that has imported what most need.

``python -m tests.stages_again FILE`` in a checkout; FILE is a JSON list of commands as ``dvc.yaml`` gives them. A fork
is to a step what a process of its own is: it sets up its environment and sandbox, imports the project's own code, and
ends as a process does. Other people's packages, whose import is most of a small step's time, are imported once.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import shlex
import sys
from importlib import import_module
from pathlib import Path

from steps.runtime.stage import LEADING
from steps.step.environment import pinned

COMMON = (
    "matplotlib.figure",
    "pandas",
    "pydantic",
    "ruamel.yaml",
    "scipy.stats",
    "sklearn.linear_model",
    "torch",
    "transformers.models.bert.modeling_bert",
)


def main(commands: list[str]) -> int:
    """Return the status of the first command that does not end well, or 0."""
    own = dict(os.environ)
    for name in COMMON:
        import_module(name)
    os.environ.clear()
    os.environ.update(own)  # scikit-learn sets variables; in any other environment a step starts itself anew
    gc.freeze()  # else each fork's collections would touch, and so copy, all that is imported
    for command in commands:
        if not command.startswith(LEADING):
            raise ValueError(f"{command!r} runs no step: a stage's command begins with {LEADING!r}")
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child == 0:
            become(shlex.split(command.removeprefix(LEADING)))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status:
            print(f"{command}: exit status {status}", file=sys.stderr)
            return 1
    return 0


def become(words: list[str]) -> None:
    """Run ``python -m steps WORDS`` in this process, to its exit."""
    if pinned(os.environ) != dict(os.environ):
        raise RuntimeError("the step would start this program anew, not itself")
    sys.argv = ["steps", *words]
    runpy.run_module("steps", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    if (environment := pinned(os.environ)) != dict(os.environ):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
