"""Run compiled PTX on the CPU, with checks that no GPU makes.

PTX is translated to C, one function that runs a thread to its next barrier; a C compiler and `ctypes`
do the rest.  While it runs, it is checked that

- every access to global memory lies in an array that was passed, and is aligned;
- shared memory is written before it is read, and not touched by two threads between barriers if one of
  them writes, atomic operations among themselves excepted;
- all threads of a block meet at the same barriers.

What our kernels don't use is not translated and raises `NotImplementedError`.  Functions that are only
approximate on a GPU are computed exactly, and threads and blocks run one after the other: what only
shows between blocks, or in the code that is made of PTX for a card, is not seen.

The instructions are those of NVIDIA, "Parallel Thread Execution ISA", version 9.
"""

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")

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
# What an instruction computes of {0}, {1}, {2}, each of its type; {n} is the number of bits.
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


class Kernel:
    """A kernel, made of its PTX.

    Parameters
    ----------
    ptx : str
        With one entry.
    folder : path
        Where what is compiled is kept.
    mlir : bool
        Whether arrays are passed as numba-cuda-mlir does, not as numba-cuda does.
    """

    def __init__(self, ptx: str, folder: Path, *, mlir: bool = False) -> None:
        self._mlir = mlir
        source = _Translation(ptx).source
        library = folder / f"{hashlib.sha256(source.encode()).hexdigest()[:20]}.so"
        if not library.exists():
            own = library.with_suffix(f".{os.getpid()}")  # as other processes may compile the same
            own.with_suffix(".c").write_text(source)
            options = "-O1", "-w", "-shared", "-fPIC", "-fwrapv", "-fno-strict-aliasing", "-ffp-contract=off"
            parts = [COMPILER, *options, own.with_suffix(".c"), "-o", own, "-lm"]
            subprocess.run([str(part) for part in parts], check=True, capture_output=True)
            os.replace(own, library)
        self._run = ctypes.CDLL(str(library)).run
        self.n_instructions = 0

    def __call__(self, grid, threads, *arguments, seed=1):
        """Run it; arrays are NumPy arrays in C order.  What is found wrong raises a RuntimeError."""
        given, ranges = bytearray(), []
        for argument in arguments:
            if isinstance(argument, np.ndarray):
                first = argument.ctypes.data
                ranges.append((first, first + argument.nbytes))
                words = 0, 0, argument.size, argument.itemsize, first, *argument.shape, *argument.strides
                if self._mlir:
                    strides = (stride // argument.itemsize for stride in argument.strides)
                    words = first, first, 0, *argument.shape, *strides
                values = [np.int64(word) for word in words]
            else:
                values = [np.asarray(argument)]
            for value in values:
                given += bytes(-len(given) % value.itemsize) + value.tobytes()
        sizes = [(ctypes.c_uint32 * 3)(*(*size, 1, 1)[:3]) for size in (grid, threads)]
        flat = (ctypes.c_uint64 * (2 * len(ranges)))(*sum(ranges, ()))
        message, count = ctypes.create_string_buffer(400), ctypes.c_uint64()
        failed = self._run(
            *sizes, bytes(given), flat, len(ranges), ctypes.c_uint32(seed), message, ctypes.byref(count)
        )
        self.n_instructions = count.value
        if failed:
            raise RuntimeError(message.value.decode())


class _Translation:
    """PTX as C."""

    def __init__(self, ptx: str) -> None:
        self.registers: dict[str, int] = {}
        self.places: dict[str, str] = {}  # of parameters, shared and constant memory
        self.n_shared, self.constants = 0, []
        text = re.sub(r"/\*.*?\*/", lambda found: "\n" * found[0].count("\n"), ptx.rstrip("\0"), flags=re.S)
        text = re.sub(r"//.*", "", text)
        if re.search(r"^\s*(\.visible |\.weak )?\.func", text, re.M):
            raise NotImplementedError("functions that are called")
        head, body = re.split(r"(?<=\))\s*(?:\.\w+[^{;]*)*\n\s*\{", text, maxsplit=1)
        self._declare_parameters(re.search(r"\.entry\s+\w+\s*\((.*)\)", head, re.S)[1])
        for line in head.splitlines():
            if re.match(r"\s*(\.\w+ )*\.(shared|const|global)\b", line):
                self._declare(line)
        lines, n_before = [], head.count("\n") + 2
        for number, line in enumerate(body.splitlines(), n_before):
            lines.append(self._statement(line.strip(), number))
        self.source = "\n".join(
            [
                f"#define N_REGISTERS {len(self.registers) + 1}",
                f"#define N_SHARED {self.n_shared}",
                RUNTIME,
                *self.constants,
                "static int run_thread(Thread *t) { switch (t->pc) { case 0:;",
                *lines,
                "return DONE; }",
                DRIVER,
            ]
        )

    def _declare_parameters(self, text: str) -> None:
        place = 0
        for line in text.split(","):
            size, name = _size(re.search(r"\.([usbf]\d+)\b", line)[1]), line.split()[-1]
            place += -place % size
            self.places[name] = f"(uint64_t)(parameters + {place})"
            place += size

    def _declare(self, line: str) -> None:
        found = re.search(
            r"\.(shared|const|global)\s+.*?\.(\w+) (\w+)(?:\[(\d+)\])?(?:\s*=\s*\{?(.*?)\}?)?;", line
        )
        space, kind, name, count, values = found.groups()
        size = _size(kind) * int(count or 1)
        if space == "shared":
            self.n_shared += -self.n_shared % 16
            self.places[name] = f"(uint64_t)(shared + {self.n_shared})"
            self.n_shared += size
        else:
            self.places[name] = f"(uint64_t){name}"
            self.constants.append(f"static {TYPES[kind]} {name}[{count or 1}] = {{{values or 0}}};")

    def _statement(self, line: str, number: int) -> str:
        if not line or line == "{" or line.startswith("."):
            if ".shared" in line:
                self._declare(line)
            if ".local" in line:
                raise NotImplementedError("local memory")
            return ""
        if line == "}":
            return "}"
        label = re.fullmatch(r"(\$?\w+):", line)
        if label:
            return f"{label[1].replace('$', '')}:;"
        parts = re.fullmatch(r"(?:@(!?)(%\w+)\s+)?([\w.:]+)\s*(.*?);", line, re.S)
        if not parts:
            raise NotImplementedError(f"line {number}: {line}")
        negated, predicate, name, rest = parts.groups()
        operands = re.findall(r"\{[^}]*\}|\[[^\]]*\]|[^,\s]+", rest)
        condition = f"if ({negated}{self._value(predicate, 'pred')}) " if predicate else ""
        try:
            code = self._instruction(name.split("."), operands, number)
        except KeyError as error:
            raise NotImplementedError(f"line {number}: {line}") from error
        return f"n_instructions++; {condition}{{ {code} }}"

    def _value(self, operand: str, kind: str) -> str:
        """Return an operand as a value of a type."""
        name, _, axis = operand.partition(".")
        if name in SPECIAL:
            return f"(({TYPES[kind]}){SPECIAL[name]['xyz'.index(axis)]})"
        if operand.startswith("%"):
            return f"t->r[{self.registers.setdefault(operand, len(self.registers))}].{_member(kind)}"
        if operand in self.places:
            return self.places[operand]
        bits = re.fullmatch(r"0[fFdD]([0-9A-Fa-f]+)", operand)
        if bits:
            return f"((Value){{.u64 = 0x{bits[1]}ull}}).{_member(kind)}"
        return f"(({TYPES[kind]}){operand}ll)"

    def _place(self, operand: str) -> str:
        """Return an address."""
        base, _, offset = operand.strip("[]").replace(" ", "").partition("+")
        return f"({self._value(base, 'u64')} + ({offset or 0}ll))"

    def _instruction(self, name: list[str], operands: list[str], number: int) -> str:
        base, kind = name[0], name[-1]
        if base in ("ret", "exit"):
            return "return DONE;"
        if base == "bra":
            return f"goto {operands[0].replace('$', '')};"
        if base in ("bar", "barrier"):
            return f"t->pc = {number}; return {number}; case {number}:;"
        if base in ("ld", "st"):
            return self._access(name, operands, number)
        if base in ("atom", "red"):
            return self._atomic(name, operands, number)
        if base == "setp":
            return self._comparison(name, operands)
        if base == "cvt":
            return self._conversion(name, operands)
        if base == "mov" and any(operand.startswith("{") for operand in operands):
            return self._packed(kind, operands)
        target = self._value(operands[0], kind)
        wide = f"{kind[0]}{2 * int(kind[1:])}" if "wide" in name else kind
        values = [self._value(operand, kind) for operand in operands[1:]]
        if "wide" in name:
            target = self._value(operands[0], wide)
            values[:2] = [f"(({TYPES[wide]}){value})" for value in values[:2]]
            values[2:] = [self._value(operand, wide) for operand in operands[3:]]
        expression = self._expression(name, operands, values, kind)
        return f"{TYPES[wide]} result = {expression}; {_whole(target, wide)} = result;"

    def _expression(self, name: list[str], operands: list[str], values: list[str], kind: str) -> str:
        base, n = name[0], 8 * _size(kind)
        if base in ("mov", "cvta"):
            return values[0]
        if base == "selp":
            return f"{self._value(operands[3], 'pred')} ? {values[0]} : {values[1]}"
        if base in ("shl", "shr"):
            shift, sign = self._value(operands[2], "u32"), "<<" if base == "shl" else ">>"
            most = f"{values[0]} >> {n - 1}" if base == "shr" and kind[0] == "s" else "0"
            return f"{shift} < {n} ? ({TYPES[kind]})({values[0]} {sign} {shift}) : {most}"
        if base == "shf":
            count = f"({self._value(operands[3], 'u32')} & 31)"
            both = f"((uint64_t){values[1]} << 32 | {values[0]})"
            return f"({both} << {count}) >> 32" if name[1] == "l" else f"{both} >> {count}"
        if (base == "mul" and "hi" in name) or (base == "mad" and "hi" in name):
            double = {
                "u16": "uint32_t",
                "s16": "int32_t",
                "u32": "uint64_t",
                "s32": "int64_t",
                "u64": "unsigned __int128",
                "s64": "__int128",
            }[kind]
            product = f"(({double}){values[0]} * ({double}){values[1]}) >> {n}"
            return product if base == "mul" else f"({product}) + {values[2]}"
        if base == "bfe":
            counts = [self._value(operand, "u32") for operand in operands[2:]]
            return f"extract({values[0]}, {counts[0]} & 255, {counts[1]} & 255, {n}, {int(kind[0] == 's')})"
        if base == "bfi":
            counts = [self._value(operand, "u32") for operand in operands[3:]]
            return f"insert({values[0]}, {values[1]}, {counts[0]} & 255, {counts[1]} & 255)"
        if base == "prmt":
            return f"permute({', '.join(values)})"
        if base in ("dp4a", "dp2a"):
            signs = ", ".join(str(int(part[0] == "s")) for part in name[-2:])
            form = f"{8 if base == 'dp4a' else 16}, {int('hi' in name)}, {signs}"
            return f"{values[2]} + dot({values[0]}, {values[1]}, {form})"
        if base == "lop3":
            return f"logic({', '.join(values)})"
        table = FLOAT if kind in ("f32", "f64") else INTEGER
        if kind == "pred" and base == "not":
            return f"!{values[0]}"
        text = table[base].format(*values, n=n, f="f" if kind == "f32" else "")
        return f"fmin{'f' if kind == 'f32' else ''}(fmax({text}, 0), 1)" if "sat" in name else text

    def _access(self, name: list[str], operands: list[str], number: int) -> str:
        kind, loads = name[-1], name[0] == "ld"
        inside, outside = (operands[0], operands[1]) if loads else (operands[1], operands[0])
        registers = re.findall(r"[^{},\s]+", inside)
        size = _size(kind)
        code = [f"uint64_t place = {self._place(outside)};"]
        check = {
            "global": f"global(t, place, {size * len(registers)}, {number})",
            "shared": f"shared_(t, place, {size * len(registers)}, '{'r' if loads else 'w'}', {number})",
            "param": "1",
            "const": "1",
        }[name[2] if name[1] == "volatile" else name[1].partition("::")[0]]
        code.append(f"if (!{check}) return FAULT;")
        for k, register in enumerate(registers):
            place = f"*({TYPES[kind]} *)(place + {k * size})"
            value = self._value(register, kind)
            code.append(f"{_whole(value, kind)} = {place};" if loads else f"{place} = {value};")
        return " ".join(code)

    def _atomic(self, name: list[str], operands: list[str], number: int) -> str:
        kind, size = name[-1], _size(name[-1])
        target, place, value = operands if name[0] == "atom" else (None, *operands)
        space = next(part for part in name if part.partition("::")[0] in ("global", "shared"))
        check = f"global(t, place, {size}, {number})"
        if space.startswith("shared"):
            check = f"shared_(t, place, {size}, 'a', {number})"
        step = ATOMIC[next(part for part in name[1:] if part in ATOMIC)]
        code = f"uint64_t place = {self._place(place)}; if (!{check}) return FAULT; {TYPES[kind]} old = "
        code += (
            f"*({TYPES[kind]} *)place, new = {self._value(value, kind)}; *({TYPES[kind]} *)place = {step};"
        )
        return code + (f" {_whole(self._value(target, kind), kind)} = old;" if target else "")

    def _comparison(self, name: list[str], operands: list[str]) -> str:
        kind, how = name[-1], name[1]
        target, a, b = operands[0], *(self._value(operand, kind) for operand in operands[1:3])
        if how in ("num", "nan"):
            result = f"({a} {'==' if how == 'num' else '!='} {a} {'&&' if how == 'num' else '||'} {b} == {b})"
            result = f"({a} != {a} || {b} != {b})" if how == "nan" else result
        elif how in SIGNS:
            result = f"({a} {SIGNS[how]} {b})"
            if how == "ne" and kind[0] == "f":
                result = f"({a} < {b} || {a} > {b})"
        else:  # or unordered
            result = f"(!({a} == {a} && {b} == {b}) || {a} {SIGNS[how[:-1]]} {b})"
        if len(operands) > 3:
            join = {"and": "&", "or": "|", "xor": "^"}[name[2]]
            negated = "!" if operands[3].startswith("!") else ""
            result = f"{result} {join} ({negated}{self._value(operands[3].lstrip('!'), 'pred')})"
        return f"{self._value(target, 'pred')} = {result};"

    def _conversion(self, name: list[str], operands: list[str]) -> str:
        to, source = name[-2:]
        target, value = self._value(operands[0], to), self._value(operands[1], source)
        how = next((ROUNDED[part] for part in name if part in ROUNDED), None)
        value = f"{how}({value})" if how else value
        if to[0] != "f" and source[0] == "f":
            n = int(to[1:])
            low, high = (0, 2**n - 1) if to[0] == "u" else (1 - 2 ** (n - 1), 2 ** (n - 1) - 1)
            u = "u" if to[0] == "u" else ""
            value = f"TO_INTEGER({value}, {low}{u}ll, {high}{u}ll)"
        if "sat" in name:
            value = f"fmin(fmax({value}, 0), 1)"
        return f"{TYPES[to]} result = ({TYPES[to]})({value}); {_whole(target, to)} = result;"

    def _packed(self, kind: str, operands: list[str]) -> str:
        parts = re.findall(r"[^{},\s]+", next(operand for operand in operands if operand.startswith("{")))
        n = 8 * _size(kind) // len(parts)
        if operands[0].startswith("{"):
            value = self._value(operands[1], kind.replace("f", "b").replace("b", "u"))
            steps = [
                f"{self._value(part, 'u64')} = (uint{n}_t)(both >> {n * k});"
                for k, part in enumerate(parts)
                if part != "_"
            ]
            return f"uint64_t both = {value}; " + " ".join(steps)
        terms = [f"(uint64_t){self._value(part, f'u{n}')} << {n * k}" for k, part in enumerate(parts)]
        return f"uint64_t both = {' | '.join(terms)}; {self._value(operands[0], 'u64')} = both;"


def _size(kind: str) -> int:
    """Return the bytes of a type."""
    return 4 if kind == "pred" else int(kind[1:]) // 8


def _member(kind: str) -> str:
    return "u32" if kind == "pred" else kind.replace("b", "u")


def _whole(target: str, kind: str) -> str:
    """Return where to assign a value to: integers fill the whole register, extended."""
    if kind[0] == "f" or kind == "pred":
        return target
    return target.rpartition(".")[0] + (".s64" if kind[0] == "s" else ".u64")
