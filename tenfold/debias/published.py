"""UnifiedQA-11B's bias scores as BBQ's authors print them (Parrish et al. 2022), for the six categories of labels.

Figures are ×100, by prompt format and category: s_AMB and s_DIS.
"""

from __future__ import annotations

UNIFIEDQA: dict[str, dict[str, tuple[float, float]]] = {
    "arc": {
        "Age": (48.9, 3.3),
        "Disability_status": (32.6, -0.7),
        "Nationality": (14.5, -0.2),
        "Physical_appearance": (47.7, -1.7),
        "Religion": (24.5, 3.5),
        "Sexual_orientation": (11.8, 0.5),
    },
    "race": {
        "Age": (29.8, 1.2),
        "Disability_status": (21.2, -1.4),
        "Nationality": (6.0, 1.2),
        "Physical_appearance": (40.9, -2.3),
        "Religion": (14.3, 0.2),
        "Sexual_orientation": (5.8, -0.7),
    },
}
# The authors' own predictions, data and script do not give the printed figures of this category (issue 12 there).
DIFFERING = "Physical_appearance"
