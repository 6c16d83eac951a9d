"""A small model that is taught one's own images or sounds by a method of the comparison.

Legend:  X the LLM · S the feature encoder · η0 the rate at a factor of 1 · Q questions · T tokens
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from tenfold.arguments import real, whole
from tenfold.commit_tuning.errors import InvalidScheduler
from tenfold.commit_tuning.own_items import OwnItems, own_parts
from tenfold.commit_tuning.questions import ask, blind_accuracy

if TYPE_CHECKING:
    from torch import Tensor

    from tenfold.commit_tuning.model import SmallModel
    from tenfold.commit_tuning.question_batches import QuestionEncoder
    from tenfold.commit_tuning.schedulers import Scheduler

Method = Literal["constant", "tuned_constant", "feature_cd", "language_cd", "clr", "commit"]
METHODS: tuple[Method, ...] = get_args(Method)
RATIOS = (0.1, 0.3, 1.0, 3.0, 10.0)  # η0_S / η0_X that the tuned constant is chosen from
BLOCK = 10  # updates of one component in coordinate descent
SCORED = 128  # questions of a forward that scores
TOLD = 50  # updates of what is learned apart, from one line about it to the next
PRETRAIN_RATES = (2e-3, 3e-3)  # of the encoder and of the decoder
Told = Callable[[str], None]


@dataclass(frozen=True)
class TuningSettings:
    """How a model is taught: ``rate`` is η0 of the LLM, ``ratio`` η0_S / η0_X, ``every`` the updates per estimate of κ.

    Encoder and decoder learn for ``pretrain_updates`` apart before they are joined. Raises InvalidScheduler, also for
    a method that cannot act in so few updates: no estimate before the last of them, or no turn for one component.
    """

    method: Method = "commit"
    updates: int = 200
    batch_size: int = 32
    rate: float = 3e-3
    ratio: float = 1.0
    every: int = 4
    pretrain_updates: int = 150
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InvalidScheduler(f"no method is called {self.method!r}; there are {', '.join(METHODS)}")
        for name in ("updates", "batch_size", "every", "pretrain_updates"):
            whole(getattr(self, name), name, least=1, error=InvalidScheduler)
        whole(self.seed, "seed", least=0, error=InvalidScheduler)
        for name in ("rate", "ratio"):
            if real(getattr(self, name), name, error=InvalidScheduler) <= 0:
                raise InvalidScheduler(f"{name} = {getattr(self, name)} must be above 0")
        if self.method == "tuned_constant" and self.ratio != 1:
            raise InvalidScheduler("tuned_constant chooses the ratio itself, on the validation part; leave it out")
        self._check_that_it_acts()

    def _check_that_it_acts(self) -> None:
        if self.method in ("clr", "commit") and self.updates <= self.every:
            raise InvalidScheduler(
                f"{self.method} sets rates from update {self.every + 1} on, after its first estimate, and "
                f"{self.updates} updates are asked for: give more updates (--updates) or estimate more often (--every)"
            )
        if self.method in ("feature_cd", "language_cd") and self.updates < 2 * BLOCK:
            raise InvalidScheduler(
                f"{self.method} updates one component at a time, {BLOCK} updates each, and {self.updates} updates are "
                f"asked for: give {2 * BLOCK} (--updates) or more, so that both have a turn"
            )


@dataclass(frozen=True)
class OwnTuning:
    """A model that was taught, and what it came to. ``facts`` is JSON: settings, sizes of the parts, scores."""

    model: SmallModel
    facts: dict[str, Any]


class _Asked:
    """One part: its questions with their items, in batches."""

    def __init__(self, items: OwnItems, names: Sequence[str], encode: QuestionEncoder, seed: int) -> None:
        places = {name: place for place, name in enumerate(items.names)}
        chosen = [places[name] for name in names]
        self.questions = ask(items.subject, names, items.labels[chosen], seed=seed)
        self.media, self.encode = items.media, encode
        self._places = [places[one.item] for one in self.questions]

    def __len__(self) -> int:
        return len(self.questions)

    def batch(self, numbers: Sequence[int]) -> dict[str, Tensor]:
        """Return the batch of questions by their numbers."""
        media = self.media[[self._places[number] for number in numbers]]
        return self.encode.batch([self.questions[number] for number in numbers], media)


def tune_own(items: OwnItems, settings: TuningSettings, folder: Path, *, told: Told | None = None) -> OwnTuning:
    """Teach a small model a part of the items and score it on another; write traces into ``folder``, which must exist.

    trace.jsonl is that of the training; of a tuned constant, whose ratio is chosen on the validation part alone, those
    of all ratios stand in ``search``. ``told`` hears of progress, a line at a time. Raises NotFinite where a loss is no
    number, InvalidSubject for questions that are too long, and what CommitTuning raises.
    """
    from tenfold.commit_tuning.baselines import tune_ratio

    say: Told = told or (lambda _line: None)
    model, encode = _started(items, settings, say)
    parts = own_parts(items, seed=settings.seed)
    asked = {
        name: _Asked(items, parts.part(name).names, encode, settings.seed)
        for name in ("train", "validation", "probe", "test")
    }
    start = {name: one.clone() for name, one in model.state_dict().items()}

    def trained(ratio: float, trace: Path) -> float:
        model.load_state_dict(start)
        _train(model, asked, settings, ratio, trace, say)
        return scored(model, asked["validation"])["loss"]

    ratio, found, trainings = settings.ratio, None, 1
    if settings.method == "tuned_constant":
        kept: dict[float, dict[str, Tensor]] = {}

        def validation_loss(one: float) -> float:
            say(f"encoder's rate {one:g} times the LLM's")
            loss = trained(one, folder / "search" / f"{one:g}.jsonl")
            kept[one] = {name: value.clone() for name, value in model.state_dict().items()}
            return loss

        found = tune_ratio(RATIOS, validation_loss, updates=settings.updates)
        ratio, trainings = found.ratio, len(RATIOS)
        model.load_state_dict(kept[ratio])
        (folder / "trace.jsonl").write_bytes((folder / "search" / f"{ratio:g}.jsonl").read_bytes())
    else:
        trained(ratio, folder / "trace.jsonl")
    test = scored(model, asked["test"])
    blind = blind_accuracy(asked["train"].questions, asked["test"].questions)
    return OwnTuning(
        model,
        {
            "settings": asdict(settings) | {"ratio": ratio},
            "trainings": trainings,
            "ratio_at_edge": None if found is None else found.at_edge,
            "validation_loss_by_ratio": None if found is None else {f"{one:g}": loss for one, loss in found.losses},
            "classes": list(items.subject.classes),
            "items": {name: len(parts.part(name)) for name in asked} | {"left_out": items.left_out},
            "test": test,
            "blind": dict(blind),
        },
    )


def _started(items: OwnItems, settings: TuningSettings, say: Told) -> tuple[SmallModel, QuestionEncoder]:
    """Return the model that every method of a seed starts from: parts that have learned apart."""
    import torch

    from tenfold.commit_tuning.model import SmallModel, SmallModelConfig
    from tenfold.commit_tuning.pretexts import pretrain_decoder, pretrain_encoder, statements
    from tenfold.commit_tuning.question_batches import words_of
    from tenfold.commit_tuning.question_errors import InvalidSubject
    from tenfold.nn.seeding import seeded
    from tenfold.nn.token_convnet import TokenConvNetConfig

    config = SmallModelConfig(words_of([items.subject]), TokenConvNetConfig(channels=items.media.shape[1]))
    model = seeded(SmallModel, config, settings.seed)
    encode = model.questions()
    longest = max(statements(items.subject), key=lambda pair: len(pair[0].split()) + len(pair[1].split()))
    if len(encode.answered(*longest, name="statement")[0]) > config.context:
        raise InvalidSubject(f"{longest[0]!r} has more words than the model reads: give shorter names or properties")
    train = own_parts(items, seed=settings.seed).train
    pretext: Any = "rotation" if items.subject.medium == "image" else "masked_band"
    updates, generator = settings.pretrain_updates, settings.seed
    say(f"encoder and decoder learn apart, {updates} updates each")
    own = items.media[torch.from_numpy(train.places)]
    again: Any = {"updates": updates, "seed": generator}
    with _told_of(model.encoder, "encoder", updates, say):
        pretrain_encoder(model.encoder, own, pretext, learning_rate=PRETRAIN_RATES[0], **again)
    with _told_of(model.language_model, "decoder", updates, say):
        pretrain_decoder(model, encode, [items.subject], learning_rate=PRETRAIN_RATES[1], **again)
    return model, encode


@contextmanager
def _told_of(part: Any, name: str, updates: int, say: Told) -> Iterator[None]:
    """Say how far a part has come that is called once per update: at each ``TOLD``-th and the last one."""
    done = 0

    def tell(*_: object) -> None:
        nonlocal done
        done += 1
        if done % TOLD == 0 or done == updates:
            say(f"{name}: update {done} of {updates}")

    hook = part.register_forward_hook(tell)
    try:
        yield
    finally:
        hook.remove()


def _scheduler(method: Method) -> Scheduler:
    from tenfold.commit_tuning.schedulers import ConstantScheduler, CoordinateDescent, CoordinatedScheduler

    if method in ("clr", "commit"):
        return CoordinatedScheduler()
    if method in ("feature_cd", "language_cd"):
        return CoordinateDescent("encoder" if method == "feature_cd" else "llm", BLOCK)
    return ConstantScheduler()


def _train(
    model: SmallModel, asked: dict[str, _Asked], settings: TuningSettings, ratio: float, trace: Path, say: Told
) -> None:
    import torch
    import torch.nn.functional as functional

    from tenfold.commit_tuning.balance import BalanceEstimator
    from tenfold.commit_tuning.components import optimiser_groups
    from tenfold.commit_tuning.families import known_components
    from tenfold.commit_tuning.probe import Probe, causal_answers
    from tenfold.commit_tuning.reward import DistributionReward
    from tenfold.commit_tuning.trace import TraceWriter
    from tenfold.commit_tuning.tuning import CommitTuning
    from tenfold.multimodal.labels import IGNORED
    from tenfold.nn.errors import NotFinite

    components = known_components(model)
    rates: Any = {"llm": settings.rate, "encoder": settings.rate * ratio}
    optimiser = torch.optim.AdamW(optimiser_groups(model, components, rates, weight_decay=0.01))
    train, probe = asked["train"], asked["probe"]
    drawn = Probe(range(len(probe)), min(32, len(probe)), probe.batch, seed=settings.seed)
    tuning = CommitTuning(
        model,
        optimiser,
        components,
        scheduler=_scheduler(settings.method),
        estimator=BalanceEstimator(drawn, every=settings.every),
        reward=DistributionReward() if settings.method == "commit" else None,
        trace=TraceWriter(trace),
    )
    order = torch.Generator().manual_seed(settings.seed)
    begun = time.monotonic()
    optimiser.zero_grad()  # of what was learned apart
    model.train()
    with tuning:
        for update in range(1, settings.updates + 1):
            batch = train.batch(torch.randint(len(train), (settings.batch_size,), generator=order).tolist())
            rewarded = tuning.rewarded(batch) if tuning.reward is not None else None
            logits, targets = causal_answers(model, batch) if rewarded is None else rewarded[:2]
            loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
            if not math.isfinite(loss.item()):
                raise NotFinite(f"loss = {loss.item()} at update {update}; lower the rate of {settings.rate:g}")
            tuning.note_loss(loss)
            (loss if rewarded is None else loss - rewarded[2].value).backward()
            optimiser.step()
            optimiser.zero_grad()
            if update % 20 == 0 or update in (1, settings.updates):
                left = (time.monotonic() - begun) / update * (settings.updates - update)
                say(
                    f"update {update} of {settings.updates}: loss {loss.item():.3f} nats per token, "
                    f"average log κ {tuning.balance:+.2f}, {left:.0f} s left"
                )
    model.eval()


def scored(model: SmallModel, asked: _Asked) -> dict[str, float]:
    """Return the loss in nats per token of the answers, and how many questions of each kind are answered exactly."""
    import torch

    from tenfold.commit_tuning.question_batches import accuracy_by_kind, exact_matches
    from tenfold.multimodal.labels import IGNORED

    model.eval()
    right: list[bool] = []
    total, tokens = 0.0, 0
    with torch.inference_mode():
        for first in range(0, len(asked), SCORED):
            batch = asked.batch(range(first, min(first + SCORED, len(asked))))
            out = model(**batch)
            count = int((batch["labels"] != IGNORED).sum())
            total, tokens = total + float(out.loss) * count, tokens + count
            right += exact_matches(out.logits, batch["labels"], never=asked.encode.media_token_id).tolist()
    by_kind = accuracy_by_kind(asked.questions, right)
    return {"loss": total / tokens} | {str(kind): share for kind, share in by_kind.items()}
