"""Weights and data from files. Nothing in them is run: no pickles but those that torch reads as plain tensors."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor, nn

from odenet.certify.enclosures import Array

_LARGEST = 1e30  # far within the range of float32
_TYPES = (torch.float32, torch.float64)


class Unreadable(Exception):
    """A file that is missing, of another kind, or does not fit; the text says what would."""


def read_weights(path: str) -> dict[str, Tensor]:
    """A state dict from a safetensors file, or from one that `torch.save` wrote."""
    try:
        if path.endswith(".safetensors"):
            from safetensors.torch import load_file

            return dict(load_file(path))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of formats that are refused below
            found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise Unreadable(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # the readers raise whatever a broken file leads them to
        if path.endswith(".safetensors"):
            raise Unreadable(f"{path} is no safetensors file ({error})") from error
        raise Unreadable(
            f"{path} holds no state dict that can be read without running code; save it with "
            "`torch.save(model.state_dict(), path)` or with safetensors"
        ) from error
    if not isinstance(found, dict) or not all(isinstance(v, Tensor) for v in found.values()):
        raise Unreadable(
            f"{path} holds {type(found).__name__}, not a state dict; save it with `torch.save(model.state_dict(), path)`"
        )
    return {str(k): v for k, v in found.items()}


def fill(module: nn.Module, weights: dict[str, Tensor]) -> nn.Module:
    """The module with these weights, in their precision. Raises Unreadable with what does not fit."""
    own = module.state_dict()
    missing, extra = [k for k in own if k not in weights], [k for k in weights if k not in own]
    wrong = [k for k in own if k in weights and own[k].shape != weights[k].shape]
    if missing or extra:
        raise Unreadable(
            "the weights are not those of this spec: "
            + "; ".join(f"{text} {', '.join(names[:5])}" for text, names in (("missing", missing), ("unknown", extra)) if names)
        )
    if wrong:
        key = wrong[0]
        raise Unreadable(
            f"`{key}` has shape {list(weights[key].shape)} in the file and {list(own[key].shape)} in the module; if the dims "
            "differ, give them with --set"
        )
    for k, v in own.items():
        if v.is_floating_point() and (weights[k].dtype not in _TYPES or weights[k].layout != torch.strided):
            kind = str(weights[k].dtype).removeprefix("torch.")
            raise Unreadable(f"`{k}` holds {kind} numbers; weights must be plain tensors of float32 or float64")
    types = {weights[k].dtype for k, v in own.items() if v.is_floating_point()}
    if len(types) > 1:
        raise Unreadable("some weights are float32 and some float64; bring them to the precision that the module runs in")
    if types:
        module = module.to(types.pop())
    module.load_state_dict(weights)
    bad = [k for k, v in module.state_dict().items() if v.is_floating_point() and not bool(torch.isfinite(v).all())]
    if bad:
        raise Unreadable(f"`{bad[0]}` holds a number that is not finite")
    return module


def read_data(path: str, shape: tuple[int, ...], limit: int | None) -> tuple[Tensor, Tensor]:
    """Inputs [count, *shape] and labels [count] from an .npz or .safetensors file with arrays `x` and `y`."""
    arrays = _arrays(path)
    if not {"x", "y"} <= set(arrays):
        raise Unreadable(f"{path} has the arrays {', '.join(arrays) or 'none'}; `x` [count, ...] and `y` [count] are needed")
    x, y = arrays["x"], arrays["y"]
    if x.dtype.kind not in "fiu" or y.dtype.kind not in "iu" or y.ndim != 1 or x.ndim == 0 or len(x) != len(y) or not len(x):
        raise Unreadable(
            f"`x` must hold numbers and `y` one whole number for each; found {x.dtype} {list(x.shape)}, {y.dtype} {list(y.shape)}"
        )
    x, y = x[:limit], y[:limit]
    if x.shape[1:] not in (tuple(shape), (int(np.prod(shape)),)):
        raise Unreadable(f"`x` has shape {list(x.shape)}; the model takes [count, {', '.join(map(str, shape))}], or that flattened")
    x = x.astype(np.float64)
    if not (np.abs(x) <= _LARGEST).all():
        raise Unreadable("`x` holds a number that is not finite, or too large")
    return torch.from_numpy(x).reshape(-1, *shape), torch.from_numpy(y.astype(np.int64))


def _arrays(path: str) -> dict[str, Array]:
    try:
        if path.endswith(".safetensors"):
            from safetensors.numpy import load_file

            return dict(load_file(path))
        found = np.load(path, allow_pickle=False)
        if not isinstance(found, np.lib.npyio.NpzFile):
            raise Unreadable(f"{path} holds one array; two named `x` and `y` are needed: `numpy.savez(path, x=..., y=...)`")
        with found:
            return {k: found[k] for k in found.files}
    except Unreadable:
        raise
    except OSError as error:
        raise Unreadable(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # the readers raise whatever a broken file leads them to
        raise Unreadable(f"{path} is no .npz file of plain numbers: write it with `numpy.savez(path, x=..., y=...)`") from error
