"""prefect.yaml, generated from the papers' graphs: a deployment for each paper's flow, and everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flows.graph.dvc_yaml import yaml_text
from flows.graph.paper import Paper, papers

EVERYTHING, ALL_PAPERS = "everything", "All papers, then the report."  # the flow over all papers
EVERYTHING_FILE = "flows/serving/everything.py"
HOME = "TENFOLD_HOME"  # the environment variable that names a worker's own checkout
CPU, GPU = "cpu", "gpu"
NIGHTLY = {"cron": "0 2 * * *", "timezone": "UTC", "slug": "nightly", "active": False}
STEPS = "prefect.deployments.steps"
# A worker's own checkout, or a clone of it at the run's revision; no path of any machine is written here.
PULL = [
    {
        f"{STEPS}.run_shell_script": {
            "id": "workspace",
            "script": "python -m flows workspace",
            "directory": f"{{{{ ${HOME} }}}}",
        }
    },
    {f"{STEPS}.set_working_directory": {"directory": "{{ workspace.stdout }}"}},
]


def prefect_yaml(root: Path) -> str:
    """Return the text of prefect.yaml for the checkout at ``root``."""
    known = papers(root)
    everywhere = [pool for pool in (CPU, GPU) if any(pool in pools(paper) for paper in known)]
    document = {
        "name": "tenfold",
        "pull": PULL,
        "deployments": [
            *(
                _deployment(f"flows/{paper.slug}.py:{paper.slug}", paper.description, pool, "paper", paper.slug)
                for paper in known
                for pool in pools(paper)
            ),
            *(_deployment(f"{EVERYTHING_FILE}:{EVERYTHING}", ALL_PAPERS, pool, EVERYTHING) for pool in everywhere),
        ],
    }
    return yaml_text(document)


def pools(paper: Paper) -> list[str]:
    """Return the work pools that a paper is deployed to, which are also its deployments' names."""
    return [CPU, GPU] if any(node.gpu for node in paper.nodes) else [CPU]


def _deployment(entrypoint: str, what: str, pool: str, *tags: str) -> dict[str, Any]:
    return {
        "name": pool,
        "entrypoint": entrypoint,
        "description": what,
        "tags": ["tenfold", *tags],
        "work_pool": {"name": pool},
        "schedules": [NIGHTLY],
    }
