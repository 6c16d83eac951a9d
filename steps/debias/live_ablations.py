"""Live conversations that differ from the main ones in their words, in who is named, in reasons or in their number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from steps.debias.live_agents import Panel
from tenfold.debias.conversation import Conversation
from tenfold.debias.protocols import Decentralized, Single, Vote

LiveAblation = Literal["bias_aware", "reasons", "named", "five"]
Variation = tuple[str, Conversation]


def live_variations(ablation: LiveAblation, panel: Panel, *, rounds: int, seed: int) -> Iterator[Variation]:
    """Yield the conversations of one ablation, each with what it varies, as it stands behind the protocol's name.

    ``bias_aware``: prompts that say that stereotypes are no evidence. ``named``: peers' replies bear their names.
    ``five``: five agents. ``reasons``: replies in free text, of which peers see all, or the answers alone.
    """
    usual = Decentralized(rounds=rounds)
    match ablation:
        case "bias_aware":
            yield "@bias_aware", Conversation(panel.agents("bias_aware"), Single(), seed)
            yield "@bias_aware", Conversation(panel.agents("bias_aware"), usual, seed)
        case "named":
            yield "@named", Conversation(panel.agents(named=True), usual, seed)
        case "five":
            yield "@five", Conversation(panel.five(), Vote(), seed)
            yield "@five", Conversation(panel.five(), usual, seed)
        case "reasons":
            for shown in (True, False):
                name = f"@reasons={'shown' if shown else 'hidden'}"
                yield name, Conversation(panel.speakers(reasons=shown), usual, seed)
