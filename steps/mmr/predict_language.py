"""Let a small language model answer from the words that an OCR engine read, without the image."""

from __future__ import annotations

from pathlib import Path

from steps.mmr.item_sets import RECEIPTS, RENDERED
from steps.mmr.ocr_pages import ReadView, read_views
from steps.mmr.replies import RepliesWriter
from steps.mmr.views import NATIVE, VIEWS
from steps.step.json_files import read_json
from steps.step.params import Count, Params
from steps.step.run import Run
from tenfold.mmr.items import ItemSet, read_items
from tenfold.mmr.prompts import Style
from tenfold.mmr.tasks import CHOICE


class PredictLanguageParams(Params):
    """Whose words are read; the styles of prompts beside the released one; by how many places options are turned, too.

    ``per_task``: items of each task of each set, all where it is null.
    """

    engine: str
    styles: list[Style]
    rotations: list[int]
    per_task: Count | None


def predict_language(
    rendered: Path,
    receipts: Path,
    read: list[Path],
    decoder: Path,
    *,
    out: Path,
    params: PredictLanguageParams,
    run: Run,
) -> None:
    """Put each question below the words of its image, and let a pretrained decoder answer.

    Reads   items.jsonl, images/ of each set; <set>/native.jsonl of the engine; decoder/: config.json,
            model.safetensors, a tokenizer, origin.json
    Writes  replies.json; <set>/<model>.jsonl: a prediction per item
    Raises  DecoderMismatch, ContextTooLong
    """
    from tenfold.language.decoder import load_decoder

    sets = {name: read_items(folder, name=name) for name, folder in ((RENDERED, rendered), (RECEIPTS, receipts))}
    origin = read_json(decoder / "origin.json")
    loaded = load_decoder(decoder, device=run.device)
    writer = RepliesWriter(out)
    for one in read_views(read):
        if one.engine == params.engine and one.view == NATIVE:
            items = sets[one.items] if params.per_task is None else sets[one.items].first_of_each_task(params.per_task)
            _answer(one, items, loaded, params, bool(origin["stand_in"]), writer, run)
    writer.close()
