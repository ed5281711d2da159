"""C code for translated PTX: instructions, checks of memory and barriers, and the loop over threads."""

RUNTIME = r"""
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
typedef union { uint64_t u64; int64_t s64; uint32_t u32; int32_t s32; uint16_t u16; int16_t s16; uint8_t u8;
                int8_t s8; float f32; double f64; } Value;
typedef struct { int pc; uint32_t x, y, z, id; Value r[N_REGISTERS]; } Thread;
typedef struct { uint32_t writer, reader, adder, wrote, read, added; } Shadow;  /* epochs, 0 for never */
static uint32_t size_of_block[3], size_of_grid[3], block[3], epoch;
static uint64_t ranges[64][2]; static int n_ranges;
static char *parameters, shared[N_SHARED + 16] __attribute__((aligned(16)));
static Shadow shadows[N_SHARED + 16];
static char *message; static uint64_t n_instructions;
enum { DONE = 0, FAULT = -1 };  /* and the line of a barrier */
#define ANY UINT32_MAX

static int fault(Thread *t, const char *what, int line) {
  if (!*message) snprintf(message, 400, "%s: line %d of the PTX, block (%u, %u, %u), thread (%u, %u, %u)",
                          what, line, block[0], block[1], block[2], t->x, t->y, t->z);
  return 0;
}

static int global(Thread *t, uint64_t a, int n, int line) {
  if (a % n) return fault(t, "misaligned access to global memory", line);
  for (int i = 0; i < n_ranges; i++) if (a >= ranges[i][0] && a + n <= ranges[i][1]) return 1;
  return fault(t, "access to global memory out of bounds", line);
}

/* Between barriers: one may write, or many read, or many add. */
static int shared_(Thread *t, uint64_t a, int n, char kind, int line) {
  uint64_t first = a - (uint64_t)shared;
  if (first + n > N_SHARED) return fault(t, "access to shared memory out of bounds", line);
  if (first % n) return fault(t, "misaligned access to shared memory", line);
  for (uint64_t k = first; k < first + n; k++) {
    Shadow *s = shadows + k;
    if (kind != 'w' && !s->wrote && !s->added) return fault(t, "read of shared memory nobody wrote", line);
    if (s->wrote == epoch && s->writer != t->id) return fault(t, "race: written by another thread", line);
    if (kind != 'a' && s->added == epoch && s->adder != t->id)
      return fault(t, "race: added to by another thread", line);
    if (kind != 'r' && s->read == epoch && s->reader != t->id)
      return fault(t, "race: read by another thread", line);
    if (kind == 'w') s->wrote = epoch, s->writer = t->id;
    if (kind == 'r') s->reader = s->read == epoch && s->reader != t->id ? ANY : t->id, s->read = epoch;
    if (kind == 'a') s->adder = s->added == epoch && s->adder != t->id ? ANY : t->id, s->added = epoch;
  }
  return 1;
}

#define TO_INTEGER(x, low, high) ((x) != (x) ? 0 : (x) <= (low) ? (low) : (x) >= (high) ? (high) : (x))
static uint32_t permute(uint32_t a, uint32_t b, uint32_t which) {
  uint64_t both = (uint64_t)b << 32 | a; uint32_t out = 0;
  for (int i = 0; i < 4; i++) {
    uint32_t k = which >> 4 * i & 15, byte = both >> 8 * (k & 7) & 255;
    out |= (k & 8 ? (byte & 128 ? 255 : 0) : byte) << 8 * i;
  }
  return out;
}
static uint64_t extract(uint64_t a, uint32_t first, uint32_t n, int bits, int is_signed) {
  if (!n) return 0;
  uint32_t last = first + n - 1 < (uint32_t)bits - 1 ? first + n - 1 : bits - 1;
  uint64_t fill = is_signed && a >> last & 1 ? ~0ull : 0;
  if (first >= (uint32_t)bits) return fill;
  uint64_t mask = n > 63 ? ~0ull : (1ull << n) - 1;
  uint64_t value = (bits == 32 ? (uint32_t)a : a) >> first & mask;
  uint32_t taken = last - first + 1;
  return taken > 63 ? value : value | fill << taken;
}
static uint64_t insert(uint64_t a, uint64_t b, uint32_t first, uint32_t n) {
  uint64_t mask = (n > 63 ? ~0ull : (1ull << n) - 1) << (first & 63);
  return first > 63 ? b : (b & ~mask) | (a << first & mask);
}
/* Sums of products of bytes of b, and bytes or, of half of them, 16-bit numbers of a. */
static int64_t dot(uint32_t a, uint32_t b, int bits, int high, int a_signed, int b_signed) {
  int64_t total = 0;
  for (int i = 0; i < 32 / bits; i++) {
    uint32_t x = a >> bits * i & (1u << bits) - 1, y = b >> (8 * i + (high ? 16 : 0)) & 255;
    int64_t u = a_signed && x >> (bits - 1) ? (int64_t)x - (1ll << bits) : x;
    total += u * (b_signed ? (int8_t)y : y);
  }
  return total;
}
static uint32_t logic(uint32_t a, uint32_t b, uint32_t c, int table) {
  uint32_t out = 0;
  for (int i = 0; i < 8; i++)
    if (table >> i & 1) out |= (i & 4 ? a : ~a) & (i & 2 ? b : ~b) & (i & 1 ? c : ~c);
  return out;
}
"""

