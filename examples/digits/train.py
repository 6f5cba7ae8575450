"""Trains the model of this folder with real PyTorch and saves it as a TorchScript archive.

    pip install torch scikit-learn pillow
    python train.py

It reads scikit-learn's 8x8 handwritten digits and writes `model.pt` and `seven.png`. The archive
is scripted, so that it shows control flow, a loop, a tuple result and a second method.
"""
from typing import List, Tuple

import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F


class Digits(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.norm = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.hidden = nn.Linear(32 * 4 * 4, 32)
        self.out = nn.Linear(32, 10)

    def features(self, image: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.norm(self.conv1(image)))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.out(F.relu(self.hidden(x.flatten(1))))

    def forward(self, image: torch.Tensor) -> Tuple[int, float]:
        """The most probable digit of one image, and its probability."""
        if image.dim() == 3:
            image = image.unsqueeze(0)
        if image.size(0) != 1:
            raise ValueError("expected one image, found {}".format(image.size(0)))
        if image.size(1) == 3:
            image = image.mean(1, keepdim=True)
        if image.size(2) != 8 or image.size(3) != 8:
            image = F.interpolate(image, size=[8, 8], mode="bilinear", align_corners=False, antialias=True)
        probability, digit = self.features(image).softmax(1)[0].max(0)
        return int(digit), float(probability)

    @torch.jit.export
    def top(self, image: torch.Tensor, k: int = 3) -> List[Tuple[int, float]]:
        """The `k` most probable digits with their probabilities."""
        probabilities, digits = self.features(image).softmax(1)[0].topk(k)
        found: List[Tuple[int, float]] = []
        for i in range(k):
            found.append((int(digits[i]), float(probabilities[i])))
        return found


def main():
    torch.manual_seed(0)
    data = load_digits()
    images = torch.tensor(data.images, dtype=torch.float32).unsqueeze(1) / 16
    labels = torch.tensor(data.target)
    order = torch.randperm(len(labels))
    train, test = order[:1500], order[1500:]
    model = Digits()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(20):
        model.train()
        for batch in train[torch.randperm(len(train))].split(50):
            noisy = images[batch] + 0.1 * torch.randn_like(images[batch])
            loss = F.cross_entropy(model.features(noisy), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        right = (model.features(images[test]).argmax(1) == labels[test]).float().mean()
    print(f"accuracy on {len(test)} held-out digits: {right:.3f}")
    torch.jit.script(model).save("model.pt")
    seven = next(i for i in test.tolist() if labels[i] == 7)
    pixels = (images[seven, 0] * 255).to(torch.uint8).numpy()
    Image.fromarray(pixels).resize((112, 112), Image.NEAREST).save("seven.png")
    print("seven.png:", torch.jit.load("model.pt")(images[seven]))


if __name__ == "__main__":
    main()
