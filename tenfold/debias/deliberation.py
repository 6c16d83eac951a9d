"""What agents are taught to make of their own and other replies, and the examples that teach it.

Legend:  N questions · P peers
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Int

from tenfold.debias.debate import Turn
from tenfold.debias.errors import DebiasError
from tenfold.debias.items import NONE, Item, Items
from tenfold.debias.reading import PROMPTS, Example, shown_order

Target = Literal["proposal", "majority", "gold"]
Form = Literal["peers", "centre", "follower", "again"]
FORMS: tuple[Form, ...] = ("peers", "centre", "follower", "again")


class InvalidProposals(DebiasError):
    """Answers that deliberation cannot start from: of another number than the questions, or with none among them."""


def deliberated(
    items: Items, own: Int[np.ndarray, " N"], others: Int[np.ndarray, "N P"], target: Target
) -> Int[np.ndarray, " N"]:
    """Return what a model is taught to answer after it gave ``own`` and read ``others``.

    ``proposal``: the gold answer if somebody gave it, else its own. ``majority``: the answer that most gave, its own
    among those with equally many where that is one of them, else the one given first. ``gold``: the gold answer.
    Raises InvalidProposals for answers of another shape or NONE among them.
    """
    if own.shape != (len(items),) or others.ndim != 2 or len(others) != len(items):
        raise InvalidProposals(f"{len(items)} questions need answers ({len(items)},) and ({len(items)}, P)")
    given = np.column_stack([own, others])  # (N, 1 + P)
    if (given == NONE).any():
        raise InvalidProposals("a reply names no option; deliberation is taught from replies that all name one")
    if target == "gold":
        return items.gold.copy()
    if target == "proposal":
        return np.where((given == items.gold[:, None]).any(axis=1), items.gold, own)
    votes = (given[:, :, None] == given[:, None, :]).sum(axis=2)  # how many gave what each place gave
    return given[np.arange(len(items)), votes.argmax(axis=1)]  # the first place wins a tie: own stands first


def deliberation_examples(
    items: Items,
    answers: Int[np.ndarray, "N A"],
    agent: int,
    target: Target,
    generator: np.random.Generator,
    count: int,
) -> list[Example]:
    """Return ``count`` examples of one agent's second replies, the four forms in turn, questions drawn.

    ``answers`` are the replies that the agents themselves generated, the numbers of options. As one of several agents
    and as the centre, an agent reads everybody's replies; as a follower, the answer of a centre, each other agent in
    turn; asked again, its own alone. Every form is taught by the same rule, ``deliberated``, of the replies that it
    shows and the agent's own; except that under ``majority`` a follower is taught to take over the centre's decision,
    in which the others have been counted already.
    """
    peers = [place for place in range(answers.shape[1]) if place != agent]
    own = answers[:, agent]
    right = {
        "peers": deliberated(items, own, answers[:, peers], target),
        "again": deliberated(items, own, answers[:, :0], target),
    }
    right["centre"] = right["peers"]
    drawn = generator.integers(len(items), size=count)
    found = []
    for number, place in enumerate(drawn):
        form: Form = FORMS[number % len(FORMS)]
        centre = peers[number // len(FORMS) % len(peers)] if peers else agent
        shown = [centre] if form == "follower" else [int(peer) for peer in generator.permutation(peers)]
        if form == "follower":
            one = items.only([int(place)])
            taught = int(deliberated(one, own[[place]], answers[[place]][:, [centre]], target)[0])
            taught = int(answers[place, centre]) if target == "majority" else taught
        else:
            taught = int(right[form][place])
        found.append(_example(items, int(place), form, int(own[place]), answers[place, shown], taught, generator))
    return found


def _example(
    items: Items,
    place: int,
    form: Form,
    own: int,
    others: Int[np.ndarray, " P"],
    taught: int,
    generator: np.random.Generator,
) -> Example:
    item = items.rows[place]
    order, said, heard = shown_order(item, generator), _turn(item, own), [_turn(item, int(other)) for other in others]
    match form:
        case "peers":
            messages = PROMPTS.with_peers(item, order, said, heard)
        case "centre":
            messages = PROMPTS.central(item, order, said, heard)
        case "follower":
            messages = PROMPTS.follower(item, order, said, heard[0])
        case "again":
            messages = PROMPTS.again(item, order, said)
    return Example(messages[-1].text, item.options[taught])


def _turn(item: Item, choice: int) -> Turn:
    return Turn("", 0, "agent", item.options[choice], choice)
