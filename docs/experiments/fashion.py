"""Fashion-MNIST: the paper's five image classifiers with proved constants, beside a peer.

    python docs/experiments/fashion.py [--data FOLDER] [--again] [--attacked 1000] [--quick] [--seeds 3]
"""
from __future__ import annotations

import gzip
from pathlib import Path

import click
import harness
import images
import numpy as np

FOLDER = Path("/usr/share/datasets/fashion-mnist")
RECIPE = images.Recipe({"d": 4, "m": 7, "c": 8, "L": 1}, epochs=2)


def read(folder: Path) -> tuple[images.Images, images.Images]:
    """60,000 images to train on and 10,000 to test on, 28 x 28. Source: Xiao, Rasul, Vollgraf (2017), arXiv 1708.07747."""
    def part(name: str) -> images.Images:
        pixels, labels = folder / f"{name}-images-idx3-ubyte.gz", folder / f"{name}-labels-idx1-ubyte.gz"
        if not (pixels.exists() and labels.exists()):
            raise click.ClickException(f"no Fashion-MNIST in {folder}: apt install dataset-fashion-mnist, or give --data FOLDER")
        return images.images(_bytes(pixels, 16).reshape(-1, 1, 28, 28), _bytes(labels, 8))

    return part("train"), part("t10k")


def _bytes(path: Path, header: int) -> np.ndarray:
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header).copy()


def fashion(data: Path, again: bool, attacked: int) -> harness.Experiment:
    """Train, certify and attack five classifiers of Fashion-MNIST, and a peer."""
    return images.experiment(__file__, RECIPE, lambda: read(data))


if __name__ == "__main__":
    folder = click.Option(["--data"], type=click.Path(path_type=Path), default=FOLDER, show_default=True)
    harness.main(fashion, folder, *images.OPTIONS)
