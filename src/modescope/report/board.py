"""A run in TensorBoard, while it trains or afterwards."""

__all__ = ["Board"]

from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..core.errors import extra
from ..monitor.loggers import writer_of
from ..runs import Run
from .mosaic import images_of, mosaic, square, tiles

FOLDER = "tensorboard"  # in the run's own


class Board:
    """Copies the looks of a run to TensorBoard: a curve for each quantity, and grids of samples of images.

    Each member is a run of its own there, named by its label, so that curves of seeds lie over each other. What was
    there of the run before is replaced, since a run that was killed repeats its last looks.

    Arguments:
        run: The run.

    Raises:
        MissingExtraError: If TensorBoard is not installed.

    Example:
        >>> Board(Run("runs/ring-gan")).write()  # doctest: +SKIP
    """

    def __init__(self, run: Run) -> None:
        extra("tensorboard", FOLDER, "a board")  # without it PyTorch's own error would be told
        tensorboard: Any = extra("torch.utils.tensorboard", FOLDER, "a board")
        self.run, self.folder, self.written = run, run.folder / FOLDER, 0
        for old in self.folder.glob("*/events.out.tfevents.*"):
            old.unlink()
        self.writers = [tensorboard.SummaryWriter(self.home(member.label)) for member in run.members]

    def home(self, label: str) -> Path:
        """The folder of a member."""
        return self.folder / "".join(c if c.isalnum() or c in "-._=" else "_" for c in label)

    def write(self) -> None:
        """Copies the looks that all members have taken since the last call."""
        history = self.run.history()
        for at in range(self.written, len(history.steps)):
            for member, writer in enumerate(self.writers):
                values = {name: float(curve[at, member]) for name, curve in history.curves.items()}
                known = {name: value for name, value in values.items() if not np.isnan(value)}
                writer_of(writer)(known, int(history.steps[at]))
        if self.pictured:
            self.draw(self.written, history.steps)
        self.written = len(history.steps)
        for writer in self.writers:
            writer.flush()

    @property
    def pictured(self) -> bool:
        """Whether the run kept samples that are images."""
        return len(self.run.experiment.dataset.shape) == 3 and self.run.experiment.evaluation.kept > 0

    def draw(self, first: int, steps: np.ndarray) -> None:
        """Copies grids of the samples that looks kept, from the look `first` on."""
        dataset = self.run.experiment.dataset
        _, samples = self.run.snapshots()
        count = square(min(tiles(dataset.shape), samples.shape[2]))
        for at in range(first, min(len(samples), len(steps))):  # a worker may have added a look since
            for member, writer in enumerate(self.writers):
                picture = mosaic(images_of(torch.from_numpy(samples[at, member, :count].copy()), dataset))
                writer.add_image("samples", picture, int(steps[at]), dataformats="HWC")
