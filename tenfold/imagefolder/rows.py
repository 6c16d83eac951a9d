"""The eight rows of the paper's ablation, each a configuration: every row keeps what the rows before it added.

The table's length for rows 3 to 8, 265, contradicts the published schedule (286): lengths here are computed. Rows 7 and
8 are described nowhere: we read row 7 as a discriminator on frozen features instead of patches, and row 8
("equilibrium") as its delayed start, LeCam, adaptive weight and weight decay together. So rows before the eighth
train against their discriminator from the first update, with a constant weight, no LeCam and no weight decay.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from tenfold.imagefolder.adversarial import AdversarialSettings
from tenfold.imagefolder.config import PAPER_SIDES, PAPER_TOKENIZER, TokenizerConfig

Discriminator = Literal["none", "patch", "features"]
PAPER_LONG_SIDES = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16)  # 680 positions


@dataclass(frozen=True)
class Row:
    """One row: its tokenizer and what judges its reconstructions."""

    number: int
    title: str
    tokenizer: TokenizerConfig
    discriminator: Discriminator = "none"
    equilibrium: bool = False

    @property
    def length(self) -> int:
        """Positions that a folded generator predicts."""
        return self.tokenizer.positions

    def adversarial(self, start: int) -> AdversarialSettings | None:
        """Return how the row trains against its discriminator; ``start`` is the update of row 8's delayed start."""
        if self.discriminator == "none":
            return None
        if self.equilibrium:
            return AdversarialSettings(start)
        return AdversarialSettings(1, adaptive=False, lecam=0.0, weight_decay=0.0)


def ablation_rows(
    base: TokenizerConfig, long_sides: tuple[int, ...], *, discriminator: Discriminator = "none"
) -> list[Row]:
    """Return the rows, from ``base`` (row 6 and on) backwards; ``discriminator`` is that of rows 1 to 6.

    ``long_sides`` are the scales of rows 1 and 2. Raises InvalidConfig if they do not fit.
    """
    semantic = replace(base, semantic_branches="one")
    every = replace(semantic, semantic_branches="all")
    product = replace(every, semantic_branches="none")
    short = replace(product, branches=1)
    dropout = replace(short, sides=long_sides)
    plain = replace(dropout, quantizer_dropout=0.0)
    first = [
        ("multi-scale residual quantisation", plain), ("+ quantizer dropout", dropout), ("+ smaller latent map", short),
        ("+ product quantisation and parallel decoding", product), ("+ semantic loss on all branches", every),
        ("+ semantic loss on one branch", semantic),
    ]  # fmt: skip
    rows = [Row(number, title, config, discriminator) for number, (title, config) in enumerate(first, 1)]
    rows.append(Row(7, "+ discriminator on frozen features", semantic, "features"))
    rows.append(Row(8, "+ equilibrium", semantic, "features", equilibrium=True))
    return rows


def paper_rows() -> list[Row]:
    """Return the rows at the paper's own sizes."""
    assert PAPER_TOKENIZER.sides == PAPER_SIDES
    return ablation_rows(PAPER_TOKENIZER, PAPER_LONG_SIDES, discriminator="patch")
