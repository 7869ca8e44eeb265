"""The benchmark of emitted modules: what it measures with, on work whose figures are known. No time is asserted."""
from __future__ import annotations

from itertools import count

import pytest

torch = pytest.importorskip("torch")

from benchmarks.speed import goals, specs  # noqa: E402
from benchmarks.speed.cases import KINDS, all_cases, convolution  # noqa: E402
from benchmarks.speed.gradients import gradient_error, output_error  # noqa: E402
from benchmarks.speed.growth import fit  # noqa: E402
from benchmarks.speed.measure import Accuracy, Effort, Figures, Table, measure  # noqa: E402
from benchmarks.speed.memory import Bytes, needed  # noqa: E402
from benchmarks.speed.page import Results, page  # noqa: E402
from benchmarks.speed.subject import Case, Missing, Row, Trained, drawn, leaves, trained  # noqa: E402
from benchmarks.speed.sweeps import Curve  # noqa: E402
from benchmarks.speed.timing import Spread, interleaved, ratios, spread  # noqa: E402

torch.set_num_threads(1)
CASES = [case for cases in all_cases().values() for case in cases if case.name != "convolution"] + [convolution.case(batch=2)]
SMALL = drawn(((4, 3),), A=((2, 3, 3), 0.5), b=((2, 3), 0.5))


