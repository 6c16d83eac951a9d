"""Data of the hub: what is read from folders in its format, and what is refused by name."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tenfold.ntk_attention.errors import (
    EmptySplit,
    HubDataUnavailable,
    LabelOutOfRange,
    MissingColumn,
    UndecodablePicture,
    UnknownConfiguration,
    UnknownSplit,
    UnknownTask,
)
from tenfold.ntk_attention.hub_data import EXPORTED, load_split, resolved
from tenfold.ntk_attention.hub_pictures import HubPictures, Reading, middle, picture_splits, random_crop
from tenfold.ntk_attention.hub_texts import TASKS, encode_items, task_split, text_tokens
from tenfold.ntk_attention.text_tasks import TextItems
from tenfold.ntk_attention.word_problems import (
    NOT_COUNTED,
    Problems,
    encode_problems,
    final_number,
    problems_to_test,
    share_right,
    solve,
    training_problems,
)
from tests.tenfold.ntk_attention import hub_folders

READING = Reading(8, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = hub_folders.tiny_decoder(tmp_path_factory.mktemp("decoder"))
    return AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)


def test_a_split_says_what_it_was_and_what_is_wrong_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = hub_folders.sentences(4, "premise")
    tables = {"one": {"train": table, "test": hub_folders.sentences(0, "premise")}, "two": {"train": table}}
    folder = str(hub_folders.write_repository(tmp_path / "set", tables))
    found = load_split(folder, "train", columns=("premise", "label"), configuration="one")
    assert found.column("premise") == table["premise"] and found.labels("label").tolist() == [0, 1, 0, 1]
    record = found.origin.record()
    assert record["rows"] == 4 and record["configuration"] == "one" and record["commit"].startswith("sha256:")
    with pytest.raises(LabelOutOfRange, match="in row 0, no class number"):
        found.labels("premise")
    with pytest.raises(MissingColumn, match="premise, label, without hypothesis; name a data set"):
        load_split(folder, "train", columns=("premise", "hypothesis"), configuration="one")
    for configuration in ("three", None):
        with pytest.raises(UnknownConfiguration, match=r"(?s)one.*two"):
            load_split(folder, "train", columns=(), configuration=configuration)
    with pytest.raises(UnknownSplit, match="no split 'validation'"):
        load_split(folder, "validation", columns=(), configuration="one")
    with pytest.raises(EmptySplit, match="has no rows; name another"):
        load_split(folder, "test", columns=(), configuration="one")
    with pytest.raises(HubDataUnavailable, match="give the folder of a copy"):
        (tmp_path / "nothing").mkdir()
        load_split(str(tmp_path / "nothing"), "train", columns=())
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(HubDataUnavailable, match=r"pip install -c constraints.txt '\.\[hub\]'"):
        load_split(folder, "train", columns=())


def test_the_digest_of_a_folder_is_of_names_and_contents(tmp_path: Path) -> None:
    def digest() -> str:
        resolved.cache_clear()
        return resolved(str(tmp_path), "main")

    (tmp_path / "a").write_text("1")
    first = digest()
    (tmp_path / "a").write_text("2")
    second = digest()
    (tmp_path / "a").rename(tmp_path / "b")
    assert len({first, second, digest()}) == 3


def test_of_the_hub_the_commit_is_asked_for_and_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets
    import huggingface_hub
    from huggingface_hub.errors import OfflineModeIsEnabled

    asked: list[Any] = []

    def dataset_info(self: Any, source: str, *, revision: str) -> Any:
        if source == "someone/offline":
            raise OfflineModeIsEnabled("no network")
        return SimpleNamespace(sha="c0ffee")

    def load_dataset(source: str, **options: Any) -> Any:
        asked.append(options)
        if source == "someone/script":
            raise RuntimeError("Dataset scripts are no longer supported, but found script.py")
        return datasets.Dataset.from_dict({"text": ["a"]})

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", dataset_info)
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    found = load_split("someone/some", "train", columns=("text",), configuration="one", revision="main")
    assert found.origin.commit == "c0ffee" and found.origin.revision == "main"
    assert asked == [{"split": "train", "name": "one", "revision": "c0ffee"}]
    load_split("someone/some", "train", columns=("text",), configuration="one", revision=EXPORTED)
    assert asked[-1] == {"split": "train", "data_dir": "one", "revision": "c0ffee"}
    with pytest.raises(HubDataUnavailable, match=f"never run; set its revision to {EXPORTED}"):
        load_split("someone/script", "train", columns=())
    with pytest.raises(HubDataUnavailable, match="someone/offline at main is neither a folder nor"):
        load_split("someone/offline", "train", columns=())


def test_the_hubs_export_has_a_folder_a_configuration(tmp_path: Path) -> None:
    hub_folders.write_repository(
        tmp_path / "set", {"one": {"train": {"text": ["a"]}}, "two": {"train": {"text": ["b"]}}}
    )
    (tmp_path / "set" / "README.md").unlink()
    for configuration, text in (("one", "a"), ("two", "b")):
        found = load_split(
            str(tmp_path / "set"), "train", columns=("text",), configuration=configuration, revision=EXPORTED
        )
        assert found.column("text") == [text]


def test_pictures_are_decoded_as_they_are_asked_for(tmp_path: Path) -> None:
    train, test, columns = picture_splits(str(hub_folders.pictures(tmp_path / "cifar100")), "main")
    assert len(train) == 24 and len(test) == 9 and train.classes("fine_label") == 3
    pictures = HubPictures(train, columns, [5, 0, 1], READING)
    batch, labels = pictures[:2]
    assert batch.shape == (2, 3, 8, 8) and labels.tolist() == [2, 0] and len(pictures) == 3
    one, label = pictures[1]
    assert torch.equal(one, batch[1]) and int(label) == 0
    assert float(batch.min()) >= -1 and float(batch[0].mean()) > float(batch[1].mean())
    assert len(pictures.first(2)) == 2
    seen = pictures.seen_again(4, seed=0)
    assert len(seen) == 12 and torch.equal(seen[7][0], seen[7][0]) and int(seen[7][1]) == int(pictures[1][1])
    assert not torch.equal(seen[1][0], seen[4][0]) and not torch.equal(seen[1][0], pictures.seen_again(4, 1)[1][0])


def test_pictures_that_cannot_serve_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownTask, match="known are cifar100, food101, tiny-imagenet"):
        picture_splits("someone/flowers", "main")
    broken = [{"bytes": hub_folders.png(0), "path": None}] * 23 + [{"bytes": b"no picture", "path": None}]
    train, _, columns = picture_splits(str(hub_folders.pictures(tmp_path / "a" / "cifar100", img=broken)), "main")
    with pytest.raises(UndecodablePicture, match=r"train, row 23: 10 bytes .* bring the data set again"):
        HubPictures(train, columns, range(24), READING)[:]
    train, _, columns = picture_splits(
        str(hub_folders.pictures(tmp_path / "b" / "cifar100", fine_label=[-1] * 24)), "main"
    )
    with pytest.raises(LabelOutOfRange, match=r"is -1 in row 0, of 0 … 2; 24 rows"):
        HubPictures(train, columns, range(24), READING)


def test_random_crops_are_within_the_picture_and_of_all_sizes() -> None:
    from PIL import Image

    across = np.broadcast_to(np.arange(200, dtype=np.uint8)[None, :, None], (120, 200, 3))
    picture, generator = Image.fromarray(np.ascontiguousarray(across)), np.random.default_rng(0)
    crops = [np.asarray(random_crop(picture, 16, generator))[8, :, 0].astype(int) for _ in range(300)]
    widths = np.array([abs(crop[-1] - crop[0]) for crop in crops])
    assert widths.min() < 50 and widths.max() > 140
    mirrored = np.mean([crop[0] > crop[-1] for crop in crops])
    assert 0.4 < mirrored < 0.6
    assert random_crop(Image.new("RGB", (400, 3)), 16, generator).size == (16, 16)  # no shape that is allowed fits
    assert np.asarray(middle(picture, 60))[30, :, 0].mean() == pytest.approx(99.5, abs=1)


@pytest.mark.parametrize("task", sorted(TASKS))
def test_every_task_is_read_and_encoded(task: str, tmp_path: Path, decoder: tuple[Any, Any]) -> None:
    columns, _ = TASKS[task]
    table = hub_folders.sentences(6, *columns)
    if task == "copa":
        table["question"] = ["cause", "effect"] * 3
    hidden = table | {"label": [-1] * 6}
    folder = hub_folders.write_repository(tmp_path / "super_glue", {task: {"train": table, "test": hidden}})
    split, items, classes = task_split(str(folder), task, "train", "main")
    assert len(split) == 6 and classes == 2 and items.choices == (2 if task == "copa" else 1)
    for row, texts in enumerate(items.texts):
        shown = " ".join(part for pair in texts for part in pair if part)
        rest = [name for name in columns if (task, name) != ("copa", "question")]
        assert all(table[name][row].rstrip(".") in shown for name in rest)
    ids, mask = encode_items(items, decoder[1], max_tokens=16)
    assert ids.shape == mask.shape == (6, items.choices, 16) and (np.diff(mask, axis=-1) <= 0).all()
    with pytest.raises(LabelOutOfRange, match="Take a split whose labels are public"):
        task_split(str(folder), task, "test", "main")


def test_what_is_too_long_is_cut_in_the_longer_text(decoder: tuple[Any, Any]) -> None:
    items = TextItems(((("a" * 50, "bcd"),), (("a", "b"),)), np.array([0, 1]))
    ids, mask = encode_items(items, decoder[1], max_tokens=10)
    assert decoder[1].decode(ids[0, 0]) == "aaaaaa\nbcd" and mask.sum(axis=-1).ravel().tolist() == [10, 3]


def test_unknown_tasks_are_refused_before_anything_is_loaded() -> None:
    with pytest.raises(UnknownTask, match="no task 'record' that is known; known are boolq"):
        task_split("aps/super_glue", "record", "train", "main")


def test_texts_are_encoded_as_far_as_is_wanted(tmp_path: Path, decoder: tuple[Any, Any]) -> None:
    folder = str(hub_folders.text(tmp_path / "wikitext"))
    split, tokens = text_tokens(folder, "train", decoder[1], wanted=20)
    assert len(tokens) == 20 and split.origin.configuration == "wikitext-103-raw-v1"
    assert decoder[1].decode(tokens) == "".join(split.column("text"))[:20]
    _, every = text_tokens(folder, "train", decoder[1], wanted=10**6)
    assert len(every) == len("".join(split.column("text")))
    empty = hub_folders.write_repository(tmp_path / "empty", {"wikitext-103-raw-v1": {"train": {"text": ["", ""]}}})
    with pytest.raises(EmptySplit, match="holds no text"):
        text_tokens(str(empty), "train", decoder[1], wanted=5)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("so\n#### 72", 72),
        ("#### 1,234", 1234),
        ("The answer is: $18.00", 18),
        ("The answer is: \\$5.50.", "5.5"),
        ("#### -3", -3),
        ("#### 1\nThe answer is: 2", 2),
        ("The answer is: 18 dollars", 18),
        ("####.5", ".5"),
        ("The answer is: 13/4", None),
        ("The answer is: 3.14/2", None),
        ("The answer is: 2\\sqrt{3}", None),
        ("The answer is: x", None),
        ("72", None),
        ("", None),
    ],
)
def test_the_final_number(text: str, number: Any) -> None:
    assert final_number(text) == (None if number is None else Decimal(number))


def test_problems_that_validate_are_other_questions_than_those_to_train_on(tmp_path: Path) -> None:
    folder = str(hub_folders.problems(tmp_path / "MetaMathQA"))
    split, train, kept = training_problems(folder, wanted=100, validation=2, generator=np.random.default_rng(0))
    original = dict(zip(split.column("query"), split.column("original_question"), strict=True))
    assert len(train) == 8 and len(kept) == 2  # two questions in two ways each are away
    assert not {original[q] for q in train.questions} & {original[q] for q in kept.questions}
    _, few, _ = training_problems(folder, wanted=3, validation=2, generator=np.random.default_rng(0))
    assert few.questions == train.questions[:3]
    with pytest.raises(EmptySplit, match="lower the number for validation"):
        training_problems(folder, wanted=3, validation=6, generator=np.random.default_rng(0))


def test_problems_are_tested_by_their_numbers(tmp_path: Path) -> None:
    _, problems = problems_to_test(str(hub_folders.problems_to_test(tmp_path / "gsm8k")), wanted=3)
    assert problems.numbers == [1000, 1001, 1002]
    given = ["#### 1000", "The answer is: 1,001.00", "1002"]
    assert share_right(given, problems).tolist() == [True, True, False]
    folder = hub_folders.problems_to_test(tmp_path / "other", answer="so {} is {}")
    with pytest.raises(EmptySplit, match="row 0 has no number after ####"):
        problems_to_test(str(folder), wanted=None)


def test_the_answer_alone_is_learnt(decoder: tuple[Any, Any]) -> None:
    problems = Problems(("what?", "x" * 90, "who?"), ("####1", "####2", "####33"))
    ids, targets = encode_problems(problems, decoder[1], max_tokens=60)
    assert len(ids) == 2  # the long one is left out
    first = ids[0][targets[0] != NOT_COUNTED]
    assert decoder[1].decode(first[:-1]) == " ####1" and first[-1] == decoder[1].eos_token_id
    assert decoder[1].decode(ids[1][: (targets[1] == NOT_COUNTED).argmin()]) == "Question: who?\nAnswer:"
    with pytest.raises(EmptySplit, match="raise max_tokens"):
        encode_problems(problems, decoder[1], max_tokens=5)


def test_answers_do_not_depend_on_who_is_asked_beside(decoder: tuple[Any, Any]) -> None:
    questions = ["ab", "what is 1?", "c"]
    together = solve(*decoder, questions, new_tokens=6, size=3)
    assert together == solve(*decoder, questions, new_tokens=6, size=1) and len(together) == 3
