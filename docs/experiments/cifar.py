"""CIFAR-10: the paper's five image classifiers with proved constants, beside a peer.

    python docs/experiments/cifar.py --data FOLDER [--again] [--attacked 1000] [--quick] [--seeds 3]
"""
from __future__ import annotations

import zipfile
from pathlib import Path

import click
import harness
import images
import numpy as np

CACHE = Path("build/experiments/cifar10.npz")
RECIPE = images.Recipe({"d": 12, "m": 8, "c": 12, "L": 1}, epochs=1, radius=0.25, mirrored=True)


def read(folder: Path | None, cache: Path = CACHE) -> tuple[images.Images, images.Images]:
    """50,000 images to train on and 10,000 to test on, 32 x 32, from train.zip and test.zip of CLASS/NUMBER.jpg.

    The decoded pixels are kept in `cache`. Source: Krizhevsky (2009), Learning multiple layers of features from tiny images.
    """
    if not cache.exists():
        if folder is None or not (folder / "train.zip").exists():
            raise click.ClickException("no CIFAR-10: give --data FOLDER with train.zip and test.zip, images as CLASS/NUMBER.jpg")
        cache.parent.mkdir(parents=True, exist_ok=True)
        arrays = {f"{part}_{kind}": array for part in ("train", "test")
                  for kind, array in zip(("pixels", "labels"), decoded(folder / f"{part}.zip"), strict=True)}
        beside = cache.with_suffix(".part.npz")
        np.savez(beside, **arrays)
        beside.replace(cache)
    with np.load(cache) as arrays:
        return (images.images(arrays["train_pixels"], arrays["train_labels"]),
                images.images(arrays["test_pixels"], arrays["test_labels"]))


def decoded(archive: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pixels [count, 3, 32, 32] and labels [count] of all images of an archive; classes by name, in the order of the alphabet."""
    from PIL import Image

    with zipfile.ZipFile(archive) as files:
        names = sorted(name for name in files.namelist() if name.endswith((".jpg", ".png")))
        classes = sorted({name.split("/")[-2] for name in names})
        pixels = np.empty((len(names), 3, 32, 32), np.uint8)
        for index, name in enumerate(names):
            with files.open(name) as file:
                pixels[index] = np.asarray(Image.open(file).convert("RGB")).transpose(2, 0, 1)
    # The first images must be of all classes, since the attack takes the first thousand.
    order = np.random.default_rng(0).permutation(len(names))
    return pixels[order], np.array([classes.index(name.split("/")[-2]) for name in names])[order]


def cifar(data: Path | None, again: bool, attacked: int) -> harness.Experiment:
    """Train, certify and attack five classifiers of CIFAR-10, and a peer."""
    return images.experiment(__file__, RECIPE, lambda: read(data))


if __name__ == "__main__":
    harness.main(cifar, click.Option(["--data"], type=click.Path(path_type=Path), help="Where train.zip and test.zip are."),
                 *images.OPTIONS)
