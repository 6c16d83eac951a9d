"""The registered form of every test, ``steps/<paper>/claims.lock``: what decides a verdict, as results found it.

A paper with results is registered. From then on a test changes only together with a new entry under ``amendments:``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flows.report.claims import Claims, Test, load_claims
from flows.report.errors import RegistrationError
from flows.report.schema import read_json
from steps.runtime.outputs import write_atomically

Form = dict[str, Any]


def registered_form(claims: Claims) -> dict[str, Form]:
    """Return what decides the verdict on each claim, finding and fact, and how often it was amended."""
    return {
        entry.id: {
            "kind": type(entry).__name__.lower(),
            "tests": [_decisive(test) for test in entry.tests or ()],
            "not_testable": entry.not_testable is not None,
            "withdrawn": entry.withdrawn is not None,
            "amendments": len(entry.amendments),
        }
        for entry in claims.entries
    }


def _decisive(test: Test) -> Form:
    """Return what of a test decides: not its words."""
    return test.model_dump(mode="json", exclude_defaults=True, exclude={"otherwise"})


def unexplained(registered: dict[str, Form], now: dict[str, Form]) -> list[str]:
    """Return one sentence for each registered test that changed without a new amendment; withdrawing needs none."""
    problems = []
    for name, was in registered.items():
        form = dict(now.get(name, {}))
        if not form:
            problems.append(f"{name} is registered and gone: withdraw it with its reason instead")
            continue
        form["withdrawn"] &= was["withdrawn"]  # withdrawing is free, taking it back is not
        if form["amendments"] < was["amendments"]:
            problems.append(f"{name} has lost an amendment: what was amended stays written")
        elif form["amendments"] == was["amendments"] and form != was:
            problems.append(
                f"{name} is not what was registered, and no amendment says why: add an entry under its `amendments:` "
                "(date, was, now, why, value_known, changed)"
            )
    return problems


def register(root: Path, *, check: bool = False) -> list[Path]:
    """Write the claims.lock of each paper with results; return those that this changed, or with ``check`` would change.

    Raises RegistrationError, naming file and claim, where a test changed without an amendment; nothing is written then.
    """
    changed: dict[Path, dict[str, Form]] = {}
    problems = []
    for path in _with_results(root):
        lock, now = path.with_suffix(".lock"), registered_form(load_claims(path))
        registered = read_json(lock, RegistrationError, "") if lock.exists() else {}
        problems += [f"{path.relative_to(root)}: {problem}" for problem in unexplained(registered, now)]
        if registered != now:
            changed[lock] = now
    if problems:
        raise RegistrationError("\n".join(problems))
    for lock, now in () if check else changed.items():
        write_atomically(lock, _text(now))
    return [lock.relative_to(root) for lock in changed]


def _with_results(root: Path) -> list[Path]:
    """Return the claims of the papers that published under any profile but smoke, which is no evidence."""
    published = {path.parent.name for path in root.glob("results/*/*/claims.json") if path.parts[-3] != "smoke"}
    return [path for path in sorted(root.glob("steps/*/claims.yaml")) if path.parent.name in published]


def _text(forms: dict[str, Form]) -> str:
    """Return JSON with one line per claim and one per test, for readable differences."""
    entries = []
    for name, form in forms.items():
        tests = ",\n".join(f"  {json.dumps(test, ensure_ascii=False)}" for test in form["tests"])
        rest = json.dumps({key: value for key, value in form.items() if key != "tests"})
        inner = f"[\n{tests}\n ]" if tests else "[]"
        entries.append(f'"{name}": {rest[:-1]}, "tests": {inner}}}')
    return "{\n" + ",\n".join(entries) + "\n}\n"
