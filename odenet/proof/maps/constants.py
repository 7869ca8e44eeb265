"""lipschitz, nonexpansive of flows: bounds of one substep, multiplied with their coupling kept."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import gcd

from odenet.algebra.forms import size_scalar
from odenet.algebra.inequalities import at_most, is_nonnegative
from odenet.algebra.scalars import ONE, ZERO, Scalar, exponential
from odenet.algebra.setting import Setting
from odenet.ir.sizes import Size
from odenet.proof.context import Context, Outcome
from odenet.proof.fields import metric
from odenet.proof.finding import Proof
from odenet.proof.maps.factors import Bound, substep_constants
from odenet.proof.maps.formula import formula
from odenet.proof.maps.substeps import Move, distinct, settled
from odenet.proof.rules import by

MOST_STEPS = 64


def lipschitz(context: Context, substeps: list[Move], steps: Size, bound: Scalar, setting: Setting, order: str = "2") -> Outcome:
    """|Phi(x) - Phi(y)| <= bound |x - y| for the whole flow, in the norm 1, 2 or inf."""
    known: dict[tuple[str, str], list[Bound]] = {}
    problem = ""
    for move in distinct(substeps):
        found = substep_constants(context, move, setting, order)
        if isinstance(found, str):
            problem = problem or f"part `{move.field}`: {found}"
        else:
            known[move.key] = found
    for choice in _choices(list(known.values())) if not problem else ():
        outcome = _product(substeps, dict(zip(known, choice, strict=True)), steps, bound, setting)
        if isinstance(outcome, Proof):
            return outcome
        problem = problem or outcome
    one = _at_once(context, substeps, steps, bound, setting, order)
    return problem if one is None else _product(substeps, {substeps[0].key: one}, steps, bound, setting)


def upper(context: Context, substeps: list[Move], steps: Size, setting: Setting, order: str = "2") -> Scalar | None:
    """A number that bounds the Lipschitz constant of the whole flow."""
    total, count = ONE, steps.constant()
    for move in substeps:
        found = substep_constants(context, move, setting, order)
        values = [] if isinstance(found, str) else [v for c, _ in found if (v := settled(c, setting)) is not None]
        if not values:
            return None
        total = total * min(values, key=lambda v: v.value() or 0)
    return None if count is None or count > MOST_STEPS else total.power(int(count))


def _choices(options: list[list[Bound]]) -> Iterator[list[Bound]]:
    """One bound for each substep: the sharpest, which keeps parameters; the least number; ones where there are any."""
    tried: list[list[Bound]] = []
    for pick in (lambda found: found[0], _least, lambda found: next((b for b in found if b[0] == ONE), found[0])):
        choice = [pick([*found]) for found in options]
        if choice not in tried:
            tried.append(choice)
    yield from tried


def _least(found: list[Bound]) -> Bound:
    numbers = [b for b in found if b[0].value() is not None]
    return min(numbers, key=lambda b: b[0].value() or 0) if numbers else found[0]


def _product(substeps: list[Move], choice: dict[tuple[str, str], Bound], steps: Size, bound: Scalar, setting: Setting) -> Outcome:
    """The constants of the substeps, multiplied; `constants` is one for each different substep."""
    total, used = ONE, {}
    counts = Counter(move.key for move in substeps)
    is_coupled = not any(move.is_timed for move in substeps)
    for move in substeps:
        constant = choice[move.key][0]
        # two substeps share the parameters of their step, but neither the state nor what moves within the step
        is_shared = is_coupled and "state " not in constant.key
        value = constant if is_shared else settled(constant, setting)
        if value is None:
            return (f"part `{move.field}` has the constant {constant.key}; what moves within a step is not the same in two "
                    "substeps, so each substep would need a bound of its own")
        total = total * value
        used[move.key] = value
    premises = [choice[key][1] for key in used]
    times = gcd(*counts.values())
    if times > 1 and is_nonnegative(bound - ONE, setting):  # a power is at most 1 where its base is
        root = ONE
        for key, value in used.items():
            root = root * value.power(counts[key] // times)
        if at_most(root, ONE, setting):
            return by("coupled product", f"one step has the constant ({root.key})^{times} <= 1 for all parameters in their sets",
                      *premises, constants=tuple(used.values()), times=times)
    return _all_steps(total, steps, bound, setting, premises, tuple(used.values()))


def _all_steps(total: Scalar, steps: Size, bound: Scalar, setting: Setting, premises: list[Proof],
               constants: tuple[Scalar, ...]) -> Outcome:
    if is_nonnegative(bound - ONE, setting) and at_most(total, ONE, setting):
        return by("coupled product", f"one step has the constant {total.key} <= 1 for all parameters in their sets", *premises,
                  constants=constants)
    count = steps.constant()
    if count is None or count > MOST_STEPS:
        return _many_steps(total, steps, bound, setting, premises, constants)
    worst = total if count == 1 or _is_fixed(total) else settled(total, setting)  # other steps have other parameters
    if worst is None:
        return f"one step is bounded by {total.key}, which has no known upper end"
    product = worst.power(int(count))
    if at_most(product, bound, setting):
        return by("coupled product", f"{count} steps have the constant {product.key} <= {bound.key}", *premises,
                  constants=constants, worst=worst)
    return f"{count} steps are bounded by {product.key}, which is not shown to be at most {bound.key}"


def _many_steps(total: Scalar, steps: Size, bound: Scalar, setting: Setting, premises: list[Proof],
                constants: tuple[Scalar, ...]) -> Outcome:
    """c^N = exp(N log c), and log c <= c - 1 where c is no exponential itself. N h is the length of the interval."""
    exponent = _logarithm(total)
    if not _is_fixed(exponent):
        numeric = settled(exponent, setting)  # other steps have other parameters
        if numeric is None or "dim " in exponent.key:
            return f"one step is bounded by {total.key}, which does not give {bound.key} over {steps} steps"
        exponent = numeric
    product = exponential(exponent * size_scalar(steps))
    if at_most(product, bound, setting):
        return by("coupled product", f"{steps} steps have the constant {product.key} <= {bound.key}", *premises,
                  constants=constants, exponent=exponent)
    if bound == ONE:
        return f"one step is bounded by {total.key}, which is not shown to be at most 1"
    return f"{steps} steps are bounded by {product.key}, which is not shown to be at most {bound.key}"


def _is_fixed(scalar: Scalar) -> bool:
    """Whether it is one number for all steps."""
    return not any(kind in scalar.key for kind in ("param ", "state ", "time"))


def _logarithm(total: Scalar) -> Scalar:
    """log c of a product of exponentials, else c - 1 >= log c."""
    if len(total.terms) == 1 and total.terms[0][1] == 1:
        atoms = total.terms[0][0]
        if all(a.kind == "function" and a.data[0] == "exp" and isinstance(a.data[2], Scalar) for a, _ in atoms):
            found = ZERO
            for atom, exponent in atoms:
                found = found + atom.data[2].times(exponent)
            return found
    return total - ONE


def _at_once(context: Context, substeps: list[Move], steps: Size, bound: Scalar, setting: Setting, order: str) -> Bound | None:
    """One substep in closed form: its Jacobian is bounded as that of a field is."""
    if len(substeps) != 1 or (steps.constant() != 1 and bound != ONE):
        return None
    move = substeps[0]
    if not move.is_whole and not is_nonnegative(bound - ONE, setting):
        return None
    after = formula(context, move)
    if after is None:
        return None
    outcome = metric.lipschitz(context, after, bound, setting, order)
    if isinstance(outcome, str):
        return None
    return bound, by("step in closed form", f"the Jacobian of the substep of `{move.field}` has the norm {bound.key}", outcome)
