"""The model card of a pipeline: what it is made of, what is frozen, and how it is used."""

from __future__ import annotations

from typing import Any

from tenfold.nn.pretrained import weights_sha256

HEAD = """---
library_name: diffusers
tags: [tenfold, artist, text-to-image]
---

# ARTIST

{summary}

```python
from tenfold.artist import centred_words, generate, load_pipeline

pipe = load_pipeline("this folder")
layout = centred_words(["open"], width={width}, height={height})
images = generate(pipe, "a sign that says 'open'", layout, images=4, seed=0).images
```

```sh
tenfold artist generate --model "this folder" --prompt "a sign that says 'open'" --out images
```

"""
WITH_TEXT = (
    "Images with text by two disentangled diffusion models (arXiv:2406.12044): a frozen text module, a visual module, "
    "and an\ninjector that adds the former's features to the latter's."
)
ALONE = "Images with text by the visual module alone: the arm of ARTIST (arXiv:2406.12044) without a text module."


def card(pipeline: Any) -> str:
    """Return the card in Markdown: parameters of each part, places of injection, scheduler, the text module's sha256.

    The sha256 is over weights and their names, as training checks it before and after.
    """
    artist = pipeline.artist
    rows = {
        name: f"{sum(parameter.numel() for parameter in part.parameters()):,} parameters"
        for name, part in (
            ("visual module", artist.visual),
            ("text module", artist.text),
            ("injector", artist.injector),
        )
        if part is not None
    }
    if artist.injector is not None:
        injector = artist.injector
        rows["injection"] = f"inject: {injector.inject}, tap: {injector.tap}, at {', '.join(injector.names)}"
        rows["text module's sha256"] = weights_sha256(artist.text)
    scheduler = pipeline.scheduler
    rows["scheduler"] = f"{type(scheduler).__name__}, predicts {scheduler.config.prediction_type}"
    rows["latents"] = "of the autoencoder" if pipeline.vae is not None else f"pixels, {pipeline.config.side}² per place"
    rows["canvas"] = "not said" if pipeline.canvas is None else "{}×{} pixels".format(*pipeline.canvas)
    rows["words"] = _letters(pipeline)
    width, height = pipeline.canvas or ("…", "…")
    head = HEAD.format(summary=ALONE if artist.text is None else WITH_TEXT, width=width, height=height)
    return head + "| part | |\n|---|---|\n" + "".join(f"| {name} | {text} |\n" for name, text in rows.items())


def _letters(pipeline: Any) -> str:
    """Return which words the networks can be asked for."""
    if pipeline.tokenizer is not None:
        return f"of the text encoder's tokens, {pipeline.tokenizer.model_max_length} at most"
    longest = pipeline.longest
    return "of printable ASCII" + ("" if longest is None else f", {longest} letters and spaces at most")
