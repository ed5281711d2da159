"""Vector registers of the processor that Numba compiles for, and the sizes of blocks that fit into them.

``NUMBA_CPU_NAME`` and ``NUMBA_CPU_FEATURES`` are respected.  Sizes change the speed, but no bit of a result.
"""

from typing import NamedTuple

from numba.core import config
from numba.core.codegen import get_host_cpu_features

# As Numba's code generator has them, which would load what only a compiler needs.
FEATURES = frozenset(
    (get_host_cpu_features() if config.CPU_FEATURES is None else config.CPU_FEATURES).split(",")
)
HAS_AVX2 = "+avx2" in FEATURES
HAS_VBMI = "+avx512vbmi" in FEATURES
FLOATS = 16 if "+avx512f" in FEATURES else 8 if HAS_AVX2 else 4  # float32 of a register


class Block(NamedTuple):
    """Rows and columns of float32 whose sums stay in registers together."""

    rows: int
    columns: int  # at most 32, the width of a panel


def _blocks():
    """Return the block of a product, and of a sum of squares, which takes two registers a column more."""
    if "+avx512f" in FEATURES:  # 32 registers of 16 floats
        return Block(8, 32), Block(8, 32)
    if HAS_AVX2:  # 16 registers of 8 floats
        return Block(6, 16), Block(3, 16)
    if "+neon" in FEATURES:  # 32 registers of 4 floats
        return Block(6, 16), Block(6, 8)
    return Block(6, 8), Block(3, 8)  # 16 registers of 4 floats


PRODUCT, SQUARES = _blocks()
