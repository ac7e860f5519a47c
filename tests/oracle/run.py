# SPDX-License-Identifier: Apache-2.0
"""run.py: the differential harness: unflow beside TensorFlow Lite's reference kernels, op by op.

Every family in cases/ is run by the oracle (BUILTIN_REF; its answers are kept on disk) and by unflow under each
instruction set of this machine. A case passes when every output of every step has the dtype and shape of the oracle's
and values within the case's tolerance, and get_tensor_details() says the same of every tensor. Where the oracle refuses
a case, unflow may do anything but crash. A row of ops.def that a .tflite file can name and that has no case fails the
run. Every family in refusals/ is run by unflow: each model there must be refused with the words and at the stage it
says; the reference must refuse it, too, or the refusal says why not (this is looked at without --sample only). A message
of src/ops that a .tflite file can bring about and that no refusal shows fails the run (messages.py).

    run.py                       everything
    run.py --sample              of ops with many cases some of them, always the same ones
    run.py --family shape        one family;  --op PAD: one op;  --case text: names that contain text
    run.py --isa avx2 -v         one instruction set, every failure in full
    run.py --write-docs          also writes docs/ops.md
    run.py --candidate tf_default    TensorFlow's own fast kernels in unflow's place
"""

import argparse
import functools
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
import messages  # noqa: E402
from modelgen import DTYPES, schema  # noqa: E402

BUILTINS = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}

ROW = re.compile(r'^OP\((\w+),\s*(-?\d+),\s*"([^"]*)",\s*"([^"]*)",\s*(-?\d+),\s*(-?\d+),\s*(-?\d+),\s*(-?\d+),\s*(.*)\)',
                 re.M)


@functools.cache
def op_rows():
    """{name: (TFLite code, custom name, TensorFlow names)} of ops.def, in its order."""
    text = (engines.ROOT / "src" / "ops" / "ops.def").read_text()
    return {m[1]: (int(m[2]), m[3], m[4]) for m in ROW.finditer(text)}


