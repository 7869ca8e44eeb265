"""`net` statements: stages whose sizes fit each other."""
# mypy: disable-error-code="func-returns-value"
# (a reporter returns None, and None is the value of what had a fault)
from __future__ import annotations

from fractions import Fraction

from odenet.ir.calls import Template
from odenet.ir.declarations import entry_of, not_constant
from odenet.ir.expressions import Reader
from odenet.ir.model import Flow, Net, NetStage
from odenet.ir.node import Node
from odenet.ir.scope import Scope
from odenet.ir.sizes import Size, Space, count
from odenet.ir.spaces import check_size, default_dims, is_whole, read_convolution_options, read_size, read_tensor_space
from odenet.ir.values import constant_value
from odenet.operators.functions import FUNCTIONS, public_names
from odenet.syntax import tree

_SIZED = {"embed": "embed(10)", "fold": "fold(3)", "take": "take(3)", "lift": "lift(32)", "maxpool": "maxpool(2)",
          "avgpool": "avgpool(2)"}
STAGES = ("linear", "conv", *_SIZED, "flatten")


def read_net(scope: Scope, statement: tree.NetStatement) -> Net | None:
    """Stages composed. Errors: ODE218 a stage that does not fit, ODE220 a malformed stage."""
    start = read_tensor_space(scope, statement.domain, "the domain of a net")
    end = read_tensor_space(scope, statement.codomain, "the codomain of a net")
    entry = entry_of(scope, statement.name)
    if start is None or end is None or entry is None:
        return None
    builder = _Stages(scope, statement, end)
    stages: list[NetStage] = []
    here = start
    for index in range(len(statement.stages)):
        stage = builder.read(index, here)
        if stage is None:
            return None
        stages.append(stage)
        here = stage.codomain
    if here != end:
        last = statement.stages[-1]
        scope.faults.report("ODE218", f"`{statement.name.text}` does not end where it says",
                            (last.span, f"ends in {here}"), (statement.codomain.span, f"{end} is said here"))
        return None
    net = Net(statement.name.text, start, end, tuple(stages), statement.span)
    entry.value = net
    return net


