"""Facts about the machine code of a kernel: registers, spills, and instructions in loops."""

import re
import subprocess
import tempfile
from pathlib import Path

DOUBLE = {"DADD", "DMUL", "DFMA", "DSETP", "DMNMX"}
LOCAL = {"LDL", "STL"}
INTEGER_DIVISION = re.compile(r"(div|rem)_[us]64")


def tool(name: str) -> str | None:
    """Return the path of a tool of the CUDA toolkit, or None if it is not installed."""
    try:
        from cuda.pathfinder import find_nvidia_binary_utility
    except ImportError:
        return None
    path: str | None = find_nvidia_binary_utility(name)
    return path


def is_available() -> bool:
    """Return whether the assembler and the disassembler are installed."""
    return bool(tool("ptxas") and tool("nvdisasm"))


def examine(text: str, card: tuple[int, int]) -> dict[str, int]:
    """Assemble PTX for a card, and count registers, memory and instructions.

    Returns
    -------
    dict
        Registers and bytes of shared memory, spilled and of local memory; instructions; and how many
        in loops are of double precision or call the subroutine that divides 64-bit integers.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, binary = Path(folder) / "kernel.ptx", Path(folder) / "kernel.cubin"
        source.write_text(text)
        number = 10 * card[0] + card[1]
        messages = _run("ptxas", "-v", f"-arch=sm_{number}", "-O3", source, "-o", binary)
        code = _run("nvdisasm", "-c", binary)
    lines = _instructions(code)
    looped = _in_loops(lines)
    return {
        "registers": _number(r"Used (\d+) registers", messages),
        "shared": _number(r"(\d+) bytes smem", messages),
        "spilled": _number(r"(\d+) bytes spill stores", messages),
        "stack": _number(r"(\d+) bytes stack frame", messages),
        "instructions": len(lines),
        "local": sum(name.split(".")[0] in LOCAL for _, name, _ in lines),
        "double": sum(name.split(".")[0] in DOUBLE for _, name, _ in lines),
        "double_in_loops": sum(name.split(".")[0] in DOUBLE for name, _ in looped),
        "divisions_in_loops": sum(bool(INTEGER_DIVISION.search(operands)) for _, operands in looped),
    }


def _run(name: str, *arguments: object) -> str:
    done = subprocess.run([str(tool(name)), *map(str, arguments)], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def _number(pattern: str, text: str) -> int:
    match = re.search(pattern, text)
    return int(match[1]) if match else 0


def _instructions(code: str) -> list[tuple[str, str, str]]:
    """Return label (or ""), name and operands of each instruction, subroutines included."""
    lines = []
    label = ""
    for line in code.splitlines():
        label_match = re.match(r"\s*(\.L\w+|\$\w+):", line) or re.match(r"\s*(\.L_x_\d+):", line)
        if label_match:
            label = label_match[1]
        match = re.search(r"/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)\s*(.*)", line)
        if match:
            lines.append((label, match[1], match[2]))
            label = ""
    return lines


def _in_loops(lines: list[tuple[str, str, str]]) -> list[tuple[str, str]]:
    """Return name and operands of the instructions between a label and a branch back to it."""
    line_of = {label: k for k, (label, _, _) in enumerate(lines) if label}
    inside: set[int] = set()
    for k, (_, name, operands) in enumerate(lines):
        target = re.search(r"`\((\.L\w+)\)", operands)
        if name.startswith("BRA") and target and line_of.get(target[1], k) < k:
            inside.update(range(line_of[target[1]], k + 1))
    return [lines[k][1:] for k in sorted(inside)]
