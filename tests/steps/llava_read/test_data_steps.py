"""Pages, OCR and tasks on made-up sources: parts share nothing, texts bear their source, cuts are counted."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from importlib.util import find_spec
from itertools import combinations, product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from steps.data import DataParams, bring
from steps.llava_read.ocr_sets import ocr_sources, read_ocr
from steps.llava_read.page_sets import pages_of, probe_pages_of, receipts_of_part
from steps.llava_read.prepare import PrepareParams, ProbeParams, prepare
from steps.llava_read.read import ReadParams, read, read_summary
from steps.llava_read.tasks import NOISE, STAGE_ONE, TasksParams, read_statistics, tasks
from steps.step.json_files import read_json
from steps.step.run import Run
from tenfold.llava_read.ocr_prompt import ocr_source, ocr_text
from tenfold.llava_read.parts import PARTS
from tenfold.llava_read.questions import SIGHT
from tenfold.llava_read.reading_errors import NoPages, PartsOverlap
from tenfold.llava_read.tasks import WITHOUT_OCR, Sample, answer_samples
from tenfold.ocr.errors import EngineNotInstalled, InvalidPages
from tenfold.ocr.word_recall import recall

FONTS = ("fonts", "caladea", "fredoka_one", "manrope", "source_sans", "source_serif")
PREPARE = PrepareParams(
    pages={"train": 12, "validation": 4, "test": 5},
    receipts={"train": None, "validation": None, "test": None},
    probe=ProbeParams(sizes=[8, 24], counts=[1, 5], train_per_cell=2, test_per_cell=1),
)
READ = ReadParams(
    sets={
        "ppocr6": ["fit", "train", "validation", "test", "probe_test", "receipts_test"],
        "ppocr4": ["probe_test"] if find_spec("rapidocr_onnxruntime") else [],
    },
    fit=3,
    train=4,
    required=["ppocr6"],
    threads=2,
)
TASKS = TasksParams(corrupted=[15], boxes="tokens", longest=1000, counted=5, budgets=[40, 10000])
ENGINES = ("ppocr6", "ppocr4", "tesseract")
needs_engine = pytest.mark.skipif(find_spec("rapidocr") is None, reason="rapidocr is not installed")


def run_of(step: str, out: Path, variant: str | None = None, seed: int = 0) -> Run:
    return Run("llava_read", step, out=out, variant=variant, seed=seed)


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """The sources, made up, and the benchmark's items, which ask about every third receipt."""
    from tenfold.data.receipts import read_receipts

    top = tmp_path_factory.mktemp("sources")
    for name in (*FONTS, "sroie"):
        (top / name).mkdir()
        bring(name, out=top / name, params=DataParams(stand_in="only"))
    names = [receipt.name for receipt in read_receipts(top / "sroie")][::3]
    (top / "asked").mkdir()
    rows = [json.dumps({"key": f"receipts/{task}/{name}", "image": name}) for name in names for task in ("a", "b")]
    (top / "asked/items.jsonl").write_text("\n".join(rows) + "\n")
    return top


def prepared_in(out: Path, sources: Path, params: PrepareParams = PREPARE, seed: int = 0) -> Path:
    out.mkdir()
    inputs = [sources / name for name in (*FONTS, "sroie", "asked")]
    prepare(*inputs, out=out, params=params, run=run_of("prepare", out, seed=seed))
    return out


@pytest.fixture(scope="module")
def prepared(sources, tmp_path_factory):
    return prepared_in(tmp_path_factory.mktemp("made") / "prepare", sources)


@pytest.fixture(scope="module")
def made(prepared, tmp_path_factory):
    """The outputs of ``read`` by engine, and of ``tasks``."""
    top = tmp_path_factory.mktemp("read")
    for engine in ENGINES:
        (top / engine).mkdir()
        read(prepared, out=top / engine, params=READ, run=run_of("read", top / engine, engine))
    (top / "tasks").mkdir()
    folders = [top / engine for engine in ENGINES]
    tasks(prepared, folders, out=top / "tasks", params=TASKS, run=run_of("tasks", top / "tasks"))
    return SimpleNamespace(top=top, tasks=top / "tasks", folders=folders)


