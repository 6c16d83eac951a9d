"""The engines themselves, where they are installed, on pages whose words are known."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from shutil import which

import numpy as np
import pytest
import torch

from tenfold.metrics.boxes import iou
from tenfold.ocr.ceilings import crop_ceiling, page_ceiling
from tenfold.ocr.descriptions import described
from tenfold.ocr.engine import Engine
from tenfold.ocr.errors import EngineMismatch, EngineNotInstalled, InvalidPages, UnknownEngine
from tenfold.ocr.page import Page
from tenfold.ocr.ppocr import upright
from tenfold.ocr.reading import load_engine, read, read_crops
from tenfold.ocr.tesseract import parsed
from tenfold.ocr.word_recall import recall
from tenfold.rendering.assets import Assets
from tenfold.rendering.fonts import bundled_fonts
from tenfold.rendering.pages import draw_page, draw_words
from tenfold.rendering.word_canvases import draw_word_canvas
from tenfold.rendering.words import drawn_words, english_words

INSTALLED = {
    "ppocr6": find_spec("rapidocr") is not None,
    "ppocr4": find_spec("rapidocr") is not None and find_spec("rapidocr_onnxruntime") is not None,
    "easyocr": find_spec("easyocr_en_models") is not None,
    "tesseract": which("tesseract") is not None,
}
GLUES_WORDS = {"ppocr4"}  # its recogniser is Chinese: it leaves out spaces between Latin words
HERE = [name for name, there in INSTALLED.items() if there]
FONTS = {font.name: font for font in bundled_fonts()}
FACES = [FONTS[name] for name in ("DejaVu Sans Book", "DejaVu Serif Book", "STIXGeneral Regular")]


@pytest.fixture(params=HERE)
def engine(request: pytest.FixtureRequest) -> Engine:
    return load_engine(request.param)


@pytest.fixture(scope="module")
def drawings():
    """Pages of 256×256 with 20 words at 16 px."""
    generator = np.random.default_rng(16)
    return [
        draw_words(drawn_words(english_words(), 20, generator), FACES[number % 3], text_size=16) for number in range(3)
    ]


def test_type_of_16_pixels_is_read_word_by_word(engine, drawings):
    pages = read([drawing.image for drawing in drawings], engine)
    found = recall([described(drawing) for drawing in drawings], pages)
    assert found.words == 60 and found.spaceless_recall >= 0.95
    if engine.name in GLUES_WORDS:
        assert found.word_recall < 0.5
    else:
        assert found.precision >= 0.95 and found.word_recall >= (0.99 if engine.name == "ppocr6" else 0.95)
    assert all(page.engine == engine.version and (page.width, page.height) == (256, 256) for page in pages)


def test_words_are_where_their_ink_is(engine, drawings):
    drawing = drawings[0]
    page = read([drawing.image], engine, enlarge=3 if engine.name in GLUES_WORDS else 1)[0]  # so that words are words
    read_as = {word.text: word.box for word in page.words}
    found = [word for word in drawing.words if word.text in read_as]
    assert len(found) >= (15 if engine.name in GLUES_WORDS else 18)
    assert iou(np.array([word.box for word in found]), np.array([read_as[word.text] for word in found])).min() > 0.35


def test_the_same_image_gives_the_same_page_from_any_thread(engine, drawings):
    images = [drawings[0].image[:200, :180], drawings[1].image[:100, :120]]
    wanted = read(images, engine)
    with ThreadPoolExecutor(2) as threads:
        for found in threads.map(lambda _: read(images, engine), range(2)):
            assert found == wanted


def test_an_enlarged_image_is_read_in_its_own_coordinates(engine, drawings):
    part = drawings[0].image[:160, :200]
    page = read([part], engine, enlarge=2)[0]
    assert (page.width, page.height) == (200, 160) and page.engine.endswith("enlarged 2 times")
    assert page.words and all(word.box[3] <= 164 for word in page.words)


def test_an_empty_image_has_no_words(engine):
    blank = np.full((64, 64, 3), 255, np.uint8)
    assert read([blank], engine)[0].words == ()


def test_crops_are_read_without_detection(engine, drawings):
    drawing = drawings[0]
    ceiling = crop_ceiling([drawing], engine, enlarge=3)
    assert ceiling.words == 20 and ceiling.exact_share >= 0.9 and ceiling.letter_accuracy >= 0.97
    assert ceiling.engine == engine.version


@pytest.mark.skipif("ppocr6" not in HERE, reason="rapidocr is not installed")
def test_small_canvases_are_read_by_crop_better_than_whole():
    """On canvases of 64×16 with one word, the crop in its known box is at least as readable as the whole canvas."""
    assets, generator = Assets(tuple(FACES), english_words(4, 6)), np.random.default_rng(5)
    canvases = [
        draw_word_canvas(drawn_words(assets.words, 1, generator), generator, assets=assets, size=(64, 16), grey=True)
        for _ in range(10)
    ]
    engine = load_engine("ppocr6")
    crops, whole = crop_ceiling(canvases, engine), page_ceiling(canvases, engine)
    assert crops.exact_share >= 0.9 and crops.exact_share >= whole.word_recall


@pytest.mark.skipif("ppocr6" not in HERE, reason="rapidocr is not installed")
def test_every_layout_is_read():
    assets = Assets(tuple(FACES), english_words())
    drawings = [draw_page(layout, 1, assets=assets, text_size=13) for layout in ("sign", "receipt", "chart")]
    pages = read([drawing.image for drawing in drawings])
    for drawing, page in zip(drawings, pages, strict=True):
        assert recall([described(drawing)], [page]).spaceless_recall >= 0.85, (drawing.layout, page.text, drawing.text)


@pytest.mark.skipif("easyocr" not in HERE, reason="EasyOCR's weights are not installed")
def test_the_reader_in_plain_torch_has_a_gradient(drawings):
    from tenfold.ocr.crnn import line_input
    from tenfold.ocr.easyocr import EasyOcr

    engine = load_engine("easyocr")
    assert isinstance(engine, EasyOcr)
    x0, y0, x1, y1 = drawings[0].words[0].box
    line = line_input(drawings[0].image[y0:y1, x0:x1]).requires_grad_()
    engine.reader(line).logsumexp(dim=2).sum().backward()
    assert line.grad is not None and float(line.grad.abs().max()) > 0


def test_networks_of_random_weights_have_the_shapes_of_the_papers():
    from tenfold.ocr.craft import Craft
    from tenfold.ocr.crnn import CHARACTERS, Crnn

    with torch.inference_mode():
        assert Craft().eval()(torch.zeros(1, 3, 64, 96)).shape == (1, 2, 32, 48)
        assert Crnn().eval()(torch.zeros(2, 1, 64, 100)).shape == (2, 24, len(CHARACTERS) + 1)
    assert len(set(CHARACTERS)) == 96


def test_two_words_are_found_on_hand_made_maps():
    from tenfold.ocr.craft import boxes_of

    regions, links = np.zeros((20, 60), np.float32), np.zeros((20, 60), np.float32)
    for left in (5, 12, 35, 42):
        regions[8:13, left : left + 5] = 0.9
    links[9:12, 10:12] = 0.6  # joins the first two letters
    links[9:12, 40:42] = 0.6
    regions[2:6, 50:54] = 0.5  # too faint to be text
    found = sorted(boxes_of(regions, links))
    assert len(found) == 2
    assert found[0][0] <= 10 and found[0][2] >= 34 and found[1][0] <= 70 and found[1][2] >= 94


def test_decoding_joins_repeats_between_blanks():
    from tenfold.ocr.crnn import CHARACTERS, decoded

    path = [0, *[CHARACTERS.index(letter) + 1 for letter in "aab"], 0, CHARACTERS.index("b") + 1, 0]
    scores = torch.full((len(path), len(CHARACTERS) + 1), -9.0)
    scores[torch.arange(len(path)), torch.tensor(path)] = 9.0
    text, confidence = decoded(scores)
    assert text == "abb" and confidence > 0.99
    assert decoded(scores[:1]) == ("", 0.0)


def test_words_are_taken_from_tesseracts_table():
    table = (
        "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n"
        "1\t1\t0\t0\t0\t0\t0\t0\t99\t50\t-1\t\n"
        "5\t1\t1\t1\t1\t1\t10\t5\t30\t12\t96.5\tHello\n"
        '5\t1\t1\t1\t1\t2\t45\t5\t30\t12\t90\t"you"\n'
        "5\t1\t1\t1\t2\t1\t10\t25\t30\t12\t-1\tbelow\n"
        "5\t1\t1\t1\t2\t2\t50\t25\t3\t12\t10\t \n"
    )
    words = parsed(table)
    assert [word.text for word in words] == ["Hello", '"you"', "below"]
    assert words[0].box == (10, 5, 40, 17) and words[0].confidence == 0.965 and words[2].confidence == 0
    assert [word.line for word in words] == [0, 0, 1]


def test_engines_that_are_not_there_say_what_to_install():
    with pytest.raises(UnknownEngine, match="there are ppocr6, ppocr4, easyocr, tesseract, none"):
        load_engine("magic")
    for name, there in INSTALLED.items():
        if not there:
            with pytest.raises(EngineNotInstalled, match="install"):
                load_engine(name)


def test_no_engine_reads_nothing_and_other_arrays_are_refused():
    image = np.zeros((8, 9, 3), np.uint8)
    assert read([image, image[..., 0]], "none") == [Page(9, 8, (), "none")] * 2
    assert read_crops([image], "none") == [("", 0.0)]
    for wrong in (image.astype(float), image[..., :2], image[:0]):
        with pytest.raises(InvalidPages, match="uint8"):
            read([wrong], "none")
    with pytest.raises(InvalidPages, match="enlarged"):
        read([image], "none", enlarge=0)


def test_a_turned_box_has_the_upright_one_around_it():
    assert upright(np.array([[1, 5], [9, 2], [10, 6], [2, 9]])) == (1, 2, 10, 9)


@pytest.mark.skipif("ppocr4" not in HERE, reason="rapidocr-onnxruntime is not installed")
def test_versions_of_paddle_ocr_read_side_by_side_under_their_own_names(drawings):
    pages = {name: read([drawings[0].image], name)[0] for name in ("ppocr6", "ppocr4")}
    assert pages["ppocr6"].engine == load_engine("ppocr6").version and "PP-OCRv6" in pages["ppocr6"].engine
    assert "PP-OCRv4" in pages["ppocr4"].engine and "1.4.4" in pages["ppocr4"].engine
    assert pages["ppocr6"].words != pages["ppocr4"].words


def test_other_models_than_the_released_are_refused(monkeypatch, tmp_path):
    from dataclasses import replace

    from tenfold.ocr.ppocr import V4, PaddleOcr

    with pytest.raises(EngineNotInstalled, match="pip install --no-deps rapidocr-onnxruntime=="):
        PaddleOcr(replace(V4, module="no_such_package"))
    package = tmp_path / "swapped_models"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('a package of weights is never imported')")
    (package / "models" / next(iter(V4.files))).write_bytes(b"other weights")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EngineMismatch, match=r"expected sha256 d2a7720d.*install rapidocr-onnxruntime 1\.4\.4"):
        PaddleOcr(replace(V4, module="swapped_models"))
