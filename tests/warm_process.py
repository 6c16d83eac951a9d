"""Run commands of a checkout in forks of a process that has imported other people's packages, and nothing of ours.

A fork is to a checkout what a command of its own is: a process with its own number, session, folder and environment, to
be killed like any other, that imports the project's code from the checkout as it stands and ends as a process does.
DVC runs in such a fork, and each step in another, a child of DVC as always. What is saved is the import of other
people's packages, which is most of a small step's time, and that DVC writes its lock files by ruamel's pure Python
(``write_plainly``). Only Linux can do it.

``Warm`` is the other side: it starts the process, ``python -P tests/warm_process.py``, and talks to it in JSON.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import json
import os
import runpy
import select
import shlex
import signal
import subprocess
import sys
import threading
import traceback
import types
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

PACKAGES = (
    *("dvc.analytics", "dvc.cli.parser", "dvc.commands.repro", "dvc.compare", "dvc.data_cloud", "dvc.dependency.param"),
    *("dvc.lock", "dvc.repo.index", "dvc.repo.reproduce", "dvc.rwlock", "dvc.schema", "dvc.scm", "dvc.stage.cache"),
    *("dvc.stage.run", "dvc_data.index", "dvc_render", "dulwich.client", "dulwich.repo", "dulwich.walk"),
    *("dulwich.worktree", "flatten_dict", "flufl.lock", "networkx", "scmrepo.git", "zc.lockfile"),
    *("filelock", "jaxtyping", "jinja2", "matplotlib.backends.backend_svg", "matplotlib.figure", "pandas"),
    *("pandas.io.formats.csvs", "pyarrow.pandas_compat", "psutil", "pydantic", "rich.tree", "ruamel.yaml"),
    *("safetensors.numpy", "scipy.stats", "sklearn.datasets", "threadpoolctl", "tqdm", "typer"),
    *("prefect.artifacts", "prefect.cache_policies", "prefect.client.orchestration", "prefect.context"),
    *("prefect.flows", "prefect.main", "prefect.runtime", "prefect.tasks", "pydantic.v1"),
)
STEP = "exec python -m steps "
SPARES = "WARM_SPARES"  # how many steps of a DVC are forks; any beyond is started by DVC itself
ROOM = 400  # bytes for the command line that a fork shows
PR_SET_PDEATHSIG = 1


class Warm:
    """A process from which commands are forked."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", __file__, " " * ROOM],
            env=dict(environment),
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, words: Sequence[str], cwd: Path, environment: Mapping[str, str], log: Path) -> Forked:
        """Start ``dvc …``, ``python -m MODULE …`` or ``python -c CODE …``; what it prints is added to ``log``."""
        asked = {"words": [*words], "cwd": str(cwd), "environment": dict(environment), "log": str(log)}
        return Forked(self, self.ask(asked), log)

    def ask(self, question: Any) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return int(json.loads(self.process.stdout.readline()))

    def close(self) -> None:
        """End the process, once nothing that it started is waited for."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


class Forked:
    """A command that runs in a fork; it stays a zombie until its status is asked for."""

    def __init__(self, warm: Warm, pid: int, log: Path) -> None:
        self.warm, self.pid, self.log = warm, pid, log
        self.handle = os.pidfd_open(pid)

    def ended(self, seconds: float = 0.0) -> bool:
        """Return whether the command ends within ``seconds``."""
        return bool(select.select([self.handle], [], [], seconds)[0])

    def status(self) -> int:
        """Wait for the end, and return the exit status, negative for a signal."""
        os.close(self.handle)
        return self.warm.ask(self.pid)


class Spare:
    """A process that waits to become a step, forked by the one that will be DVC before that has threads or locks."""

    def __init__(self, others: Sequence[Spare]) -> None:
        reading, self.writing = os.pipe()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid:
            os.close(reading)
            return
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
        show(["spare"])
        for end in (self.writing, *(other.writing for other in others)):
            os.close(end)
        with open(reading, encoding="utf-8") as job:
            text = job.read()
        if not text:
            os._exit(0)
        raise Job(json.loads(text))

    def take(self, **job: Any) -> Step:
        with open(self.writing, "w", encoding="utf-8") as stream:
            json.dump(job, stream)
        return Step(self.pid)


class Job(Exception):
    """Raised in a spare to leave all that its parent was doing; carries what to become."""


class Step:
    """What DVC sees of a step that it started, as it would of a subprocess."""

    def __init__(self, pid: int) -> None:
        self.pid, self.returncode = pid, 0

    def communicate(self) -> None:
        self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def show(words: Sequence[str]) -> None:
    """Show ``words`` as this process's command line, as ``ps`` and those who look for DVC see it."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    shown = b"\0".join(word.encode() for word in words)[: end - start - 1]
    ctypes.memmove(start, shown.ljust(end - start, b"\0"), end - start)


