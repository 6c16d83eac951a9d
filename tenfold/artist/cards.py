"""The model card of a pipeline: what it is made of, what is frozen, and how it is used."""

from __future__ import annotations

from typing import Any

from tenfold.nn.pretrained import weights_sha256

HEAD = """---
library_name: diffusers
tags: [tenfold, artist, text-to-image]
---

# ARTIST

Images with text by two disentangled diffusion models (arXiv:2406.12044): a frozen text module, a visual module, and an
injector that adds the former's features to the latter's.

```python
from tenfold.artist import ArtistPipeline

pipe = ArtistPipeline.from_pretrained("this folder")
images = pipe(conditions, seed=0).images
```

"""


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
    return HEAD + "| part | |\n|---|---|\n" + "".join(f"| {name} | {text} |\n" for name, text in rows.items())
