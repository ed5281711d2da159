"""The CUDA kernels, without a GPU: ``python -m benchmarks.cuda``.

Compiles every kernel for the types that public functions pass, and writes the PTX beside the kernels.
Compares it with the CPU's kernels by running it on the CPU, assembles it for four cards, and counts
registers, shared memory and instructions.  Predicts times on an H100 from the instructions that ran and the
bytes that move; nothing is timed.
"""

import collections
import functools
import json
from datetime import date
from importlib.metadata import version
from pathlib import Path

import click
import numpy as np
import rich.progress
import skimage.data
from imfeat_kernels import cpu, cuda
from imfeat_kernels.cases import COSTS, gpu_cases, multiply_adds
from imfeat_kernels.cuda import code, compiler

from imfeat.selfcheck.run import BANDWIDTH, INSTRUCTIONS
from tests import device, gpu_calls, machine_code

RESULTS = Path(__file__).parent / "results"
GUIDE = Path(__file__).parents[1] / "docs" / "gpu.md"
MULTIPLY_ADDS = 67e12 / 2  # in float32 a second, of an H100 SXM
KEYS = "registers", "shared", "spilled", "instructions"
BEGIN, END = "<!-- predictions -->\n", "<!-- end -->"


@click.command()
@click.option("--only-compile", is_flag=True, help="Write the compiled code, and examine nothing.")
@click.option("--out", default=RESULTS, show_default="benchmarks/results", type=click.Path(path_type=Path))
def main(only_compile, out):
    """Compile and examine every CUDA kernel."""
    compile_all()
    if only_compile:
        return
    facts, cards = examine_all()
    costs = count_costs()
    about = {
        "date": f"{date.today()}",
        "versions": {name: version(name) for name in (*compiler.COMPILERS, "nvidia-cuda-nvcc")},
        "command": "python -m benchmarks.cuda",
    }
    (out / "cuda.json").write_text(json.dumps({**about, "kernels": facts, "costs": costs}, indent=1) + "\n")
    (out / "cuda.md").write_text(code_table(about, facts, cards))
    COSTS.write_text(json.dumps(costs, indent=1) + "\n")
    before, after = GUIDE.read_text().split(BEGIN)[0], GUIDE.read_text().split(END, 1)[1]
    GUIDE.write_text(before + BEGIN + "\n" + prediction_table(costs) + "\n" + END + after)
    click.echo((out / "cuda.md").read_text())


def compile_all():
    """Compile the kernels of all cases and public calls for the types of their arguments; write the PTX."""
    texts = collections.defaultdict(dict)

    @functools.cache
    def text_of(body, signature):
        text = compiler.to_ptx(body, signature)
        module = body.name.partition(".")[0]
        texts[module][code.key_of(body, signature)] = text
        return text

    with device.on_host(device.Runs(text_of)):
        for case in rich.progress.track(list(gpu_cases(pictures(24)[:1])), "Compiling cases"):
            case.run_on_gpu(cuda)
        gpu_calls.run_all(np.random.default_rng(0))
    for path in code.FOLDER.glob("*"):
        path.unlink()
    for module, of_module in texts.items():
        code.write(module, of_module, compiler.versions())


def pictures(side):
    """Return two natural images."""
    return np.stack(
        [photo()[100 : 100 + side, 50 : 50 + side] for photo in (skimage.data.astronaut, skimage.data.coffee)]
    )


def run(case):
    """Run a case on the CPU and as compiled; return the largest difference, and the runs."""
    with device.on_host() as runs:
        results = case.run_on_gpu(cuda)
    return case.difference(case.run(cpu), results), runs


def examine_all():
    """Return facts about the machine code of each kernel on each card."""
    facts = {}
    cards = [f"{10 * card[0] + card[1]}" for card in device.CARDS]
    for case in rich.progress.track(list(gpu_cases(pictures(61)[:, :, :47].copy())), "Assembling"):
        off, runs = run(case)
        if off > case.tolerance:
            raise click.ClickException(f"{case.kernel} is off by {off:.3g}")
        for body, signature, _ in runs.launched:
            row = facts.setdefault(f"{case.kernel}: {body.name.partition('.')[2]}({signature[0]})", {})
            if not row:
                text = code.ptx_of(body, signature)
                row |= {
                    number: machine_code.examine(text, card)
                    for number, card in zip(cards, device.CARDS, strict=True)
                }
    return facts, cards


def count_costs():
    """Return the bytes, the instructions, and for products the multiply-adds of an item of each kernel."""
    costs = {}
    for case in rich.progress.track(list(gpu_cases(pictures(256), n_vectors=2000)), "Counting instructions"):
        if case.kernel in costs:
            continue  # the first case of a kernel is the usual one
        _, runs = run(case)
        arrays = [value for value in (*case.inputs, *case.results) if isinstance(value, np.ndarray)]
        n_temporary = runs.launched[-1][2].n_temporary if runs.launched else 0
        n_bytes = sum(array.nbytes for array in arrays) + 2 * n_temporary  # written, and read
        costs[case.kernel] = {
            "bytes": round(n_bytes / case.n_items, 2),
            "instructions": round(runs.n_instructions / case.n_items, 1),
        }
        if n_multiply_adds := multiply_adds(case):
            costs[case.kernel]["multiply_adds"] = round(n_multiply_adds / case.n_items, 1)
    return costs


def code_table(about, facts, cards):
    """Return a page with a line a kernel: registers, shared memory and instructions on each card."""
    lines = [
        "# Machine code of the CUDA kernels",
        f"`{about['command']}`; numba-cuda {about['versions']['numba-cuda']}, {about['date']}.",
        "One PTX, of compute capability 7.5, assembled for each card.",
        "",
        f"On compute capability {', '.join(f'{int(card) / 10}' for card in cards)}. Every kernel gave what "
        "the CPU gives; none spills or uses local memory, or divides 64-bit integers in a loop.",
        "",
        "| kernel | registers | bytes shared | instructions |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, row in sorted(facts.items()):
        columns = [
            " / ".join(f"{row[card][key]:,}" for card in cards) for key in ("registers", "instructions")
        ]
        lines.append(f"| {name} | {columns[0]} | {row[cards[0]]['shared']:,} | {columns[1]} |")
    return "\n".join(lines) + "\n"


def prediction_table(costs):
    """Return a line a kernel: bytes, instructions, what binds, and the least time and the one predicted."""
    columns = "kernel", "bytes an item", "instructions an item", "bound by", "ms for 10^7, floor"
    lines = [
        f"| {' | '.join((*columns, 'predicted', 'measured'))} |",
        "| --- | ---: | ---: | --- | ---: | ---: | --- |",
    ]
    for kernel, cost in sorted(costs.items()):
        memory, issue = cost["bytes"] / BANDWIDTH, cost["instructions"] / INSTRUCTIONS
        floor = max(memory, cost.get("multiply_adds", 0) / MULTIPLY_ADDS)
        binds = "memory" if memory > issue else "instructions"
        lines.append(
            f"| {kernel} | {cost['bytes']:,.1f} | {cost['instructions']:,.0f} | {binds} | "
            f"{1e10 * floor:.3g} | {1e10 * max(memory, issue):.3g} | |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
