"""Whether agents read what planted peers say: without that, no conversation among them tells anything.

Legend:  M questions · A agents · R rounds · K templates
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int

from steps.debias.answer_sets import AnswerSets, spoke
from steps.debias.estimates import DECENTRALIZED, estimate_over_seeds
from steps.debias.measured_words import CLUSTERED
from steps.debias.rounds import CONDITIONS
from steps.step.publish import CaptionedTable
from tenfold.debias.items import NONE
from tenfold.metrics.clustered import cluster_sums
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import estimated, unavailable

BIASED, UNKNOWN = "always_biased", "always_unknown"  # what the peers always say: the target, or that it is not known
PEERS = {BIASED: "name the target", UNKNOWN: "say unknown"}


def planted_measurements(sets: AnswerSets | None, reason: str = "") -> dict[str, Measurement]:
    """Return how far last answers depend on what planted peers say, and how much more often they then name it.

    ``live_planted_followed``: the same agents are asked the same questions beside either kind of peers. It is the share
    of last answers that name what the peers say, less the share that names it beside the other kind, the mean of both:
    0 for agents that do not read peers, however they change when they are asked again; below 0 for those that avoid
    what they are told. ``live_planted_<kind>_gain``: the share that names what the peers say, after less before.
    """
    found = {"live_planted_followed": _followed(sets, reason)}
    return found | {f"live_planted_{kind.removeprefix('always_')}_gain": _gain(sets, kind, reason) for kind in PEERS}


def planted_table(sets: AnswerSets | None) -> CaptionedTable:
    """Return by kind of peers and condition how often answers name what the peers say, before and after hearing it."""
    rows = []
    for kind in PEERS:
        answers = None if sets is None else _said(sets, kind)
        if sets is None or answers is None:
            continue
        named = answers == _told(sets, kind)[:, None, None]  # (M, R, A)
        for condition, ambiguous in CONDITIONS.items():
            own = named[(sets.items.ambiguous == ambiguous) & _known(sets)]
            if own.size:
                row = {"peers": PEERS[kind], "condition": condition, "answers": own[:, 0].size}
                rows.append(row | {"named_before": own[:, 0].mean(), "named_after": own[:, -1].mean()})
    return pd.DataFrame(rows, columns=["peers", "condition", "answers", "named_before", "named_after"]), (
        "Pretrained agents beside peers that always say the same: how many of an agent's answers name what the peers "
        "say, before it hears them and in the last round. Whoever follows peers names it more often after."
    )


def _followed(sets: AnswerSets | None, reason: str) -> Measurement:
    if sets is None:
        return unavailable(reason or "no question was put to agents beside planted peers")
    biased, unknown = _said(sets, BIASED), _said(sets, UNKNOWN)
    if biased is None or unknown is None or biased.shape[2] != unknown.shape[2]:
        return unavailable("agents were not asked beside both kinds of planted peers")
    target, none = _told(sets, BIASED)[:, None], _told(sets, UNKNOWN)[:, None]
    one, other = biased[:, -1], unknown[:, -1]  # (M, A)
    more = ((one == target) * 1 - (other == target)) + ((other == none) * 1 - (one == none))
    words = "last answers that name what planted peers say, less those that name it beside the other kind of peers"
    return _mean(sets, more, 2, words)


def _gain(sets: AnswerSets | None, kind: str, reason: str) -> Measurement:
    if sets is None:
        return unavailable(reason or "no question was put to agents beside planted peers")
    answers = _said(sets, kind)
    if answers is None:
        return unavailable(f"no agent was asked beside peers that {PEERS[kind]}")
    named = answers == _told(sets, kind)[:, None, None]
    words = f"answers that name what peers say who always {PEERS[kind]}, in the last round less before hearing them"
    return _mean(sets, named[:, -1] * 1 - named[:, 0], 1, words)


def _mean(sets: AnswerSets, of_answers: Int[np.ndarray, "M A"], most: int, words: str) -> Measurement:
    """Return the mean of what answers gain, each at most ``most``, as a share with its interval over templates."""
    counted = np.stack([of_answers.sum(axis=1), np.full(len(of_answers), most * of_answers.shape[1])], axis=1)
    counted[~_known(sets)] = 0
    sums = cluster_sums(sets.items.templates, counted)[:, None]  # (K, 1, 2): no seeds
    found = estimate_over_seeds(sums, _share, lambda sums: _share(sums.sum(axis=-2))) if len(sums) > 1 else None
    if found is None:
        return unavailable("fewer than two templates have questions beside planted peers")
    return estimated(found, "share", f"{words}, {CLUSTERED}", seeds=sets.seeds)


def _share(sums: Any) -> Any:
    made, of = sums[..., 0], sums[..., 1]
    return np.divide(made, of, out=np.full(np.shape(of), np.nan), where=of > 0)


def _said(sets: AnswerSets, kind: str) -> Int[np.ndarray, "M R A"] | None:
    rounds = sets.rounds.get(f"{DECENTRALIZED}:{kind}")
    if rounds is None or rounds.shape[1] < 2:
        return None
    return rounds[:, :, spoke(rounds)]


def _told(sets: AnswerSets, kind: str) -> Int[np.ndarray, " M"]:
    return sets.items.target if kind == BIASED else sets.items.unknown


def _known(sets: AnswerSets) -> np.ndarray:
    return np.asarray((sets.items.target != NONE) & (sets.items.unknown != NONE))
