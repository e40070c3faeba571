"""``modescope completion``."""

__all__ = ["Completion"]

from dataclasses import dataclass
from typing import Annotated, Literal

import tyro


@dataclass(kw_only=True)
class Completion:
    """Prints what makes a shell complete commands and flags: source <(modescope completion bash).

    Arguments:
        shell: bash, zsh or fish.
    """

    shell: Annotated[tyro.conf.Positional[Literal["bash", "zsh", "fish"]], tyro.conf.arg(metavar="{bash,zsh,fish}")]

    def __call__(self) -> None:
        from .main import COMMANDS, told_of_all
        from .train import Train

        told_of_all({**COMMANDS, "train": Train}, ["--tyro-print-completion", self.shell])
