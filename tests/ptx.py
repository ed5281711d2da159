"""Run compiled PTX on the CPU, with checks that no GPU makes.

PTX is translated to C, to one function that runs a thread to its next barrier, and compiled by a C compiler.
Running it checks that

- every access to global memory lies in an array that was passed, and is aligned;
- shared memory is written before it is read, and two threads access it between two barriers only if neither
  writes or both operations are atomic;
- all threads of a block reach the same barriers.

Instructions that no kernel uses raise `NotImplementedError`.  Functions that are approximate on a GPU are
computed exactly, and threads and blocks run one after the other, so errors between blocks, or in the machine
code of a card, are not found.

The instructions are those of NVIDIA, "Parallel Thread Execution ISA", version 9.
"""

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.ptx_runtime import ATOMIC, DRIVER, FLOAT, INTEGER, ROUNDED, RUNTIME, SIGNS, SPECIAL, TYPES

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


class Kernel:
    """A kernel translated from PTX.

    Parameters
    ----------
    ptx : str
        Module with one entry.
    folder : path
        Folder for compiled libraries.

    Attributes
    ----------
    parameter_sizes : list of int
        Bytes of each parameter.
    """

    def __init__(self, ptx: str, folder: Path) -> None:
        translation = _Translation(ptx)
        self.parameter_sizes = translation.parameter_sizes
        source = translation.source
        library = folder / f"{hashlib.sha256(source.encode()).hexdigest()[:20]}.so"
        if not library.exists():
            own = library.with_suffix(f".{os.getpid()}")  # other processes may compile the same library
            own.with_suffix(".c").write_text(source)
            options = "-O1", "-w", "-shared", "-fPIC", "-fwrapv", "-fno-strict-aliasing", "-ffp-contract=off"
            command = [COMPILER, *options, own.with_suffix(".c"), "-o", own, "-lm"]
            subprocess.run(list(map(str, command)), check=True, capture_output=True)
            os.replace(own, library)
        self._run = ctypes.CDLL(str(library)).run
        self.n_instructions = 0

    def run(self, grid, threads, values, ranges, *, seed=1):
        """Run the kernel; failed checks raise RuntimeError.

        ``values`` are its parameters as NumPy's numbers, ``ranges`` where its arrays begin and end.
        """
        parameters = bytearray()
        for value in values:
            parameters += bytes(-len(parameters) % value.itemsize) + value.tobytes()
        sizes = [(ctypes.c_uint32 * 3)(*(*size, 1, 1)[:3]) for size in (grid, threads)]
        flat = (ctypes.c_uint64 * max(1, 2 * len(ranges)))(*sum(ranges, ()))
        message = ctypes.create_string_buffer(400)
        count = ctypes.c_uint64()
        failed = self._run(
            *sizes, bytes(parameters), flat, len(ranges), ctypes.c_uint32(seed), message, ctypes.byref(count)
        )
        self.n_instructions = count.value
        if failed:
            raise RuntimeError(message.value.decode())


