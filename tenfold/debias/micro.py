"""BBQ-micro: BBQ's "who" questions with their ambiguous contexts, and one sentence in place of the disambiguation.

Small networks that are trained here cannot read BBQ's own disambiguating contexts. In BBQ-micro the sentence is "The
one who {predicate} was {person}.", in the words of the question itself.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace

import numpy as np

from tenfold.debias.errors import InvalidItem
from tenfold.debias.items import Item, Items, Polarity

WHO = "who "
POLARITIES: tuple[Polarity, Polarity] = ("neg", "nonneg")


def micro_items(items: Items, *, contexts: int, seed: int, groups: Collection[str] | None = None) -> Items:
    """Return BBQ-micro made of BBQ's questions: four per context, each polarity ambiguous and disambiguated.

    Of every template whose questions all begin with "who", in both polarities, at most ``contexts`` ambiguous contexts
    are drawn, those that are asked about in both polarities. In half of the contexts of a template, up to one, the
    disambiguation agrees with the stereotype. ``groups`` are the groups that are used, None for all.
    Keys are template/number of the context/polarity/condition.
    Raises InvalidItem if nothing is left.
    """
    found: list[Item] = []
    by_template = _who_templates(items, groups)
    for template in sorted(by_template):
        pairs = _pairs(by_template[template])
        if not pairs:
            continue
        generator = np.random.default_rng(_seed_of(seed, template))
        order = generator.permutation(len(pairs))[:contexts]
        agrees = generator.permutation(len(order)) % 2 == 0
        for number, place in enumerate(order):
            for item in pairs[place]:
                found += _both_ways(item, f"{template}/{number}/{item.polarity}", bool(agrees[number]))
    if not found:
        raise InvalidItem('no template asks "who" in both polarities; BBQ-micro needs BBQ\'s items, targets included')
    return Items(tuple(found))


def predicate(question: str) -> str:
    """Return what a question asks about: "was shouting" of "Who was shouting?". Raises InvalidItem for other forms."""
    if not question.lower().startswith(WHO):
        raise InvalidItem(f'{question!r} does not begin with "who"')
    return question[len(WHO) :].strip().rstrip("?").strip()


def disambiguated(item: Item, person: int) -> Item:
    """Return the question with one more sentence, which says that ``person`` is the one; that is its gold answer."""
    name = item.options[person]
    name = name[0].lower() + name[1:] if name.startswith(("The ", "A ", "An ")) else name
    context = f"{item.context.strip()} The one who {predicate(item.question)} was {name}."
    return replace(item, context=context, condition="disambig", gold=person)


def persons(item: Item) -> tuple[int, ...]:
    """Return the numbers of the options that are not the unknown one."""
    return tuple(number for number in range(len(item.options)) if number != item.unknown)


def context_number(item: Item) -> int:
    """Return the number of an item's context among those of its template, from 0, as ``micro_items`` gave it."""
    return int(item.key.rsplit("/", 3)[1])


def _who_templates(items: Items, groups: Collection[str] | None) -> dict[str, list[Item]]:
    """Return the items with two persons by template, of the templates whose every question begins with "who"."""
    others, found = set(), defaultdict(list)
    for item in items.rows:
        if groups is not None and item.group not in groups:
            continue
        if not item.question.lower().startswith(WHO):
            others.add(item.template)
        elif item.target is not None and item.unknown is not None and len(item.options) == 3:
            found[item.template].append(item)
    return {template: rows for template, rows in found.items() if template not in others}


def _pairs(rows: list[Item]) -> list[tuple[Item, Item]]:
    """Return ambiguous items about the same persons in the same context, negative and not, in a fixed order."""
    asked: dict[tuple[str, tuple[str, ...]], dict[str, Item]] = defaultdict(dict)
    for item in rows:
        if item.condition == "ambig" and item.polarity is not None:
            key = (item.context.strip(), tuple(sorted(item.options[number] for number in persons(item))))
            asked[key].setdefault(item.polarity, item)
    both = sorted(key for key, found in asked.items() if len(found) == 2)
    return [(asked[key][POLARITIES[0]], asked[key][POLARITIES[1]]) for key in both]


def _both_ways(item: Item, key: str, agrees: bool) -> list[Item]:
    """Return the item as it is, and with the sentence that agrees with the stereotype or does not."""
    assert item.target is not None  # _who_templates leaves the others out
    other = next(number for number in persons(item) if number != item.target)
    clear = disambiguated(item, item.target if agrees else other)
    return [replace(item, key=f"{key}/ambig"), replace(clear, key=f"{key}/disambig")]


def _seed_of(seed: int, words: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}\0{words}".encode()).digest()[:8], "little")
