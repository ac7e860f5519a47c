# SPDX-License-Identifier: Apache-2.0
"""Everyday ops in a graph: shapes are known before they run."""

import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
x = tf.placeholder(tf.float32, [None, 4], name="x")
steps = [
    ("reduce", tf.reduce_sum(x, axis=1, keepdims=True)), ("argmax", tf.argmax(x, axis=1)),
    ("concat", tf.concat([x, x], axis=1)), ("transpose", tf.transpose(x)), ("reshape", tf.reshape(x, [-1, 2, 2])),
    ("softmax", tf.nn.softmax(x)), ("gather", tf.gather(x, [0, 0])), ("tile", tf.tile(x, [1, 2])),
    ("slice", x[:, 1:3]), ("last", x[-1]), ("stack", tf.stack([x, x])), ("where", tf.where(x > 2.0, x, -x)),
    ("shape", tf.shape(x)), ("one_hot", tf.one_hot(tf.cast(x[0], tf.int32), 3)), ("expand", tf.expand_dims(x, 1)),
    ("topk", tf.nn.top_k(x, 2).indices), ("cumsum", tf.cumsum(x, axis=1)), ("mask", tf.boolean_mask(x, x[:, 0] > 0)),
]
for name, tensor in steps:
    print(name, tensor.shape, tensor.dtype.name, tensor.op.type)
with tf.Session() as session:
    values = session.run(dict(steps), {x: [[0.0, 1.0, 2.0, 3.0], [3.0, 2.0, 1.0, 0.0]]})
for name, _ in steps:
    print(name, values[name].shape, [f"{v:.4g}" for v in values[name].reshape(-1)[:8].tolist()])
for attempt in (lambda: tf.matmul(tf.ones([4, 4]), tf.ones([3, 2])), lambda: tf.reshape(tf.ones([2, 2]), [3]),
                lambda: tf.ones([4]) + tf.ones([3]), lambda: tf.concat([tf.ones([1, 2]), tf.ones([2])], 0),
                lambda: tf.ones([2]) + tf.constant([1])):
    try:
        print(attempt().shape)
    except (ValueError, TypeError) as error:
        print(type(error).__name__)
