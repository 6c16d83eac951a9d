from __future__ import annotations

import hashlib
import json
import time

import pytest

from tenfold.data.errors import (
    AddressUnavailable,
    ChecksumMismatch,
    CorruptArchive,
    DataError,
    HostUnreachable,
    MirrorNotFound,
    SourceUnavailable,
    StandInUsed,
    TruncatedDownload,
    UnknownPolicy,
    UnknownSource,
    UnverifiedFile,
)
from tenfold.data.resolve import available_origin, resolve
from tenfold.data.writing import write_source


@pytest.fixture
def bring(tmp_path):
    """Resolve and write `letters`, and return source.json and the folder."""

    def bring(registry, *, mirror=None, policy="allow", **options):
        downloads = tmp_path / "downloads"
        resolved = resolve("letters", registry=registry, mirror=mirror, policy=policy, downloads=downloads, **options)
        write_source(resolved, registry["letters"], tmp_path / "out")
        return json.loads((tmp_path / "out" / "source.json").read_text())

    return bring


def test_mirror_and_address_give_the_same_table(site, letters, mirror, write_registry, bring, tmp_path):
    registry = write_registry([site.serve("/letters.data", letters["body"])])
    from_mirror = bring(registry, mirror=mirror)
    assert site.requests == []
    table = (tmp_path / "out" / "table.csv").read_bytes()
    from_address = bring(registry)
    assert (tmp_path / "out" / "table.csv").read_bytes() == table == letters["normal"]
    assert (from_mirror["origin"], from_address["origin"]) == ("mirror", "official")
    assert from_mirror["detail"] == "mirror: tabular/letters.csv.gz"
    assert from_address["detail"] == f"official: letters.data, published at {site.root}/letters.data"
    assert from_mirror["sha256"] == hashlib.sha256(letters["packed"]).hexdigest()
    assert from_address["sha256"] == hashlib.sha256(letters["body"]).hexdigest()
    assert from_mirror["files"] == from_address["files"]


def test_source_json_lists_every_file_with_its_sum(mirror, write_registry, bring, tmp_path, closed_address):
    record = bring(write_registry([closed_address]), mirror=mirror)
    assert set(record) == {"name", "title", "origin", "detail", "sha256", "licence", "files", "stand_in"}
    written = {path.name: path for path in (tmp_path / "out").iterdir() if path.name != "source.json"}
    assert record["files"] == {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in written.items()}
    assert record["stand_in"] is False
    assert str(tmp_path) not in json.dumps(record)  # the same bytes on every machine


def test_writing_twice_gives_the_same_bytes(write_registry, bring, tmp_path, closed_address):
    registry = write_registry([closed_address])
    bring(registry, policy="only")
    first = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    bring(registry, policy="only")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == first


def test_only_never_asks_mirror_or_network(site, letters, write_registry, bring, tmp_path):
    registry = write_registry([site.serve("/letters.data", letters["body"])])
    record = bring(registry, mirror=tmp_path / "no such folder", policy="only")
    assert (record["origin"], record["stand_in"]) == ("stand_in", True)
    assert record["detail"].startswith("MADE-UP DATA, 30 rows")
    assert site.requests == []


def test_allow_falls_to_a_loud_stand_in_when_the_host_is_unreachable(write_registry, bring, closed_address):
    began = time.monotonic()
    with pytest.warns(StandInUsed, match=r"MADE-UP DATA stands in for letters.*cannot be reached"):
        record = bring(write_registry([closed_address]))
    assert time.monotonic() - began < 5
    assert record["stand_in"] is True


def test_allow_falls_to_a_loud_stand_in_when_the_address_refuses(site, write_registry, bring):
    with pytest.warns(StandInUsed, match="answered 404"):
        assert bring(write_registry([site.root + "/moved"]))["stand_in"] is True


def test_forbid_names_the_mirror_the_address_and_the_policy(write_registry, bring, closed_address, tmp_path):
    with pytest.raises(SourceUnavailable, match=r"names no mirror.*cannot be reached.*forbids") as caught:
        bring(write_registry([closed_address]), policy="forbid")
    assert isinstance(caught.value.__cause__, HostUnreachable)
    assert not (tmp_path / "out").exists()


def test_no_stand_in_is_an_error_under_allow_and_only(write_registry, bring, closed_address):
    registry = write_registry([closed_address], stand_in=None)
    for policy in ("allow", "only"):
        with pytest.raises(SourceUnavailable, match="letters has no stand-in"):
            bring(registry, policy=policy)


def test_a_mirror_without_the_file_leads_to_the_address(site, letters, write_registry, bring, tmp_path):
    (tmp_path / "empty").mkdir()
    registry = write_registry([site.serve("/letters.data", letters["body"])])
    assert bring(registry, mirror=tmp_path / "empty")["origin"] == "official"


def test_downloads_outlive_the_site(site, letters, write_registry, bring):
    registry = write_registry([site.serve("/letters.data", letters["body"])])
    bring(registry)
    del site.pages["/letters.data"]
    assert bring(registry, policy="forbid")["origin"] == "official"


def _spoilt_mirror(site, letters, mirror, write_registry):
    (mirror / "tabular" / "letters.csv.gz").write_bytes(letters["packed"][:-20])
    return write_registry([site.serve("/letters.data", letters["body"])]), mirror


