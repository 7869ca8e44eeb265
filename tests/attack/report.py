"""Thousands of random specs: crashes, proofs that the attack breaks, and what stays undecided and why.

    python -m tests.attack.report --count 5000 --seed 0 [--jobs 1] [--shard 1/4] [--log FILE] [--page docs/random-specs.md]

Each spec is one line of the log, so that a run that was stopped goes on where it was, and shards with logs of their own can be
put together: `--log` may be given several times, all are read and the first one is written. Exit status 1 where a spec crashed or
a proof was broken.
"""
from __future__ import annotations

import argparse
import json
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np

from tests.attack import generator
from tests.attack.attack import Verdict, describe, judge

TRIES = 8  # worlds in which a proved claim is attacked
PROOF = 6.0  # seconds of computing for a proof
SEARCH = 0.15  # and for a witness
LOG = Path("random-specs.jsonl")
REASONS = 8  # that are listed for a property

Row = dict[str, Any]


def examine(seed: int) -> Row:
    """The record of one seed."""
    began = time.process_time()
    try:
        case = generator.make(seed)
        verdicts = judge(case, np.random.default_rng(seed + 10**6), TRIES, PROOF, SEARCH)
        rows = [_claim(v) for v in verdicts or ()]
        broken = [describe(case, v, seed) for v in verdicts or () if v.is_wrong]
        found: Row = {"seed": seed, "rejected": verdicts is None, "claims": rows, "broken": broken}
    except Exception:
        found = {"seed": seed, "crash": traceback.format_exc(limit=-8), "claims": [], "broken": []}
    return {**found, "seconds": round(time.process_time() - began, 3)}


def _claim(v: Verdict) -> Row:
    found = v.finding
    row = {"kind": v.claim.kind, "property": v.claim.name, "verdict": found.verdict, "seconds": round(found.seconds, 3)}
    return {**row, "claim": v.claim.text, "reason": found.reason, "false": bool(v.violation > 0)} if found.verdict == "undecided" else {**row, "rule": found.rule}


# --- running ------------------------------------------------------------------------------------------------------------------


@dataclass
class Progress:
    """One line on the terminal, written over, or a line every now and then in a file."""

    total: int
    done: int = 0
    claims: int = 0
    crashes: int = 0
    broken: int = 0
    began: float = 0.0

    def step(self, row: Row) -> None:
        self.done += 1
        self.claims += len(row["claims"])
        self.crashes += "crash" in row
        self.broken += len(row["broken"])
        if sys.stderr.isatty() or self.done % 100 == 0 or self.done == self.total:
            self.show()

    def show(self) -> None:
        spent = time.perf_counter() - self.began
        left = spent / max(self.done, 1) * (self.total - self.done)
        filled = 30 * self.done // max(self.total, 1)
        line = (f"[{'#' * filled}{'.' * (30 - filled)}] {self.done}/{self.total} specs, {self.claims} claims, {self.crashes} crashes, "
                f"{self.broken} broken, {spent:.0f} s, {left:.0f} s left")
        print(("\r" if sys.stderr.isatty() else "") + line, end="" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)


def run(seeds: list[int], log: Path, jobs: int) -> None:
    """Examine the seeds and append a line for each to the log."""
    progress = Progress(len(seeds), began=time.perf_counter())
    is_cut = log.exists() and not log.read_text(encoding="utf-8").endswith("\n")
    with log.open("a", encoding="utf-8") as file:
        file.write("\n" if is_cut else "")
        for row in _rows(seeds, jobs):
            file.write(json.dumps(row) + "\n")
            file.flush()
            progress.step(row)


def _rows(seeds: list[int], jobs: int) -> Iterator[Row]:
    if jobs == 1:
        yield from map(examine, seeds)
        return
    with Pool(jobs, maxtasksperchild=200) as pool:
        yield from pool.imap_unordered(examine, seeds, chunksize=4)


def read(logs: Iterable[Path], by: str = "seed") -> dict[Any, Row]:
    """What the logs hold, by seed or by name; a line that was cut off is left out."""
    found: dict[Any, Row] = {}
    for log in logs:
        for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            found[row[by]] = row
    return found


# --- the page -----------------------------------------------------------------------------------------------------------------

# What belongs to one spec, from the first words to the last: it is left out between them.
_BETWEEN = (("normal form ", ", which"), ("the term ", " of"), (" I is ", ", not shown"), ("Hessian is ", ", not shown"),
            ("x + h x' = ", " is not shown"), ("does not give ", " over"), ("grad I . f + ", " is not shown"), ("|Df| <= ", " has no"),
            ("h L = ", " is not shown"), ("has the constant ", "; what moves"), ("bounded by ", ", which"))
_AFTER = ("bounded by ", "reaches ", "at most ", "leaves ", "here the bound is ", "here it is ", "vanish in its block ", "fails in block ",
          "vanish in block ", "Df of block ", "the block ")


