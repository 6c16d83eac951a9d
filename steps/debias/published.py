"""What BBQ's authors print of UnifiedQA-11B: bias scores × 100 by category and prompt format, to one decimal.

Source: Parrish et al. 2022, the figure of bias scores by category (ARC and RACE format), read beside the answers in the
authors' repository at bea11bd.
"""

from __future__ import annotations

FORMATS = ("arc", "race", "qonly")  # the prompt formats whose answers were recorded
PLURALITY = "plurality"  # what the labels of votes over formats begin with, the tie rule behind it
DIFFERENT = "Physical_appearance"  # the category whose printed scores differ from the released answers
_PRINTED = {  # category: s_AMB in the ARC and the RACE format, s_DIS in both
    "Age": (48.9, 29.8, 3.3, 1.2),
    "Disability_status": (32.6, 21.2, -0.7, -1.4),
    "Nationality": (14.5, 6.0, -0.2, 1.2),
    "Religion": (24.5, 14.3, 3.5, 0.2),
    "Sexual_orientation": (11.8, 5.8, 0.5, -0.7),
    "Physical_appearance": (47.7, 40.9, -1.7, -2.3),
}
_PLACES = (("arc", "s_amb"), ("race", "s_amb"), ("arc", "s_dis"), ("race", "s_dis"))
SCORES = {
    (category, form, statistic): value
    for category, values in _PRINTED.items()
    for (form, statistic), value in zip(_PLACES, values, strict=True)
}
