# SPDX-License-Identifier: Apache-2.0
"""Several graphs and sessions, operations and their attributes."""

import tensorflow as tf

v1 = tf.compat.v1
one, two = tf.Graph(), tf.Graph()
with one.as_default():
    a = tf.constant([1, 2, 3], name="a")
    b = tf.one_hot(a, 4, axis=0, name="hot")
with two.as_default():
    c = tf.Variable(2.5, name="c")
    d = c * 2.0
print(a.graph is one, d.graph is two, v1.get_default_graph() is one, tf.executing_eagerly())
with one.as_default():
    print(tf.executing_eagerly())
print(b.op.get_attr("axis"), b.op.get_attr("T"), a.op.get_attr("dtype"), len(b.op.inputs), b.op.outputs[0].name)
print([t.name for t in b.consumers()], [op.name for op in a.consumers()])
try:
    b.op.get_attr("none")
except ValueError as error:
    print(type(error).__name__)
with v1.Session(graph=one) as session:
    print(session.run(b).tolist())
    try:
        session.run(d)
    except (ValueError, TypeError) as error:
        print(type(error).__name__)
with v1.Session(graph=two) as first, v1.Session(graph=two) as second:
    first.run(c.initializer)
    second.run(c.initializer)
    first.run(two.get_tensor_by_name("c/Read/ReadVariableOp:0"))
    print(first.run(d), second.run(d))
one.finalize()
try:
    with one.as_default():
        tf.constant(1)
except RuntimeError as error:
    print(type(error).__name__, one.finalized, two.finalized)
print(one.version == two.version, len(one.get_operations()))
try:
    bool(a)
except TypeError as error:
    print(type(error).__name__)
