"""Change one thing at a time in NTK-Attention on Fashion-MNIST, each arm with a rate search of its own."""

from __future__ import annotations

from pathlib import Path

from steps.ntk_attention.adapt_vision import fresh, load_images, train_images
from steps.ntk_attention.methods import compare_methods
from steps.step.arms import SearchParams, Trained, write_arms
from steps.step.params import Params
from steps.step.run import Run
from steps.step.training import TrainingParams
from tenfold.ntk_attention.methods import Method

DATASET = "fashion_mnist"


def rows() -> dict[str, Method]:
    """Return every row of the ablation by name; "ntk" is the reference."""
    ntk = Method("ntk", "ntk")

    def changed(name: str, **settings: object) -> Method:
        return Method(name, "ntk", dict(settings))

    found = [
        ntk,
        *(changed(f"phi {phi}", phi=phi) for phi in ("taylor1", "taylor2", "favor", "hedgehog")),
        changed("r = 4d", phi="favor", feature_size=128),
        *(changed(f"rank s = {rank}", rank=rank) for rank in (2, 8)),
        changed("k removed", k_param="zero"),
        changed("k |zero|, as released", k_param="abs", init="zero"),
        changed("Z, k start at 0", init="zero"),
        changed("k starts at 1", init="unit_k"),
        Method("start from a prefix", "ntk", {"init": "zero"}, "random_prefix"),
        Method("start from a prefix, not divided", "ntk", {"init": "zero"}, "undivided_prefix"),
        Method("start from an input's keys", "ntk", {"init": "zero"}, "text"),
        changed("dropout while training", dropout=0.2),
        changed("dropout always, as released", dropout=0.2, dropout_mode="always"),
        changed("first layer alone", layers=(0,)),
        *(
            Method(f"prefix (m = 16) distilled, {phi}", "prefix", {"length": 16}, distilled={"phi": phi})
            for phi in ("elu1", "taylor2")
        ),
        Method("prefix (m = 16)", "prefix", {"length": 16}),
        Method("prefix (m = 16), tied", "prefix", {"length": 16, "tied": True}),
    ]
    return {method.name: method for method in found}


class AblateParams(Params):
    """Which rows of the ablation ("all" for every one), how long and which rates."""

    rows: list[str]
    training: TrainingParams
    search: SearchParams


def ablate(prepared: Path, pretrained: Path, *, out: Path, params: AblateParams, run: Run) -> None:
    """Change one thing at a time in NTK-Attention on Fashion-MNIST, each arm with a rate search of its own.

    Reads   prepared/fashion_mnist.npz; pretrained/models/fashion_mnist/
    Writes  arms.csv, search.csv, items.npz as adapt_vision does
    Logs    ablation/<row>/<rate>/<seed>/loss (nats per image)
    """
    known, parts = rows(), load_images(prepared / f"{DATASET}.npz")
    chosen = list(known) if params.rows == ["all"] else params.rows

    def one(method: Method, rate: float, seed: int) -> Trained:
        model = fresh(pretrained, DATASET, seed)
        return train_images(run, model, method, parts, params.training, rate=rate, seed=seed, name="ablation")

    write_arms(out, [compare_methods(run, DATASET, [known[name] for name in chosen], params.search, one)])
