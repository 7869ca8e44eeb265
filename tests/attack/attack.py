"""Runs the prover on a case and attacks each verdict with numbers."""
from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from odenet.diagnostics import Rejected
from odenet.driver import Loaded, loads
from odenet.plan.advances import NoSolution
from odenet.plan.interpret import Runner
from odenet.proof.finding import Finding, Witness
from odenet.proof.prove import Prover
from odenet.recheck.witness import recheck_witness
from tests.attack import falsify
from tests.attack.falsify import Map, excess, jacobian, log_norm, norm, off
from tests.attack.generator import Case, Claim
from tests.attack.terms import KINKED, Array, Term, World
from tests.recheck.floats import gap

Random = np.random.Generator
HUGE = 1e6
IMPLICIT = ("implicit", "gauss", "trap", "lobatto", "late", "double", "discrete")  # solved by a slow and obvious Newton iteration


@dataclass
class Verdict:
    """What odenet said of a claim, and the worst violation found with the world it was found in."""

    claim: Claim
    finding: Finding
    violation: float
    world: World | None

    @property
    def is_wrong(self) -> bool:
        return self.finding.verdict == "proved" and self.violation > 0


class Impatient(Prover):
    """A prover that looks for witnesses for so many seconds only, so that there is time for more specs."""

    def __init__(self, loaded: Loaded, search: float) -> None:
        super().__init__(loaded.model, loaded.plans)
        self.search = search

    def _attack(self, claim: Any, seconds: float) -> Witness | None:
        return super()._attack(claim, min(seconds, self.search))


def judge(case: Case, rng: Random, tries: int = 40, seconds: float = 6.0, search: float = 0.05) -> list[Verdict] | None:
    """All verdicts of a case, those that are not refuted attacked; None when the spec is rejected. `seconds` for a proof, `search` for a witness."""
    try:
        sharpen(case, loads(case.without_claims()), rng)
        loaded = loads(case.text)
    except Rejected:
        return None
    prover = Impatient(loaded, search)
    findings = [prover.find(claim, 4 * seconds / 3) for claim in loaded.model.claims]
    assert len(findings) == len(case.claims)
    verdicts = []
    for claim, finding in zip(case.claims, findings, strict=True):
        worst, world = (0.0, None) if finding.verdict == "refuted" else attack(case, loaded, claim, finding, rng, tries)
        verdicts.append(Verdict(claim, finding, worst, world))
        if finding.verdict == "refuted":
            check_refutation(loaded, finding)
    return verdicts


def sharpen(case: Case, loaded: Loaded, rng: Random, most: int = 6) -> None:
    """Keep the claims that survive a quick attack, and some that do not; put constants just below or above what was seen."""
    kept: list[Claim] = []
    for claim in case.claims:
        if len(kept) == most:
            break
        if claim.kind == "flow" and claim.subject not in loaded.plans:
            continue
        if claim.name in ("lipschitz", "contractive", "averaged", "smooth") and rng.integers(2):
            _sharpen_constant(case, loaded, claim, rng)
        if claim.name == "order" or _survives(case, loaded, claim, rng) or rng.integers(8) == 0:
            kept.append(claim)
    case.claims = [c for i, c in enumerate(kept) if c.text not in [k.text for k in kept[:i]]]


def _survives(case: Case, loaded: Loaded, claim: Claim, rng: Random) -> bool:
    return attack(case, loaded, claim, None, rng, 5)[0] == 0


def _sharpen_constant(case: Case, loaded: Loaded, claim: Claim, rng: Random) -> None:
    """The worst constant seen, a little below (the claim is false) or above it."""
    bottom = {"contractive": 16.0, "averaged": 1e-3}.get(claim.name, 0.0)
    claim.argument = Term(str(bottom), (), lambda w: bottom)
    worst, _ = attack(case, loaded, claim, None, rng, 6)
    if claim.name == "averaged" or not 0 < worst < 1e3:
        claim.argument = Term("1/2", (), lambda w: 0.5)
        return
    seen = worst + bottom if claim.name != "contractive" else bottom - worst
    value = Fraction(round(seen * 32) + int(rng.integers(-3, 3)), 32)
    claim.argument = Term(str(value), (), lambda w: float(value))


