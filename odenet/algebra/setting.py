"""What is known of the quantities in a claim: the sets of its parameters, the region it speaks of."""
from __future__ import annotations

from fractions import Fraction

from odenet.algebra.evidence import Evidence
from odenet.algebra.forms import reverse
from odenet.algebra.intervals import REAL, Interval, point
from odenet.algebra.letters import Letter, Word, entries
from odenet.algebra.scalars import Atom, Monomial, Scalar, of_atom, ratio, rational
from odenet.algebra.translate import Translator
from odenet.algebra.vectors import entry
from odenet.ir.model import Comparison, Model
from odenet.ir.sizes import Space
from odenet.operators.between import power_of, values_between
from odenet.operators.functions import FUNCTIONS

Question = tuple[str, int]  # the key of a scalar, the depth of the search
MOST_WORK = 24_000  # terms looked at by inequality rules for one claim; counted, so that verdicts do not hang on the clock


class Setting:
    """Intervals of atoms and assumptions `g >= 0`, from the sets of parameters and from a region.

    All that it says holds for every parameter value in its set, every size, time and every state of the region.
    """

    def __init__(self, translator: Translator, region: tuple[Comparison, ...] = (), assumptions: tuple[Scalar, ...] = ()) -> None:
        self.translator = translator
        self.model: Model = translator.model
        self.is_everywhere = not region  # what is shown speaks of all states
        # a comparison of vectors holds entry by entry: of one index, whichever
        given = tuple(entry(translator.form(c.right) - translator.form(c.left)) for c in region)
        self.assumptions: tuple[Scalar, ...] = given + assumptions
        self._intervals: dict[str, Interval] = {}
        self._enclosed: dict[str, Interval] = {}  # intervals of atoms, as far as asked for
        self.strict: tuple[Scalar, ...] = tuple(g for g, c in zip(given, region, strict=True) if c.is_strict)
        self.work = [MOST_WORK]  # shared with all settings made from this one: what is left for inequalities
        self.slopes: dict[tuple[str, str], Scalar] = {}  # derivatives of scalars by atoms, shared likewise
        self._orthant: frozenset[str] = frozenset()
        self._loose: frozenset[str] = frozenset()  # atoms that move on lines of their own: what ties others to them is not known
        self._forget()
        for assumption in self.assumptions * 2:  # once more: a bound of one atom may bound another
            self._learn(assumption)

    def _forget(self) -> None:
        """No inequality has been asked for."""
        self.asked: dict[Question, Evidence | None] = {}  # every question and its answer, so that answers never change
        self.strict_asked: dict[Question, Evidence | None] = {}
        self.lemmas: dict[Question, tuple[Scalar, Evidence]] = {}  # what was asked for and shown: `scalar >= 0`
        self.strict_lemmas: dict[Question, tuple[Scalar, Evidence]] = {}  # `scalar > 0`
        self.orthant: Setting | None = None  # the setting for states with all entries >= 0, once asked for

    def assuming(self, *more: Scalar) -> Setting:
        """The same with further assumptions `g >= 0`. What is shown there does not count here."""
        child = Setting.__new__(Setting)
        child.translator, child.model, child._orthant = self.translator, self.model, self._orthant
        child.is_everywhere = self.is_everywhere
        child.strict, child._loose = self.strict, self._loose
        child._forget()
        child.assumptions = self.assumptions + more
        child._intervals, child._enclosed = dict(self._intervals), {}
        child.work, child.slopes = self.work, self.slopes
        for assumption in more:
            child._learn(assumption)
        return child

    def in_orthant(self) -> Setting:
        """The same for states, and arguments of `def`s, with all entries >= 0."""
        if self.orthant is None:
            self.orthant = self.assuming()
            self.orthant._orthant = frozenset(f"state {b.name}" for b in self.model.blocks) | frozenset(
                f"variable {name}" for d in self.model.definitions for name, _ in d.arguments)
            self.orthant._enclosed = {}
        return self.orthant

    def without(self, atom: Atom) -> Setting:
        """All that is assumed of other atoms, and the interval of this one: holds on whole lines along which it moves."""
        child = self.assuming()
        child.assumptions = tuple(g for g in self.assumptions if atom.key not in g.key)
        child.strict = tuple(g for g in self.strict if atom.key not in g.key)
        child._intervals = {key: ends for key, ends in self._intervals.items() if key == atom.key or atom.key not in key}
        child._loose = self._loose | {atom.key}
        return child

    def _learn(self, assumption: Scalar) -> None:
        """Bounds of single atoms: in a z + rest >= 0 the atom z is bounded by the end of the rest; likewise z^2 and |z|."""
        for factors, c in assumption.terms:
            if len(factors) != 1:
                continue
            (atom, exponent), = factors
            top = self.enclosure(Scalar(tuple(t for t in assumption.terms if t[0] != factors))).high
            if top is None:
                continue
            inner = _inside_bars(atom) if exponent == 1 else None
            if exponent == 1:
                self._bound(atom, Interval(-top / c, None) if c > 0 else Interval(None, -top / c))
            if c < 0 and (inner is not None or exponent == 2):
                end = -top / c if inner is not None else power_of(max(-top / c, Fraction(0)), Fraction(1, 2))[1]
                self._bound(inner or atom, Interval(-end, end))

    def _bound(self, atom: Atom, found: Interval) -> None:
        self._intervals[atom.key] = self._intervals.get(atom.key, REAL).meet(found)
        self._enclosed.clear()

    def interval(self, atom: Atom) -> Interval:
        """An enclosure of all values of an atom (of all entries, for a vector atom)."""
        found = self._enclosed.get(atom.key)
        if found is None:
            found = self._enclosed[atom.key] = self._own(atom).meet(self._intervals.get(atom.key, REAL))
        return found

    def _own(self, atom: Atom) -> Interval:
        if atom.kind == "dim":
            return Interval(Fraction(1), None)
        if atom.kind == "prime":
            return Interval(Fraction(1), Fraction(atom.data[0]))
        if atom.kind in ("state", "variable"):
            return Interval(Fraction(0), None) if atom.key in self._orthant else REAL
        if atom.kind == "param":
            return self._of_parameter(atom.data[0])
        if atom.kind == "function":
            return self._of_function(atom)
        if atom.kind in ("sum", "vector sum"):
            return self._of_sum(atom.data[0] if atom.kind == "sum" else entry(atom.data[0]))
        if atom.kind in ("word", "vector"):
            return self._of_word(atom.data[0]) if atom.kind == "word" else self._of_image(atom.data[0])
        if atom.kind in ("softmax", "chosen"):
            return Interval(Fraction(0), Fraction(1))
        if atom.kind == "secant":
            from odenet.algebra.secants import slopes

            return slopes(self.translator, atom.data[0], atom.data[1], self.enclosure)
        if atom.kind in ("largest", "smallest") and isinstance(atom.data[0], Scalar):
            return self._of_extreme(atom)
        return REAL

    def _of_parameter(self, name: str) -> Interval:
        found = REAL
        for item in self.model.parameter(name).sets:
            if item.name in ("positive", "nonnegative", "psd"):
                found = found.meet(Interval(Fraction(0), None))
            elif item.name == "interval":
                ends = [self.enclosure(self.translator.scalar(node)) for node in item.arguments]
                found = found.meet(Interval(ends[0].low, ends[1].high))
            elif item.name == "binary":
                found = found.meet(Interval(Fraction(-1), Fraction(1)))
        return found

    def _of_function(self, atom: Atom) -> Interval:
        name, parameters, argument = atom.data
        inside = self.enclosure(argument if isinstance(argument, Scalar) else entry(argument))
        return Interval(*values_between(name, parameters, inside.low, inside.high))

    def _of_sum(self, base: Scalar) -> Interval:
        """Its enclosure, and the sign that an assumption g >= 0 gives to its multiples."""
        found = self.enclosure(base)
        for g in self.assumptions:
            share = ratio(base, g)
            if share:
                found = found.meet(Interval(Fraction(0), None) if share > 0 else Interval(None, Fraction(0)))
        return found

    def _of_word(self, word: Word) -> Interval:
        if self.is_square(word):
            return Interval(Fraction(0), None)
        is_sum = [letter.kind for letter in word] == ["ones", "diag", "ones"]
        return Interval(None, Fraction(0)) if is_sum and self.entries_interval(entries(word[1])).is_nonpositive() else REAL

    def _of_image(self, word: Word) -> Interval:
        """The entries of L…|1>: >= 0 where those of all letters are."""
        def is_plain(letter: Letter) -> bool:
            if letter.kind == "diag":
                return self.entries_interval(entries(letter)).is_nonnegative()
            return letter.kind in ("ones", "unit") or "nonnegative" in letter.facts

        return Interval(Fraction(0), None) if all(map(is_plain, word)) else REAL

    def is_square(self, word: Word) -> bool:
        """Whether a closed word is W'DW with D >= 0, or a sum of entries that are all >= 0."""
        middle = word[1:-1]
        if len(middle) == 1 and middle[0].kind == "diag":
            return self.entries_interval(entries(middle[0])).is_nonnegative()
        sign, flipped = reverse(word)
        if flipped != word or sign < 0:
            return False
        half = len(word) // 2
        if len(word) % 2 == 0:  # L L' read as a square with sign
            left_sign, left = reverse(word[half:])
            return left == word[:half] and left_sign > 0
        center = word[half]
        if reverse(word[half + 1:])[0] < 0:
            return False
        return "psd" in center.facts or (center.kind == "diag" and self.entries_interval(entries(center)).is_nonnegative())

    def _of_extreme(self, atom: Atom) -> Interval:
        ends = [self.enclosure(item) for item in atom.data]
        lows, highs = [e.low for e in ends], [e.high for e in ends]
        choose = max if atom.kind == "largest" else min
        firm = _choose(lows, choose, atom.kind == "largest")
        return Interval(firm, _choose(highs, choose, atom.kind == "smallest"))

    def entries_interval(self, factors: Monomial) -> Interval:
        """An enclosure of all entries of an entrywise product."""
        total = point(1)
        for atom, exponent in factors:
            total = total * self._power(atom, exponent)
        return total

    def _power(self, atom: Atom, exponent: Fraction) -> Interval:
        if atom.kind == "prime":
            return prime_power(atom.data[0], exponent)
        if exponent != 1 and atom.kind == "function" and atom.data[0] == "exp" and isinstance(atom.data[2], Scalar):
            inside = self.enclosure(atom.data[2].times(exponent))  # exp(z)^c = exp(c z)
            return Interval(*values_between("exp", (), inside.low, inside.high))
        return self.interval(atom).power(exponent)

    def enclosure(self, scalar: Scalar) -> Interval:
        """An enclosure of all values of a scalar."""
        total = point(0)
        for factors, coefficient in scalar.terms:
            total = total + point(coefficient) * self.entries_interval(factors)
        return total

    def bounds_of(self, atom: Atom) -> tuple[Scalar | None, Scalar | None]:
        """The ends of a parameter's interval as scalars, which may hold other parameters."""
        low: Scalar | None = None
        high: Scalar | None = None
        if atom.kind == "param" and self.model.parameter(atom.data[0]).space == Space():
            for item in self.model.parameter(atom.data[0]).sets:
                if item.name == "interval":
                    low, high = (self.translator.scalar(node) for node in item.arguments)
        low, high = (None if end is None or self._is_tied(atom, end) else end for end in (low, high))
        return low, high

    def _is_tied(self, atom: Atom, end: Scalar) -> bool:
        """Whether an end need not hold on the lines along which some atoms move."""
        return end.value() is None and (atom.key in self._loose or any(key in end.key for key in self._loose))

    def ends_of(self, atom: Atom) -> tuple[Scalar | None, Scalar | None]:
        """The same, with numbers for ends that are known otherwise."""
        low, high = self.bounds_of(atom)
        ends = self.interval(atom)
        return (low if low is not None or ends.low is None else rational(ends.low),
                high if high is not None or ends.high is None else rational(ends.high))

    def is_positive(self, atom: Atom) -> bool:
        """Whether an atom is > 0 by its set, by its enclosure, as an exponential, or by a strict comparison of the region."""
        if atom.kind == "param" and self.model.parameter(atom.data[0]).set_named("positive"):
            return True
        low = self.interval(atom).low
        if low is not None and low > 0:
            return True
        if atom.kind == "function":
            values = FUNCTIONS[atom.data[0]].values(*atom.data[1])
            if values.low == 0 and not values.low_reached:
                return True
        if atom.kind == "word" and [letter.kind for letter in atom.data[0]] == ["ones", "diag", "ones"]:  # a sum of entries
            return all(self.is_positive(a) for a, _ in entries(atom.data[0][1])) or of_atom(atom) in self.strict
        return of_atom(atom) in self.strict


def _inside_bars(atom: Atom) -> Atom | None:
    """z for |z|, z a single atom."""
    if atom.kind != "function" or atom.data[0] != "abs" or not isinstance(atom.data[2], Scalar):
        return None
    terms = atom.data[2].terms
    return terms[0][0][0][0] if len(terms) == 1 and terms[0][1] == 1 and len(terms[0][0]) == 1 and terms[0][0][0][1] == 1 else None


def prime_power(prime: int, exponent: Fraction) -> Interval:
    """A narrow interval around a root of a prime, 0 < exponent < 1."""
    from flint import fmpz

    scale, degree = 10**9, exponent.denominator
    low = int((fmpz(prime) ** exponent.numerator * fmpz(scale) ** degree).root(degree))
    return Interval(Fraction(low, scale), Fraction(low + 1, scale))


def _choose(ends: list[Fraction | None], choose: object, skip: bool) -> Fraction | None:
    known = [e for e in ends if e is not None]
    if len(known) < len(ends) and not (skip and known):
        return None
    return choose(known)  # type: ignore[operator, no-any-return]
