# SPDX-License-Identifier: Apache-2.0
"""Constants, operators, comparisons and conversions."""

import tensorflow as tf

a = tf.constant([[1, 2, 3], [4, 5, 6]])
b = tf.constant([[6, 5, 4], [3, 2, 1]])
print(a + b, a - b, a * b, sep="\n")
print(a / b)
print((a // b).numpy(), (a % b).numpy(), (a ** 2).numpy())
print((a > b).numpy(), (a == b).numpy())
print(tf.matmul(a, b, transpose_b=True))
print(-a, abs(-a)[0], sep="\n")

x = tf.constant(2.5)
print(x, float(x), int(x), bool(x), round(float(x)))
print(x + 1, 1 - x, x / 2, 3 * x)
print(tf.cast(a, tf.float64))
print(tf.cast([1.9, -1.9, 0.0], tf.int32), tf.cast([0, 1, 2], tf.bool))
print(tf.constant([1, 2], dtype=tf.uint8), tf.constant(1.5, tf.float16))
print(tf.constant("text"), tf.constant(["a", "b"]))
print(tf.constant(True), tf.constant(1 + 2j))
print(a.shape, a.shape.rank, a.dtype, a.ndim, tf.rank(a), tf.size(a), tf.shape(a))
print(tf.fill([2, 2], 9), tf.zeros_like(a), tf.ones([1, 2]), tf.eye(2), sep="\n")
print(tf.range(5), tf.range(1, 10, 3), tf.linspace(0.0, 1.0, 5))
print(repr(a))
print(repr(tf.constant([])))
