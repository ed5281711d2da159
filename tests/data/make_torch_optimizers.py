"""Write where PyTorch's optimizers and schedules go, for tests that run without PyTorch.

python -m pip install torch
python tests/data/make_torch_optimizers.py
"""

from pathlib import Path

import numpy as np
import torch

rng = np.random.default_rng(0)
N_STEPS = 30
start = rng.normal(size=9).astype(np.float32)
matrix = rng.normal(size=(9, 9))
matrix = (matrix @ matrix.T / 9 + np.eye(9)).astype(np.float32)  # of a quadratic function, and noise on it:
noise = rng.normal(size=(N_STEPS, 9)).astype(np.float32) / 4
OPTIMIZERS = {
    "sgd": (torch.optim.SGD, {"lr": 0.05}),
    "sgd, decay": (torch.optim.SGD, {"lr": 0.05, "weight_decay": 0.1}),
    "momentum": (torch.optim.SGD, {"lr": 0.02, "momentum": 0.9}),
    "momentum, decay": (torch.optim.SGD, {"lr": 0.02, "momentum": 0.8, "weight_decay": 0.1}),
    "nesterov": (torch.optim.SGD, {"lr": 0.02, "momentum": 0.9, "nesterov": True}),
    "adagrad": (torch.optim.Adagrad, {"lr": 0.2}),
    "adagrad, decay": (torch.optim.Adagrad, {"lr": 0.2, "weight_decay": 0.1}),
    "rmsprop": (torch.optim.RMSprop, {"lr": 0.02}),
    "rmsprop, decay": (torch.optim.RMSprop, {"lr": 0.02, "alpha": 0.9, "weight_decay": 0.1}),
    "adam": (torch.optim.Adam, {"lr": 0.05}),
    "adam, decay": (torch.optim.Adam, {"lr": 0.05, "betas": (0.8, 0.99), "weight_decay": 0.1}),
    "adamw": (torch.optim.AdamW, {"lr": 0.05, "weight_decay": 0.1}),
}
SCHEDULES = {
    "step": lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 4),  # a third of 12, rounded up
    "cosine": lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 12),
}


def path_of(make, settings):
    """Return the parameters after each step."""
    point = torch.tensor(start.copy(), requires_grad=True)
    optimizer = make([point], **settings)
    path = []
    for added in noise:
        point.grad = torch.tensor(matrix) @ point.detach() + torch.tensor(added)
        optimizer.step()
        path.append(point.detach().numpy().copy())
    return np.stack(path)


def rates_of(make):
    """Return the learning rate of 12 epochs, from 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule, rates = make(optimizer), []
    for _ in range(12):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return np.array(rates)


stored = {name: path_of(*what) for name, what in OPTIMIZERS.items()}
stored |= {name: rates_of(make) for name, make in SCHEDULES.items()}
stored |= {"start": start, "matrix": matrix, "noise": noise, "versions": np.array([torch.__version__])}
np.savez_compressed(Path(__file__).parent / "torch_optimizers.npz", **stored)
