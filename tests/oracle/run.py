# SPDX-License-Identifier: Apache-2.0
"""run.py: the differential harness: unflow beside TensorFlow Lite's reference kernels, op by op.

Every family in cases/ is run by the oracle (BUILTIN_REF; its answers are kept on disk) and by unflow under each
instruction set of this machine. A case passes when every output of every step has the dtype and shape of the oracle's
and values within the case's tolerance. Where the oracle refuses a case, unflow may do anything but crash. A row of
ops.def that a .tflite file can name and that has no case fails the run.

    run.py                       everything
    run.py --family shape        one family;  --op PAD: one op;  --case text: names that contain text
    run.py --isa avx2 -v         one instruction set, every failure in full
    run.py --write-docs          also writes docs/ops.md
    run.py --candidate tf_default    TensorFlow's own fast kernels in unflow's place
"""

import argparse
import importlib.util
import pathlib
import re
import sys
import time
import zlib

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import engines  # noqa: E402

ROW = re.compile(r'^OP\((\w+),\s*(-?\d+),\s*"([^"]*)",\s*"([^"]*)",\s*(-?\d+),\s*(-?\d+),\s*(-?\d+),\s*(-?\d+),\s*(.*)\)',
                 re.M)


def op_rows():
    """{name: (TFLite code, custom name, TensorFlow names)} of ops.def, in its order."""
    text = (engines.ROOT / "src" / "ops" / "ops.def").read_text()
    return {m[1]: (int(m[2]), m[3], m[4]) for m in ROW.finditer(text)}


def load_family(path):
    """The cases of one file."""
    spec = importlib.util.spec_from_file_location(f"oracle_cases_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rng = np.random.default_rng(zlib.crc32(path.stem.encode()))
    out, names = [], set()
    for case in module.cases(rng):
        if case.name in names:
            raise ValueError(f"{path.name}: two cases are called {case.name}")
        names.add(case.name)
        case.family = path.stem
        out.append(case)
    return out


def families():
    return sorted(p for p in (HERE / "cases").glob("*.py") if not p.stem.startswith("_"))


def compare_arrays(tolerance, want, got):
    """("", error) or (what differs, error)."""
    want, got = np.asarray(want), np.asarray(got)
    if want.dtype != got.dtype:
        return f"expected dtype {want.dtype}, found {got.dtype}", float("inf")
    if want.shape != got.shape:
        return f"expected shape {want.shape}, found {got.shape}", float("inf")
    ok, error = tolerance.compare(want, got)
    if ok:
        return "", error
    different = np.argwhere(np.asarray(want != got))
    where = tuple(int(i) for i in different[0]) if len(different) else ()
    return (f"{len(different)} of {want.size} differ, worst {error:.4g}; first at {where}: "
            f"expected {want[where]!r}, found {got[where]!r}"), error


def compare(case, want, got):
    """(words, worst error); words is empty when the case passes."""
    if got[0] == "crash":
        return f"crash: {got[1]}", float("inf")
    if want[0] != "ok":
        return "", 0.0
    if got[0] != "ok":
        return got[1], float("inf")
    worst = 0.0
    for step, (a, b) in enumerate(zip(want[1], got[1])):
        if len(a) != len(b):
            return f"expected {len(a)} outputs, found {len(b)}", float("inf")
        for i, (x, y) in enumerate(zip(a, b)):
            tolerance = case.tol[i] if isinstance(case.tol, (list, tuple)) else case.tol
            words, error = compare_arrays(tolerance, x, y)
            if words:
                return f"output {i}" + (f" of step {step}" if case.steps > 1 or case.calls else "") + f": {words}", error
            worst = max(worst, error)
    return "", worst


class Report:
    """What was found, by op."""

    def __init__(self):
        self.ops = {}
        self.failures = []
        self.passed = self.refused = 0

    def add(self, case, isa, want, words, error):
        row = self.ops.setdefault(case.op, {"cases": set(), "failures": 0, "worst": 0.0, "refused": set(), "tol": set()})
        row["cases"].add((case.family, case.name))
        row["tol"].update(map(str, case.tol if isinstance(case.tol, (list, tuple)) else [case.tol]))
        if want[0] != "ok":
            row["refused"].add((case.family, case.name))
        if words:
            row["failures"] += 1
            self.failures.append((case, isa, words))
        else:
            self.passed += 1
            row["worst"] = max(row["worst"], error)

    def table(self):
        lines = [f"{'op':<32}{'cases':>7}{'failed':>8}{'refused':>9}  worst error"]
        for op, row in sorted(self.ops.items()):
            lines.append(f"{op:<32}{len(row['cases']):>7}{row['failures']:>8}{len(row['refused']):>9}  {row['worst']:.3g}")
        return "\n".join(lines)


def select(cases, args):
    return [c for c in cases if (not args.op or c.op == args.op) and (not args.case or args.case in c.name)]


def run_family(path, args, isas, report):
    cases = select(load_family(path), args)
    if not cases:
        return
    note = lambda text: print(f"  {path.stem}: {text}", flush=True)  # noqa: E731
    expected = engines.Expected(path.stem) if not (args.op or args.case) else _Overlay(path.stem)
    wants = expected.results(cases, note)
    for isa in isas:
        jobs = [case.job() for case in cases]
        gots = engines.run(args.candidate, jobs, {"UNFLOW_ISA": isa}, note=note if args.verbose else None)
        for case, want, got in zip(cases, wants, gots):
            words, error = compare(case, want, got)
            report.add(case, isa, want, words, error)
            if args.verbose and want[0] != "ok" and isa == isas[0]:
                note(f"{case.name}: the oracle refuses: {want[1]}"[:300])


class _Overlay(engines.Expected):
    """For a selection: uses what is known, keeps nothing of its own (a full run would lose the rest)."""

    def _save(self):
        pass


def missing_cases(report, rows):
    return [name for name, (code, custom, _) in rows.items() if (code >= 0 or custom) and name not in report.ops]


def tolerance_words(names):
    """Tolerances of an op's cases, as their reprs, in one phrase: the widest of each kind."""
    words = ["equal"] if "Exact()" in names else []
    steps = [n for n in names if n.startswith("Step(")]
    if steps:
        words.append(f"{max(int(n[5:-1]) for n in steps)} step")
    close = [tuple(map(float, n[6:-1].split(", "))) for n in names if n.startswith("Close(")]
    if close:
        words.append(f"rtol {max(r for r, _ in close):.2g}, atol {max(a for _, a in close):.2g}")
    return "; ".join(words + sorted(n for n in names if not n.startswith(("Exact(", "Step(", "Close("))))


def write_docs(report, rows, isas):
    """docs/ops.md: every op, where it comes from, how it is tested."""
    lines = ["# Ops", "",
             "Made by `tests/oracle/run.py --write-docs`: the rows of `src/ops/ops.def`, and how each was compared with",
             "TensorFlow Lite's reference kernels (BUILTIN_REF) under " + ", ".join(isas) + ". The worst error is the largest",
             "difference of any element that was accepted, in steps for integers.", "",
             "| op | TFLite code | TensorFlow | cases | tolerance | worst error |", "| --- | --- | --- | --- | --- | --- |"]
    for name, (code, custom, tf_names) in rows.items():
        row = report.ops.get(name)
        tested = (f"{len(row['cases'])} | {tolerance_words(row['tol'])} | {row['worst']:.2g}" if row
                  else "by the Python tests | | ")
        where = str(code) if code >= 0 else f"custom `{custom}`" if custom else ""
        lines.append(f"| {name} | {where} | {tf_names} | {tested} |")
    path = engines.ROOT / "docs" / "ops.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", action="append", help="only this file of cases/ (may be repeated)")
    parser.add_argument("--op", help="only this op")
    parser.add_argument("--case", help="only cases whose name contains this")
    parser.add_argument("--isa", action="append", help="only this instruction set (may be repeated)")
    parser.add_argument("--best-isa", action="store_true", help="only the best instruction set")
    parser.add_argument("--candidate", default="unflow", choices=["unflow", "tf_default", "tf_ref"])
    parser.add_argument("--write-docs", action="store_true", help="write docs/ops.md")
    parser.add_argument("--quiet", action="store_true", help="no table")
    parser.add_argument("-v", "--verbose", action="store_true")
    return parser.parse_args(argv)


