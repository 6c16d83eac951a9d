"""The publishing step: every table and figure from planted answers, twice the same bytes, and a page to read."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from steps.debias import figures
from steps.debias.answer_sets import AnswerSets
from steps.debias.chosen_rates import rate_measurements
from steps.debias.evaluate import HEADLINES, EvaluateParams, debates_of, evaluate
from steps.step.run import Run
from tenfold.debias.debate import Debate, Turn, write_debates
from tests.steps.debias.planted import (
    BIASED,
    FAIR,
    TARGET,
    UNKNOWN,
    Reader,
    questions,
    write_conversed,
    write_live,
    write_recorded,
)

CONTROLS = ("self_refine", "self_consistency", "silent", "shuffled_peers")


def searched(best: float, grid: tuple[float, ...] = (3e-4, 1e-3, 3e-3, 1e-2)) -> list[dict[str, object]]:
    """Return the rows of a search for one target whose best rate is ``best``."""
    losses = [0.5 + abs(np.log(rate / best)) for rate in grid]
    return [
        {"target": "proposal", "learning_rate": rate, "validation_loss": loss, "loss_a0": loss, "chosen": rate == best}
        for rate, loss in zip(grid, losses, strict=True)
    ]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return a folder with what all steps write, and what evaluate makes of it, twice."""
    root = tmp_path_factory.mktemp("debias")
    protocols = {"single": BIASED, "vote": BIASED, "decentralized": FAIR, "centralized": FAIR}
    readers = {target: protocols | dict.fromkeys(CONTROLS, BIASED) for target in ("proposal", "none")}
    write_conversed(root / "conversed", readers)
    rows = [{"target": "none", "protocol": "decentralized", "calls": 4, "calls_made": made} for made in (3, 4)]
    (root / "conversed" / "rows.json").write_text(json.dumps(rows))
    (root / "deliberated").mkdir()
    (root / "deliberated" / "rates.json").write_text(json.dumps(searched(3e-3)))
    write_live(root / "live", Reader(0.3, 0.3, 0.4))
    write_recorded(root / "recorded", dict.fromkeys(("arc", "race", "qonly"), BIASED), BIASED)
    seeing = {name: {"sees_context": name in ("arc", "race")} for name in ("arc", "race", "qonly", "plurality_first")}
    (root / "recorded" / "scores.json").write_text(json.dumps({"systems": seeing, "stand_in": False}))
    for folder, name in (("conversed", "proposal-decentralized@tie=first"), ("live", "decentralized")):
        (root / folder / "debates").mkdir()
        debates = [
            Debate(
                item, "decentralized", (Turn("a0", 0, "agent", "x", TARGET), Turn("a0", 1, "agent", "y", UNKNOWN)), 0
            )
            for item in questions().rows[:4]
        ]
        write_debates(debates, root / folder / "debates" / f"{name}.jsonl")
    for name in ("first", "second"):
        out = root / name
        out.mkdir()
        inputs = (root / "deliberated", root / "conversed", root / "recorded", root / "live")
        evaluate(*inputs, out=out, params=EvaluateParams(shown=6), run=Run("debias", "evaluate", out=out))
    return root


def test_everything_is_published_and_the_same_each_time(written):
    files = sorted(path.relative_to(written / "first") for path in (written / "first").rglob("*") if path.is_file())
    assert all((written / "first" / file).read_bytes() == (written / "second" / file).read_bytes() for file in files)
    names = {str(file) for file in files}
    assert {"claims.json", "metrics.json", "pages/transcripts.html", "figures/distributions.svg"} <= names
    metrics = json.loads((written / "first" / "metrics.json").read_text())
    assert set(metrics) == set(HEADLINES) and metrics[HEADLINES[0]] > 10
    assert all(
        len(pd.read_csv(written / "first" / file))
        for file in files
        if file.suffix == ".csv" and "recorded." not in str(file)
    )


