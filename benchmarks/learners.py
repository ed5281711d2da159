"""The learners against scikit-learn, PyTorch and the matrix products that they are made of.

``python -m benchmarks.learners --data FOLDER`` takes a folder that holds the unpacked CIFAR-10, and writes
``results/learners.md`` and ``.json``: an epoch of an MLP, softmax regression to the same loss, ridge
regression with five strengths and linear SVMs, in seconds, each at one and at two threads.
"""

import json
import warnings
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click
import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier as Peer
from threadpoolctl import threadpool_limits

import imfeat
from benchmarks import linear_learners, ours, report, timing
from benchmarks.__main__ import RESULTS
from benchmarks.contestants import OURS, Local
from imfeat.learn import MLPClassifier

BATCH, HIDDEN, N_CLASSES, EPOCHS = 128, 100, 10, 3
RIDGE_FEATURES = 4096
PEERS = "scikit-learn", "scikit-learn-intelex", "torch", "numpy"


@click.command()
@click.option("--data", required=True, help="A folder that holds, or is, an unpacked cifar-10-batches-bin.")
@click.option("--threads", default="1,2", show_default=True, help="Numbers of threads.")
@click.option("--repeats", default=5, show_default=True, help="Runs of each contestant that count.")
@click.option("--few", is_flag=True, help="Few images, to see that all of it runs.")
@click.option("--out", default=RESULTS, show_default="benchmarks/results", type=click.Path(path_type=Path))
def main(data, threads, repeats, few, out):
    """Time the learners beside their peers."""
    train, _ = imfeat.datasets.load(data)
    x = train.images[: 1000 if few else None].reshape(-1, 3072).astype(np.float32)
    x -= x.mean(0)
    x /= x.std(0)
    y = train.labels[: len(x)]
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(len(x), 64 if few else RIDGE_FEATURES)).astype(np.float32)
    wide[:, :10] += 2 * (y[:, None] == np.arange(10))
    rows = []
    for n in map(int, threads.split(",")):
        with limited(n):
            for optimizer in ("momentum", "adam"):
                found = timing.row(f"epoch of an MLP, {optimizer}", n, epoch(x, y, optimizer), repeats)
                found["seconds"] = {name: s / EPOCHS for name, s in found["seconds"].items()}
                rows.append(found)
            rows += linear_learners.rows(x, y, wide, n)
    about = report.environment({OURS: Local(ours)}, {})
    about["versions"] |= installed(PEERS)
    about["command"] = f"python -m benchmarks.learners --threads {threads} --repeats {repeats}"
    about |= {
        "images": len(x),
        "ridge_features": wide.shape[1],
        "ridge_bytes": linear_learners.ridge_bytes(wide, y),
    }
    found = {"about": about, "rows": rows}
    out.mkdir(parents=True, exist_ok=True)
    Path(out, "learners.json").write_text(json.dumps(found, indent=1) + "\n")
    text = page(found)
    Path(out, "learners.md").write_text(text)
    click.echo(text)


def installed(names):
    """Return the versions of those packages that are here."""
    versions = {}
    for name in names:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions


@contextmanager
def limited(n):
    """Let everybody use n threads."""
    before = imfeat.get_num_threads()
    imfeat.set_num_threads(n)
    torch.set_num_threads(n)
    linear_learners.set_threads(n)
    with threadpool_limits(n), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
    imfeat.set_num_threads(before)


def epoch(x, y, optimizer):
    """Return calls that go `EPOCHS` times through all images, in random order, in batches."""
    settings = {"momentum": {"learning_rate": 0.01}, "adam": {"learning_rate": 1e-3}}[optimizer]
    sizes = {"batch_size": BATCH, "epochs": EPOCHS, "n_iter_no_change": None}
    ours = MLPClassifier((HIDDEN,), optimizer=optimizer, **sizes, **settings)
    solver = {"momentum": {"solver": "sgd", "nesterovs_momentum": False}, "adam": {"solver": "adam"}}[
        optimizer
    ]
    peer = Peer(
        (HIDDEN,),
        batch_size=BATCH,
        max_iter=EPOCHS,
        alpha=0,
        learning_rate_init=settings["learning_rate"],
        **solver,
    )
    return {
        "imfeat": lambda: ours.fit(x, y),
        "scikit-learn": lambda: peer.fit(x, y),
        "PyTorch": torch_epoch(x, y, optimizer, settings["learning_rate"]),
        "~sgemm": products(x),
    }


def torch_epoch(x, y, optimizer, rate):
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)
    layers = torch.nn.Linear(3072, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, N_CLASSES)
    network, loss = torch.nn.Sequential(*layers), torch.nn.CrossEntropyLoss()
    if optimizer == "adam":
        steps = torch.optim.Adam(network.parameters(), lr=rate, fused=True)
    else:
        steps = torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9, fused=True)

    def call():
        for _ in range(EPOCHS):
            for batch in torch.randperm(len(inputs)).split(BATCH):
                steps.zero_grad(set_to_none=True)
                loss(network(inputs[batch]), targets[batch]).backward()
                steps.step()

    return call


def products(x):
    """Return a call of the matrix products of an epoch, with everything in place."""
    first, second = np.ones((3072, HIDDEN), np.float32), np.ones((HIDDEN, N_CLASSES), np.float32)
    gradients = np.empty_like(first), np.empty_like(second)
    h, scores = np.empty((BATCH, HIDDEN), np.float32), np.empty((BATCH, N_CLASSES), np.float32)

    def call():
        for start in [*range(0, len(x), BATCH)] * EPOCHS:
            part = x[start : start + BATCH]
            n = len(part)
            np.matmul(part, first, out=h[:n])
            np.matmul(h[:n], second, out=scores[:n])
            np.matmul(h[:n].T, scores[:n], out=gradients[1])
            np.matmul(scores[:n], second.T, out=h[:n])
            np.matmul(part.T, h[:n], out=gradients[0])

    return call


def page(found):
    about = found["about"]
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    lines = [
        f"# Learners on {about['images']:,} images of CIFAR-10",
        "",
        f"`{about['command']} --data FOLDER`; {about['machine']}, {versions}, {about['date']}.",
        f"MLP: 3072-{HIDDEN}-{N_CLASSES}, batches of {BATCH}; *sgemm* does its matrix products alone.",
        f"Ridge on {about['ridge_features']:,} features held at most {about['ridge_bytes'] / 1e6:.0f} MB "
        f"beside them, where one matrix of products has {4e-6 * about['ridge_features'] ** 2:.0f} MB.",
        "",
        "| job | threads | imfeat s | of the fastest peer | of sgemm | peers s | loss or accuracy |",
        "| --- | ---: | ---: | ---: | ---: | --- | --- |",
    ]
    for entry in found["rows"]:
        seconds = dict(entry["seconds"])
        ours, products = seconds.pop("imfeat"), seconds.pop("~sgemm", None)
        peers = ", ".join(f"{name} {value:.3g}" for name, value in seconds.items())
        losses = ", ".join(f"{name} {value:.4f}" for name, value in entry.get("losses", {}).items())
        rates = entry.get("accuracies", {}).items()
        losses += ", ".join(f"{name} {100 * value:.1f} %" for name, value in rates)
        speed = f"{100 * products / ours:.0f} %" if products else ""
        cells = (
            entry["job"],
            str(entry["threads"]),
            f"{ours:.3g}",
            f"{ours / min(seconds.values()):.2f}",
            speed,
        )
        lines.append("| " + " | ".join((*cells, peers, losses)) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
