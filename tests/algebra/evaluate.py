"""Numbers for forms: each letter as a dense matrix, each atom as an array. Independent of the normal form."""
from __future__ import annotations

import numpy as np

from odenet.algebra.forms import Form
from odenet.algebra.scalars import Scalar
from odenet.ir.sizes import SCALAR
from odenet.operators.functions import FUNCTIONS


class Numbers:
    """`values` maps parameters and states to arrays, `dims` dims to ints."""

    def __init__(self, dims, values, time=0.3):
        self.dims, self.values, self.time = dims, values, time

    def size(self, space):
        return int(np.prod([int(s.evaluate(self.dims)) for s in space.sizes], dtype=int))

    def form(self, form: Form):
        """A dense matrix [end, start]."""
        total = np.zeros((self.size(form.end), self.size(form.start)))
        for word, scalar in form.terms:
            matrix = np.eye(self.size(form.end))
            for letter in word:
                matrix = matrix @ self.letter(letter)
            total = total + self.scalar(scalar) * matrix
        return total

    def scalar(self, scalar: Scalar):
        return sum(float(c) * np.prod([float(self.atom(a, SCALAR)) ** float(e) for a, e in m] or [1.0]) for m, c in scalar.terms)

    def letter(self, letter):
        matrix = self.plain(letter)
        return matrix.T if letter.is_transposed else matrix

    def plain(self, letter):
        start, end = (letter.end, letter.start) if letter.is_transposed else (letter.start, letter.end)
        kind = letter.kind
        if kind == "matrix":
            return self.values[letter.data[0]]
        if kind == "entrywise":
            if letter.data[0] == "mul":
                return self.form(letter.data[1]) * self.form(letter.data[2])
            name, parameters, inner = letter.data
            return FUNCTIONS[name].numpy(self.form(inner), *map(float, parameters))
        if kind == "diag":
            return np.diag(self.product(letter.data[0], end))
        if kind == "ones":
            return np.ones((self.size(end), 1))
        if kind == "unit":
            return np.eye(self.size(end))[:, [letter.data[0]]]
        if kind == "skew":
            return self.skew(self.form(letter.data[0])[:, 0], self.size(end))
        if kind == "skewact":
            y = self.form(letter.data[0])[:, 0]
            return np.stack([self.skew(e, self.size(end)) @ y for e in np.eye(self.size(start))], axis=1)
        if kind == "softmax slope":
            z = self.form(letter.data[0])[:, 0]
            s = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
            return np.diag(s) - np.outer(s, s)
        if kind == "cumsum":
            return np.tril(np.ones((self.size(end), self.size(end))))
        if kind == "embed":
            first, stop = (int(s.evaluate(self.dims)) for s in letter.data[:2])
            return np.eye(self.size(end))[:, first:stop]
        raise AssertionError(kind)

    def skew(self, vector, n):
        matrix = np.zeros((n, n))
        matrix[np.triu_indices(n, 1)] = vector
        return matrix - matrix.T

    def product(self, monomial, space):
        total = np.ones(self.size(space))
        for atom, exponent in monomial:
            total = total * self.atom(atom, space) ** float(exponent)
        return total

    def any(self, value):
        return self.scalar(value) if isinstance(value, Scalar) else self.form(value)[:, 0]

    def word(self, word):
        matrix = self.letter(word[0])
        for letter in word[1:]:
            matrix = matrix @ self.letter(letter)
        return matrix

    def atom(self, atom, space):
        kind, data = atom.kind, atom.data
        if kind == "dim":
            return self.dims[data[0]]
        if kind in ("param", "state", "variable"):
            value = np.asarray(self.values[data[0]])
            return np.diag(value) if value.ndim == 2 else value  # a diagonal matrix stands as its diagonal
        if kind == "time":
            return self.time
        if kind == "prime":
            return data[0]
        if kind == "function":
            return FUNCTIONS[data[0]].numpy(np.asarray(self.any(data[2])), *map(float, data[1]))
        if kind in ("sum", "vector sum"):
            return self.any(data[0])
        if kind == "vector":
            return self.word(data[0])[:, 0]
        if kind == "word":
            return self.word(data[0])[0, 0]
        if kind == "trace":
            return np.trace(self.word(data[0]))
        if kind == "softmax":
            z = self.form(data[0])[:, 0]
            return np.exp(z - z.max()) / np.exp(z - z.max()).sum()
        if kind in ("largest", "smallest"):
            return (np.maximum if kind == "largest" else np.minimum).reduce([self.any(x) for x in data])
        if kind in ("largest entry", "smallest entry"):
            return getattr(np, "max" if kind == "largest entry" else "min")(self.any(data[0]))
        if kind == "chosen":
            parent, index = data
            items = np.stack([np.asarray(self.any(x)) for x in parent.data])
            best = items.argmax(0) if parent.kind == "largest" else items.argmin(0)
            return (best == index).astype(float)
        raise AssertionError(kind)
