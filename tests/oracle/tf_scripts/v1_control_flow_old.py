# SPDX-License-Identifier: Apache-2.0
"""cond and while_loop with Switch, Merge and Enter."""

import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
tf.disable_control_flow_v2()
x = tf.placeholder(tf.float32, [], name="x")
state = tf.get_variable("state", initializer=0.0, use_resource=True)
picked = tf.cond(x > 1.0, lambda: x * 2.0, lambda: tf.negative(x))
assigned = tf.cond(x > 1.0, lambda: tf.assign_add(state, 10.0), lambda: tf.assign_sub(state, 1.0))


def body(i, acc):
    with tf.control_dependencies([tf.assign_add(state, 1.0)]):
        return i + 1, acc + x


count, total = tf.while_loop(lambda i, a: tf.logical_and(i < 5, a < 100.0), body, [0, 0.0])
array = tf.TensorArray(tf.int32, size=4)
filled = tf.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, a.write(i, i * i)), [0, array])[1].stack()
print(picked.shape, assigned.shape, total.shape, filled.dtype)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    print(session.run(picked, {x: 3.0}), session.run(picked, {x: 0.5}))
    print(session.run(state), session.run(assigned, {x: 2.0}), session.run(state))
    session.run(assigned, {x: 0.0})
    print(session.run(state), session.run([count, total], {x: 2.5}), session.run(state))
    print(session.run([count, total], {x: 60.0}), session.run(state))
    print(session.run(filled))
