"""What is known of a judge: a JSON file beside its weights."""

__all__ = ["Card", "digest"]

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from torch import Tensor

from ..core.files import atomic_write


@dataclass(frozen=True, kw_only=True)
class Card:
    """How well a judge does on images that it was not trained on, and where it comes from.

    Arguments:
        name: The set of images.
        images: The number of test images.
        errors: How many of them get a wrong label.
        accuracy: The share of the others.
        low: Lower end of the 95 % interval of the accuracy (Clopper and Pearson's, exact).
        high: Upper end.
        confusion: How many test images of each class (row) get each label (column).
        held_out: The accuracy on the 5,000 training images that were held out.
        temperature: What the logits were divided by, chosen on these.
        command: What makes the judge again.
        recipe: All settings.
        torch: The version that it was trained with.
        sha256: Of the file of weights.
    """

    name: str
    images: int
    errors: int
    accuracy: float
    low: float
    high: float
    confusion: tuple[tuple[int, ...], ...]
    held_out: float
    temperature: float
    command: str
    recipe: dict[str, Any]
    torch: str
    sha256: str

    @classmethod
    def of(cls, confusion: Tensor, **facts: Any) -> Self:
        """A card with all that follows from the confusion matrix on the test images."""
        from scipy.stats import binomtest  # slow to import, and of use to training alone

        images, right = int(confusion.sum()), int(confusion.trace())
        low, high = binomtest(right, images).proportion_ci(0.95, "exact")
        return cls(
            images=images,
            errors=images - right,
            accuracy=right / images,
            low=float(low),
            high=float(high),
            confusion=tuple(tuple(row) for row in confusion.tolist()),
            **facts,
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """The card in a file."""
        return cls(**json.loads(path.read_text()))

    def write(self, path: Path) -> None:
        """Writes the card, a matrix row a line."""
        facts = asdict(self) | {"confusion": None}
        rows = ",\n    ".join(json.dumps(row) for row in self.confusion)
        text = json.dumps(facts, indent=2).replace('"confusion": null', f'"confusion": [\n    {rows}\n  ]')
        atomic_write(path, text + "\n")


def digest(content: bytes) -> str:
    """The SHA-256 of a file's content."""
    return hashlib.sha256(content).hexdigest()