class _Translation:
    """PTX as C."""

    def __init__(self, ptx: str) -> None:
        self.registers: dict[str, int] = {}
        self.addresses: dict[str, str] = {}  # of parameters, shared and constant memory
        self.parameter_sizes: list[int] = []
        self.n_shared = 0
        self.constants = []
        text = re.sub(r"/\*.*?\*/", lambda match: "\n" * match[0].count("\n"), ptx.rstrip("\0"), flags=re.S)
        text = re.sub(r"//.*", "", text)
        if re.search(r"^\s*(\.visible |\.weak )?\.func", text, re.M):
            raise NotImplementedError("functions that are called")
        head, body = re.split(r"(?<=\))\s*(?:\.\w+[^{;]*)*\n\s*\{", text, maxsplit=1)
        self._declare_parameters(re.search(r"\.entry\s+\w+\s*\((.*)\)", head, re.S)[1])
        for line in head.splitlines():
            if re.match(r"\s*(\.\w+ )*\.(shared|const|global)\b", line):
                self._declare(line)
        lines = []
        n_before = head.count("\n") + 2
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
        offset = 0
        for line in text.split(","):
            size = _size(re.search(r"\.([usbf]\d+)\b", line)[1])
            name = line.split()[-1]
            self.parameter_sizes.append(size)
            offset += -offset % size
            self.addresses[name] = f"(uint64_t)(parameters + {offset})"
            offset += size

    def _declare(self, line: str) -> None:
        match = re.search(
            r"\.(shared|const|global)\s+.*?\.(\w+) (\w+)(?:\[(\d+)\])?(?:\s*=\s*\{?(.*?)\}?)?;", line
        )
        space, kind, name, count, values = match.groups()
        size = _size(kind) * int(count or 1)
        if space == "shared":
            self.n_shared += -self.n_shared % 16
            self.addresses[name] = f"(uint64_t)(shared + {self.n_shared})"
            self.n_shared += size
        else:
            self.addresses[name] = f"(uint64_t){name}"
            self.constants.append(f"static {TYPES[kind]} {name}[{count or 1}] = {{{values or 0}}};")

    def _statement(self, line: str, number: int) -> str:
        if not line or line.startswith("."):
            if ".shared" in line:
                self._declare(line)
            if ".local" in line:
                raise NotImplementedError("local memory")
            return ""
        if line in ("{", "}"):
            return line
        label = re.fullmatch(r"(\$?\w+):", line)
        if label:
            return f"{label[1].replace('$', '')}:;"
        match = re.fullmatch(r"(?:@(!?)(%\w+)\s+)?([\w.:]+)\s*(.*?);", line, re.S)
        if not match:
            raise NotImplementedError(f"line {number}: {line}")
        negated, predicate, name, arguments = match.groups()
        operands = re.findall(r"\{[^}]*\}|\[[^\]]*\]|[^,\s]+", arguments)
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
        if operand in self.addresses:
            return self.addresses[operand]
        bits = re.fullmatch(r"0[fFdD]([0-9A-Fa-f]+)", operand)
        if bits:
            return f"((Value){{.u64 = 0x{bits[1]}ull}}).{_member(kind)}"
        return f"(({TYPES[kind]}){operand}ll)"

    def _address(self, operand: str) -> str:
        """Return an address."""
        base, _, offset = operand.strip("[]").replace(" ", "").partition("+")
        return f"({self._value(base, 'u64')} + ({offset or 0}ll))"

    def _instruction(self, name: list[str], operands: list[str], number: int) -> str:
        base = name[0]
        kind = name[-1]
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
        return f"{TYPES[wide]} result = {expression}; {_full_register(target, wide)} = result;"

    def _expression(self, name: list[str], operands: list[str], values: list[str], kind: str) -> str:
        base = name[0]
        n = 8 * _size(kind)
        if base in ("mov", "cvta"):
            return values[0]
        if base == "selp":
            return f"{self._value(operands[3], 'pred')} ? {values[0]} : {values[1]}"
        if base in ("shl", "shr"):
            shift = self._value(operands[2], "u32")
            sign = "<<" if base == "shl" else ">>"
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
        kind = name[-1]
        loads = name[0] == "ld"
        inside, outside = (operands[0], operands[1]) if loads else (operands[1], operands[0])
        registers = re.findall(r"[^{},\s]+", inside)
        size = _size(kind)
        code = [f"uint64_t address = {self._address(outside)};"]
        check = {
            "global": f"global(t, address, {size * len(registers)}, {number})",
            "shared": f"shared_(t, address, {size * len(registers)}, '{'r' if loads else 'w'}', {number})",
            "param": "1",
            "const": "1",
        }[name[2] if name[1] == "volatile" else name[1].partition("::")[0]]
        code.append(f"if (!{check}) return FAULT;")
        for k, register in enumerate(registers):
            target = f"*({TYPES[kind]} *)(address + {k * size})"
            value = self._value(register, kind)
            code.append(f"{_full_register(value, kind)} = {target};" if loads else f"{target} = {value};")
        return " ".join(code)

    def _atomic(self, name: list[str], operands: list[str], number: int) -> str:
        kind = name[-1]
        size = _size(name[-1])
        target, address, value = operands if name[0] == "atom" else (None, *operands)
        space = next(part for part in name if part.partition("::")[0] in ("global", "shared"))
        check = f"global(t, address, {size}, {number})"
        if space.startswith("shared"):
            check = f"shared_(t, address, {size}, 'a', {number})"
        step = ATOMIC[next(part for part in name[1:] if part in ATOMIC)]
        pointer = f"*({TYPES[kind]} *)address"
        code = f"uint64_t address = {self._address(address)}; if (!{check}) return FAULT; "
        code += f"{TYPES[kind]} old = {pointer}, new = {self._value(value, kind)}; {pointer} = {step};"
        return code + (f" {_full_register(self._value(target, kind), kind)} = old;" if target else "")

    def _comparison(self, name: list[str], operands: list[str]) -> str:
        kind = name[-1]
        how = name[1]
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
        return f"{TYPES[to]} result = ({TYPES[to]})({value}); {_full_register(target, to)} = result;"

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


def _full_register(target: str, kind: str) -> str:
    """Return the target of an assignment: integers are extended to the full register."""
    if kind[0] == "f" or kind == "pred":
        return target
    return target.rpartition(".")[0] + (".s64" if kind[0] == "s" else ".u64")
