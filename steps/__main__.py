"""Run one step: ``python -m steps <paper> <step> [variant]``, or ``python -m steps data <source>``."""

import os
import sys
import traceback
from pathlib import Path

from steps.runtime.processes import die_with_parent
from steps.step.distributed import World

QUIET = {"DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true", "HF_HUB_DISABLE_TELEMETRY": "1"}


def main(arguments: list[str]) -> int:
    """Return the exit status: 0 done, 1 failed with a named error, 2 wrong usage, 130 interrupted."""
    if not 2 <= len(arguments) <= 3:
        print(__doc__, file=sys.stderr)
        return 2
    die_with_parent()
    os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
    try:
        from steps.runtime.execute import execute

        execute(Path.cwd(), *arguments)
    except KeyboardInterrupt:
        if World.current().folder is None:  # else the one that started it says so
            print(f"{' '.join(arguments)}: interrupted; nothing half-written was kept", file=sys.stderr)
        return 130
    except Exception as error:
        text = f"{type(error).__name__}: {error}" if _named(error) else traceback.format_exc()
        told = World.current().report(text)  # one of several processes tells the one that started it
        if not told:
            print(text.rstrip(), file=sys.stderr)
        return 1
    return 0


def _named(error: Exception) -> bool:
    """Tell our own errors, which say everything in their message, from surprises, which need a traceback."""
    return type(error).__module__.split(".")[0] in ("tenfold", "steps")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
