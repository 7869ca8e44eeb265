"""The specs that ship with odenet."""
from __future__ import annotations

from importlib.resources import files


def gallery_names() -> tuple[str, ...]:
    """The gallery's specs by name, sorted."""
    folder = files("odenet.specs") / "gallery"
    return tuple(sorted(entry.name[:-4] for entry in folder.iterdir() if entry.name.endswith(".ode")))


def gallery_text(name: str) -> str:
    """The text of one gallery spec."""
    return (files("odenet.specs") / "gallery" / f"{name}.ode").read_text(encoding="utf-8")
