# SPDX-License-Identifier: Apache-2.0
"""tensorflow.py: import, memory, small calls, graphs and SavedModels beside TensorFlow, in one run.

    tensorflow.py                       all of it
    tensorflow.py --only models calls   some parts: import, memory, calls, models
    tensorflow.py --rounds N --seconds S --threads 1,2 --json FILE

Every measurement is made in a process of its own, one peer at a time, in rounds that alternate between the peers, so
that a machine that slows down slows both. A round's number is the minimum of its repetitions; what is printed is the
median over rounds. The SavedModels are made with Keras into a temporary folder, which is deleted at the end; their
outputs are compared, too, and the greatest difference is printed. The articles' scripts come from ../shared/articles;
where that is not, three scripts that do the same take their place.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:] = [p for p in sys.path if pathlib.Path(p or ".").resolve() != HERE]  # this file's name is a package's
sys.path.insert(0, str(HERE.parent / "tests" / "oracle"))
import engines  # noqa: E402

ARTICLES = HERE.parents[1] / "shared" / "articles"
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "PYTHONDONTWRITEBYTECODE": "0"}
PEERS = {"unflow": "import unflow as tf", "tensorflow": "import tensorflow as tf"}

IMPORT = """
import json, time
import numpy
start = time.perf_counter()
{importing}
print(json.dumps(time.perf_counter() - start))
"""

# What a user has after the import: the first variable, its value.
READY = """
import json, time
import numpy
start = time.perf_counter()
{importing}
tf.Variable([1.0, 2.0]).numpy()
print(json.dumps(time.perf_counter() - start))
"""

MEMORY = """
import json, re
print(json.dumps(int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1]) * 1024))
"""

# Where the articles are not there: a variable of a graph, and two of eager mode.
SCRIPTS = ["""
import tensorflow as tf
with tf.Graph().as_default():
    v = tf.Variable(tf.constant([1, 2, 3, 4], dtype=tf.float32))
    init = tf.compat.v1.global_variables_initializer()
    with tf.compat.v1.Session() as sess:
        sess.run(init)
        print(sess.run(v))
""", "import tensorflow as tf\nprint(tf.Variable([5, 6, 7, 8], dtype=tf.int64).numpy())\n",
           "import tensorflow as tf\nprint(tf.Variable([[1, 2], [3, 4]], dtype=tf.float32).numpy())\n"]

CALLS = """
import json, sys, time
import numpy as np
{importing}
seconds = float(sys.argv[1])
clock = time.perf_counter

def timed(call):
    for _ in range(20):
        call()
    n = 1
    while True:
        start = clock()
        for _ in range(n):
            call()
        if (spent := clock() - start) > 0.002:
            break
        n *= 2
    best, begun = spent / n, clock()
    while clock() - begun < seconds:
        start = clock()
        for _ in range(n):
            call()
        best = min(best, (clock() - start) / n)
    return best

v = tf.Variable([1.0, 2.0, 3.0, 4.0])
a = tf.constant([[1.0, 2.0], [3.0, 4.0]])
b = tf.constant([[5.0, 6.0], [7.0, 8.0]])
shape = tf.constant([4])
found = {{
    "Variable.numpy()": timed(v.numpy),
    "Tensor.numpy()": timed(a.numpy),
    "a + b": timed(lambda: a + b),
    "tf.matmul(a, b)": timed(lambda: tf.matmul(a, b)),
    "tf.reduce_sum(a)": timed(lambda: tf.reduce_sum(a)),
    "tf.reshape(a, shape)": timed(lambda: tf.reshape(a, shape)),
    "Variable.assign(a)": timed(lambda: v.assign([4.0, 3.0, 2.0, 1.0])),
}}
with tf.Graph().as_default():
    w = tf.Variable([1.0, 2.0, 3.0, 4.0])
    x = y = tf.compat.v1.placeholder(tf.float32, [4])
    for i in range(50):  # 100 nodes: that TensorFlow cannot fold, as they depend on x
        y = tf.tanh(y + x)
    with tf.compat.v1.Session() as sess:
        sess.run(w.initializer)
        found["Session.run of a variable"] = timed(lambda: sess.run(w))
        value = np.ones(4, np.float32)
        found["Session.run of 100 nodes"] = timed(lambda: sess.run(y, {{x: value}}))
