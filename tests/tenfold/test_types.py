"""What py.typed promises: a user's type checker knows the signature of everything public, by its public name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# A right call of one public name of each package, and a keyword that it does not take.
CALLS = {
    "tenfold.artist": ("DenoiserConfig(latent_channels=4, characters=16)", "channels"),
    "tenfold.audio": ('read_sound(Path("dog.wav"), name="dog")', "rate"),
    "tenfold.chat": ("Sampling(temperature=0.5, max_tokens=9)", "beams"),
    "tenfold.commit_tuning": ("CoordinatedScheduler(form='damp', clip=1.0)", "gamma"),
    "tenfold.data": ('read_table(Path("wine"))', "separator"),
    "tenfold.debias": ("Decentralized(rounds=2, tie='first')", "turns"),
    "tenfold.dp_cross_attention": ("Ledger(delta=1e-6, budget_epsilon=1.0)", "epsilon"),
    "tenfold.dp_john": ("john_ellipsoid([[1.0, 0.0], [0.0, 1.0]], 1e-6, method='averaged')", "accuracy"),
    "tenfold.dp_ntk": ("LimitKernel(sd=1.0, activation='relu')", "width"),
    "tenfold.hub": ('load_split("openai/gsm8k", "test", columns=("question",))', "column"),
    "tenfold.imagefolder": ("TokenizerConfig(image_size=32, codebook_size=256)", "codebook"),
    "tenfold.imaging": ('class_folders(Path("images"))', "label"),
    "tenfold.language": ('load_decoder(Path("smollm2"), device="cpu")', "quantised"),
    "tenfold.llava_read": ("place_tokens(0.5, 0.25, places=32)", "bins"),
    "tenfold.metrics": ('share_of(3, 4, "of four", method="wilson")', "confidence"),
    "tenfold.mmr": ("Scorer(parser='robust', iou=0.5)", "threshold"),
    "tenfold.models": ('load(Path("model"))', "device"),
    "tenfold.multimodal": ("Placeholder(token=2, counts=(64,))", "name"),
    "tenfold.nn": ("ConvNetConfig(image_size=32, features=64)", "hidden"),
    "tenfold.ntk_attention": ("NTKAttentionConfig(phi='elu1', rank=4)", "map"),
    "tenfold.ocr": ('load_engine("ppocr6")', "language"),
    "tenfold.privacy": ("gaussian_epsilon(1e-5, mu=0.5)", "sigma"),
    "tenfold.rendering": ("english_words(3, 8)", "language"),
    "tenfold.text": ('load_encoder(Path("minilm"), device="cpu")', "revision"),
    "tenfold.viewing": ("Sample(title='One')", "heading"),
    "tenfold.vision": ('convert_efficientnet_lite0(Path("weights.pth"), Path("lite0"))', "revision"),
}

# mypy would spend a minute on the large libraries, of which no signature below speaks
SETTINGS = """[mypy]
strict = True
follow_imports = silent
[mypy-accelerate.*,diffusers.*,pandas.*,peft.*,PIL.*,scipy.*,sklearn.*,torch.*,transformers.*]
follow_imports = skip
"""


def lazy_packages() -> set[str]:
    """Return the packages whose names are lazy."""
    found = (ROOT / "tenfold").glob("*/__init__.py")
    return {f"tenfold.{path.parent.name}" for path in found if "exports(__name__)" in path.read_text(encoding="utf-8")}


def checked(folder: Path, lines: list[str]) -> dict[int, str]:
    """Return mypy's error of each line of a user's file, in strict mode and from outside of the checkout."""
    (folder / "user.py").write_text("\n".join([*lines, ""]), encoding="utf-8")
    (folder / "mypy.ini").write_text(SETTINGS, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "user.py"],
        cwd=folder,
        env=os.environ | {"MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1) and not done.stderr, done.stdout + done.stderr
    return {int(line): text for line, text in re.findall(r"user\.py:(\d+): error: (.*)", done.stdout)}


def test_right_calls_pass_and_wrong_keywords_and_names_fail(tmp_path: Path) -> None:
    assert set(CALLS) == lazy_packages()
    lines, wrong = ["from pathlib import Path"], {}
    for package, (call, keyword) in CALLS.items():
        name = call.partition("(")[0]
        lines += [f"from {package} import {name}", f"{call}", f"{call[:-1]}, {keyword}=1)", f"del {name}"]
        wrong[len(lines) - 1] = f'Unexpected keyword argument "{keyword}" for "{name}"'
        lines.append(f"from {package} import missing_{name}")
        wrong[len(lines)] = f'Module "{package}" has no attribute "missing_{name}"'
    errors = checked(tmp_path, lines)
    assert set(errors) == set(wrong), {lines[line - 1]: errors.get(line) for line in set(errors) ^ set(wrong)}
    assert all(errors[line].startswith(text) for line, text in wrong.items())
