"""Forms as a diagonal part and a rest, for sharper norms in 1, 2 and inf."""
from __future__ import annotations

from odenet.algebra.forms import Form
from odenet.algebra.scalars import ZERO, Scalar
from odenet.algebra.setting import Setting
from odenet.algebra.spectrum import absolute, largest, spectrum, word_norm


def split(form: Form, setting: Setting, order: str) -> tuple[Scalar, Scalar, Scalar] | None:
    """A form as a diagonal part, with its entries between two ends, and a rest with a bound of its norm."""
    low, high, rest = ZERO, ZERO, ZERO
    for word, scalar in form.terms:
        if not word or (len(word) == 1 and word[0].kind == "diag"):
            own = spectrum(Form(form.start, form.end, ((word, scalar),)), setting) if word else None
            ends = (scalar, scalar) if own is None else (own.low, own.high)
            if ends[0] is None or ends[1] is None:
                return None
            low, high = low + ends[0], high + ends[1]
            continue
        bound = word_norm(word, setting, order)
        if bound is None:
            return None
        rest = rest + absolute(scalar, setting) * bound
    return low, high, rest


def split_norm(form: Form, setting: Setting, order: str) -> Scalar | None:
    """The norm of the diagonal part, between the sums of its ends, plus the norms of the other words."""
    ends = split(form, setting, order)
    return None if ends is None else largest(absolute(ends[0], setting), absolute(ends[1], setting)) + ends[2]
