"""The list of sources: its format, and reading it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tenfold.data.errors import InvalidRegistry, UnknownSource
from tenfold.data.readers import READERS

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
GitId = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Address = Annotated[str, Field(pattern=r"^https?://[^/]+/.+")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
RelativePath = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*(/[A-Za-z0-9][A-Za-z0-9._+-]*)*$")]


class Entry(BaseModel):
    """A part of the list: immutable, and nothing in it that is not named here."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Bundled(Entry):
    """A table inside scikit-learn; ``sha256`` is over its float64 features, then its float64 targets."""

    sha256: Sha256


class ListedFile(Entry):
    """A file below the mirror folder, or inside an installed package; ``size`` in bytes."""

    path: RelativePath
    sha256: Sha256
    size: int

    @property
    def name(self) -> str:
        """The last part of the path."""
        return Path(self.path).name


class Packaged(Entry):
    """The importable package that carries a source's files, which is never imported: only its folder is read."""

    module: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    files: Annotated[tuple[ListedFile, ...], Field(min_length=1)]


class Mirror(Entry):
    """What a mirror folder holds of a source, and how it is read."""

    reader: str | None = None
    files: Annotated[tuple[ListedFile, ...], Field(min_length=1)]


class OfficialFile(Entry):
    """A published file and the addresses that serve it; ``sha256`` is null where it is not known.

    ``git_blob`` is the id by which git knows the content: what a file in a repository is checked by where only that
    id is known. ``git_tree`` is that of a whole folder, for a repository's tar archive, whose packing may vary.
    """

    name: FileName
    addresses: Annotated[tuple[Address, ...], Field(min_length=1)]
    sha256: Sha256 | None
    size: int | None = None
    git_blob: GitId | None = None
    git_tree: GitId | None = None

    @property
    def verified(self) -> bool:
        """Whether what comes can be checked."""
        return any((self.sha256, self.git_blob, self.git_tree))


class Official(Entry):
    """The published files of a source, and how they are read."""

    reader: str | None = None
    files: Annotated[tuple[OfficialFile, ...], Field(min_length=1)]


Maker = Literal[
    "images",
    "texts",
    "sentence_encoder",
    "questions",
    "recorded_answers",
    "decoder",
    "image_encoder",
    "fonts",
    "reading_questions",
    "receipts",
    "photographs",
    "spoken_digits",
    "sound_clips",
    "whisper",
    "text_prompts",
]