def test_parts_share_no_id_image_company_or_receipt_of_the_benchmark(prepared, sources):
    """Counted here by hand, and by the step: ids, images of pages, receipts and the probe, companies."""
    parts = {part: [*pages_of(prepared, part), *receipts_of_part(prepared, part)] for part in PARTS}
    probes = {part: probe_pages_of(prepared, part) for part in ("train", "test")}
    for one, other in combinations(PARTS, 2):
        assert not {page.id for page in parts[one]} & {page.id for page in parts[other]}
        assert not {page.image.tobytes() for page in parts[one]} & {page.image.tobytes() for page in parts[other]}
    assert not {page.sha256 for page in probes["train"]} & {page.sha256 for page in probes["test"]}
    ids = Counter(question.id for pages in parts.values() for page in pages for question in page.questions)
    assert set(ids.values()) == {1}
    asked = set(read_json(prepared / "about.json")["never_trained_on"])
    assert asked == {json.loads(row)["image"] for row in (sources / "asked/items.jsonl").read_text().splitlines()}
    receipts = {part: receipts_of_part(prepared, part) for part in PARTS}
    assert all(receipts.values())
    for part in ("train", "validation"):
        assert not {page.id.removeprefix("receipt-") for page in receipts[part]} & asked
    companies = [{page.description["facts"]["company"] for page in receipts[part]} for part in PARTS]
    assert not any(one & other for one, other in combinations(companies, 2))


def test_about_says_what_there_is_and_that_nothing_is_shared(prepared):
    about = read_json(prepared / "about.json")
    assert about["pages"] == {"train": 12, "validation": 4, "test": 5} and about["probe"] == {"train": 8, "test": 4}
    assert set(about["overlaps"]) == {"ids", "images", "words", "designs", "layouts", "companies"}
    assert set(about["overlaps"].values()) == {0}
    assert about["sources"]["sroie"]["stand_in"] is True
    questions = sum(len(page.questions) for page in pages_of(prepared, "test") + receipts_of_part(prepared, "test"))
    assert about["questions"]["test"] == questions


def test_the_same_seed_gives_the_same_files_and_another_seed_other_pages(prepared, sources, tmp_path):
    again = prepared_in(tmp_path / "again", sources)
    files = [path.relative_to(prepared) for path in sorted(prepared.rglob("*")) if path.is_file()]
    assert [path.relative_to(again) for path in sorted(again.rglob("*")) if path.is_file()] == files
    assert all((prepared / file).read_bytes() == (again / file).read_bytes() for file in files)
    few = PREPARE.model_copy(update={"receipts": dict.fromkeys(PARTS, 0)})
    other = prepared_in(tmp_path / "other", sources, few, seed=1)
    assert {page.sha256 for page in pages_of(other, "test")}.isdisjoint(
        page.sha256 for page in pages_of(prepared, "test")
    )
    assert receipts_of_part(other, "train") == [] and not (other / "receipts").exists()


def test_an_engine_says_how_much_it_read_and_one_that_reads_nothing_why(prepared, made):
    summary = read_summary(made.top / "ppocr6")
    assert "PP-OCRv6" in summary["version"] and summary["why_not"] == ""
    assert {name: own["pages"] for name, own in summary["sets"].items()} == {
        **{"fit": 3, "train": 4, "validation": 4, "test": 5, "probe_test": 4},
        "receipts_test": len(receipts_of_part(prepared, "test")),
    }
    for own in summary["sets"].values():
        assert 0 < own["recall_words"] <= own["recall_spaceless"] <= 1
    assert read_summary(made.top / "tesseract")["sets"] == {}  # not asked to read
    assert not list((made.top / "tesseract").glob("*.jsonl"))


@pytest.mark.skipif(find_spec("rapidocr_onnxruntime") is None, reason="rapidocr-onnxruntime is not installed")
def test_words_that_an_engine_glues_together_count_as_read_without_spaces_only(made):
    """PP-OCRv4's recogniser drops spaces between Latin words: both recalls are kept."""
    own = read_summary(made.top / "ppocr4")["sets"]["probe_test"]
    assert own["recall_words"] < own["recall_spaceless"]


def test_a_required_engine_that_is_not_installed_fails_and_another_says_so(prepared, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))  # where tesseract is not
    params = ReadParams(sets={"tesseract": ["test"]}, fit=1, train=0, required=[], threads=1)
    read(prepared, out=tmp_path, params=params, run=run_of("read", tmp_path, "tesseract"))
    assert "tesseract" in read_summary(tmp_path)["why_not"].lower() and read_summary(tmp_path)["sets"] == {}
    with pytest.raises(EngineNotInstalled):
        needed = params.model_copy(update={"required": ["tesseract"]})
        read(prepared, out=tmp_path, params=needed, run=run_of("read", tmp_path, "tesseract"))


