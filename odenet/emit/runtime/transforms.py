"""A flow as a transform of `torch.distributions`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class FlowTransform(torch.distributions.Transform):
    """A flow as a bijection of vectors [..., d], its blocks one after the other.

    maps: the flow and its inverse; counted: the same with their log-determinants; shapes: of the blocks, without batch;
    options: keywords of `counted`. With cache_size 1 the last state, its image and its log-determinant are kept.
    """

    bijective = True
    domain = torch.distributions.constraints.real_vector
    codomain = domain

    def __init__(
        self,
        maps: tuple[Callable[..., Any], Callable[..., Any]],
        counted: tuple[Callable[..., Any], Callable[..., Any]],
        shapes: tuple[tuple[int, ...], ...],
        cache_size: int = 0,
        options: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(cache_size=cache_size)
        self.maps, self.counted, self.shapes, self.options = maps, counted, shapes, options or {}
        self.kept: tuple[Tensor, Tensor, Tensor] | None = None

    def with_cache(self, cache_size: int = 1) -> FlowTransform:
        """The same transform with another size of the cache, 0 or 1."""
        if cache_size == self._cache_size:
            return self
        return FlowTransform(self.maps, self.counted, self.shapes, cache_size, self.options)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """log |det| [...] of the Jacobian at x [..., d], where y is the image of x."""
        if self.kept is not None and x is self.kept[0] and y is self.kept[1]:
            return self.kept[2]
        log_det: Tensor = self.counted[0](*self._split(x), **self.options)[1]
        return log_det

    def _call(self, x: Tensor) -> Tensor:
        if self._cache_size == 0:
            return self._join(self.maps[0](*self._split(x)))
        blocks, log_det = self.counted[0](*self._split(x), **self.options)
        y = self._join(blocks)
        self.kept = (x, y, log_det)
        return y

    def _inverse(self, y: Tensor) -> Tensor:
        if self._cache_size == 0:
            return self._join(self.maps[1](*self._split(y)))
        blocks, log_det = self.counted[1](*self._split(y), **self.options)
        x = self._join(blocks)
        self.kept = (x, y, -log_det)
        return x

    def _split(self, z: Tensor) -> list[Tensor]:
        """The blocks of z [..., d]."""
        sizes = [math.prod(shape) for shape in self.shapes]
        if z.shape[-1:] != (sum(sizes),):
            raise ValueError(f"a state must have shape [..., {sum(sizes)}], got {list(z.shape)}")
        pieces = torch.split(z, sizes, -1)
        return [piece.reshape((*z.shape[:-1], *shape)) for piece, shape in zip(pieces, self.shapes, strict=True)]

    def _join(self, blocks: Tensor | tuple[Tensor, ...]) -> Tensor:
        """Blocks as one vector [..., d]."""
        given = blocks if isinstance(blocks, tuple) else (blocks,)
        batch = given[0].shape[: given[0].dim() - len(self.shapes[0])]
        pairs = zip(given, self.shapes, strict=True)
        return torch.cat([block.reshape(*batch, math.prod(shape)) for block, shape in pairs], -1)
