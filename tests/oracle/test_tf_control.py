# SPDX-License-Identifier: Apache-2.0
"""Control flow of both versions: graphs that TensorFlow makes and runs, run by unflow from their GraphDefs.

TensorFlow makes all graphs in one process (its control flow is switched for the whole process), each structure ten
times with random numbers.
"""

import os
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest

HERE = pathlib.Path(__file__).resolve().parent
if os.environ.get("UNFLOW_PYTHONPATH"):
    sys.path.insert(0, os.environ["UNFLOW_PYTHONPATH"])

MAKE = r'''
import os, pickle, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # the same kernels on every processor
import numpy as np
import tensorflow as tf
v1 = tf.compat.v1
v1.disable_eager_execution()
rng = np.random.default_rng(5)
ROUNDS = 10

def cond(x, n):
    limit = float(rng.normal())
    r = tf.cond(tf.reduce_sum(x) > limit, lambda: x * 2., lambda: tf.constant(np.full(3, limit, "f4")))
    s = tf.cond(tf.reduce_sum(x) > 100., lambda: tf.exp(x), lambda: tf.zeros_like(x) + limit)
    return [r, s, r + s]

def loop(x, n):
    i, y = tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, y * x + tf.cast(i, tf.float32)),
                         [tf.constant(0), tf.ones_like(x)])
    return [i, y, y * 2.]

def nested(x, n):
    def body(i, y):
        j, z = tf.while_loop(lambda j, z: j < i, lambda j, z: (j + 1, z + x * tf.cast(i, tf.float32)), [tf.constant(0), y])
        z = tf.cond(tf.reduce_sum(z) > 3., lambda: z - 1., lambda: z + 10.)
        return i + 1, z
    return list(tf.while_loop(lambda i, y: i < n, body, [tf.constant(0), x]))

def grow(x, n):
    i, y = tf.while_loop(lambda i, y: i < n % 4, lambda i, y: (i + 1, tf.concat([y, y + 1.], 0)), [tf.constant(0), x],
                         shape_invariants=[tf.TensorShape([]), tf.TensorShape([None])])
    return [y, tf.shape(y)]

def arrays(x, n):
    ta = tf.TensorArray(tf.float32, size=n)
    i, ta = tf.while_loop(lambda i, t: i < n, lambda i, t: (i + 1, t.write(i, x * tf.cast(i, tf.float32))), [tf.constant(0), ta])
    return [ta.stack()]

def branches(x, n):
    return [tf.switch_case(tf.constant(n % 5) + tf.cast(x[0] > 9., tf.int32), [lambda k=k: x * float(k) for k in range(3)], default=lambda: x - 1.)]

def state(x, n):
    v = v1.get_variable("v", initializer=tf.constant(np.full(3, 2., "f4")), use_resource=True)
    def update():
        with tf.control_dependencies([v1.assign_add(v, x)]):
            return v.read_value()
    return [tf.cond(tf.reduce_sum(x) > 0., update, lambda: v.read_value() - 100.)]

def references(x, n):
    v = v1.get_variable("v", initializer=tf.constant(np.full(3, 2., "f4")), use_resource=False)
    with tf.control_dependencies([v1.assign_add(v, x), v1.scatter_update(v1.get_variable("w", initializer=tf.zeros(4), use_resource=False), [n % 4], [1.])]):
        return [tf.cond(tf.reduce_sum(x) > 0., lambda: x + 1., lambda: x - 1.)]

def calls(x, n):
    from tensorflow.python.framework import function
    @function.Defun(tf.float32, func_name="twice")
    def twice(a):
        return a * 2.
    @tf.function
    def power(a):
        return a * a + float(n)
    return [twice(x), power(x), power(twice(x))]

def feeds(x, n):
    d = v1.placeholder_with_default(np.full(3, float(n), "f4"), [3])
    with tf.control_dependencies([tf.raw_ops.ControlTrigger(), tf.no_op()]):
        return [x + d, tf.identity(d)]

def merges(x, n):
    off, on = tf.raw_ops.Switch(data=x, pred=tf.reduce_sum(x) > 0.)
    m = tf.raw_ops.Merge(inputs=[off + 1., on * 3.])
    return [m.output, m.value_index]

def fors(x, n):
    from tensorflow.python.framework import function
    @function.Defun(tf.int32, tf.float32, func_name="body")
    def body(i, a):
        return a * 2. + tf.cast(i, tf.float32)
    from tensorflow.python.ops import functional_ops
    return functional_ops.For(0, n, 1, [x], body, rewrite_with_while=False)

out = []
for version in (1, 2):
    (v1.enable_control_flow_v2 if version == 2 else v1.disable_control_flow_v2)()
    for make in (cond, loop, nested, grow, arrays, branches, state, references, calls, feeds, merges, fors):
        for k in range(ROUNDS):
            n, value = int(rng.integers(1, 7)), rng.normal(size=3).astype("f4")
            with tf.Graph().as_default() as g:
                fetches = make(v1.placeholder(tf.float32, [None] if make is grow else [3], name="x"), n)
                init = v1.global_variables_initializer()
                with v1.Session() as s:
                    s.run(init)
                    values = s.run(list(fetches), {"x:0": value})
                out.append((f"{make.__name__}_v{version}_{k}", g.as_graph_def().SerializeToString(), [f.name for f in fetches],
                            value, [np.asarray(v) for v in values], init.name))
pickle.dump(out, sys.stdout.buffer)
'''


def test_control_flow():
    made = subprocess.run([sys.executable, "-c", MAKE], capture_output=True, env={**os.environ, "LD_PRELOAD": ""})
    assert made.returncode == 0, made.stderr.decode()[-2000:]
    import unflow as tf

    v1 = tf.compat.v1
    wrong, graphs = [], pickle.loads(made.stdout)
    for name, graph_def, fetches, value, want, init in graphs:
        with tf.Graph().as_default() as graph:
            message = v1.GraphDef()
            message.ParseFromString(graph_def)
            v1.import_graph_def(message, name="")
            with v1.Session() as session:
                session.run(graph.get_operation_by_name(init))
                got = session.run(fetches, {"x:0": value})
        for w, g in zip(want, got):
            g = np.asarray(g)
            if w.dtype != g.dtype or w.shape != g.shape or not np.allclose(w, g, rtol=1e-5, atol=1e-6):
                wrong.append(f"{name}: expected {w}, found {g}")
    assert len(graphs) == 240 and not wrong, "\n".join(wrong)
