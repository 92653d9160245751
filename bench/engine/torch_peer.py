"""PyTorch's contender: `python torch_peer.py MODEL BATCH THREADS`. See contender.ts for what it reads and prints.

Plain eager PyTorch on the CPU, as its users run it: model.train(), torch.optim.SGD with momentum (the default, foreach,
implementation), one fixed batch, the loss read back after each step. The architectures are those of models/zoo.
"""

import json
import resource
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

CLASSES = 10


def mlp():
    sizes = [784, 256, 128, CLASSES]
    layers = [nn.Flatten()]
    for index in range(3):
        layers.append(nn.Linear(sizes[index], sizes[index + 1]))
        if index < 2:
            layers.append(nn.ReLU())
    return nn.Sequential(*layers), (1, 28, 28)


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, CLASSES),
    ), (1, 28, 28)


def cnn_small():
    layers, channels = [], 3
    for index, out in enumerate([32, 64, 128, 128]):
        layers += [nn.Conv2d(channels, out, 3, padding=1), nn.ReLU()]
        if index > 0:
            layers.append(nn.MaxPool2d(2))
        channels = out
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * 16, CLASSES)), (3, 32, 32)


class Basic(nn.Module):
    def __init__(self, channels, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.shortcut = None
        if stride != 1 or channels != out:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        y += x if self.shortcut is None else self.shortcut(x)
        return F.relu(y, inplace=True)


def resnet18():
    layers = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
    channels = 64
    for out, stride in [(64, 1), (128, 2), (256, 2), (512, 2)]:
        layers += [Basic(channels, out, stride), Basic(out, out, 1)]
        channels = out
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, CLASSES)]
    return nn.Sequential(*layers), (3, 32, 32)


class InvertedResidual(nn.Module):
    def __init__(self, channels, out, stride, expand):
        super().__init__()
        inner = channels * expand
        layers = []
        if expand != 1:
            layers += [nn.Conv2d(channels, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU6(inplace=True)]
        layers += [
            nn.Conv2d(inner, inner, 3, stride, 1, groups=inner, bias=False), nn.BatchNorm2d(inner), nn.ReLU6(inplace=True),
            nn.Conv2d(inner, out, 1, bias=False), nn.BatchNorm2d(out),
        ]
        self.branch = nn.Sequential(*layers)
        self.residual = stride == 1 and channels == out

    def forward(self, x):
        return x + self.branch(x) if self.residual else self.branch(x)


def mobilenetv2():
    layers = [nn.Conv2d(3, 32, 3, 1, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU6(inplace=True)]
    channels = 32
    for expand, out, repeats, first in [
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ]:
        for index in range(repeats):
            layers.append(InvertedResidual(channels, out, first if index == 0 else 1, expand))
            channels = out
    layers += [nn.Conv2d(channels, 1280, 1, bias=False), nn.BatchNorm2d(1280), nn.ReLU6(inplace=True)]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, CLASSES)]
    return nn.Sequential(*layers), (3, 32, 32)


class Transformer(nn.Module):
    def __init__(self, vocabulary=256, steps=32, d=64, heads=4, layers=2):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, d)
        self.positions = nn.Parameter(torch.randn(steps, d))
        self.layers = nn.Sequential(*[
            nn.TransformerEncoderLayer(d, heads, 4 * d, dropout=0, activation="gelu", batch_first=True)
            for _ in range(layers)
        ])
        self.fc = nn.Linear(d, CLASSES)

    def forward(self, ids):
        return self.fc(self.layers(self.embedding(ids) + self.positions).mean(1))


MODELS = {
    "mlp": mlp,
    "lenet5": lenet5,
    "cnn-small": cnn_small,
    "resnet18": resnet18,
    "mobilenetv2": mobilenetv2,
    "tiny-transformer": lambda: (Transformer(), None),
}


def main(name, batch, threads):
    torch.manual_seed(0)
    torch.set_num_threads(threads)
    model, shape = MODELS[name]()
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    inputs = torch.randint(0, 256, (batch, 32)) if shape is None else torch.rand(batch, *shape) * 2 - 1
    targets = torch.randint(0, CLASSES, (batch,))

    def step():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        return loss.item()

    step()
    print(json.dumps({"parameters": sum(p.numel() for p in model.parameters())}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        started, steps, seconds = time.perf_counter(), 0, 0.0
        while steps < request["steps"] or seconds < request["seconds"]:
            step()
            steps += 1
            seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"steps": steps, "seconds": seconds, "peakBytes": peak}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
