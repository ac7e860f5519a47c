# SPDX-License-Identifier: Apache-2.0
"""tf_worker.py: runs a family's cases with one of the two libraries, for tf_run.py.

    tf_worker.py tensorflow|unflow FAMILY FIRST OUT [ONLY]

Pickles (index, "ok", [arrays]) or (index, "error", exception name, text) one after the other to OUT, so that what
was done before a crash is kept. ONLY: indices, separated by commas.
"""

import importlib.util
import inspect
import pathlib
import pickle
import sys
import zlib

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "tf")]
from tf_case import Q, R  # noqa: E402


def load(family):
    path = HERE / "tf" / f"{family}.py"
    spec = importlib.util.spec_from_file_location(f"tf_family_{family}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rng = np.random.default_rng(zlib.crc32(family.encode()))
    out = [case for _ in range(getattr(module, "ROUNDS", 1)) for case in module.cases(rng)]
    for i, case in enumerate(out):
        case.name = case.name or f"{case.ops[-1]}#{i}"
    return out


def arguments(text):
    """[(name, what)] of a signature."""
    return [tuple(a.split(":", 1)) for a in text.split()]


class TensorFlow:
    def __init__(self):
        import os
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the same kernels on every processor
        import tensorflow as tf
        self.tf = tf
        self.plain = {tf.qint8: tf.int8, tf.quint8: tf.uint8, tf.qint16: tf.int16, tf.quint16: tf.uint16, tf.qint32: tf.int32}
        import ml_dtypes
        ml_dtypes.bfloat16

    def value(self, v, named):
        tf = self.tf
        if isinstance(v, R):
            return named[v.name]
        if isinstance(v, Q):
            return tf.bitcast(np.asarray(v.value), tf.dtypes.as_dtype(v.dtype))
        return tf.constant(v) if isinstance(v, np.ndarray) else v

    def step(self, op, inputs, attrs, named):
        from tensorflow.python.framework import op_def_registry
        definition = op_def_registry.get(op)
        function = getattr(self.tf.raw_ops, op)
        told, kwargs = set(), {}
        for arg, v in zip(definition.input_arg, inputs):
            many = bool(arg.number_attr or arg.type_list_attr)
            kwargs[arg.name] = [self.value(i, named) for i in v] if many else self.value(v, named)
            told |= {arg.type_attr, arg.number_attr, arg.type_list_attr}
        kwargs.update({k: v for k, v in attrs.items() if k not in told})
        # Python's names of some arguments and attributes are others (axis for reduction_indices): by order.
        taken = list(inspect.signature(function).parameters)
        names = [a.name for a in definition.input_arg] + [a.name for a in definition.attr if a.name not in told and a.name not in taken]
        free = [p for p in taken if p not in names and p not in kwargs and p != "name"]
        renamed = dict(zip([n for n in names if n not in taken], free))
        result = function(**{renamed.get(k, k): v for k, v in kwargs.items()})
        if result is None or type(result).__name__ == "Operation":
            return []
        flat = []
        for r in result if isinstance(result, (list, tuple)) else [result]:
            flat += list(r) if isinstance(r, (list, tuple)) else [r]
        return flat

    def name(self, named, names, results):
        for n, r in zip([names] if isinstance(names, str) else names or [], results):
            named[n] = r
        if names == "out":
            named["out"] = results

    def eager(self, case):
        named = {}
        for s in case.steps:
            self.name(named, s[0], self.step(s[1], s[2], s[3] if len(s) > 3 else {}, named))
        return [self.array(t) for o in case.outputs for t in (named[o] if isinstance(named[o], list) else [named[o]])]

    def graph(self, case):
        tf = self.tf
        with tf.Graph().as_default() as graph, tf.compat.v1.Session() as session:
            named, last = {}, None
            for s in case.steps:
                before = len(graph.get_operations())
                with tf.control_dependencies([last] if last is not None else []):
                    self.name(named, s[0], self.step(s[1], s[2], s[3] if len(s) > 3 else {}, named))
                made = [o for o in graph.get_operations()[before:] if o.type == s[1]]
                last = made[-1]
            with tf.control_dependencies([last]):
                fetches = [tf.identity(named[o]) for o in case.outputs]
            return [np.array(a, object) if isinstance(a, bytes) else np.asarray(a) for a in session.run([*fetches, last])[:-1]]

    def array(self, t):
        if t.dtype in self.plain:
            t = self.tf.bitcast(t, self.plain[t.dtype])
        a = t.numpy()
        return np.array(a, object) if isinstance(a, bytes) else np.asarray(a)

    def run(self, case):
        return self.graph(case) if case.graph else self.eager(case)


class Unflow:
    def __init__(self):
        import os
        if os.environ.get("UNFLOW_PYTHONPATH"):
            sys.path.insert(0, os.environ["UNFLOW_PYTHONPATH"])
        import unflow  # noqa: F401
        from unflow import _core
        self.core = _core
        import ml_dtypes
        ml_dtypes.bfloat16

    def value(self, v, named, dtype):
        if isinstance(v, R):
            return named[v.name]
        if isinstance(v, Q):
            return self.core.execute("Bitcast", [self.core.tensor(np.asarray(v.value))], {"type": v.dtype})
        return self.core.tensor(v) if isinstance(v, np.ndarray) else self.core.tensor(self.plain(v, dtype))

    @staticmethod
    def plain(v, dtype):
        """A Python value as TensorFlow would take it for that dtype (or by itself)."""
        leaf = v
        while isinstance(leaf, (list, tuple)) and leaf:
            leaf = leaf[0]
        if dtype == "string" or isinstance(leaf, (str, bytes)):
            a = np.array(v, object)
            return np.array([i.encode() if isinstance(i, str) else i for i in a.reshape(-1)], object).reshape(a.shape)
        if dtype:
            return np.array(v, dtype)
        if isinstance(leaf, bool):
            return np.array(v, bool)
        return np.array(v, np.int32 if isinstance(leaf, int) else np.float32)

    def step(self, op, inputs, attrs, named):
        signature = self.core.tf_op(op)
        flat, attrs = [], dict(attrs)
        known = {}  # type attributes that arrays tell
        args = arguments(signature[0])
        for (_, what), v in zip(args, inputs):
            what = what.rstrip("&")
            for i in v if what[0] == "@" or "*" in what else [v]:
                name = what.split("*")[-1].lstrip("$")
                if isinstance(i, np.ndarray):
                    known.setdefault(name, i.dtype)
                elif isinstance(i, (Q, R)) and "$" in what and not isinstance(i, Q):
                    if self.told(named.get(i.name)) is not None:
                        known.setdefault(name, self.told(named[i.name]))
        for (_, what), v in zip(args, inputs):
            what = what.rstrip("&")
            many = what[0] == "@" or "*" in what
            fixed = what.split("*")[-1]
            dtype = known.get(fixed[1:]) if fixed[0] == "$" else None if fixed[0] == "@" else fixed
            if dtype is None and fixed[0] == "$":
                default = [a.split("=", 1)[1] for a in signature[2].split() if a.startswith(fixed[1:] + ":") and "=" in a]
                dtype = attrs.get(fixed[1:]) or (default[0] if default else None)
            dtype = "int32" if dtype == "resource" else dtype
            values = [self.value(i, named, dtype) for i in (v if many else [v])]
            flat += values
            if "*" in what:
                attrs[what.split("*")[0]] = len(values)
            if what[0] == "@":
                attrs[what[1:]] = [getattr(t.dtype, "name", t.dtype) for t in values]
        result = self.core.execute(op, flat, attrs)
        return [] if result is None else list(result) if isinstance(result, (list, tuple)) else [result]

    @staticmethod
    def told(t):
        """The dtype of an earlier step's value; None: it is a handle, or a variable without a value."""
        if t is None or str(getattr(t, "dtype", "")) in ("resource", "variant"):
            return None
        try:
            return t.numpy().dtype
        except Exception:
            return None

    name = TensorFlow.name

    def run(self, case):
        named = {}
        for s in case.steps:
            self.name(named, s[0], self.step(s[1], s[2], s[3] if len(s) > 3 else {}, named))
        return [self.array(t) for o in case.outputs for t in (named[o] if isinstance(named[o], list) else [named[o]])]

    def array(self, t):
        a = t.numpy()
        a = np.array(a, object) if isinstance(a, bytes) else np.asarray(a)
        plain = {"qint8": "i1", "quint8": "u1", "qint16": "i2", "quint16": "u2", "qint32": "i4"}.get(getattr(t.dtype, "name", t.dtype))
        return a.view(plain) if plain and a.dtype != np.dtype(plain) else a


def main():
    side, family, first, out = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    only = {int(i) for i in sys.argv[5].split(",")} if len(sys.argv) > 5 else None
    engine = TensorFlow() if side == "tensorflow" else Unflow()
    with open(out, "ab") as f:
        for i, case in enumerate(load(family)):
            if i < first or (only is not None and i not in only):
                continue
            try:
                row = (i, "ok", engine.run(case))
            except Exception as e:
                row = (i, "error", type(e).__name__, str(e)[:600])
            pickle.dump(row, f)
            f.flush()


if __name__ == "__main__":
    main()