print(json.dumps(found))
"""

MODEL = """
import json, sys, time
import numpy as np
{importing}
path, batch, threads, seconds, outputs = sys.argv[1], *map(int, sys.argv[2:4]), float(sys.argv[4]), sys.argv[5]
tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(threads)
clock = time.perf_counter
start = clock()
model = tf.saved_model.load(path)
call = model.signatures["serving_default"]
times = {{"load": clock() - start}}
(name, spec), = call.structured_input_signature[1].items()
shape = [batch, *spec.shape.as_list()[1:]]
rng = np.random.default_rng(1)
x = rng.integers(0, 1000, shape) if spec.dtype.is_integer else rng.uniform(-1, 1, shape)
x = tf.constant(x.astype(spec.dtype.as_numpy_dtype))
start = clock()
found = call(**{{name: x}})
found = next(iter(found.values())).numpy()
times["first"] = clock() - start
np.save(outputs, found)
best, spent, n = 1e9, clock(), 0
while n < 5 or clock() - spent < seconds:
    start = clock()
    next(iter(call(**{{name: x}}).values())).numpy()
    best = min(best, clock() - start)
    n += 1
times["run"] = best
print(json.dumps(times))
"""

# Argument: a folder. The layers' values are random; so are the moving averages of the normalizations.
MAKE = """
import pathlib, sys
import numpy as np
import tensorflow as tf
k = tf.keras.layers
tf.keras.utils.set_random_seed(1)

def normal(x, relu=True):
    x = k.BatchNormalization()(x)
    return k.ReLU(6.0)(x) if relu == 6 else k.ReLU()(x) if relu else x

def residual(x, n, stride):
    y = normal(k.Conv2D(n, 3, stride, "same", use_bias=False)(x))
    y = normal(k.Conv2D(n, 3, 1, "same", use_bias=False)(y), False)
    if stride > 1 or x.shape[-1] != n:
        x = normal(k.Conv2D(n, 1, stride, "same", use_bias=False)(x), False)
    return k.ReLU()(k.Add()([x, y]))

def resnet():
    i = k.Input([96, 96, 3])
    x = k.MaxPooling2D(3, 2, "same")(normal(k.Conv2D(32, 7, 2, "same", use_bias=False)(i)))
    for n, stride in ((32, 1), (64, 2), (128, 2), (256, 2)):
        x = residual(residual(x, n, stride), n, 1)
    return tf.keras.Model(i, k.Dense(100, activation="softmax")(k.GlobalAveragePooling2D()(x)))

def mobilenet():
    i = k.Input([96, 96, 3])
    x = normal(k.Conv2D(16, 3, 2, "same", use_bias=False)(i), 6)
    for n, stride in ((16, 1), (24, 2), (24, 1), (32, 2), (32, 1), (64, 2), (64, 1), (96, 1)):
        y = normal(k.Conv2D(6 * x.shape[-1], 1, use_bias=False)(x), 6)
        y = normal(k.DepthwiseConv2D(3, stride, "same", use_bias=False)(y), 6)
        y = normal(k.Conv2D(n, 1, use_bias=False)(y), False)
        x = k.Add()([x, y]) if stride == 1 and x.shape[-1] == n else y
    return tf.keras.Model(i, k.Dense(100, activation="softmax")(k.GlobalAveragePooling2D()(x)))

class Positions(k.Layer):
    def build(self, shape):
        self.table = self.add_weight(shape=shape[1:], name="positions")
    def call(self, x):
        return x + self.table

def transformer():
    i = k.Input([64], dtype="int32")
    x = Positions()(k.Embedding(1000, 128)(i))
    for _ in range(2):
        x = k.LayerNormalization(epsilon=1e-6)(x + k.MultiHeadAttention(4, 32)(x, x))
        y = k.Dense(128)(k.Dense(512, activation="gelu")(x))
        x = k.LayerNormalization(epsilon=1e-6)(x + y)
    return tf.keras.Model(i, k.Dense(100)(k.GlobalAveragePooling1D()(x)))

rng = np.random.default_rng(0)
for make in (resnet, mobilenet, transformer):
    model = make()
    for w in model.weights:
        if "moving" in w.path:
            w.assign(rng.uniform(0.2, 1.0, w.shape) if "variance" in w.path else rng.normal(0, 0.3, w.shape))
    model.export(str(pathlib.Path(sys.argv[1]) / make.__name__), verbose=False)
"""
MODELS = ("resnet", "mobilenet", "transformer")


# ---- measuring ------------------------------------------------------------------------


def python(code, *arguments, before=()):
    """The last line that a process prints, as JSON."""
    command = [sys.executable, *before, "-c", code, *map(str, arguments)]
    result = subprocess.run(command, env=engines.environment(QUIET), capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(result.stderr.strip()[-2000:] or f"status {result.returncode}")
    lines = result.stdout.strip().splitlines()
    return json.loads(lines[-1]) if lines else None


def alternating(rounds, measure):
    """{peer: [measure(peer) of each round]}; every second round in the other order."""
    rows = {peer: [] for peer in PEERS}
    for turn in range(rounds):
        for peer in list(PEERS)[:: 1 if turn % 2 == 0 else -1]:
            rows[peer].append(measure(peer))
    return rows


def scripts():
    """The second article's scripts, or those above."""
    for path in sorted(ARTICLES.iterdir()) if ARTICLES.is_dir() else ():
        text = path.read_text()
        if 'title: "How can I convert a TensorFlow resource tensor to a NumPy array?"' in text:
            return re.findall(r"```python\n(.*?)```", text, re.S)
    return SCRIPTS


