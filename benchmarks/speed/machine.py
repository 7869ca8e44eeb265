"""What the figures depend on: the machine as its system names it, threads, versions, the day."""
from __future__ import annotations

import datetime
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

PEERS = ("torchdiffeq", "torchdyn", "torchode", "momentumnet", "memcnn", "strupnet", "deel-torchlip", "orthogonium")


def processor() -> str:
    """The model of the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def versions() -> str:
    """Python, torch, odenet and the peers; a peer that is not installed is named as such."""
    return ", ".join([f"Python {platform.python_version()}", f"torch {torch.__version__}", _version("odenet-compiler"),
                      *map(_version, PEERS)])


def _version(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} not installed"


def described() -> str:
    """One sentence for the head of the page."""
    return (f"{datetime.date.today().isoformat()}; {processor()}, {os.cpu_count()} cores, {platform.system()}, "
            f"{torch.get_num_threads()} thread(s) of torch; {versions()}.")
