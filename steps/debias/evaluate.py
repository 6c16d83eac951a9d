"""Join what all steps wrote into measurements, tables, figures and a page of conversations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from steps.debias import chosen_rates, figures, measurements, recorded_measurements, tables
from steps.debias.ablation_differences import beside_main
from steps.debias.answer_sets import PARTS, VARIED, AnswerSets, read_answer_sets, read_one_run, targets_of
from steps.debias.planted_peers import planted_table
from steps.step.json_files import read_json
from steps.step.params import Count, Params
from steps.step.publish import CaptionedFigure
from steps.step.run import Run
from tenfold.debias.debate import Debate, read_debates
from tenfold.debias.transcript_page import write_page

PLANTED = "planted"  # the part of a live run with planted peers
HEADLINES = (
    "micro_proposal_single_minus_decentralized",
    "micro_proposal_control_minus_decentralized",
    "recorded_plurality_minus_mean_single",
)
TITLE = "Conversations about BBQ"
NOTE = (
    "Agents with a declared bias, trained here (by what they were taught to make of others' answers: proposal, "
    "majority, none), and a small pretrained model (live). Filter by series."
)

MADE_UP = (
    "The recorded answers of this run are made up to try the steps out, and its questions and pretrained model may be: "
    "the conversations say nothing of either."
)


class EvaluateParams(Params):
    """How many conversations the page of transcripts shows."""

    shown: Count


def evaluate(
    deliberated: Path, conversed: Path, recorded: Path, live: Path, *, out: Path, params: EvaluateParams, run: Run
) -> None:
    """Publish what the paper's claims are tested by, and conversations to read.

    Reads   items.jsonl, answers.npz of each step, debates/*.jsonl of the conversations, conversed/rows.json,
            recorded/scores.json, deliberated/rates.json, live/summary.json
    Writes  metrics.json, claims.json, tables/*.csv and figures/*.svg with their captions; pages/transcripts.html
    Raises  MissingAnswers
    """
    known = [*measurements.TARGETS, *targets_of(conversed)]  # these in their order, then others
    targets = sorted(targets_of(conversed), key=known.index)
    micro = {target: read_answer_sets(conversed, target) for target in targets}
    pretrained = read_one_run(live)
    regimes: dict[str, AnswerSets] = {**micro, "live": pretrained[""]}
    parts = {f"live, {name}": sets for name, sets in pretrained.items() if name}
    votes = read_one_run(recorded)[""]
    scored = read_json(recorded / "scores.json")
    seeing = [name for name, system in scored["systems"].items() if system["sees_context"]]
    calls, rates = read_json(conversed / "rows.json"), read_json(deliberated / "rates.json")
    run.publish(
        claims=measurements.micro_measurements(micro)
        | chosen_rates.rate_measurements(rates)
        | measurements.live_measurements(
            pretrained[""], read_json(live / "summary.json")["models"], pretrained.get(PLANTED)
        )
        | recorded_measurements.recorded_measurements(votes, stand_in=scored["stand_in"]),
        headlines=HEADLINES,
        tables={
            "protocols": tables.protocols(regimes),
            "seeds": tables.seeds(micro),
            "ablations": tables.ablations(regimes | beside_main(parts, pretrained[""])),
            "agents": tables.agents(regimes | parts, calls),
            "unparsed_dropped": tables.unparsed(regimes | parts),
            "groups": tables.groups(regimes),
            "rates": chosen_rates.table(rates),
            "rounds": tables.by_round(regimes),
            "flips": tables.flips(regimes),
            "planted": planted_table(pretrained.get(PLANTED)),
            "recorded": tables.recorded(votes, stand_in=scored["stand_in"]),
            "recorded_groups": tables.recorded_groups(votes, seeing),
        },
        figures=_drawn(
            {
                "distributions": figures.distributions(micro, "Agents with a declared bias"),
                "distributions_live": figures.distributions({"live": pretrained[""]}, "A small pretrained model"),
                "rounds": figures.over_rounds(regimes),
                "groups": figures.forest(micro),
                "flips": figures.flips(regimes),
                "recorded": figures.recorded(votes, stand_in=scored["stand_in"]),
            }
        ),
    )
    notes = [NOTE, MADE_UP] if scored["stand_in"] else [NOTE]
    kept = list(debates_of(conversed, live))
    (out / "pages").mkdir()
    page, debates, series = out / "pages" / "transcripts.html", [one for one, _ in kept], [name for _, name in kept]
    write_page(debates, page, title=TITLE, notes=notes, series=series, most=params.shown)


def _drawn(captioned: dict[str, CaptionedFigure | None]) -> dict[str, CaptionedFigure]:
    """Return the figures that there is something to draw in."""
    return {name: found for name, found in captioned.items() if found is not None}


def debates_of(conversed: Path, live: Path) -> Iterator[tuple[Debate, str]]:
    """Yield each kept debate with the series it belongs to, the target of the embedded agents or ``live``.

    What an ablation varies stands in the name of its file alone; it becomes part of the protocol's, and so do planted
    peers of live agents.
    """
    for path in sorted((conversed / "debates").glob("*.jsonl")):
        target, _, name = path.stem.partition("-")
        _, at, varied = name.partition("@")
        for debate in read_debates(path):
            yield replace(debate, protocol=f"{debate.protocol}{at}{varied}"), target
    for path in sorted((live / "debates").glob("*.jsonl")):
        for debate in read_debates(path):
            beside = PARTS.get(debate.protocol.partition(":")[2]) == PLANTED
            yield replace(debate, protocol=f"{debate.protocol}{f'{VARIED}{PLANTED}' if beside else ''}"), "live"
