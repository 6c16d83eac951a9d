"""LLaVA-Read: a model that sees in two resolutions and reads what an OCR engine found (arXiv:2407.19185)."""

from typing import Any

from flows.execution.paper_flow import paper_flow
from flows.graph.paper import model, output, source, sources, step

FONTS = ("fonts", "caladea", "fredoka_one", "manrope", "source_sans", "source_serif")
ENGINES = ("ppocr6", "ppocr4", "tesseract")
ARMS = ("low_only", "both_resolutions", "full", "ocr_only", "blind")


@paper_flow
def llava_read() -> None:
    """LLaVA-Read: a model that sees in two resolutions and reads what an OCR engine found (arXiv:2407.19185)."""
    # the items about receipts say which ones the reading benchmark asks about: no model here is trained on them
    asked = output("mmr", "receipt_items")
    prepared = step("prepare", **sources(*FONTS), sroie=source("sroie"), asked=asked)
    read = [step("read", prepared=prepared, variant=engine) for engine in ENGINES]
    tasks = step("tasks", prepared=prepared, read=read)
    data: dict[str, Any] = {"prepared": prepared, "tasks": tasks}
    pretrained = step("pretrain", **data, gpu=True)
    arms = {arm: step("tune", **data, pretrained=pretrained, variant=arm, gpu=True) for arm in ARMS}
    ablated = step("ablate", **data, pretrained=pretrained, tuned=arms["full"], gpu=True)
    # the decoder that the debiasing paper brings to a form that loads quickly
    language = step(
        "tune_language_model",
        **data,
        decoder=output("debias", "convert"),
        efficientnet=source("efficientnet_lite0"),
        gpu=True,
    )
    probed = step("probe", prepared=prepared, read=read, pretrained=pretrained)
    tuned = list(arms.values())
    step(
        "answer_items",
        tuned=tuned,
        rendered=output("mmr", "render_items"),
        receipts=asked,
        read=output("mmr", "read", variant="ppocr6"),
    )
    step(
        "evaluate",
        **data,
        read=read,
        pretrained=pretrained,
        probed=probed,
        tuned=tuned,
        ablated=ablated,
        language=language,
        publishes=True,
    )
    model(arms["full"], "full-0", "Reads and sees: both resolutions and OCR text, of the first seed")


if __name__ == "__main__":
    llava_read()
