"""Distances between all samples of two batches."""

__all__ = ["squared_distances"]

from torch import Tensor

NARROW = 16  # coordinates up to which all differences fit


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """All squared Euclidean distances: by differences of few coordinates, by a product of matrices of many.

    The product needs no tensor of shape `(N, M, D)`, but loses digits where samples are far from 0 and near each other.

    Arguments:
        x: Samples, with shape `(N, D)`.
        y: Samples, with shape `(M, D)`.

    Returns:
        The squared distances, with shape `(N, M)`.
    """
    if x.shape[-1] <= NARROW:
        return (x.unsqueeze(1) - y.unsqueeze(0)).square().sum(-1)
    squares = x.square().sum(-1, keepdim=True) + y.square().sum(-1)
    return (squares - 2 * x @ y.T).clamp(min=0)
