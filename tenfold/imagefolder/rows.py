"""The eight rows of the paper's ablation, each a configuration: every row keeps what the rows before it added.

``sweep_rows`` are more, which the paper has not: each is row 6 with one size changed.

The table's length for rows 3 to 8, 265, contradicts the published schedule (286): lengths here are computed. Rows 7 and
8 are described nowhere: we read row 7 as a discriminator on frozen features instead of patches, and row 8
("equilibrium") as its delayed start, LeCam, adaptive weight and weight decay together. So rows before the eighth
train against their discriminator from the first update, with a constant weight, no LeCam and no weight decay.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Literal

from tenfold.imagefolder.adversarial import AdversarialSettings
from tenfold.imagefolder.config import TokenizerConfig
from tenfold.nn.errors import InvalidConfig

Discriminator = Literal["none", "patch", "features"]
# What each row of the sweep changes of row 6, which has two branches: name, title, changes
SWEEP: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("branches_1", "row 6 with P = 1", {"branches": 1}),
    ("branches_4", "row 6 with P = 4", {"branches": 4}),
    ("codebook_half", "row 6 with V / 2", {"codebook_size": 1 / 2}),  # as a factor
    ("codebook_double", "row 6 with 2 V", {"codebook_size": 2}),
    ("codebook_fourfold", "row 6 with 4 V", {"codebook_size": 4}),
    ("dropout_none", "row 6 without quantizer dropout", {"quantizer_dropout": 0.0}),
    ("dropout_quarter", "row 6 with quantizer dropout 0.25", {"quantizer_dropout": 0.25}),
    ("dropout_half", "row 6 with quantizer dropout 0.5", {"quantizer_dropout": 0.5}),
)


@dataclass(frozen=True)
class Row:
    """One row: its tokenizer and what judges its reconstructions."""

    number: int
    title: str
    tokenizer: TokenizerConfig
    discriminator: Discriminator = "none"
    equilibrium: bool = False
    name: str = ""  # of a row that the paper has not

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
        ("multi-scale residual quantisation", plain),
        ("+ quantizer dropout", dropout),
        ("+ smaller latent map", short),
        ("+ product quantisation and parallel decoding", product),
        ("+ semantic loss on all branches", every),
        ("+ semantic loss on one branch", semantic),
    ]
    rows = [Row(number, title, config, discriminator) for number, (title, config) in enumerate(first, 1)]
    rows.append(Row(7, "+ discriminator on frozen features", semantic, "features"))
    rows.append(Row(8, "+ equilibrium", semantic, "features", equilibrium=True))
    return rows


def sweep_rows(base: TokenizerConfig, *, discriminator: Discriminator = "none") -> list[Row]:
    """Return row 6 with other branches, codebooks and shares of quantizer dropout, numbered from 9. Names: SWEEP.

    Raises InvalidConfig for a codebook too small to be halved.
    """
    semantic = replace(base, semantic_branches="one")
    rows = []
    for number, (name, title, changes) in enumerate(SWEEP, 9):
        factor = changes.get("codebook_size")
        sizes = changes if factor is None else {"codebook_size": int(factor * base.codebook_size)}
        rows.append(Row(number, title, replace(semantic, **sizes), discriminator, name=name))
    return rows


def chosen_rows(rows: list[Row], wanted: Collection[int | str]) -> list[Row]:
    """Return the rows that are wanted, by number or by name. Raises InvalidConfig for one that does not exist."""
    known = {row.number for row in rows} | {row.name for row in rows if row.name}
    if unknown := [str(one) for one in wanted if one not in known]:
        names = ", ".join(map(str, sorted(known, key=str)))
        raise InvalidConfig(f"there is no row {', '.join(unknown)}; there are {names}")
    return [row for row in rows if row.number in wanted or (row.name and row.name in wanted)]
