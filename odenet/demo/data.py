"""The 1,797 handwritten digits that come with scikit-learn."""
from __future__ import annotations

from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits  # type: ignore[import-untyped]
from sklearn.model_selection import train_test_split  # type: ignore[import-untyped]
from torch import Tensor

CLASSES = 10
_DARKEST = 16  # pixels are whole numbers from 0 to 16
_TESTS = 450


@dataclass(frozen=True)
class Images:
    """`pixels` [count, 64] between 0 and 1, row by row; `labels` [count], the digits."""

    pixels: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


def load(seed: int) -> tuple[Images, Images]:
    """1,347 images to train on and 450 to test on, the digits equally frequent in both.

    Source: Alpaydin, Kaynak (1998), Optical recognition of handwritten digits, UCI repository; the copy in scikit-learn.
    """
    pixels, labels = load_digits(return_X_y=True)
    parts = train_test_split(pixels / _DARKEST, labels, test_size=_TESTS, random_state=seed, stratify=labels)
    train_pixels, test_pixels = (torch.tensor(part, dtype=torch.float32) for part in parts[:2])
    train_labels, test_labels = (torch.tensor(part, dtype=torch.int64) for part in parts[2:])
    return Images(train_pixels, train_labels), Images(test_pixels, test_labels)
