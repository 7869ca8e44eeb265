"""Text -> Spec, and back to canonical text."""
from odenet.syntax.format import format_spec
from odenet.syntax.limits import MAX_BYTES, decode
from odenet.syntax.parse import parse

__all__ = ["MAX_BYTES", "decode", "format_spec", "parse"]
