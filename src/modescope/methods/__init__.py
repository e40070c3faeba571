"""Remedies for mode collapse, one a file, and the plain GAN that they are compared with."""

from .gan import GAN
from .pacgan import PacGAN

__all__ = ["GAN", "METHODS", "PacGAN"]

METHODS = {"gan": GAN, "pacgan": PacGAN}