def become(words: Sequence[str], environment: Mapping[str, str]) -> None:
    """Be, in this process, the command ``words`` with this environment; ends by raising SystemExit."""
    os.environ.clear()
    os.environ.update(environment)
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    if words[0] == "dvc":
        show(["python", *words])
        run_dvc(words)
        return
    show(words)
    sys.path.insert(0, os.getcwd())
    if words[1] == "-c":
        sys.argv = ["-c", *words[3:]]
        exec(compile(words[2], "<string>", "exec"), {"__name__": "__main__"})
        sys.exit(0)
    sys.argv = [words[2], *words[3:]]
    runpy.run_module(words[2], run_name="__main__", alter_sys=True)
    sys.exit(0)


def run_dvc(words: Sequence[str]) -> None:
    """Be DVC, whose steps are spares."""
    spares: list[Spare] = []
    try:
        for _ in range(int(os.environ.get(SPARES, "0"))):
            spares.append(Spare(spares))
    except Job as job:
        (asked,) = job.args
        os.chdir(asked["cwd"])
        sys.path.insert(0, os.getcwd())
        from steps.step.environment import pinned  # of the checkout; the step would start itself anew in it

        become(["python", "-m", "steps", *shlex.split(asked["command"].removeprefix(STEP))], pinned(asked["env"]))

    def start(command: Sequence[str], *, cwd: str, env: Mapping[str, str], **options: Any) -> Any:
        if spares and command[-1].startswith(STEP):
            return spares.pop(0).take(command=command[-1], cwd=cwd, env=dict(env))
        return subprocess.Popen(command, cwd=cwd, env=env, **options)

    import dvc.stage.run
    from dvc.cli import main

    dvc.stage.run.subprocess = types.SimpleNamespace(Popen=start)
    write_plainly()
    sys.argv = [*words]
    try:
        sys.exit(main([*words[1:]]))
    finally:
        for spare in spares:
            os.close(spare.writing)
            os.waitpid(spare.pid, 0)


def write_plainly() -> None:
    """Let DVC write its lock files by libyaml: the same words in another order, in a tenth of the time."""
    from dvc.utils.serialize import _yaml
    from ruamel.yaml import YAML

    def dump(data: Any, stream: Any) -> None:
        yaml = YAML(typ="safe")
        yaml.default_flow_style = False
        yaml.representer.add_representer(OrderedDict, type(yaml.representer).represent_dict)
        yaml.dump(data, stream)

    _yaml.parse_yaml_for_update, _yaml._dump = _yaml.parse_yaml, dump


def serve() -> Any:
    """Answer questions until there are no more; return, in a fork, what it shall become."""
    own = dict(os.environ)
    for name in PACKAGES:
        import_module(name)
    os.environ.clear()
    os.environ.update(own)  # some packages set variables
    gc.freeze()  # else each fork's collections would touch, and so copy, all that is imported
    for line in sys.stdin:
        asked = json.loads(line)
        if isinstance(asked, int):
            answer = os.waitstatus_to_exitcode(os.waitpid(asked, 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                return asked
        print(answer, flush=True)
    return None


def main() -> None:
    asked = serve()
    if asked is None:
        return
    os.setsid()
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for old, new in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(old, new)
    os.close(log)
    os.close(nothing)
    os.chdir(asked["cwd"])
    with contextlib.suppress(AttributeError):
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    become(asked["words"], asked["environment"])


def end(status: int | str | None) -> None:
    """End this process as Python does, but for taking apart, and so copying, all that was imported."""
    if isinstance(status, str):
        print(status, file=sys.stderr)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else int(status is not None))


if __name__ == "__main__":
    try:
        main()
    except SystemExit as ended:
        end(ended.code)
    except BaseException:
        traceback.print_exc()
        end(1)
