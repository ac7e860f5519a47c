# SPDX-License-Identifier: Apache-2.0
"""compare.py: unflow beside LiteRT, in one run.

    compare.py              import time, size, open, invoke and get_tensor on MobileNetV2 and ResNet50, float32 and int8
    compare.py --all        every model of tests/oracle/zoo.py that has a full size
    compare.py --json FILE  the numbers too
    compare.py MODEL.tflite ...   these files instead

Every measurement is made in a process of its own, one peer at a time, in rounds that alternate between the peers, so
that a machine that slows down slows both. A round's number is the minimum of its repetitions; what is printed is the
median over rounds. One thread. Inputs are seeded random numbers. Needs ai-edge-litert, and TensorFlow to make models.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "oracle"))
import engines  # noqa: E402
import zoo  # noqa: E402

PEERS = {"unflow": "from unflow.lite import Interpreter", "litert": "from ai_edge_litert.interpreter import Interpreter"}

MODEL_CODE = """
import json, sys, time
import numpy as np
{importing}
path, seconds = sys.argv[1], float(sys.argv[2])
clock = time.perf_counter

def opened():
    start = clock()
    interpreter = Interpreter(model_path=path, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter, clock() - start

opens, spent = [], clock()
while len(opens) < 3 or (len(opens) < 20 and clock() - spent < seconds / 4):
    interpreter, took = opened()
    opens.append(took)
rng = np.random.default_rng(1)
for d in interpreter.get_input_details():
    shape = d["shape"]
    integer = np.issubdtype(d["dtype"], np.integer)
    value = rng.integers(-100, 100, shape) if integer else rng.uniform(-1, 1, shape)
    interpreter.set_tensor(d["index"], value.astype(d["dtype"]))
start = clock()
interpreter.invoke()
first = clock() - start
runs, spent = [], clock()
while len(runs) < 3 or (len(runs) < 2000 and clock() - spent < seconds):
    start = clock()
    interpreter.invoke()
    runs.append(clock() - start)
output = interpreter.get_output_details()[0]["index"]
get = []
for _ in range(20):
    start = clock()
    for _ in range(200):
        interpreter.get_tensor(output)
    get.append((clock() - start) / 200)
print(json.dumps({{"open": min(opens), "first": first, "invoke": min(runs), "get": min(get)}}))
"""

IMPORT_CODE = """
import time
import numpy
start = time.perf_counter()
{importing}
print(time.perf_counter() - start)
"""


def python(code, *arguments):
    env = engines.environment({"PYTHONDONTWRITEBYTECODE": "0"})
    command = [sys.executable, "-c", code, *map(str, arguments)]
    result = subprocess.run(command, env=env, capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(result.stderr.strip().splitlines()[-1] if result.stderr else f"status {result.returncode}")
    return result.stdout.strip().splitlines()[-1]


def folder_size(path):
    """Bytes of a package's files, without what Python compiles at first import."""
    return sum(f.stat().st_size for f in pathlib.Path(path).rglob("*") if f.is_file() and f.suffix not in (".pyc", ".a"))


def installed_sizes():
    """Installed size of unflow's wheel and of LiteRT with what it needs beyond NumPy."""
    out = {"unflow": None, "litert": None}
    site = pathlib.Path(subprocess.run([sys.executable, "-c", "import ai_edge_litert as a; print(a.__path__[0])"],
                                       capture_output=True, text=True).stdout.strip() or ".")
    if site.name == "ai_edge_litert":
        out["litert"] = folder_size(site)
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "-q", "wheel", "--no-deps", "--no-build-isolation", "-w", folder,
                   str(HERE.parent)]
        bin_folder = os.path.dirname(sys.executable)
        env = {**os.environ, "PATH": bin_folder + os.pathsep + os.environ["PATH"]}
        if subprocess.run(command, env=env, capture_output=True).returncode == 0:
            import zipfile

            wheel = next(pathlib.Path(folder).glob("*.whl"))
            out["unflow"] = sum(i.file_size for i in zipfile.ZipFile(wheel).infolist())
            out["unflow_wheel"] = wheel.stat().st_size
    return out


def import_times(rounds):
    times = {peer: [] for peer in PEERS}
    for peer in PEERS:  # bytecode is compiled once, before anything counts
        python(IMPORT_CODE.format(importing=PEERS[peer]))
    for _ in range(rounds):
        for peer, importing in PEERS.items():
            times[peer].append(float(python(IMPORT_CODE.format(importing=importing))))
    return {peer: min(values) for peer, values in times.items()}


def model_times(path, rounds, seconds):
    rows = {peer: [] for peer in PEERS}
    for turn in range(rounds):
        peers = list(PEERS.items())
        for peer, importing in peers if turn % 2 == 0 else peers[::-1]:
            try:
                rows[peer].append(json.loads(python(MODEL_CODE.format(importing=importing), path, seconds)))
            except RuntimeError as error:
                print(f"  {peer}: {error}"[:200])
    return {peer: {key: statistics.median(r[key] for r in values) for key in values[0]}
            for peer, values in rows.items() if values}


def machine():
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        names = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def show_model(name, times):
    ours, theirs = times.get("unflow"), times.get("litert")
    if not ours or not theirs:
        print(f"{name:<28} not measured")
        return
    cells = []
    for key, scale, unit in (("open", 1e3, "ms"), ("first", 1e3, "ms"), ("invoke", 1e3, "ms"), ("get", 1e6, "us")):
        cells.append(f"{ours[key] * scale:9.2f} {theirs[key] * scale:9.2f} {ours[key] / theirs[key]:5.2f}x")
    print(f"{name:<28}" + " |".join(cells))


def models_of(args):
    if args.files:
        return [(pathlib.Path(f).stem, pathlib.Path(f)) for f in args.files]
    names = zoo.FULL if args.all else ["mobilenet_v2", "resnet50"]
    kinds = ("float32", "float16", "dynamic", "int8") if args.all else ("float32", "int8")
    zoo.make([(n, k) for n in names for k in kinds], "full", together=1)
    paths = [(f"{n} {k}", zoo.path_of(n, k, "full")) for n in names for k in kinds]
    return [(name, path) for name, path in paths if path.exists()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of invokes in each process")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--models-only", action="store_true", help="no import times and sizes")
    args = parser.parse_args()
    result = {"machine": machine(), "load": os.getloadavg()[0], "models": {}}
    print(f"machine: {result['machine']}; load {result['load']:.1f}")
    if not args.models_only:
        result["import"], result["installed"] = import_times(args.rounds * 3), installed_sizes()
        print(f"import over numpy, ms:   unflow {result['import']['unflow'] * 1e3:.1f}   litert "
              f"{result['import']['litert'] * 1e3:.1f}")
        print("installed, MB:           " + "   ".join(f"{k} {v / 1e6:.2f}" for k, v in result["installed"].items() if v))
    head = f"{'unflow':>9} {'litert':>9} {'':>6}"
    print(f"\n{'one thread':<28}" + " |".join(f"{t:^26}" for t in ("open+allocate, ms", "first invoke, ms", "invoke, ms",
                                                                  "get_tensor, us")))
    print(f"{'':<28}" + " |".join([head] * 4))
    for name, path in models_of(args):
        result["models"][name] = model_times(path, args.rounds, args.seconds)
        show_model(name, result["models"][name])
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