@needs_engine
def test_every_page_of_a_part_has_its_text_by_each_source_and_bears_its_name(prepared, made):
    """Training pages never have what was drawn as their OCR text; asked pages have it under the name of the oracle."""
    assert ocr_sources(made.tasks, "train") == ("mixed", "ppocr6", "simulated")
    assert ocr_sources(made.tasks, "test") == ("corrupted_15", "oracle", "ppocr6")
    assert ocr_sources(made.tasks, "receipts_test") == ("corrupted_15", "oracle", "ppocr6")
    assert ocr_sources(made.tasks, "receipts_train") == ("corrupted_15", "oracle")
    for part in PARTS:
        ids = [page.id for page in pages_of(prepared, part)]
        for source in ocr_sources(made.tasks, part):
            pages = read_ocr(made.tasks, part, source)
            assert list(pages) == (ids[:4] if (part, source) == ("train", "ppocr6") else ids)
            said = {ocr_source(page) for page in pages.values()}
            if source == "mixed":
                assert [ocr_source(page) for page in pages.values()] == 4 * ["ppocr6"] + 8 * ["simulated"]
                continue
            assert said == ({"corrupted 15 % (described)"} if source.startswith("corrupted") else {source})
    with pytest.raises(InvalidPages, match="there is no file"):
        read_ocr(made.tasks, "test", "tesseract")


@needs_engine
def test_the_same_questions_have_another_prompt_for_each_source_of_text(prepared, made):
    """Text that slips in unseen changes the sum of the prompt; each row says where its text came from."""
    pages = pages_of(prepared, "test")
    rows = {None: answer_samples(pages, texts=None)}
    for source in ocr_sources(made.tasks, "test"):
        read_by = read_ocr(made.tasks, "test", source)
        rows[source] = answer_samples(pages, texts={name: ocr_text(page) for name, page in read_by.items()})
    for questions in zip(*rows.values(), strict=True):
        bare, *others = questions
        assert bare.ocr_source == "none" and bare.prompt_sha256 not in {row.prompt_sha256 for row in others}
        assert [row.ocr_source for row in others] == ["corrupted 15 % (described)", "oracle", "ppocr6"]
        assert len({row.answer for row in questions}) == 1
    assert [row.prompt for row in rows["oracle"]] != [row.prompt for row in rows["corrupted_15"]]


@needs_engine
def test_simulated_text_is_like_the_engine_s_and_its_check_is_on_other_pages(prepared, made):
    noise = read_json(made.tasks / NOISE)
    assert "PP-OCRv6" in noise["model"]["engine"] and noise["fitted_on"] == 3 and noise["checked_on"] == "validation"
    pages = pages_of(prepared, "validation")
    real = read_ocr(made.tasks, "validation", "ppocr6")
    counts = recall([page.truth for page in pages], [real[page.id] for page in pages])
    assert noise["real"] == {"recall_words": counts.word_recall, "recall_spaceless": counts.spaceless_recall}
    assert 0.5 < noise["simulated"]["recall_words"] <= noise["simulated"]["recall_spaceless"] <= 1
    one = read_ocr(made.tasks, "train", "simulated")
    assert all("simulated after PP-OCRv6" in page.engine for page in one.values())


def test_samples_of_stage_one_hold_no_ocr_text_where_none_belongs(prepared, made):
    rows = [json.loads(line) for line in (made.tasks / STAGE_ONE).read_text().splitlines()]
    samples = [Sample.from_json(row) for row in rows]
    pages = {page.id: page for page in pages_of(prepared, "train")}
    assert {sample.page for sample in samples} == set(pages)
    assert {sample.task for sample in samples} == {"T1", "T2", "T3", "T4"}
    assert all(sample.ocr_source == "none" for sample in samples if sample.task in WITHOUT_OCR)
    for sample in samples:
        assert len(sample.prompt) + len(sample.answer) <= TASKS.longest
        if sample.task == "T3":
            assert sorted(sample.answer.split()) == sorted(word.text for word in pages[sample.page].truth.words)


