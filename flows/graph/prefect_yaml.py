"""prefect.yaml, generated from the papers' graphs: a deployment for each paper's flow, and everything."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from flows.graph.paper import ALL_PAPERS, EVERYTHING, Paper, description, papers
from flows.serving.workspaces import HOME

HEADER = "# Generated from flows/ by `python -m flows dvc`. Do not edit: change the graph and generate again.\n"
CPU, GPU = "cpu", "gpu"
NIGHTLY = {"cron": "0 2 * * *", "timezone": "UTC", "slug": "nightly", "active": False}
STEPS = "prefect.deployments.steps"
# A worker's own checkout, or a clone of it at the run's revision; no path of any machine is written here.
PULL = [
    {
        f"{STEPS}.run_shell_script": {
            "id": "checkout",
            "script": "python -m flows checkout",
            "directory": f"{{{{ ${HOME} }}}}",
        }
    },
    {f"{STEPS}.set_working_directory": {"directory": "{{ checkout.stdout }}"}},
]


def prefect_yaml(root: Path) -> str:
    """Return the text of prefect.yaml for the checkout at ``root``."""
    known = papers(root)
    document = {
        "name": "tenfold",
        "pull": PULL,
        "deployments": [
            *(_deployment(paper.slug, description(paper.slug), pool) for paper in known for pool in pools(paper)),
            *(_deployment(EVERYTHING, ALL_PAPERS, pool) for pool in _all_pools(known)),
        ],
    }
    text = io.StringIO()
    yaml = YAML()
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.ignore_aliases = lambda *_: True
    yaml.dump(document, text)
    return HEADER + text.getvalue()


def pools(paper: Paper) -> list[str]:
    """Return the work pools that a paper is deployed to, which are also its deployments' names."""
    return [CPU, GPU] if any(node.gpu for node in paper.nodes) else [CPU]


def _all_pools(known: list[Paper]) -> list[str]:
    return [pool for pool in (CPU, GPU) if any(pool in pools(paper) for paper in known)]


def _deployment(name: str, what: str, pool: str) -> dict[str, Any]:
    return {
        "name": pool,
        "entrypoint": f"flows/serving/deployed_flows.py:{name}",
        "description": what,
        "tags": ["tenfold", name] if name == EVERYTHING else ["tenfold", "paper", name],
        "work_pool": {"name": pool},
        "schedules": [NIGHTLY],
    }
