# SPDX-License-Identifier: Apache-2.0
"""A first graph, run in a Session."""

import tensorflow as tf

tf.compat.v1.disable_eager_execution()
print(tf.executing_eagerly())
a = tf.constant(3.0, name="a")
b = tf.compat.v1.placeholder(tf.float32, shape=[None], name="b")
c = tf.add(a, b, name="c")
print(a, b, c, sep="\n")
print(c.op.name, c.op.type, [t.name for t in c.op.inputs], c.shape, c.dtype)
with tf.compat.v1.Session() as session:
    print(session.run(a), type(session.run(a)).__name__)
    print(session.run(c, feed_dict={b: [1.0, 2.0]}))
    print(session.run([a, c], {b: [5.0]}))
    print(session.run({"x": c, "y": (a, [c * 2])}, {"b:0": [1.5]}))
    print(session.run("c:0", {b: [0.0]}), session.run(c.op, {b: [0.0]}))
    print(session.run(c, {a: 100.0, b: [1.0]}), c.eval({b: [7.0]}))
    try:
        session.run(c)
    except tf.errors.InvalidArgumentError as error:
        print(type(error).__name__)
    try:
        session.run("nothing:0")
    except (KeyError, ValueError) as error:
        print(type(error).__name__)
    try:
        session.run(c, {b: [[1.0]]})
    except ValueError as error:
        print(type(error).__name__)
try:
    session.run(a)
except RuntimeError as error:
    print(error)
