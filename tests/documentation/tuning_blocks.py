"""What the blocks of CoMMIT's page need, and what shows that they ran."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.documentation.own_classes import own_classes

Names = dict[str, Any]


def two_components() -> Names:
    from tests.tenfold.commit_tuning import small_models as made

    batches = [made.collate(made.examples(16, seed=number)) for number in range(8)]
    return {
        "model": made.small().train(),
        "batches": batches,
        "probe_examples": made.examples(32, seed=99),
        "collate": made.collate,
    }


def components_were_balanced(names: Names) -> None:
    tuning = names["tuning"]
    assert tuning.updates == 8 and tuning.estimator.average.count == 2 and tuning.balance != 0


def tiny_llava() -> Names:
    from tests.tenfold.commit_tuning.small_models import collate
    from tests.tenfold.commit_tuning.tiny_backbones import backbone, backbone_examples

    examples, probe = backbone_examples("llava", 16), backbone_examples("llava", 8, seed=9)
    return {"llava": backbone("llava"), "examples": examples, "probe_examples": probe, "collate": collate}


def llava_was_tuned(names: Names) -> None:
    assert Path("run/trace.jsonl").read_text().count("\n") == 8
    assert Path("run/checkpoint-8/commit_tuning.json").is_file()


def tiny_decoder() -> Names:
    from tenfold.data.made_up_decoder import decoder as made_up_decoder
    from tenfold.data.registry import StandIn

    Path("decoder").mkdir()
    for file, content in made_up_decoder(StandIn(maker="decoder", seed=6, width=32))[1].items():
        Path("decoder", file).write_bytes(content)
    return {}


def parts_have_gradients(names: Names) -> None:
    reached = {name for name, one in names["model"].named_parameters() if one.grad is not None}
    assert any(".lora_" in name for name in reached) and any(name.startswith("encoder.") for name in reached)


def animals() -> Names:
    own_classes(np.random.default_rng(0))
    return {}


def animals_are_known(names: Names) -> None:
    assert set(names["tuned"].facts["test"]) == {"loss", "name", "class"} and Path("taught/model.json").is_file()
