"""A plan as text, for `odenet show --stage plan`."""
from __future__ import annotations

from odenet.ir.show import node_text
from odenet.plan.steps import Advance, Closed, DiscreteGradient, Linear, Plan, Relax, RungeKutta, Substep
from odenet.schemes.numbers import Exact


def plan_text(plan: Plan) -> str:
    """The parts with how each is advanced, and the substeps with their coefficients and clocks."""
    flow = plan.flow
    lines = [f"flow {flow.name}: {flow.scheme.name}, {flow.steps} steps"]
    for part, advance in zip(flow.parts, plan.advances, strict=True):
        lines.append(f"  part {part.field}: {_advance_text(advance, part.method.name)}")
        lines += [f"    {line}" for line in _rows(advance)]
    lines += _section(plan, "step", plan.step)
    if plan.merged:
        lines.append("  joined across steps:")
        for name, substeps in (("opening", plan.opening), ("repeated", plan.repeated), ("closing", plan.closing)):
            lines += [f"  {line}" for line in _section(plan, name, substeps)]
    return "\n".join(lines) + "\n"


def _section(plan: Plan, name: str, substeps: tuple[Substep, ...]) -> list[str]:
    return [f"  {name}:"] + [f"    {plan.flow.parts[s.part].field} for {_times_h(s.coefficient)}, clock at {_times_h(s.clock)}"
                             for s in substeps]


def _times_h(value: Exact) -> str:
    text = str(value)
    return f"({text})*h" if " " in text else {"0": "0", "1": "h"}.get(text, f"{text}*h")


def _advance_text(advance: Advance, method: str) -> str:
    if isinstance(advance, Closed):
        return f"exact ({advance.reason})"
    if isinstance(advance, Linear):
        return "exact (matrix exponential)"
    if isinstance(advance, Relax):
        return f"relaxed Runge-Kutta, keeps {node_text(advance.invariant)}"
    if isinstance(advance, DiscreteGradient):
        return f"discrete gradient of {'' if advance.potential is None else node_text(advance.potential)}"
    stages = "stage" if len(advance.table.weights) == 1 else "stages"
    kind = "explicit" if advance.is_explicit else "implicit"
    return f"{method}, {kind} Runge-Kutta of {len(advance.table.weights)} {stages}"


def _rows(advance: Advance) -> list[str]:
    if isinstance(advance, Closed):
        return [f"{name} <- {node_text(node)}" for name, node in advance.rows]
    rates = advance.inner.rates if isinstance(advance, Relax) else getattr(advance, "rates", ())
    if isinstance(advance, RungeKutta | Relax | DiscreteGradient):
        return [f"{name}' = {node_text(rate)}" for name, rate in rates]
    return _matrix_rows(advance)


def _matrix_rows(advance: Linear) -> list[str]:
    lines: list[str] = []
    for name, row, offset in zip(advance.blocks, advance.matrix, advance.offset, strict=True):
        terms = [f"({node_text(entry)}) {block}" for block, entry in zip(advance.blocks, row, strict=True) if entry is not None]
        lines.append(f"{name}' = " + " + ".join(terms + ([node_text(offset)] if offset is not None else [])))
    return lines
