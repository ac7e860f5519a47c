#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run_tests.py: runs every test runner and sums up what they say. Called by `make test`, which has built everything.

    run_tests.py                all of it
    run_tests.py NAME ...       some of the steps (--list names them)
    run_tests.py --all [...]    every case beside TensorFlow; without it a sample, always the same, of ops with many

Steps that keep one processor busy run two at a time (UNFLOW_TEST_LANES); what a step prints comes when it has ended, then
the counts of all of them. The last line is the sum: `N passed, N failed, N skipped`. The exit status is 1 when anything
failed, or when a runner died without counts.
"""

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
TOOLS = ROOT / ".venv" / "bin"
ORACLE = ROOT / ".venv-oracle" / "bin" / "python"
SANITIZED = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "LSAN_OPTIONS": "report_objects=0",
}


LINES = threading.local()  # .kept: what the step of this thread prints, until it ends


def say(text):
    """Prints now, or with the rest of the step."""
    kept = getattr(LINES, "kept", None)
    if kept is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        kept.append(text)


def call(command, extra=None, quiet=False):
    """Runs a command, passing its output on line by line; (exit status, output)."""
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PATH": f"{TOOLS}:{os.environ['PATH']}", **(extra or {})}
    process = subprocess.Popen([str(c) for c in command], cwd=ROOT, env=env, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace")
    lines = []
    for line in process.stdout:
        lines.append(line)
        if not quiet:
            say("  " + line)
    return process.wait(), "".join(lines)


def counts_of(text, status):
    """(passed, failed, skipped) of the last line that has counts."""
    for line in reversed(text.splitlines()):
        found = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|skipped|error)s?\b", line)}
        if "passed" in found or "failed" in found or ("skipped" in found and " in " in line):
            failed = found.get("failed", 0) + found.get("error", 0)
            return found.get("passed", 0), failed or (1 if status else 0), found.get("skipped", 0)
    return 0, 1, 0


def cmocka_counts(record):
    """Counts of one program of `meson test`: cmocka's own, or one for a program that has none."""
    text = record.get("stdout", "") + record.get("stderr", "")
    passed = sum(map(int, re.findall(r"\[  PASSED  \] (\d+) test", text)))
    failed = sum(map(int, re.findall(r"\[  FAILED  \] .*?(\d+) test\(s\)", text)))
    skipped = sum(map(int, re.findall(r"\[  SKIPPED \] .*?(\d+) test\(s\)", text)))
    good = record["result"] in ("OK", "EXPECTEDFAIL")
    if record["result"] == "SKIP":
        return 0, 0, max(skipped, 1)
    if not good:
        return passed, max(failed, 1), skipped
    return passed or 1, failed, skipped


def c_tests(folder, extra=None):
    log = ROOT / folder / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    status, _ = call([TOOLS / "meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs", "--num-processes", "2"],
                     extra, quiet=False)
    total = [0, 0, 0]
    if log.exists():
        for line in log.read_text().splitlines():
            total = [a + b for a, b in zip(total, cmocka_counts(json.loads(line)))]
    if status and not total[1]:
        total[1] = 1
    return tuple(total)


def pytest(paths, extra=None, options=()):
    status, text = call([ORACLE, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", *options, *paths],
                        {"PYTHONPATH": str(ROOT / "build" / "python"), **(extra or {})})
    return counts_of(text, status if status != 5 else 0)


def libasan():
    path = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True).stdout.strip()
    return os.path.realpath(path)


def sanitized_python():
    """The environment in which a Python that is not sanitized loads the extension that is."""
    # Python itself keeps memory until it exits, so leaks are looked for in the C tests only.
    return {**SANITIZED, "ASAN_OPTIONS": SANITIZED["ASAN_OPTIONS"].replace("detect_leaks=1", "detect_leaks=0"),
            "PYTHONPATH": str(ROOT / "build-asan" / "python"), "LD_PRELOAD": libasan(), "UNFLOW_TEST_SANITIZED": "1"}


def cross():
    status, text = call([sys.executable, "tools/test_cross.py"])
    return counts_of(text, status)


def layers():
    status, text = call([sys.executable, "tools/check_layers.py"])
    return counts_of(text, status)