class _Stages:
    """Reads the stages of one net in order."""

    def __init__(self, scope: Scope, statement: tree.NetStatement, end: Space) -> None:
        self.scope, self.statement, self.end = scope, statement, end

    def read(self, index: int, here: Space) -> NetStage | None:
        stage = self.statement.stages[index]
        name = stage.name.text
        entry = self.scope.entries.get(name)
        if entry is not None:
            return self._declared(stage, here)
        if stage.norm is not None and name not in ("linear", "conv"):
            return self._malformed(stage, "only `linear` and `conv` have a norm", f"write `{name}`")
        if name in ("linear", "conv"):
            return self._linear(index, stage, here)
        if name in _SIZED:
            return self._sized(stage, here)
        if name == "flatten":
            return self._make(stage, "flatten", (), here, Space((count(here),)), None) if self._plain(stage) else None
        if name in FUNCTIONS and FUNCTIONS[name].is_public:
            return self._function(stage, here)
        known = ("flow", "def", "net")
        self.scope.report_unknown(stage.name, known, "stage", (*STAGES, *public_names()))
        return None

    def _make(self, stage: tree.Stage, kind: str, data: tuple[object, ...], here: Space, there: Space,
              norm: Node | None) -> NetStage:
        return NetStage(kind, data, norm, here, there, stage.span, stage.norm.span if stage.norm is not None else None)

    # --- declared stages ----------------------------------------------------------------------------------------

    def _declared(self, stage: tree.Stage, here: Space) -> NetStage | None:
        entry = self.scope.find(stage.name, ("flow", "def", "net"), "stage")
        if entry is None or not self._plain(stage):
            return None
        if entry.kind == "def":
            return self._def(stage, entry.value, here)
        if entry.kind == "net":
            return self._malformed(stage, "a net is no stage of another net", "name its stages")
        flow: Flow = entry.value
        space = self._flow_space(stage, flow)
        if space is None or space != here:
            return None if space is None else self._misfit(stage, here, f"`{flow.name}` moves states in {space}")
        return self._make(stage, "flow", (flow.name,), here, here, None)

    def _flow_space(self, stage: tree.Stage, flow: Flow) -> Space | None:
        if len(flow.blocks) != 1:
            names = ", ".join(f"`{b}`" for b in flow.blocks)
            self.scope.faults.report("ODE218", f"`{flow.name}` has {len(flow.blocks)} blocks, and a net carries one",
                                     (stage.span, f"moves {names}"), (self.scope.entries[flow.name].span, "declared here"),
                                     help="write the state as one block, say `state x : R[2*n]`")
            return None
        return self.scope.entries[flow.blocks[0]].value  # type: ignore[no-any-return]

    def _def(self, stage: tree.Stage, template: Template, here: Space) -> NetStage | None:
        if len(template.arguments) != 1:
            return self._malformed(stage, "a stage has one argument", "a `def` of one argument is a stage")
        (_, space), is_open, body = template.arguments[0], template.is_open[0], template.body
        if any(n.op == "state" for n in body.walk()):
            return self._malformed(stage, "it uses a block of the state", "a stage sees only its own input")
        if any(n.op == "time" or (n.op == "param" and self._is_timed(n)) for n in body.walk()):
            return self._malformed(stage, "it depends on t", "only flows have a clock")
        if is_open:
            return self._make(stage, "def", (stage.name.text,), here, here, None)
        if space != here:
            return self._misfit(stage, here, f"`{stage.name.text}` starts at {space}")
        if not isinstance(body.space, Space):
            return self._malformed(stage, "its value is a linear map", "a stage has a tensor as its value")
        return self._make(stage, "def", (stage.name.text,), here, body.space, None)

    def _is_timed(self, node: Node) -> bool:
        return self.scope.entries[node.data[0]].value.schedule is not None

    # --- built-in stages ----------------------------------------------------------------------------------------

    def _function(self, stage: tree.Stage, here: Space) -> NetStage | None:
        row = FUNCTIONS[stage.name.text]
        values = [Reader(self.scope).read(a) for a in (*stage.arguments, *(k.value for k in stage.keywords))]
        known = [v.data[0] for v in values if v is not None and v.op == "number"]
        if len(known) < len(values) or any(k.name.text != "a" for k in stage.keywords):
            return self._malformed(stage, "its parameters are exact numbers", f"write `{row.name}`")
        least = sum(d is None for d in row.defaults)
        if not least <= len(known) <= len(row.defaults):
            form = f"{row.name}({', '.join('1/2' for _ in row.defaults)})" if row.defaults else row.name
            return self._malformed(stage, f"{len(known)} parameters given", f"write `{form}`")
        known += [d for d in row.defaults[len(known):] if d is not None]
        if row.admits is not None and not row.admits[0](*known):
            return self._malformed(stage, f"its parameter must be {row.admits[1]}", "")
        return self._make(stage, "function", (row.name, *known), here, here, None)

    def _sized(self, stage: tree.Stage, here: Space) -> NetStage | None:
        """`embed`, `fold`, `take` of vectors; `lift`, `maxpool`, `avgpool` of images."""
        kind = stage.name.text
        if len(stage.arguments) != 1 or stage.keywords:
            return self._malformed(stage, "one size is needed", f"write `{_SIZED[kind]}`")
        size = self._size(stage.arguments[0])
        if size is None:
            return None
        if here.rank != (1 if kind in ("embed", "fold", "take") else 3):
            asked = "vectors R[n]" if kind in ("embed", "fold", "take") else "images R[c, h, w]"
            return self._misfit(stage, here, f"`{kind}` takes {asked}")
        there = self._resized(kind, here, size)
        if there is None:
            return self._misfit(stage, here, f"`{scope_text(self.scope, stage)}` does not fit {here}")
        return self._make(stage, kind, (size,), here, there, None)

    def _resized(self, kind: str, here: Space, size: Size) -> Space | None:
        """The space after the stage, or None where the sizes cannot be (at the given dims)."""
        dims = default_dims(self.scope)
        before, after = here.sizes[0].evaluate(dims), size.evaluate(dims)
        if kind in ("maxpool", "avgpool"):
            factor = size.constant()
            halved = [s.scaled(1 / factor) for s in here.sizes[1:]] if factor else []
            return Space((here.sizes[0], *halved)) if halved and all(is_whole(s) for s in halved) else None
        if (kind in ("embed", "lift") and after < before) or (kind in ("fold", "take") and after > before):
            return None
        return Space((size, *here.sizes[1:]))

    def _linear(self, index: int, stage: tree.Stage, here: Space) -> NetStage | None:
        kind = stage.name.text
        if here.rank != (1 if kind == "linear" else 3):
            asked = "a vector; put `flatten` before it" if kind == "linear" else "an image R[c, h, w]"
            return self._misfit(stage, here, f"`{kind}` takes {asked}")
        norm = self._norm(stage)
        if stage.norm is not None and norm is None:
            return None
        if len(stage.arguments) > 1:
            return self._malformed(stage, "more than one size", f"write `{kind}(10)`")
        size = self._size(stage.arguments[0]) if stage.arguments else self._needed(index, stage)
        if size is None:
            return None
        if kind == "linear":
            if stage.keywords:
                return self._malformed(stage, f"`linear` has no `{stage.keywords[0].name.text}`", "write `linear(10)`")
            return self._make(stage, "linear", (), here, Space((size,)), norm)
        return self._convolution(stage, here, size, norm)

    def _convolution(self, stage: tree.Stage, here: Space, size: Size, norm: Node | None) -> NetStage | None:
        before = len(self.scope.faults.found)
        options = read_convolution_options(self.scope, stage.keywords)
        if len(self.scope.faults.found) > before:
            return None
        spatial = tuple(s.scaled(Fraction(1, options.stride)) for s in here.sizes[1:])
        if not all(is_whole(s) for s in spatial):
            return self._misfit(stage, here, f"height and width are not multiples of the stride {options.stride}")
        data = (options.size, options.padding, options.stride)
        return self._make(stage, "conv", data, here, Space((size, *spatial)), norm)

    def _needed(self, index: int, stage: tree.Stage) -> Size | None:
        """The size that the stages behind ask for: the state of the next flow, or the codomain."""
        for later in self.statement.stages[index + 1:]:
            name = later.name.text
            entry = self.scope.entries.get(name)
            if entry is not None and entry.kind == "flow" and isinstance(entry.value, Flow):
                space = self._flow_space(later, entry.value)
                return None if space is None else space.sizes[0]
            if entry is not None or not (name in FUNCTIONS and FUNCTIONS[name].is_public):
                break
        else:
            return self.end.sizes[0] if self.end.sizes else Size.number(1)
        self._malformed(stage, "its size does not follow from its neighbours", f"write `{stage.name.text}(10)`")
        return None

    def _norm(self, stage: tree.Stage) -> Node | None:
        if stage.norm is None:
            return None
        value = Reader(self.scope).scalar(stage.norm, "a norm")
        if value is None:
            return None
        bound = constant_value(value, {})  # one that holds a dim is looked at for all sizes, when the model is whole
        if not_constant(value) or (bound is not None and bound < 0):
            self._malformed(stage, "a norm is a constant from 0", "write `norm <= 1`")
            return None
        return value

    def _size(self, expression: tree.Expression) -> Size | None:
        size = read_size(self.scope, expression)
        if size is None or not check_size(self.scope, size, expression.span, default_dims(self.scope)):
            return None
        return size

    # --- reporting ----------------------------------------------------------------------------------------------

    def _plain(self, stage: tree.Stage) -> bool:
        if stage.arguments or stage.keywords or stage.norm is not None:
            self._malformed(stage, "takes no argument", f"write `{stage.name.text}`")
            return False
        return True

    def _malformed(self, stage: tree.Stage, why: str, help: str) -> None:
        self.scope.faults.report("ODE220", f"the stage `{stage.name.text}` is not written like this", (stage.span, why),
                                 help=help)

    def _misfit(self, stage: tree.Stage, here: Space, why: str) -> None:
        index = self.statement.stages.index(stage)
        before = self.statement.stages[index - 1].span if index else self.statement.domain.span
        self.scope.faults.report("ODE218", f"`{stage.name.text}` does not fit what comes before it", (stage.span, why),
                                 (before, f"{'ends' if index else 'starts'} in {here}"))


def scope_text(scope: Scope, stage: tree.Stage) -> str:
    return scope.faults.text(stage.span)
