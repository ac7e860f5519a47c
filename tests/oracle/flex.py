# SPDX-License-Identifier: Apache-2.0
"""flex.py: .tflite files with ops of TensorFlow in them (Select TF, "Flex"), and what they must compute.

    flex.py FILE      makes them and writes them, pickled, to FILE; TensorFlow lives in this process alone

Two kinds. `direct` ones are cases of tf/: each step becomes a custom op whose options hold the step's NodeDef, as the
converter writes them; constants of a case are constants of the file or inputs, in turn; expected are the values of
TensorFlow's own session, of every step. `converted` ones are functions that TFLiteConverter made a model of; expected
is what the function itself gives.

The wheels of TensorFlow 2.21 come without the Flex delegate, so that tf.lite.Interpreter cannot be asked. A TensorFlow
up to 2.18 has it: with UNFLOW_FLEX_PYTHON, a Python that has one, test_flex.py asks it, too.
"""

import dataclasses
import importlib
import os
import pathlib
import pickle
import sys
import tempfile
import typing
import zlib

import numpy as np
from flatbuffers import flexbuffers

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "tf")]
from modelgen import DTYPES, ModelGen  # noqa: E402

VERSION = 3  # counts up when what is made changes
# Cases that a .tflite file cannot have: references, files, quantized dtypes, what waits for others or the clock.
LEFT_OUT = {"ref_variable", "save", "quantize", "summary", "queues"}
EACH = 3  # cases of each op


@dataclasses.dataclass
class Model:
    """name, bytes, calls [(signature key or "", {input: array}, {output: array} or the name of an exception)].

    direct ones: inputs and outputs are tensor indices; outputs are all that is to be compared, not only the graph's.
    """

    name: str
    ops: list
    data: bytes
    calls: list
    tolerance: typing.Any = None


# ---- direct -------------------------------------------------------------------------------------

def file_shape(tensor):
    """(shape, shape_signature) of a TensorFlow tensor in a file."""
    if tensor.dtype.name in ("resource", "variant"):
        return (), None
    if tensor.shape.rank is None:
        return None, None
    dims = tensor.shape.as_list()
    return [1 if d is None else d for d in dims], [-1 if d is None else d for d in dims] if None in dims else None


def options_of(op, node):
    """Options as the converter writes them: the op's name and the bytes of its NodeDef, both as texts."""
    builder = flexbuffers.Builder()
    with builder.Vector():
        for text in (op.encode(), node):
            builder._WriteBlob(text, append_zero=True, type_=flexbuffers.Type.STRING)
    return bytes(builder.Finish())


