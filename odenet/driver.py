"""The stages in order, for the command line and for `import odenet`."""
from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.abc import SourceLoader
from types import ModuleType
from typing import TYPE_CHECKING, Any

from odenet.diagnostics import Diagnostic, Label, Rejected
from odenet.files import read_bytes
from odenet.ir.model import Model
from odenet.plan.steps import Plan
from odenet.proof.finding import Finding
from odenet.proof.prove import DEFAULT_SECONDS, Watch, verify
from odenet.syntax import MAX_BYTES, decode, format_spec, parse
from odenet.syntax.tree import Spec
from odenet.text import Source, Span

if TYPE_CHECKING:
    from odenet.certificates import Certificates
    from odenet.proof.applicable import Notice


@dataclass(frozen=True)
class Report:
    """The findings on all claims of one spec. `tried`: those on claims that it does not make, of a survey; else None."""

    model: Model
    digest: str
    findings: tuple[Finding, ...]
    tried: tuple[Finding, ...] | None = None

    @property
    def is_proved(self) -> bool:
        return all(f.verdict == "proved" for f in self.findings)

    def count(self, verdict: str) -> int:
        return sum(f.verdict == verdict for f in self.findings)

    def as_json(self) -> dict[str, Any]:
        """The object that `odenet verify --format json` prints."""
        from odenet.proof.show import as_json

        claims = [as_json(f) for f in self.findings]
        if self.tried is not None:
            claims = [*({**c, "tried": False} for c in claims), *({**as_json(f), "line": None, "tried": True} for f in self.tried)]
        return {"spec": self.model.source.name, "model": self.model.name, "digest": self.digest, "claims": claims}

    def __str__(self) -> str:
        from odenet.proof.show import report_text, survey_text

        return report_text(self.model, self.findings) + ("\n" + survey_text(self.tried) if self.tried is not None else "")


class Loaded:
    """A spec that was read and checked. `verify()` proves its claims, `source()` and `module()` give its PyTorch module."""

    def __init__(self, source: Source) -> None:
        self.text = source
        self._reports: dict[float, Report] = {}  # by the budget of a claim
        self._has_members = False  # whether the sets of the parameters were looked at

    @cached_property
    def spec(self) -> Spec:
        return parse(self.text)

    @cached_property
    def model(self) -> Model:
        from odenet.ir import build

        return build(self.spec)

    @cached_property
    def plans(self) -> dict[str, Plan]:
        from odenet.plan import plan_flow

        return {flow.name: plan_flow(self.model, flow) for flow in self.model.flows}

    @property
    def digest(self) -> str:
        """SHA-256 of the spec's text."""
        return hashlib.sha256(self.text.text.encode("utf-8")).hexdigest()

    def check(self) -> Loaded:
        """Run all checks. Raises Rejected with every fault of the first stage that has any."""
        _ = self.plans  # each stage is computed once and kept
        if not self._has_members and any(bound.op != "number" for bound in self.model.bounds):
            from odenet.proof import sets  # decides inequalities, which other specs need not load

            sets.check(self.model)
        self._has_members = True
        return self

    def verify(self, seconds: float = DEFAULT_SECONDS, watch: Watch | None = None) -> Report:
        """The verdict on each claim. `seconds` is the budget of each claim; `watch` is told of each before it is looked at."""
        if seconds not in self._reports:
            self._reports[seconds] = Report(self.model, self.digest, verify(self.model, self.plans, seconds, watch))
        return self._reports[seconds]

    def survey(self, seconds: float | None = None, watch: Watch | None = None, notice: Notice | None = None) -> Report:
        """The report, with what else the model has: every property that could apply to any of its parts, tried.

        Args:
            seconds: the budget of each claim; None: the usual one for claims that are made, a shorter one for those that are tried.
            notice: is told which subject and property is next, how many are done, and how many there are.
        """
        from odenet.proof.applicable import TRIED_SECONDS, Survey

        report = self.verify(DEFAULT_SECONDS if seconds is None else seconds, watch)
        found = Survey(self.model, self.plans, TRIED_SECONDS if seconds is None else seconds).run(notice)
        return replace(report, tried=found)

    def certificates(self, report: Report | None = None) -> Certificates:
        """What backs the verdicts of a report, as data that `odenet recheck` judges without the prover."""
        from odenet.certificates import certificates

        found = self.report if report is None else report
        return certificates(self.model, found.findings, self.digest)

    @property
    def report(self) -> Report:
        return self.verify()

    def source(self, dims: Mapping[str, int] | None = None, /, *, allow_undecided: bool = False, seconds: float = DEFAULT_SECONDS,
               **more: int) -> str:
        """The text of the standalone PyTorch module, with other defaults for the given dims.

        Dims are given by name, `source(n=128)`, or as a mapping, `source({"n": 128})`, which takes a dim called `seconds` too.

        Raises:
            NotProved: a claim is refuted, or undecided and not allowed to be.
            Rejected: a dim is unknown or not a positive whole number (ODE601), or the module cannot be emitted.
        """
        from odenet.emit import emit

        chosen = self._checked({**(dims or {}), **more})
        report = self.verify(seconds)
        if any(f.verdict == "refuted" or (f.verdict == "undecided" and not allow_undecided) for f in report.findings):
            raise NotProved(report)
        return emit(self.model, self.plans, report.findings, digest=self.digest, version=version(), dims=chosen or None,
                    certificates=self.certificates(report).digest)

    def module(self, dims: Mapping[str, int] | None = None, /, *, allow_undecided: bool = False, seconds: float = DEFAULT_SECONDS,
               **more: int) -> type:
        """The class of the emitted module (this imports torch). The dims are those of `source`."""
        text = self.source(dims, allow_undecided=allow_undecided, seconds=seconds, **more)
        return getattr(_imported(text, self.model.name), self.model.name)  # type: ignore[no-any-return]

    def emitted(self, report: Report, like: str, certificates: str) -> str | None:
        """The module's text again, with the defaults that the dims have in the text `like`; None where none can be written.

        certificates: the digest of the proofs' certificates.
        """
        from odenet.emit import emit

        defaults = _defaults(like, self.model.name)
        dims = {d.name: defaults[d.name] for d in self.model.dims if d.is_free and d.name in defaults}
        try:
            return emit(self.model, self.plans, report.findings, digest=self.digest, version=version(), dims=dims or None,
                        certificates=certificates)
        except Rejected:
            return None

    def formatted(self) -> str:
        return format_spec(self.spec)

    def _checked(self, dims: dict[str, int]) -> dict[str, int]:
        free = {d.name: d for d in self.model.dims if d.is_free}
        for name, value in dims.items():
            if name in free and value >= 1:
                continue
            known = ", ".join(free) or "none"
            reason = f"`{name}` is not a free dim" if name not in free else f"`{name}` must be a positive whole number"
            derived = next((d for d in self.model.dims if d.name == name and not d.is_free), None)
            label = Label(derived.span, "derived from other dims") if derived else Label(Span(0, 0), "")
            raise Rejected(self.text, (Diagnostic("ODE601", f"cannot set {name} = {value}: {reason}", (label,),
                                                  f"the free dims are: {known}"),))
        if misfit := self.model.misfit(self.model.dim_values(dims)):
            given = ", ".join(f"{name} = {value}" for name, value in dims.items())
            raise Rejected(self.text, (Diagnostic("ODE601", f"cannot set {given}: {misfit}", (Label(Span(0, 0), ""),),
                                                  "choose sizes that fit each other"),))
        return dims