class StandIn(Entry):
    """What is made up in place of a source: a table of ``rows`` rows, or the files that ``maker`` makes.

    ``rows`` counts pictures, texts, receipts, prompts or a task's questions of a maker, takes of a digit, clips of a
    class; ``shape`` (height, width[, channels]) is of pictures, ``classes`` of either; ``width`` is a sentence
    encoder's, a decoder's or Whisper's. ``questions`` and ``recorded_answers`` of one seed belong together.
    """

    seed: int
    rows: Annotated[int, Field(gt=0)] | None = None
    maker: Maker | None = None
    file: FileName | None = None
    shape: tuple[int, ...] | None = None
    classes: tuple[str, ...] | None = None
    width: Annotated[int, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _maker_has_what_it_takes(self) -> StandIn:
        needs = {
            None: ("rows",),
            "images": ("rows", "shape", "classes"),
            "texts": ("rows", "classes", "file"),
            "sentence_encoder": ("width",),
            "questions": (),
            "recorded_answers": (),
            "decoder": ("width",),
            "image_encoder": (),
            "fonts": (),
            "reading_questions": ("rows",),
            "receipts": ("rows",),
            "photographs": (),
            "spoken_digits": ("rows",),
            "sound_clips": ("rows",),
            "whisper": ("width",),
            "text_prompts": ("rows",),
        }[self.maker]
        lacking = [name for name in needs if getattr(self, name) is None]
        if lacking:
            raise ValueError(f"a stand-in by maker {self.maker} needs {', '.join(lacking)}")
        return self


class Column(Entry):
    """One column: its kind, its values or range, and the share of its cells that is empty."""

    kind: Literal["integer", "number", "category", "split"]
    values: tuple[str, ...] | None = None
    range: tuple[float, float] | None = None
    missing: Annotated[float, Field(ge=0, lt=1)] = 0.0

    @model_validator(mode="after")
    def _described(self) -> Column:
        numeric = self.kind in ("integer", "number")
        if (self.range is None) == numeric or (self.values is None) != numeric:
            raise ValueError("integer and number columns have a range, the others have values")
        return self


class Table(Entry):
    """The normal form of a table: its columns in order, and the sha256 of table.csv."""

    sha256: Sha256
    target: str
    missing: str = ""
    columns: Mapping[str, Column]

    @model_validator(mode="after")
    def _target_is_a_column(self) -> Table:
        if self.target not in self.columns:
            raise ValueError(f"target {self.target!r} is not a column")
        return self


class Source(Entry):
    """One entry of the list."""

    name: str
    title: str
    kind: Literal["table", "files"]
    licence: str
    page: str | None = None
    bundled: Bundled | None = None
    packaged: Packaged | None = None
    mirror: Mirror | None = None
    official: Official | None = None
    stand_in: StandIn | None = None
    table: Table | None = None

    @model_validator(mode="after")
    def _can_be_brought(self) -> Source:
        if self.bundled and (self.mirror or self.official or self.stand_in):
            raise ValueError("a bundled source is always there and names no other origin")
        if not (self.bundled or self.packaged or self.mirror or self.official):
            raise ValueError("name at least one of bundled, packaged, mirror, official")
        if self.kind == "table" and not self.bundled and self.table is None:
            raise ValueError("a table lists its columns and sha256 under `table`")
        if self.kind == "files" and self.table:
            raise ValueError("`table` is for sources of kind table")
        if self.kind == "table" and self.packaged:
            raise ValueError("`packaged` is for sources of kind files")
        if self.stand_in and (self.stand_in.maker is None) != (self.kind == "table"):
            raise ValueError("the stand-in of files names a maker, that of a table names none")
        self._check_readers()
        return self

    def _check_readers(self) -> None:
        for origin in (self.mirror, self.official):
            if origin is None:
                continue
            if self.kind == "files" and origin.reader is not None:
                raise ValueError("files are brought as they are; only tables have a reader")
            if self.kind == "table" and origin.reader not in READERS:
                raise ValueError(f"reader {origin.reader!r} is none of {sorted(READERS)}")


Registry = Mapping[str, Source]


def load_registry(path: Path) -> dict[str, Source]:
    """Read the list of sources.

    Raises InvalidRegistry if the file is not YAML or an entry is wrong; names entry, field and fault.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        entries: Any = YAML(typ="safe").load(path)
    except (OSError, YAMLError) as error:
        raise InvalidRegistry(f"{path} cannot be read as YAML: {error}") from error
    if not isinstance(entries, dict):
        raise InvalidRegistry(f"{path} must map each source's name to its entry")
    return {name: _source(path, name, entry) for name, entry in entries.items()}


def _source(path: Path, name: str, entry: Any) -> Source:
    if not isinstance(entry, dict):
        raise InvalidRegistry(f"{path}: {name} must be a mapping, not {type(entry).__name__}")
    try:
        return Source(name=name, **entry)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'entry'}: {fault['msg']}" for fault in error.errors())
        raise InvalidRegistry(f"{path}: {name}: {faults}. Correct the entry.") from error


def find_source(registry: Registry, name: str) -> Source:
    """Return the entry called ``name``.

    Raises UnknownSource if there is none; names the nearest one.
    """
    if name in registry:
        return registry[name]
    near = difflib.get_close_matches(name, registry, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise UnknownSource(f"no source is called {name!r}.{hint} The list has {', '.join(sorted(registry))}.")