class Direct:
    """A TensorFlow graph as a model of custom ops."""

    def __init__(self, tf):
        self.tf = tf
        import tf_worker
        self.steps = tf_worker.TensorFlow()

    def fits(self, graph):
        return all(t.dtype.base_dtype.name in DTYPES and not t.dtype._is_ref_dtype
                   for op in graph.get_operations() for t in op.outputs)

    def build(self, graph, turn):
        """(bytes, {index: array} to feed, [(index, tensor)] that can be read)."""
        g, at, feeds, read, outputs = ModelGen(), {}, {}, [], []
        for op in graph.get_operations():
            shapes = [file_shape(t) for t in op.outputs]
            if op.type == "Const":
                value = self.tf.make_ndarray(op.get_attr("value"))
                fed = turn % 2 == 0 and value.dtype.name in ("float32", "float64", "int32", "int64", "object", "bool")
                name, turn = op.outputs[0].dtype.name, turn + 1
                index = g.tensor(op.name, name, value.shape, data=None if fed else value)
                at[op.outputs[0].name] = index
                if fed:
                    feeds[index] = value
                continue
            outs = [g.tensor(t.name, t.dtype.base_dtype.name, shape, shape_signature=signature)
                    for t, (shape, signature) in zip(op.outputs, shapes)]
            at.update({t.name: i for t, i in zip(op.outputs, outs)})
            read += [(i, t) for t, i in zip(op.outputs, outs) if t.dtype.name not in ("resource", "variant")]
            outputs = outs or outputs
            options = options_of(op.type, op.node_def.SerializeToString())
            g.op("CUSTOM", [at[t.name] for t in op.inputs], outs, custom="Flex" + op.type, custom_options=options)
        g.inputs(list(feeds))
        g.outputs(outputs)
        return g.build(), feeds, read

    def model(self, case, turn):
        """None: not for a .tflite file."""
        tf = self.tf
        # Nodes as they are: the delegate rewrites none of them.
        config = tf.compat.v1.ConfigProto()
        config.graph_options.rewrite_options.disable_meta_optimizer = True
        config.graph_options.optimizer_options.opt_level = -1
        with tf.Graph().as_default() as graph, tf.compat.v1.Session(config=config) as session:
            named, last = {}, None
            for s in case.steps:
                before = len(graph.get_operations())
                with tf.control_dependencies([last] if last is not None else []):
                    self.steps.name(named, s[0], self.steps.step(s[1], s[2], s[3] if len(s) > 3 else {}, named))
                last = ([o for o in graph.get_operations()[before:] if o.type == s[1]] or [last])[-1]
            if not self.fits(graph):
                return None
            data, feeds, read = self.build(graph, turn)
            try:
                values = session.run([t for _, t in read] + graph.get_operations())
                want = {i: np.array(v, object) if isinstance(v, bytes) else np.asarray(v) for (i, _), v in zip(read, values)}
            except tf.errors.OpError as error:
                if "OpKernel" in str(error) or isinstance(error, tf.errors.UnimplementedError):
                    return None
                want = type(error).__name__
        return Model(case.name, case.ops, data, [("", feeds, want)], case.tolerance)


def family_models(tf, family, first, put):
    """put((index, model or None)) for the cases of a family that are to be taken, from `first` on."""
    import tf_worker
    maker, seen = Direct(tf), {}
    for index, case in enumerate(tf_worker.load(family)):
        key = " ".join(case.ops[-1:])
        if case.check or case.skip or seen.get(key, 0) >= EACH or zlib.crc32(f"{family}{index}".encode()) % 3:
            continue
        seen[key] = seen.get(key, 0) + 1
        if index < first:
            continue
        put((index, None))  # what comes next: a crash of TensorFlow shows in it
        try:
            model = maker.model(case, index)
        except Exception:  # a graph that TensorFlow refuses to make is not in any file
            continue
        if model is not None:
            model.name = f"{family}/{model.name}"
            put((index, model))


def direct(tf):
    """Each family in a fork, for TensorFlow ends by a signal in some cases."""
    for path in sorted((HERE / "tf").glob("*.py")):
        first, crashed = 0, True
        while crashed and path.stem not in LEFT_OUT:
            read, write = os.pipe()
            child = os.fork()
            if child == 0:
                os.close(read)
                with os.fdopen(write, "wb") as pipe:
                    family_models(tf, path.stem, first, lambda row: (pickle.dump(row, pipe), pipe.flush()))
                os._exit(0)
            os.close(write)
            with os.fdopen(read, "rb") as pipe:
                while True:
                    try:
                        first, model = pickle.load(pipe)
                    except (EOFError, pickle.UnpicklingError):
                        break
                    if model is not None:
                        yield model
            crashed = os.waitpid(child, 0)[1] != 0
            first += 1


# ---- converted ----------------------------------------------------------------------------------

def spec(tf, *shape, dtype="float32"):
    return tf.TensorSpec(shape, tf.dtypes.as_dtype(dtype))


