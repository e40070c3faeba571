r"""Multi-scale structural similarity, and the likeness of generated images to each other."""

__all__ = ["PairSimilarity", "check_images", "ms_ssim", "ms_ssim_diversity", "ms_ssim_fewer_scales"]

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, pad

from ..core.errors import need

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, as published: their sum is 1.0001
WINDOW, SIGMA = 11, 1.5  # of the Gaussian window, in pixels
K1, K2 = 0.01, 0.03  # of the constants that keep ratios finite, in dynamic ranges
LEAST_SIDE = (WINDOW - 1) * 2 ** (len(WEIGHTS) - 1) + 1  # 161 pixels: the window fits the coarsest scale
PIXELS = 2**21  # of a batch of pairs at once, all channels counted

Measure = Callable[[Tensor, Tensor, float], Tensor]


@dataclass(frozen=True)
class PairSimilarity:
    r"""What :func:`ms_ssim_diversity` returns.

    Arguments:
        mean: The mean similarity of random pairs, or its mean over classes: 1 for copies, lower if more diverse.
        error: The standard error of that mean by the draw of pairs; NaN if a class has one pair.
        classes: The labels, ascending, with shape :math:`(K)`, int64; one class, 0, without labels.
        by_class: The mean similarity within each class, NaN for a class of one image, with shape :math:`(K)`, float64.
        measure: The name of the similarity.
    """

    mean: float
    error: float
    classes: Tensor
    by_class: Tensor
    measure: str


def ms_ssim(x: Tensor, y: Tensor, data_range: float = 1.0) -> Tensor:
    r"""The multi-scale structural similarity of images.

    .. math::
        l_5^{w_5} \prod_{j=1}^5 (c s)_j^{w_j}, \qquad
        l = \frac{2 \mu_x \mu_y + C_1}{\mu_x^2 + \mu_y^2 + C_1}, \qquad
        cs = \frac{2 \sigma_{xy} + C_2}{\sigma_x^2 + \sigma_y^2 + C_2}

    with means and covariances under an :math:`11 \times 11` Gaussian window (:math:`\sigma = 1.5`),
    :math:`C_i = (K_i L)^2`, averages over the image at each of five scales (of :math:`l\, cs` at the coarsest), and
    averages of :math:`2 \times 2` pixels between the scales. Each channel is an image of its own; their similarities
    are averaged. Negative scale averages count as 0.

    Note:
        Implementations differ. At an odd side the border is repeated before pixels are averaged, as in the authors'
        code; pytorch-msssim averages them with zeros on both sides (equal where all sides are even, as from 176 pixels
        on every 16). The code of TensorFlow and of progressive GANs averages channels before the product, and shrinks
        the window where images are small, without a word: their values at 28 or 32 pixels are another measure. The
        formula is not one of shifted values: images in :math:`[-1, 1]` must be moved to :math:`[0, L]` first.

    References:
        | Multi-scale structural similarity for image quality assessment (Wang et al., 2003), equation 7
        | https://doi.org/10.1109/ACSSC.2003.1292216

    Arguments:
        x: Images with values in :math:`[0, L]`, with shape :math:`(N, C, H, W)`, sides of at least 161 pixels.
        y: Images, with the same shape.
        data_range: The greatest value that a pixel may have, :math:`L`: 1 or 255.

    Raises:
        ModescopeError: If the shapes do not fit, images are smaller, or values lie outside the range.

    Returns:
        The similarity of each pair, from 0 to 1, a float64 of shape :math:`(N)`.
    """
    _check_pairs(x, y, data_range)
    side = min(x.shape[-2:])
    need(
        side >= LEAST_SIDE,
        f"x has images with a side of {side} pixels, expected at least {LEAST_SIDE} for five scales "
        "(ms_ssim_fewer_scales takes smaller ones, and its values do not compare)",
    )
    return _similarity(x, y, data_range, WEIGHTS)


