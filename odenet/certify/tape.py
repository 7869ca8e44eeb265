"""What a module does to its input: the list of operations of torch that run, with the numbers they use.

The tape is recorded from the module itself, in its own precision, not derived from the spec: so what is bounded is what runs,
with the weights after their charts, merged steps and changes of frame. Anything that the list of `operations` does not know,
and any decision that depends on the input, is `Unbounded` with a reason, and no bound passes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Unbounded(Exception):
    """Something for which no bound is known; the text says what and why."""


@dataclass(frozen=True)
class Use:
    """A state-dependent tensor among the arguments of an operation: the value of node `index`, seen in its own shape."""

    index: int


@dataclass
class Node:
    """One operation, or one input block (`name` "input").

    function, args, kwargs: the call; state-dependent tensors in it are `Use`s, other tensors are the numbers that ran.
    inputs: the nodes it uses. shape: of its value, with the batch axis of one. value: what came out at the centre.
    """

    name: str
    function: Callable[..., Any] | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    value: Tensor = field(repr=False)

    @property
    def count(self) -> int:
        return self.value.numel()


@dataclass
class Tape:
    """The nodes in the order in which they ran; `inputs` and `outputs` are indices of nodes."""

    nodes: list[Node]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    dtype: torch.dtype

    def run(self, blocks: Sequence[Tensor]) -> Tensor:
        """All outputs in one row, for one input [1, ...], in the precision of the blocks and with gradients."""
        dtype = blocks[0].dtype
        values: list[Any] = list(blocks)
        for node in self.nodes[len(values) :]:
            assert node.function is not None
            args = _with(node.args, lambda use: values[use.index], dtype)
            kwargs = {k: _with(v, lambda use: values[use.index], dtype) for k, v in node.kwargs.items()}
            values.append(node.function(*args, **kwargs))
        return torch.cat([values[k].flatten() for k in self.outputs])

    def replay(self, blocks: Sequence[Tensor], dtype: torch.dtype) -> tuple[Tensor, ...]:
        """The outputs [batch, ...] for inputs [batch, ...], with the recorded numbers and all arithmetic in `dtype`."""

        def one(*samples: Tensor) -> tuple[Tensor, ...]:
            return tuple(torch.split(self.run(samples), [self.nodes[k].count for k in self.outputs]))

        samples = [b.to(dtype).reshape(len(b), *self.nodes[k].shape) for b, k in zip(blocks, self.inputs, strict=True)]
        with torch.no_grad():
            found = torch.func.vmap(one)(*samples)
        return tuple(y.flatten(1) for y in found)


_ASKS = {  # answers about a tensor that do not depend on its numbers
    "torch.Tensor.dim",
    "torch.Tensor.shape.__get__",
    "torch.Tensor.device.__get__",
    "torch.Tensor.dtype.__get__",
    "torch.Tensor.size",
    "torch.Tensor.numel",
    "torch.Tensor.ndim.__get__",
    "torch.Tensor.is_cuda.__get__",
    "torch.Tensor.is_meta.__get__",
    "torch.Tensor.requires_grad.__get__",
    "torch.Tensor.is_floating_point",
    "torch.Tensor.layout.__get__",
    "torch.Tensor.new_zeros",
    "torch.zeros_like",
    "torch.ones_like",
    "torch.empty_like",
    "torch.Tensor.new_ones",
    "torch.Tensor.new_empty",
    "torch.is_floating_point",
    "torch.Tensor.is_complex",
    "torch.Tensor.names.__get__",
    "torch.Tensor.data_ptr",
    "torch.Tensor.stride",
}


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follows the input beneath the calls that the recorder sees: through scripts, vmap, aliases and whatever else torch runs.

    A storage that an operation filled from numbers of the input is `tainted`. `read` collects the tainted ones that a call
    reads, without those that it filled itself.
    """

    def __init__(self, blocks: Sequence[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.taped = {_storage(b) for b in blocks}  # storages of values on the tape: nothing may write there
        self.tainted = set(self.taped)
        self.read: set[int] = set()
        self.fresh: set[int] = set()
        self.kept: list[Tensor] = []  # alive, so that no other storage takes over an address

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # or torch's compiler is imported, which takes longer than all else

    def begin(self) -> None:
        """A call begins."""
        self.read, self.fresh = set(), set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        for place, argument in enumerate(func._schema.arguments):
            if argument.alias_info is not None and argument.alias_info.is_write:
                value = args[place] if place < len(args) else kwargs.get(argument.name)
                if any(_storage(t) in self.taped for t in _tensors(value)):
                    raise Unbounded(f"{func.overloadpacket} changes a tensor in place")
        read = {_storage(t) for t in _tensors((args, kwargs))} & self.tainted
        result = func(*args, **kwargs)
        if read:
            self.read |= read - self.fresh
            found = _tensors(result)
            if result is not None and not found:
                kind = type(result).__name__
                raise Unbounded(f"what runs depends on the input: {func.overloadpacket} turns a tensor into {kind}")
            written = [t for t in _tensors((args, kwargs)) if func._schema.is_mutable]
            filled = {_storage(t) for t in (*found, *written)}
            self.fresh |= filled - self.tainted
            self.tainted |= filled
            self.kept += [*found, *written]
        return result


def _tensors(value: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]


def _storage(value: Tensor) -> int:
    try:
        return int(value.untyped_storage()._cdata)
    except (RuntimeError, NotImplementedError):  # sparse tensors have none
        return id(value)


class _Recorder(TorchFunctionMode):
    """Writes each call that sees a tensor of the tape. Calls that only ask for shapes give constants."""

    def __init__(self, blocks: Sequence[Tensor], watch: _Watch) -> None:
        super().__init__()
        self.nodes = [Node("input", None, (), {}, (), tuple(b.shape), b) for b in blocks]
        self.kept: list[Any] = list(blocks)  # alive, so that no other tensor takes over an id
        self.index = {id(b): k for k, b in enumerate(blocks)}
        self.watch = watch

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = resolve_name(func) or str(func)
        used: list[int] = []
        written = _written(args, self.index, used), {k: _written(v, self.index, used) for k, v in kwargs.items()}
        if used and (kwargs.get("out") is not None or (name.endswith("_") and not name.endswith("__"))):
            raise Unbounded(f"{name} changes a tensor in place")
        self.watch.begin()
        result = func(*args, **kwargs)
        if name in _ASKS:
            self.watch.tainted -= {_storage(t) for t in _tensors(result)} - self.watch.taped
            return result
        if not self.watch.read <= {_storage(self.nodes[k].value) for k in used}:
            raise Unbounded(f"{name} uses the input by a way that is not recorded")
        if not used:
            return result
        if isinstance(result, Tensor):
            self._add(Node(name, func, written[0], written[1], tuple(dict.fromkeys(used)), tuple(result.shape), result), result)
        elif isinstance(result, tuple | list) and all(isinstance(part, Tensor) for part in result):
            for place, part in enumerate(result):
                self._add(
                    Node(name, _Part(func, place), written[0], written[1], tuple(dict.fromkeys(used)), tuple(part.shape), part),
                    part,
                )
        else:
            raise Unbounded(f"what runs depends on the input: {name} turns a tensor into {type(result).__name__}")
        return result

    def _add(self, node: Node, result: Tensor) -> None:
        if id(result) in self.index:  # the call gave back one of its arguments
            return
        self.index[id(result)] = len(self.nodes)
        self.nodes.append(node)
        self.kept.append(result)
        self.watch.taped.add(_storage(result))
        self.watch.tainted.add(_storage(result))


@dataclass(frozen=True)
class _Part:
    """One of several results of a function."""

    function: Callable[..., Any]
    place: int

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)[self.place]


def record(module: nn.Module, blocks: Sequence[Tensor]) -> Tape:
    """The tape of `module` at the point `blocks`, each [1, ...], in the precision of the blocks and without gradients.

    Raises:
        Unbounded: a decision depends on the input, a tensor is changed in place, or the input is used where it is not seen.
    """
    dtype = blocks[0].dtype
    with torch.no_grad():
        try:
            module(*blocks)  # charts are computed, and kept, outside the tape
        except RuntimeError as error:
            raise Unbounded(f"the module does not run: {str(error).splitlines()[0]}") from error
        copies = [b.clone() for b in blocks]
        watch = _Watch(copies)
        recorder = _Recorder(copies, watch)
        with recorder, watch:
            try:
                results = module(*recorder.kept[: len(blocks)])
            except RuntimeError as error:
                raise Unbounded("the module runs, but not while it is recorded: is there a script or a compiled part?") from error
    results = results if isinstance(results, tuple) else (results,)
    missing = [k for k, y in enumerate(results) if id(y) not in recorder.index]
    if missing:
        raise Unbounded(f"output {missing[0]} does not depend on the input")
    return Tape(recorder.nodes, tuple(range(len(blocks))), tuple(recorder.index[id(y)] for y in results), dtype)


def _written(value: Any, index: dict[int, int], used: list[int]) -> Any:
    """An argument with the tensors of the tape replaced by `Use`s; others are copied, since they might be changed later."""
    if isinstance(value, Tensor):
        if id(value) in index:
            used.append(index[id(value)])
            return Use(index[id(value)])
        return value.detach().clone()
    if isinstance(value, tuple | list):
        parts = [_written(v, index, used) for v in value]
        return parts if isinstance(value, list) else tuple(parts)
    return value


def _with(value: Any, look: Callable[[Use], Any], dtype: torch.dtype) -> Any:
    """An argument with `Use`s replaced by values, and floating-point tensors taken to `dtype`."""
    if isinstance(value, Use):
        return look(value)
    if isinstance(value, Tensor):
        return value.to(dtype) if value.is_floating_point() else value
    if isinstance(value, tuple | list):
        return type(value)(_with(v, look, dtype) for v in value)
    if isinstance(value, torch.dtype) and value.is_floating_point:
        return dtype
    return value
