"""What a user's samples are: arrays, files, folders of images, loaders, functions, generators, runs."""

from .base import Source
from .open import open_source

__all__ = ["Source", "open_source"]
