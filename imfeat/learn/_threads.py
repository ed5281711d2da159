"""Numbers of BLAS threads of the learners: as many as pay, and at most as many as features use.

Steps on a few images, and products of up to `FEW_FEATURES` features, take one thread: on idle cores a second
one saves little, and beside busy processes it costs time.  The numbers do not depend on the load of the
machine, because they change the last digits of products.
"""

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from threadpoolctl import ThreadpoolController

from imfeat._backend import get_num_threads

FEW_FEATURES = 1024

_LOCK = threading.RLock()

P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def blas_threads(n: int) -> Iterator[None]:
    """Limit each BLAS to ``n`` threads during the block, and to no more than before.

    The numbers are global: during a block of one thread of Python, those of others have no effect.
    """
    if not _LOCK.acquire(blocking=False):
        yield
        return
    try:
        libraries = controller().select(user_api="blas")
        n_before = [library.num_threads for library in libraries.lib_controllers]
        if max(n_before, default=1) <= n:
            yield
            return
        with libraries.limit(limits=min(n, *n_before)):
            yield
    finally:
        _LOCK.release()


def paying_threads(n_features: int) -> int:
    """Return the number of BLAS threads that pay for products of many images."""
    return get_num_threads() if n_features > FEW_FEATURES else 1


def with_paying_threads(method: Callable[P, T]) -> Callable[P, T]:
    """Decorate a method of an object with a ``matrix`` of products to use the BLAS threads that pay."""

    @functools.wraps(method)
    def limited(*args: P.args, **kwargs: P.kwargs) -> T:
        owner: Any = args[0]
        with blas_threads(paying_threads(len(owner.matrix))):
            return method(*args, **kwargs)

    return limited


@functools.cache
def controller() -> ThreadpoolController:
    """Return the controller of all copies of BLAS: those of NumPy and SciPy, which take 4 ms to find."""
    import scipy.linalg  # type: ignore[import-untyped]  # noqa: F401  loads its BLAS

    return ThreadpoolController()
