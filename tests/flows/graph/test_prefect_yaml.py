"""prefect.yaml: generated, current, and accepted by a server; the pools, limits and forms that come of it."""

from __future__ import annotations

import shutil
from importlib.metadata import version

import pytest
from ruamel.yaml import YAML

from tests.conftest import ROOT


def parsed(project) -> dict:
    return YAML(typ="safe").load((project.root / "prefect.yaml").read_text())


def test_the_generated_file(pristine):
    document = parsed(pristine)
    assert [(item["entrypoint"], item["work_pool"]["name"]) for item in document["deployments"]] == [
        ("flows/toy.py:toy", "cpu"),
        ("flows/serving/everything.py:everything", "cpu"),
    ]
    toy = document["deployments"][0]
    assert (
        toy["description"]
        == "A small paper, the pattern of every other: two arms walk towards a target (arXiv:0000.00000)."
    )
    assert toy["tags"] == ["tenfold", "paper", "toy"]
    (nightly,) = toy["schedules"]
    assert nightly["cron"] == "0 2 * * *" and nightly["active"] is False
    assert str(pristine.root) not in str(document), "no machine's path"


def test_a_paper_with_gpu_steps_is_deployed_to_both_pools(fresh):
    fresh.edit("flows/toy.py", "variant=arm)", "variant=arm, gpu=True)")
    assert "prefect.yaml is not current" not in fresh.flows("generate")
    names = [(item["entrypoint"].split(":")[1], item["name"]) for item in parsed(fresh)["deployments"]]
    assert names == [("toy", "cpu"), ("toy", "gpu"), ("everything", "cpu"), ("everything", "gpu")]


def test_a_forgotten_generation_is_noticed(fresh):
    fresh.edit("flows/toy.py", "A small paper", "A tiny paper")
    assert "prefect.yaml is not current" in fresh.flows("generate", "--check", fails=True)
    assert "prefect.yaml written" in fresh.flows("generate")
    fresh.flows("generate", "--check")


@pytest.fixture(scope="module")
def deployed(finished, server):
    """The server after two deployments in a row: the second finds everything there."""
    finished.flows("deploy", "--gpus", "3", **server.environment)
    return server


def test_the_server_takes_pools_limits_and_forms(deployed):
    pools = {pool["name"]: pool["type"] for pool in deployed.ask("work_pools/filter", {})}
    assert (pools["cpu"], pools["gpu"]) == ("process", "process")
    limits = {limit["tag"]: limit["concurrency_limit"] for limit in deployed.ask("concurrency_limits/filter", {})}
    assert limits == {"gpu": 3}
    found = {item["tags"][-1]: item for item in deployed.ask("deployments/filter", {})}
    assert set(found) == {"toy", "everything"}
    for item in found.values():
        assert [schedule["active"] for schedule in item["schedules"]] == [False]
        form = item["parameter_openapi_schema"]["properties"]
        assert list(form) == ["profile", "overrides", "force", "revision"]
        assert form["profile"]["enum"] == ["as in params.yaml", "smoke", "default", "extended", "gpu", "full"]
        assert form["overrides"]["items"] == {"type": "string"} and form["force"]["type"] == "boolean"
        assert all(field["description"] for field in form.values())


def test_lost_runs_are_noticed_and_taken_over(deployed, finished):
    finished.flows("deploy", **deployed.environment)
    found = {item["name"]: item for item in deployed.ask("automations/filter", {})}
    assert list(sorted(found)) == ["Notice runs whose worker died", "Take over runs whose worker died"]
    lost, again = (found[name] for name in sorted(found))
    assert lost["enabled"] and "prefect.flow-run.heartbeat" in lost["trigger"]["after"]
    assert (lost["actions"][0]["state"], again["actions"][0]["state"]) == ("CRASHED", "SCHEDULED")
    assert not lost["actions"][0]["force"] and not again["actions"][0]["force"], "a run that has ended stays so"


def test_the_versions_that_work_together():
    """Newer ones install without a word, and then schedules never fire or look-ups of workers fail."""
    assert version("sqlalchemy").startswith("2.0.")
    assert tuple(map(int, version("fastapi").split(".")[:2])) < (0, 151)


def test_a_pool_of_another_type_keeps_its_template(finished, server, tmp_path):
    """As for Kubernetes: the pool is made from our template first, and deploying leaves it as it is."""
    template = ROOT / "flows" / "kubernetes.json"
    finished.run(
        "prefect",
        "work-pool",
        "create",
        "cluster",
        "--type",
        "kubernetes",
        "--base-job-template",
        str(template),
        **server.environment,
    )
    found = server.ask("work_pools/cluster")
    variables = found["base_job_template"]["variables"]["properties"]
    assert found["type"] == "kubernetes" and variables["env"]["default"]["TENFOLD_HOME"] == "/tenfold"
    assert variables["env"]["default"]["MLFLOW_TRACKING_URI"].startswith("http://"), "one store for all"
    elsewhere = type(finished)(tmp_path / "checkout")
    shutil.copytree(finished.root, elsewhere.root, symlinks=True)
    elsewhere.edit("prefect.yaml", "name: cpu\n    schedules", "name: cluster\n    schedules")
    elsewhere.flows("deploy", **server.environment)
    assert server.ask("work_pools/cluster")["base_job_template"] == found["base_job_template"]
    assert server.ask("deployments/name/toy/cpu")["work_pool_name"] == "cluster"
    finished.flows("deploy", **server.environment)
