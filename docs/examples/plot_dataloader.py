"""
Features in a PyTorch DataLoader
================================

A ``DataLoader`` reads images in worker processes, and ``collate_fn`` computes features of each batch there.
The network gets features instead of pixels.
"""

import matplotlib.pyplot as plt
import torch
from torch.utils.data import DataLoader

import imfeat

# %%
# Any ``Dataset`` that returns an image and a label; here pairs of arrays and numbers.

train, test = imfeat.datasets.load("photos")
pairs = [(image, int(label)) for image, label in zip(train.images, train.labels)]


def collate(batch):
    """Return HoG and colour of a batch, and its labels, as tensors."""
    images, labels = zip(*batch)
    return features_of(list(images)), torch.tensor(labels)


def features_of(images):
    hog = imfeat.hog(images, cell_size=4)
    color = imfeat.color_histogram(images, norm="hellinger")
    return torch.from_numpy(hog), torch.from_numpy(color)


# %%
# Workers compute features while the network trains. imfeat may be used in forked and in spawned processes.

torch.manual_seed(0)
loader = DataLoader(pairs, batch_size=100, shuffle=True, collate_fn=collate, num_workers=2)
test_features = torch.cat(features_of(test.images), dim=1)
network = torch.nn.Sequential(torch.nn.LazyLinear(64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
network(test_features[:1])  # sets the number of inputs
optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
accuracies = []
for _ in range(5):
    for (hog, color), labels in loader:
        loss = torch.nn.functional.cross_entropy(network(torch.cat([hog, color], dim=1)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    hits = network(test_features).argmax(dim=1) == torch.tensor(test.labels)
    accuracies.append(hits.float().mean().item())

# %%
plt.plot(range(1, 6), accuracies, "o-")
plt.xlabel("epoch")
plt.ylabel("test accuracy")
plt.show()
