"""What a job is, and how far ahead of others it should be."""

from dataclasses import dataclass, field

import imfeat
from benchmarks import inputs

MILLION = 1 << 20


@dataclass(frozen=True)
class Goal:
    """imfeat's rate should be ``times`` that of ``of``.

    ``of`` is "fastest peer", a library, "copy floor", "fresh copy floor" (for calls that allocate their
    result) or "one thread" (imfeat's own rate).
    """

    times: float
    of: str = "fastest peer"
    size: str = "any"  # or "tiny" (32 x 32) or "large"
    threads: int | None = None
    avx2: float | None = None  # instead of ``times`` where there is no AVX-512


@dataclass(frozen=True)
class Job:
    """A call ``imfeat.function(take(images), *arguments, **options)``, or one of a function itself.

    Arguments and options that are functions are called with what ``take`` returned.
    """

    function: object  # the name of a function of imfeat, or a function
    take: object = inputs.rgb
    arguments: tuple = ()
    options: dict = field(default_factory=dict)
    goals: tuple = ()
    reuses_output: bool = True  # takes ``out=``
    most_pixels: int | None = None  # takes no more than these, whatever the size; so does every peer
    once: bool = False  # only for the last size: it takes long and does not depend on the size

    def call(self, images, **out):
        def made(value):
            return value(images) if callable(value) else value

        arguments = [made(value) for value in self.arguments]
        options = {key: made(value) for key, value in self.options.items()} | out
        function = getattr(imfeat, self.function) if isinstance(self.function, str) else self.function
        return lambda: function(images, *arguments, **options)


def large_and_tiny(large, tiny, of="fastest peer", avx2=None):
    return Goal(large, of, "large", avx2=avx2), Goal(tiny, of, "tiny")
