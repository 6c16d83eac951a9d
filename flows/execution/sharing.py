"""Everything that was made here: pushed whole to DVC's remote, or kept while what nobody refers to is removed.

Plain ``dvc push --run-cache`` pushes entries of the run cache without the objects that they name, and ``dvc gc -w``
knows the profile in force alone. DVC's own classes do the work; what they are to work on is found here.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from flows.execution.damage import clean_cache
from flows.execution.dvc_cli import has_remote, programs
from flows.execution.dvc_recovery import LOCKS, others_run, recover
from flows.execution.workspaces import FOLDER
from flows.graph.paper import Paper
from steps.step.params import PROFILES

DIGEST = re.compile(r"\bmd5: ([0-9a-f]{32}(?:\.dir)?)")
PATH = re.compile(r"^\W*path: (\S+)", re.MULTILINE)


class NotShared(RuntimeError):
    """Something has to be put right before what was made here is pushed or sorted out."""


def push(root: Path) -> int:
    """Push the objects of every entry of the run cache, then the entries and what the dvc.lock files list.

    Returns how many objects were new to the remote. Raises NotShared, or what DVC raises.
    """
    _in_order(root)
    if not has_remote(root):
        raise NotShared("there is no remote: dvc remote add --default NAME ADDRESS")
    if damaged := list(clean_cache(root)):
        raise NotShared(f"{'; '.join(damaged)}. Run `dvc repro`, which makes what is missing, then this again")
    with _repository(root) as repo:
        texts = [entry.read_text(encoding="utf-8") for entry in _entries(repo)]
        sent = repo.cloud.push(_objects(repo, texts))
        if sent.failed:
            raise NotShared(f"{len(sent.failed)} objects did not arrive; push again")
        return len(sent.transferred) + repo.push(run_cache=True)


def collect_garbage(root: Path, papers: Iterable[Paper], *, dry: bool) -> tuple[int, int]:
    """Remove entries of the run cache of stages that are declared no more, and objects that nothing refers to.

    What any commit's dvc.lock lists is kept, and what the run cache has of a declared stage under any profile. Of
    ``publish`` and ``report``, which are always done anew, the run cache has nothing.
    Returns how many entries and objects were, or with ``dry`` would be, removed. Raises NotShared.
    """
    from dvc_data.hashfile.gc import gc

    places = (root, *(path for path in (root / FOLDER).glob("*/") if (path / "dvc.yaml").is_file()))
    for place in places:
        _in_order(place)
        if others_run(place):
            raise NotShared(f"a stage runs in {place}; wait until it has ended")
    outs = {
        out.replace("${profile}", profile)
        for paper in papers
        for node in paper.stages()
        for out in (node.out, node.provenance)
        for profile in PROFILES
    }
    with _repository(root) as repo, repo.lock:
        locks = [path for place in places for pattern in LOCKS for path in place.glob(pattern)]
        kept, gone = [_committed(root), *(path.read_text(encoding="utf-8") for path in locks)], []
        for entry in _entries(repo):
            text = entry.read_text(encoding="utf-8")
            known = any(path in outs for path in PATH.findall(text.partition("outs:")[2]))
            kept.append(text) if known else gone.append(entry)
        for entry in () if dry else gone:
            entry.unlink()
            entry.parent.rmdir()
        return len(gone), gc(repo.cache.local, _objects(repo, kept), dry=dry)


def _in_order(root: Path) -> None:
    if mended := recover(root):
        raise NotShared(f"{'; '.join(mended)}. Run `dvc repro`, which restores what is missing, then this again")


def _repository(root: Path) -> Any:
    from dvc.repo import Repo

    return Repo(str(root))


def _entries(repo: Any) -> Iterator[Path]:
    runs = Path(repo.stage_cache.cache_dir)
    return (path for path in sorted(runs.glob("*/*/*")) if path.is_file())


def _committed(root: Path) -> str:
    """Return the dvc.lock files of all commits that a branch, a tag or an experiment leads to."""

    def git(*words: str, given: str = "") -> str:
        done = subprocess.run(["git", *words], cwd=root, env=programs(), input=given, capture_output=True, text=True)
        if done.returncode != 0:
            raise NotShared(f"git {words[0]} failed: {done.stderr.strip()}")
        return done.stdout

    changes = git("log", "--all", "--format=", "--raw", "--no-abbrev", "-m", "--", ":(glob)**/dvc.lock")
    files = {line.split()[3] for line in changes.splitlines()}
    return git("cat-file", "--batch", given="".join(f"{file}\n" for file in files if file.strip("0")))


def _objects(repo: Any, texts: Iterable[str]) -> set[Any]:
    """Return the objects of the cache that texts name, with the files of each folder among them."""
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.tree import Tree

    cache, found = repo.cache.local, set[Any]()
    for digest in {digest for text in texts for digest in DIGEST.findall(text)}:
        if cache.exists(digest):
            found.add(info := HashInfo("md5", digest))
            if info.isdir:
                found.update(file for _, _, file in Tree.load(cache, info) if cache.exists(file.value))
    return found
