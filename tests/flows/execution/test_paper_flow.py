"""A paper's module defines a real Prefect flow: called from Python, run as a script, served and deployed by Prefect."""

from __future__ import annotations

import json
import sys

CALL = """
import json
from prefect import Flow
from flows.toy import toy
assert isinstance(toy, Flow) and [node.own_name for node in toy.paper.nodes][0] == "draw"
print(json.dumps(toy.with_options(description="mine")(profile="smoke", overrides=["toy.train.updates=4"])))
"""
SERVE = """
from flows.toy import toy
toy.serve("mine", parameters={"profile": "smoke"}, webserver=False)
"""


def at(project) -> dict[str, str]:
    """Python finds the checkout's own flows; in a user's checkout the editable install sees to that."""
    return {"PYTHONPATH": str(project.root)}


def test_it_is_called_from_python_and_returns_the_states(project, server):
    printed = project.run(sys.executable, "-c", CALL, **server.environment)
    states = json.loads(printed.splitlines()[-1])
    assert states["data-wine"] == "Completed" and states["toy-publish"] == "Completed"
    assert project.run("git", "status", "--porcelain") == "", "parameters and lock files are as they were"
    assert server.last_run()[0] == "Completed"


def test_it_runs_as_a_script(project, server):
    project.run(sys.executable, "flows/toy.py", **at(project), **server.environment)
    state, tasks = server.last_run()
    assert state == "Completed" and {task["state_name"] for task in tasks.values()} == {"Cached"}


def test_papers_that_read_from_each_other_are_brought_up_to_date_together(project, server):
    """Each paper's flow runs what lies behind it, of both papers; as a script, its module is imported by the other."""
    project.flows("new", "other")
    for here, there in (("toy", "other"), ("other", "toy")):
        project.edit(f"flows/{here}.py", "import plot, source, step", "import output, plot, source, step")
        project.edit(f"flows/{here}.py", "arms=arms)", f'arms=[*arms, output("{there}", "train", variant="left")])')
    project.flows("generate")
    project.run(sys.executable, "flows/toy.py", **at(project), **server.environment)
    state, tasks = server.last_run()
    assert state == "Completed" and not {"other-train-right", "other-combine"} & set(tasks)
    ended = {name: task["state_name"] for name, task in tasks.items()}
    assert ended["other-train-left"] == ended["toy-combine"] == "Completed" and ended["toy-train-left"] == "Cached"
    project.flows("run", "other", **server.environment)
    state, tasks = server.last_run()
    assert state == "Completed" and "toy-combine" not in tasks
    assert tasks["toy-train-left"]["state_name"] == tasks["other-train-left"]["state_name"] == "Cached"
    assert tasks["other-combine"]["state_name"] == "Completed"


def test_a_script_of_another_checkout_than_the_installed_one_is_refused(project):
    printed = project.run(sys.executable, "flows/toy.py", fails=True)
    assert "WrongCheckout" in printed and f"{project.root}/flows/toy.py imports the flows of" in printed


def test_outside_a_checkout_it_says_where_to_go(project, tmp_path):
    code = "import os\nfrom flows.toy import toy\nos.chdir('/')\ntoy()"
    printed = project.run(sys.executable, "-c", code, fails=True)
    assert "WrongCheckout: / is no checkout of this project; run papers at its root" in printed
    code = "from flows.toy import toy\ntoy(revision='main')"
    assert "NotDeployed: revision main: only a worker checks out a revision" in project.run(
        sys.executable, "-c", code, fails=True
    )


def test_prefect_deploys_it_by_file_and_name(project, server):
    project.flows("deploy", **server.environment)
    project.run(
        "prefect", "--no-prompt", "deploy", "flows/toy.py:toy", "-n", "by-hand", "-p", "cpu", **server.environment
    )
    deployed = server.ask("deployments/name/toy/by-hand")
    assert deployed["entrypoint"] == "flows/toy.py:toy"
    assert list(deployed["parameter_openapi_schema"]["properties"]) == ["profile", "overrides", "force", "revision"]


def test_it_is_served(project, server, start):
    """Prefect's ``serve`` runs it in a process of its own whenever it is scheduled."""
    running = start(project, sys.executable, "-c", SERVE, **server.environment)
    running.wait_for("is being served")
    number = server.ask("deployments/name/toy/mine")["id"]
    run = server.ask(f"deployments/{number}/create_flow_run", {})["id"]
    running.wait_for("7 ran, 0 restored or cached")
    assert server.ask(f"flow_runs/{run}")["state_name"] == "Completed", running.printed()
    assert (project.root / "results/smoke/toy/metrics.json").is_file()
