"""A PyTorch module with a start by name, watched while it trains."""

import torch

import initlab

model = torch.nn.Sequential(torch.nn.Linear(64, 50), torch.nn.ReLU(), torch.nn.Linear(50, 10))
print(initlab.init_(model, preset="kaiming", activation="relu", seed=0, last="2.*"))

images, labels = torch.randn(128, 64), torch.randint(10, (128,))
sgd = torch.optim.SGD(model.parameters(), lr=0.1)
with initlab.watch(model) as watched:
    for _ in range(5):
        loss = torch.nn.functional.cross_entropy(model(images), labels)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
print(watched)
