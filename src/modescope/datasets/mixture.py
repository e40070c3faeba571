r"""Any mixture of Gaussians that a user writes down."""

__all__ = ["Mixture"]

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import torch

from ..core.errors import ModescopeError, is_number, nearest_name, need
from .checks import nested, per_component, vector
from .gaussians import GaussianMixture, GaussianModes, relative


@dataclass(frozen=True, kw_only=True)
class Mixture(GaussianMixture):
    r"""A mixture of :math:`M` Gaussians in :math:`D` dimensions, with your means, spreads and weights.

    Lists, arrays and tensors are taken and kept as tuples, so that the data set can be compared and written to a file.

    Arguments:
        means: The centres, with shape `(M, D)`.
        std: The standard deviation of each component, with shape `(M,)`, or one number for all. Give this or
            `covariances`.
        covariances: The covariance matrix of each component, with shape `(M, D, D)`, symmetric and positive definite.
        weights: The relative mass of each component, with shape `(M,)`, normalised to sum to 1; equal if not given.

    Raises:
        ModescopeError: If the shapes do not fit, or a number is not finite, not positive, or no covariance.
    """

    summary: ClassVar[str] = "any mixture of Gaussians"

    means: tuple[tuple[float, ...], ...]
    std: tuple[float, ...] | float = ()
    covariances: tuple[tuple[tuple[float, ...], ...], ...] = ()
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        means = nested(self.means)
        need(isinstance(means, tuple) and len(means) > 0, f"means is {self.means!r}, expected a list of points")
        means = tuple(vector(f"means[{i}]", point) for i, point in enumerate(means))
        count, dim = len(means), len(means[0])
        for i, point in enumerate(means):
            need(len(point) == dim, f"means[{i}] has {len(point)} coordinates, expected {dim} as in means[0]")
        std, covariances, weights = nested(self.std), nested(self.covariances), nested(self.weights)
        need((std == ()) != (covariances == ()), "give a mixture either std or covariances, exactly one of the two")
        if std != ():
            std = per_component("std", (std,) * count if is_number(std) else std, count)
        else:
            covariances = _check_covariances(covariances, count, dim)
        if weights != ():
            weights = per_component("weights", weights, count)
        for name, value in (("means", means), ("std", std), ("covariances", covariances), ("weights", weights)):
            object.__setattr__(self, name, value)

    def gaussians(self) -> GaussianModes:
        means = torch.tensor(self.means, dtype=torch.float64)
        if self.covariances:
            scale = torch.linalg.cholesky(torch.tensor(self.covariances, dtype=torch.float64))
        else:
            scale = torch.tensor(self.std, dtype=torch.float64)
        return GaussianModes(means, scale, relative(self.weights, len(means)))

    @classmethod
    def from_json(cls, path: str | Path) -> Self:
        """The mixture in a JSON file with the keys ``means``, ``std`` or ``covariances``, and perhaps ``weights``.

        Raises:
            ModescopeError: If the file cannot be read, is no JSON object, or does not describe a mixture.
        """
        try:
            found = json.loads(Path(path).read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ModescopeError(f"there is no file {str(path)!r}") from error
        except (OSError, ValueError) as error:
            raise ModescopeError(f"{str(path)!r} is not a readable JSON file: {error}") from error
        need(
            isinstance(found, dict) and "means" in found,
            f"{str(path)!r} holds no mixture, expected an object with the keys means, std or covariances, and weights",
        )
        for key in found:
            if key not in ("means", "std", "covariances", "weights"):
                raise nearest_name("mixture key", key, ("means", "std", "covariances", "weights"))
        return cls(**found)


def _check_covariances(value: Any, count: int, dim: int) -> tuple[tuple[tuple[float, ...], ...], ...]:
    """`value` as a covariance matrix for each component."""
    message = f"covariances must be {count} matrices of {dim} by {dim} numbers, one for each mean"
    need(isinstance(value, tuple) and len(value) == count, message)
    for matrix in value:
        need(isinstance(matrix, tuple) and len(matrix) == dim, message)
        need(all(isinstance(row, tuple) and len(row) == dim and all(map(is_number, row)) for row in matrix), message)
    tensor = torch.tensor(value, dtype=torch.float64)
    for i, matrix in enumerate(tensor):
        need(torch.allclose(matrix, matrix.mT, rtol=1e-6, atol=0.0), f"covariances[{i}] is not symmetric")
        need(int(torch.linalg.cholesky_ex(matrix).info) == 0, f"covariances[{i}] is not positive definite")
    return nested(tensor)
