"""What the assembler makes of a kernel: registers, spills, and what is in its loops."""

import re
import subprocess
import tempfile
from pathlib import Path

DOUBLE = {"DADD", "DMUL", "DFMA", "DSETP", "DMNMX"}
LOCAL = {"LDL", "STL"}
WHOLE_DIVISION = re.compile(r"(div|rem)_[us]64")


def tool(name: str) -> str | None:
    """Return where a tool of the CUDA toolkit is, None if there is none."""
    try:
        from cuda.pathfinder import find_nvidia_binary_utility
    except ImportError:
        return None
    found: str | None = find_nvidia_binary_utility(name)
    return found


def is_available() -> bool:
    """Tell whether the assembler and the disassembler are installed."""
    return bool(tool("ptxas") and tool("nvdisasm"))


def examine(text: str, card: tuple[int, int]) -> dict[str, int]:
    """Assemble PTX for a card and count what came out.

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
        said = _run("ptxas", "-v", f"-arch=sm_{number}", "-O3", source, "-o", binary)
        code = _run("nvdisasm", "-c", binary)
    lines = _instructions(code)
    looped = _in_loops(lines)
    return {
        "registers": _number(r"Used (\d+) registers", said),
        "shared": _number(r"(\d+) bytes smem", said),
        "spilled": _number(r"(\d+) bytes spill stores", said),
        "stack": _number(r"(\d+) bytes stack frame", said),
        "instructions": len(lines),
        "local": sum(name.split(".")[0] in LOCAL for _, name, _ in lines),
        "double": sum(name.split(".")[0] in DOUBLE for _, name, _ in lines),
        "double_in_loops": sum(name.split(".")[0] in DOUBLE for name, _ in looped),
        "divisions_in_loops": sum(bool(WHOLE_DIVISION.search(rest)) for _, rest in looped),
    }


def _run(name: str, *arguments: object) -> str:
    done = subprocess.run([str(tool(name)), *map(str, arguments)], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    return int(found[1]) if found else 0


def _instructions(code: str) -> list[tuple[str, str, str]]:
    """Return label (or ""), name and operands of each instruction, subroutines included."""
    lines = []
    label = ""
    for line in code.splitlines():
        mark = re.match(r"\s*(\.L\w+|\$\w+):", line) or re.match(r"\s*(\.L_x_\d+):", line)
        if mark:
            label = mark[1]
        found = re.search(r"/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)\s*(.*)", line)
        if found:
            lines.append((label, found[1], found[2]))
            label = ""
    return lines


def _in_loops(lines: list[tuple[str, str, str]]) -> list[tuple[str, str]]:
    """Return name and operands of the instructions between a label and a branch back to it."""
    places = {label: k for k, (label, _, _) in enumerate(lines) if label}
    inside: set[int] = set()
    for k, (_, name, rest) in enumerate(lines):
        target = re.search(r"`\((\.L\w+)\)", rest)
        if name.startswith("BRA") and target and places.get(target[1], k) < k:
            inside.update(range(places[target[1]], k + 1))
    return [lines[k][1:] for k in sorted(inside)]
