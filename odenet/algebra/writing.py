"""From forms back to nodes of the IR, so that what the algebra finds can be shown, differentiated and checked elsewhere."""
from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import odenet.ir.node as nodes
from odenet.algebra.forms import Form, reverse
from odenet.algebra.letters import Letter, Word, entries, is_ket
from odenet.algebra.scalars import Atom, Monomial, Scalar, Unsupported
from odenet.ir.model import ConvolutionSpace, Model
from odenet.ir.node import Node
from odenet.ir.sizes import SCALAR, MapSpace, Size, Space

HALF = Fraction(1, 2)


class Writer:
    """Writes the forms of one model as nodes. Raises Unsupported for what the IR has no node for."""

    def __init__(self, model: Model) -> None:
        self.model = model

    # --- scalars ------------------------------------------------------------------------------------------------

    def scalar(self, value: Scalar) -> Node:
        return nodes.add(*(self._monomial(m, c) for m, c in value.terms)) if value.terms else nodes.number(0)

    def _monomial(self, factors: Monomial, coefficient: Fraction) -> Node:
        pieces = [self._powered(atom, e) for atom, e in sorted(factors, key=lambda f: f[0].kind not in ("dim", "param"))]
        if not pieces:
            return nodes.number(coefficient)
        total = pieces[0]
        for piece in pieces[1:]:
            total = nodes.mul(total, piece)
        return nodes.mul(nodes.number(coefficient), total)

    def _powered(self, atom: Atom, exponent: Fraction) -> Node:
        if atom.kind == "function" and atom.data[0] == "exp" and exponent != 1:
            return nodes.function("exp", self.scalar(atom.data[2].times(exponent)))
        root = _squared(atom)
        if root is not None and exponent.denominator == 2:
            norm = nodes.scalar("norm", self._entries(root, atom.data[0][1].end))
            return nodes.power(norm, 2 * exponent)
        return nodes.power(self.atom(atom, SCALAR), exponent)

    def atom(self, atom: Atom, space: Space) -> Node:
        """One scalar or vector atom."""
        if atom.kind in ("state", "variable", "param"):
            return self._leaf(atom, space)
        if atom.kind == "dim":
            return nodes.dim(atom.data[0])
        if atom.kind == "time":
            return nodes.time()
        if atom.kind == "prime":
            return nodes.number(atom.data[0])
        if atom.kind == "function":
            name, parameters, argument = atom.data
            return nodes.function(name, self._any(argument), *parameters)
        if atom.kind in ("sum", "vector sum"):
            return self._any(atom.data[0])
        if atom.kind == "vector":
            return self._acted(atom.data[0])
        if atom.kind == "word":
            return self.closed(atom.data[0])
        if atom.kind == "softmax":
            return nodes.same("softmax", self.vector(atom.data[0]))
        if atom.kind in ("largest", "smallest"):
            return nodes.same(atom.kind, *map(self._any, atom.data))
        if atom.kind in ("largest entry", "smallest entry"):
            return nodes.scalar(atom.kind.split()[0], self.vector(atom.data[0]))
        raise Unsupported(f"a {atom.kind}")

    def _leaf(self, atom: Atom, space: Space) -> Node:
        if atom.kind != "param":
            return Node(atom.kind, (), (atom.data[0],), space)
        parameter = self.model.parameter(atom.data[0])
        if isinstance(parameter.space, Space) and parameter.space.rank == 2:  # a diagonal matrix, known by its diagonal
            return nodes.apply(nodes.param(parameter.name, Space((*space.sizes, *space.sizes))), nodes.ones(space))
        return nodes.param(parameter.name, space)

    def _any(self, value: Scalar | Form) -> Node:
        return self.scalar(value) if isinstance(value, Scalar) else self.vector(value)

    # --- vectors ------------------------------------------------------------------------------------------------

    def vector(self, form: Form) -> Node:
        """A vector form (or a scalar one)."""
        if form.end == SCALAR:
            return self.scalar(form.scalar())
        units = [(word[0].data[0], c) for word, c in form.terms if len(word) == 1 and word[0].kind == "unit"]
        rest = [nodes.scale(self.scalar(c), self._acted(word)) for word, c in form.terms
                if not (len(word) == 1 and word[0].kind in ("unit", "ones"))]
        flat = [nodes.spread(self.scalar(c), form.end) if c.value() != 1 else nodes.ones(form.end) for word, c in form.terms
                if len(word) == 1 and word[0].kind == "ones"]
        return nodes.add(*rest, *self._stacked(units, form.end), *flat, nodes.zeros(form.end))

    def _stacked(self, units: Iterable[tuple[int, Scalar]], space: Space) -> list[Node]:
        known = dict(units)
        if not known:
            return []
        size = space.sizes[0].constant()
        if size is None:
            raise Unsupported("one entry of a vector of symbolic size")
        rows = tuple(self.scalar(known[i]) if i in known else nodes.number(0) for i in range(int(size)))
        return [Node("stack", rows, (), space)]

    def _acted(self, word: Word) -> Node:
        """A word that ends in a ket, as a vector."""
        if word[-1].kind == "unit":
            vector = self._stacked([(word[-1].data[0], Scalar((((), Fraction(1)),)))], word[-1].end)[0]
        else:
            vector = nodes.ones(word[-1].end)
        for letter in reversed(word[:-1]):
            vector = self._act(letter, vector)
        return vector

    def _act(self, letter: Letter, vector: Node) -> Node:
        if letter.kind == "diag":
            factors = self._entries(entries(letter), letter.end)
            return factors if vector.op == "ones" else nodes.mul(factors, vector)
        if letter.kind == "cumsum":
            return _cumulated(letter, vector)
        if letter.kind == "embed":
            start, stop, total = letter.data
            return _cut(vector, start, stop) if letter.is_transposed else _placed(vector, start, total)
        if letter.kind == "channels":
            return Node("unchannels" if letter.is_transposed else "channels", (vector,), (), letter.end)
        if letter.kind == "softmax slope":
            weights = nodes.same("softmax", self.vector(letter.data[0]))
            return nodes.add(nodes.mul(weights, vector), nodes.scale(nodes.negate(nodes.scalar("dot", weights, vector)), weights))
        if letter.kind == "skewact" and not letter.is_transposed:
            return nodes.apply(Node("skew", (vector,), (), Space(letter.end.sizes * 2)), self.vector(letter.data[0]))
        return nodes.apply(self.map((letter,)), vector)

    def _entries(self, factors: Monomial, space: Space) -> Node:
        """A product of vector atoms, entry by entry."""
        pieces = [nodes.power(self.atom(atom, space), e) for atom, e in factors]
        total = pieces[0] if pieces else nodes.ones(space)
        for piece in pieces[1:]:
            total = nodes.mul(total, piece)
        return total

    # --- maps and closed words ------------------------------------------------------------------------------------

    def map(self, word: Word) -> Node:
        """A word as a linear map."""
        total: Node | None = None
        for letter in word:
            piece = self._letter(letter)
            total = piece if total is None else nodes.compose(total, piece)
        if total is None:
            raise Unsupported("an identity")
        return total

    def _letter(self, letter: Letter) -> Node:
        space = Space((*letter.end.sizes, *letter.start.sizes))
        if letter.is_transposed:
            sign, plain = reverse((letter,))
            return nodes.transpose(self._letter(plain[0])) if sign > 0 else nodes.negate(nodes.transpose(self._letter(plain[0])))
        if letter.kind == "matrix":
            is_convolution = isinstance(self.model.parameter(letter.data[0]).space, ConvolutionSpace)
            return nodes.param(letter.data[0], MapSpace(letter.start, letter.end) if is_convolution else space)
        if letter.kind == "diag":
            return Node("diag", (self._entries(entries(letter), letter.end),), (), space)
        if letter.kind == "skew":
            form: Form = letter.data[0]
            return Node("skew", (self.vector(form),), (), space)
        raise Unsupported(f"a matrix of the kind {letter.kind}")

    def closed(self, word: Word) -> Node:
        """A word from a bra to a ket, as a scalar."""
        if word[0].kind == "ones" and word[-1].kind == "unit":
            sign, flipped = reverse(word)
            return nodes.mul(nodes.number(sign), self.closed(flipped))
        left, inner = word[0], word[1:]
        if left.kind == "unit":
            return Node("index", (self._acted(inner),), (left.data[0],), SCALAR)
        if len(inner) == 2 and inner[0].kind == "diag":
            return self._entry_sum(entries(inner[0]), left.data[0])
        cuts = [2 if inner[0].kind == "diag" else 1, *range(1, len(word))]
        cut = next((k for k in cuts if not _is_awkward(word[k:]) and not _is_awkward(reverse(word[:k])[1])), cuts[0])
        if cut == 1:
            return nodes.scalar("sum", self._acted(inner))
        sign, flipped = reverse(word[:cut])
        first, second = self._acted(flipped), self._acted(word[cut:])
        return nodes.mul(nodes.number(sign), nodes.scalar("dot", first, second))

    def _entry_sum(self, factors: Monomial, space: Space) -> Node:
        """The sum of the entries of a product: a dot product where it is one."""
        if len(factors) == 1 and factors[0][1] == 2:
            root = self._entries(((factors[0][0], Fraction(1)),), space)
            return nodes.scalar("dot", root, root)
        if len(factors) == 2 and all(e == 1 for _, e in factors):
            first, second = sorted(factors, key=lambda f: f[0].kind != "param")
            return nodes.scalar("dot", self.atom(first[0], space), self.atom(second[0], space))
        return nodes.scalar("sum", self._entries(factors, space))


