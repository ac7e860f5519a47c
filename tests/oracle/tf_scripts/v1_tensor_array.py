# SPDX-License-Identifier: Apache-2.0
"""TensorArray, map_fn, scan and folds in a graph."""

import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
x = tf.placeholder(tf.float32, [None, 2], name="x")
rows = tf.shape(x)[0]
array = tf.TensorArray(tf.float32, size=rows, clear_after_read=False).unstack(x)
print(array.dtype)
total = tf.while_loop(lambda i, s: i < rows, lambda i, s: (i + 1, s + tf.reduce_max(array.read(i))), [0, 0.0])[1]
growing = tf.TensorArray(tf.int32, size=0, dynamic_size=True, element_shape=[])
_, growing = tf.while_loop(lambda i, _: i < 6, lambda i, a: (i + 1, a.write(i, i * i)), [0, growing])
squares = growing.stack()
print(squares.shape, squares.dtype)
mapped = tf.map_fn(lambda row: tf.reduce_sum(row) * 2.0, x)
pairs = tf.map_fn(lambda p: (p[0] + p[1], p[0] > 1), (tf.constant([1, 2]), tf.constant([10, 20])),
                  dtype=(tf.int32, tf.bool))
scanned = tf.scan(lambda a, row: a + row, x)
back = tf.scan(lambda a, v: a * v, tf.constant([1.0, 2.0, 3.0]), initializer=10.0, reverse=True)
left = tf.foldl(lambda a, v: a - v, tf.constant([10, 1, 2]))
right = tf.foldr(lambda a, v: a - v, tf.constant([10, 1, 2]), initializer=100)
print(mapped.shape, back.shape, left.shape)
with tf.Session() as session:
    feed = {x: [[1.0, 2.0], [5.0, 3.0], [0.0, 4.0]]}
    print(session.run([total, squares, mapped], feed))
    print(session.run(scanned, feed).tolist(), session.run(pairs))
    print(session.run([back, left, right]))
    print(session.run([array.gather([2, 0]), array.size(), array.stack()], feed))
    parts = tf.TensorArray(tf.int32, size=2, infer_shape=False).split([1, 2, 3], [1, 2])
    print(session.run([parts.read(0), parts.read(1), parts.concat()]))
