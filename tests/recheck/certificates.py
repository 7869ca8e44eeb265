"""Certificates as a user's file holds them, and every way to spoil one."""
from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from odenet.proof.certificate import certificate


def written(loaded, finding) -> dict[str, Any]:
    """A certificate after a trip through JSON text."""
    return json.loads(json.dumps(certificate(loaded.model, loaded.plans, finding)))


def spoiled(data: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every copy of the data with one field changed, dropped or added, and the path to it."""
    for path, value in _fields(data):
        for other in _others(value):
            yield path, _with(data, path, other)
        if path and isinstance(path[-1], int):
            yield (*path, "dropped"), _without(data, path)


def _fields(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(data, dict):
        for key in data:
            yield from _fields(data[key], (*path, key))
    elif isinstance(data, list):
        for i, item in enumerate(data):
            yield from _fields(item, (*path, i))
    if path:
        yield path, data


def _others(value: Any) -> list[Any]:
    """Values that are not this one."""
    if isinstance(value, int):
        return [value + 1]
    if isinstance(value, str):
        return [value + "1", "x"] if _is_number(value) else [value + " ", "1"]
    return [None] if value != [] else [["text", "more"]]


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace("/", "").isdigit()


def _with(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    result = copy.deepcopy(data)
    place = result
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return result


def _without(data: Any, path: tuple[Any, ...]) -> Any:
    result = copy.deepcopy(data)
    place = result
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return result