def _wrong_bytes(site, letters, mirror, write_registry):
    return write_registry([site.serve("/letters.data", letters["body"][::-1])]), None


def _cut_short(site, letters, mirror, write_registry):
    return write_registry([site.serve("/letters.data", letters["body"], cut_after=[9, 9])]), None


def _corrupt_zip(site, letters, mirror, write_registry):
    return write_registry([site.serve("/l.zip", letters["zip"][:300]) + "#letters.data"]), None


def _corrupt_gzip(site, letters, mirror, write_registry):
    cut = letters["packed"][:-20]
    (mirror / "tabular" / "letters.csv.gz").write_bytes(cut)
    file = {"path": "tabular/letters.csv.gz", "sha256": hashlib.sha256(cut).hexdigest(), "size": len(cut)}
    return write_registry([f"{site.root}/l"], mirror={"reader": "csv_gzip", "files": [file]}), mirror


def _no_sum(site, letters, mirror, write_registry):
    address = site.serve("/letters.data", letters["body"])
    return write_registry([address], official={"sha256": None}), None


def _changed_table(site, letters, mirror, write_registry):
    other = letters["body"] + b"A,1,1.5\n"
    changes = {"sha256": hashlib.sha256(other).hexdigest(), "size": len(other)}
    return write_registry([site.serve("/letters.data", other)], official=changes), None


@pytest.mark.parametrize("policy", ["allow", "forbid"])
@pytest.mark.parametrize(
    "spoil, error, message",
    [
        (_spoilt_mirror, ChecksumMismatch, r"mirror file .*letters\.csv\.gz: expected .* came "),
        (_wrong_bytes, ChecksumMismatch, r"/letters\.data: expected sha256 .*came sha256 .*Nothing was kept"),
        (_cut_short, TruncatedDownload, r"closed the connection early.*run again"),
        (_corrupt_zip, CorruptArchive, r"not a readable zip or tar archive"),
        (_corrupt_gzip, CorruptArchive, r"not a readable gzip file"),
        (_no_sum, UnverifiedFile, r"no sha256 is listed"),
        (_changed_table, ChecksumMismatch, r"expected a normal table with sha256"),
    ],
)
def test_bad_data_is_an_error_and_never_a_stand_in(
    site, letters, mirror, write_registry, bring, tmp_path, files_below, policy, spoil, error, message
):
    registry, folder = spoil(site, letters, mirror, write_registry)
    with pytest.raises(error, match=message) as caught:
        bring(registry, mirror=folder, policy=policy)
    assert not isinstance(caught.value, AddressUnavailable)
    assert not (tmp_path / "out").exists()
    if (tmp_path / "downloads").exists() and spoil is not _changed_table:
        assert all(name.endswith(".part") for name in files_below(tmp_path / "downloads"))


def test_unverified_files_are_marked(site, letters, write_registry, bring):
    registry = write_registry([site.serve("/letters.data", letters["body"])], official={"sha256": None, "size": None})
    record = bring(registry, allow_unverified=True)
    assert record["detail"].endswith("(unverified, trusted at first use: letters.data)")
    assert record["sha256"] == hashlib.sha256(letters["body"]).hexdigest()


def test_a_source_of_files_is_brought_as_it_is(site, letters, write_registry, bring, tmp_path):
    address = site.serve("/letters.data", letters["body"])
    absent = dict.fromkeys(["mirror", "stand_in", "table"])
    registry = write_registry([address], kind="files", reader=None, official={"name": "pictures.bin"}, **absent)
    record = bring(registry, policy="forbid")
    assert (tmp_path / "out" / "pictures.bin").read_bytes() == letters["body"]
    assert record["files"] == {"pictures.bin": hashlib.sha256(letters["body"]).hexdigest()}


def test_what_is_asked_wrongly_is_named(write_registry, tmp_path, closed_address):
    registry = write_registry([closed_address])
    ask = {"registry": registry, "mirror": None, "downloads": tmp_path}
    for question in (resolve, available_origin):
        with pytest.raises(UnknownSource, match=r"'leters'.*Did you mean 'letters'"):
            question("leters", policy="allow", **ask)
        with pytest.raises(UnknownPolicy, match="'never' is none of only, allow, forbid"):
            question("letters", policy="never", **ask)
        with pytest.raises(MirrorNotFound, match=r"gone does not exist.*TENFOLD_MIRROR"):
            question("letters", policy="allow", **(ask | {"mirror": tmp_path / "gone"}))
    assert issubclass(UnknownSource, DataError)


def test_available_origin_follows_what_is_there(site, letters, mirror, write_registry, tmp_path):
    registry = write_registry([site.serve("/letters.data", letters["body"])])
    ask = {"registry": registry, "downloads": tmp_path / "downloads"}
    assert available_origin("letters", mirror=None, policy="only", **ask) == "stand_in"
    assert available_origin("letters", mirror=None, policy="allow", **ask) is None
    assert available_origin("letters", mirror=mirror, policy="allow", **ask) == "mirror"
    assert site.requests == []
    resolve("letters", mirror=None, policy="allow", **ask)
    assert available_origin("letters", mirror=None, policy="allow", **ask) == "official"
    assert available_origin("letters", mirror=mirror, policy="forbid", **ask) == "mirror"
