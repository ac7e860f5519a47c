# SPDX-License-Identifier: Apache-2.0
"""checkpoint.py: checkpoints read, extracted and written, beside TensorFlow, in one run.

    checkpoint.py                a checkpoint of 755 MB: 96 large variables, 2,000 small ones; and one of 100,000 variables
    checkpoint.py --small        a twentieth of it, to try this script
    checkpoint.py --rounds N --folder DIR --json FILE

TensorFlow writes the checkpoints into a temporary folder, which is deleted at the end. Every measurement is made in a
process of its own, one peer at a time, in rounds that alternate between the peers; what is printed is the median over
rounds, and the best and worst with --json. Before each, the checkpoint is read once, so that it is in the page cache.

- cold: the first read in a process, all arrays kept: memory comes from the kernel page by page. On a virtual machine the
  host may have taken free memory back; then it is the host that is measured, and for huge pages most of all.
- warm: each array is dropped before the next is read, and all of it is done again: the second time counts.
- whole processes are measured from start to exit, with the peak of their memory: anonymous (what they allocated) and
  total (with the pages of mapped files, which are the page cache).
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "tests" / "oracle"))
import compare  # noqa: E402
import engines  # noqa: E402

TF = """
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import tensorflow as tf
"""

MAKE = TF + """
import sys
import numpy as np
prefix, large, side, small, width = sys.argv[1], *map(int, sys.argv[2:])
rng = np.random.default_rng(1)
names = [f"model/block_{i}/kernel" for i in range(large)] + [f"model/block_{i % 97}/scale_{i}" for i in range(small)]
values = [rng.standard_normal((side, side), np.float32) for _ in range(large)]
values += [rng.standard_normal(width, np.float32) for _ in range(small)]
tf.raw_ops.SaveV2(prefix=prefix, tensor_names=names, shape_and_slices=[""] * len(names), tensors=values)
"""

# Each prints a JSON object of seconds. `load` is of the peer: a reader with TensorFlow's methods.
READ = """
import json, sys, time
import numpy as np
clock, path = time.perf_counter, sys.argv[1]
start = clock()
reader = load(path)
opened = clock()
names = sorted(reader.get_variable_to_shape_map())
listed = clock()
times = {"open": opened - start, "open+list": listed - start}
start = clock()
one = reader.get_tensor(names[len(names) // 2])
times["one more"] = clock() - start
start = clock()
reader = load(path)
one = reader.get_tensor(names[len(names) // 2])
times["open+one"] = clock() - start
if len(sys.argv) > 2:
    start = clock()
    arrays = all_of(reader, names)
    times["cold"] = clock() - start
    del arrays
    for _ in range(2):
        start = clock()
        for name in names:
            array = reader.get_tensor(name)
        times["warm"] = clock() - start
"""

# Names are found before the clock starts: the others are timed above.
VIEWS = """
start = clock()
source = unflow.open(path)
arrays = [np.asarray(tensor) for tensor in source.tensors.values()]
times["open+views"] = clock() - start
start = clock()
arrays = [np.asarray(tensor) for tensor in source.tensors.values()]
times["views"] = clock() - start
assert len(arrays) == len(names)
"""

PEERS = {
    "unflow": """
import unflow, unflow.train
load = unflow.train.load_checkpoint
def all_of(reader, names):
    return unflow.open(path).tensors.to_dict()
""" + READ + VIEWS + "print(json.dumps(times))",
    "tensorflow": TF + """
load = tf.train.load_checkpoint
def all_of(reader, names):
    return {name: reader.get_tensor(name) for name in names}
""" + READ + "print(json.dumps(times))",
}

# What the machine itself takes to give that much memory for the first time: the bound of cold copies.
TOUCH = """
import json, sys, threading, time
import os
import numpy as np
memory = np.empty(int(sys.argv[1]), np.uint8)
parts = np.array_split(memory, os.cpu_count())
start = time.perf_counter()
threads = [threading.Thread(target=part.fill, args=(1,)) for part in parts]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps({"touch": time.perf_counter() - start}))
"""

TO_NPZ = TF + """
import sys
import numpy as np
reader = tf.train.load_checkpoint(sys.argv[1])
np.savez(sys.argv[2], **{name.replace("/", "|"): reader.get_tensor(name) for name in reader.get_variable_to_shape_map()})
"""

VALUES = """
import json, sys, time
import numpy as np
prefix, large, side, small, width = sys.argv[1], *map(int, sys.argv[2:])
rng = np.random.default_rng(1)
names = [f"model/block_{i}/kernel" for i in range(large)] + [f"model/block_{i % 97}/scale_{i}" for i in range(small)]
values = [rng.standard_normal((side, side), np.float32) for _ in range(large)]
values += [rng.standard_normal(width, np.float32) for _ in range(small)]
"""
WRITE = {
    "unflow": VALUES + """
import unflow.train
start = time.perf_counter()
unflow.train.write_checkpoint(prefix, dict(zip(names, values)))
print(json.dumps({"write": time.perf_counter() - start}))
""",
    "tensorflow": TF + VALUES + """
values = [tf.constant(value) for value in values]
start = time.perf_counter()
tf.raw_ops.SaveV2(prefix=prefix, tensor_names=names, shape_and_slices=[""] * len(names), tensors=values)
print(json.dumps({"write": time.perf_counter() - start}))
""",
}


# ---- measuring ------------------------------------------------------------------------


def in_cache(prefix):
    for file in sorted(prefix.parent.glob(prefix.name + ".*")):
        with open(file, "rb") as stream:
            while stream.read(1 << 24):
                pass


def watch_memory(pid, peak):
    """Keeps the peaks of a process's memory until it is gone. (What wait4 tells counts this process, too.)"""
    while True:
        try:
            text = pathlib.Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return
        found = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in text.splitlines()
                 if line.startswith(("RssAnon", "VmHWM"))}
        if not found:
            return
        peak["anonymous"] = max(peak["anonymous"], found["RssAnon"])
        peak["total"] = max(peak["total"], found["VmHWM"])
        time.sleep(0.02)  # rarely: the processes use all processors


def whole(command):
    """A process from start to exit: seconds, peak of memory in bytes."""
    peak = {"anonymous": 0, "total": 0}
    start = time.perf_counter()
    process = subprocess.Popen([str(c) for c in command], env=engines.environment({}), stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
    watch = threading.Thread(target=watch_memory, args=(process.pid, peak), daemon=True)
    watch.start()
    said = process.stderr.read()
    process.wait()
    seconds = time.perf_counter() - start
    watch.join()
    if process.returncode:
        raise RuntimeError(said.decode(errors="replace").strip()[-300:])
    return {"seconds": seconds, **peak}


def program():
    path = engines.package_path()
    built = pathlib.Path(path) / "unflow" / "bin" / "unflow" if path else None
    return str(built) if built and built.exists() else shutil.which("unflow")


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def measure_reading(prefix, rounds, everything):
    out = {peer: [] for peer in [*PEERS, "machine"]}
    for _ in range(rounds):
        for peer, code in PEERS.items():
            in_cache(prefix)
            out[peer].append(json.loads(compare.python(code, prefix, *(["all"] if everything else []))))
        if everything:
            out["machine"].append(json.loads(compare.python(TOUCH, os.path.getsize(f"{prefix}.data-00000-of-00001"))))
    return out




def measure_extraction(prefix, folder, rounds):
    data = f"{prefix}.data-00000-of-00001"
    copy, npz = folder / "copy", folder / "out.npz"
    ways = {
        "unflow extract": [program(), "extract", prefix, "--all", "--names", "key", "-o", npz],
        "cp": ["cp", data, copy],
        "cp, fsync": ["sh", "-c", 'cp "$1" "$2" && sync "$2"', "sh", data, copy],
        "tensorflow, np.savez": [sys.executable, "-c", TO_NPZ, prefix, npz],
    }
    out = {name: [] for name in ways}
    for _ in range(rounds):
        for name, command in ways.items():
            in_cache(prefix)
            os.sync()
            out[name].append(whole(command))
            remove(copy)
            remove(npz)
    return out


def measure_writing(folder, sizes, rounds):
    out = {peer: [] for peer in WRITE}
    for _ in range(rounds):
        for peer, code in WRITE.items():
            place = folder / "written"
            place.mkdir()
            os.sync()
            out[peer].append(json.loads(compare.python(code, place / "x", *sizes)))
            remove(place)
    return out


# ---- printing -----------------------------------------------------------------------------


def median(rows, key):
    return statistics.median(row[key] for row in rows)


def text_of(seconds):
    return f"{seconds * 1e6:.0f} us" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def show(title, rows, keys, n_bytes=0):
    print(f"\n{title:<44}{'unflow':>12}{'tensorflow':>12}{'times':>8}{'GB/s':>14}")
    for key, label in keys:
        ours = median(rows["unflow"], key)
        theirs = median(rows["tensorflow"], key) if key in rows["tensorflow"][0] else None
        line = f"  {label:<42}{text_of(ours):>12}{text_of(theirs) if theirs else '-':>12}"
        line += f"{theirs / ours:>7.1f}x" if theirs else " " * 8
        if n_bytes and key in ("cold", "warm", "write"):
            line += f"{n_bytes / ours / 1e9:>8.2f}{n_bytes / theirs / 1e9:>6.2f}"
        print(line)


def show_extraction(rows):
    print(f"\n{'whole processes':<44}{'seconds':>12}{'of cp':>12}{'anonymous':>12}{'total':>10}")
    cp = median(rows["cp"], "seconds")
    for name, found in rows.items():
        print(f"  {name:<42}{median(found, 'seconds'):>12.2f}{median(found, 'seconds') / cp:>11.2f}x"
              f"{median(found, 'anonymous') / 1e6:>9.0f} MB{median(found, 'total') / 1e6:>7.0f} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a twentieth of the data")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", help="where the temporary folder is made")
    parser.add_argument("--json", help="a file for the numbers")
    args = parser.parse_args()
    large = (96, 1400, 2000, 64) if not args.small else (96, 313, 2000, 64)
    many = (0, 1, 100_000 if not args.small else 5_000, 4)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="unflow-bench-", dir=args.folder))
    result = {"machine": compare.machine(), "load": os.getloadavg()[0], "rounds": args.rounds}
    try:
        big, tiny = folder / "big", folder / "many"
        compare.python(MAKE + "print(0)", big, *large)
        compare.python(MAKE + "print(0)", tiny, *many)
        size = os.path.getsize(f"{big}.data-00000-of-00001")
        print(f"machine: {result['machine']}; load {result['load']:.1f}; {args.rounds} rounds")
        print(f"checkpoint: {size / 1e6:.0f} MB, {large[0]} large and {large[2]} small variables, written by TensorFlow")
        result["bytes"] = size
        result["reading"] = measure_reading(big, args.rounds, True)
        show("reading, import aside", result["reading"], [
            ("open", "open"), ("open+list", "open and list"), ("open+views", "open, every tensor as a view"),
            ("views", "every tensor as a view, again"), ("open+one", "open and copy one"),
            ("cold", "every tensor as a copy, cold"), ("warm", "every tensor as a copy, warm")], size)
        seconds = median(result["reading"]["machine"], "touch")
        print(f"  {'(filling new memory, a thread a processor)':<42}{text_of(seconds):>12}{'':<20}{size / seconds / 1e9:>8.2f}")
        result["writing"] = measure_writing(folder, large, args.rounds)
        show("writing (unflow waits for the disk)", result["writing"], [("write", "write a checkpoint")], size)
        result["extraction"] = measure_extraction(big, folder, args.rounds)
        show_extraction(result["extraction"])
        result["many"] = measure_reading(tiny, args.rounds, False)
        show(f"{many[2]:,} variables, import aside", result["many"], [
            ("open", "open"), ("open+one", "open and look up one"), ("one more", "one more"),
            ("open+list", "open and list all"), ("open+views", "open, every tensor as a view")])
        if args.json:
            pathlib.Path(args.json).write_text(json.dumps(result, indent=1))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
