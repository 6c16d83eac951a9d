"""The models that arms start from: drawn from nothing, or made of the hub's pretrained parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from steps.llava_read.arms import Start
from steps.step.params import Count, Params
from tenfold.llava_read.config import LlavaReadConfig, TinyConvNetConfig, TinyDecoderConfig, TinyViTConfig
from tenfold.llava_read.model import LlavaReadForConditionalGeneration
from tenfold.llava_read.processor import LlavaReadProcessor

PAPER_LAYERS = (1, 4, 7)  # after which the paper merges


class HubParts(Params):
    """The paper's parts by their ids or folders, with revisions; ``dtype`` is what they are computed in."""

    low: str
    low_revision: str | None
    high: str
    high_revision: str | None
    text: str
    text_revision: str | None
    dtype: Literal["float32", "bfloat16"] = "bfloat16"


class ModelParams(Params):
    """Sizes of the models that are trained from nothing; with ``hub`` its parts take their place.

    ``high_side``: pixels of a side as the high-resolution encoder sees it, of the hub's too.
    """

    width: Count
    low_layers: Count
    low_side: Count
    high_widths: list[int]
    high_side: Count
    decoder_width: Count
    decoder_layers: Count
    heads: Count
    hub: HubParts | None = None


def new_model(start: Start, params: ModelParams, seed: int) -> tuple[Any, LlavaReadProcessor]:
    """Return the model of a start before any training here, and its processor; what is drawn comes from ``seed``.

    Raises InvalidParts if the hub's parts are none.
    """
    return _drawn(start, params, seed) if params.hub is None else _assembled(start, params, params.hub, seed)


def write_model(model: Any, processor: LlavaReadProcessor, folder: Path) -> None:
    """Write a model with its processor into ``folder``, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    model.to("cpu").save_pretrained(folder)
    processor.save_pretrained(folder)


def read_model(folder: Path) -> tuple[Any, LlavaReadProcessor]:
    """Return what ``write_model`` wrote, in the precision in which it was written."""
    model = LlavaReadForConditionalGeneration.from_pretrained(folder, dtype="auto")
    return model, LlavaReadProcessor.from_pretrained(folder)


def _drawn(start: Start, params: ModelParams, seed: int) -> tuple[Any, LlavaReadProcessor]:
    from tenfold.llava_read.characters import IMAGE, character_tokenizer
    from tenfold.nn.seeding import drawn_from

    tokenizer = character_tokenizer()
    high = None if start.merge == "none" else TinyConvNetConfig(hidden_sizes=list(params.high_widths))
    config = LlavaReadConfig(
        vision_low_config=TinyViTConfig(
            image_size=params.low_side,
            hidden_size=params.width,
            num_hidden_layers=params.low_layers,
            num_attention_heads=params.heads,
        ),
        vision_high_config=high,
        text_config=TinyDecoderConfig(
            vocab_size=len(tokenizer),
            hidden_size=params.decoder_width,
            intermediate_size=4 * params.decoder_width,
            num_hidden_layers=params.decoder_layers,
            num_attention_heads=params.heads,
        ),
        merge=start.merge,
        merge_layers=None if start.merge_layers is None else list(start.merge_layers),
        image_side_high=None if high is None else start.high_side or params.high_side,
        image_token_id=tokenizer.convert_tokens_to_ids(IMAGE),
    )
    with drawn_from(seed):
        model = LlavaReadForConditionalGeneration(config)
    return model, LlavaReadProcessor.for_config(config)


def _assembled(start: Start, params: ModelParams, hub: HubParts, seed: int) -> tuple[Any, LlavaReadProcessor]:
    from tenfold.llava_read.pretrained import Parts, from_parts

    alone = start.merge == "none"
    parts = Parts(
        text=hub.text,
        low=hub.low,
        high=None if alone else hub.high,
        text_revision=hub.text_revision,
        low_revision=hub.low_revision,
        high_revision=None if alone else hub.high_revision,
    )
    return from_parts(
        parts,
        merge=start.merge,
        merge_layers=start.merge_layers or PAPER_LAYERS,
        image_side_high=start.high_side or params.high_side,
        dtype=hub.dtype,
        seed=seed,
    )
