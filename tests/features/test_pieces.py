"""Networks of features see a few images at a time on a processor, and give what they give for all at once."""

import pytest
import torch

from modescope.features.base import PIECE, in_pieces


@pytest.mark.parametrize("count", [0, 1, PIECE, 2 * PIECE + 1])
def test_pieces_are_joined_in_order(count) -> None:
    seen = []

    def compute(images: torch.Tensor) -> torch.Tensor:
        seen.append(len(images))
        return images.flatten(1).double() * 2

    batch = torch.arange(count * 12).reshape(count, 3, 2, 2)
    assert torch.equal(in_pieces(batch, "cpu", compute), batch.flatten(1).double() * 2)
    assert max(seen) <= PIECE
    assert sum(seen) == count
    in_pieces(batch, "meta", compute)
    assert seen[-1] == count  # all at once elsewhere
