"""A classifier of backgrounds, whose features measure them: ``fd_bg``, a Fréchet distance with the words taken out.

It tells apart which photograph a background is a part of, and how it was treated (noise, blur, blocks, contrast). It
is trained for this alone, and takes no part in any training of what it measures. The figure is neither FID nor
comparable with one.

Legend:  N images · H, W height and width · P photographs · T treatments
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float64, Int64, UInt8

from tenfold.artist.canvases import CanvasStyle
from tenfold.artist.layouts import InvalidLayout, Layout
from tenfold.artist.outside_ink import MARGIN, box_mask
from tenfold.imaging.pixels import to_tensor
from tenfold.metrics.bootstrap import Estimate
from tenfold.metrics.generation import frechet_difference, frechet_distance, frechet_from_moments, moments
from tenfold.metrics.metric_classifier import MetricClassifier, train_metric_classifier
from tenfold.nn.convnet import ConvNetConfig
from tenfold.nn.seeding import seeded
from tenfold.rendering.assets import Assets
from tenfold.rendering.errors import InvalidDrawing
from tenfold.rendering.word_canvases import draw_word_canvas

Images = UInt8[np.ndarray, "N H W 3"]
WIDTHS, FEATURES = (16, 32, 64), 24


def background_only(images: Images, layouts: Sequence[Layout]) -> Images:
    """Return images with every box, and a pixel around it, filled with the mean colour of what lies outside of all.

    An image that is all boxes becomes black. Raises InvalidLayout if numbers or sizes differ.
    """
    if len(images) != len(layouts) or any((one.height, one.width) != images.shape[1:3] for one in layouts):
        raise InvalidLayout(f"images {images.shape} and {len(layouts)} layouts do not belong together")
    filled = images.copy()
    for image, layout in zip(filled, layouts, strict=True):
        mask = box_mask(layout, margin=MARGIN)
        image[mask] = 0 if mask.all() else np.rint(image[~mask].mean(axis=0)).astype(np.uint8)
    return filled


def background_examples(
    assets: Assets, each: int, generator: np.random.Generator, *, style: CanvasStyle
) -> tuple[Images, Int64[np.ndarray, " N"]]:
    """Return ``each`` backgrounds of every photograph in every treatment, the words taken out, and their classes.

    The class is photograph · T + treatment. Raises InvalidDrawing if there is no photograph.
    """
    if not assets.photographs:
        raise InvalidDrawing("no photograph: a classifier of backgrounds needs one or more")
    images, labels = [], []
    for number, source in enumerate(assets.photographs):
        own = Assets(assets.fonts, assets.words, (source,))
        plain = _backgrounds(own, each * len(TREATMENTS), generator, style)
        for treatment, treated in enumerate(TREATMENTS.values()):
            images += [treated(image, generator) for image in plain[treatment :: len(TREATMENTS)]]
            labels += [number * len(TREATMENTS) + treatment] * each
    return np.stack(images), np.array(labels, np.int64)


def _backgrounds(assets: Assets, count: int, generator: np.random.Generator, style: CanvasStyle) -> Images:
    """Return canvases on photographs, the words taken out."""
    images: list[np.ndarray] = []
    layouts: list[Layout] = []
    while len(images) < count:
        word = assets.words[int(generator.integers(0, len(assets.words)))]
        drawing = draw_word_canvas(
            [word],
            generator,
            assets=assets,
            size=(style.width, style.height),
            grey=style.backgrounds == "grey",
            contrast=style.contrast,
            smallest=style.smallest,
        )
        if drawing.facts["background"] == "photograph":
            images.append(drawing.image)
            layouts.append(Layout.of(drawing))
    return background_only(np.stack(images), layouts)


def _noisy(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    noise = generator.normal(0, generator.uniform(6, 30), image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def _blurred(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    from PIL import Image, ImageFilter

    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(generator.uniform(1, 4))))


def _in_blocks(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    side = int(generator.choice((2, 4)))
    small = image[side // 2 :: side, side // 2 :: side]
    return small.repeat(side, axis=0).repeat(side, axis=1)[: image.shape[0], : image.shape[1]]


def _flatter(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    mean = image.mean(axis=(0, 1))
    return np.clip(np.rint(mean + (image - mean) * generator.uniform(0.2, 0.6)), 0, 255).astype(np.uint8)


Treatment = Callable[[np.ndarray, np.random.Generator], np.ndarray]
TREATMENTS: dict[str, Treatment] = {
    "none": lambda image, _: image,
    "noise": _noisy,
    "blur": _blurred,
    "blocks": _in_blocks,
    "contrast": _flatter,
}


def train_background_classifier(
    images: Images, labels: Int64[np.ndarray, " N"], *, seed: int, updates: int = 300, batch_size: int = 64
) -> tuple[MetricClassifier, list[float]]:
    """Return the classifier of backgrounds, and its loss in nats per image of every update.

    Canvases stand in the middle of a black square. Raises InvalidImages, InvalidLabels, InvalidConfig, NotFinite.
    """
    stride = 2 ** len(WIDTHS)
    side = -(-max(images.shape[1:3]) // stride) * stride
    config = ConvNetConfig(side, 3, WIDTHS, FEATURES, int(labels.max()) + 1)
    model = seeded(MetricClassifier, config, seed)
    generator = torch.Generator().manual_seed(seed)
    losses = train_metric_classifier(
        model, to_tensor(images, size=side), torch.from_numpy(labels), updates, generator, batch_size=batch_size
    )
    return model, losses


def fd_bg(
    images: Images,
    layouts: Sequence[Layout],
    real: Images,
    real_layouts: Sequence[Layout],
    classifier: MetricClassifier,
    *,
    seed: int = 0,
) -> Estimate:
    """Return the Fréchet distance of the backgrounds of two sets of as many images, with an interval over images.

    Raises InvalidLayout, and InvalidSamples for unequal numbers or no more images than features (24).
    """
    features = _features(images, layouts, classifier), _features(real, real_layouts, classifier)
    return frechet_distance(*features, seed=seed)


def fd_bg_difference(
    first: tuple[Images, Sequence[Layout]],
    second: tuple[Images, Sequence[Layout]],
    real: tuple[Images, Sequence[Layout]],
    classifier: MetricClassifier,
    *,
    seed: int = 0,
) -> Estimate:
    """Return ``fd_bg`` of ``first`` less that of ``second``, against the same real images: images with their layouts.

    Raises what `fd_bg` raises.
    """
    one, other, reference = (_features(images, layouts, classifier) for images, layouts in (first, second, real))
    return frechet_difference(one, other, reference, seed=seed)


def fd_bg_by_photograph(
    first: tuple[Images, Sequence[Layout]],
    second: tuple[Images, Sequence[Layout]],
    real: tuple[Images, Sequence[Layout]],
    photographs: Sequence[int],
    classifier: MetricClassifier,
) -> Float64[np.ndarray, " P"]:
    """Return the jackknife's pseudo-values of `fd_bg_difference`, one per photograph that real images are parts of.

    Images of one photograph are not independent. What these values differ by says what another choice of photographs
    might have changed (Tukey 1958). An image of none (-1) stands for one. Raises what `fd_bg` raises, and InvalidLayout
    unless there is one photograph per real image.
    """
    one, other, reference = (_features(images, layouts, classifier) for images, layouts in (first, second, real))
    if len(photographs) != len(reference):
        raise InvalidLayout(f"{len(photographs)} photographs for {len(reference)} real images: name one for each")
    of = np.array([number if number >= 0 else -1 - place for place, number in enumerate(photographs)])

    def difference(features: np.ndarray) -> float:
        theirs = moments(features)
        return float(frechet_from_moments(moments(one), theirs) - frechet_from_moments(moments(other), theirs))

    whole, distinct = difference(reference), np.unique(of)
    without = np.array([difference(reference[of != number]) for number in distinct])
    return len(distinct) * whole - (len(distinct) - 1) * without


def _features(images: Images, layouts: Sequence[Layout], classifier: MetricClassifier) -> np.ndarray:
    return classifier.measure(background_only(images, layouts))[0]
