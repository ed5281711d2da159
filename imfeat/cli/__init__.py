"""The command line: `imfeat compare`, `train`, `predict`, `extract`, `codebook`, `encode` and more."""

import click

import imfeat
from imfeat.cli.compare import compare_command
from imfeat.cli.extract import codebook_command, encode_command, extract_command
from imfeat.cli.info import info_command, selfcheck_command
from imfeat.cli.models import predict_command, train_command
from imfeat.cli.shared import examples


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples("compare", "compare --data photos --out runs/photos", "extract photos --out features"),
)
@click.version_option(imfeat.__version__, prog_name="imfeat")
def main() -> None:
    """Classical image features, and a comparison of features and classifiers."""


for command in (
    *(compare_command, train_command, predict_command),
    *(extract_command, codebook_command, encode_command),
    *(info_command, selfcheck_command),
):
    main.add_command(command)
