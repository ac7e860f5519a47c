#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run_tests.py: runs every test runner and sums up what they say. Called by `make test`, which has built everything.

    run_tests.py                all of it
    run_tests.py NAME ...       some of the steps (--list names them)
    run_tests.py --all [...]    every case beside TensorFlow; without it a sample, always the same, of ops with many

Each step prints what it always prints, then one line of counts; the last line is the sum:
`N passed, N failed, N skipped`. The exit status is 1 when anything failed, or when a runner died without counts.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
TOOLS = ROOT / ".venv" / "bin"
ORACLE = ROOT / ".venv-oracle" / "bin" / "python"
SANITIZED = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "LSAN_OPTIONS": "report_objects=0",
}


def call(command, extra=None, quiet=False):
    """Runs a command, passing its output on line by line; (exit status, output)."""
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PATH": f"{TOOLS}:{os.environ['PATH']}", **(extra or {})}
    process = subprocess.Popen([str(c) for c in command], cwd=ROOT, env=env, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace")
    lines = []
    for line in process.stdout:
        lines.append(line)
        if not quiet:
            sys.stdout.write("  " + line)
            sys.stdout.flush()
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


def layers():
    status, text = call([sys.executable, "tools/check_layers.py"])
    return counts_of(text, status)


def python_sanitized():
    files = [p for p in sorted((ROOT / "tests" / "python").glob("test_*.py"))
             if p.stem not in ("test_dropin", "test_package")]  # one loads another runtime, one measures
    return pytest(files, sanitized_python())


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


def tensorflow_ops():
    status, text = call([ORACLE, "tests/oracle/tf_run.py", "--quiet", "--missing", *([] if ALL else ["--every", "2"])],
                        {"PYTHONPATH": "", "UNFLOW_PYTHONPATH": str(ROOT / "build" / "python")})
    return counts_of(text, status)


def tensorflow_ops_sanitized():
    """Each fifth of the same cases; TensorFlow's answers are there already."""
    env = sanitized_python()
    extra = {"UNFLOW_PYTHONPATH": env.pop("PYTHONPATH"), "UNFLOW_CANDIDATE_PRELOAD": env.pop("LD_PRELOAD"), **env,
             "PYTHONPATH": ""}
    status, text = call([ORACLE, "tests/oracle/tf_run.py", "--quiet", "--every", "1" if ALL else "6"], extra)
    return counts_of(text, status)


def wheel():
    """A wheel as pip makes it, and its own tests."""
    folder = ROOT / "build" / "wheel"
    shutil.rmtree(folder, ignore_errors=True)
    status, text = call([ORACLE, "-m", "pip", "-q", "--disable-pip-version-check", "wheel", "--no-deps", "--no-build-isolation", "-w", folder, "."],
                        {"PATH": f"{ORACLE.parent}:{os.environ['PATH']}"}, quiet=True)
    if status:
        print("  " + "\n  ".join(text.splitlines()[-40:]))
    made = list(folder.glob("*.whl"))
    return pytest(["tests/python/test_wheel.py"], {"UNFLOW_WHEEL": str(made[0])}) if status == 0 and made else (0, 1, 0)


STEPS = {
    "layers": layers,
    "c": lambda: c_tests("build"),
    "c-scalar": lambda: c_tests("build", {"UNFLOW_ISA": "scalar"}),
    "c-sanitized": lambda: c_tests("build-asan", SANITIZED),
    "python": lambda: pytest(["tests/python"]),
    "models-scalar": lambda: pytest(["tests/python/test_real_models.py"], {"UNFLOW_ISA": "scalar"}),
    "python-sanitized": python_sanitized,
    "oracle": oracle,
    "oracle-sanitized": oracle_sanitized,
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
    "zoo": lambda: pytest(["tests/oracle/test_zoo.py"], {"PYTHONPATH": "", "UNFLOW_ZOO_TESTS": "all" if ALL else "some"}),
}


def main(names):
    names = [name for name in names if name != "--all"]
    if names == ["--list"]:
        print("\n".join(STEPS))
        return 0
    total, rows = [0, 0, 0], []
    for name in names or STEPS:
        print(f"== {name}", flush=True)
        start = time.time()
        counts = STEPS[name]()
        rows.append((name, counts, time.time() - start))
        total = [a + b for a, b in zip(total, counts)]
    print(f"\n{'':<20}{'passed':>8}{'failed':>8}{'skipped':>8}{'seconds':>9}")
    for name, counts, seconds in rows:
        print(f"{name:<20}{counts[0]:>8}{counts[1]:>8}{counts[2]:>8}{seconds:>9.0f}")
    print("{} passed, {} failed, {} skipped".format(*total))
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