def modules(tf):
    """(name, module or None, {key: (function, specs)}, calls): what is converted."""
    rng = np.random.default_rng(4)
    f = lambda *shape: rng.normal(size=shape).astype(np.float32)
    text = lambda *items: np.array([i.encode() for i in items], object)

    def linear(x):
        spd = tf.matmul(x, x, transpose_b=True) + 4.0 * tf.eye(5)
        q, r = tf.linalg.qr(spd)
        lu, p = tf.linalg.lu(spd)
        return {"det": tf.linalg.det(x), "inverse": tf.linalg.inv(spd), "cholesky": tf.linalg.cholesky(spd), "lu": lu, "p": p,
                "solve": tf.linalg.solve(spd, x), "abs_r": tf.abs(r), "band": tf.linalg.band_part(x, 1, 0), "trace": tf.linalg.trace(x),
                "eigenvalues": tf.linalg.eigvalsh(spd), "triangular": tf.linalg.triangular_solve(tf.linalg.cholesky(spd), x),
                "einsum": tf.einsum("ij,kj->ki", x, x), "cross": tf.linalg.cross(x[:, :3], x[:, 1:4]), "expm": tf.linalg.expm(0.1 * x)}
    yield "linear", None, {"f": (linear, [spec(tf, 5, 5)])}, [("f", [f(5, 5)]), ("f", [f(5, 5)])]

    def strings(s, n):
        parts = tf.strings.split(s, " ")
        return {"upper": tf.strings.upper(s), "lower": tf.strings.lower(s), "length": tf.strings.length(s), "join": tf.strings.join([s, s], "-"),
                "sub": tf.strings.substr(s, 1, 2), "number": tf.strings.as_string(n), "replace": tf.strings.regex_replace(s, "[aeiou]", "_"),
                "match": tf.strings.regex_full_match(s, ".*o.*"), "strip": tf.strings.strip(s), "hash": tf.strings.to_hash_bucket_fast(s, 100),
                "words": parts.values, "splits": parts.row_splits, "lengths": parts.row_lengths(), "dense": parts.to_tensor("?"),
                "back": tf.strings.to_number(tf.strings.as_string(n), tf.float32), "reduced": tf.strings.reduce_join(s, separator="|"),
                "bytes": tf.io.decode_raw(tf.strings.substr(s, 0, 1), tf.uint8), "code": tf.strings.unicode_decode(s, "UTF-8").values,
                "base64": tf.io.encode_base64(s), "hash_strong": tf.strings.to_hash_bucket_strong(s, 50, [1, 2]),
                "format": tf.strings.format("n={}", n)}
    yield "strings", None, {"f": (strings, [spec(tf, 3, dtype="string"), spec(tf, 2, dtype="int32")])}, [
        ("f", [text(" one two", "hello", "a b c"), np.array([3, -40], np.int32)]), ("f", [text("q", "xoy z", "öl"), np.array([0, 7], np.int32)])]

    def image(x, boxes):
        return {"crop": tf.image.crop_and_resize(x, boxes, [0, 0], [4, 5]), "hsv": tf.image.rgb_to_hsv(x), "rgb": tf.image.hsv_to_rgb(x),
                "contrast": tf.raw_ops.AdjustContrastv2(images=x, contrast_factor=0.7), "hue": tf.image.adjust_hue(x, 0.2),
                "cubic": tf.image.resize(x, [9, 7], "bicubic"), "area": tf.image.resize(x, [3, 4], "area"), "lanczos": tf.image.resize(x, [10, 11], "lanczos3"),
                "saturation": tf.image.adjust_saturation(x, 1.4), "patches": tf.image.extract_patches(x, [1, 3, 3, 1], [1, 2, 2, 1], [1, 1, 1, 1], "SAME"),
                "erosion": tf.nn.erosion2d(x, tf.ones([2, 2, 3]), [1, 1, 1, 1], "SAME", "NHWC", [1, 1, 1, 1])}
    yield "image", None, {"f": (image, [spec(tf, 1, 6, 8, 3), spec(tf, 2, 4)])}, [
        ("f", [rng.uniform(size=(1, 6, 8, 3)).astype(np.float32), np.array([[0, 0, 1, 1], [0.2, 0.1, 0.7, 0.9]], np.float32)])]

    def signal(x):
        c = tf.signal.fft(tf.complex(x, x[:, ::-1]))
        return {"fft": c, "ifft": tf.signal.ifft(c), "fft2d": tf.signal.fft2d(c), "rfft": tf.signal.rfft(x), "irfft": tf.signal.irfft(tf.signal.rfft(x)),
                "angle": tf.math.angle(c), "conj": tf.math.conj(c), "polar": tf.abs(c), "stft": tf.abs(tf.signal.stft(x, 8, 4)),
                "dct": tf.signal.dct(x, 2)}
    yield "signal", None, {"f": (signal, [spec(tf, 3, 16)])}, [("f", [f(3, 16)])]

    def numbers(x, i):
        return {"bincount": tf.math.bincount(i, minlength=6), "digamma": tf.math.digamma(tf.abs(x) + 1), "lgamma": tf.math.lgamma(tf.abs(x) + 1),
                "erf": tf.math.erf(x), "erfinv": tf.math.erfinv(tf.tanh(x)), "igamma": tf.math.igamma(tf.abs(x) + 1, tf.abs(x) + 2),
                "zeta": tf.math.zeta(tf.abs(x) + 2, tf.abs(x) + 1), "xlogy": tf.math.xlogy(x, tf.abs(x) + 1), "softplus": tf.math.softplus(x),
                "selu": tf.nn.selu(x), "softsign": tf.nn.softsign(x), "asinh": tf.math.asinh(x), "acosh": tf.math.acosh(1 + tf.abs(x)),
                "atanh": tf.math.atanh(tf.tanh(x)), "sinh": tf.math.sinh(x), "cosh": tf.math.cosh(x), "tan": tf.math.tan(x), "acos": tf.math.acos(tf.tanh(x)),
                "expm1": tf.math.expm1(x), "log1p": tf.math.log1p(tf.abs(x)), "bessel": tf.math.bessel_i0e(x), "nextafter": tf.math.nextafter(x, x + 1),
                "population": tf.raw_ops.PopulationCount(x=i), "invert": tf.bitwise.invert(i), "left": tf.bitwise.left_shift(i, [1]),
                "clip": tf.clip_by_value(x, -0.5, 0.5), "cumprod": tf.math.cumprod(x), "logcumsum": tf.math.cumulative_logsumexp(x),
                "segment": tf.math.segment_mean(x, i), "unsorted": tf.math.unsorted_segment_max(x, i, 4), "in_top": tf.math.in_top_k(i, x[:, :3], 2),
                "unique": tf.unique_with_counts(i)[2], "diff": tf.raw_ops.ListDiff(x=i, y=[1])[0], "sorted": tf.sort(x),
                "histogram": tf.histogram_fixed_width(x, [-1.0, 1.0], 4), "moments": tf.nn.moments(x, [0])[1], "roll": tf.roll(x, 1, 0),
                "searchsorted": tf.searchsorted(tf.sort(x[:, 0]), x[:, 1]), "ctc": tf.nn.log_softmax(x), "l2": tf.nn.l2_loss(x)}
    yield "numbers", None, {"f": (numbers, [spec(tf, 4, 5), spec(tf, 4, dtype="int32")])}, [("f", [f(4, 5), np.array([0, 0, 1, 2], np.int32)])]

    def random(seed):
        return {"normal": tf.random.stateless_normal([4], seed), "uniform": tf.random.stateless_uniform([2, 3], seed), "truncated":
                tf.random.stateless_truncated_normal([5], seed), "integers": tf.random.stateless_uniform([6], seed, 0, 9, tf.int32),
                "gamma": tf.random.stateless_gamma([3], seed, [0.5, 1.0, 2.0]),
                "shuffled": tf.random.experimental.stateless_shuffle(tf.range(7), seed)}
    yield "random", None, {"f": (random, [spec(tf, 2, dtype="int32")])}, [("f", [np.array([1, 2], np.int32)]), ("f", [np.array([7, 0], np.int32)])]

    def lists(x, n):
        made = tf.TensorArray(tf.float32, size=0, dynamic_size=True, element_shape=[3])
        for i in tf.range(n):
            made = made.write(i, x * tf.cast(i, tf.float32) + 1.0)
        return {"stack": made.stack(), "size": made.size(), "map": tf.map_fn(lambda v: tf.cumsum(v), tf.stack([x, x + 1]))}
    yield "lists", None, {"f": (lists, [spec(tf, 3), spec(tf, dtype="int32")])}, [("f", [f(3), np.int32(4)]), ("f", [f(3), np.int32(2)])]

    def ragged(values, splits):
        r = tf.RaggedTensor.from_row_splits(values, splits)
        return {"dense": r.to_tensor(-1.0), "sums": tf.reduce_sum(r, 1), "lengths": r.row_lengths(), "doubled": (r * 2.0).values,
                "concat": tf.concat([r, r], 1).values, "gathered": tf.gather(r, [1, 0]).values, "sparse": r.to_sparse().indices}
    yield "ragged", None, {"f": (ragged, [spec(tf, 6), spec(tf, 4, dtype="int64")])}, [("f", [f(6), np.array([0, 2, 2, 6], np.int64)])]

    def sparse(x):
        s = tf.sparse.from_dense(x)
        return {"indices": s.indices, "dense": tf.sparse.to_dense(s), "product": tf.sparse.sparse_dense_matmul(s, tf.transpose(x)),
                "sum": tf.sparse.reduce_sum(s, 1), "softmax": tf.sparse.softmax(s).values, "reordered": tf.sparse.reorder(s).values,
                "reshaped": tf.sparse.reshape(s, [6, 2]).indices, "slice": tf.sparse.slice(s, [0, 1], [2, 2]).values}
    yield "sparse", None, {"f": (sparse, [spec(tf, 3, 4)])}, [("f", [np.where(f(3, 4) > 0, f(3, 4), 0).astype(np.float32)])]

    class State(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = tf.Variable(tf.reshape(tf.range(12, dtype=tf.float32), (4, 3)), name="w")
            self.n = tf.Variable(0, dtype=tf.int64, name="n")
            init = tf.lookup.KeyValueTensorInitializer
            self.table = tf.lookup.StaticHashTable(init(tf.constant(["one", "two"]), tf.constant([1.5, 2.5])), -1.0)

        def scatter(self, i, x):
            self.w.scatter_update(tf.IndexedSlices(x, i))
            self.n.assign_add(1)
            return {"w": tf.identity(self.w), "n": tf.identity(self.n)}

        def read(self, s):
            return {"w": tf.gather(self.w, [1, 0]), "n": self.n + 0, "found": self.table.lookup(s)}

    state = State()
    yield "state", state, {"scatter": (state.scatter, [spec(tf, 2, dtype="int32"), spec(tf, 2, 3)]), "read": (state.read, [spec(tf, 3, dtype="string")])}, [
        ("read", [text("two", "no", "one")]), ("scatter", [np.array([0, 2], np.int32), f(2, 3)]), ("scatter", [np.array([1, 2], np.int32), f(2, 3)]),
        ("read", [text("one", "one", "")])]

    def control(x, n):
        y = tf.while_loop(lambda i, v: i < n, lambda i, v: (i + 1, tf.linalg.inv(v) + tf.eye(3)), (tf.constant(0), x))[1]
        return {"loop": y, "branch": tf.cond(n > 2, lambda: tf.linalg.det(x), lambda: tf.linalg.trace(tf.linalg.inv(x)))}
    yield "control", None, {"f": (control, [spec(tf, 3, 3), spec(tf, dtype="int32")])}, [("f", [f(3, 3), np.int32(3)]), ("f", [f(3, 3), np.int32(1)])]

    def unknown(x, s):
        kept = tf.boolean_mask(x, x[:, 0] > 0)
        return {"kept": kept, "inverse": tf.linalg.inv(tf.matmul(kept, kept, transpose_a=True) + tf.eye(2)), "words": tf.strings.split(s, ",").values,
                "joined": tf.strings.reduce_join(tf.strings.as_string(kept, 2), 1)}
    yield "unknown", None, {"f": (unknown, [spec(tf, None, 2), spec(tf, None, dtype="string")])}, [
        ("f", [f(5, 2), text("a,b", "c")]), ("f", [f(3, 2), text("x,y,z")])]


CALLS = {"PartitionedCall", "StatefulPartitionedCall", "If", "StatelessIf", "While", "StatelessWhile", "Const", "Identity", "Placeholder"}


def convert(tf, name, module, functions, lists):
    """(bytes, {key: concrete function})."""
    module = module or tf.Module()
    concrete = {}
    for key, (function, specs) in functions.items():
        setattr(module, f"do_{key}", tf.function(function, input_signature=specs))
        concrete[key] = getattr(module, f"do_{key}").get_concrete_function()
    used = set()
    for function in concrete.values():
        graph = function.graph.as_graph_def()
        used |= {n.op for n in graph.node} | {n.op for f in graph.library.function for n in f.node_def}
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=concrete)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(concrete))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
        converter.target_spec.experimental_select_user_tf_ops = sorted(used - CALLS)  # those that are not on its list, too
        converter.experimental_enable_resource_variables = True
        converter._experimental_lower_tensor_list_ops = lists
        return converter.convert(), concrete


