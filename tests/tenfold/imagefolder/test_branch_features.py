"""Features of a tokenizer's branches, as probes read them."""

from __future__ import annotations

import numpy as np
import pytest

from tenfold.imagefolder.branch_features import CAVEAT, branch_features
from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.pixels import to_pixels


def test_features_of_a_tokenizer_are_its_mean_tokens(tokenizer, images):
    pixels = to_pixels(images)
    found = branch_features(tokenizer.train(), pixels, batch=5)
    assert found.shape == (12, 2, 4) and tokenizer.training
    assert np.allclose(found, branch_features(tokenizer.eval(), pixels), atol=1e-6)
    with pytest.raises(InvalidImages, match="no images"):
        branch_features(tokenizer, pixels[:0])
    assert "unlabelled" in CAVEAT
