"""The arms of the comparison, by the paper's ablations: what each is given, and what it starts from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from tenfold.llava_read.tasks import STAGE_ONE, Task
from tenfold.llava_read.training_parts import Vision

OcrLayout = Literal["none", "plain", "xy_cut", "space"]
Merge = Literal["none", "sum", "gated"]


class UnequalTraining(ValueError):
    """Arms that are compared had different numbers of updates or examples."""


@dataclass(frozen=True)
class Start:
    """What arms start from: a warm-up and Stage I, or as many of the warm-up's questions where Stage I has no task.

    ``merge_layers`` None is after every block but the last. ``high_side`` None is the parameters' own.
    """

    merge: Merge = "gated"
    merge_layers: tuple[int, ...] | None = None
    stage_one: tuple[Task, ...] = STAGE_ONE
    high_side: int | None = None

    @property
    def name(self) -> str:
        """The name of its models' folders."""
        if self == BOTH:
            return "both"
        if self == LOW:
            return "low"
        parts = [self.merge, *(f"after{layer}" for layer in self.merge_layers or ())]
        if self.stage_one != STAGE_ONE:
            parts.append("-".join(self.stage_one) or "warm")
        if self.high_side is not None:
            parts.append(f"{self.high_side}px")
        return "_".join(parts)


BOTH, LOW = Start(), Start(merge="none")


@dataclass(frozen=True)
class Arm:
    """One arm of the comparison.

    ``code`` is the paper's ablation (A1 to A13). ``ocr`` is how OCR text stands in the prompt, ``image`` whether it
    sees the page. ``stage_one`` are the tasks of Stage I, none for an arm without it. ``high_side`` and ``budget`` None
    are the parameters' own.
    """

    name: str
    code: str
    ocr: OcrLayout = "space"
    image: bool = True
    merge: Merge = "gated"
    merge_layers: tuple[int, ...] | None = None
    stage_one: tuple[Task, ...] = STAGE_ONE
    vision: Vision = "frozen"
    high_side: int | None = None
    budget: int | None = None

    @property
    def high_resolution(self) -> bool:
        """Whether the model has the encoder of high resolution."""
        return self.merge != "none"

    @property
    def start(self) -> Start:
        """What the arm starts from."""
        return Start(self.merge, self.merge_layers, self.stage_one, self.high_side)


FULL = Arm("full", "A5")
COMPARED = {
    arm.name: arm
    for arm in (
        Arm("low_only", "A1", ocr="none", merge="none"),
        Arm("both_resolutions", "A2", ocr="none"),
        FULL,
        Arm("ocr_only", "A6", image=False),
        Arm("blind", "question only", ocr="none", image=False),
    )
}
ARMS = tuple(COMPARED)
COUNTED, ANSWERS = ("updates", "examples", "start_updates", "start_examples"), ("answers", "start_answers")

HIGH_SIDES, BUDGETS = (128, 192), (64, 128, 256)
ABLATED = {
    arm.name: arm
    for arm in (
        replace(FULL, code="A12"),  # asked with OCR text of every source; the reference of A9 to A11 and A13
        replace(FULL, name="plain_order", code="A3", ocr="plain"),
        replace(FULL, name="xy_cut", code="A4", ocr="xy_cut"),
        replace(FULL, name="without_stage_one", code="A7", stage_one=()),
        *(
            replace(FULL, name=f"without_{task}", code="A8", stage_one=tuple(one for one in STAGE_ONE if one != task))
            for task in STAGE_ONE
        ),
        *(replace(FULL, name=f"high_side_{side}", code="A9", high_side=side) for side in HIGH_SIDES),
        replace(FULL, name="merge_none", code="A10", merge="none"),
        replace(FULL, name="merge_sum", code="A10", merge="sum"),
        replace(FULL, name="merge_gated_first", code="A10", merge_layers=(1,)),
        replace(FULL, name="vision_adapters", code="A11", vision="adapters"),
        replace(FULL, name="vision_full", code="A11", vision="full"),
        *(replace(FULL, name=f"budget_{budget}", code="A13", budget=budget) for budget in BUDGETS),
    )
}


def starts_of(arms: Iterable[Arm]) -> tuple[Start, ...]:
    """Return what arms start from, each once, in order."""
    return tuple(dict.fromkeys(arm.start for arm in arms))


def require_equal(trained: Sequence[Mapping[str, Any]]) -> None:
    """Raise UnequalTraining unless the rows of arms.json have equal updates and examples, of the start too.

    Within a seed the answers that were learnt from are as many, too.
    """
    lengths = {tuple(row[name] for name in COUNTED) for row in trained}
    answers = {tuple(row[name] for name in ("seed", *ANSWERS)) for row in trained}
    if len(lengths) > 1 or len(answers) > len({row["seed"] for row in trained}):
        told = (", ".join(f"{row[name]} {name}" for name in (*COUNTED, *ANSWERS)) for row in trained)
        said = "; ".join(f"{row['arm']}-{row['seed']}: {one}" for row, one in zip(trained, told, strict=True))
        raise UnequalTraining(f"arms that are compared are trained equally: {said}")
