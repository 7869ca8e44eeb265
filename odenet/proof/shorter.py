"""Shorter steps: the step bound under which a claim about a flow is proved, and the edit that keeps it."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from odenet.algebra.scalars import Scalar, TooLarge, Unsupported, rational
from odenet.ir.model import Claim
from odenet.ir.node import Node, number, variable
from odenet.ir.sizes import SCALAR, Size
from odenet.plan.steps import Plan
from odenet.proof.context import Context, Outcome
from odenet.proof.finding import Proof
from odenet.proof.maps.substeps import NoSolution
from odenet.proof.rules import readable

BOUNDED = frozenset({"lipschitz", "nonexpansive", "averaged", "invertible", "positive", "dissipates", "symmetric", "reversible",
                     "preserves", "equivariant", "volume_preserving", "symplectic"})
FINEST = 1024  # times as many steps are tried, before it is said that the step is not what fails
HALVINGS = 8
COARSE = 60  # denominators of bounds that read well
STEP = "step length"

Attempt = Callable[[Claim, Plan, tuple[Scalar, ...]], Outcome]  # a claim about a flow with another plan, and assumptions


def advice(context: Context, plan: Plan, claim: Claim, attempt: Attempt) -> str:
    """What to change so that the claim is proved, where only the step is too long; else nothing."""
    if claim.property not in BOUNDED:
        return ""
    trial = _Trial(context, plan, claim, attempt)
    count = plan.flow.steps.constant()
    if count is None:
        bound = trial.bound()
        return "" if bound is None else f"it holds for every step h <= {bound}; here h = {trial.here}"
    steps = trial.fewest(int(count))
    if steps is None:
        return ""
    edit = f"take at least {steps} steps: `steps {steps}`"
    length = trial.length
    bound = None if length is None else trial.bound(length / (steps - 1), length / steps)
    return edit if bound is None else f"it holds for every step h <= {bound}, and here h = {trial.here}: {edit}"


class _Trial:
    """Proofs of one claim with other steps."""

    def __init__(self, context: Context, plan: Plan, claim: Claim, attempt: Attempt) -> None:
        self.context, self.plan, self.claim, self.attempt = context, plan, claim, attempt
        self.step = context.translator.scalar(plan.flow.step)

    @property
    def here(self) -> str:
        return readable(self.step.key)

    @property
    def length(self) -> Fraction | None:
        """The length of the interval, where it is a number."""
        step, count = self.step.value(), self.plan.flow.steps.constant()
        return None if step is None or count is None or step <= 0 else step * count

    def _holds(self, steps: Size, step: Node, *assumed: Scalar) -> bool:
        plan = replace(self.plan, flow=replace(self.plan.flow, steps=steps, step=step))
        try:
            return isinstance(self.attempt(self.claim, plan, assumed), Proof)
        except (Unsupported, TooLarge, NoSolution):
            return False

    def fewest(self, count: int) -> int | None:
        """The least number of steps found to do, by doubling and halving."""
        def is_enough(steps: int) -> bool:
            from odenet.ir.differentiate.products import times

            return self._holds(Size.number(steps), times(number(Fraction(count, steps)), self.plan.flow.step))

        if not is_enough(FINEST * count):
            return None
        low, high = count, 2 * count
        while not is_enough(high):
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if is_enough(middle) else (middle, high)
        return high

    def bound(self, high: Fraction = Fraction(0), low: Fraction = Fraction(0)) -> Fraction | None:
        """A simple h such that the claim is proved for all steps up to h, whatever their number; hardly a larger one is known."""
        if self._counts():
            return None
        if not low:
            low, high = Fraction(1, FINEST), Fraction(2, FINEST)
            if not self._is_proved_at(low):
                return None
            while high < FINEST and self._is_proved_at(high):
                low, high = high, 2 * high
        for _ in range(HALVINGS):
            simple = _simplest(low + (high - low) / 100, high - (high - low) / 100)
            middle = simple if simple.denominator <= COARSE else (low + high) / 2
            low, high = (middle, high) if self._is_proved_at(middle) else (low, middle)
        found = low if low.denominator <= COARSE else _simplest(low * Fraction(97, 100), low)
        return found if self._is_proved_up_to(found) else None

    def _counts(self) -> bool:
        """Whether the claim is about all steps together, so that their number matters."""
        if self.claim.property == "averaged":
            return True
        argument = self.claim.arguments[0] if self.claim.property == "lipschitz" else number(1)
        return argument != number(1)

    def _is_proved_at(self, step: Fraction) -> bool:
        return self._holds(self.plan.flow.steps, number(step))

    def _is_proved_up_to(self, bound: Fraction) -> bool:
        step = variable(STEP, SCALAR)
        h = self.context.translator.scalar(step)
        return self._holds(self.plan.flow.steps, step, h, rational(bound) - h)


def _simplest(low: Fraction, high: Fraction) -> Fraction:
    """The fraction with the least denominator in [low, high], 0 < low."""
    whole = -(-low.numerator // low.denominator)
    if whole <= high:
        return Fraction(whole)
    rest = Fraction(low.numerator // low.denominator)
    return rest + 1 / _simplest(1 / (high - rest), 1 / (low - rest))