class Clock:
    """A clock that only work moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def work(self, seconds: float, log: list[str], name: str):
        def run() -> None:
            self.now += seconds
            log.append(name)

        return run


def test_rounds_are_interleaved_and_shuffled():
    clock, log = Clock(), []
    works = {name: clock.work(seconds, log, name) for name, seconds in (("a", 1.0), ("b", 2.0), ("c", 4.0))}
    found = interleaved(works, rounds=6, seconds=1e9, clock=clock)
    assert found == {"a": (1.0,) * 6, "b": (2.0,) * 6, "c": (4.0,) * 6}
    orders = ["".join(log[i:i + 3]) for i in range(3, len(log), 3)]  # the first three warm up
    assert all(sorted(order) == ["a", "b", "c"] for order in orders) and len(set(orders)) > 1


def test_short_work_is_repeated_and_time_ends_the_rounds():
    clock, log = Clock(), []
    found = interleaved({"a": clock.work(0.001, log, "a")}, rounds=100, seconds=0.1, clock=clock)
    assert found["a"] == pytest.approx((0.001,) * len(found["a"]))
    assert 4 <= len(found["a"]) <= 6 and len(log) >= 80  # 20 runs for a sample of 20 ms, and samples for 100 ms
    assert len(interleaved({"a": clock.work(1.0, log, "a")}, rounds=100, seconds=0.1, clock=clock)["a"]) == 3


def test_ratios_are_taken_round_by_round():
    assert ratios((2.0, 20.0, 200.0), (1.0, 10.0, 100.0)) == Spread(2.0, 2.0, 2.0)
    assert spread([1.0, 2.0, 3.0, 4.0, 5.0]) == Spread(3.0, 2.0, 4.0)


@pytest.mark.parametrize(("power", "constant"), [(1.0, 0.0), (1.0, 3.0), (2.0, 50.0), (3.0, 0.0)])
def test_the_fit_finds_known_growth(power, constant):
    xs = (8, 16, 32, 64, 128)
    found = fit(xs, [constant + 0.01 * x**power for x in xs])
    assert (found.power, found.constant, found.factor) == pytest.approx((power, constant, 0.01), abs=1e-6)
    assert found.error < 1e-9 and found.at(100) == pytest.approx(constant + 0.01 * 100**power)


def test_the_fit_bears_noise_and_gives_no_negative_constant():
    noise = (1.02, 0.98, 1.01, 0.99, 1.02)
    found = fit((8, 16, 32, 64, 128), [x * e for x, e in zip((8, 16, 32, 64, 128), noise, strict=True)])
    assert found.power == pytest.approx(1, abs=0.1) and found.constant >= 0 and found.error < 0.03


class Hidden(torch.autograd.Function):
    """Keeps twice its input where hooks of saved tensors do not see it."""

    @staticmethod
    def forward(ctx, x):
        ctx.hidden = torch.cat((x, x))
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.hidden[: len(gradient)].sum()


def hooked(work: Trained) -> int:
    """Bytes of the distinct storages that hooks of saved tensors see, without states and parameters."""
    seen = {}

    def pack(tensor):
        seen[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        outputs = work.outputs()
    seen |= {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in outputs}
    return sum(size for place, size in seen.items()
               if place not in {leaf.untyped_storage().data_ptr() for leaf in (*work.states, *work.parameters)})


def test_kept_bytes_agree_with_what_hooks_see():
    data = drawn(((50, 20),), W=((20, 20), 0.1))
    named = leaves(data)

    def call(x):
        for _ in range(7):
            x = torch.tanh(x @ named["W"])
        return x

    work = trained(call, data, named)
    found = needed(work)
    assert found.kept == hooked(work) == 7 * 50 * 20 * 8
    assert found.peak >= found.kept + 20 * 20 * 8


def test_kept_bytes_count_what_custom_functions_hide():
    data = drawn(((50, 20),))
    work = trained(Hidden.apply, data, {})
    assert hooked(work) == 50 * 20 * 8
    assert needed(work).kept == 3 * 50 * 20 * 8


def test_errors_of_gradients_are_relative_and_the_largest():
    exact = {"a": torch.tensor([3.0, 4.0], dtype=torch.float64), "b": torch.ones(1, dtype=torch.float64)}
    assert gradient_error({"a": exact["a"], "b": exact["b"] + 0.1}, exact) == pytest.approx(0.1)
    assert gradient_error({"a": exact["a"] * 1.5, "other": exact["b"]}, exact) == pytest.approx(0.5)
    with pytest.raises(AssertionError):
        gradient_error({"other": exact["a"]}, exact)


@pytest.mark.parametrize("name", specs.SPECS)
def test_each_spec_is_proved_and_emitted(name):
    assert issubclass(specs.compiled(name), torch.nn.Module)


SOON_RUN = ("convolution", "orthogonal 8 x 32", "free 64 x 32", "neural", "hamiltonian x 32", "mass", "undoing x 10")


@pytest.mark.parametrize("case", [case for case in CASES if case.name in SOON_RUN], ids=lambda case: case.name)
def test_odenet_and_the_plain_loops_do_the_same(case):
    data = case.data()
    reference = case.reference(data)
    wanted = reference.all_gradients()
    rows = [row for row in case.rows if row.kind != "other" and row.name.startswith(("odenet", "plain"))]
    assert rows[0].kind == "odenet"
    for row in rows:
        try:
            work = row.build(data)
        except Missing:
            continue
        found = work.all_gradients()
        assert row.kind == "same" or set(found) >= set(wanted), row.name
        assert output_error(work, reference) < 1e-12, row.name
        assert gradient_error(found, wanted) < 1e-9, row.name


def test_a_case_is_measured_whole():
    def square(data):
        return trained(lambda x: x * x, data, {})

    def cube(data):
        return trained(lambda x: x**3, data, {})

    def absent(data):
        import no_such_library

        return no_such_library

    def broken(data):
        raise RuntimeError("not\ntoday")

    rows = (Row("odenet", "odenet", square), Row("wrong", "same", cube), Row("absent", "same", absent),
            Row("broken", "other", broken))
    table = measure(Case("name", "Title", lambda: SMALL, rows, square), Effort(3, 0.0))
    ours, wrong, absent_row, broken_row = table.rows
    assert ours.accuracy.double == 0 and 0 < ours.accuracy.single < 1e-6 and ours.differs is None and len(ours.both) == 3
    assert wrong.differs > 0.1 and table.ratio("wrong").median > 0
    assert absent_row.missing == "not installed: No module named 'no_such_library'"
    assert broken_row.missing == "fails: RuntimeError: not" and table.row("broken") is None


def test_ways_of_backpropagation_are_used_where_modules_have_them():
    class Modern(torch.nn.Module):
        def __init__(self, n: int = 3, *, backprop: str = "store") -> None:
            super().__init__()
            if backprop == "invert":
                raise ValueError("no inverse is proved")
            self.backprop = backprop

    class Old(torch.nn.Module):
        def __init__(self, n: int = 3) -> None:
            super().__init__()

    assert specs.make(Modern, "checkpoint", n=2).backprop == "checkpoint"
    assert isinstance(specs.make(Old, "store", n=2), Old)
    with pytest.raises(Missing, match="no inverse is proved"):
        specs.make(Modern, "invert")
    with pytest.raises(Missing, match="not available"):
        specs.make(Old, "checkpoint")


def figures(name: str, seconds: float, **more) -> Figures:
    return Figures(name, more.pop("kind", "same"), more.pop("note", ""), forward=(seconds / 3,) * 3, both=(seconds,) * 3, **more)


def known_tables() -> tuple[Table, ...]:
    free = Table("free 64 x 32", "Free", (figures("odenet", 0.01, kind="odenet", bytes=Bytes(2_000_000, 3_000_000)),
                                          figures("plain loop", 0.02, accuracy=Accuracy(1e-15, 2e-7), note="by hand"),
                                          figures("matrix products alone", 0.004, kind="part"),
                                          Figures("peer", "other", "", missing="not installed: No module named 'peer'")))
    counts = count(1)
    undoing = [Table(f"undoing x {depth}", "Undoing", (figures("odenet", 0.01, kind="odenet"),
                                                       figures("odenet, invert", 0.015, bytes=Bytes(1000 * next(counts), 5000))))
               for depth in (10, 100, 1000)]
    return (free, *undoing)


def test_goals_are_judged_by_the_tables():
    tables = {table.name: table for table in known_tables()}
    found = [goal.value(tables) for goal in goals.GOALS]
    known = [2, 0.4, 3, 1.5, 1.5]
    assert [value for value in found if value is not None] == pytest.approx(known)
    met = [None if value is None else goal.is_met(value) for goal, value in zip(goals.GOALS, found, strict=True)]
    assert met == [None, True, False, None, None, None, None, False, True, True, None, None]


def test_goals_speak_of_cases_and_rows_that_exist():
    names = {case.name: {row.name for row in case.rows} for case in CASES}
    asked = []

    class Asked(dict):
        def __contains__(self, name):
            asked.append(name)
            return name in names and super().__contains__(name)

        def __missing__(self, name):
            raise AssertionError(name)

    for goal in goals.GOALS:
        goal.value(Asked())
    assert set(asked) <= set(names) and len(asked) >= len(goals.GOALS)
    tables = {name: Table(name, name, tuple(figures(row, 1.0, bytes=Bytes(1, 1)) for row in rows))
              for name, rows in names.items()}
    assert [goal.value(tables) for goal in goals.GOALS] == [1.0] * len(goals.GOALS)


def test_the_page_says_all_that_was_measured():
    curve = Curve("odenet, free", "steps", (8, 16, 32), (0.001, 0.002, 0.004))
    text = page(Results(known_tables(), (curve,), "a machine", 3, is_complete=False))
    for part in ("a machine", "Not everything was measured", "**missed**", "| met |", "not measured", "What is missed, and why",
                 "| plain loop | 6.67 | 20.0 | 2.00 [2.00, 2.00] | 2.00 [2.00, 2.00] |  |  | 1e-15 | 2e-07 |",
                 "- plain loop: by hand.",
                 "| peer | not installed: No module named 'peer' |", "| odenet, invert | 0.00 | 0.00 | 0.00 |",
                 "| odenet, free | 1.00 | 2.00 | 4.00 | 1.00 | 0.00 | 0 % |"):
        assert part in text, part
    columns = [line.count("|") - line.count("\\|") for line in text.splitlines() if line.startswith("|")]
    assert all(number > 2 for number in columns)


def test_figures_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    from benchmarks.speed.plot import growth_figure, ratios_figure

    curve = Curve("odenet, free", "steps", (8, 16, 32), (0.001, 0.002, 0.004))
    ratios_figure(known_tables(), tmp_path / "speed.svg")
    growth_figure((curve,), known_tables(), tmp_path / "growth.svg")
    for name in ("speed.svg", "growth.svg"):
        assert (tmp_path / name).read_text().count("<path") > 10


def test_an_interrupt_keeps_what_was_measured(capsys):
    from benchmarks.speed.__main__ import run

    table = known_tables()[0]

    def stopped():
        raise KeyboardInterrupt

    found = run([("first", lambda: table), ("second", stopped), ("third", lambda: table)], 3, True)
    assert found.tables == (table,) and not found.is_complete
    assert "what was measured is kept" in capsys.readouterr().err


def test_the_list_of_kinds_is_whole():
    assert (*all_cases(), "growth") == KINDS and set(all_cases(quick=True)) == set(all_cases())
    assert all(all_cases(quick=True).values())
