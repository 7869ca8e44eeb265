"""The subject of a claim at a setting."""
from __future__ import annotations

from odenet.ir.model import ConvolutionSpace, Schedule
from odenet.plan.steps import Plan
from odenet.proof.refute.advance import Runner
from odenet.proof.refute.cases import Layout, Setting, tensors
from odenet.proof.refute.evaluate import Evaluator
from odenet.proof.refute.networks import NetSubject
from odenet.proof.refute.relevant import Scope
from odenet.proof.refute.scalars import Undefined, exact
from odenet.proof.refute.shapes import shape_of
from odenet.proof.refute.subjects import DefinitionSubject, FieldSubject, FlowSubject, Subject, layout
from odenet.proof.refute.tensors import Tensor, tensor


def build(scope: Scope, setting: Setting) -> Subject:
    """The subject of a claim at a setting.

    Raises:
        Undefined: the attack cannot run such a subject, or not at these sizes.
    """
    claim, model = scope.claim, scope.model
    if scope.is_map:
        return _map(scope, setting)
    evaluator = Evaluator(setting.dims, tensors(setting.values, list(setting.values)), _kernels(scope))
    if claim.kind == "def":
        definition = model.definition(claim.subject)
        shapes = tuple((name, shape_of(space, setting.dims)) for name, space in definition.arguments)
        return DefinitionSubject(definition.body, Layout(shapes), evaluator, exact(setting.time))
    fields = tuple(model.field(name) for name in claim.fields)
    return FieldSubject(fields, layout(model, scope.blocks, setting), evaluator, exact(setting.time))


def _kernels(scope: Scope) -> dict[str, ConvolutionSpace]:
    return {p.name: p.space for p in scope.parameters if isinstance(p.space, ConvolutionSpace)}


def _map(scope: Scope, setting: Setting) -> Subject:
    if not scope.is_planned:
        raise Undefined("a flow without a plan")
    still: dict[str, Tensor] = {}
    scheduled: dict[str, tuple[Schedule, tuple[Tensor, ...]]] = {}
    for parameter in scope.parameters:
        value = setting.values[parameter.name]
        if parameter.schedule is None:
            still[parameter.name] = tensor(value)
        else:
            scheduled[parameter.name] = (parameter.schedule, tuple(tensor(v) for v in value))
    evaluator = Evaluator(setting.dims, still, _kernels(scope))

    def runner(plan: Plan) -> Runner:
        return Runner(plan, setting.dims, still, scheduled, _kernels(scope))

    if scope.net is not None:
        return NetSubject(scope.model, scope.net, {plan.flow.name: runner(plan) for plan in scope.plans}, evaluator)
    running = runner(scope.plans[0])
    sees_time = running.is_timed or any(node.op == "time" for node in scope.nodes)
    return FlowSubject(running, layout(scope.model, scope.blocks, setting), evaluator, sees_time)
