# SPDX-License-Identifier: Apache-2.0
"""Variables: reading, assigning, printing."""

import numpy as np
import tensorflow as tf

weights = tf.Variable([[1.0, 2.0], [3.0, 4.0]], name="weights")
steps = tf.Variable(0, dtype=tf.int64, trainable=False, name="steps")
print(weights.name, weights.shape, weights.dtype, weights.trainable)
print(steps.name, steps.shape, steps.dtype, steps.trainable)
print(weights)
print(steps)
print(weights.numpy())

weights.assign([[0.5, 0.25], [2.0, 8.0]])
print(weights.numpy().tolist())
weights.assign_add(tf.ones([2, 2]))
weights.assign_sub([[0.5, 0.0], [0.0, 0.5]])
print(weights.numpy().tolist())
for _ in range(3):
    steps.assign_add(1)
print(int(steps), steps.numpy().dtype)

print(weights + 1)
print((weights * weights).numpy())
print(2.0 / weights.read_value())
print(tf.reduce_sum(weights), weights.value()[0])
print(np.asarray(weights).sum(), float(tf.reduce_max(weights)))
same = weights
same.assign(tf.zeros([2, 2]))
print(weights.numpy().any())
try:
    weights.assign([1.0, 2.0, 3.0])
except ValueError as error:
    print(type(error).__name__)
