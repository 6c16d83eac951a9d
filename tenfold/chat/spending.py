"""What a run of calls has spent, in words."""

from __future__ import annotations

from tenfold.chat.client import Spent


def spent_words(spent: Spent) -> str:
    """Return calls, tokens and cost in words."""
    tokens = f"{spent.prompt_tokens:,} + {spent.completion_tokens:,} tokens"
    parts = [f"{spent.calls:,} calls", f"{spent.known:,} known already", tokens]
    if spent.prompt_price or spent.completion_price:
        parts.append(f"cost {spent.cost:.4f}")
    if spent.failed:
        parts.append(f"{spent.failed:,} failed")
    return ", ".join(parts)
