"""The audit as a command: what is proved of every spec that there is and of random ones, evaluated.

    python -m tests.audit --count 5000 [--seed 0] [--corpus FOLDER ...] [--shard 1/2] [--log FILE] [--page FILE]

Each spec is one line of the log, so that a run that was stopped goes on where it was, and shards with logs of their own can be put
together: `--log` may be given several times, all are read and the first one is written. Exit status 1 where something that was proved is
not so, where the prover crashed, or where a verdict asks for a report.
"""
from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from odenet.diagnostics import Rejected
from tests.attack.report import read
from tests.audit.audit import audit
from tests.audit.specs import files, proved, random_text

LOG = Path("audit.jsonl")
PROOF = 2.0  # seconds of computing for the proof of a claim of a random spec
PATIENT = 20.0  # and of one that a person wrote
SEARCH = 0.1  # seconds in which a witness against a proof is looked for
WORLDS = 4
RUNS = 2  # of the module of a random spec, of the eight pairs of a scale and a type

Row = dict[str, Any]


def examine(name: str, text: str, seconds: float = PROOF, worlds: int = WORLDS, search: float = SEARCH, runs: int = RUNS) -> Row:
    """The record of one spec."""
    began, row = time.process_time(), {"name": name, "counts": {}, "violations": [], "crashes": [], "reports": [], "verdicts": {}}
    try:
        found = proved(name, text, seconds)
    except Rejected as rejected:
        return {**row, "rejected": sorted({fault.code for fault in rejected.faults})}
    row["verdicts"] = dict(Counter(f.verdict for f in found.findings))
    row["crashes"] = [f"{f.claim.text}: {f.reason}" for f in found.findings if f.verdict == "crash"]
    row["reports"] = [f"{f.claim.text}: {f.reason}" for f in found.findings if "please report" in f.reason]
    row["rules"] = dict(Counter(f.rule for f in found.findings if f.verdict == "proved"))
    tally = audit(found.loaded, found.findings, name, worlds, search, runs)
    row["counts"], row["violations"] = tally.counts, [f"{v}\n{text}" for v in tally.violations]
    return {**row, "seconds": round(time.process_time() - began, 2)}


def safely(name: str, text: Any, **more: Any) -> Row:
    """The record, also where the audit itself fails."""
    try:
        return examine(name, text() if callable(text) else text, **more)
    except Rejected as rejected:
        return {"name": name, "rejected": sorted({fault.code for fault in rejected.faults})}
    except Exception:
        return {"name": name, "crashes": [traceback.format_exc(limit=-6)]}


def jobs(count: int, seed: int, corpora: tuple[Path, ...]) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    for name, text in files(corpora):
        yield name, text, {"seconds": PATIENT, "worlds": 8, "search": 1.0, "runs": 8}
    for k in range(seed, seed + count):
        yield f"random {k}", lambda k=k: random_text(k), {}


def page(rows: list[Row], command: str) -> str:
    """The report in Markdown."""
    counts: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    for row in rows:
        counts.update(row.get("counts", {}))
        verdicts.update(row.get("verdicts", {}))
        rules.update(row.get("rules", {}))
    violations = [v for row in rows for v in row.get("violations", ())]
    crashes = [f"{row['name']}: {c}" for row in rows for c in row.get("crashes", ())]
    reports = [f"{row['name']}: {c}" for row in rows for c in row.get("reports", ())]
    random = [row for row in rows if row["name"].startswith("random ")]
    in_modules = sum("[module]" in v for v in violations)
    lines = [
        "# Audit", "",
        f"`{command}` evaluates what was proved. Its numbers (balls of 256 bits, power series), operations, functions, parameter sets, "
        "flows, nets and properties are written a second time, from their definitions; it shares the typed IR with the compiler, and "
        "nothing with the rules of the prover or of the checker. For each proved claim of the gallery, the specs of the paper, the rule "
        "cases and random specs it evaluates", "",
        "- the **conclusion**, at random members, sizes, times and states: Jacobians by differences of 74 bits, orders by power series in "
        "the step, equations of implicit steps to 170 bits;",
        "- the **statement of each rule** in the certificate: what the step has to prove, of the substep or field that it speaks of;",
        "- each **lemma**: the inequality at members and states where it is said to hold;",
        "- each **rewriting**: the normal forms of the prover and of the checker, of every rate, quantity and Jacobian, against the nodes;",
        "- the **search for witnesses**, turned on the proved claim;",
        "- the **emitted module**, with raw numbers from 1 to 1e6 in float32 and float64.", "",
        "The random specs draw explicit time, nodes that are no row sums, schemes whose coefficients do not add up to 1, `relax` of definite "
        "and indefinite quadratics, bounds made of parameters and dims, all schedules, matrix states, products of sets, regions under "
        "actions, blocks of several ranks, idle states, nets with dims for sizes, coefficients with digits.", "",
        f"**{len(random):,} random specs** ({sum('rejected' in r for r in random):,} of them rejected with an error) and "
        f"{len(rows) - len(random):,} written ones: **{len(violations) - in_modules} proofs broken in verdicts, {in_modules} in modules**, "
        f"{len(crashes)} crashes, {len(reports)} verdicts that ask for a report. {verdicts['proved']:,} claims proved, "
        f"{verdicts['undecided']:,} undecided (no witness was looked for). {sum(r.get('seconds', 0) for r in rows):,.0f} s of computing.", "",
        "| looked at | number |", "| --- | --- |", *(f"| {what} | {number:,} |" for what, number in sorted(counts.items())), "",
        "| rule of the last step | claims |", "| --- | --- |", *(f"| {rule} | {number:,} |" for rule, number in sorted(rules.items())), "",
    ]
    for title, texts in (("Broken", violations), ("Crashes", crashes), ("Asked for a report", reports)):
        if texts:
            lines += [f"## {title}", "", *(f"```\n{text}\n```\n" for text in texts)]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.audit", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5000, help="random specs")
    parser.add_argument("--seed", type=int, default=0, help="the first of them")
    parser.add_argument("--corpus", type=Path, action="append", default=[], help="a folder of more specs")
    parser.add_argument("--shard", default="1/1", help="`1/2`: the first, third, … of the specs")
    parser.add_argument("--log", type=Path, action="append", help=f"where the records are kept (default {LOG})")
    parser.add_argument("--page", type=Path, help="where the report is written; without it, it is printed")
    parser.add_argument("--random-only", action="store_true", help="leave out what people wrote")
    given = parser.parse_args()
    logs, (part, parts) = given.log or [LOG], map(int, given.shard.split("/"))
    known, rows = read(logs, "name"), []
    work = [job for job in jobs(given.count, given.seed, tuple(given.corpus)) if not given.random_only or job[0].startswith("random ")]
    work = work[part - 1::parts]
    with logs[0].open("a", encoding="utf-8") as log:
        for done, (name, text, more) in enumerate(work):
            row = known.get(name) or safely(name, text, **more)
            if name not in known:
                log.write(json.dumps(row) + "\n")
                log.flush()
            rows.append(row)
            for told in (*row.get("violations", ()), *row.get("crashes", ())):
                print(f"{name}: {told}", file=sys.stderr, flush=True)
            if done % 100 == 99:
                print(f"{done + 1} of {len(work)} specs", file=sys.stderr, flush=True)
    only = " --random-only" if given.random_only else ""
    text = page(rows, f"python -m tests.audit --count {given.count} --seed {given.seed}{only}")
    if given.page:
        given.page.write_text(text, encoding="utf-8")
    else:
        print(text)
    return int(any(row.get("violations") or row.get("crashes") or row.get("reports") for row in rows))
