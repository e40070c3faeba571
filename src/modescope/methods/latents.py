"""Latents beyond the batch's own, which come as standard normals through ``batch.noise``."""

__all__ = ["LATENTS", "further_latents", "need_normal_prior"]

from ..core import Space
from ..core.errors import need

LATENTS = "latents"  # their name in the noise; what reshapes latents reshapes these too


def further_latents(space: Space, *shape: int) -> dict[str, tuple[int, ...]]:
    """What to add to a method's noise for further latents, with shape `(*shape, L)`."""
    return {LATENTS: (*shape, space.latent_dim)}


def need_normal_prior(method: str, space: Space) -> None:
    """Refuses a prior that standard normals do not follow."""
    need(
        space.prior == "normal",
        f"prior is {space.prior!r}, expected 'normal', since {method} draws further latents, as standard normals",
    )