def attack(case: Case, loaded: Loaded, claim: Claim, finding: Finding | None, rng: Random, tries: int) -> tuple[float, World | None]:
    """The worst violation of a claim over random worlds (positive: it is broken)."""
    is_undecided = finding is None or finding.verdict == "undecided"
    if finding is not None and any("has one solution" in c or "assumes" in c for c in finding.conditions):
        return 0.0, None  # the condition may fail here; what is proved under it is attacked where it holds by the tests of traps
    if claim.name == "order":
        return _order(case, loaded, int(str(claim.argument)), rng)
    worst, where = 0.0, None
    rule = _RULES[claim.name]
    is_slow = claim.kind == "flow" and any(word in case.flows[claim.subject] for word in IMPLICIT)
    tries, biggest = (max(2, tries // 4), 2) if is_slow else (tries, 4)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for _ in range(tries):
            w = case.world(rng, biggest)
            if claim.region is not None and not _inside(case, claim, w, rng):
                continue
            try:
                found = rule(Subject(case, loaded, claim, w, rng, is_undecided or bool(finding.conditions)))
            except (NoSolution, np.linalg.LinAlgError, OverflowError):
                continue
            if found is not None and np.isfinite(found) and found > worst:
                worst, where = float(found), w
    return worst, where


def _inside(case: Case, claim: Claim, w: World, rng: Random) -> bool:
    """Draw states until one lies in the region."""
    assert claim.region is not None
    for _ in range(20):
        if claim.region[1](w):
            return True
        w.states = {k: np.abs(v) if rng.integers(2) else v * 0.3 for k, v in case.draw_states(rng, w).items()}
    return False


class Subject:
    """A claim's subject in one world: a map of packed states."""

    def __init__(self, case: Case, loaded: Loaded, claim: Claim, w: World, rng: Random, has_conditions: bool) -> None:
        self.case, self.loaded, self.claim, self.w, self.rng = case, loaded, claim, w, rng
        self.has_conditions = has_conditions
        self.x = case.pack(w.states)
        self.runner: Runner | None = None
        if claim.kind == "flow":
            self._prepare()

    def _prepare(self) -> None:
        """A schedule of parameters: each step (knot) has a member of its own."""
        plan, steps = self.loaded.plans[self.claim.subject], self.case.steps[self.claim.subject]
        worlds = [self.w, *(World(self.w.dims, {}, {}) for _ in range(max(steps, 2)))]
        for other in worlds[1:]:
            for p in self.case.parameters:
                fresh = np.asarray(p.draw(self.rng, other), dtype=float) if p.schedule else self.w.params[p.name]
                other.params[p.name] = fresh
        values = {}
        for p in self.case.parameters:
            count = {"": 0, "piecewise": steps, "linear": 2}[p.schedule]
            values[p.name] = np.stack([o.params[p.name] for o in worlds[1:count + 1]]) if count else self.w.params[p.name]
        self.runner = Runner(self.loaded.model, plan, values, self.w.dims)
        self.blocks = plan.flow.blocks

    @property
    def map(self) -> Map:
        if self.claim.kind == "field":
            return self.case.rate(self.claim.subject, self.w)
        if self.claim.kind == "flow":
            return self._run
        term = self.case.definitions[self.claim.subject]
        return lambda x: np.atleast_1d(self.case.scalar(term, self.w)(x))

    def _run(self, x: Array) -> Array:
        assert self.runner is not None
        if np.abs(x).max(initial=0) > HUGE:
            raise NoSolution
        return self.case.pack(self.runner.run(self.case.unpack(x, self.w)))

    def step(self, x: Array, scale: float = 1.0, step: int = 0) -> Array:
        assert self.runner is not None
        return self.case.pack(self.runner.step(self.case.unpack(x, self.w), step, scale))

    def jacobian(self) -> Array | None:
        found = jacobian(self.map, self.x)
        if found is None or np.abs(found).max(initial=0) > 1e5:
            return None
        if self.claim.kind == "flow" and self.has_conditions and not self._is_small():
            return None
        return found

    def _is_small(self) -> bool:
        """Whether every implicit substep surely has one solution near here: h Lip(f) well below 1."""
        if self.runner is None:
            return True
        h = abs(self.runner.number(self.runner.plan.flow.step)) * 3
        for name in self.case.fields:
            f = self.case.rate(name, self.w)
            for _ in range(3):
                j = jacobian(f, self.x * self.rng.normal())
                if j is not None and h * norm(j, "2") > 0.9:
                    return False
        return True

    def bound(self) -> float:
        assert isinstance(self.claim.argument, Term)
        return float(self.claim.argument.value(self.w))

    def invariant(self) -> Callable[[Array], float]:
        assert isinstance(self.claim.argument, Term)
        return self.case.scalar(self.claim.argument, self.w)

    def active(self) -> Array:
        """Which entries of the packed state the flow holds (all, for fields)."""
        return np.concatenate([np.full(int(np.prod(self.w.shape(s))), self.claim.kind != "flow" or b in self.blocks)
                               for b, s in self.case.blocks.items()])


# --- one rule for each property: positive means broken ----------------------------------------------------------------------


def _on_jacobian(rule: Callable[[Subject, Array], float]) -> Callable[[Subject], float | None]:
    def attacked(s: Subject) -> float | None:
        j = s.jacobian()
        return None if j is None else rule(s, j)

    return attacked


def _size(j: Array) -> float:
    return float(np.abs(j).max(initial=0))


def _hamiltonian(s: Subject, j: Array) -> float:
    turned = falsify.turn(s.x, s.case.slices(s.w)).T @ j
    return off(turned - turned.T, _size(j))


def _symplectic(s: Subject, j: Array) -> float:
    turn = falsify.turn(s.x, s.case.slices(s.w))
    keep = s.active()
    return off((j.T @ turn @ j - turn)[np.ix_(keep, keep)], _size(j) ** 2)


def _determinant(s: Subject, j: Array) -> float:
    value = abs(np.linalg.det(j))
    return abs(value - 1) - falsify.LOOSE * (1 + float(np.prod(np.maximum(1, np.linalg.norm(j, axis=0)))))


def _lipschitz(s: Subject, j: Array) -> float:
    bound = 1.0 if s.claim.name == "nonexpansive" else s.bound()
    keep = s.active()
    return excess(norm(j[np.ix_(keep, keep)], s.claim.order), bound, norm(j, "2"))


def _contractive(s: Subject, j: Array) -> float:
    bound = 0.0 if s.claim.name == "nonexpansive" else -s.bound()
    return excess(log_norm(j, s.claim.order), bound, norm(j, "2"))


def _nonexpansive(s: Subject, j: Array) -> float:
    return _contractive(s, j) if s.claim.kind == "field" else _lipschitz(s, j)


def _averaged(s: Subject, j: Array) -> float:
    a, keep = s.bound(), s.active()
    part = j[np.ix_(keep, keep)]
    return excess(norm((part - (1 - a) * np.eye(len(part))) / a, "2"), 1.0, norm(j, "2") / a)


def _change(s: Subject) -> tuple[float, float]:
    """How fast an invariant changes (by how much, for a flow), and the size of what was added up."""
    value = s.invariant()
    if s.claim.kind == "flow":
        if s.has_conditions and not s._is_small():
            raise NoSolution
        after = s._run(s.x)
        size = abs(value(s.x)) + abs(value(after)) + float(np.abs(after).max(initial=0)) ** 2
        return value(after) - value(s.x), size
    slope, rate = falsify.gradient(value, s.x), s.map(s.x)
    if slope is None:
        raise NoSolution
    return float(slope @ rate), float(np.abs(slope) @ np.abs(rate))


def _preserves(s: Subject) -> float:
    change, size = _change(s)
    return abs(change) - falsify.LOOSE * (1 + size)


def _dissipates(s: Subject) -> float:
    change, size = _change(s)
    return change - falsify.LOOSE * (1 + size)


def _positive(s: Subject) -> float:
    x = np.abs(s.x) * s.rng.integers(0, 2, len(s.x))
    y = s.map(x)
    if s.claim.kind == "flow":
        return -float(y.min(initial=0)) - 1e-6 * (1 + float(np.abs(y).max(initial=0)))
    return -float(y[x == 0].min(initial=0)) - 1e-9


def _group(s: Subject) -> Callable[[Array], Array]:
    """The action on a packed state."""
    if s.claim.argument == "sign":
        return lambda x: -x
    orders: dict[int, Array] = {}

    def act(x: Array) -> Array:
        blocks = s.case.unpack(x, s.w)
        for name, value in blocks.items():
            if value.ndim == 1:
                n = len(value)
                if n not in orders:
                    orders[n] = np.roll(np.arange(n), 1) if s.claim.argument == "translation" else s.rng.permutation(n)
                blocks[name] = value[orders[n]]
        return s.case.pack(blocks)

    return act


def _equivariant(s: Subject) -> float:
    g, f = _group(s), s.map
    if s.has_conditions and not s._is_small():
        raise NoSolution
    left, right = f(g(s.x)), g(f(s.x))
    return off(left - right, float(np.abs(left).max(initial=0)))


def _flip(s: Subject) -> Array:
    sign = np.ones(len(s.x))
    for _, p in s.case.slices(s.w):
        sign[p] = -1
    return sign


def _reversible(s: Subject) -> float:
    r = _flip(s)
    if s.claim.kind == "field":
        value = s.map(r * s.x) + r * s.map(s.x)
        return off(value, float(np.abs(s.map(s.x)).max(initial=0)))
    if s.has_conditions and not s._is_small():
        raise NoSolution
    back = r * s.step(r * s.step(s.x))
    return off(back - s.x, float(np.abs(s.step(s.x)).max(initial=0) + np.abs(s.x).max(initial=0)))


def _symmetric(s: Subject) -> float | None:
    if any("t)" in t.text for rows in s.case.fields.values() for t in rows.values()):
        return None  # the clock of a step back is another one
    if any(p.schedule == "linear" for p in s.case.parameters) or (s.has_conditions and not s._is_small()):
        return None
    middle = s.step(s.x)
    back = s.step(middle, -1.0)
    return off(back - s.x, float(np.abs(middle).max(initial=0) + np.abs(s.x).max(initial=0)) * _growth(s, middle))


def _growth(s: Subject, x: Array) -> float:
    j = jacobian(lambda z: s.step(z, -1.0), x)
    return 1e9 if j is None else 1 + norm(j, "2")


def _invertible(s: Subject) -> float:
    """The determinants of two places have one sign, or the map folds."""
    other = Subject(s.case, s.loaded, s.claim, s.w, s.rng, s.has_conditions)
    other.runner, other.x = s.runner, s.x * s.rng.normal() + s.rng.normal(size=len(s.x))
    one, two = s.jacobian(), other.jacobian()
    if one is None or two is None:
        raise NoSolution
    a, b = np.linalg.det(one), np.linalg.det(two)
    scales = [float(np.prod(np.linalg.norm(j, axis=0))) for j in (one, two)]
    sure = abs(a) > 1e-3 * scales[0] and abs(b) > 1e-3 * scales[1]
    return 1.0 if sure and a * b < 0 else 0.0


def _hessian(s: Subject) -> Array | None:
    value = s.case.scalar(s.case.definitions[s.claim.subject], s.w)

    def slope(x: Array) -> Array:
        return np.array([(value(x + e) - value(x - e)) / 2e-4 for e in 1e-4 * np.eye(len(x))])

    j = jacobian(slope, s.x, 1e-2)
    return None if j is None or np.abs(j).max(initial=0) > 1e4 else (j + j.T) / 2


def _convex(s: Subject) -> float:
    value = s.case.scalar(s.case.definitions[s.claim.subject], s.w)
    y = s.case.pack(s.case.draw_states(s.rng, s.w))
    gap = value((s.x + y) / 2) - (value(s.x) + value(y)) / 2
    return gap - 1e-9 * (1 + abs(value(s.x)) + abs(value(y)))


def _smooth(s: Subject) -> float | None:
    h = _hessian(s)
    return None if h is None else float(np.abs(np.linalg.eigvalsh(h)).max(initial=0)) - s.bound() - 1e-3 * (1 + _size(h))


_RULES: dict[str, Callable[[Subject], float | None]] = {
    "divergence_free": _on_jacobian(lambda s, j: abs(float(np.trace(j))) - falsify.LOOSE * (1 + _size(j))),
    "hamiltonian": _on_jacobian(_hamiltonian), "gradient": _on_jacobian(lambda s, j: off(j - j.T, _size(j))),
    "symplectic": _on_jacobian(_symplectic), "volume_preserving": _on_jacobian(_determinant),
    "lipschitz": _on_jacobian(_lipschitz), "contractive": _on_jacobian(_contractive), "nonexpansive": _on_jacobian(_nonexpansive),
    "averaged": _on_jacobian(_averaged), "preserves": _preserves, "dissipates": _dissipates, "positive": _positive,
    "equivariant": _equivariant, "reversible": _reversible, "symmetric": _symmetric, "invertible": _invertible,
    "convex": _convex, "smooth": _smooth,
}


# --- order -------------------------------------------------------------------------------------------------------------------


def _order(case: Case, loaded: Loaded, wanted: int, rng: Random) -> tuple[float, World | None]:
    """The observed order of one step on smooth parts: positive when it is below what was proved by a clear margin."""
    if any(word in term.text for rows in case.fields.values() for term in rows.values() for word in KINKED):
        return 0.0, None
    if any(p.schedule == "linear" for p in case.parameters) or wanted > 4:
        return 0.0, None
    low: list[tuple[float, World]] = []  # once may be two terms of an error that nearly cancel
    for _ in range(5):
        w = case.world(rng, 2)
        for p in case.parameters:
            w.params[p.name] = np.clip(w.params[p.name], -2, 2) if not p.text.count("orthogonal") else w.params[p.name]
        x = case.pack(w.states) / (1 + np.abs(case.pack(w.states)).max(initial=0))
        found = _local_errors(case, loaded, w, x)
        if found is None:
            continue
        (h1, e1), (h2, e2) = found
        seen = np.log(e1 / e2) / np.log(h1 / h2)
        if e2 > 1e-11 and e1 < 0.1 and seen < wanted + 0.5:
            low.append((wanted + 1 - seen, w))
    return low[0] if len(low) > 1 else (0.0, None)


def _local_errors(case: Case, loaded: Loaded, w: World, x: Array) -> list[tuple[float, float]] | None:
    plan = loaded.plans["net"]
    values = {p.name: np.stack([w.params[p.name]] * case.steps["net"]) if p.schedule else w.params[p.name] for p in case.parameters}
    runner = Runner(loaded.model, plan, values, w.dims)
    step = runner.number(plan.flow.step)
    subject = " + ".join(case.fields)
    found = []
    for scale in (1 / 16, 1 / 64):
        h = step * scale
        try:
            after = case.pack(runner.step(case.unpack(x, w), 0, scale))
        except (NoSolution, np.linalg.LinAlgError):
            return None
        found.append((h, float(np.abs(after - _reference(case, subject, w, x, h)).max(initial=0))))
    return found if all(np.isfinite(e) and e > 0 for _, e in found) else None


def _reference(case: Case, subject: str, w: World, x: Array, h: float, pieces: int = 24) -> Array:
    """The exact flow of the sum from t = 0, by many steps of the classical Runge-Kutta method."""
    t, k = 0.0, h / pieces

    def f(y: Array, time: float) -> Array:
        return case.rate(subject, w.at(w.states, time))(y)

    for _ in range(pieces):
        a = f(x, t)
        b = f(x + k / 2 * a, t + k / 2)
        c = f(x + k / 2 * b, t + k / 2)
        d = f(x + k * c, t + k)
        x, t = x + k / 6 * (a + 2 * b + 2 * c + d), t + k
    return x


def describe(case: Case, verdict: Verdict, seed: Any) -> str:
    """A report of a wrong verdict."""
    world = "" if verdict.world is None else f"dims {verdict.world.dims}\nparams {verdict.world.params}\nstates {verdict.world.states}"
    return (f"seed {seed}: {verdict.claim.text} is {verdict.finding.verdict} [{verdict.finding.rule}: {verdict.finding.reason[:200]}] "
            f"and broken by {verdict.violation:.3g}\n{case.text}\n{world}")


# --- refutations -------------------------------------------------------------------------------------------------------------


def check_refutation(loaded: Loaded, finding: Finding) -> None:
    """A refutation's witness passes the recheck, and breaks the claim in floats too. Raises AssertionError, Rejected."""
    assert finding.witness is not None
    witness = json.loads(json.dumps(finding.witness.as_json()))
    recheck_witness(loaded.model, loaded.plans, finding.claim, witness)
    if finding.claim.property == "order" or finding.claim.kind == "net" or _moves_its_clock(loaded, finding):
        return
    try:
        with np.errstate(all="ignore"):
            found = gap(loaded.model, loaded.plans, finding.claim, witness)
    except NoSolution:  # a relaxed step of length zero, but for rounding
        return
    assert not found < -1e-6, f"{finding.claim.text} is refuted, but holds by {-found:.3g} at {witness}"


def _moves_its_clock(loaded: Loaded, finding: Finding) -> bool:
    """Whether a step back, as floats take it, has another clock."""
    rates = [rate for field in loaded.model.fields for _, rate in field.rows]
    is_timed = any(n.op == "time" for rate in rates for n in rate.walk())
    scheduled = any(p.schedule is not None and p.schedule.kind != "piecewise" for p in loaded.model.parameters)
    return finding.claim.property == "symmetric" and (is_timed or scheduled)