def ms_ssim_fewer_scales(x: Tensor, y: Tensor, data_range: float = 1.0) -> Tensor:
    r"""The same with as many scales as small images allow: two at 28 or 32 pixels, three at 64, four at 128.

    The published weights of the finest scales, divided by their sum. It is a measure of its own: compare it only with
    itself, at the same size of images.

    References:
        | Multi-scale structural similarity for image quality assessment (Wang et al., 2003), equation 7
        | https://doi.org/10.1109/ACSSC.2003.1292216

    Arguments:
        x: Images with values in :math:`[0, L]`, with shape :math:`(N, C, H, W)`, sides of at least 11 pixels.
        y: Images, with the same shape.
        data_range: The greatest value that a pixel may have, :math:`L`.

    Raises:
        ModescopeError: If the shapes do not fit, images are smaller, or values lie outside the range.

    Returns:
        The similarity of each pair, from 0 to 1, a float64 of shape :math:`(N)`.
    """
    _check_pairs(x, y, data_range)
    side = min(x.shape[-2:])
    need(side >= WINDOW, f"x has images with a side of {side} pixels, expected at least {WINDOW}")
    scales = 1
    while scales < len(WEIGHTS) and math.ceil(side / 2**scales) >= WINDOW:
        scales += 1
    total = sum(WEIGHTS[:scales])
    return _similarity(x, y, data_range, tuple(weight / total for weight in WEIGHTS[:scales]))


def ms_ssim_diversity(
    images: Tensor,
    pairs: int,
    generator: torch.Generator,
    labels: Tensor | None = None,
    data_range: float = 1.0,
    measure: Measure = ms_ssim,
) -> PairSimilarity:
    r"""How alike generated images are: the mean similarity of random pairs of different ones.

    With labels the pairs are drawn within each class and the classes averaged, as an image of another class differs
    anyway (100 pairs a class in Odena et al.; 10,000 pairs without classes in Karras et al.). Compare with the value
    of as many real images: of ImageNet's classes none exceeds 0.25 in the former paper, so a class above has collapsed.

    References:
        | Conditional Image Synthesis with Auxiliary Classifier GANs (Odena et al., 2017), section 4.2
        | https://arxiv.org/abs/1610.09585

        | Progressive Growing of GANs (Karras et al., 2018), section 6.1
        | https://arxiv.org/abs/1710.10196

    Arguments:
        images: Images with values in :math:`[0, L]`, with shape :math:`(N, C, H, W)`.
        pairs: The number of pairs, of each class if there are labels.
        generator: Draws the pairs, with replacement; the two of a pair are different images.
        labels: The class of each image, whole numbers with shape :math:`(N)`.
        data_range: The greatest value that a pixel may have, :math:`L`.
        measure: :func:`ms_ssim`, or :func:`ms_ssim_fewer_scales` below 161 pixels.

    Raises:
        ModescopeError: If no class has two images, or `measure` refuses the images.

    Returns:
        The mean similarity, its standard error, and that of each class.
    """
    check_images("images", images)
    need(pairs >= 1, f"pairs is {pairs}, expected at least 1")
    labels = torch.zeros(len(images), dtype=torch.int64) if labels is None else labels
    whole = labels.shape == (len(images),) and not labels.is_floating_point()
    need(whole, f"labels has shape {tuple(labels.shape)}, expected ({len(images)},) of whole numbers")
    classes = labels.cpu().long().unique()
    means, errors = [], []
    for label in classes:
        values = _within(images, (labels.cpu() == label).nonzero().squeeze(1), pairs, generator, data_range, measure)
        means.append(values.mean() if len(values) else torch.tensor(torch.nan))
        errors.append(values.var() / len(values) if len(values) > 1 else torch.tensor(torch.nan))
    by_class, variances = torch.stack(means).double().cpu(), torch.stack(errors).double().cpu()
    held = ~by_class.isnan()
    need(bool(held.any()), "images has no class with two images, expected at least one")
    error = variances[held].sum().sqrt().item() / int(held.sum())
    name = getattr(measure, "__name__", repr(measure))
    return PairSimilarity(by_class[held].mean().item(), error, classes, by_class, name)


