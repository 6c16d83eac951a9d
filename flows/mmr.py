"""MMR: a benchmark of reading in images, its scorer, and what its scores rest on (arXiv:2408.14594)."""

from typing import Any

from flows.execution.paper_flow import paper_flow
from flows.graph.paper import output, source, sources, step

FONTS = ("fonts", "caladea", "fredoka_one", "manrope", "source_sans", "source_serif")
ENGINES = ("ppocr6", "ppocr4", "easyocr", "tesseract")


@paper_flow
def mmr() -> None:
    """MMR: a benchmark of reading in images, its scorer, and what its scores rest on (arXiv:2408.14594)."""
    official = step("load_official", mmr_bench=source("mmr_bench"))
    rendered = step("render_items", **sources(*FONTS))
    receipts = step("receipt_items", sroie=source("sroie"))
    own: dict[str, Any] = {"rendered": rendered, "receipts": receipts}
    read = [step("read", **own, variant=engine) for engine in ENGINES]
    blind = step("predict_blind", official=official, **own, minilm=source("minilm"))
    rules = step("predict_rules", **own, read=read)
    # the decoder that the debiasing paper brings to a form that loads quickly
    language = step("predict_language", **own, read=read, decoder=output("debias", "convert"))
    models = step("predict_models", official=official, **own, gpu=True)
    # what the models of the reading paper, trained here, reply to the same items
    trained = output("llava_read", "answer_items")
    predicted = [blind, rules, language, models, trained]
    sensitivity = step("sensitivity", official=official, **own, predicted=predicted)
    step("show_items", official=official, **own, predicted=predicted)
    step(
        "evaluate",
        official=official,
        **own,
        read=read,
        predicted=predicted,
        sensitivity=sensitivity,
        publishes=True,
    )


if __name__ == "__main__":
    mmr()
