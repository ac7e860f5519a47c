# SPDX-License-Identifier: Apache-2.0
"""Any tensor can be fed; kinds of feeds."""

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
x = tf.placeholder(tf.int64, [2], name="x")
y = tf.multiply(x, 3, name="y")
z = tf.subtract(y, 1, name="z")
any_shape = tf.placeholder(tf.float32, name="anything")
text = tf.placeholder(tf.string, [], name="text")
sparse = tf.sparse_placeholder(tf.float32, [2, 2])
v = tf.get_variable("v", initializer=5, use_resource=True)
print(any_shape.shape, x.shape, text)
with tf.Session() as session:
    session.run(v.initializer)
    print(session.run(z, {x: [1, 2]}), session.run(z, {y: [10, 20]}), session.run(z, {"y:0": np.array([7, 8])}))
    print(session.run([y, z], {y: [0, 0]}), session.run(z, {z: [5, 5]}))
    print(session.run(tf.reduce_sum(any_shape), {any_shape: [[1, 2], [3, 4]]}))
    print(session.run(tf.strings.upper(text), {text: "hello"}), session.run(tf.strings.length(text), {text: b"abc"}))
    print(session.run(tf.sparse_tensor_to_dense(sparse),
                      {sparse: tf.SparseTensorValue([[0, 1], [1, 0]], [1.0, 2.0], [2, 2])}).tolist())
    print(session.run(v + 1), session.run(z, {x: np.array([1.0, 2.0]).astype(np.int64)}))
    for feed in ({x: [1, 2, 3]}, {x: ["a", "b"]}, {"none:0": 1}, {x: tf.constant([1, 2])}, {3: [1, 2]}):
        try:
            print(session.run(z, feed))
        except (ValueError, TypeError, KeyError, tf.errors.InvalidArgumentError) as error:
            print(type(error).__name__)
    for fetch in (None, 3, [z, None], "none"):
        try:
            print(session.run(fetch, {x: [1, 2]}))
        except (ValueError, TypeError, KeyError) as error:
            print(type(error).__name__)
print(tf.get_default_graph().is_feedable(y), tf.get_default_graph().is_fetchable(y))
