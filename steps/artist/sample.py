"""Sample images of every trained arm: at the test layouts, at planned ones, and with one box moved."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import NonNegativeInt

from steps.artist.arm_setup import ARTIST, CONTROLS, DEFAULT_TEXT
from steps.artist.canvas_sets import FONTS, PromptRow, prompt_rows, real_composites, stages_of
from steps.artist.moved_boxes import changed_layout, changes
from steps.artist.plan import FORMS, REGEX, TAGGER, TEST, read_plans
from steps.artist.saved_arms import TEXT_MODULES, load_arm, model_name, read_rows
from steps.artist.settings import SIDE, Settings, read_settings
from steps.step.json_files import read_json, write_json
from steps.step.params import Count, Params, Positive
from steps.step.run import Run

if TYPE_CHECKING:
    from tenfold.artist.conditioning import Conditioning
    from tenfold.artist.conditions import Conditions
    from tenfold.artist.layouts import Layout
    from tenfold.artist.model import Artist
    from tenfold.rendering.fonts import Font

IMAGES, DUMP, SWAP, PIPELINE = "images", "conditioning.jsonl", "swap.json", "pipeline"
GIVEN, CASCADE = "given", "cascade"  # images beside those of the test's layouts, by what the text is taken from
RANDOM, GLYPHS = "random_text_module", "glyph_image"
STREAM = 7  # tells the seed of sampled noise from others


class SampleParams(Params):
    """How many images of each prompt, and how they are sampled.

    ``repeats_beside`` is of the controls, and of arms whose visual set is of another size than the first one's.
    ``planned`` counts the test prompts that the full arm also draws from planned layouts, ``moved`` those of which one
    box is moved or two words change places.
    """

    repeats: Count
    repeats_beside: Count
    planned: NonNegativeInt
    moved: NonNegativeInt
    num_inference_steps: Count
    guidance_scale: Positive
    batch_size: Count


def sample(
    prepared: Path, planned: Path, text: Path, trained: Path, *, out: Path, params: SampleParams, run: Run
) -> None:
    """Sample from every model of one output of ``train_visual``.

    The n-th image of a prompt starts from the same noise in all arms of a seed. A layout that no network takes (more
    letters than it reads, a letter without a place of its own) becomes an empty one, and the row says why.

    Reads   prepared/prompts.jsonl, fonts.json; planned/plans.jsonl; text/text/<arm>-<seed>/, train_text.json;
            trained/rows.jsonl, models/
    Writes  images/<model>.npz: test (R·N, H, W, 3) uint8, an image of each of N prompts, then again; text
            (R·N, H, W), the text module's own; <planner>-<form> (M, H, W, 3) with <planner>-<form>-prompts (M,); given
            (N, H, W, 3) with given-prompts, of ARTIST and of the untrained text module: the composites' own text
            images, noised as in training, in place of sampled ones; cascade, of the arm glyph_image: given the
            finished text images that ARTIST's text module samples;
            conditioning.jsonl: every word and box as it can be read off what went into the network; swap.json: how
            much moving a box changes inside old and new box, and outside; pipeline/: the first ARTIST model, as
            ``tenfold artist generate --model`` takes it
    Raises  OtherTextModule, InvalidModel, InvalidSampling
    """
    prompts, settings, face = prompt_rows(prepared), read_settings(text), seen_face(prepared)
    plans = [row for row in read_plans(planned) if row["set"] == TEST]
    (out / IMAGES).mkdir()
    dumped: list[dict[str, Any]] = []
    swapped: list[dict[str, Any]] = []
    rows = read_rows([trained])
    for row in rows:
        name, artist = model_name(row), load_arm(trained, row, text).to(run.device)
        sampler = Sampler(name, artist, settings, face, params, run.seed, row["seed"])
        beside = run.variant == CONTROLS or row["size"] != rows[0]["size"]
        arrays = sampler.test(prompts, params.repeats_beside if beside else params.repeats)
        if row["arm"] == ARTIST:
            arrays |= sampler.planned(plans, prompts)
        if row["arm"] in (ARTIST, RANDOM) and row["size"] == rows[0]["size"]:
            arrays |= sampler.given(prompts, real_composites(prepared, stages_of(prepared)[0]).glyphs)
        if row["arm"] == GLYPHS:
            arrays |= sampler.cascade(prompts, text / TEXT_MODULES / f"{DEFAULT_TEXT}-{row['seed']}")
        np.savez_compressed(out / IMAGES / f"{name}.npz", allow_pickle=False, **arrays)
        swapped += sampler.swapped(prompts[: params.moved])
        dumped += sampler.dumped
        if row["arm"] == ARTIST and not (out / PIPELINE).exists():
            save_pipeline(artist, settings, prompts[0].layout, out / PIPELINE)
        run.say(f"{name}: {sum(len(one) for key, one in arrays.items() if one.ndim == 4)} images")
    (out / DUMP).write_text("".join(json.dumps(row) + "\n" for row in dumped), encoding="utf-8")
    write_json(out / SWAP, swapped)


def save_pipeline(artist: Artist, settings: Settings, layout: Layout, out: Path) -> None:
    """Save a model, with the scheduler that it was trained by, as a pipeline for canvases of a layout's size."""
    from tenfold.artist.pipeline import ArtistPipeline

    canvas = (layout.width, layout.height)
    pipeline = ArtistPipeline.of(artist, settings.noise.scheduler(), side=SIDE, canvas=canvas)
    pipeline.save_pretrained(out)


