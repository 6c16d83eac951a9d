from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenfold.data.archives import gunzip, read_member
from tenfold.data.errors import CorruptArchive, TableMismatch
from tenfold.data.readers import READERS


def test_adult_loses_blanks_full_stops_and_the_comment(tmp_path):
    (tmp_path / "adult.data").write_text("39, State-gov, <=50K\n50, ?, >50K\n\n")
    (tmp_path / "adult.test").write_text("|1x3 Cross validator\n25, Private, <=50K.\n\n")
    files = {name: tmp_path / name for name in ("adult.data", "adult.test")}
    content = READERS["uci_adult"](files, ["split", "age", "workclass", "income"])
    assert content == (
        b"split,age,workclass,income\ntrain,39,State-gov,<=50K\ntrain,50,?,>50K\ntest,25,Private,<=50K\n"
    )


def test_one_file_readers_refuse_two(tmp_path):
    with pytest.raises(TableMismatch, match="takes one file"):
        READERS["csv"]({"a": tmp_path, "b": tmp_path}, ["x"])


def test_archive_members(tmp_path, letters):
    (tmp_path / "l.zip").write_bytes(letters["zip"])
    (tmp_path / "l.gz").write_bytes(letters["packed"])
    with tarfile.open(tmp_path / "l.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("letters.data")
        member.size = len(letters["body"])
        archive.addfile(member, io.BytesIO(letters["body"]))
    assert read_member(tmp_path / "l.zip", "letters.data") == letters["body"]
    assert read_member(tmp_path / "l.tar.gz", "letters.data") == letters["body"]
    assert gunzip(tmp_path / "l.gz") == letters["normal"]


@pytest.mark.parametrize("cut", [0, 5, 200, -8])
def test_a_gzip_file_cut_anywhere_is_corrupt(tmp_path, letters, cut):
    (tmp_path / "l.gz").write_bytes(letters["packed"][:cut])
    with pytest.raises(CorruptArchive, match=r"l\.gz \([\d,]+ bytes\) is not a readable gzip"):
        gunzip(tmp_path / "l.gz")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.integers(0, 10**6),
    value=st.integers(0, 255),
    member=st.sampled_from(["letters.data", "notes.txt"]),
)
def test_a_damaged_zip_gives_the_right_bytes_or_an_error(tmp_path, letters, place, value, member):
    spoilt = bytearray(letters["zip"])
    spoilt[place % len(spoilt)] = value
    (tmp_path / "l.zip").write_bytes(spoilt)
    try:
        content = read_member(tmp_path / "l.zip", member)
    except CorruptArchive:
        return
    assert content == (letters["body"] if member == "letters.data" else b"about letters")


def test_a_cut_tar_is_corrupt(tmp_path, letters):
    with tarfile.open(tmp_path / "whole.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("letters.data")
        member.size = len(letters["body"])
        archive.addfile(member, io.BytesIO(letters["body"]))
    (tmp_path / "l.tar.gz").write_bytes((tmp_path / "whole.tar.gz").read_bytes()[:-2000])
    with pytest.raises(CorruptArchive, match=r"l\.tar\.gz"):
        read_member(tmp_path / "l.tar.gz", "letters.data")
