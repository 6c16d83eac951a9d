"""What the audit hook cannot see, other programs and compiled libraries, the kernel refuses to a step."""

from __future__ import annotations

import json
import sqlite3
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from steps.runtime.landlock import offered

ACTS = '''
import ctypes, multiprocessing, os, sqlite3, subprocess, sys, tempfile
from safetensors import safe_open
from safetensors.numpy import save_file

C = ctypes.CDLL(None, use_errno=True)


def sh(line):
    subprocess.run(["sh", "-c", line], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def c(name, *arguments):
    if getattr(C, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


def below(folder):
    number = os.open(folder, os.O_RDONLY)
    os.close(os.open("secret.txt", os.O_RDONLY, dir_fd=number))


def attach(path):
    database = sqlite3.connect(":memory:")
    database.execute(f"attach '{path}' as other")
    list(database.execute("select * from other.sqlite_master"))


def again(code):
    subprocess.run([sys.executable, "-I", "-c", code], check=True, stderr=subprocess.DEVNULL)


def acts(draw, out):
    return {
        "refused": {
            "a program reads parameters": lambda: sh("cat params.yaml"),
            "a program reads what lies beside": lambda: sh("cat other/secret.txt"),
            "by way of /proc": lambda: sh(f"cat /proc/self/root{os.getcwd()}/other/secret.txt"),
            "by way of an input": lambda: sh(f"cat {draw}/../../../../other/secret.txt"),
            "through a link of its own": lambda: sh(f"ln -s $PWD/other {out}/link && cat {out}/link/secret.txt"),
            "a second Python": lambda: again("open('pyproject.toml')"),
            "git": lambda: sh("git log"),
            "below a descriptor": lambda: below("other"),
            "C reads": lambda: c("open", b"other/secret.txt", 0),
            "safetensors reads": lambda: safe_open("other/x.safetensors", "np").keys(),
            "SQLite attaches": lambda: attach("other/x.db"),
            "safetensors writes to an input": lambda: save_file({}, f"{draw}/more.safetensors"),
            "safetensors writes beside": lambda: save_file({}, out.parent / "more.safetensors"),
            "a program writes to an input": lambda: sh(f"echo x > {draw}/more"),
            "a program changes an input": lambda: sh(f"echo x >> {draw}/target.npy"),
            "a program writes at the root": lambda: sh("touch stray"),
            "a program writes outside": lambda: sh("touch ../stray"),
            "a program removes": lambda: sh(f"rm {draw}/target.npy"),
            "C removes": lambda: c("unlink", b"other/secret.txt"),
            "C cuts off": lambda: c("truncate", f"{draw}/target.npy".encode(), ctypes.c_long(0)),
            "C renames": lambda: c("rename", f"{draw}/target.npy".encode(), f"{out}/t".encode()),
            "C links": lambda: c("link", b"other/secret.txt", f"{out}/t".encode()),
            "C makes a folder": lambda: c("mkdir", b"other/more", 0o755),
            "a program moves the output": lambda: sh(f"mv {out} {out}.away"),
        },
        "allowed": {
            "a program reads an input": lambda: sh(f"cat {draw}/target.npy"),
            "a program writes and moves": lambda: sh(f"mkdir {out}/a && echo x > {out}/a/x && mv {out}/a/x {out}/y"),
            "safetensors writes": lambda: save_file({}, out / "m.safetensors"),
            "temporary": lambda: sh(f"echo x > {tempfile.gettempdir()}/x && mv {tempfile.gettempdir()}/x {out}/z"),
            "the null device": lambda: sh("echo x > /dev/null"),
            "a shared lock": lambda: multiprocessing.get_context("spawn").Lock(),
            "an installed package": lambda: again("import numpy"),
            "listing": lambda: sh("ls other"),
        },
    }


def tried(draw, out):
    """Return what happened to each act."""
    found = {}
    for kind, named in acts(draw, out).items():
        for name, act in named.items():
            try:
                act()
                found[name] = kind, "allowed"
            except Exception as error:
                found[name] = kind, f"refused: {error}"
    return found
'''
TRY = """    import os
    from steps.toy.acts import tried
    run.say(json.dumps(tried(os.path.relpath(drawn), out)))
    walk = Walk("""


@pytest.mark.skipif(not offered(), reason="this kernel has no Landlock")
def test_the_kernel_holds_programs_and_libraries_to_the_declaration(project):
    other = project.root / "other"
    other.mkdir()
    (other / "secret.txt").write_text("secret")
    save_file({"x": np.zeros(2)}, other / "x.safetensors")
    with sqlite3.connect(other / "x.db") as database:
        database.execute("create table t (x)")
    (project.root / "steps/toy/acts.py").write_text(ACTS)
    project.edit("steps/toy/train.py", "    walk = Walk(", TRY)
    project.flows("generate")
    before = project.digests()
    printed = project.run(sys.executable, "-m", "steps", "toy", "train", "left")
    found = json.loads(next(line for line in printed.splitlines() if line.startswith("{")))
    assert not {name: what for name, (kind, what) in found.items() if not what.startswith(kind)} and len(found) == 32
    after = project.digests()
    made = {name.rpartition("/")[2] for name in after.keys() - before.keys()}
    assert made <= {"y", "z", "m.safetensors"} and before.items() <= after.items()
    assert (other / "secret.txt").read_text() == "secret" and not (project.root.parent / "stray").exists()
    assert sorted(path.name for path in other.iterdir()) == ["secret.txt", "x.db", "x.safetensors"]
    assert not list(project.root.rglob("*.unfinished*"))


def test_a_refusal_by_the_kernel_is_explained(project):
    reads = '    from safetensors.numpy import load_file\n    load_file("params.yaml")\n    walk = Walk('
    project.edit("steps/toy/train.py", "    walk = Walk(", reads)
    said = project.run(sys.executable, "-m", "steps", "toy", "train", "left", fails=True)
    assert not offered() or "(what a stage does not declare is neither there nor permitted" in said
