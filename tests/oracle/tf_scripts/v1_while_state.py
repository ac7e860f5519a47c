# SPDX-License-Identifier: Apache-2.0
"""Loops and branches that change variables, inside a Session."""

import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
total = tf.get_variable("total", [], initializer=tf.zeros_initializer(), use_resource=True)
log = tf.get_variable("log", [5], tf.int32, initializer=tf.zeros_initializer(), use_resource=True)
n = tf.placeholder(tf.int32, [], name="n")


def body(i):
    with tf.control_dependencies([total.assign_add(tf.cast(i, tf.float32)), log[i].assign(i * i)]):
        return i + 1


loop = tf.while_loop(lambda i: i < n, body, [0])
print(loop.dtype, loop.shape)
with tf.control_dependencies([loop]):
    after = total.read_value()
branch = tf.cond(total > 5.0, lambda: total.assign(0.0), lambda: total.assign_add(100.0))
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    print(session.run([loop, after], {n: 4}))
    print(session.run(log).tolist(), session.run(total))
    print(session.run(branch), session.run(branch), session.run(branch))
    print(session.run(after, {n: 2}), session.run(after, {n: 0}))
    limited = tf.while_loop(lambda v: True, lambda v: v * 2, [1], maximum_iterations=10)
    print(session.run(limited))
    try:
        session.run(loop, {n: 9})
    except (tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError) as error:
        print(isinstance(error, tf.errors.OpError))
    print(session.run(total) > 0)
