"""Text tasks and plain texts as the sources bring them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tenfold.data.errors import TableMismatch
from tenfold.data.text_tasks import ascii_codes, read_items, read_plain_text


def test_tables_of_every_form_are_read_and_others_refused(tmp_path: Path) -> None:
    forms = {
        "sst2": ("split\tlabel\ttext", "train\t1\tgood", (("good", None),), 1),
        "rte": ("split\tlabel\tindex\tsentence1\tsentence2", "train\tnot_entailment\t1\ta\tb", (("a", "b"),), 0),
        "copa": (
            "split\tlabel\tid\tasks_for\tpremise\tchoice1\tchoice2",
            "train\t1\t1\tcause\tIt fell.\tx\ty",
            (("It fell because", "x"), ("It fell because", "y")),
            1,
        ),
    }
    for name, (head, row, texts, label) in forms.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.tsv.gz").write_bytes(gzip.compress(f"{head}\n{row}\n".encode()))
        items = read_items(tmp_path / name, "train")
        assert items.texts == (texts,) and items.labels.tolist() == [label]
    with pytest.raises(TableMismatch, match="nothing of split"):
        read_items(tmp_path / "sst2", "test")
    with pytest.raises(TableMismatch, match="holds no"):
        read_items(tmp_path, "train")
    (tmp_path / "trec").mkdir()
    (tmp_path / "trec" / "train_5500.label").write_text("HUM:ind Who was it ?\n", encoding="latin-1")
    assert read_items(tmp_path / "trec", "train").texts == ((("Who was it ?", None),),)
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "o.tsv.gz").write_bytes(gzip.compress(b"split\tlabel\tsound\ntrain\t1\tx\n"))
    with pytest.raises(TableMismatch, match="without text"):
        read_items(tmp_path / "odd", "train")
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.txt.gz").write_bytes(gzip.compress("ab é".encode()))
    assert ascii_codes(read_plain_text(tmp_path / "plain")).tolist() == [97, 98, 32, 63]
    (tmp_path / "official").mkdir()
    (tmp_path / "official" / "input.txt").write_text("to be", encoding="utf-8")
    assert read_plain_text(tmp_path / "official") == "to be"