def plain(value):
    value = value.numpy() if hasattr(value, "numpy") else value
    return np.array(value, object) if isinstance(value, (bytes, str)) else np.asarray(value)


def converted(tf):
    for name, module, functions, calls in modules(tf):
        for lists in (True, False) if name == "lists" else (True,):
            data, concrete = convert(tf, name, module, functions, lists)
            done = []
            for key, inputs in calls:
                names = list(concrete[key].structured_input_signature[0]) or list(concrete[key].structured_input_signature[1].values())
                result = functions[key][0](*[tf.constant(i) for i in inputs]) if module is None else getattr(module, f"do_{key}")(*[tf.constant(i) for i in inputs])
                fed = {s.name: i for s, i in zip(names, inputs)}
                done.append((key, fed, {k: plain(v) for k, v in result.items()}))
            yield Model(f"converted/{name}{'' if lists else '-lists'}", [], data, done, (1e-3, 1e-4))


def delegate(path, out):
    """What tf.lite.Interpreter says of the models in `path`, of a TensorFlow that has the Flex delegate:
    [[{output: array} or text of an error, of each call], details]."""
    import tensorflow as tf
    import worker
    with open(path, "rb") as file:
        _, models = pickle.load(file)
    for model in models:
        said, details = [], {}
        try:
            interpreter = tf.lite.Interpreter(model_content=model.data)
            for key, inputs, want in model.calls:
                if key:
                    said.append({k: np.asarray(v) for k, v in interpreter.get_signature_runner(key)(**inputs).items()})
                    continue
                for index, array in inputs.items():
                    interpreter.resize_tensor_input(index, array.shape)
                interpreter.allocate_tensors()
                for index, array in inputs.items():
                    interpreter.set_tensor(index, array)
                interpreter.invoke()
                said.append({d["index"]: interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()
                             if isinstance(want, str) or d["index"] in want})
            details = worker.plain_details(interpreter)
        except Exception as error:
            said.append(f"{type(error).__name__}: {error}")
        pickle.dump((model.name, said, details), out)
        out.flush()


def main():
    if sys.argv[1] == "--delegate":
        with open(sys.argv[3], "ab") as out:
            return delegate(sys.argv[2], out)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the same kernels on every processor
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the plain kernels, as the delegate has them
    import tensorflow as tf
    out = pathlib.Path(sys.argv[1])
    models = [*direct(tf), *converted(tf)]  # forks first, while TensorFlow has no threads
    temporary = out.with_suffix(f".{os.getpid()}")
    with open(temporary, "wb") as file:
        pickle.dump((VERSION, models), file)
    os.replace(temporary, out)


if __name__ == "__main__":
    importlib.invalidate_caches()
    sys.modules.setdefault("flex", sys.modules[__name__])  # so that what is pickled is flex.Model
    Model.__module__ = "flex"
    main()
