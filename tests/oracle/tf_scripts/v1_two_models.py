# SPDX-License-Identifier: Apache-2.0
"""Two copies of a model in one graph share or keep their variables."""

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()


def model(x, name, reuse=None):
    with tf.variable_scope(name, reuse=reuse):
        hidden = x
        for i, units in enumerate((4, 3)):
            w = tf.get_variable(f"w{i}", [hidden.shape[1], units],
                                initializer=tf.random_normal_initializer(seed=i + 1))
            b = tf.get_variable(f"b{i}", [units], initializer=tf.constant_initializer(0.1 * i))
            hidden = tf.nn.relu(tf.matmul(hidden, w) + b, name=f"h{i}")
        return tf.nn.softmax(hidden, name="out")


x = tf.placeholder(tf.float32, [None, 2], name="x")
online, target = model(x, "online"), model(x, "target")
again = model(x * 1.0, "online", reuse=True)
mine = tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES, scope="online")
theirs = tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES, scope="target")
copy = tf.group(*[tf.assign(t, o) for t, o in zip(theirs, mine)])
print(online.name, target.name, again.name)
print([v.name for v in mine], len(theirs), sum(int(np.prod(v.shape.as_list())) for v in tf.trainable_variables()))
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    feed = {x: [[1.0, -1.0], [0.5, 2.0]]}
    a, b, c = session.run([online, target, again], feed)
    print(a.round(4).tolist(), np.array_equal(a, b), np.array_equal(a, c))
    session.run(mine[1].assign(np.full(4, 2.0)))
    print(np.array_equal(*session.run([online, target], feed)))
    session.run(copy)
    print(np.array_equal(*session.run([online, target], feed)), session.run("online/h0:0", feed).round(4).tolist())
