# SPDX-License-Identifier: Apache-2.0
"""tf_run.py: the differential harness for TensorFlow's ops: unflow beside TensorFlow, case by case (tf_case.py).

    tf_run.py                          everything
    tf_run.py --family strings         one family;  --op StringJoin: its cases only
    tf_run.py -v                       every failure in full
    tf_run.py --write-docs             docs/tensorflow-ops.md, without running anything
    tf_run.py --missing                rows of ops.def with a TensorFlow name that have fewer than ten cases

Answers of TensorFlow are kept under build-oracle/tf, by the content of the family's file.
"""

import argparse
import hashlib
import os
import pathlib
import pickle
import re
import subprocess
import sys
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(HERE / "tf")]
import tf_case  # noqa: E402
import tf_worker  # noqa: E402

KEPT = pathlib.Path(os.environ.get("UNFLOW_ORACLE_CACHE", ROOT / "build-oracle")) / "tf"
# Ops that a case of this form cannot reach, and where they are tested or why they are not.
CONTROL = "test_tf_control.py: random graphs of both versions of control flow"
EXEMPT = {
    **dict.fromkeys("If StatelessIf While StatelessWhile Case StatelessCase For PartitionedCall StatefulPartitionedCall "
                    "Switch RefSwitch Merge RefMerge Enter RefEnter Exit RefExit NextIteration RefNextIteration LoopCond "
                    "ControlTrigger Const NoOp Placeholder PlaceholderWithDefault FakeParam".split(), CONTROL),
    "PlaceholderV2": CONTROL, "RemoteCall": "TensorFlow runs it between devices; as a call here",
    "Abort": "ends TensorFlow's process; tests/unit/test_tf_graph.c",
    **dict.fromkeys("_Arg _Retval _FusedConv2D _FusedMatMul _VarHandlesOp _ReadVariablesOp".split(),
                    "made by TensorFlow's own passes; raw_ops has none of them"),
    **dict.fromkeys("TopK QuantizeAndDequantize".split(), "TensorFlow 2.21 cannot run it any more"),
    "Timestamp": "the time",
    **dict.fromkeys("MutableHashTable MutableHashTableOfTensors MutableDenseHashTable HashTable InitializeTable "
                    "InitializeTableFromTextFile Stack StackPush StackPop StackClose FIFOQueue QueueSize QueueClose "
                    "QueueEnqueue QueueEnqueueMany QueueDequeue QueueDequeueMany".split(),
                    "the same row as the V2 op, whose cases it shares; references of handles are older than raw_ops"),
    "MutexV2": "locks between threads; nothing to compare", "TensorArrayCloseV3": "gives nothing",
}
LENIENT = {"UnimplementedError", "NotFoundError", "InternalError"}  # TensorFlow lacks a kernel


def rows_of(path):
    rows = {}
    with open(path, "rb") as f:
        while True:
            try:
                row = pickle.load(f)
            except (EOFError, pickle.UnpicklingError):
                return rows
            rows[row[0]] = row[1:]


def run_side(side, family, n, out, only=None):
    """Rows by index; a crash becomes a row and the rest goes on behind it."""
    first = 0
    while True:
        command = [sys.executable, str(HERE / "tf_worker.py"), side, family, str(first), str(out)]
        preload = os.environ.get("UNFLOW_CANDIDATE_PRELOAD") if side == "unflow" else None  # of a sanitized library
        done = subprocess.run(command + ([",".join(map(str, only))] if only is not None else []), stderr=subprocess.PIPE, text=True,
                              env={**os.environ, **({"LD_PRELOAD": preload} if preload else {})})
        rows = rows_of(out)
        if done.returncode == 0:
            return rows
        wanted = sorted(set(range(n)) if only is None else set(only))
        left = [i for i in wanted if i not in rows and i >= first]
        if not left:
            return rows
        with open(out, "ab") as f:
            pickle.dump((left[0], "crash", f"exit {done.returncode}", done.stderr[-400:]), f)
        first = left[0] + 1


def answers(family, cases, only):
    """TensorFlow's rows, from the file that keeps them if there is one."""
    text = (HERE / "tf" / f"{family}.py").read_bytes() + (HERE / "tf_worker.py").read_bytes()
    kept = KEPT / f"{family}-{hashlib.sha256(text).hexdigest()[:16]}.pickle"
    rows = rows_of(kept) if kept.exists() else {}
    wanted = set(range(len(cases))) if only is None else set(only)
    if not wanted <= set(rows):
        KEPT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            rows.update(run_side("tensorflow", family, len(cases), pathlib.Path(folder) / "rows", only))
        with open(kept, "wb") as f:
            for i, row in sorted(rows.items()):
                pickle.dump((i, *row), f)
    return rows