def _squared(atom: Atom) -> Monomial | None:
    """v where the atom is dot(v, v), else None."""
    if atom.kind != "word" or len(atom.data[0]) != 3 or atom.data[0][1].kind != "diag" or not is_ket(atom.data[0][2]):
        return None
    factors = entries(atom.data[0][1])
    is_square = atom.data[0][2].kind == "ones" and all(e.denominator == 1 and e % 2 == 0 for _, e in factors)
    return tuple((a, e * HALF) for a, e in factors) if is_square else None


def _is_awkward(word: Word) -> bool:
    """Whether it cuts a piece out of a vector, sums over channels or undoes `skew`: users have no words for these."""
    return any(letter.is_transposed and letter.kind in ("embed", "channels", "skewact") for letter in word)


def _cumulated(letter: Letter, vector: Node) -> Node:
    sums = nodes.same("cumsum", vector)
    if not letter.is_transposed:
        return sums
    assert isinstance(vector.space, Space)
    return nodes.add(nodes.spread(nodes.scalar("sum", vector), vector.space), nodes.negate(sums), vector)


def _cut(vector: Node, start: Size, stop: Size) -> Node:
    return Node("slice", (vector,), (start, stop), Space((stop - start,)))


def _placed(vector: Node, start: Size, total: Size) -> Node:
    assert isinstance(vector.space, Space)
    after = total - start - vector.space.sizes[0]
    before = [nodes.zeros(Space((start,)))] if start.terms else []
    tail = [nodes.zeros(Space((after,)))] if after.terms else []
    return Node("concat", (*before, vector, *tail), (), Space((total,)))
