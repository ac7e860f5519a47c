# SPDX-License-Identifier: Apache-2.0
"""compare.py: unflow beside LiteRT and OpenVINO, in one run.

    compare.py                         everything below, on 24 models, with one thread and with two
    compare.py resnet50 mlp-int8       only models whose name contains one of these words
    compare.py --threads 1 --show invoke       one table
    compare.py --files MODEL.tflite ...        these files instead
    compare.py --json FILE             the numbers too

Tables: import (over NumPy's) and installed size; invoke; cold start (open, allocate, first invoke); peak memory; get_tensor
and set_tensor; runs a second of two sessions of one thread at a time (unflow's share the weights). Every measurement is made in a process of its own (peers.py), one peer at a time, in rounds that alternate
between the peers, so that a machine that slows down slows all. A round's number is the minimum of its repetitions; what
is printed is the median over rounds. The ratio is unflow's to the better peer's: below 1.00x unflow needs less.

OpenVINO is measured with the precision of the model (f32), as unflow and LiteRT compute. On processors with bfloat16 its
own default rounds float32 models to 8 bits of mantissa; that is shown beside it, in brackets, and not counted. Where its
sums of int8 products are wrong (saturation.py: on processors without VNNI), its times of int8 models are in brackets, too.

Models: keras.applications at 224x224, a transformer (4 layers, 128x256, 8 heads), a U-Net (128x128), two LSTMs of 128 over
64 steps, an MLP of 3 x 2048; random weights; float32, dynamic range and full int8 (tests/oracle/zoo.py). Needs
ai-edge-litert, openvino, and TensorFlow to make the models.
"""

import argparse
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "oracle"))
import engines  # noqa: E402
import zoo  # noqa: E402

MODELS = ("resnet50", "mobilenet_v2", "efficientnet_b0", "mobilenet_v3", "unet", "transformer", "lstm", "mlp")
KINDS = ("float32", "dynamic", "int8")
PEERS = ("unflow", "litert", "openvino")
TABLES = ("import", "invoke", "cold", "memory", "tensors", "sessions")

IMPORTS = {"unflow": "from unflow.lite import Interpreter", "litert": "from ai_edge_litert.interpreter import Interpreter",
           "openvino": "import openvino"}
IMPORT_CODE = """
import time
import numpy
start = time.perf_counter()
{importing}
print(time.perf_counter() - start)
"""