def judge(case, want, got):
    """"" when unflow did as TensorFlow did."""
    if got is None or got[0] == "crash":
        return f"crash: {got}"
    if want[0] == "crash":
        return ""
    if want[0] == "error":
        lacks = want[1] in LENIENT or "No OpKernel was registered" in want[2]
        if got[0] == "ok":
            return "" if lacks else f"expected {want[1]}: {want[2][:300]}; found values"
        return "" if want[1] == got[1] or lacks else f"expected {want[1]}: {want[2][:300]}; found {got[1]}: {got[2]}"
    if got[0] == "error":
        return f"expected values, found {got[1]}: {got[2]}"
    if len(want[1]) != len(got[1]):
        return f"expected {len(want[1])} outputs, found {len(got[1])}"
    if case.check:
        return case.check(want[1], got[1], getattr(case, "inputs", None)) or ""
    many = isinstance(case.tolerance, list)
    for k, (a, b) in enumerate(zip(want[1], got[1])):
        if k in case.skip:
            continue
        words = tf_case.compare(case.tolerance[k] if many else case.tolerance, a, b)
        if words:
            return f"output {k}: {words}"
    return ""


def run_family(family, op, verbose, every=1):
    """(passed, failures [(case, words)], names of ops of all cases of the family, those left out included)."""
    cases = tf_worker.load(family)
    only = None if op is None and every == 1 else [i for i, c in enumerate(cases) if (op is None or op in c.ops) and i % every == 0]
    if only == []:
        return 0, [], []
    want = answers(family, cases, only)
    with tempfile.TemporaryDirectory() as folder:
        got = run_side("unflow", family, len(cases), pathlib.Path(folder) / "rows", only)
    passed, failures, ops = 0, [], [name for case in cases for name in set(case.ops)]
    for i in range(len(cases)) if only is None else only:
        words = judge(cases[i], want[i], got.get(i))
        if words:
            failures.append((cases[i], words))
        else:
            passed += 1
    shown = failures if verbose else failures[:8]
    for case, words in shown:
        print(f"  {family} {case.name}: {words}")
        if verbose and isinstance(case, tf_case.Case):
            print(f"      attrs {case.attrs}, inputs "
                  + ", ".join(f"{getattr(v, 'dtype', type(v).__name__)}{getattr(v, 'shape', '')}" for v in case.inputs))
    if len(failures) > len(shown):
        print(f"  {family}: {len(failures) - len(shown)} more failures (-v shows all)")
    return passed, failures, ops


def tf_names():
    """TensorFlow names of ops.def's rows."""
    text = (ROOT / "src" / "ops" / "ops.def").read_text()
    return [n for m in re.finditer(r'^OP\((\w+),\s*-?\d+,\s*"[^"]*",\s*"([^"]*)"', text, re.M) for n in m[2].split()]


HEADER = """# TensorFlow's ops

Made by `tests/oracle/tf_run.py --write-docs`. {n} ops run; `unflow ops --tensorflow` lists them with what they take and give,
`unflow ops --missing` those that are known and cannot. Each case is run by TensorFlow 2.21 and by unflow: integers, bools, strings and
seeded random numbers must be equal, floats within the case's tolerance (by default 1e-5 relative for float32, 1e-12 for float64), and
an error must be the same exception. What differs on purpose is in [tensorflow.md](tensorflow.md).

| op | cases | where |
|---|---|---|
"""


def write_docs(families):
    """docs/tensorflow-ops.md, from the cases that there are."""
    counts, where = {}, {}
    for family in families:
        for case in tf_worker.load(family):
            for op in set(case.ops):
                counts[op] = counts.get(op, 0) + 1
                where.setdefault(op, family)
    names = sorted(tf_names())
    lines = [f"| {n} | {counts.get(n, 0) or ''} | {EXEMPT[n] if n in EXEMPT and counts.get(n, 0) < 10 else where.get(n, '')} |" for n in names]
    (ROOT / "docs" / "tensorflow-ops.md").write_text(HEADER.format(n=len(names)) + "\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", action="append")
    parser.add_argument("--op")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each N-th case")
    parser.add_argument("--quiet", action="store_true", help="one line at the end")
    parser.add_argument("--missing", action="store_true", help="fail for ops with fewer than ten cases")
    parser.add_argument("--write-docs", action="store_true", help="only write docs/tensorflow-ops.md")
    args = parser.parse_args()
    families = args.family or sorted(p.stem for p in (HERE / "tf").glob("*.py") if not p.stem.startswith("_"))
    if args.write_docs:
        write_docs(families)
        return 0
    passed, failed, seen = 0, 0, {}
    for family in families:
        ok, failures, ops = run_family(family, args.op, args.verbose, args.every)
        for o in ops:
            seen[o] = seen.get(o, 0) + 1
        passed += ok
        failed += len(failures)
        if ok + len(failures) and not args.quiet:
            print(f"{family:<16} {ok:>5} passed {len(failures):>5} failed", flush=True)
    few = [n for n in tf_names() if seen.get(n, 0) < 10 and n not in EXEMPT] if args.missing else []
    if few:
        print(f"fewer than ten cases: {' '.join(f'{n}({seen.get(n, 0)})' for n in few)}")
    print(f"tensorflow ops: {passed} passed, {failed + len(few)} failed; {len(seen)} ops")
    return 1 if failed or few else 0


if __name__ == "__main__":
    sys.exit(main())
