"""Run one step: ``python -m steps <paper> <step> [variant]``, or ``python -m steps data <source>``."""

import os
import sys
import traceback
from pathlib import Path

from steps.runtime.invocation import leave_sign
from steps.runtime.processes import die_with_parent
from steps.runtime.stage import names
from steps.step.distributed import World
from steps.step.environment import pinned

REFUSED = "(what a stage does not declare is neither there nor permitted for compiled libraries and other programs)"
QUIET = {"DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true", "HF_HUB_DISABLE_TELEMETRY": "1"}


def main(words: list[str]) -> int:
    """Return the exit status: 0 done, 1 failed with a named error, 2 wrong usage, 130 interrupted."""
    if not 2 <= len(names(words)) <= 3:
        print(__doc__, file=sys.stderr)
        return 2
    root, world = Path.cwd(), World.current()
    try:
        _execute(root, words, tracked=world.is_main and world.folder is None)
    except KeyboardInterrupt:
        if world.folder is None:  # else the process that started this one says so
            print(f"{' '.join(names(words))}: interrupted; nothing half-written was kept", file=sys.stderr)
        return 130
    except Exception as error:
        text = f"{type(error).__name__}: {error}" if _named(error) else traceback.format_exc()
        if not _named(error) and (isinstance(error, OSError) or "Permission denied" in text):
            text += REFUSED
        if not world.report(text):  # one of several processes tells the one that started it
            print(text.rstrip(), file=sys.stderr)
        return 1
    return 0


def _execute(root: Path, words: list[str], *, tracked: bool) -> None:
    """Run a step; if it fails, or is the one whose output is published, carry what waits into MLflow."""
    from steps.runtime.execute import execute
    from steps.runtime.landlock import Outside
    from steps.tracking.spool import Spool, carry

    outside = Outside()
    copies = words[1:2] == ["publish"] and words[0] != "data"  # such a stage tells MLflow nothing
    try:
        ends = execute(root, words, None if copies else Spool, outside).meta.get("publishes")
    except Exception:
        if tracked:
            outside.call(carry, root)
        raise
    if ends and tracked:
        outside.call(carry, root)


def _named(error: Exception) -> bool:
    """Tell our own errors, which say everything in their message, from surprises, which need a traceback."""
    return type(error).__module__.split(".")[0] in ("tenfold", "steps")


if __name__ == "__main__":
    if (environment := pinned(os.environ)) != dict(os.environ):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
    die_with_parent()
    leave_sign(Path.cwd())
    os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
    sys.exit(main(sys.argv[1:]))
