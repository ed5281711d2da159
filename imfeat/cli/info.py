"""`imfeat info` and `selfcheck`."""

import click

from imfeat._progress import console
from imfeat.cli.shared import Failure, examples


@click.command("info", epilog=examples("info", "info --warm"))
@click.option("--warm", is_flag=True, help="Also compile all kernels, so that first calls do not wait.")
def info_command(warm: bool) -> None:
    """Print versions, threads, and whether CUDA can be used."""
    from imfeat._environment import COMPARE_PACKAGES, versions
    from imfeat.compare import environment

    facts = versions(COMPARE_PACKAGES) | environment.machine() | {"CUDA": environment.cuda_status()}
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name:{width}}  {value}")
    if warm:
        _compile_all()


def _compile_all() -> None:
    """Compile every kernel, and print the seconds of each."""
    from rich.progress import Progress

    from imfeat import warm

    seconds: dict[str, float] = {}
    with Progress(console=console(), transient=True, disable=not console().is_terminal) as progress:
        task = progress.add_task("Compiling kernels")
        for n_done, n_groups, of_kernels in warm.compile_all():
            progress.update(task, completed=n_done, total=n_groups)
            for name, n in of_kernels.items():
                seconds[name] = seconds.get(name, 0) + n
    for name in sorted(seconds, key=lambda name: -seconds[name]):
        click.echo(f"{seconds[name]:7.1f} s  {name}")
    click.echo("Every kernel is compiled and cached.")


@click.command("selfcheck", epilog=examples("selfcheck", "selfcheck --pixels 16384"))
@click.option(
    "--pixels",
    type=click.IntRange(min=1),
    help="Number of pixels.  [default: 1048576, or 16384 where a CPU executes the kernels]",
)
def selfcheck_command(pixels: int | None) -> None:
    """Compare all CUDA kernels with the CPU, and time them.

    Prints a report.  Please send it to the authors, who have no GPU.
    """
    from imfeat import CudaUnavailableError
    from imfeat import selfcheck as checks

    rows = []
    try:
        for line in checks.headings():
            click.echo(line)
        pixels = checks.fitting() if pixels is None else pixels
        for row in checks.check(checks.noise(pixels)):
            rows.append(row)
            click.echo(row)
        for line in checks.peers(checks.noise(pixels)):
            click.echo(line)
    except CudaUnavailableError as error:
        raise Failure(str(error)) from error
    if n_wrong := sum(row.off > row.tolerance for row in rows):
        raise Failure(f"{n_wrong} of {len(rows)} calls gave something else than the CPU")
    click.echo(f"All {len(rows)} calls gave what the CPU gives.")
