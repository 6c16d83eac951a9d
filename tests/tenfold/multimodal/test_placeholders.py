"""Placeholders are expanded once per feature, features land on them in order, and a mismatch names both numbers."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tenfold.multimodal import Placeholder, PlaceholderMismatch, expand, place

IMAGE, SOUND = 2, 3


@given(st.lists(st.sampled_from([0, 1, IMAGE, SOUND]), max_size=12), st.data())
def test_each_placeholder_is_repeated_as_often_as_its_own_thing_has_features(tokens, data):
    numbers = st.integers(1, 5)
    images = tuple(data.draw(numbers) for _ in range(tokens.count(IMAGE)))
    sounds = tuple(data.draw(numbers) for _ in range(tokens.count(SOUND)))
    found = expand(tokens, {"image": Placeholder(IMAGE, images), "sound": Placeholder(SOUND, sounds)})
    assert found.count(IMAGE) == sum(images) and found.count(SOUND) == sum(sounds)
    assert [token for token in found if token < 2] == [token for token in tokens if token < 2]
    expected, waiting = [], {IMAGE: list(images), SOUND: list(sounds)}
    for token in tokens:  # one at a time, as one would by hand
        expected += [token] * (waiting[token].pop(0) if token in waiting else 1)
    assert found == expected


def test_a_mismatch_names_both_numbers_and_the_kind():
    with pytest.raises(PlaceholderMismatch, match="1 placeholders for 2 images"):
        expand([0, IMAGE], {"image": Placeholder(IMAGE, (3, 3))})
    with pytest.raises(PlaceholderMismatch, match="1 placeholders for 0 sounds"):
        expand([SOUND], {"image": Placeholder(IMAGE, ()), "sound": Placeholder(SOUND, ())})
    with pytest.raises(PlaceholderMismatch, match="0 features"):
        expand([IMAGE], {"image": Placeholder(IMAGE, (0,))})


def test_features_stand_where_the_placeholders_stood_row_by_row():
    tokens = torch.tensor([[0, IMAGE, IMAGE, 1], [IMAGE, IMAGE, 1, 0]])
    embeddings = torch.zeros(2, 4, 3)
    features = torch.arange(1.0, 13).view(2, 2, 3)
    found = place(embeddings, tokens, IMAGE, features)
    assert torch.equal(found[0, 1:3], features[0]) and torch.equal(found[1, :2], features[1])
    assert not found[0, [0, 3]].any() and not found[1, 2:].any()


def test_gradients_reach_the_features_and_not_what_they_replaced():
    tokens = torch.tensor([[0, IMAGE, 1]])
    embeddings, features = torch.ones(1, 3, 2, requires_grad=True), torch.ones(1, 1, 2, requires_grad=True)
    place(embeddings, tokens, IMAGE, features).sum().backward()
    assert features.grad is not None and features.grad.eq(1).all()
    assert embeddings.grad is not None and embeddings.grad[0, :, 0].tolist() == [1, 0, 1]


def test_576_features_for_575_placeholders_are_refused_with_both_numbers():
    with pytest.raises(PlaceholderMismatch, match="575 image placeholders for 576 image features"):
        place(torch.zeros(1, 575, 1), torch.full((1, 575), IMAGE), IMAGE, torch.zeros(1, 576, 1))
    with pytest.raises(PlaceholderMismatch, match="1 image placeholders for 0 image features"):
        place(torch.zeros(1, 2, 1), torch.tensor([[0, IMAGE]]), IMAGE, None)
