"""What features of a network cost, a few images at a time, beside all of a batch at once."""

__all__ = ["network_features"]

from collections.abc import Iterator

import torch
from torch import Tensor

from modescope.features import make_features
from modescope.features.efficientnet import EfficientNetLite0, prepare

from .reading import spent
from .timing import Ratio, paired

IMAGES = 64


def network_features() -> Iterator[Ratio]:
    """EfficientNet-Lite0 as the package runs it against the same network on whole batches, as one would write it."""
    ours, plain = (
        make_features("efficientnet-lite0"),
        EfficientNetLite0().network.to(memory_format=torch.contiguous_format),
    )
    images = torch.randint(0, 256, (IMAGES, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)

    def whole() -> Tensor:
        with torch.inference_mode():
            return plain.features(prepare(images))

    torch.testing.assert_close(ours(images), whole(), atol=1e-4, rtol=1e-4)
    yield paired(
        f"EfficientNet-Lite0's features of {IMAGES} images, a few at a time, against all at once",
        lambda: IMAGES / spent(lambda: ours(images), 1),
        lambda: IMAGES / spent(whole, 1),
        "images a second of processor time",
        "more",
    )
