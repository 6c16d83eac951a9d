"""A paper as a Prefect flow: states that tell the truth, whatever runs beside it or breaks."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter

from steps.runtime.stage import address

NAMES = ["data-wine", "toy-draw", "toy-train-left", "toy-train-right", "toy-combine", "toy-evaluate", "toy-publish"]
RUN = (sys.executable, "-m", "flows", "run", "toy")
COPIED = {"toy-publish": "Completed"}  # what stands in git is copied anew
SLOW = ("steps/toy/params.yaml", "pause: 0.0", "pause: 0.3")


def states(server) -> dict[str, str]:
    """Return what the last flow's tasks came to, by the server's account, in the order of the graph."""
    _, tasks = server.last_run()
    assert sorted(tasks) == sorted(NAMES)
    return {name: tasks[name]["state_name"] for name in NAMES}


def only(state: str, *names: str, others: str = "Cached") -> dict[str, str]:
    return {name: state if name in names else others for name in NAMES}


def test_states_tell_the_truth(project, server):
    """One history: nothing to do, a change, its undoing, a failure, its mending; tags by the way."""
    before = project.digests()
    project.edit("flows/toy.py", "variant=arm)", "variant=arm, gpu=True)")
    project.flows("generate")
    project.repro()  # the flag may change numbers, and so is a word of the stage's command

    project.flows("run", "toy", **server.environment)
    assert states(server) == only("Cached", *NAMES)
    assert all(task["tags"] == [] for task in server.last_run()[1].values())

    put_back = [project.root / "steps/toy/params.yaml", project.root / "steps/toy/dvc.lock"]
    texts = [path.read_text() for path in put_back]
    printed = project.flows("run", "toy", "--set", "toy.train.updates=13", **server.environment)
    assert "steps/toy/params.yaml: train.updates: 12 → 13" in printed
    assert [path.read_text() for path in put_back] == texts
    assert states(server) == only("Completed", *NAMES[2:])
    tagged = [name for name, task in server.last_run()[1].items() if task["tags"] == ["gpu"]]
    assert sorted(tagged) == ["toy-train-left", "toy-train-right"]
    assert project.digests() != before
    (run,) = server.ask("flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 1})
    assert (run["name"], run["tags"]) == ("toy · default · seed 0", ["default"])
    assert run["state"]["message"] == "5 ran, 2 restored or cached"
    (shown,) = server.ask("artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run["id"]]}}})
    assert "Claims: `✓ 1 reproduced`" in shown["data"] and "![walk](data:image/svg+xml;base64," in shown["data"]
    changes = shown["data"].split("```text\n")[1].split("```")[0]
    assert changes.startswith("toy: ") and "0 of 1 figures unchanged\n  differs             shrinkage: " in changes

    project.flows("run", "toy", **server.environment)
    assert states(server) == only("Restored", *NAMES[2:]) | COPIED
    assert project.digests() == before

    project.edit("steps/toy/train.py", "    walk = Walk(", BREAK)
    printed = project.flows("run", "toy", fails=True, **server.environment)
    assert "ValueError: the right arm is broken" in printed
    assert "RunFailed: toy: did not end well: toy-train-right (Failed), toy-combine (NotReady)" in printed
    assert server.last_run()[0] == "Failed"
    assert states(server) == {
        "data-wine": "Cached",
        "toy-draw": "Cached",
        "toy-train-left": "Completed",
        "toy-train-right": "Failed",
        "toy-combine": "NotReady",
        "toy-evaluate": "NotReady",
        "toy-publish": "NotReady",
    }

    project.edit("steps/toy/train.py", BREAK, "    walk = Walk(")
    project.flows("run", "toy", **server.environment)
    assert set(states(server).values()) == {"Restored"} | {"Cached"}
    assert project.digests() == before
    assert project.repro("toy-publish") == []


BREAK = """    if run.variant == "right":
        raise ValueError("the right arm is broken")
    walk = Walk("""


def test_everything_by_force(project, server):
    before = project.digests()
    printed = project.flows("run", "all", "--force", **server.environment)
    assert [line.split()[0] for line in printed.splitlines() if line.split()[-1:] == ["report"]][-1] == "Completed"
    _, tasks = server.last_run()
    assert {name: task["state_name"] for name, task in tasks.items()} == dict.fromkeys([*NAMES, "report"], "Completed")
    assert project.digests() == before


def test_flows_at_once_run_each_step_once(fresh, finished, server, start):
    fresh.edit(*SLOW)
    both = [start(fresh, *RUN, **server.environment) for _ in range(2)]
    while not any("Running stage 'steps/toy/dvc.yaml:train" in each.printed() for each in both):
        assert {each.process.poll() for each in both} == {None}, "".join(each.printed() for each in both)
    both.append(start(fresh, *RUN, **server.environment))
    assert [each.status() for each in both] == [0, 0, 0], "".join(each.printed() for each in both)
    printed = "".join(each.printed() for each in both)
    assert {name: printed.count(f"Running stage '{address(name)}'") for name in NAMES} == dict.fromkeys(NAMES, 1)
    outcomes = [line.split() for each in both for line in each.printed().splitlines()[-len(NAMES) :]]
    assert Counter(words[1] for words in outcomes if words[0] == "Completed") == Counter(NAMES)
    assert {words[0] for words in outcomes} == {"Completed", "Cached"}
    assert fresh.digests() == finished.digests()


def test_changing_parameters_under_a_running_flow_is_refused_and_ctrl_c_is_clean(
    fresh, finished, server, start, no_orphans
):
    fresh.edit("steps/toy/params.yaml", "pause: 0.0", "pause: 5.0")
    running = start(fresh, *RUN, **server.environment)
    running.wait_for("python -m steps toy train")
    before = (fresh.root / "params.yaml").read_bytes()
    for change in (["--set", "seed=1"], ["--profile", "smoke"]):
        assert "another flow is running in this checkout" in fresh.flows("run", "toy", *change, fails=True)
    assert (fresh.root / "params.yaml").read_bytes() == before
    os.killpg(running.process.pid, signal.SIGINT)
    assert running.status() == 130
    assert "stopped; nothing half-written was kept" in running.printed()
    no_orphans(fresh.root)
    whole = {name: value for name, value in fresh.digests().items() if ".unfinished" not in name}
    assert whole.items() <= finished.digests().items()
    fresh.flows("run", "toy", "--set", "toy.train.pause=0.0", **server.environment)
    assert fresh.digests() == finished.digests()


def test_a_stopped_flow_leaves_parameters_as_they_were(project, server, start, no_orphans):
    """Asked to, alone, as a process manager does; or at the next start, if killed. An edit meanwhile is kept."""
    project.edit("params.yaml", "seed: 0", "seed: 0  # mine")
    before = project.run("git", "diff")
    change = ("--profile", "smoke", "--set", "toy.train.pause=5.0")
    for stop in (signal.SIGTERM, signal.SIGKILL):
        running = start(project, *RUN, *change, **server.environment)
        running.wait_for("python -m steps toy train")
        assert "profile: smoke" in (project.root / "params.yaml").read_text()
        running.process.send_signal(stop)
        assert running.status() != 0
        no_orphans(project.root)
        if stop == signal.SIGKILL:
            project.edit("params.yaml", "# mine", "# edited")
            printed = project.flows("refresh")
            (edited,) = (project.root / ".tenfold/aside").glob("*[0-9]-params.yaml")
            assert "# edited" in edited.read_text() and f"it is in .tenfold/aside/{edited.name}" in printed
        assert project.run("git", "diff") == before
    project.flows("run", "toy", "--profile", "smoke", "--save", **server.environment)
    assert "profile: smoke" in (project.root / "params.yaml").read_text()
    assert "profile: smoke" in (project.root / "steps/toy/dvc.lock").read_text()


FLAKY = """    from pathlib import Path as Counting

    tries = Counting(".tenfold/tries")
    tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
    if len(tries.read_text()) < 3:
        raise ConnectionError("the network is away")
    resolved ="""


def test_fetching_is_tried_again_and_other_steps_are_not(project, server):
    project.edit("steps/data.py", "    resolved =", FLAKY)
    project.edit("flows/execution/flow.py", "= [2, 10]", "= [0.1, 0.1]")
    project.edit("steps/toy/train.py", "    walk = Walk(", BREAK)
    printed = project.flows("run", "toy", fails=True, **server.environment)
    assert printed.count(" - Running stage 'data/dvc.yaml:wine'") == 3
    assert printed.count(" - Running stage 'steps/toy/dvc.yaml:train-right'") == 1
    _, tasks = server.last_run()
    assert (tasks["data-wine"]["state_name"], tasks["data-wine"]["run_count"]) == ("Completed", 3)
    assert tasks["toy-train-right"]["state_name"] == "Failed"


def test_without_a_server_a_temporary_one_serves(project, tmp_path, start, living, no_orphans):
    """It ends with the flow, killed or not; and the flow with it, by name."""
    home = {"PREFECT_HOME": str(tmp_path / "prefect")}
    printed = project.flows("run", "toy", "--set", "toy.train.updates=11", **home)
    assert printed.splitlines()[-1].split() == ["Completed", "toy-publish"]
    assert "Error logging to API" not in printed
    no_orphans(project.root)
    project.edit("steps/toy/params.yaml", "pause: 0.0", "pause: 50.0")
    for victim in ("server", "flow"):
        running = start(project, *RUN, **home, PREFECT_CLIENT_MAX_RETRIES="0")
        running.wait_for("python -m steps toy train")
        (own,) = [line.split()[0] for line in living(project.root) if "create_app" in line]
        os.kill(int(own) if victim == "server" else running.process.pid, signal.SIGKILL)
        assert running.status() != 0
        assert ("ServerError: the Prefect server of our own ended" in running.printed()) == (victim == "server")
        no_orphans(project.root)
