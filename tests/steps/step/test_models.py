"""A model that a step keeps is registered with its card, and MLflow loads it in a process that knows nothing else."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient
from safetensors.numpy import load_file

MODEL = '''
"""Where a walk would go from a place."""

from __future__ import annotations

from pathlib import Path

import numpy as np


class Homing:
    """Moves each row towards a target."""

    def __init__(self, target: np.ndarray) -> None:
        self.target = target

    def save(self, folder: Path) -> None:
        """Write the target."""
        from safetensors.numpy import save_file

        save_file({"target": self.target}, folder / "model.safetensors")

    @classmethod
    def load(cls, folder: Path) -> Homing:
        """Read the target."""
        from safetensors.numpy import load_file

        return cls(load_file(folder / "model.safetensors")["target"])

    def predict(self, places: np.ndarray) -> np.ndarray:
        """Return the places a tenth of the way further."""
        return places + 0.1 * (self.target - places)
'''
STEP = '''
"""Keep the model."""

from pathlib import Path

import numpy as np

from steps.step.run import Run
from tenfold.toy.homing import Homing


def keep(drawn: Path, *, out: Path, run: Run) -> None:
    """Keep the model of the walk."""
    model = Homing(np.load(drawn / "target.npy")[:4])
    run.log({"train/distance": 1.0}, update=1)
    run.model("walk", model, card="# The walk\\n\\nMoves towards its target.\\n", example=np.zeros((2, 4)))
'''
FRESH = """
import json, sys
import numpy as np
import mlflow
model = mlflow.pyfunc.load_model(sys.argv[1])
X = np.arange(12.0).reshape(3, 4) / 7
import pandas
frame = model.predict(pandas.DataFrame(X))
shape = model.metadata.signature.inputs.inputs[0].shape
example = model.metadata.load_input_example(sys.argv[1]).tolist()
shown = {"rows": model.predict(X).tolist(), "frame": np.asarray(frame).tolist(), "shape": shape, "example": example}
print(json.dumps(shown))
"""


@pytest.fixture(scope="module")
def kept(finished, tmp_path_factory: pytest.TempPathFactory):
    """A checkout in which a step has kept a model, twice, with tracking on."""
    root = tmp_path_factory.mktemp("kept") / "checkout"
    shutil.copytree(finished.root, root, symlinks=True)
    project = type(finished)(root)
    (root / "tenfold/toy/homing.py").write_text(MODEL.lstrip())
    (root / "steps/toy/keep.py").write_text(STEP.lstrip())
    combined = 'combined = step("combine", arms=arms)'
    project.edit("flows/toy.py", combined, f'{combined}\n    step("keep", drawn=drawn)')
    project.flows("generate")
    for _ in range(2):
        project.run(sys.executable, "-m", "steps", "toy", "keep", TENFOLD_TRACKING="on")
    project.run(sys.executable, "-m", "steps.tracking.delivery", TENFOLD_TRACKING="on")
    return project


def fresh(project, model: str, *, fails: bool = False) -> str:
    """Load a model as a user does: in another process, at the root of the checkout."""
    return project.run(sys.executable, "-W", "ignore", "-c", FRESH, model, fails=fails)


@pytest.mark.parametrize("address", ["models:/toy-walk/1", "models:/toy-walk@default"])
def test_a_registered_model_predicts_in_a_fresh_process(kept, address):
    target = np.load(kept.root / "artifacts/default/toy/draw/target.npy")[:4]
    X = np.arange(12.0).reshape(3, 4) / 7
    answer = json.loads(fresh(kept, address).splitlines()[-1])
    assert np.array_equal(answer["rows"], X + 0.1 * (target - X))
    assert answer["frame"] == answer["rows"] and answer["shape"] == [-1, 4]
    assert answer["example"] == [[0.0] * 4] * 2


def test_it_is_registered_with_its_card_and_where_it_is_from(kept):
    client = MlflowClient(f"sqlite:///{kept.root}/mlflow.db")
    first, second = sorted(client.search_model_versions("name = 'toy-walk'"), key=lambda version: int(version.version))
    assert first.description == (
        "# The walk\n\nMoves towards its target.\n\n`predict` takes float64 (N, 4) and returns float64 (N, 4).\n"
    )
    assert client.get_run(first.run_id).data.tags["step"] == "keep"
    assert client.get_model_version_by_alias("toy-walk", "default").version == second.version
    assert client.get_registered_model("toy-walk").tags["paper"] == "toy"


def test_the_output_holds_it_as_deterministic_bytes(kept, tmp_path: Path):
    folder = kept.root / "artifacts/default/toy/keep/models/walk"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    kept.run(sys.executable, "-m", "steps", "toy", "keep")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert load_file(folder / "model.safetensors")["target"].shape == (4,)


def test_damage_and_foreign_classes_are_refused_in_a_fresh_process(kept, tmp_path: Path):
    folder = tmp_path / "walk"
    shutil.copytree(kept.root / "artifacts/default/toy/keep/models/walk", folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    assert "DamagedModel" in fresh(kept, str(folder), fails=True)
    index = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(index | {"class": "os.system"}))
    assert "ForeignClass" in fresh(kept, str(folder), fails=True)


def test_a_step_that_fails_registers_nothing(kept):
    kept.edit("steps/toy/keep.py", "    run.log(", '    run.model("other", model, card="x")\n    run.log(')
    kept.edit("steps/toy/keep.py", '"train/distance": 1.0', '"train/distance": float("nan")')
    said = kept.run(sys.executable, "-m", "steps", "toy", "keep", fails=True, TENFOLD_TRACKING="on")
    assert "Diverged" in said
    client = MlflowClient(f"sqlite:///{kept.root}/mlflow.db")
    assert [model.name for model in client.search_registered_models()] == ["toy-walk"]
