"""Weights and data from files. Nothing in them is run: no pickles but those that torch reads as plain tensors."""

from __future__ import annotations

import os
import stat
import warnings
import zipfile
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from odenet.certify.enclosures import Array
from odenet.text import escape

_LARGEST = 1e30  # far within the range of float32
_LARGEST_OLD = 2_000_000_000  # bytes of a file that has to be read whole to see what is in it
_LARGEST_DATA = 8_000_000_000  # bytes of the inputs, unpacked
_TYPES = (torch.float32, torch.float64)


class Unreadable(Exception):
    """A file that is missing, of another kind, or does not fit; the text says what would.

    Names of files and keys come from outside: what a terminal might obey in them is spelled out.
    """

    def __init__(self, text: str) -> None:
        super().__init__(escape(text))


def read_weights(path: str) -> dict[str, Tensor]:
    """A state dict from a safetensors file, or from one that `torch.save` wrote: plain tensors, no larger than the file."""
    try:
        _check_file(path)
        found = _read_safetensors(path) if path.endswith(".safetensors") else _read_torch(path)
    except Unreadable:
        raise
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
    weights = {str(k): v for k, v in found.items()}
    for key, value in weights.items():
        _check_tensor(key, value)
    return weights


def _check_file(path: str) -> None:
    """What is no regular file has no size to go by, and a packed one may hold far more than it shows."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise Unreadable(f"cannot read {path}: it is no regular file")
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(item.compress_type != zipfile.ZIP_STORED for item in archive.infolist()):
                raise Unreadable(f"{path} is packed; `torch.save(model.state_dict(), path)` packs nothing")
    elif not path.endswith(".safetensors") and os.path.getsize(path) > _LARGEST_OLD:
        raise Unreadable(f"{path} is in the format of old versions of torch, and larger than {_LARGEST_OLD:,} bytes")


def _read_safetensors(path: str) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    return dict(load_file(path))


def _read_torch(path: str) -> Any:
    """Numbers stay in the file until they are looked at."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of formats that are refused
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))


def _check_tensor(key: str, value: Tensor) -> None:
    """A tensor has all its numbers, in memory of its own or in the file."""
    if value.layout != torch.strided or value.is_quantized:
        raise Unreadable(f"`{key}` is no plain tensor; weights must be plain tensors of float32 or float64")
    if value.device.type != "cpu":
        raise Unreadable(f"`{key}` holds no numbers (it is on `{value.device.type}`); save weights that have values")
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        raise Unreadable(f"`{key}` has shape {list(value.shape)} and fewer numbers than that; save `v.contiguous()` of each tensor")


def fill(module: nn.Module, weights: dict[str, Tensor]) -> nn.Module:
    """The module with these weights, in their precision. Raises Unreadable with what does not fit."""
    own = module.state_dict()
    check_weights(own, weights)
    types = {weights[k].dtype for k, v in own.items() if v.is_floating_point()}
    if types:
        module = module.to(types.pop())
    module.load_state_dict(weights)
    bad = [k for k, v in module.state_dict().items() if v.is_floating_point() and not bool(torch.isfinite(v).all())]
    if bad:
        raise Unreadable(f"`{bad[0]}` holds a number that is not finite")
    return module


def check_weights(own: dict[str, Tensor], weights: dict[str, Tensor]) -> None:
    """Weights have the keys, shapes and a type of numbers of a module with the state dict `own`. Raises Unreadable."""
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
        if v.is_floating_point() and weights[k].dtype not in _TYPES:
            kind = str(weights[k].dtype).removeprefix("torch.")
            raise Unreadable(f"`{k}` holds {kind} numbers; weights must be plain tensors of float32 or float64")
    if len({weights[k].dtype for k, v in own.items() if v.is_floating_point()}) > 1:
        raise Unreadable("some weights are float32 and some float64; bring them to the precision that the module runs in")


