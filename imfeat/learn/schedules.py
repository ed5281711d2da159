"""Schedules of the learning rate: its factor in each epoch, relative to the first one."""

import math
from collections.abc import Callable
from typing import Literal, TypeAlias

ScheduleName: TypeAlias = Literal["constant", "step", "cosine"]
Schedule = Callable[[int, int], float]


def constant(epoch: int, epochs: int) -> float:
    """Return 1."""
    return 1.0


def step(epoch: int, epochs: int, *, every: int | None = None, factor: float = 0.1) -> float:
    """Return factor^k from epoch k * every on; by default, ``every`` is a third of all epochs.

    The schedule is PyTorch's ``StepLR``.
    """
    return factor ** (epoch // (every or max(1, -(-epochs // 3))))


def cosine(epoch: int, epochs: int, *, least: float = 0.0) -> float:
    """Return half a period of a cosine, from 1 in epoch 0 to ``least`` in epoch ``epochs``.

    The schedule is PyTorch's ``CosineAnnealingLR``.

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR
       2017.  :doi:`10.48550/arXiv.1608.03983`
    """
    return least + (1 - least) * (1 + math.cos(math.pi * epoch / epochs)) / 2


SCHEDULES: dict[ScheduleName, Schedule] = {"constant": constant, "step": step, "cosine": cosine}