@needs_engine
def test_statistics_say_what_a_cut_costs(prepared, made):
    """A budget above every length cuts nothing; a small one cuts; head and tail keep what the head alone loses."""
    rows = read_statistics(made.tasks)
    keys = {(row["part"], row["source"], row["layout"], row["budget"], row["policy"]) for row in rows}
    assert len(keys) == len(rows)
    wanted = set(product(("plain", "xy_cut", "space"), [("", ""), *product(("40", "10000"), ("head", "head_tail"))]))
    own = {(row["layout"], (row["budget"], row["policy"])) for row in rows if row["source"] == "oracle"}
    assert own == wanted
    for row in rows:
        if row["budget"] in ("", "10000"):
            assert float(row["truncated"]) == 0
            assert row["survived"] == ("1.0" if float(row["read"]) else "")  # undefined where nothing was read
    oracle = [row for row in rows if (row["part"], row["source"]) == ("test", "oracle") and row["budget"] == ""]
    assert all(float(row["read"]) == 1 for row in oracle)
    pages = pages_of(prepared, "test")
    (row,) = [row for row in rows if (row["part"], row["source"], row["layout"]) == ("test", "oracle", "space")][2:3]
    assert (row["budget"], row["policy"]) == ("40", "head_tail")
    texts = {page.id: ocr_text(page.truth, layout="space", budget=40, policy="head_tail") for page in pages}
    asked = [question for page in pages for question in page.questions if question.stratum not in SIGHT]
    kept = [question for question in asked if texts[question.page].holds(question.answers)]
    assert float(row["survived"]) == pytest.approx(len(kept) / len(asked))
    assert 0 < float(row["truncated"]) == sum(text.truncated for text in texts.values()) / len(pages)


def test_a_total_at_the_end_of_a_receipt_is_lost_by_the_head_and_kept_with_the_tail(prepared):
    """Totals stand near the end of a receipt: the policy decides whether they survive, and ``holds`` says so."""
    lost = kept = 0
    for page in receipts_of_part(prepared, "test"):
        for question in page.questions:
            if question.stratum == "total":
                head = ocr_text(page.truth, layout="space", budget=160, policy="head")
                both = ocr_text(page.truth, layout="space", budget=160, policy="head_tail")
                assert head.truncated and both.truncated and head.held(question.answers)
                lost += not head.holds(question.answers)
                kept += both.holds(question.answers)
    assert kept > 0 and lost > 0 and kept >= lost / 2


def test_boxes_of_pages_hold_their_ink_after_the_way_through_files(prepared):
    """What is outside all boxes of words and shapes is background: erased words leave no letter behind."""
    for page in pages_of(prepared, "test"):
        for word in page.truth.words:
            x0, y0, x1, y1 = (round(value) for value in word.box)
            inside = page.image[y0:y1, x0:x1].astype(int)
            assert inside.size and np.ptp(inside, axis=(0, 1)).max() > 40, (page.id, word.text)
    for probe in probe_pages_of(prepared, "test"):
        blank = probe.image.copy()
        for word in probe.truth.words:
            x0, y0, x1, y1 = (round(value) for value in word.box)
            blank[y0:y1, x0:x1] = 255
        assert (blank == 255).all() and (probe.image < 128).any()


def test_shared_pages_words_or_companies_fail_by_name(prepared, sources, tmp_path, monkeypatch):
    """Planted: the test is drawn as the training part is, and its overlaps stop the step."""
    import tenfold.llava_read.pages as library

    draw = library.draw_pages

    def leaking(part, count, **named):
        pages = list(draw("train", count, **named))
        return [replace(page, part=part) for page in pages] if part == "test" else list(draw(part, count, **named))

    monkeypatch.setattr(library, "draw_pages", leaking)
    with pytest.raises(PartsOverlap, match=r"share 5 ids, 5 images, \d+ words, \d+ designs, \d layouts: no score"):
        prepared_in(tmp_path / "leaking", sources)


def test_companies_of_two_parts_that_are_alike_are_counted():
    from tenfold.llava_read.overlaps import part_overlaps
    from tenfold.llava_read.pages import ReadingPage

    def receipt(number: int, company: str) -> ReadingPage:
        facts = {"layout": "receipt", "lines": [], "facts": {"company": company}}
        return ReadingPage(str(number), "test", np.full((2, 2, 3), number, np.uint8), facts, ())

    parts = {"train": [receipt(1, "ALPINE TRADING SDN BHD")], "test": [receipt(2, "Alpine Tradlng Sdn. Bhd.")]}
    assert part_overlaps(parts, [])["companies"] == 1
    assert part_overlaps(parts | {"test": [receipt(2, "EMBER CAFE")]}, [])["companies"] == 0


def test_a_folder_that_holds_no_pages_of_the_probe_is_refused_with_the_line(prepared, tmp_path):
    with pytest.raises(NoPages, match=r"holds no pages\.jsonl"):
        probe_pages_of(tmp_path, "test")
    (tmp_path / "probe/test").mkdir(parents=True)
    (tmp_path / "probe/test/pages.jsonl").write_text('{"id": "a", "text_size": 8, "words": 1}\n')
    with pytest.raises(NoPages, match=r"pages\.jsonl:1: .*write the pages again"):
        probe_pages_of(tmp_path, "test")
