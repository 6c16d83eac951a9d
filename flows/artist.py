"""ARTIST: images with words by two disentangled diffusion models (arXiv:2406.12044)."""

from flows.execution.paper_flow import paper_flow
from flows.graph.paper import output, source, sources, step

FONTS = ("fonts", "caladea", "fredoka_one", "manrope", "source_sans", "source_serif")
VARIANTS = ("artist", "visual_only", "controls")


@paper_flow
def artist() -> None:
    """ARTIST: images with words by two disentangled diffusion models (arXiv:2406.12044)."""
    prompts = source("text_prompts")
    prepared = step("prepare", **sources(*FONTS), photographs=source("photos"))
    # the decoder that the debiasing paper brings to a form that loads quickly
    planned = step("plan", prepared=prepared, prompts=prompts, decoder=output("debias", "convert"))
    classifiers = step("train_background_classifier", prepared=prepared)
    text = step("train_text", prepared=prepared, gpu=True)
    arms = {
        variant: step("train_visual", prepared=prepared, text=text, variant=variant, gpu=True) for variant in VARIANTS
    }
    samples = {
        variant: step(
            "sample", prepared=prepared, planned=planned, text=text, trained=trained, variant=variant, gpu=True
        )
        for variant, trained in arms.items()
    }
    read = step("read", prepared=prepared, samples=list(samples.values()))
    timings = step("measure_speed", timed=True, gpu=True)
    step(
        "evaluate",
        prepared=prepared,
        planned=planned,
        text=text,
        trained=list(arms.values()),
        samples=list(samples.values()),
        read=read,
        classifiers=classifiers,
        timings=timings,
        publishes=True,
    )


if __name__ == "__main__":
    artist()