def load_module(path):
    spec = importlib.util.spec_from_file_location(f"oracle_{path.parent.name}_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_family(path):
    """What one file of cases/ or refusals/ yields."""
    make = getattr(load_module(path), path.parent.name)
    rng = np.random.default_rng(zlib.crc32(path.stem.encode()))
    out, names = [], set()
    for case in make(rng):
        if case.name in names:
            raise ValueError(f"{path.name}: two cases are called {case.name}")
        names.add(case.name)
        case.family = path.stem
        out.append(case)
    return out


def families(folder="cases"):
    return sorted(p for p in (HERE / folder).glob("*.py") if not p.stem.startswith("_"))


def sample(cases, each=4, least=12):
    """One in `each` of every op's cases, chosen by their names, but `least` of an op that has so many."""
    ops = {}
    for case in cases:
        ops.setdefault(case.op, []).append((zlib.crc32(f"{case.family}/{case.name}".encode()), case))
    chosen = set()
    for members in ops.values():
        members.sort(key=lambda member: member[0])
        chosen.update(id(case) for _, case in members[:max(least, -(-len(members) // each))])
    return [case for case in cases if id(case) in chosen]


# Fields of get_tensor_details() where TensorFlow's answer is the worse one: (field, its answer, ours).
BETTER_DETAILS = []


def compare_details(want, got):
    """Words for the first field of any tensor that differs, "" when all are the same."""
    if not want or not got:
        return ""
    for part in ("inputs", "outputs"):
        if [d["index"] for d in want[part]] != [d["index"] for d in got[part]]:
            return f"details of {part}: expected other tensors"
    places = [(f"details of tensor {i}", d, got["tensors"].get(i)) for i, d in want["tensors"].items()]
    for part in ("inputs", "outputs"):
        places += [(f"details of {part}[{i}]", a, b) for i, (a, b) in enumerate(zip(want[part], got[part]))]
    last = max(got["tensors"], default=-1)
    for where, a, b in places:
        if b is None and a["index"] > last:
            continue  # a temporary tensor that a kernel of the oracle added
        if b is None:
            return f"{where}: expected {a}, found nothing"
        for field in a:
            if a[field] != b.get(field) and (field, a[field], b.get(field)) not in BETTER_DETAILS:
                return f"{where}: {field}: expected {a[field]!r}, found {b.get(field)!r}"
        if set(b) != set(a):
            return f"{where}: expected fields {sorted(a)}, found {sorted(b)}"
    return ""


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
    return compare_details(want[2], got[2]), worst


class Report:
    """What was found, by op."""

    def __init__(self):
        self.ops = {}
        self.failures = []
        self.passed = self.refusals = 0

    def add(self, case, isa, want, words, error):
        row = self.ops.setdefault(case.op, {"cases": set(), "failures": 0, "worst": 0.0, "refused": set(), "tol": set(),
                                          "types": set()})
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
    chosen = [c for c in cases if (not args.op or c.op == args.op) and (not args.case or args.case in c.name)]
    return sample(chosen) if args.sample else chosen


def run_family(path, args, isas, report):
    family = load_family(path)
    cases = select(family, args)
    if not cases:
        return
    note = lambda text: print(f"  {path.stem}: {text}", flush=True)  # noqa: E731
    expected = engines.Expected(path.stem) if not (args.op or args.case) else _Overlay(path.stem)
    wants = expected.results(cases, note, family)
    for isa in isas:
        jobs = [case.job() for case in cases]
        gots = engines.run(args.candidate, jobs, {"UNFLOW_ISA": isa}, note=note if args.verbose else None)
        for case, want, got in zip(cases, wants, gots):
            words, error = compare(case, want, got)
            report.add(case, isa, want, words, error)
            if args.write_docs and isa == isas[0] and want[0] == "ok" and not words:
                report.ops[case.op]["types"] |= types_of(case, op_rows().get(case.op, (0, "", ""))[1])
            if args.verbose and want[0] != "ok" and isa == isas[0]:
                note(f"{case.name}: the oracle refuses: {want[1]}"[:300])


PLACE = re.compile(r"^[^:]*: (?:(?:graph '[^']*'|op #\d+ \S+(?: '[^']*')?): )*")


def refusal_words(text):
    """The message of an error without its class, the model and the node."""
    return PLACE.sub("", text.split(": ", 1)[1] if ": " in text else text, count=1)


def compare_refusal(refusal, got, want):
    """What is wrong, "" when unflow refuses it as it should. want: the oracle's result."""
    if got[0] == "crash":
        return f"crash: {got[1]}"
    if got[0] == "ok":
        return f"expected a refusal ({refusal.message}), found values"
    found = refusal_words(got[1])
    if found != refusal.message:
        return f"expected the message\n    {refusal.message}\n  found\n    {found}\n  of {got[1]}"
    if got[2] != refusal.when:
        return f"expected a refusal at {refusal.when}, found one at {got[2]}"
    if want[0] == "ok" and not refusal.lenient:
        return "the oracle takes this model: unflow must, too, or `lenient` must say why not"
    return ""


def run_refusals(path, args, report, seen):
    refusals = [r for r in load_family(path) if (not args.op or r.op == args.op) and (not args.case or args.case in r.name)]
    if not refusals:
        return
    cases = [r.case() for r in refusals]
    note = lambda text: print(f"  refusals/{path.stem}: {text}", flush=True)  # noqa: E731
    name = f"refusals-{path.stem}"
    expected = engines.Expected(name) if not (args.op or args.case) else _Overlay(name)
    # A sample leaves the reference out: many of these models make it crash, and it takes seconds to start again.
    wants = [("error", "")] * len(cases) if args.sample else expected.results(cases, note)
    for refusal, got, want in zip(refusals, engines.run(args.candidate, [c.job() for c in cases]), wants):
        words = compare_refusal(refusal, got, want)
        seen.append(refusal_words(got[1]) if got[0] == "error" else "")
        if words:
            report.failures.append((refusal, "refusal", words))
        else:
            report.passed += 1
            report.refusals += 1


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


DOCS_HEAD = """# Ops

Made by `tests/oracle/run.py --write-docs`: the rows of `src/ops/ops.def` that a .tflite file can name, and how each was
compared with TensorFlow Lite's reference kernels (BUILTIN_REF of TensorFlow 2.21) under {isas}: {cases} cases, and {refusals}
models that must be refused with the words they are refused with. The types are those of the op's tensors in its cases; the worst
error is the largest difference of any element that was accepted, in steps for integers. `unflow ops` prints the rows of a build.
What TensorFlow names run, and how they were tested, is in [tensorflow-ops.md](tensorflow-ops.md).

| op | TFLite code | types | cases | tolerance | worst error |
| --- | --- | --- | --- | --- | --- |
"""


def write_docs(report, rows, isas):
    """docs/ops.md: every op, where it comes from, how it is tested, and where it differs and why."""
    lines = []
    for name, (code, custom, _) in rows.items():
        row = report.ops.get(name)
        if row is None:
            continue
        where = str(code) if code >= 0 else f"custom `{custom}`"
        lines.append(f"| {name} | {where} | {' '.join(t for t in DTYPES if t in row['types'])} | {len(row['cases'])} | "
                     f"{tolerance_words(row['tol'])} | {row['worst']:.2g} |")
    differs = {}
    for path in families():
        for op, text in getattr(load_module(path), "DIFFERS", {}).items():
            differs.setdefault(op, []).append(" ".join(text.split()))
    lines += ["", "## Where values or details are not the reference's, and why", ""]
    lines += [f"- **{op}**: {' '.join(dict.fromkeys(differs[op]))}" for op in sorted(differs)]
    head = DOCS_HEAD.format(isas=", ".join(isas), refusals=report.refusals,
                            cases=sum(len(row["cases"]) for row in report.ops.values()))
    (engines.ROOT / "docs" / "ops.md").write_text(head + "\n".join(lines) + "\n")


def types_of(case, custom):
    """Names of the dtypes of all tensors that the nodes of the case's op (custom: its custom name) take and give."""
    model = schema.Model.GetRootAs(case.model, 0)
    names, found = {code: name for name, (code, _) in DTYPES.items()}, set()
    for g in range(model.SubgraphsLength()):
        graph = model.Subgraphs(g)
        for i in range(graph.OperatorsLength()):
            node = graph.Operators(i)
            code = model.OperatorCodes(node.OpcodeIndex())
            number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
            if (code.CustomCode() or b"").decode() != (custom or case.op) and BUILTINS.get(number) != case.op:
                continue
            tensors = [node.Inputs(k) for k in range(node.InputsLength())]
            tensors += [node.Outputs(k) for k in range(node.OutputsLength())]
            found.update(names.get(graph.Tensors(t).Type(), "?") for t in tensors if t >= 0)
    return found


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", action="append", help="only this file of cases/ (may be repeated)")
    parser.add_argument("--op", help="only this op")
    parser.add_argument("--case", help="only cases whose name contains this")
    parser.add_argument("--sample", action="store_true", help="some of each op's cases")
    parser.add_argument("--isa", action="append", help="only this instruction set (may be repeated)")
    parser.add_argument("--best-isa", action="store_true", help="only the best instruction set")
    parser.add_argument("--candidate", default="unflow", choices=["unflow", "tf_default", "tf_ref", "litert_ref"])
    parser.add_argument("--write-docs", action="store_true", help="write docs/ops.md")
    parser.add_argument("--quiet", action="store_true", help="no table")
    parser.add_argument("-v", "--verbose", action="store_true")
    return parser.parse_args(argv)


def print_failures(report, args):
    limit = None if args.verbose else 60
    for case, isa, words in report.failures[:limit]:
        print(f"FAILED {case.family}/{case.name} ({case.op}, {isa}): {words}"[:None if args.verbose else 600])
    if limit and len(report.failures) > limit:
        print(f"... and {len(report.failures) - limit} more (-v shows all)")


def main(argv=None):
    args = parse(argv)
    start = time.time()
    isas = args.isa or (engines.isas() if args.candidate == "unflow" else ["-"])
    isas = isas[:1] if args.best_isa else isas
    report, rows, failed, seen = Report(), op_rows(), 0, []
    whole = not (args.family or args.op or args.case)
    jobs = [(path, lambda path: run_family(path, args, isas, report)) for path in families()]
    if args.candidate == "unflow":
        jobs += [(path, lambda path: run_refusals(path, args, report, seen)) for path in families("refusals")]
    for path, job in jobs:
        if args.family and path.stem not in args.family:
            continue
        try:
            job(path)
        except Exception as error:  # a broken family must not hide the others
            if args.verbose:
                raise
            print(f"FAILED {path.parent.name}/{path.name}: {type(error).__name__}: {error}")
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
        for place, literal in messages.unseen(seen) if args.candidate == "unflow" else []:
            print(f"FAILED no refusal shows the message of {place}: {literal}")
            failed += 1
    if args.write_docs:
        write_docs(report, rows, isas)
    refused = sum(len(r["refused"]) for r in report.ops.values())
    total = sum(len(r["cases"]) for r in report.ops.values())
    failed += len(report.failures)
    print(f"oracle: {report.refusals} refusals; {total} cases under {', '.join(isas)}; the oracle refuses {refused}; {time.time() - start:.0f} s")
    print(f"{report.passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
