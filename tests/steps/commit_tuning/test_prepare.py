"""Parts of every task share nothing; what is written is what training reads."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from steps.commit_tuning.prepare import prepare
from steps.commit_tuning.runs import InvalidRuns, TuningRun, read_runs, trace_path, write_runs
from steps.commit_tuning.scores import of_trace, score, updates_to
from steps.commit_tuning.seeding import first_batches, order_of
from steps.commit_tuning.tasks import TASKS, UnknownTask, encoded, read_part, task_named, tasks_of
from steps.step.json_files import read_json
from tenfold.commit_tuning.item_parts import PARTS
from tenfold.commit_tuning.questions import Question, blind_loss
from tests.steps.commit_tuning.small import made, prepare_params, write_sources
from tests.tenfold.commit_tuning.question_samples import small_model


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("data")
    out, run = made(folder, "prepare", None)
    tasks = [name for name in TASKS if name != "esc10"]  # whose made-up clips have two classes
    prepare(**write_sources(folder / "sources"), out=out, params=prepare_params(*tasks), run=run)
    return out


def test_no_item_of_the_probe_validation_or_test_is_trained_on(prepared):
    for name in read_json(prepared / "tasks.json"):
        items = {part: {one.item for one in read_part(prepared, TASKS[name], part).questions} for part in PARTS}
        assert all(items.values())
        assert sum(map(len, items.values())) == len(set().union(*items.values()))


def test_the_held_out_speaker_is_heard_in_the_test_alone(prepared):
    for part in PARTS:
        asked = read_part(prepared, TASKS["fsdd_speakers"], part).questions
        assert {one.item.split("_")[1] == "ann" for one in asked} == {part == "test"}


def test_media_and_labels_stand_where_their_questions_say(prepared):
    for name, channels in (("cifar10", 3), ("fsdd", 1)):
        part = read_part(prepared, TASKS[name], "train")
        with np.load(prepared / name / "train" / "items.npz") as kept:
            names, labels = kept["names"].tolist(), kept["labels"]
        assert part.media.shape[1] == channels and len(part.media) == len(names)
        for one, place in zip(part.questions, part.items.tolist(), strict=True):
            assert names[place] == one.item
            if one.kind == "name":
                assert one.answer == TASKS[name].subject.classes[labels[place]]


def test_padding_after_the_answer_changes_no_answer(prepared):
    part = read_part(prepared, TASKS["cifar10"], "test")
    model, encode = small_model()
    model.eval()
    whole = encoded(part, encode)
    batch = whole.batch(range(12))
    asked = part.questions[:12]
    masked = encode.batch(asked, part.media[part.items[:12]])
    with torch.no_grad():
        ours = model(input_ids=batch["input_ids"], media=batch["media"]).logits
        theirs = model(**masked).logits
    counted = masked["labels"] != -100
    length = masked["labels"].shape[1]
    assert torch.equal(batch["labels"][:, :length], masked["labels"])
    assert torch.allclose(ours[:, :length][counted], theirs[counted], atol=1e-5)
    with torch.no_grad():
        theirs_loss = model(**encode.batch(part.questions, part.media[part.items])).loss
    assert score(model, whole, never=encode.media_token_id).loss == pytest.approx(float(theirs_loss), rel=1e-4)


def test_order_goes_on_where_a_shorter_one_ends():
    short, long = order_of(50, 8, 10, seed=3), order_of(50, 8, 20, seed=3)
    assert long[:10] == short and sorted(place for one in long for place in one)[:3] == [0, 0, 0]
    flat = [place for one in long for place in one]
    assert sorted(flat[:50]) == list(range(50))
    ids = [str(place) for place in range(50)]
    assert first_batches(short, ids) == first_batches(long, ids) != first_batches(order_of(50, 8, 10, seed=4), ids)


def test_unknown_tasks_are_refused_by_name(prepared):
    with pytest.raises(UnknownTask, match="no task is called 'cifar100'"):
        task_named("cifar100")
    with pytest.raises(UnknownTask, match="no task of video"):
        tasks_of(prepared, "video")
    assert [task.name for task in tasks_of(prepared, "audio")] == ["fsdd", "fsdd_speakers"]


def row(**changes) -> dict:
    values = {
        "update": 1,
        "loss": 1.0,
        "log_kappa": None,
        "ema": 0.0,
        "K_X": None,
        "K_S": None,
        "lr_X": 0.1,
        "lr_S": 0.2,
    }
    return values | {"factor_X": 1.0, "factor_S": 1.0, "g_X": 1.0, "g_S": 1.0, "undefined": None} | changes


def test_the_loss_of_the_questions_alone_is_that_of_the_answers_frequencies():
    def asked(kind, words, answers):
        return [Question(f"{n}", "item", kind, words, answer) for n, answer in enumerate(answers)]

    train = asked("name", "what is it ?", ["cat"] * 3 + ["tree frog"]) + asked("property", "is it alive ?", ["yes"] * 2)
    test = asked("name", "what is it ?", ["cat", "tree frog"]) + asked("property", "is it red ?", ["no"])
    # one is added to each count: 4 of 6 and 2 of 6; of words that were never heard, 1 of 2; 2 + 3 + 2 tokens
    expected = -(np.log(4 / 6) + np.log(2 / 6) + np.log(1 / 2)) / 7
    assert blind_loss(train, test) == pytest.approx(expected)
    likely = asked("name", "what is it ?", ["cat"])
    assert blind_loss(train, likely) < blind_loss(train, asked("name", "what is it ?", ["tree frog"]))


def test_a_trace_is_summed_up_without_its_undefined_estimates():
    rows = [row(loss=2.0), row(loss=1.0, log_kappa=-3.0, ema=-3.0, undefined=False), row(loss=0.5, undefined=True)]
    rows += [row(loss=0.5, log_kappa=1.0, ema=-1.0, undefined=False, factor_S=0.0)]
    found = of_trace(rows, reached=1.3)
    assert found["auc"] == 1.0 and found["log_auc"] == pytest.approx(np.log([2, 1, 0.5, 0.5]).mean())
    assert (found["log_kappa_last"], found["ema_last"], found["log_kappa_mean"]) == (2.0, 2.0, -1.0)
    assert (found["estimates"], found["undefined"], found["parameter_updates_S"]) == (2, 1, 3)
    assert found["clipped_share"] == 0.25 and of_trace([row()], 1.0)["clipped_share"] is None
    many = [row(log_kappa=float(k), ema=float(k), undefined=False) for k in range(20)]
    assert of_trace(many, 0.1)["log_kappa_last"] == 14.5  # the last ten
    assert updates_to([2.0, 1.0, 0.5, 0.5], 1.3) == 3 and updates_to([2.0], 1.0) is None


def test_rows_are_read_as_they_were_written_and_others_are_refused(tmp_path):
    values = {name: 0 for name in TuningRun.__dataclass_fields__}
    one = TuningRun(**(values | {"task": "fsdd", "method": "clr", "ratio": 0.1, "knob": "form", "value": "damp"}))  # type: ignore[arg-type]
    write_runs(tmp_path, [one])
    assert read_runs(tmp_path) == [one]
    assert one.trace == trace_path("fsdd", "clr", 0.1, 0, "form", "damp", equal=0)  # type: ignore[arg-type]
    assert str(trace_path("fsdd", "clr", 0.1, 3)) == "traces/fsdd/clr@0.1/3.jsonl"
    (tmp_path / "runs.jsonl").write_text('{"task": "fsdd"}\n')
    with pytest.raises(InvalidRuns, match="line 1"):
        read_runs(tmp_path)
