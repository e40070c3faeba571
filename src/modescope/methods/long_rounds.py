"""The official critic schedule of Wasserstein GAN: now and then the critic takes 100 steps, not 5."""

__all__ = ["check_rounds", "moves_in_rounds"]

from torch import Tensor

from ..core.errors import need

LONG = 100  # critic steps of a long round
FIRST = 25  # so many rounds at the start are long
EVERY = 500  # and so is every round whose number is a multiple of this


def check_rounds(critic_steps: int) -> None:
    """Raises a `ModescopeError` unless a long round is a whole number of steps of the game."""
    need(LONG % critic_steps == 0, f"critic_steps is {critic_steps}, expected a divisor of {LONG} with long_rounds")


def moves_in_rounds(critic_steps: int, step: Tensor) -> Tensor:
    """Whether the generator moves in a step of the game.

    Arguments:
        critic_steps: Critic steps in a step of the game.
        step: The number of the step, with shape `()`.
    """
    long = LONG // critic_steps  # steps of the game in a long round; a short round is one
    after = step.long() - FIRST * long  # counted from the first short round
    short = EVERY - FIRST  # rounds until the next long one
    cycle = (after - short) % (long + EVERY - 1)  # a long round, then short ones, over and over
    early = (after < 0) & ((after + 1) % long == 0)
    return early | ((after >= 0) & ((after < short) | (cycle >= long - 1)))