DRIVER = r"""
int run(const uint32_t *grid, const uint32_t *threads, char *given, const uint64_t *arrays, int n_arrays,
        uint32_t seed, char *text, uint64_t *count) {
  memcpy(size_of_grid, grid, 12); memcpy(size_of_block, threads, 12); memcpy(ranges, arrays, 16 * n_arrays);
  n_ranges = n_arrays, parameters = given, message = text, n_instructions = 0;
  uint32_t n = threads[0] * threads[1] * threads[2];
  Thread *all = malloc(n * sizeof(Thread)); uint32_t *order = malloc(4 * n); int *state = malloc(4 * n);
  for (block[2] = 0; block[2] < grid[2]; block[2]++)
  for (block[1] = 0; block[1] < grid[1]; block[1]++)
  for (block[0] = 0; block[0] < grid[0]; block[0]++) {
    memset(shadows, 0, sizeof shadows); memset(shared, 0xa5, sizeof shared); epoch = 0;
    for (uint32_t i = 0; i < n; i++) {
      Thread *t = all + i; t->pc = 0, t->id = order[i] = i, t->x = i % threads[0];
      t->y = i / threads[0] % threads[1], t->z = i / (threads[0] * threads[1]);
      memset(t->r, 0xa5, sizeof t->r); state[i] = 1;
    }
    do {
      epoch++;
      for (uint32_t i = n - 1; i > 0; i--) {
        seed = seed * 1664525u + 1013904223u; uint32_t j = (seed >> 8) % (i + 1), k = order[i];
        order[i] = order[j], order[j] = k;
      }
      for (uint32_t i = 0; i < n && !*message; i++) state[order[i]] = run_thread(all + order[i]);
      for (uint32_t i = 1; i < n && !*message; i++)
        if (state[i] != state[0]) fault(all + i, "barrier that not all threads reach", state[i] + state[0]);
    } while (state[0] && !*message);
    if (*message) goto end;
  }
  end: *count = n_instructions; free(all); free(order); free(state);
  return *message != 0;
}
"""

TYPES = {
    **{f"{kind}{n}": f"{'u' if kind in 'ub' else ''}int{n}_t" for kind in "usb" for n in (8, 16, 32, 64)},
    "f32": "float",
    "f64": "double",
    "pred": "uint32_t",
}
SPECIAL = {
    "%tid": ("t->x", "t->y", "t->z"),
    "%ntid": ("size_of_block[0]", "size_of_block[1]", "size_of_block[2]"),
    "%ctaid": ("block[0]", "block[1]", "block[2]"),
    "%nctaid": ("size_of_grid[0]", "size_of_grid[1]", "size_of_grid[2]"),
}
SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
SIGNS |= {"lo": "<", "ls": "<=", "hi": ">", "hs": ">="}
ROUNDED = {"rni": "rint", "rzi": "trunc", "rmi": "floor", "rpi": "ceil"}
# Results of instructions for operands {0}, {1}, {2} of their type; {n} is the number of bits.
INTEGER = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "mad": "{0} * {1} + {2}",
    "and": "{0} & {1}",
    "or": "{0} | {1}",
    "xor": "{0} ^ {1}",
    "not": "~{0}",
    "neg": "0 - {0}",
    "min": "{0} < {1} ? {0} : {1}",
    "max": "{0} > {1} ? {0} : {1}",
    "abs": "{0} < 0 ? 0 - {0} : {0}",
    "div": "{1} ? {0} / {1} : -1",
    "rem": "{1} ? {0} % {1} : {0}",
    "popc": "__builtin_popcountll({0})",
    "clz": "{0} ? __builtin_clzll({0}) - 64 + {n} : {n}",
}
FLOAT = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "neg": "-{0}",
    "fma": "fma{f}({0}, {1}, {2})",
    "mad": "fma{f}({0}, {1}, {2})",
    "abs": "fabs{f}({0})",
    "min": "fmin{f}({0}, {1})",
    "max": "fmax{f}({0}, {1})",
    "copysign": "copysign{f}({1}, {0})",
    "sqrt": "sqrt{f}({0})",
    "rsqrt": "1 / sqrt{f}({0})",
    "rcp": "1 / {0}",
    "ex2": "exp2{f}({0})",
    "lg2": "log2{f}({0})",
    "sin": "sin{f}({0})",
    "cos": "cos{f}({0})",
}
ATOMIC = {
    "add": "old + new",
    "min": "old < new ? old : new",
    "max": "old > new ? old : new",
    "or": "old | new",
}
