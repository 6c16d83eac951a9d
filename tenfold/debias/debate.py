"""What several models said about one question, round by round, and what came of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from tenfold.debias.items import Item

Role = Literal["agent", "centre", "follower"]


@dataclass(frozen=True)
class Turn:
    """One reply. ``choice`` is the number of the item's option that it names, None where it names none.

    ``failed`` is why there is no reply. A failed call is no answer.
    """

    agent: str
    round: int
    role: Role
    text: str
    choice: int | None
    failed: str | None = None


@dataclass(frozen=True)
class Debate:
    """All replies about one question; ``final`` is the number of the option that came of them, None for none."""

    item: Item
    protocol: str
    turns: tuple[Turn, ...]
    final: int | None

    @property
    def rounds(self) -> int:
        """The number of rounds after the first answers, which are round 0."""
        return max((turn.round for turn in self.turns), default=0)

    def described(self) -> dict[str, Any]:
        """Return the debate as JSON takes it."""
        return {
            "item": asdict(self.item),
            "protocol": self.protocol,
            "turns": [asdict(turn) for turn in self.turns],
            "final": self.final,
        }
