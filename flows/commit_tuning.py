"""CoMMIT: coordinated tuning of a multimodal model's encoder and LLM (arXiv:2407.20454)."""

from typing import Any

from flows.execution.paper_flow import paper_flow
from flows.graph.paper import model, output, source, sources, step

MODALITIES = ("images", "audio")


@paper_flow
def commit_tuning() -> None:
    """CoMMIT: coordinated tuning of a multimodal model's encoder and LLM (arXiv:2407.20454)."""
    prepared = step("prepare", **sources("cifar10", "fashion_mnist", "fsdd", "esc10"))
    pretrained = {one: step("pretrain", prepared=prepared, variant=one) for one in MODALITIES}
    parts: dict[str, dict[str, Any]] = {
        one: {"prepared": prepared, "pretrained": pretrained[one]} for one in MODALITIES
    }
    searched = {one: step("search_rates", **parts[one], variant=one) for one in MODALITIES}
    tuned = {one: step("tune", **parts[one], searched=searched[one], variant=one) for one in MODALITIES}
    ablated = {one: step("ablate", **parts[one], searched=searched[one], variant=one) for one in MODALITIES}
    # the decoder that the debiasing paper brings to a form that loads quickly
    language = step(
        "tune_language_model",
        prepared=prepared,
        decoder=output("debias", "convert"),
        efficientnet=source("efficientnet_lite0"),
        whisper=source("whisper_tiny"),
        gpu=True,
    )
    timings = step("measure_speed", prepared=prepared, pretrained=list(pretrained.values()), timed=True)
    step(
        "evaluate",
        searched=list(searched.values()),
        tuned=list(tuned.values()),
        ablated=list(ablated.values()),
        language=language,
        timings=timings,
        publishes=True,
    )
    model(tuned["images"], "cifar10-commit-0", "Answers questions about images; tuned by CoMMIT, from the first seed")
    model(tuned["audio"], "fsdd-commit-0", "Answers questions about digits; tuned by CoMMIT, from the first seed")


if __name__ == "__main__":
    commit_tuning()
