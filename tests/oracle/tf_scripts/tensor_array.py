# SPDX-License-Identifier: Apache-2.0
"""TensorArray outside a graph."""

import tensorflow as tf

array = tf.TensorArray(tf.float32, size=3, clear_after_read=False)
for i in range(3):
    array = array.write(i, [float(i), i + 0.5])
print(array.read(1), array.size())
print(array.stack())
print(array.gather([2, 0]))
print(array.concat())
filled = tf.TensorArray(tf.int32, size=0, dynamic_size=True)
filled = filled.unstack([[1, 2], [3, 4], [5, 6]])
print(filled.size().numpy(), filled.read(2).numpy())
filled = filled.write(3, [7, 8])
print(filled.stack().numpy().tolist())
parts = tf.TensorArray(tf.int32, size=3, infer_shape=False).split([1, 2, 3, 4, 5, 6], [1, 2, 3])
print(parts.read(0).numpy(), parts.read(1).numpy(), parts.read(2).numpy())
print(array.dtype, array.dynamic_size, filled.dynamic_size)
growing = tf.TensorArray(tf.int64, 0, dynamic_size=True)
a, b = tf.constant(0, tf.int64), tf.constant(1, tf.int64)
for step in tf.range(10):
    growing = growing.write(step, a)
    a, b = b, a + b
print(growing.stack())
try:
    tf.TensorArray(tf.int32, size=1).write(5, 1)
except tf.errors.OutOfRangeError as error:
    print(type(error).__name__)