def cleaned(reason: str) -> str:
    """A reason without what belongs to one spec."""
    text = re.sub(r"^(part `\w+`|stage `[^`]*`): ", "", reason.split("; the search for a witness", maxsplit=1)[0])
    for first, last in _BETWEEN:
        text = re.sub(re.escape(first) + r"(?!… ).*?" + re.escape(last), lambda _, f=first, e=last: f"{f}…{e}", text)  # type: ignore[misc]
    for first in _AFTER:
        text = re.sub(re.escape(first) + r"(?!…)[^;]*", lambda _, f=first: f"{f}…", text)  # type: ignore[misc]
    text = re.sub(r"`[^`]*`|parameter \w+", "`…`", text)
    return re.sub(r"\d+(\.\d+)?(/\d+)?", "#", text)[:110].replace("|", "\\|")


def page(rows: dict[int, Row], command: str) -> str:
    """The report in Markdown."""
    claims = [claim for row in rows.values() for claim in row["claims"]]
    verdicts = Counter(claim["verdict"] for claim in claims)
    crashes, broken = [r for r in rows.values() if "crash" in r], [text for r in rows.values() for text in r["broken"]]
    total = max(len(claims), 1)
    lines = [
        "# Random specs", "",
        f"`{command}` draws well-typed specs, verifies them, and attacks each proved claim with numbers: an adversarial search over "
        "sizes, parameters inside their sets and states, by code that shares nothing with the prover. Most claims that a quick look "
        "shows to be false are dropped beforehand, and constants are moved to just below and just above what was measured: so what is "
        "left is hard on purpose, and the shares below are not those of specs that people write. The last column counts the undecided "
        "claims that the attack breaks: there a witness is missing, elsewhere (most likely) a proof.", "",
        f"{len(rows):,} specs, {sum(bool(r.get('rejected')) for r in rows.values()):,} of them rejected with an error, {len(claims):,} "
        f"claims: **{len(crashes)} crashes, {len(broken)} proofs broken**. "
        + ", ".join(f"{verdicts[v]:,} {v} ({100 * verdicts[v] / total:.1f} %)" for v in ("proved", "refuted", "undecided")) + ". "
        + f"{sum(r['seconds'] for r in rows.values()):,.0f} s of computing.", "",
        *_table(claims), "", "## Why claims stay undecided", "", *_reasons(claims),
    ]
    for title, texts in (("Crashes", [f"seed {r['seed']}\n{r['crash']}" for r in crashes]), ("Broken proofs", broken)):
        lines += ["", f"## {title}", ""] + [f"```\n{text}\n```" for text in texts] if texts else []
    return "\n".join(lines) + "\n"


def _table(claims: list[Row]) -> list[str]:
    counts: dict[tuple[str, str], Counter[str]] = {}
    for claim in claims:
        found = counts.setdefault((claim["kind"], claim["property"]), Counter())
        found.update([claim["verdict"], *(["false"] if claim.get("false") else [])])
    lines = ["| of a | property | claims | proved | refuted | undecided | share undecided | of them false |",
             "| --- " * 8 + "|"]
    for (kind, name), found in sorted(counts.items()):
        n = found["proved"] + found["refuted"] + found["undecided"]
        lines.append(f"| {kind} | {name} | {n} | {found['proved']} | {found['refuted']} | {found['undecided']} "
                     f"| {100 * found['undecided'] / n:.0f} % | {found['false']} |")
    return lines


def _reasons(claims: list[Row]) -> list[str]:
    found: dict[tuple[str, str], Counter[str]] = {}
    example: dict[tuple[str, str, str], str] = {}
    for claim in claims:
        if claim["verdict"] == "undecided":
            key, reason = (claim["kind"], claim["property"]), cleaned(claim["reason"])
            found.setdefault(key, Counter())[reason] += 1
            example.setdefault((*key, reason), claim["claim"])
    lines = ["| of a | property | undecided | main reasons |", "| --- | --- | --- | --- |"]
    for (kind, name), reasons in sorted(found.items(), key=lambda item: -sum(item[1].values())):
        told = "<br>".join(f"{n} × {reason}" for reason, n in reasons.most_common(REASONS))
        lines.append(f"| {kind} | {name} | {sum(reasons.values())} | {told} |")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--shard", default="1/1", help="`2/4`: the second quarter of the seeds")
    parser.add_argument("--log", type=Path, action="append", help=f"where the records are kept (default {LOG})")
    parser.add_argument("--page", type=Path, help="where the report is written; without it, it is printed")
    given = parser.parse_args()
    logs = given.log or [LOG]
    part, parts = map(int, given.shard.split("/"))
    wanted = range(given.seed + part - 1, given.seed + given.count, parts)
    done = read(logs)
    run([seed for seed in wanted if seed not in done], logs[0], given.jobs)
    rows = {seed: row for seed, row in sorted(read(logs).items()) if given.seed <= seed < given.seed + given.count}
    text = page(rows, f"python -m tests.attack.report --count {given.count} --seed {given.seed}")
    if given.page:
        given.page.write_text(text, encoding="utf-8")
    else:
        print(text)
    return int(any("crash" in row or row["broken"] for row in rows.values()))


if __name__ == "__main__":
    sys.exit(main())
