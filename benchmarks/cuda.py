"""Machine code of the CUDA kernels, without a GPU: ``python -m benchmarks.cuda``.

Compiles every kernel for four cards, compares the compiled code with the CPU's kernels by running it on the
CPU, and counts registers, shared memory and instructions of the assembled code.  Predicts times on an H100
from the instructions that ran and the bytes that move; nothing is timed.

With ``--front numba_cuda_mlir.cuda`` it reports which kernels another compiler compiles correctly.
"""

import json
import os
from datetime import date
from importlib.metadata import version
from pathlib import Path

import click
import numpy as np
import rich.progress
import skimage.data

RESULTS = Path(__file__).parent / "results"
GUIDE = Path(__file__).parents[1] / "docs" / "gpu.md"
KEYS = "registers", "shared", "spilled", "instructions"
BEGIN, END = "<!-- predictions -->\n", "<!-- end -->"


@click.command()
@click.option("--front", default="numba.cuda", show_default=True, help="The compiler, as a module.")
@click.option("--out", default=RESULTS, show_default="benchmarks/results", type=click.Path(path_type=Path))
def main(front, out):
    """Compile and examine every CUDA kernel."""
    os.environ["IMFEAT_CUDA_FRONT"] = front
    from imfeat_kernels.cases import COSTS

    if front != "numba.cuda":
        click.echo(front_table(front))
        return
    facts, cards = examine_all()
    costs = count_costs()
    about = {
        "date": f"{date.today()}",
        "versions": {name: version(name) for name in ("numba-cuda", "numba", "nvidia-cuda-nvcc")},
        "command": "python -m benchmarks.cuda",
    }
    (out / "cuda.json").write_text(json.dumps({**about, "kernels": facts, "costs": costs}, indent=1) + "\n")
    (out / "cuda.md").write_text(code_table(about, facts, cards))
    COSTS.write_text(json.dumps(costs, indent=1) + "\n")
    before, after = GUIDE.read_text().split(BEGIN)[0], GUIDE.read_text().split(END, 1)[1]
    GUIDE.write_text(before + BEGIN + "\n" + prediction_table(costs) + "\n" + END + after)
    click.echo((out / "cuda.md").read_text())


def pictures(side):
    """Return two natural images."""
    return np.stack(
        [photo()[100 : 100 + side, 50 : 50 + side] for photo in (skimage.data.astronaut, skimage.data.coffee)]
    )


def run(case, card):
    """Run a case on the CPU and as compiled for a card; return the largest difference, and the runs."""
    from imfeat_kernels import cpu, cuda

    from tests import device

    with device.on_host(card) as runs:
        results = case.run(cuda)
    return case.difference(case.run(cpu), results), runs


def examine_all():
    """Return facts about the machine code of each kernel on each card."""
    from imfeat_kernels.cases import gpu_cases

    from tests import device, machine_code

    facts = {}
    cards = [f"{10 * card[0] + card[1]}" for card in device.CARDS]
    cases = list(gpu_cases(pictures(61)[:, :, :47].copy()))
    work = [(card, case) for card in device.CARDS for case in cases]
    for card, case in rich.progress.track(work, "Compiling for four cards"):
        off, runs = run(case, card)
        if off > case.tolerance:
            raise click.ClickException(f"{case.kernel} is off by {off:.3g} on {card}")
        for body, signature, text in runs.compiled:
            kinds = " ".join(str(kind.dtype if hasattr(kind, "dtype") else kind) for kind in signature[:1])
            row = facts.setdefault(f"{case.kernel}: {body}({kinds})", {})
            number = f"{10 * card[0] + card[1]}"
            if number not in row:
                row[number] = machine_code.examine(text, card)
    return facts, cards


def count_costs():
    """Return the bytes and the instructions of an item of each kernel."""
    from imfeat_kernels.cases import gpu_cases

    costs = {}
    for case in rich.progress.track(list(gpu_cases(pictures(256), n_vectors=2000)), "Counting instructions"):
        if case.kernel in costs:
            continue  # the first case of a kernel is the usual one
        _, runs = run(case, (9, 0))
        arrays = [value for value in (*case.inputs, *case.results) if isinstance(value, np.ndarray)]
        costs[case.kernel] = {
            "bytes": round(sum(array.nbytes for array in arrays) / case.n_items, 2),
            "instructions": round(runs.n_instructions / case.n_items, 1),
        }
    return costs


def code_table(about, facts, cards):
    """Return a page with a line a kernel: registers, shared memory and instructions on each card."""
    lines = [
        "# Machine code of the CUDA kernels",
        f"`{about['command']}`; numba-cuda {about['versions']['numba-cuda']}, {about['date']}.",
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
    """Return a line a kernel: bytes, instructions, the slower of the two, and the predicted time."""
    from imfeat.selfcheck.run import BANDWIDTH, INSTRUCTIONS

    lines = [
        "| kernel | bytes an item | instructions an item | bound by | ms for 10^7, predicted | measured |",
        "| --- | ---: | ---: | --- | ---: | --- |",
    ]
    for kernel, cost in sorted(costs.items()):
        memory, issue = cost["bytes"] / BANDWIDTH, cost["instructions"] / INSTRUCTIONS
        binds = "memory" if memory > issue else "instructions"
        lines.append(
            f"| {kernel} | {cost['bytes']:,.1f} | {cost['instructions']:,.0f} | {binds} | "
            f"{1e10 * max(memory, issue):.3g} | |"
        )
    return "\n".join(lines) + "\n"


def front_table(front):
    """Return a table of the kernels that another compiler compiles correctly."""
    from imfeat_kernels.cases import gpu_cases

    outcomes = {}
    for case in rich.progress.track(list(gpu_cases(pictures(61)[:, :, :47].copy())), front):
        try:
            off, _ = run(case, (9, 0))
            outcome = "right" if off <= case.tolerance else f"wrong by {off:.3g}"
        except NotImplementedError:
            outcome = "compiles, with calls that are not run here"
        except RuntimeError as error:
            outcome = str(error)
        except Exception as error:  # whatever a compiler may say
            outcome = f"does not compile ({type(error).__name__})"
        if outcomes.get(case.kernel, "right") == "right":
            outcomes[case.kernel] = outcome
    lines = [f"| kernel | {front} {version(front.split('.')[0].replace('_', '-'))} |", "| --- | --- |"]
    return "\n".join([*lines, *(f"| {kernel} | {outcome} |" for kernel, outcome in sorted(outcomes.items()))])


if __name__ == "__main__":
    main()
