"""The sizes of images inside a network, and what networks of images refuse."""

__all__ = ["Shape", "halved", "image_channels", "need_channels", "plane", "whole_images"]

from math import prod

from ..core.errors import need

Shape = tuple[int, ...]


def need_channels(channels: tuple[int, ...]) -> None:
    """Refuses layers without channels."""
    need(len(channels) >= 1 and min(channels) >= 1, f"channels is {channels}, expected one or more of at least 1")


def plane(shape: Shape, network: str) -> tuple[int, int]:
    """The height and the width of images of `shape`, for a network of that name."""
    need(len(shape) == 3, f"a {network} is for images of shape (C, H, W), but samples have the shape {shape}")
    return shape[1], shape[2]


def image_channels(outputs: int, size: tuple[int, int], network: str) -> int:
    """The channels of an image of that height and width with so many numbers."""
    height, width = size
    need(
        outputs % (height * width) == 0,
        f"a {network} makes images of {height} x {width}, but {outputs} outputs are no whole number of them",
    )
    return outputs // (height * width)


def whole_images(inputs: int, shape: Shape, network: str) -> int:
    """The channels of one or more images of `shape`, side by side, that have so many numbers together."""
    images, rest = divmod(inputs, prod(shape))
    need(images >= 1 and rest == 0, f"a {network} sees whole images of shape {shape}, but {inputs} inputs are none")
    return images * shape[0]


def halved(size: tuple[int, int], times: int) -> list[tuple[int, int]]:
    """The sizes from the smallest to `size`, each the next one halved, rounded up."""
    sizes = [size]
    for _ in range(times):
        sizes.insert(0, ((sizes[0][0] + 1) // 2, (sizes[0][1] + 1) // 2))
    return sizes
