"""Where other programs show a run, its commit and its files; empty where nobody can know."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from prefect.runtime import flow_run
from prefect.settings import PREFECT_UI_URL

HOSTED = re.compile(r"(?:https?://(?:[^@/]*@)?|(?:ssh://)?git@)([\w.-]+)[:/](?:\d+/)?(.+?)(?:\.git)?/?")


def commit_page(root: Path, commit: str) -> str:
    """Return the page of a commit at the host of the remote ``origin``."""
    return f"{host}/commit/{commit}" if (host := _host(root)) else ""


def file_page(root: Path, path: str) -> str:
    """Return the page of a file on the default branch of ``origin``."""
    return f"{host}/blob/HEAD/{path}" if (host := _host(root)) else ""


def prefect_page() -> str:
    """Return the page of the flow run that this is called in, where its server outlives the run."""
    ours = flow_run.get_id()
    return f"{PREFECT_UI_URL.value()}/runs/flow-run/{ours}" if ours and "PREFECT_API_URL" in os.environ else ""


def linked(words: str, address: str) -> str:
    """Return a Markdown link, or the words alone without an address."""
    return f"[{words}]({address})" if address else words


def _host(root: Path) -> str:
    command = ["git", "remote", "get-url", "origin"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    found = HOSTED.fullmatch(done.stdout.strip())
    return f"https://{found[1]}/{found[2]}" if found else ""