def test_tables_say_what_was_planted(written):
    folder = written / "first" / "tables"
    protocols = pd.read_csv(folder / "protocols.csv").set_index(["regime", "protocol"])
    assert protocols.loc[("proposal", "single"), "bias_low"] > protocols.loc[("proposal", "decentralized"), "bias_high"]
    assert protocols.loc[("live", "single"), "accuracy_disambiguated"] == pytest.approx(0.4, abs=0.1)
    groups = pd.read_csv(folder / "groups.csv")
    assert (groups[(groups.regime == "proposal") & (groups.of == "single agent")].p_holm < 0.05).all()
    flips = pd.read_csv(folder / "flips.csv")
    assert (flips.groupby(["regime", "protocol"]).answers.sum() > 0).all()
    recorded = pd.read_csv(folder / "recorded_groups.csv").set_index(["answers", "group"])
    assert recorded.loc[("arc", "all"), "questions"] == 2 * recorded.loc[("qonly", "all"), "questions"]
    assert pd.isna(recorded.loc[("qonly", "all"), "accuracy_disambiguated"])
    agents = pd.read_csv(folder / "agents.csv")
    spent = agents[(agents.regime == "none") & (agents.protocol == "decentralized")].iloc[0]
    assert (spent.calls, spent.calls_made) == (4, 3.5)
    free = agents[agents.protocol == "single:free"].iloc[0]
    assert free.regime == "live, free" and free.parsed == 0 and pd.isna(free.bias)


def test_tables_and_figures_are_in_words_and_none_is_empty(written):
    folder = written / "first"
    protocols = pd.read_csv(folder / "tables" / "protocols.csv").set_index(["regime", "protocol"])
    assert protocols.loc[("proposal", "single"), "hard_share"] == pytest.approx(0.5, abs=0.1)
    assert protocols.loc[("proposal", "single"), "preference"] > 40 and pd.isna(
        protocols.loc[("live", "single"), "hard_share"]
    )
    captions = json.loads((folder / "figures" / "captions.json").read_text())
    assert all("never taught" in captions[f"{name}.svg"] for name in ("distributions", "groups", "flips", "rounds"))
    assert "never taught" not in captions["distributions_live.svg"]


def test_a_figure_without_data_is_none():
    items = questions().only(range(4))
    alone = AnswerSets(items, {"vote": np.full(4, UNKNOWN)}, {}, np.zeros(4, dtype=bool))
    assert figures.forest({"none": alone}) is None and figures.over_rounds({"none": alone}) is None
    assert figures.flips({"none": alone}) is None and figures.recorded(alone, stand_in=True) is None
    assert figures.distributions({}, "") is None


def test_the_page_shows_conversations_of_all_series(written):
    page = (written / "first" / "pages" / "transcripts.html").read_text(encoding="utf-8")
    assert page.count("<article") == 6 and "6 of 8 debates" in page
    assert '<option value="live">' in page and '<option value="proposal">' in page
    named = {(debate.protocol, series) for debate, series in debates_of(written / "conversed", written / "live")}
    assert named == {("decentralized@tie=first", "proposal"), ("decentralized", "live")}


@pytest.mark.parametrize(("best", "beyond"), [(3e-4, 0), (1e-3, 1), (3e-3, 1), (1e-2, 0)])
def test_a_chosen_rate_at_the_edge_is_told_from_one_inside(best, beyond):
    found = rate_measurements(searched(best)[::-1])
    own = found["micro_proposal_rates_beyond_chosen"]
    assert own.number == beyond and f"the chosen {best:g}, " in own.detail and own.interval is None
    assert "searches no rate" in (found["micro_majority_rates_beyond_chosen"].unavailable or "")
    single = [{"target": "proposal", "learning_rate": 1e-3, "validation_loss": None, "chosen": True}]
    assert rate_measurements(single)["micro_proposal_rates_beyond_chosen"].unavailable


def test_the_table_of_rates_has_a_row_per_rate(written):
    table = pd.read_csv(written / "first" / "tables" / "rates.csv")
    assert table.learning_rate.tolist() == [3e-4, 1e-3, 3e-3, 1e-2]
    assert table.learning_rate[table.chosen].tolist() == [3e-3] == [table.learning_rate[table.validation_loss.argmin()]]


def test_planted_peers_have_one_name_on_the_page(tmp_path):
    for folder, name, protocol in (
        ("conversed", "none-decentralized-always_biased@planted", "decentralized:always_biased"),
        ("live", "decentralized-always_biased", "decentralized:always_biased"),
    ):
        (tmp_path / folder / "debates").mkdir(parents=True)
        debate = Debate(questions().rows[0], protocol, (Turn("a", 0, "agent", "A", 0),), 0)
        write_debates([debate], tmp_path / folder / "debates" / f"{name}.jsonl")
    names = {debate.protocol for debate, _ in debates_of(tmp_path / "conversed", tmp_path / "live")}
    assert names == {"decentralized:always_biased@planted"}