def python(*arguments):
    # NumPy's OpenBLAS has threads that watch for work for a tenth of a second from its import on, on the processor that a
    # peer's second thread needs: no peer uses them.
    env = engines.environment({"PYTHONDONTWRITEBYTECODE": "0", "OPENBLAS_NUM_THREADS": "1"})
    result = subprocess.run([sys.executable, *map(str, arguments)], env=env, capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(result.stderr.strip().splitlines()[-1] if result.stderr else f"status {result.returncode}")
    return result.stdout.strip().splitlines()[-1]


# ---- import and size --------------------------------------------------------------------------------


def folder_size(path):
    """Bytes of a package's files, without what Python compiles at first import."""
    return sum(f.stat().st_size for f in pathlib.Path(path).rglob("*") if f.is_file() and f.suffix not in (".pyc", ".a"))


def installed_sizes():
    """Installed size of unflow's wheel, and of the peers' packages without what they need beside."""
    sizes = {}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "-q", "wheel", "--no-deps", "--no-build-isolation", "-w", folder, str(HERE.parent)]
        env = {**os.environ, "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]}
        if subprocess.run(command, env=env, capture_output=True).returncode == 0:
            wheel = next(pathlib.Path(folder).glob("*.whl"))
            sizes["unflow"] = sum(i.file_size for i in zipfile.ZipFile(wheel).infolist())
            sizes["unflow's wheel"] = wheel.stat().st_size
    for peer, module in (("litert", "ai_edge_litert"), ("openvino", "openvino")):
        path = python("-c", f"import {module} as m; print(m.__path__[0])")
        sizes[peer] = folder_size(path)
    return sizes


def import_times(rounds):
    times = {peer: [] for peer in PEERS}
    for turn in range(rounds + 1):
        for peer in PEERS:
            took = float(python("-c", IMPORT_CODE.format(importing=IMPORTS[peer])))
            if turn:  # in the first turn bytecode is compiled
                times[peer].append(took)
    return {peer: min(values) for peer, values in times.items()}


def show_import(args):
    times, sizes = import_times(args.rounds * 2), installed_sizes()
    print("import over numpy, ms:   " + "   ".join(f"{k} {v * 1e3:.1f}" for k, v in times.items()))
    print("installed, MB:           " + "   ".join(f"{k} {v / 1e6:.2f}" for k, v in sizes.items()))
    return {"import": times, "installed": sizes}


# ---- models -----------------------------------------------------------------------------------------


def measure(path, threads, peers, args):
    """{peer: {what: median over rounds}}; a peer that cannot run it is missing."""
    rows = {peer: [] for peer in peers}
    for turn in range(args.rounds):
        for peer in peers if turn % 2 == 0 else peers[::-1]:
            if rows[peer] is None:
                continue
            try:
                rows[peer].append(json.loads(python(HERE / "peers.py", peer, path, threads, args.seconds)))
            except RuntimeError as error:
                print(f"  {peer} cannot run {path.name}: {str(error)[:150]}", file=sys.stderr)
                rows[peer] = None
    return {peer: {key: statistics.median(r[key] for r in values) for key in values[0]}
            for peer, values in rows.items() if values}


def better(results, value):
    return min((value(r) for peer, r in results.items() if peer in ("litert", "openvino")), default=None)


def saturates(peer):
    """Whether the peer's int8 models compute something else than they say."""
    try:
        _, exact, _, found = python(HERE / "saturation.py", peer).split()
    except RuntimeError:
        return False  # it is not there
    return abs(int(found) - int(exact)) > 1


def set_apart(name, by_peer, wrong):
    """OpenVINO's numbers of a model that it computes wrongly, under another name."""
    if wrong and name.endswith("int8") and "openvino" in by_peer:
        by_peer["openvino_inexact"] = by_peer.pop("openvino")


def bracketed(number, digits):
    return f"{f'({number:.{digits}f})':>10}"


def cell(by_peer, peer, value, scale, digits):
    if peer in by_peer:
        return f"{value(by_peer[peer]) * scale:10.{digits}f}"
    inexact = by_peer.get(f"{peer}_inexact")
    return bracketed(value(inexact) * scale, digits) if inexact else f"{'-':>10}"


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def show(title, results, value, scale, digits=2, bf16=False):
    """A table of one number of each model and peer; value takes a peer's results."""
    print(f"\n{title:<36}" + "".join(f"{peer:>10}" for peer in PEERS) + ("    (bf16)" if bf16 else "") + "     ratio")
    ratios = []
    for name, by_peer in results.items():
        cells = [cell(by_peer, p, value, scale, digits) for p in PEERS]
        if bf16:
            other = by_peer.get("openvino_bf16")
            cells.append(bracketed(value(other) * scale, digits) if other else " " * 10)
        best = better(by_peer, value)
        if best and "unflow" in by_peer:
            ratios.append(value(by_peer["unflow"]) / best)
            cells.append(f"{ratios[-1]:9.2f}x")
        print(f"{name:<36}" + "".join(cells))
    if ratios:
        print(f"{'geometric mean of %d' % len(ratios):<36}{'':>{10 * len(PEERS) + (10 if bf16 else 0)}}{geometric_mean(ratios):9.2f}x"
              f"   worst {max(ratios):.2f}x")
    if any("openvino_inexact" in by_peer for by_peer in results.values()):
        print("in brackets, not counted: OpenVINO's sums of int8 products are wrong on this processor (bench/saturation.py)")


def models_of(args):
    if args.files:
        return [(pathlib.Path(f).stem, pathlib.Path(f)) for f in args.files]
    pairs = [(name, kind) for name in MODELS for kind in KINDS
             if not args.words or any(word in f"{name}-{kind}" for word in args.words)]
    zoo.make(pairs, "full", together=1)
    return [(f"{n}-{k}", zoo.path_of(n, k, "full")) for n, k in pairs if zoo.path_of(n, k, "full").exists()]


def has_bf16():
    try:
        return "avx512_bf16" in pathlib.Path("/proc/cpuinfo").read_text() or "amx_bf16" in pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def machine():
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        text = pathlib.Path("/proc/cpuinfo").read_text()
        names = [line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name")]
        model = names[0] if names else model
        has = [word for word, flag in (("AVX2", " avx2"), ("AVX-512", " avx512f"), ("VNNI", " avx512_vnni"), ("BF16", " avx512_bf16"))
               if flag in text]
        model += f" ({', '.join(has)})" if has else ""
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def show_tables(results, threads, args):
    word = "one thread" if threads == 1 else f"{threads} threads"
    bf16 = any("openvino_bf16" in by_peer for by_peer in results.values())
    if "invoke" in args.show:
        show(f"{word}: invoke, ms", results, lambda r: r["invoke"], 1e3, bf16=bf16)
    if "cold" in args.show:
        show(f"{word}: open to first result, ms", results, lambda r: r["open"] + r["first"], 1e3, 1)
    if "memory" in args.show and threads == args.threads[0]:
        show("peak memory of the process, MB", results, lambda r: r["peak_bytes"], 1e-6, 1)
    if "tensors" in args.show and threads == args.threads[0]:
        show("get_tensor of the first output, us", results, lambda r: r["get"], 1e6)
        show("set_tensor of the first input, us", results, lambda r: r["set"], 1e6)


def show_sessions(models, args, wrong):
    results = {name: measure(path, "sessions", PEERS, args) for name, path in models}
    for name, by_peer in results.items():
        set_apart(name, by_peer, wrong)
    print(f"\n{'runs a second, one session | two':<36}" + "".join(f"{peer:>18}" for peer in PEERS) + f"{'ratio of two':>16}")
    for name, by_peer in results.items():
        cells = [f"{by_peer[p]['rate_1']:9.1f}{by_peer[p]['rate_2']:9.1f}" if p in by_peer else f"{'-':>18}" for p in PEERS]
        most = max((by_peer[p]["rate_2"] for p in PEERS[1:] if p in by_peer), default=None)
        if most and "unflow" in by_peer:
            cells.append(f"{most / by_peer['unflow']['rate_2']:15.2f}x")
        print(f"{name:<36}" + "".join(cells))
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="of names of models")
    parser.add_argument("--files", nargs="+", default=[], metavar="MODEL", help="these models instead")
    parser.add_argument("--threads", default="1,2", help="default: 1,2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5, help="of invokes in each process")
    parser.add_argument("--show", default=",".join(TABLES), help=f"of {', '.join(TABLES)}")
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    args.threads, args.show = [int(n) for n in args.threads.split(",")], args.show.split(",")
    if set(args.show) - set(TABLES):
        parser.error(f"--show takes {', '.join(TABLES)}")
    result = {"machine": machine(), "load": os.getloadavg()[0], "models": {}}
    models = models_of(args)
    print(f"machine: {result['machine']}; load {result['load']:.1f}; {args.rounds} rounds")
    if "import" in args.show and not args.words and not args.files:
        result |= show_import(args)
    wrong = any(name.endswith("int8") for name, _ in models) and saturates("openvino")
    for threads in args.threads:
        peers = (*PEERS, "openvino_bf16") if has_bf16() and threads == args.threads[0] and "invoke" in args.show else PEERS
        found = {}
        for name, path in models:
            plain = name.endswith("int8")  # integers stay integers
            found[name] = measure(path, threads, [p for p in peers if not (plain and p == "openvino_bf16")], args)
            set_apart(name, found[name], wrong)
        result["models"][str(threads)] = found
        show_tables(found, threads, args)
    if "sessions" in args.show:
        result["sessions"] = show_sessions(models, args, wrong)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