def python_sanitized():
    files = [p for p in sorted((ROOT / "tests" / "python").glob("test_*.py"))
             if p.stem not in ("test_dropin", "test_package")]  # one loads another runtime, one measures
    return pytest(files, sanitized_python())


def python_with(isa, *more):
    """The tests of Python whose answers kernels give, and how nodes run together."""
    names = ("attention", "blockwise", "chains", "fused_ops", "packed_weights", "replay", "seen", "seen_pads", "strips", "threads")
    files = [f"tests/python/test_{name}.py" for name in names]
    files += sorted((ROOT / "tests" / "python").glob("test_*_formulas.py"))
    return pytest([*files, *more], {"UNFLOW_ISA": isa})


ALL = "--all" in sys.argv[1:]
SAMPLE = [] if ALL else ["--sample"]


def oracle():
    status, text = call([ORACLE, "tests/oracle/run.py", "--quiet", *SAMPLE], {"PYTHONPATH": ""})
    return counts_of(text, status)


def oracle_sanitized():
    """The same cases on the sanitized library, once; only the process under test is preloaded."""
    env = sanitized_python()
    extra = {"UNFLOW_PYTHONPATH": env.pop("PYTHONPATH"), "UNFLOW_CANDIDATE_PRELOAD": env.pop("LD_PRELOAD"), **env,
             "PYTHONPATH": ""}
    status, text = call([ORACLE, "tests/oracle/run.py", "--quiet", "--best-isa", *SAMPLE], extra)
    return counts_of(text, status)


def oracle_damaged():
    """Models of the same cases with bytes changed, on the sanitized library."""
    env = sanitized_python()
    extra = {"UNFLOW_PYTHONPATH": env.pop("PYTHONPATH"), "UNFLOW_CANDIDATE_PRELOAD": env.pop("LD_PRELOAD"), **env,
             "PYTHONPATH": "", "ASAN_OPTIONS": env["ASAN_OPTIONS"] + ":max_allocation_size_mb=1024"}
    some = ["--models", "3", "--variants", "40"] if ALL else ["--models", "1", "--variants", "12"]
    status, text = call([ORACLE, "tests/oracle/damaged.py", *some], extra)
    return counts_of(text, status)


def tensorflow_ops():
    status, text = call([ORACLE, "tests/oracle/tf_run.py", "--quiet", "--missing"],
                        {"PYTHONPATH": "", "UNFLOW_PYTHONPATH": str(ROOT / "build" / "python")})
    return counts_of(text, status)


def tensorflow_ops_sanitized():
    """Each fifth of the same cases; TensorFlow's answers are there already."""
    env = sanitized_python()
    extra = {"UNFLOW_PYTHONPATH": env.pop("PYTHONPATH"), "UNFLOW_CANDIDATE_PRELOAD": env.pop("LD_PRELOAD"), **env,
             "PYTHONPATH": ""}
    status, text = call([ORACLE, "tests/oracle/tf_run.py", "--quiet", "--every", "1" if ALL else "5"], extra)
    return counts_of(text, status)


def wheel():
    """A wheel as pip makes it, and its own tests."""
    folder = ROOT / "build" / "wheel"
    shutil.rmtree(folder, ignore_errors=True)
    status, text = call([ORACLE, "-m", "pip", "-q", "--disable-pip-version-check", "wheel", "--no-deps", "--no-build-isolation", "-w", folder, "."],
                        {"PATH": f"{ORACLE.parent}:{os.environ['PATH']}"}, quiet=True)
    if status:
        say("  " + "\n  ".join(text.splitlines()[-40:]) + "\n")
    made = list(folder.glob("*.whl"))
    return pytest(["tests/python/test_wheel.py"], {"UNFLOW_WHEEL": str(made[0])}) if status == 0 and made else (0, 1, 0)


