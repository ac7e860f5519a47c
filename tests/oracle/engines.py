# SPDX-License-Identifier: Apache-2.0
"""engines.py: runs cases in processes of their own, and keeps what the oracle said.

An engine may crash on a case; then the case's result is ("crash", text) and a new process goes on with the next one.
Expected outputs are kept on disk under the hash of model and inputs, so TensorFlow is started for new cases only.
"""

import os
import pathlib
import pickle
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = pathlib.Path(os.environ.get("UNFLOW_ORACLE_CACHE") or ROOT / "build-oracle")
ORACLE_VERSION = 4  # counts up when worker.py changes what a result is


def package_path():
    """Where `unflow` is found: UNFLOW_PYTHONPATH, or the build folder, or (empty) the installed one."""
    path = os.environ.get("UNFLOW_PYTHONPATH")
    if path is None:
        path = str(ROOT / "build" / "python")
    return path if path and os.path.isdir(path) else ""


def isas():
    """The instruction sets to test on this machine, best first."""
    chosen = os.environ.get("UNFLOW_TEST_ISAS")
    if chosen:
        return chosen.split(",")
    code = "import unflow._core as c; print(c.isa())"
    best = subprocess.run([sys.executable, "-c", code], env=_process_environment("unflow", {}), capture_output=True,
                          text=True).stdout.strip()
    order = ["avx512", "avx2", "scalar"]
    if best not in order:
        flags = pathlib.Path("/proc/cpuinfo").read_text() if os.path.exists("/proc/cpuinfo") else ""
        best = "avx512" if "avx512_vnni" in flags else "avx2" if " avx2" in flags and " fma" in flags else "scalar"
    return order[order.index(best):]


def environment(extra):
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **extra}
    env.pop("UNFLOW_ISA", None)
    env.update(extra)
    path = package_path()
    if path:
        env["PYTHONPATH"] = path + os.pathsep + env.get("PYTHONPATH", "")
    return env


def _process_environment(engine, extra):
    env = environment(extra or {})
    preload = os.environ.get("UNFLOW_CANDIDATE_PRELOAD")  # a sanitizer's library, for the process under test
    if engine == "unflow" and preload:
        env["LD_PRELOAD"] = preload
    return env


def _read_results(path):
    results = []
    with open(path, "rb") as file:
        while True:
            try:
                results.append(pickle.load(file))
            except (EOFError, pickle.UnpicklingError):
                return results


def _ending(code, stderr):
    lines = [line for line in stderr.decode(errors="replace").strip().splitlines() if line.strip()]
    if code == -14:
        return "took too long"
    words = f"ended by signal {-code}" if code < 0 else f"ended with status {code}"
    return f"{words}: {' | '.join(lines[-3:])[-400:]}" if lines else words


def run(engine, cases, extra=None, seconds=60, note=None):
    """Results of cases (Case.job()) on an engine: "unflow", "tf_ref", "tf_default" or "litert_ref"."""
    if not cases:
        return []
    with tempfile.TemporaryDirectory() as folder:
        job, result = os.path.join(folder, "job"), os.path.join(folder, "result")
        with open(job, "wb") as file:
            pickle.dump(list(cases), file)
        open(result, "wb").close()
        done, crashes = [], {}
        while len(done) < len(cases):
            command = [sys.executable, str(HERE / "worker.py"), engine, job, result, str(len(done)), str(seconds)]
            process = subprocess.run(command, env=_process_environment(engine, extra), stdout=subprocess.DEVNULL,
                                     stderr=subprocess.PIPE)
            before, done = len(done), _read_results(result)
            if len(done) >= len(cases):
                break
            if len(done) == before and process.returncode == 1:
                raise RuntimeError(f"{engine} does not start: " + process.stderr.decode(errors="replace")[-2000:])
            crashes[len(done)] = _ending(process.returncode, process.stderr)
            done.append(("crash", crashes[len(done)], ""))
            with open(result, "wb") as file:  # anew, for a half-written result cannot be appended to
                for item in done:
                    pickle.dump(item, file)
            if note:
                note(f"{engine}: case {len(done) - 1} {done[-1][1]}")
        return done


def ask(jobs, note=None, seconds=60):
    """What the oracle says: TensorFlow's reference kernels; LiteRT's where TensorFlow's refuse, for they are newer."""
    results = run("tf_ref", jobs, seconds=seconds, note=note)
    refused = [i for i, result in enumerate(results) if result[0] == "error"]
    for i, result in zip(refused, run("litert_ref", [jobs[i] for i in refused], seconds=seconds)):
        if result[0] == "ok":
            results[i] = result
    return results


class Expected:
    """The oracle's results by case key, one file a family."""

    def __init__(self, family):
        self.path = CACHE / f"{family}.pickle"
        self.known = {}
        if self.path.exists():
            with open(self.path, "rb") as file:
                version, known = pickle.load(file)
            if version == ORACLE_VERSION:
                self.known = known

    def results(self, cases, note=None, family=None):
        """Results of Case objects, running the oracle for those not known yet. family: all cases whose results are to
        be kept, those of `cases` by default."""
        keys = [case.key() for case in cases]
        missing = {key: case for key, case in zip(keys, cases) if key not in self.known}
        if missing:
            if note:
                note(f"asking the oracle for {len(missing)} cases")
            jobs = [case.job() for case in missing.values()]
            self.known.update(zip(missing, ask(jobs, note)))
            kept = {case.key() for case in family or ()} | set(keys)  # cases that are gone go
            self.known = {key: result for key, result in self.known.items() if key in kept}
            self._save()
        return [self.known[key] for key in keys]

    def merge(self, case):
        """The result of one case, kept beside the others. For large models: ten minutes and no more."""
        key = case.key()
        if key not in self.known:
            self.known[key] = ask([case.job()], seconds=600)[0]
            self._save()
        return self.known[key]

    def _save(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(f".{os.getpid()}")
        with open(temporary, "wb") as file:
            pickle.dump((ORACLE_VERSION, self.known), file)
        os.replace(temporary, self.path)