def read_images(sampled: Sequence[Path]) -> dict[str, Path]:
    """Return the file of each model's images, by the model's name."""
    return {path.stem: path for folder in sampled for path in sorted((folder / IMAGES).glob("*.npz"))}


def read_dump(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of conditioning.jsonl."""
    return [json.loads(line) for line in (folder / DUMP).read_text(encoding="utf-8").splitlines()]


def planned_prompts(prompts: int, most: int) -> list[int]:
    """Return the numbers of at most ``most`` prompts at equal distances."""
    count = min(prompts, most)
    return [place * prompts // count for place in range(count)]


@dataclass
class Sampler:
    """One model and all that is sampled from it; ``dumped`` is what its networks were told."""

    name: str
    artist: Artist
    settings: Settings
    face: Font
    params: SampleParams
    seed: int
    model_seed: int

    def __post_init__(self) -> None:
        from tenfold.nn.seeding import draw_seed

        self.dumped: list[dict[str, Any]] = []
        self.noise = draw_seed(self.seed, self.model_seed, STREAM)
        self.longest = self.settings.model.longest

    def test(self, prompts: Sequence[PromptRow], repeats: int) -> dict[str, np.ndarray]:
        """Return the images of the test prompts, and the text module's text images where there is one."""
        layouts = self._taken("test", {one.number: one.layout for one in prompts})
        images, text = self._drawn(layouts * repeats)
        return {"test": images} | ({} if text is None else {"text": text})

    def planned(self, plans: Sequence[Mapping[str, Any]], prompts: Sequence[PromptRow]) -> dict[str, np.ndarray]:
        """Return an image per planned prompt, of each planner and form; the n-th tagger plans for the n-th seed."""
        from tenfold.artist.layouts import fitted_layout

        numbers, found = planned_prompts(len(prompts), self.params.planned), dict[str, np.ndarray]()
        seeds = len({row["seed"] for row in plans if row["planner"] == TAGGER})
        for planner in (REGEX, TAGGER):
            seed = self.model_seed % seeds if planner == TAGGER else 0
            for form in FORMS:
                own = {
                    row["number"]: row
                    for row in plans
                    if (row["planner"], row["form"], row["seed"]) == (planner, form, seed) and row["number"] in numbers
                }
                if not own:
                    continue
                sizes = {number: prompts[number].layout for number in own}
                wanted = {
                    number: fitted_layout(
                        [(text, tuple(box)) for text, box in zip(row["found"], row["boxes"], strict=True)],
                        width=sizes[number].width,
                        height=sizes[number].height,
                    ).layout
                    for number, row in own.items()
                }
                key = f"{planner}-{form}"
                found[key], _ = self._drawn(self._taken(key, wanted))
                found[f"{key}-prompts"] = np.array(list(own), np.int64)
        return found

    def given(self, prompts: Sequence[PromptRow], glyphs: np.ndarray) -> dict[str, np.ndarray]:
        """Return an image per prompt, the text branch given the right text image at every t: what training gave it."""
        layouts = self._taken(GIVEN, {one.number: one.layout for one in prompts})
        images, _ = self._drawn(layouts, text=glyphs[[one.number for one in prompts]])
        return {GIVEN: images, f"{GIVEN}-prompts": np.array([one.number for one in prompts], np.int64)}

    def cascade(self, prompts: Sequence[PromptRow], folder: Path) -> dict[str, np.ndarray]:
        """Return an image per prompt, given as an input what the text module of ``folder`` samples by itself."""
        from tenfold.artist.denoiser import Denoiser
        from tenfold.artist.model import Artist

        layouts = self._taken(CASCADE, {one.number: one.layout for one in prompts})
        module = Denoiser.from_pretrained(folder).freeze().to(self.artist.visual.unet.device)
        text, _ = self._drawn(layouts, artist=Artist(module).eval())
        images, _ = self._drawn(layouts, glyphs=text)
        return {CASCADE: images, f"{CASCADE}-prompts": np.array([one.number for one in prompts], np.int64)}

    def swapped(self, prompts: Sequence[PromptRow]) -> list[dict[str, Any]]:
        """Return how much each image changes, from the same noise, when a box is moved or two words change places."""
        pairs = [(one, other) for one in prompts if (other := changed_layout(one.layout)) is not None]
        if not pairs:
            return []
        before, _ = self._drawn(self._taken("before", {one.number: one.layout for one, _ in pairs}))
        after, _ = self._drawn(self._taken("after", {one.number: other for one, other in pairs}))
        rows = []
        for (one, other), first, second in zip(pairs, before, after, strict=True):
            inside, outside = changes(first, second, one.layout, other)
            kind = "moved" if len(one.keywords) == 1 else "exchanged"
            rows.append({"model": self.name, "prompt": one.number, "kind": kind, "inside": inside, "outside": outside})
        return rows

    def _taken(self, name: str, layouts: Mapping[int, Layout]) -> list[Layout]:
        """Return layouts as the networks take them, and write down what these were told."""
        from tenfold.artist.conditioning import UnknownLetter, condition, conditioning_dump
        from tenfold.artist.layouts import InvalidLayout, Layout

        taken = []
        for number, layout in layouts.items():
            refused = None
            try:
                arrays = condition([layout], stride=SIDE, longest=self.longest)
            except (InvalidLayout, UnknownLetter) as error:
                refused, words = str(error), []
                layout = Layout(layout.width, layout.height)
            else:
                (words,) = conditioning_dump([layout], arrays, stride=SIDE)
            about = {"model": self.name, "layouts": name, "prompt": number}
            self.dumped.append({**about, "words": words, "refused": refused})
            taken.append(layout)
        return taken

    def _drawn(
        self,
        layouts: Sequence[Layout],
        *,
        artist: Artist | None = None,
        text: np.ndarray | None = None,
        glyphs: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return images and text images of layouts, a batch at a time; ``artist`` samples in place of the model.

        ``text`` (N, H, W) replaces the text branch's own walk, ``glyphs`` what is drawn for the arm that reads it.
        """
        from tenfold.artist.conditioning import condition
        from tenfold.artist.pipeline import ArtistPipeline
        from tenfold.artist.sampling import SamplingConfig

        pipeline = ArtistPipeline.of(artist or self.artist, self.settings.noise.scheduler(), side=SIDE)
        config = SamplingConfig(self.params.num_inference_steps, self.params.guidance_scale)
        images, texts = [], []
        for start in range(0, len(layouts), self.params.batch_size):
            rows = slice(start, start + self.params.batch_size)
            part = layouts[rows]
            arrays = condition(part, stride=SIDE, longest=self.longest)
            conditions = self._conditions(arrays, part, None if glyphs is None else glyphs[rows])
            own = None if text is None else text[rows]
            found = pipeline(conditions, config=config, seed=self.noise, first=start, text_images=own)
            images.append(found.images)
            texts += [] if found.text_images is None else [found.text_images]
        return np.concatenate(images), np.concatenate(texts) if texts else None

    def _conditions(self, arrays: Conditioning, layouts: Sequence[Layout], glyphs: np.ndarray | None) -> Conditions:
        from dataclasses import replace

        from tenfold.artist.conditions import Conditions
        from tenfold.artist.latents import unshuffled
        from tenfold.imaging.pixels import to_tensor

        found = Conditions.from_arrays(arrays)
        if not self.artist.visual.glyphs:
            return found
        drawn = np.stack([rendered(one, self.face) for one in layouts]) if glyphs is None else glyphs
        return replace(found, glyphs=unshuffled(to_tensor(drawn), SIDE))


def seen_face(prepared: Path) -> Font:
    """Return the first of the faces of training that is there without any folder of fonts. Raises MissingFonts."""
    from tenfold.rendering.errors import MissingFonts
    from tenfold.rendering.fonts import bundled_fonts

    seen = {row["name"] for row in read_json(prepared / FONTS) if row["part"] == "seen"}
    for font in bundled_fonts():
        if font.name in seen:
            return font
    raise MissingFonts(f"no face of training is always there: {', '.join(sorted(seen))}; add one to prepare.fonts")


def rendered(layout: Layout, face: Font) -> np.ndarray:
    """Return a layout's words in white on black, in one face; black if a box is too small.

    What the arm ``glyph_image`` is given.
    """
    from tenfold.artist.canvases import glyphs_in_boxes
    from tenfold.rendering.errors import TextDoesNotFit

    try:
        return glyphs_in_boxes(layout, face)
    except TextDoesNotFit:
        return np.zeros((layout.height, layout.width), np.uint8)
