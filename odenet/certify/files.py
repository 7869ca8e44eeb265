"""Weights and data from files. Nothing in them is run: no pickles but those that torch reads as plain tensors."""

from __future__ import annotations

import zipfile
from pickle import UnpicklingError

import numpy as np
import torch
from torch import Tensor, nn


class Unreadable(Exception):
    """A file that is missing, of another kind, or does not fit; the text says what would."""


def read_weights(path: str) -> dict[str, Tensor]:
    """A state dict from a safetensors file, or from one that `torch.save` wrote."""
    try:
        if path.endswith(".safetensors"):
            from safetensors import SafetensorError
            from safetensors.torch import load_file

            try:
                return dict(load_file(path))
            except SafetensorError as error:
                raise Unreadable(f"{path} is no safetensors file ({error})") from error
        found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise Unreadable(f"cannot read {path}: {error.strerror or error}") from error
    except (UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
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
    types = {v.dtype for v in weights.values() if v.is_floating_point()}
    if len(types) == 1:
        module = module.to(types.pop())
    module.load_state_dict(weights)
    bad = [k for k, v in module.state_dict().items() if v.is_floating_point() and not bool(torch.isfinite(v).all())]
    if bad:
        raise Unreadable(f"`{bad[0]}` holds a number that is not finite")
    return module


def read_data(path: str, shape: tuple[int, ...], limit: int | None) -> tuple[Tensor, Tensor]:
    """Inputs [count, *shape] and labels [count] from an .npz or .safetensors file with arrays `x` and `y`."""
    try:
        if path.endswith(".safetensors"):
            from safetensors.numpy import load_file

            arrays = dict(load_file(path))
        else:
            with np.load(path, allow_pickle=False) as found:
                if not hasattr(found, "files"):
                    raise Unreadable(f"{path} holds one array; two named `x` and `y` are needed: `numpy.savez(path, x=..., y=...)`")
                arrays = {k: found[k] for k in found.files}
    except OSError as error:
        raise Unreadable(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        raise Unreadable(f"{path} is no .npz file of plain numbers: write it with `numpy.savez(path, x=..., y=...)`") from error
    if not {"x", "y"} <= set(arrays):
        raise Unreadable(f"{path} has the arrays {', '.join(arrays) or 'none'}; `x` [count, ...] and `y` [count] are needed")
    x, y = arrays["x"][:limit], arrays["y"][:limit]
    if x.dtype.kind not in "fiu" or y.dtype.kind not in "iu" or y.ndim != 1 or len(x) != len(y) or not len(x):
        raise Unreadable(
            f"`x` must hold numbers and `y` one whole number for each; found {x.dtype} {list(x.shape)}, {y.dtype} {list(y.shape)}"
        )
    if int(np.prod(x.shape[1:])) != int(np.prod(shape)):
        raise Unreadable(f"`x` has shape {list(x.shape)}; the model takes [count, {', '.join(map(str, shape))}]")
    if not np.isfinite(x).all():
        raise Unreadable("`x` holds a number that is not finite")
    return torch.from_numpy(x.astype(np.float64)).reshape(-1, *shape), torch.from_numpy(y.astype(np.int64))
