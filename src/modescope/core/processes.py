"""Processes that train the same members side by side, as ``torchrun`` starts them."""

__all__ = ["ALONE", "Processes", "joined"]

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from .errors import ModescopeError


@dataclass(frozen=True)
class Processes:
    """The place of this process among all that train the same members.

    Arguments:
        rank: Its place, from 0.
        count: How many there are.
    """

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that keeps the run's folder and speaks."""
        return self.rank == 0

    def total(self, tensor: Tensor) -> Tensor:
        """The sum over processes of a tensor, the same bits in all of them.

        Raises:
            ModescopeError: If another process is gone.
        """
        if self.count == 1:
            return tensor
        summed = tensor.clone()
        try:
            distributed.all_reduce(summed)
        except RuntimeError as error:  # of gloo and of NCCL
            raise ModescopeError(
                "another process of this run is gone; what the last checkpoint holds is kept: resume the run"
            ) from error
        return summed

    def any(self, flag: bool) -> bool:
        """Whether any process says so, told to all."""
        return bool(self.total(torch.tensor(float(flag))) > 0)

    def told(self, text: str) -> str:
        """What the first process says, in all of them."""
        own = torch.tensor(list(text.encode()) if self.first else [], dtype=torch.int64)
        heard = torch.zeros(int(self.total(torch.tensor(len(own)))), dtype=torch.int64)
        heard[: len(own)] = own
        return bytes(self.total(heard).tolist()).decode()


ALONE = Processes()


@contextmanager
def joined() -> Iterator[Processes]:
    """The processes that ``torchrun`` started, joined for as long as the context lasts; this one alone without it.

    On GPUs each process takes the one of its place on its machine.
    """
    if not (distributed.is_available() and distributed.is_torchelastic_launched()):
        yield ALONE
        return
    with_gpus = torch.cuda.is_available()
    if with_gpus:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    distributed.init_process_group("cpu:gloo,cuda:nccl" if with_gpus else "gloo")
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
