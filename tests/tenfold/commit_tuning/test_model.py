"""The small model: answers alone are learned, groups are disjoint and complete, and a folder brings it back whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tenfold.commit_tuning import (
    InvalidComponents,
    InvalidMedia,
    MultimodalModel,
    QuestionEncoder,
    SmallModel,
    SmallModelConfig,
    accuracy_by_kind,
    answers,
    ask,
    exact_matches,
    known_components,
    parameters_by_component,
    word_tokenizer,
    words_of,
)
from tenfold.commit_tuning.question_errors import InvalidModelParts
from tenfold.commit_tuning.questions import CIFAR10, ESC10, SUBJECTS, Question
from tenfold.language.errors import EmptyAnswer
from tenfold.models import load
from tenfold.multimodal import PlaceholderMismatch
from tenfold.multimodal.labels import IGNORED
from tenfold.nn.errors import InvalidConfig
from tenfold.nn.pretrained import weights_sha256
from tests.tenfold.commit_tuning.question_samples import noise, small_model

ASKED = ask(CIFAR10, ["a", "b"], np.array([3, 0]), seed=0)


def test_a_prompt_has_a_placeholder_per_token_and_labels_are_the_answers_alone():
    model, encode = small_model()
    batch = encode.batch(ASKED, noise(6))
    assert model.media_tokens == 4 and (batch["input_ids"] == encode.media_token_id).sum(dim=1).tolist() == [4] * 6
    for row, one in enumerate(ASKED):
        counted = batch["labels"][row][batch["labels"][row] != IGNORED]
        assert encode.tokenizer.decode(counted) == f"{one.answer} <end>"
        words = encode.tokenizer.decode(batch["input_ids"][row][batch["attention_mask"][row].bool()])
        assert words == f"{'<media> ' * 4}{one.question} <answer> {one.answer} <end>"
    out = model(**batch)
    assert out.logits.shape == (6, batch["input_ids"].shape[1], len(encode.tokenizer)) and torch.isfinite(out.loss)


def test_the_loss_is_the_mean_over_tokens_of_answers():
    model, encode = small_model()
    batch = encode.batch(ASKED, noise(6))
    logits = model(**batch).logits.double().log_softmax(dim=-1)
    found = []
    for row in range(6):
        for place in range(1, batch["labels"].shape[1]):
            if (label := int(batch["labels"][row, place])) != IGNORED:
                found.append(-logits[row, place - 1, label])
    assert torch.isclose(model(**batch).loss.double(), torch.stack(found).mean(), atol=1e-5)


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_no_word_of_a_subject_is_unknown_to_its_tokenizer(subject):
    tokenizer = word_tokenizer(words_of([subject]))
    for one in ask(subject, [f"i{place}" for place in range(100)], np.arange(100) % 10, seed=0):
        assert tokenizer.unk_token_id not in tokenizer(f"{one.question} {one.answer}")["input_ids"], one


def test_an_empty_answer_is_named():
    model, encode = small_model()
    with pytest.raises(EmptyAnswer, match=r"q7.*no token"):
        encode.batch([Question("q7", "a", "name", "what is it ?", " ")], noise(1))
    batch = encode.batch(ASKED, noise(6))
    batch["labels"][4] = IGNORED
    with pytest.raises(EmptyAnswer, match="row 4"):
        model(**batch)


def test_items_and_placeholders_must_fit():
    model, encode = small_model()
    batch = encode.batch(ASKED, noise(6))
    with pytest.raises(InvalidMedia, match="5 items for 6 rows"):
        model(**(batch | {"media": noise(5)}))
    with pytest.raises(PlaceholderMismatch, match="24 item placeholders for 0"):
        model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
    with pytest.raises(ValueError, match="5 items for 6 questions"):
        encode.batch(ASKED, noise(5))
    with pytest.raises(PlaceholderMismatch, match="2 placeholders for 1"):
        encode.prompt("is it <media> ?")
    wrong = QuestionEncoder(encode.tokenizer, media_tokens=3).batch(ASKED, noise(6))
    with pytest.raises(PlaceholderMismatch, match="18 item placeholders for 24"):
        model(**wrong)


def test_a_placeholder_is_never_said():
    model, encode = small_model()
    batch = encode.batch(ASKED[:1], noise(1))
    logits = torch.zeros(*batch["labels"].shape, len(encode.tokenizer))
    logits[..., encode.media_token_id] = 2.0
    place = torch.arange(batch["labels"].shape[1] - 1)
    logits[0, place, batch["labels"][0, 1:].clamp(min=0)] = 1.0
    assert not exact_matches(logits, batch["labels"]).item()
    assert exact_matches(logits, batch["labels"], never=encode.media_token_id).item()
    with torch.no_grad():  # the placeholder's own output is the largest
        model.language_model.model.norm.weight.fill_(1.0)
        model.language_model.lm_head.weight[encode.media_token_id] *= 100
    assert "<media>" not in answers(model.eval(), encode, ["what is it ?"], noise(1))[0]


def test_no_row_depends_on_its_neighbours_or_on_padding():
    model, encode = small_model()
    model.eval()
    media = noise(6)
    whole = model(**encode.batch(ASKED, media)).logits
    for row, one in enumerate(ASKED):
        alone = model(**encode.batch([one], media[row : row + 1])).logits[0]
        assert torch.allclose(whole[row, : len(alone)], alone, atol=1e-5)


def greedy(model: MultimodalModel, encode: QuestionEncoder, one: Question, media: torch.Tensor) -> str:
    tokens = encode.prompt(one.question)
    start = len(tokens)
    for _ in range(6):
        logits = model(torch.tensor([tokens]), media=media).logits[0, -1]
        logits[encode.media_token_id] = float("-inf")
        tokens.append(int(logits.argmax()))
        if tokens[-1] == encode.tokenizer.eos_token_id:
            break
    return encode.tokenizer.decode(tokens[start:])


def test_one_forward_says_what_greedy_decoding_says():
    model, encode = small_model(subjects=("esc10",))
    questions = ask(ESC10, [f"i{place}" for place in range(12)], np.arange(12) % 10, seed=0)
    media = noise(len(questions))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    batch = encode.batch(questions, media)
    for _ in range(40):
        optimiser.zero_grad()
        out = model(**batch)
        out.loss.backward()
        optimiser.step()
        if int(exact_matches(out.logits, batch["labels"]).sum()) >= 6:
            break  # some of them are learned, some are not
    model.eval()
    with torch.inference_mode():
        right = exact_matches(model(**batch).logits, batch["labels"], never=encode.media_token_id)
        replies = [greedy(model, encode, one, media[row : row + 1]) for row, one in enumerate(questions)]
        together = answers(model, encode, [one.question for one in questions], media)
    assert together == [reply.removesuffix("<end>").strip() for reply in replies]
    assert right.tolist() == [reply == f"{one.answer} <end>" for reply, one in zip(replies, questions, strict=True)]
    assert 0 < int(right.sum()) < len(questions)
    by_kind = accuracy_by_kind(questions, right.tolist())
    assert set(by_kind) == {"name", "property", "class"}
    assert sum(by_kind.values()) == pytest.approx(right.float().mean().item() * 3)


@pytest.mark.parametrize("projector", ["encoder", "llm", "own"])
def test_groups_are_disjoint_complete_and_by_module_path(projector):
    model, _ = small_model()
    groups = parameters_by_component(model, known_components(model, projector_group=projector))
    assert set(groups) == ({"encoder", "llm", "projector"} if projector == "own" else {"encoder", "llm"})
    names = [name for group in groups.values() for name in group]
    assert sorted(names) == sorted(name for name, _ in model.named_parameters()) and len(set(names)) == len(names)
    assert all(name.startswith("language_model.") for name in groups["llm"] if not name.startswith("projector."))
    assert ("projector.weight" in groups["encoder"]) == (projector == "encoder")
    owners: dict[int, str] = {}
    for group, parameters in groups.items():  # no tensor is in two groups, tied ones neither
        for one in parameters.values():
            assert owners.setdefault(one.data_ptr(), group) == group
    with pytest.raises(InvalidComponents, match="projector_group"):
        known_components(model, projector_group="both")  # type: ignore[arg-type]


def test_gradients_reach_every_parameter_of_both_groups():
    model, encode = small_model()
    model(**encode.batch(ASKED, noise(6))).loss.backward()
    assert [name for name, one in model.named_parameters() if one.grad is None or not one.grad.any()] == []


def test_one_seed_starts_every_method_alike():
    first, again, other = (small_model(seed=seed)[0] for seed in (3, 3, 4))
    assert weights_sha256(first) == weights_sha256(again) != weights_sha256(other)


def test_a_folder_brings_the_model_back(tmp_path):
    model, encode = small_model()
    batch = encode.batch(ASKED, noise(6))
    model.eval().save_pretrained(tmp_path / "model")
    loaded = SmallModel.from_pretrained(tmp_path / "model")
    assert loaded.config == model.config and torch.equal(loaded(**batch).logits, model(**batch).logits)
    names = load(tmp_path / "model").predict(batch["media"].numpy())
    assert names.tolist() == answers(model, encode, ["what is it ?"] * 6, batch["media"])
    assert loaded.language_model.lm_head.weight is loaded.language_model.model.embed_tokens.weight
    assert sorted(path.suffix for path in (tmp_path / "model").iterdir()).count(".bin") == 0


def test_the_specified_sizes():
    words = words_of([CIFAR10])
    model = SmallModel(SmallModelConfig(words))
    decoder = model.language_model.config
    assert len(model.encoder.stages) == 3 and model.media_tokens == 4
    assert all(isinstance(stage[1], torch.nn.GroupNorm) for stage in model.encoder.stages)
    assert (decoder.num_hidden_layers, decoder.hidden_size) == (2, 64)
    with pytest.raises(InvalidConfig, match="3 heads"):
        SmallModelConfig(words, heads=3).decoder()
    with pytest.raises(InvalidConfig, match="no depth"):
        SmallModelConfig.from_dict({"depth": 3})


def test_a_tokenizer_without_a_place_for_the_item_is_refused():
    tokenizer = word_tokenizer(words_of([CIFAR10]))
    tokenizer.chat_template = None
    with pytest.raises(InvalidModelParts, match="no chat template"):
        QuestionEncoder(tokenizer, 4)
    other = word_tokenizer(words_of([CIFAR10]))
    other.convert_tokens_to_ids = lambda token: None
    with pytest.raises(InvalidModelParts, match="no token <media>"):
        QuestionEncoder(other, 4)
