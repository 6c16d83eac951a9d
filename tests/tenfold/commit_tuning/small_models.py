"""A model of a few hundred weights that hears six numbers and says two words; examples and probes for it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from tenfold.commit_tuning import BalanceEstimator, Components, Probe, optimiser_groups
from tenfold.multimodal.labels import IGNORED

WORDS, PROMPT, ANSWER = 13, 3, 2
COMPONENTS = Components(encoder=("encoder",), projector=("projector",), llm=("llm",))


class Small(nn.Module):
    """Dropout, a batch norm and a counter in the encoder, which a careless estimate would disturb."""

    def __init__(self, dropout: float = 0.1, width: int = 8) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(6, width), nn.BatchNorm1d(width), nn.Tanh(), nn.Dropout(dropout))
        self.projector = nn.Linear(width, width)
        self.llm = nn.ModuleDict(
            {
                "embed": nn.Embedding(WORDS, width),
                "mix": nn.Linear(width, width),
                "drop": nn.Dropout(dropout),
                "head": nn.Linear(width, WORDS),
            }
        )
        self.register_buffer("forwards", torch.zeros((), dtype=torch.int64))

    def features(self, sounds: torch.Tensor) -> torch.Tensor:
        return self.encoder(sounds)

    def forward(self, sounds, input_ids, labels=None, num_items_in_batch=None) -> Any:
        self.forwards += 1
        heard = self.projector(self.features(sounds))[:, None]  # (B, 1, D)
        words = self.llm["embed"](input_ids) + heard
        places = torch.arange(1, words.shape[1] + 1, device=words.device)[:, None]
        before = words.cumsum(dim=1) / places  # causal
        logits = self.llm["head"](self.llm["drop"](torch.tanh(self.llm["mix"](before))))
        loss = None
        if labels is not None:
            loss = functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
        return SimpleNamespace(logits=logits, loss=loss)


def small(seed: int = 0, **settings: Any) -> Small:
    torch.manual_seed(seed)
    return Small(**settings)


def examples(count: int, seed: int = 0) -> list[dict[str, torch.Tensor]]:
    """Sounds whose two loudest places are the answer's two words."""
    generator = torch.Generator().manual_seed(seed)
    made = []
    for _ in range(count):
        sounds = torch.randn(6, generator=generator)
        prompt = torch.randint(6, WORDS, (PROMPT,), generator=generator)
        answer = sounds.topk(ANSWER).indices
        labels = torch.cat([torch.full((PROMPT,), IGNORED), answer])
        made.append({"sounds": sounds, "input_ids": torch.cat([prompt, answer]), "labels": labels})
    return made


def collate(chosen: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    return {name: torch.stack([one[name] for one in chosen]) for name in chosen[0]}


def probe(size: int = 8, seed: int = 5) -> Probe:
    return Probe(examples(32, seed=99), size, collate, seed=seed)


def estimator(**settings: Any) -> BalanceEstimator:
    size = settings.pop("size", 8)
    return BalanceEstimator(probe(size), **settings)


def optimiser(model: nn.Module, kind: Any = torch.optim.SGD, rate: Any = 0.1, **settings: Any) -> torch.optim.Optimizer:
    return kind(optimiser_groups(model, COMPONENTS, rate), **settings)


def train(model: Any, optimiser: Any, updates: int, *, first: int = 0, tuning: Any = None, after: Any = None) -> None:
    """Make updates on batches that the number of the update gives."""
    model.train()
    for update in range(first, first + updates):
        batch = collate(examples(16, seed=1000 + update))
        loss = model(**batch).loss
        loss.backward()
        if tuning is not None:
            tuning.note_loss(loss)
        optimiser.step()
        optimiser.zero_grad()
        if after is not None:
            after(update + 1)


def parameters_of(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: one.detach().clone() for name, one in model.named_parameters()}