class NotProved(Exception):
    """A module was asked for although a claim is not proved; `report` holds the findings."""

    def __init__(self, report: Report) -> None:
        super().__init__(f"{len(report.findings) - report.count('proved')} claim(s) not proved")
        self.report = report


def load(path: str | os.PathLike[str]) -> Loaded:
    """Read and check a spec.

    Raises:
        OSError: the file cannot be read.
        Rejected: the spec has faults; the exception's text shows them.
    """
    return loads(read_bytes(path, MAX_BYTES), str(path))


def loads(data: bytes | str, name: str = "<text>") -> Loaded:
    """The same from text in memory."""
    raw = data.encode("utf-8") if isinstance(data, str) else data
    return Loaded(decode(name, raw)).check()


def version() -> str:
    from importlib.metadata import version as installed

    return installed("odenet-compiler")


def _defaults(text: str, name: str) -> dict[str, int]:
    """The whole numbers that the constructor of a class has for defaults, read and not run; none where it cannot be read."""
    import ast

    try:
        made = next(c for c in ast.parse(text).body if isinstance(c, ast.ClassDef) and c.name == name)
        start = next(f.args for f in made.body if isinstance(f, ast.FunctionDef) and f.name == "__init__")
    except (SyntaxError, ValueError, RecursionError, MemoryError, StopIteration):
        return {}
    named = zip(start.args[len(start.args) - len(start.defaults):], start.defaults, strict=True)
    return {a.arg: v.value for a, v in named if isinstance(v, ast.Constant) and type(v.value) is int and v.value > 0}


class _Emitted(SourceLoader):
    """Emitted text as a module that no file holds, so that neither a full disk nor a missing folder stands in its way."""

    def __init__(self, text: str, name: str) -> None:
        self._text, self._name = text, name

    def get_filename(self, fullname: str) -> str:
        return f"odenet-emitted-{self._name}.py"

    def get_data(self, path: str | bytes) -> bytes:
        return self._text.encode("utf-8")


def _imported(text: str, name: str) -> ModuleType:
    """Import emitted text as any module is imported."""
    from importlib.util import module_from_spec, spec_from_loader

    full = f"odenet_emitted_{name}"
    found = spec_from_loader(full, _Emitted(text, name))
    assert found is not None and found.loader is not None
    module = module_from_spec(found)
    sys.modules[module.__name__] = module
    found.loader.exec_module(module)
    return module
