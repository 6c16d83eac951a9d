"""Readers that are trained here: words, features, likelihoods, and replies as a chat backend."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tenfold.chat.client import Client
from tenfold.chat.messages import Failure, Message, Reply, Sampling
from tenfold.debias.channels import causal_convolution, rotated, rotation_at
from tenfold.debias.embedded import EmbeddedModel
from tenfold.debias.errors import InvalidItem
from tenfold.debias.items import Items
from tenfold.debias.memory import Memory
from tenfold.debias.micro import micro_items
from tenfold.debias.micro_prompts import MicroPrompts, options_in, question_and_rest
from tenfold.debias.reader import Reader, ReaderConfig, answer_loss
from tenfold.debias.reading import Encoded, batches_of_like_length, collate, encode, question_examples
from tenfold.debias.seeded_order import Order
from tenfold.debias.words import ANSWER, END, Vocabulary, words_of
from tenfold.nn.errors import InvalidConfig
from tests.tenfold.debias.micro_cases import made_up_items

PROMPTS = MicroPrompts()
NEXT = "\n[own] not known\n[peer] the man"  # what follows a question after a round


@pytest.fixture(scope="module")
def items() -> Items:
    return micro_items(made_up_items(), contexts=2, seed=0)


@pytest.fixture(scope="module")
def reader(items: Items) -> Reader:
    """A reader that has learnt the gold answers of a few questions, so that its replies are not chance."""
    generator = np.random.default_rng(0)
    examples = question_examples(items, items.gold, generator, 32 * 60)
    vocabulary = Vocabulary.of(f"{example.asked} {example.answer}" for example in examples)
    torch.manual_seed(0)
    reader = Reader(ReaderConfig(vocabulary.words, width=32, heads=2))
    optimiser = torch.optim.AdamW(reader.parameters(), lr=5e-3)
    for batch in batches_of_like_length(encode(examples, vocabulary), 32, generator):
        optimiser.zero_grad()
        answer_loss(reader, *collate(batch)).backward()
        optimiser.step()
    return reader.eval()


def conversations(items: Items) -> list[list[Message]]:
    return [PROMPTS.alone(item, (2, 0, 1)) for item in items.rows]


def replies(model: EmbeddedModel, items: Items, sampling: Sampling) -> list[Reply]:
    found = dict(model.replies(enumerate(conversations(items)), sampling))
    return [reply for number in range(len(items)) if isinstance(reply := found[number], Reply)]


def test_words_are_normalised_and_markers_stay() -> None:
    assert words_of("[own] The “man” can’t.\n| O'Brien-Smith,") == [
        "[own]",
        "the",
        "man",
        "can't",
        "|",
        "o'brien-smith",
    ]


def test_an_unknown_word_has_a_number_of_its_own_and_a_word_twice_is_an_error() -> None:
    vocabulary = Vocabulary.of(["the man", "the mill"])
    assert vocabulary.encode("the bridge") == [vocabulary.number("the"), 1]
    with pytest.raises(InvalidItem, match="twice"):
        Vocabulary([*vocabulary.words, "the"])


def test_only_words_of_the_context_alone_are_hidden(items: Items) -> None:
    examples = question_examples(items, items.gold, np.random.default_rng(0), 50)
    vocabulary = Vocabulary.of(f"{example.asked} {example.answer}" for example in examples)
    plain = encode(examples, vocabulary)
    hidden = encode(examples, vocabulary, unknown_share=0.9, generator=np.random.default_rng(0))
    assert sum(row.tokens.count(1) for row in plain) == 0
    for example, row, before in zip(examples, hidden, plain, strict=True):
        options, context, question = example.asked.split("\n")
        for place, (word, was) in enumerate(zip(row.tokens, before.tokens, strict=True)):
            if word != was:
                assert word == 1
                assert vocabulary.words[was] in words_of(context)
                assert vocabulary.words[was] not in words_of(f"{options} {question} {example.answer}"), place
    assert sum(row.tokens.count(1) for row in hidden) > 50


@torch.inference_mode()
def test_likelihoods_are_those_of_reading_all_words_at_once(reader: Reader, items: Items) -> None:
    model = EmbeddedModel(reader, "small")
    conversation = conversations(items)[3]
    next(iter(model.replies([(0, conversation)], Sampling())))
    (found,) = model._known.values()
    vocabulary = reader.vocabulary
    prompt = [*vocabulary.encode(conversation[-1].text), vocabulary.number(ANSWER)]
    for option, score in zip(options_in(conversation), found.scores, strict=True):
        tokens = torch.tensor([[*prompt, *vocabulary.encode(option), vocabulary.number(END)]])
        logits = reader.logits(reader(tokens, torch.ones_like(tokens, dtype=torch.bool)))
        words = logits.log_softmax(dim=-1)[torch.arange(tokens.shape[1] - 1), tokens[0, 1:]]
        assert float(words[len(prompt) - 1 :].sum()) == pytest.approx(score, abs=1e-4)


def test_padding_on_the_right_and_later_words_change_nothing(reader: Reader) -> None:
    tokens = torch.randint(5, 40, (2, 12), generator=torch.Generator().manual_seed(0))
    every = torch.ones_like(tokens, dtype=torch.bool)
    changed = tokens.clone()
    changed[:, 8:] = 0
    first, second = (reader(one, every).view(2, 12, -1)[:, :8] for one in (tokens, changed))
    torch.testing.assert_close(first, second)


def test_features_of_wanted_words_are_those_among_all(reader: Reader) -> None:
    tokens = torch.randint(5, 40, (3, 9), generator=torch.Generator().manual_seed(1))
    wanted = tokens % 3 == 0
    every = reader(tokens, torch.ones_like(wanted)).view(3, 9, -1)
    torch.testing.assert_close(reader(tokens, wanted), every[wanted])


@torch.inference_mode()
def test_memories_side_by_side_hold_nothing_of_the_padding(reader: Reader) -> None:
    generator = torch.Generator().manual_seed(4)
    tokens = torch.randint(5, 40, (4, 16), generator=generator)
    more = torch.randint(5, 40, (4, 3), generator=generator)
    lengths, trunk = torch.tensor([16, 1, 7, 2]), torch.zeros(4, 3, dtype=torch.int64)
    together = reader.remember(tokens, lengths)
    joined = Memory.of(together.rows())
    features, _ = reader.go_on(together, more, trunk, trunk == 0)
    torch.testing.assert_close(reader.go_on(joined, more, trunk, trunk == 0)[0], features)
    for row, length in enumerate(lengths):
        alone = reader.remember(tokens[row : row + 1, :length], lengths[row : row + 1])
        for found, expected in zip(together.rows()[row], alone.rows()[0], strict=True):
            torch.testing.assert_close(found, expected)
        words = [*tokens[row, :length], *more[row]]
        torch.testing.assert_close(features[3 * row : 3 * row + 3], every_feature(reader, words)[length:])


def test_scores_do_not_depend_on_the_batch(reader: Reader, items: Items) -> None:
    """Questions and what follows them, of very different lengths, in one batch and each by itself."""
    rows = [item for number, item in enumerate(items.rows) if number % 5 == 0][:12]
    texts = [
        f"{PROMPTS.alone(item, (2, 0, 1))[0].text}{' and then' * (7 * number % 23)}{NEXT * (number % 4)}"
        for number, item in enumerate(rows)
    ]
    assert len({len(text) for text in texts}) > 8
    together, apart = EmbeddedModel(reader, "small", batch=64), EmbeddedModel(reader, "small", batch=1)
    for model in (together, apart):
        list(model.replies(enumerate([[Message("user", text)] for text in texts]), Sampling()))
    for text in texts:
        assert together._known[text].scores == pytest.approx(apart._known[text].scores, abs=1e-4)
        prompt = [*reader.vocabulary.encode(text), reader.vocabulary.number(ANSWER)]
        for option, score in zip(together._known[text].options, together._known[text].scores, strict=True):
            words = [*prompt, *reader.vocabulary.encode(option), reader.vocabulary.number(END)]
            with torch.inference_mode():
                chances = reader.logits(every_feature(reader, [*torch.tensor(words)])).log_softmax(dim=-1)
            by_hand = chances[torch.arange(len(words) - 1), torch.tensor(words[1:])][len(prompt) - 1 :].sum()
            assert float(by_hand) == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_replies_do_not_depend_on_the_batch(reader: Reader, items: Items, free: bool, temperature: float) -> None:
    sampling = Sampling(temperature, max_tokens=6, seed=3)
    one_by_one = replies(EmbeddedModel(reader, "small", free, batch=1), items, sampling)
    assert replies(EmbeddedModel(reader, "small", free, batch=7), items, sampling) == one_by_one


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_what_was_learnt_shows_in_whatever_order_options_stand(reader: Reader, items: Items, order: Order) -> None:
    asked = [PROMPTS.alone(item, order) for item in items.rows]
    found = dict(EmbeddedModel(reader, "small").replies(enumerate(asked), Sampling()))
    unknown = [getattr(found[place], "text", "") == "Not known" for place in range(len(items))]
    assert np.mean(np.array(unknown) == items.ambiguous) > 0.9


def test_samples_follow_the_likelihoods_and_differ_by_seed(reader: Reader, items: Items) -> None:
    model = EmbeddedModel(reader, "small")
    one = items.only([0])
    drawn = [replies(model, one, Sampling(2.0, seed=seed))[0].text for seed in range(200)]
    (known,) = model._known.values()
    chances = torch.softmax(torch.tensor(known.scores) / 2.0, dim=0).tolist()
    for option, chance in zip(known.options, chances, strict=True):
        assert abs(drawn.count(option) / 200 - chance) < 0.12


@torch.inference_mode()
def test_words_on_branches_have_the_features_of_reading_each_branch_by_itself(reader: Reader) -> None:
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(4, len(reader.vocabulary), (3, 14), generator=generator)
    lengths = torch.tensor([14, 2, 9])
    more = torch.randint(4, len(reader.vocabulary), (3, 7), generator=generator)
    branches = torch.tensor([[0, 0, 1, 1, 2, 2, 2], [0, 1, 2, 2, 2, -1, -1], [0, 0, 0, 0, 0, 1, 3]])
    memory = reader.remember(tokens, lengths)
    features, kept = reader.go_on(memory, more, branches, branches >= 0)
    found = iter(features)
    for row, length in enumerate(lengths):
        trunk = [*tokens[row, :length], *more[row, branches[row] == 0]]
        for branch in dict.fromkeys(branches[row][branches[row] >= 0].tolist()):
            own = [] if branch == 0 else [*more[row, branches[row] == branch]]
            before = length if branch == 0 else len(trunk)
            for expected in every_feature(reader, [*trunk, *own])[before:]:
                torch.testing.assert_close(next(found), expected)
    grown = Memory.of(memory.grown(kept, (branches == 0).sum(dim=1)).rows())
    last, _ = reader.go_on(grown, more[:, :1], torch.zeros(3, 1, dtype=torch.int64), torch.ones(3, 1).bool())
    for row, length in enumerate(lengths):
        words = [*tokens[row, :length], *more[row, branches[row] == 0], more[row, 0]]
        torch.testing.assert_close(last[row], every_feature(reader, words)[-1])


def every_feature(reader: Reader, words: list[Tensor]) -> Tensor:
    tokens = torch.stack(words)[None]
    return reader(tokens, torch.ones_like(tokens, dtype=torch.bool))


def test_gradients_written_out_are_those_of_small_differences() -> None:
    torch.manual_seed(0)
    x, weight = (torch.randn(2, 5, 4, dtype=torch.float64), torch.randn(4, 4, dtype=torch.float64))
    assert torch.autograd.gradcheck(causal_convolution, (x.requires_grad_(), weight.requires_grad_()))
    assert torch.autograd.gradcheck(causal_convolution, (x[:, :2].detach().requires_grad_(), weight))
    heads = torch.randn(2, 5, 3, 2, 4, dtype=torch.float64, requires_grad=True)
    rotation = rotation_at(torch.arange(5), 4, torch.float64)
    for turned in (1, 2):
        assert torch.autograd.gradcheck(lambda part, turned=turned: rotated(part, rotation, turned), (heads,))


@pytest.mark.parametrize("free", [False, True])
def test_forgotten_questions_are_read_again(reader: Reader, items: Items, free: bool) -> None:
    few = EmbeddedModel(reader, "small", free, batch=4, kept_words=30)
    assert replies(few, items, Sampling(max_tokens=6)) == replies(
        EmbeddedModel(reader, "small", free), items, Sampling(max_tokens=6)
    )
    assert sum(one.length for one in few._remembered._known.values()) <= 30


def test_a_text_is_its_question_and_what_follows() -> None:
    question = "[options] a | b\n[context] c\n[question] d?"
    assert question_and_rest(question) == (question, "")
    assert question_and_rest(f"{question}\n[own] a\n[peer] b") == (question, "\n[own] a\n[peer] b")
    assert question_and_rest("Who are you?\n[own] a") == ("Who are you?\n[own] a", "")


def test_a_free_reply_to_words_that_are_all_marks(reader: Reader) -> None:
    (reply,) = Client(EmbeddedModel(reader, "small", free=True)).generate([[Message("user", "?!")]], Sampling())
    assert isinstance(reply, Reply)
    assert reply.prompt_tokens == 1


def test_a_free_reply_ends_by_itself_or_is_cut_off(reader: Reader, items: Items) -> None:
    ended = replies(EmbeddedModel(reader, "small", free=True), items, Sampling(max_tokens=8))
    assert any(reply.finish_reason == "stop" and reply.completion_tokens < 8 for reply in ended)
    cut = replies(EmbeddedModel(reader, "small", free=True), items, Sampling(max_tokens=1))
    assert {reply.finish_reason for reply in cut} == {"length"}


def test_a_conversation_without_options_is_a_failure(reader: Reader) -> None:
    (reply,) = Client(EmbeddedModel(reader, "small")).generate([[Message("user", "Who are you?")]], Sampling())
    assert isinstance(reply, Failure)
    assert "NoOptions" in reply.error


def test_a_reader_is_kept_as_a_folder_and_its_identity_is_its_weights(
    reader: Reader, items: Items, tmp_path: Path
) -> None:
    folder = reader.save_pretrained(tmp_path / "reader")
    again = EmbeddedModel.load(folder, "small")
    assert again.identity() == EmbeddedModel(reader, "small").identity()
    assert replies(again, items, Sampling()) == replies(EmbeddedModel(reader, "small"), items, Sampling())
    with torch.no_grad():
        again.reader.norm.bias[0] += 1
    assert EmbeddedModel(again.reader, "small").identity() != EmbeddedModel(reader, "small").identity()


@torch.inference_mode()
def test_the_loss_is_of_the_answers_alone(reader: Reader) -> None:
    rows = [Encoded([7, 8, 9, 3, 10, 11, 2], 3), Encoded([7, 8, 3, 10, 2], 2)]
    tokens, lengths, answers = collate(rows)
    every = reader.logits(reader(tokens, torch.ones_like(tokens, dtype=torch.bool))).view(2, 7, -1).log_softmax(dim=-1)
    by_hand = [every[0, 3, 10], every[0, 4, 11], every[0, 5, 2], every[1, 2, 10], every[1, 3, 2]]
    assert float(answer_loss(reader, tokens, lengths, answers)) == pytest.approx(-float(sum(by_hand)) / 5, rel=1e-5)


def test_batches_of_like_length_hold_every_example_once() -> None:
    examples = [Encoded([5] * length, 1) for length in np.random.default_rng(0).integers(2, 30, 96)]
    batches = batches_of_like_length(examples, 8, np.random.default_rng(0))
    assert sorted(map(id, examples)) == sorted(id(row) for batch in batches for row in batch)
    padding = sum(collate(batch)[0].numel() for batch in batches)
    plain = sum(collate(examples[start : start + 8])[0].numel() for start in range(0, 96, 8))
    assert padding < 0.8 * plain


def test_sizes_that_do_not_fit_are_errors() -> None:
    with pytest.raises(InvalidConfig, match="even"):
        ReaderConfig(("[padding]", "[unknown word]", "[end]", "[answer]", "a"), width=12, heads=4)
    with pytest.raises(InvalidConfig, match="no depth"):
        ReaderConfig.from_dict({"words": [], "depth": 2})
