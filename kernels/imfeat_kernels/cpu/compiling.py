"""Numba's decorator, without the entry points that nothing calls: these take a fifth of the time to compile.

For every function Numba compiles one more that takes Python's objects, and one for C.  Both unpack all
parameters, which for arrays is more code than many a function has.
"""

import numba


def njit(function=None, **options):
    """Compile a function that Python calls, or that kernels for CUDA share; options are Numba's."""
    return numba.njit(function, no_cfunc_wrapper=True, **options)


def inner(function=None, **options):
    """Compile a function that only compiled functions call.  A call from Python would crash."""
    return numba.njit(function, no_cfunc_wrapper=True, no_cpython_wrapper=True, **options)