def measure_import(rounds):
    for code in (IMPORT, READY):  # bytecode is compiled once, before anything counts
        python(code.format(importing=PEERS["unflow"]))
    return {label: alternating(rounds, lambda peer: python(code.format(importing=PEERS[peer])))
            for label, code in (("import", IMPORT), ("import, a variable, its value", READY))}


def measure_memory(rounds):
    out = {"numpy alone": {"machine": [python("import numpy\n" + MEMORY) for _ in range(rounds)]}}
    for i, text in enumerate(scripts()):
        out[f"script {i + 1}"] = alternating(
            rounds, lambda peer: python(text.replace("import tensorflow as tf", PEERS[peer]) + MEMORY))
    return out


def measure_calls(rounds, seconds):
    rows = alternating(rounds, lambda peer: python(CALLS.format(importing=PEERS[peer]), seconds))
    return {key: {peer: [r[key] for r in found] for peer, found in rows.items()} for key in rows["unflow"][0]}


def difference(folder):
    """The greatest difference of the peers' outputs, in parts of the greatest value."""
    import numpy as np

    ours, theirs = (np.load(folder / f"{peer}.npy").astype(np.float64) for peer in PEERS)
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def measure_models(folder, names, threads, rounds, seconds):
    python(MAKE, folder)
    out = {}
    for name in names:
        for n_threads in threads:
            for batch in (1, 8):
                rows = alternating(rounds, lambda peer: python(
                    MODEL.format(importing=PEERS[peer]), folder / name, batch, n_threads, seconds, folder / f"{peer}.npy"))
                row = {key: {peer: [r[key] for r in found] for peer, found in rows.items()}
                       for key in ("load", "first", "run")}
                key = f"{name}, batch {batch}, {n_threads} thread" + "s" * (n_threads > 1)
                out[key] = {**row, "difference": difference(folder)}
                show_model(key, out[key])
    return out


# ---- printing -----------------------------------------------------------------------------


def text_of(seconds):
    return f"{seconds * 1e6:.2f} us" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def megabytes(n):
    return f"{n / 1e6:.1f} MB"


def head(title):
    print(f"\n{title:<40}{'unflow':>12}{'tensorflow':>12}{'times':>9}", flush=True)


def show(label, row, text):
    ours, theirs = (statistics.median(row[peer]) for peer in PEERS)
    print(f"  {label:<38}{text(ours):>12}{text(theirs):>12}{theirs / ours:>8.1f}x", flush=True)


def show_model(label, row):
    cells = []
    for key in ("load", "first", "run"):
        ours, theirs = (statistics.median(row[key][peer]) for peer in PEERS)
        cells.append(f"{ours * 1e3:9.2f} {theirs * 1e3:9.2f} {theirs / ours:7.2f}x")
    print(f"{label:<34}" + " |".join(cells) + f" | {row['difference']:.1e}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = ("import", "memory", "calls", "models")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="of repetitions of each call in each process")
    parser.add_argument("--threads", default="1,2", help="of models: numbers with commas between")
    parser.add_argument("--json", metavar="FILE", help="a file for the numbers")
    args = parser.parse_args()
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    result = {"machine": f"{model[1] if model else '?'}, {os.cpu_count()} processors", "load": os.getloadavg()[0],
              "rounds": args.rounds}
    print(f"machine: {result['machine']}; load {result['load']:.1f}; {args.rounds} rounds")
    if "import" in args.only:
        result["import"] = measure_import(args.rounds)
        head("time over NumPy")
        for label, row in result["import"].items():
            show(label, row, text_of)
    if "memory" in args.only:
        result["memory"] = measure_memory(args.rounds)
        alone = statistics.median(result["memory"]["numpy alone"]["machine"])
        head(f"peak memory (NumPy alone: {megabytes(alone)})")
        for label, row in list(result["memory"].items())[1:]:
            show(label, row, megabytes)
    if "calls" in args.only:
        result["calls"] = measure_calls(args.rounds, args.seconds)
        head("a call")
        for label, row in result["calls"].items():
            show(label, row, text_of)
    if "models" in args.only:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="unflow-bench-"))
        print(f"\n{'SavedModels, ms':<34}" + " |".join(f"{t:^28}" for t in ("load", "first run", "run")) + " | difference")
        print(f"{'':<34}" + " |".join([f"{'unflow':>9} {'tensorfl.':>9} {'times':>8}"] * 3), flush=True)
        try:
            threads = [int(n) for n in args.threads.split(",")]
            result["models"] = measure_models(folder, args.models, threads, args.rounds, args.seconds)
        finally:
            shutil.rmtree(folder)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
