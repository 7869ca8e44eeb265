"""The properties that can be claimed: of what, with which arguments."""
from __future__ import annotations

from dataclasses import dataclass

FIELD, FLOW, NET, DEF = "field", "flow", "net", "def"
MAPS = frozenset({FLOW, NET})
ALL_SUBJECTS = (FIELD, FLOW, NET, DEF)


@dataclass(frozen=True)
class Property:
    """One property.

    subjects: what it is said of. arguments: the kind of each ("number": an exact constant or one of parameters and dims;
    "invariant": a scalar of states; "order": a whole number; "action": a word or an orthogonal matrix). `least`: how many
    must be given. keywords: name -> the words allowed. needs_pairs: it speaks of positions and momenta.
    allows_region: whether `on region` means anything.
    """

    name: str
    subjects: frozenset[str]
    arguments: tuple[str, ...] = ()
    least: int = 0
    keywords: tuple[tuple[str, tuple[str, ...]], ...] = ()
    needs_pairs: bool = False
    allows_region: bool = True
    meaning: str = ""


_NORM = (("norm", ("1", "2", "inf")),)
PAIRED = frozenset(("hamiltonian", "symplectic", "reversible"))  # they speak of conjugate pairs
EACH_STEP = ("preserves", "dissipates", "positive")  # of a flow they speak of all states of the trajectory
ACTIONS = ("permutation", "sign", "translation")
_FIELD, _DEF = frozenset({FIELD}), frozenset({DEF})
_BOTH = frozenset({FIELD, FLOW, NET})

PROPERTIES: dict[str, Property] = {row.name: row for row in (
    Property("divergence_free", _FIELD, meaning="tr Df = 0"),
    Property("volume_preserving", MAPS, meaning="abs(det DΦ) = 1"),
    Property("hamiltonian", _FIELD, ("invariant",), needs_pairs=True, meaning="f = J grad H"),
    Property("symplectic", MAPS, needs_pairs=True, meaning="DΦ' J DΦ = J"),
    Property("gradient", _FIELD, ("invariant",), meaning="f = grad V"),
    Property("contractive", _FIELD, ("number",), 1, _NORM, meaning="<f(x)-f(y), x-y> <= -c |x-y|^2"),
    Property("nonexpansive", _BOTH, meaning="contractive(0) of a field, lipschitz(1) of a map"),
    Property("lipschitz", _BOTH, ("number",), 1, _NORM, meaning="|f(x)-f(y)| <= L |x-y|"),
    Property("averaged", MAPS, ("number",), 1, meaning="Φ = (1-a) I + a N with N nonexpansive"),
    Property("preserves", _BOTH, ("invariant",), 1, meaning="grad I . f = 0, or I(Φ(x)) = I(x)"),
    Property("dissipates", _BOTH, ("invariant",), 1, meaning="grad I . f <= 0, or I(Φ(x)) <= I(x)"),
    Property("positive", _BOTH, meaning="the orthant x >= 0 is kept"),
    Property("equivariant", _BOTH, ("action",), 1, meaning="f(g x) = g f(x)"),
    Property("reversible", frozenset({FIELD, FLOW}), needs_pairs=True, meaning="f(Rx) = -R f(x), or R Φ R = Φ^-1"),
    Property("invertible", MAPS, meaning="Φ is a bijection"),
    Property("symmetric", frozenset({FLOW}), meaning="Φ_h^-1 = Φ_-h"),
    Property("order", frozenset({FLOW}), ("order",), 1, allows_region=False, meaning="local error O(h^(p+1))"),
    Property("convex", _DEF, meaning="V is convex"),
    Property("smooth", _DEF, ("number",), 1, meaning="grad V is Lipschitz with constant L"),
)}