def print_failures(report, args):
    limit = None if args.verbose else 60
    for case, isa, words in report.failures[:limit]:
        print(f"FAILED {case.family}/{case.name} ({case.op}, {isa}): {words}"[:None if args.verbose else 320])
    if limit and len(report.failures) > limit:
        print(f"... and {len(report.failures) - limit} more (-v shows all)")


def main(argv=None):
    args = parse(argv)
    start = time.time()
    isas = args.isa or (engines.isas() if args.candidate == "unflow" else ["-"])
    isas = isas[:1] if args.best_isa else isas
    report, rows, failed = Report(), op_rows(), 0
    whole = not (args.family or args.op or args.case)
    for path in families():
        if args.family and path.stem not in args.family:
            continue
        try:
            run_family(path, args, isas, report)
        except Exception as error:  # a broken family must not hide the others
            if args.verbose:
                raise
            print(f"FAILED {path.name}: {type(error).__name__}: {error}")
            failed += 1
    if not args.quiet:
        print(report.table())
    print_failures(report, args)
    for name in sorted(set(report.ops) - set(rows)):
        print(f"note: cases name op {name}, which has no row in ops.def")
    if whole:
        for name in missing_cases(report, rows):
            print(f"FAILED no case for op {name}")
            failed += 1
    if args.write_docs:
        write_docs(report, rows, isas)
    refused = sum(len(r["refused"]) for r in report.ops.values())
    total = sum(len(r["cases"]) for r in report.ops.values())
    failed += len(report.failures)
    print(f"oracle: {total} cases under {', '.join(isas)}; the oracle refuses {refused}; {time.time() - start:.0f} s")
    print(f"{report.passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
