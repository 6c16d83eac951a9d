"""Texts in each published format, from small files of the same make."""

import gzip

import pytest

from tenfold.data.errors import TableMismatch
from tenfold.data.texts import read_texts

FORMATS = {
    "mirror": {
        "trec.tsv.gz": gzip.compress(b'split\tlabel\tcoarse\ttext\ntrain\t4\tLOC\tWhere ?\ntest\t0\tDESC\tWhy "x ?\n')
    },
    "trec": {"train_5500.label": b"LOC:city Where ?\n", "TREC_10.label": b'DESC:reason Why "x ?\n'},
    "agnews": {"train.csv": b'"5","Where","?"\n', "test.csv": b'"1","Why ""x","?"\n'},
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_texts(tmp_path, name):
    for file, content in FORMATS[name].items():
        (tmp_path / file).write_bytes(content)
    train, test = read_texts(tmp_path, "train"), read_texts(tmp_path, "test")
    assert train.texts == ("Where ?",) and train.labels.tolist() == [4]
    assert test.texts == ('Why "x ?',) and test.labels.tolist() == [0]
    with pytest.raises(TableMismatch, match="no texts of split 'dev'"):
        read_texts(tmp_path, "dev")


def test_title_and_description_are_joined(tmp_path):
    (tmp_path / "news.tsv.gz").write_bytes(gzip.compress(b"split\tlabel\ttitle\tdescription\ntest\t2\tOne\ttwo\n"))
    assert read_texts(tmp_path, "test").texts == ("One two",)


def test_an_unknown_folder_is_refused(tmp_path):
    with pytest.raises(TableMismatch, match="no texts in a known format"):
        read_texts(tmp_path, "train")
