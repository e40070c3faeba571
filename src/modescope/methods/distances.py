"""Distances between all samples of two batches."""

__all__ = ["squared_distances"]

from torch import Tensor


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """All squared Euclidean distances, by a product of matrices.

    All differences at once, with shape `(N, M, D)`, would not fit for a large `D`. Where two samples are as good as
    equal, the result can be below 0 by a rounding.

    Arguments:
        x: Samples, with shape `(N, D)`.
        y: Samples, with shape `(M, D)`.

    Returns:
        The squared distances, with shape `(N, M)`.
    """
    return x.square().sum(-1, keepdim=True) + y.square().sum(-1) - 2 * x @ y.T
