"""Multi-LLM debiasing: language models that talk, scored on BBQ (arXiv:2409.13884)."""

from flows.execution.paper_flow import paper_flow
from flows.graph.paper import source, step

AGENTS = ("a0", "a1", "a2")


@paper_flow
def debias() -> None:
    """Multi-LLM debiasing: language models that talk, scored on BBQ (arXiv:2409.13884)."""
    bbq = source("bbq")
    prepared = step("prepare", bbq=bbq)
    trained = [step("train", prepared=prepared, variant=agent) for agent in AGENTS]
    deliberated = step("deliberate", trained=trained)
    conversed = step("converse", trained=trained, deliberated=deliberated)
    recorded = step("score_recorded", bbq=bbq, bbq_recorded=source("bbq_recorded"))
    decoder = step("convert", decoder=source("smollm2"))
    live = step("live", prepared=prepared, decoder=decoder, gpu=True)
    step("evaluate", deliberated=deliberated, conversed=conversed, recorded=recorded, live=live, publishes=True)


if __name__ == "__main__":
    debias()