STEPS = {
    "layers": layers,
    "c": lambda: c_tests("build"),
    "c-scalar": lambda: c_tests("build", {"UNFLOW_ISA": "scalar"}),
    "c-avx2": lambda: c_tests("build", {"UNFLOW_ISA": "avx2"}),
    "c-neon": cross,
    "c-sanitized": lambda: c_tests("build-asan", SANITIZED),
    "python": lambda: pytest(["tests/python"]),
    "python-scalar": lambda: python_with("scalar", "tests/python/test_real_models.py"),
    "python-avx2": lambda: python_with("avx2"),
    "python-sanitized": python_sanitized,
    "oracle": oracle,
    "oracle-sanitized": oracle_sanitized,
    "oracle-damaged": oracle_damaged,
    "tensorflow-ops": tensorflow_ops,
    "tensorflow-ops-sanitized": tensorflow_ops_sanitized,
    "tensorflow": lambda: pytest(["tests/oracle/test_tf_control.py", "tests/oracle/test_tf_eager.py",
                                  "tests/oracle/test_tf_graph.py", "tests/oracle/test_tf_saved_models.py",
                                  "tests/oracle/test_tf_scripts.py"]),
    "checkpoints": lambda: pytest(["tests/oracle/test_checkpoints.py", "tests/oracle/test_tf_train.py"]),
    "checkpoints-sanitized": lambda: pytest(
        ["tests/oracle/test_checkpoints.py"],
        {**sanitized_python(), "UNFLOW_PYTHONPATH": str(ROOT / "build-asan" / "python"), "PYTHONPATH": ""}),
    "wheel": wheel,
    "flex": lambda: pytest(["tests/oracle/test_flex.py"], {"PYTHONPATH": ""}),
    "zoo": lambda: pytest(["tests/oracle/test_zoo.py"], {"PYTHONPATH": "", "UNFLOW_ZOO_TESTS": "all" if ALL else "some"}),
}


# What runs after one another: a later step uses what an earlier one left on disk (answers of the oracle), or counts
# on the machine. The first chain runs alone, for its programs use all processors.
CHAINS = [
    ["layers", "c", "c-scalar", "c-avx2", "c-neon", "c-sanitized"],
    ["oracle", "oracle-sanitized", "oracle-damaged"],
    ["tensorflow-ops", "tensorflow-ops-sanitized"],
    ["python", "python-scalar", "python-avx2", "python-sanitized"],
    ["tensorflow"],
    ["zoo"],
    ["flex"],
    ["checkpoints", "checkpoints-sanitized"],
    ["wheel"],
]


def run_step(name, rows):
    start = time.time()
    try:
        counts = STEPS[name]()
    except Exception as error:  # a runner that cannot start must not hide the others
        say(f"  {type(error).__name__}: {error}\n")
        counts = (0, 1, 0)
    rows[name] = (counts, time.time() - start)


def run_chain(chain, rows, lock):
    """One chain in a lane: each step's output in one piece."""
    for name in chain:
        LINES.kept = []
        run_step(name, rows)
        with lock:
            sys.stdout.write(f"== {name}\n" + "".join(LINES.kept))
            sys.stdout.flush()


def run_all(names):
    """{step: (counts, seconds)}."""
    rows, lock = {}, threading.Lock()
    chains = [[name for name in chain if name in names] for chain in CHAINS]
    for name in chains[0]:
        print(f"== {name}", flush=True)
        run_step(name, rows)
    waiting = collections.deque(chain for chain in chains[1:] if chain)

    def lane():
        while True:
            try:
                chain = waiting.popleft()
            except IndexError:
                return
            run_chain(chain, rows, lock)

    lanes = [threading.Thread(target=lane) for _ in range(int(os.environ.get("UNFLOW_TEST_LANES", "2")))]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join()
    return rows


def main(names):
    names = [name for name in names if name != "--all"]
    if names == ["--list"]:
        print("\n".join(STEPS))
        return 0
    unknown = [name for name in names if name not in STEPS]
    if unknown:
        print(f"run_tests.py: expected steps of {' '.join(STEPS)}, found {' '.join(unknown)}", file=sys.stderr)
        return 2
    rows = run_all(names or list(STEPS))
    total = [sum(counts[i] for counts, _ in rows.values()) for i in range(3)]
    print(f"\n{'':<26}{'passed':>8}{'failed':>8}{'skipped':>8}{'seconds':>9}")
    for name in STEPS:
        if name in rows:
            (passed, failed, skipped), seconds = rows[name]
            print(f"{name:<26}{passed:>8}{failed:>8}{skipped:>8}{seconds:>9.0f}")
    print("{} passed, {} failed, {} skipped".format(*total))
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