def read_data(path: str, shape: tuple[int, ...], limit: int | None) -> tuple[Tensor, Tensor]:
    """Inputs [count, *shape] and labels [count] from an .npz or .safetensors file with arrays `x` and `y`.

    Names and shapes are looked at before any number is read, and no other array is.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise Unreadable(f"cannot read {path}: it is no regular file")
        x, y = _safetensors_data(path, shape) if path.endswith(".safetensors") else _npz_data(path, shape, limit)
    except Unreadable:
        raise
    except OSError as error:
        raise Unreadable(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # the readers raise whatever a broken file leads them to
        raise Unreadable(f"{path} is no .npz file of plain numbers: write it with `numpy.savez(path, x=..., y=...)`") from error
    x, y = x[:limit], y[:limit]
    x = x.astype(np.float64)
    if not (np.abs(x) <= _LARGEST).all():
        raise Unreadable("`x` holds a number that is not finite, or too large")
    return torch.from_numpy(x).reshape(-1, *shape), torch.from_numpy(y.astype(np.int64))


Header = tuple[tuple[int, ...], np.dtype[Any]]  # the shape and type of an array


def _check_headers(path: str, headers: dict[str, Header], shape: tuple[int, ...]) -> None:
    """`x` and `y` are there and fit the model."""
    if not {"x", "y"} <= set(headers):
        raise Unreadable(f"{path} has the arrays {', '.join(headers) or 'none'}; `x` [count, ...] and `y` [count] are needed")
    (x, x_type), (y, y_type) = headers["x"], headers["y"]
    if x_type.kind not in "fiu" or y_type.kind not in "iu" or len(y) != 1 or not x or x[0] != y[0] or not x[0]:
        raise Unreadable(
            f"`x` must hold numbers and `y` one whole number for each; found {x_type} {list(x)}, {y_type} {list(y)}"
        )
    if x[1:] not in (tuple(shape), (int(np.prod(shape)),)):
        raise Unreadable(f"`x` has shape {list(x)}; the model takes [count, {', '.join(map(str, shape))}], or that flattened")


def _npz_data(path: str, shape: tuple[int, ...], limit: int | None) -> tuple[Array, Array]:
    if not zipfile.is_zipfile(path):
        with open(path, "rb") as file:
            np.lib.format.read_magic(file)  # raises where it is no array either
        raise Unreadable(f"{path} holds one array; two named `x` and `y` are needed: `numpy.savez(path, x=..., y=...)`")
    with zipfile.ZipFile(path) as archive:
        names = [item.removesuffix(".npy") for item in archive.namelist()]
        headers = {name: _npy_header(archive, name) if name in ("x", "y") else ((), np.dtype(float)) for name in names}
        _check_headers(path, headers, shape)
        return _npy_rows(archive, "x", limit), _npy_rows(archive, "y", limit)


def _npy_header(archive: zipfile.ZipFile, name: str) -> Header:
    with archive.open(f"{name}.npy") as member:
        shape, _, kind = _header(member)
    return shape, kind


def _header(member: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(member)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(member)


def _npy_rows(archive: zipfile.ZipFile, name: str, limit: int | None) -> Array:
    """The first rows of an array; no more is unpacked than they need."""
    with archive.open(f"{name}.npy") as member:
        shape, is_fortran, kind = _header(member)
        count = shape[0] if limit is None or is_fortran else min(limit, shape[0])
        size = count * int(np.prod(shape[1:])) * kind.itemsize
        if size > _LARGEST_DATA:
            raise Unreadable(f"`{name}` has shape {list(shape)}, which is more than {_LARGEST_DATA:,} bytes")
        flat = np.frombuffer(member.read(size), kind)
    return flat.reshape((count, *shape[1:]), order="F" if is_fortran else "C")


def _safetensors_data(path: str, shape: tuple[int, ...]) -> tuple[Array, Array]:
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        names = {str(name) for name in file.keys()}  # noqa: SIM118
        headers = {name: _tensor_header(file.get_slice(name)) if name in ("x", "y") else ((), np.dtype(float)) for name in names}
        _check_headers(path, dict(sorted(headers.items())), shape)
        return file.get_tensor("x"), file.get_tensor("y")


def _tensor_header(piece: Any) -> Header:
    letters = piece.get_dtype()
    kind = {"F": "f", "I": "i", "U": "u"}.get(letters[:1], "V")
    return tuple(piece.get_shape()), np.dtype(f"{kind}{int(letters[1:]) // 8}" if kind != "V" and letters[1:].isdecimal() else "V1")
