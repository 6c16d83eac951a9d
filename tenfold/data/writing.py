"""Writing what a source resolved to: its files or normal table, its schema, and where it came from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tenfold.data.bundled import bundled_table
from tenfold.data.checksums import sha256_bytes, sha256_file
from tenfold.data.errors import ChecksumMismatch, TableMismatch
from tenfold.data.made_up_files import made_up_files
from tenfold.data.readers import READERS
from tenfold.data.registry import Source, Table
from tenfold.data.resolve import Resolved
from tenfold.data.stand_ins import made_up_table


def write_source(resolved: Resolved, source: Source, out: Path) -> None:
    """Write a source into the folder ``out``, which is made if need be.

    Writes:
        table.csv and schema.json for a table; otherwise the files under their own names.
        source.json: name, title, origin, detail, sha256, licence, files (name to sha256), stand_in.

    Raises CorruptArchive if a file cannot be unpacked. Raises TableMismatch if a file cannot be brought to the
    normal form. Raises ChecksumMismatch if the normal form is not the listed one. Nothing is written in any of
    these cases.
    """
    if source.kind == "files":
        out.mkdir(parents=True, exist_ok=True)
        for name, path in resolved.files.items():
            shutil.copyfile(path, out / name)
        made = made_up_files(source.stand_in)[1] if resolved.origin == "stand_in" and source.stand_in else {}
        for name, content in made.items():
            (out / name).write_bytes(content)
        sums = {name: sha256_file(out / name) for name in (*resolved.files, *made)}
    else:
        table, content = _normal_form(resolved, source)
        schema = _json(_schema(table))
        out.mkdir(parents=True, exist_ok=True)
        (out / "table.csv").write_bytes(content)
        (out / "schema.json").write_bytes(schema)
        sums = {"table.csv": sha256_bytes(content), "schema.json": sha256_bytes(schema)}
    record = {
        "name": source.name,
        "title": source.title,
        "origin": resolved.origin,
        "detail": resolved.detail,
        "sha256": resolved.sha256,
        "licence": resolved.licence,
        "files": sums,
        "stand_in": resolved.origin == "stand_in",
    }
    (out / "source.json").write_bytes(_json(record))


def _normal_form(resolved: Resolved, source: Source) -> tuple[Table, bytes]:
    if resolved.origin == "bundled":
        return bundled_table(source)
    assert source.table is not None
    if resolved.origin == "stand_in":
        assert source.stand_in is not None
        return source.table, made_up_table(source.table, source.stand_in)
    served = source.mirror if resolved.origin == "mirror" else source.official
    assert served is not None and served.reader is not None
    try:
        content = READERS[served.reader](resolved.files, list(source.table.columns))
    except (UnicodeDecodeError, KeyError) as error:
        raise TableMismatch(
            f"{source.name}: reader {served.reader} cannot read {sorted(resolved.files)}: {error!r}. "
            "Correct the reader or the files in the list."
        ) from error
    came = sha256_bytes(content)
    if came != source.table.sha256:
        raise ChecksumMismatch(
            f"{source.name}: expected a normal table with sha256 {source.table.sha256}, but reader "
            f"{served.reader} made sha256 {came} ({len(content):,} bytes) of {resolved.detail}. "
            "The published data has changed, or the reader has: compare the tables, then correct the list."
        )
    return source.table, content


def _schema(table: Table) -> dict[str, Any]:
    columns: dict[str, dict[str, Any]] = {}
    for name, column in table.columns.items():
        columns[name] = {"kind": column.kind, "may_be_missing": column.missing > 0}
        if column.values is not None:
            columns[name]["values"] = list(column.values)
    return {"target": table.target, "missing": table.missing, "columns": columns}


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