def _within(
    images: Tensor, members: Tensor, pairs: int, generator: torch.Generator, data_range: float, measure: Measure
) -> Tensor:
    """The similarities of pairs of different members of a class; none if it has one."""
    n = len(members)
    if n < 2:
        return torch.zeros(0, dtype=torch.float64)
    first = torch.randint(n, (pairs,), generator=generator, device=generator.device).cpu()
    step = torch.randint(1, n, (pairs,), generator=generator, device=generator.device).cpu()
    second = (first + step) % n
    pieces = max(1, PIXELS // images[0].numel())
    both = zip(members[first].split(pieces), members[second].split(pieces), strict=True)
    return torch.cat([measure(_taken(images, a), _taken(images, b), data_range) for a, b in both])


def _taken(images: Tensor, which: Tensor) -> Tensor:
    return images[which.to(images.device)]


def _similarity(x: Tensor, y: Tensor, data_range: float, weights: tuple[float, ...]) -> Tensor:
    kept = torch.promote_types(x.dtype, torch.float32)
    x, y = x.detach().to(kept) / data_range, y.detach().to(kept) / data_range
    product = torch.ones(x.shape[:2], dtype=torch.float64, device=x.device)
    for scale, weight in enumerate(weights):
        last = scale == len(weights) - 1
        structure = _scale(x, y, luminance=last)
        product = product * structure.double().clamp(min=0) ** weight
        if not last:
            x, y = _halved(x), _halved(y)
    return product.mean(dim=1)


def _scale(x: Tensor, y: Tensor, luminance: bool) -> Tensor:
    """The mean over each channel's pixels of contrast and structure, times luminance at the last scale."""
    mean_x, mean_y = _blurred(x), _blurred(y)
    variances = _blurred(x * x) - mean_x.square() + _blurred(y * y) - mean_y.square()
    covariance = _blurred(x * y) - mean_x * mean_y
    ratio = (2 * covariance + K2**2) / (variances + K2**2)
    if luminance:
        ratio = ratio * (2 * mean_x * mean_y + K1**2) / (mean_x.square() + mean_y.square() + K1**2)
    return ratio.mean(dim=(2, 3))


def _blurred(x: Tensor) -> Tensor:
    """Under the Gaussian window, where it lies wholly inside."""
    offset = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    window = torch.exp(-offset.square() / (2 * SIGMA**2))
    window = (window / window.sum()).to(x)
    flat = x.flatten(0, 1).unsqueeze(1)
    blurred = conv2d(conv2d(flat, window.view(1, 1, -1, 1)), window.view(1, 1, 1, -1))
    return blurred.reshape(*x.shape[:2], *blurred.shape[-2:])


def _halved(x: Tensor) -> Tensor:
    odd = [side % 2 for side in x.shape[-2:]]
    return avg_pool2d(pad(x, (0, odd[1], 0, odd[0]), mode="replicate"), 2)


def check_images(name: str, x: Tensor) -> None:
    """Raises a ModescopeError unless `x` is a non-empty floating tensor with shape `(N, C, H, W)`."""
    need(x.is_floating_point(), f"{name} has dtype {x.dtype}, expected a floating one")
    need(x.ndim == 4 and x.numel() > 0, f"{name} has shape {tuple(x.shape)}, expected (N, C, H, W)")


def _check_pairs(x: Tensor, y: Tensor, data_range: float) -> None:
    check_images("x", x)
    check_images("y", y)
    need(x.shape == y.shape, f"x has shape {tuple(x.shape)} but y has {tuple(y.shape)}, expected the same")
    need(0 < data_range < math.inf, f"data_range is {data_range}, expected a positive number")
    for name, images in (("x", x), ("y", y)):
        low, high = images.min().item(), images.max().item()
        inside = low >= 0 and high <= data_range
        need(inside, f"{name} has values from {low:.4g} to {high:.4g}, expected 0 to data_range, {data_range:g}")
