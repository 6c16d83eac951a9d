"""What several models said about one question, round by round, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from tenfold.debias.errors import DamagedDebates
from tenfold.debias.items import Item

Role = Literal["agent", "centre", "follower"]


@dataclass(frozen=True)
class Turn:
    """One reply. ``choice`` is the number of the item's option that it names, None where it names none.

    ``failed`` is why there is no reply. A failed call is no answer. A ``cut`` reply ended at the longest length.
    """

    agent: str
    round: int
    role: Role
    text: str
    choice: int | None
    failed: str | None = None
    cut: bool = False

    def described(self) -> dict[str, Any]:
        """Return the turn as JSON takes it; that it is whole goes without saying."""
        fields = asdict(self)
        return fields if self.cut else {name: value for name, value in fields.items() if name != "cut"}


@dataclass(frozen=True)
class Debate:
    """All replies about one question; ``final`` is the number of the option that came of them, None for none.

    ``order`` holds the numbers of the options in the order in which all agents saw them; nothing where it differs or is
    not known.
    """

    item: Item
    protocol: str
    turns: tuple[Turn, ...]
    final: int | None
    order: tuple[int, ...] = ()

    @property
    def rounds(self) -> int:
        """The number of rounds after the first answers, which are round 0."""
        return max((turn.round for turn in self.turns), default=0)

    def described(self) -> dict[str, Any]:
        """Return the debate as JSON takes it."""
        return {
            "item": asdict(self.item),
            "protocol": self.protocol,
            "turns": [turn.described() for turn in self.turns],
            "final": self.final,
        } | ({"order": list(self.order)} if self.order else {})


def write_debates(debates: Iterable[Debate], path: Path) -> None:
    """Write debates as JSON lines, one debate a line; half a surrogate pair is written as JSON's escape for it."""
    lines = (json.dumps(debate.described(), ensure_ascii=False) for debate in debates)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", errors="backslashreplace")


def read_debates(path: Path) -> list[Debate]:
    """Return the debates that ``write_debates`` wrote.

    Raises DamagedDebates, which names the line.
    """
    debates = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line:
            continue
        try:
            fields = json.loads(line)
            item = Item(**fields["item"] | {"options": tuple(fields["item"]["options"])})
            turns = tuple(Turn(**turn) for turn in fields["turns"])
            debates.append(Debate(item, fields["protocol"], turns, fields["final"], tuple(fields.get("order", ()))))
        except (ValueError, TypeError, KeyError) as error:
            raise DamagedDebates(f"{path}:{number}: no debate can be read here ({error}); write it anew") from None
    return debates
