"""Models by the name that a command line gives them, checked before anything is written.

oracle, random, constant_index, constant_box, blind_text     look at no image
page_dump, ocr_rules, ocr_language_model                     read the image by an OCR engine first
hub:OWNER/NAME@COMMIT or hub:FOLDER                          a model of the hub on this machine
file:PATH                                                    replies that are there already
any other name, with an address                              a model behind an endpoint
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import typer

from tenfold.chat.client import Spent
from tenfold.chat.endpoint import KEY
from tenfold.chat.messages import Sampling
from tenfold.mmr.chat_model import MOST_TOKENS
from tenfold.mmr.errors import InvalidModel
from tenfold.mmr.items import ItemSet
from tenfold.mmr.queries import Model, Query
from tenfold.mmr.run import Prepared, prepared
from tenfold.mmr.run_folder import OCR, replace_file

FITTED = ("constant_index", "constant_box", "blind_text")
BLIND = ("oracle", "random", *FITTED)
READERS = ("page_dump", "ocr_rules", "ocr_language_model")
BUDGETED = ("endpoint", "hub")
PAGES_AT_ONCE = 16


@dataclass(frozen=True)
class ModelOptions:
    """What a command's options say about the model; None where they were left as they are."""

    base_url: str | None = None
    key_variable: str | None = None
    revision: str | None = None
    concurrency: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    send_jpeg: int | None = None
    engine: str | None = None
    enlarge: int | None = None
    pages: Path | None = None
    device: str | None = None
    dtype: str | None = None
    batch: int | None = None
    trust_remote_code: bool | None = None
    language_model: str | None = None
    encoder: str | None = None
    fit: str | None = None
    seed: int = 0
    spent: Spent = field(default_factory=Spent)

    def given(self) -> dict[str, Any]:
        """Return the options that may be of no use to a model, None where they were left as they are."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name not in ("seed", "spent")}


USED: Mapping[str, tuple[str, ...]] = {
    "endpoint": (*("base_url", "key_variable", "revision", "concurrency", "max_tokens", "temperature", "send_jpeg"),),
    "hub": ("max_tokens", "device", "dtype", "batch", "trust_remote_code"),
    "file": (),
    "oracle": (),
    "random": (),
    "constant_index": ("fit",),
    "constant_box": ("fit",),
    "blind_text": ("fit", "encoder", "device"),
    "page_dump": ("engine", "enlarge", "pages"),
    "ocr_rules": ("engine", "enlarge", "pages"),
    "ocr_language_model": ("engine", "enlarge", "pages", "language_model", "device"),
}


def kind_of(name: str) -> str:
    """Return which kind of model a name means: a key of ``USED``."""
    kind, colon, _ = name.partition(":")
    if colon and kind in ("hub", "file"):
        return kind
    return name if name in USED and name not in ("endpoint", "hub", "file") else "endpoint"


def model_named(name: str, options: ModelOptions, shown: ItemSet, fit: Callable[[], ItemSet]) -> Prepared:
    """Return the model of a name; ``shown`` are the items as they are scored, ``fit`` gives those to fit a model to.

    Raises InvalidModel for a name that is none, and whatever the model raises that cannot be made.
    """
    kind = kind_of(name)
    if kind == "endpoint":
        return _endpoint(name, options)
    if kind == "hub":
        return _hub(name.partition(":")[2], options)
    if kind == "file":
        from tenfold.mmr.file_model import FileModel

        replies = FileModel(Path(name.partition(":")[2]))
        replies.check(shown)
        return prepared(replies, kind)
    return _reader(kind, options, shown) if kind in READERS else prepared(_blind(kind, options, shown, fit), kind)


def _endpoint(name: str, options: ModelOptions) -> Prepared:
    from tenfold.mmr.endpoint_model import endpoint_model

    if options.base_url is None:
        known = ", ".join((*BLIND, *READERS, "hub:OWNER/NAME@COMMIT", "hub:FOLDER", "file:PATH"))
        raise InvalidModel(f"no model here is called {name!r}: there are {known}; one at an endpoint needs --base-url")
    variable = options.key_variable or KEY
    if options.key_variable is not None and not os.environ.get(variable):
        raise InvalidModel(f"--key-variable {variable}: no such environment variable is set; export it first")
    sampling = Sampling(temperature=options.temperature or 0.0, max_tokens=options.max_tokens or MOST_TOKENS)
    return prepared(
        endpoint_model(
            options.base_url,
            name,
            revision=options.revision,
            key_variable=variable,
            concurrency=options.concurrency or 8,
            sampling=sampling,
            jpeg=options.send_jpeg,
            spent=options.spent,
        ),
        "endpoint",
    )


def _hub(place: str, options: ModelOptions) -> Prepared:
    from tenfold.command_line import torch_device
    from tenfold.mmr.hub_model import BATCH, NEW_TOKENS, hub_model, known_as

    folder = Path(place).is_dir()
    name, _, revision = (place, "", "") if folder else place.partition("@")
    known_as(name, revision or None, bool(options.trust_remote_code))  # refused before torch is loaded
    return prepared(
        hub_model(
            name,
            revision=revision or None,
            trust_remote_code=bool(options.trust_remote_code),
            device=torch_device(options.device),
            dtype=options.dtype or "auto",
            batch=options.batch or BATCH,
            max_new_tokens=options.max_tokens or NEW_TOKENS,
            spent=options.spent,
        ),
        "hub",
    )


def _blind(kind: str, options: ModelOptions, shown: ItemSet, fit: Callable[[], ItemSet]) -> Model:
    from tenfold.mmr.baselines import ConstantBox, ConstantIndex, Oracle, RandomModel

    if kind == "oracle":
        return Oracle(shown)
    if kind == "random":
        return RandomModel(options.seed)
    if kind == "constant_index":
        return ConstantIndex.fitted(fit())
    if kind == "constant_box":
        return ConstantBox.fitted(fit())
    from tenfold.command_line import torch_device
    from tenfold.mmr.blind_text import BlindText
    from tenfold.text.encoder import load_encoder

    if options.encoder is None:
        raise InvalidModel("blind_text needs --encoder, a folder that a data stage brought: data/default/minilm")
    return BlindText.fitted(fit(), load_encoder(Path(options.encoder), device=torch_device(options.device)))


def _reader(kind: str, options: ModelOptions, shown: ItemSet) -> Prepared:
    """Return a model that reads by OCR, or what another OCR read; this raises what is wrong with engine or pages."""
    if options.pages is None:
        said, settings, read = _by_engine(options.engine or "ppocr6", options.enlarge or 1)
    else:
        said, settings, read = _by_pages(options.pages, shown)
    decoder = None
    if kind == "ocr_language_model":
        decoder, known = _decoder(options)
        settings |= {"language_model": known}

    def make(folder: Path, queries: Callable[[], Iterator[Query]]) -> Model:
        pages = read(queries(), folder / OCR)
        if kind == "page_dump":
            from tenfold.mmr.page_dump import PageDump

            return PageDump(pages)
        if kind == "ocr_rules":
            from tenfold.mmr.ocr_rules import OCRRules

            return OCRRules(pages)
        from tenfold.mmr.ocr_language_model import OCRLanguageModel

        assert decoder is not None
        return OCRLanguageModel(pages, decoder)

    return Prepared(f"{kind} ({said})", kind, settings, make)


ReadPages = Callable[[Iterator[Query], Path], dict[str, Any]]  # from queries and the file that keeps what was read


def _by_engine(engine: str, enlarge: int) -> tuple[str, dict[str, Any], ReadPages]:
    """Return how pages of an engine are called, what they depend on, and how they are read; the engine is there."""
    from tenfold.ocr.reading import load_engine

    settings = {"engine": engine, "version": load_engine(engine).version, "enlarge": enlarge}
    said = f"{engine}{f' ×{enlarge}' if enlarge > 1 else ''}"
    return said, settings, lambda queries, path: pages_of(queries, engine, enlarge, path)


def _by_pages(path: Path, shown: ItemSet) -> tuple[str, dict[str, Any], ReadPages]:
    """Return the same of pages in a file; every item has one."""
    from tenfold.mmr.own_pages import read_own_pages

    own = read_own_pages(path)
    own.check(shown)
    return f"pages of {own.name}", {"pages": own.sha256}, lambda queries, _: own.pages(shown, queries)


def _decoder(options: ModelOptions) -> tuple[Any, str]:
    """Return the language model, and what it is known by."""
    from tenfold.command_line import torch_device
    from tenfold.language.decoder import load_decoder
    from tenfold.mmr.hub_model import folder_digest

    if options.language_model is None:
        raise InvalidModel("ocr_language_model needs --language-model, a folder with a decoder, or OWNER/NAME@COMMIT")
    place, _, revision = options.language_model.partition("@")
    if Path(options.language_model).is_dir():
        folder = Path(options.language_model)
        return load_decoder(folder, device=torch_device(options.device)), folder_digest(folder)
    if not revision:
        raise InvalidModel(f"there is no folder {place}; a decoder of the hub is OWNER/NAME@COMMIT")
    return load_decoder(place, revision=revision, device=torch_device(options.device)), options.language_model


def pages_of(queries: Iterator[Query], engine: str, enlarge: int, path: Path) -> dict[str, Any]:
    """Return the page of each query's image, read a few at a time and kept in ``path`` for a run that goes on.

    A page that was just read is as exact as one from the file, so that a run that was killed gives the same replies.
    """
    from tenfold.mmr.reading import images_of
    from tenfold.ocr.page_files import as_written, load_pages, read_pages, write_pages

    pages = load_pages(path) if path.is_file() else {}
    waiting: dict[str, Any] = {}

    def read() -> None:
        found = read_pages(waiting, engine, enlarge=enlarge).pages
        pages.update({digest: as_written(page) for digest, page in found.items()})
        waiting.clear()
        replace_file(path, lambda file: write_pages(pages, file))
        typer.echo(f"{engine}: {len(pages):,} pages read", err=True)

    for query in queries:
        for digest, image in images_of([query]).items():
            if digest not in pages:
                waiting[digest] = image
        if len(waiting) >= PAGES_AT_ONCE:
            read()
    if waiting:
        read()
    return pages
