"""Spec -> canonical text."""
from odenet.syntax import tree


def format_spec(spec: tree.Spec) -> str:
    raise NotImplementedError
