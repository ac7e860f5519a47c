# SPDX-License-Identifier: Apache-2.0
"""Functions with input signatures and concrete functions."""

import tensorflow as tf


@tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32), tf.TensorSpec([], tf.float32)])
def scaled(x, factor):
    return x * factor


print(scaled(tf.ones([3, 2]), tf.constant(2.0)))
print(scaled([[1.0, 2.0]], 3.0))
print(scaled.input_signature)


@tf.function
def several(a, b=2, *, c=None):
    total = a + b
    return {"total": total, "pair": (a, total * 2), "none": c}


result = several(tf.constant(3))
print(sorted(result), result["total"], result["pair"], result["none"])

counter = tf.Variable(0)


@tf.function
def count(n):
    for _ in tf.range(n):
        counter.assign_add(2)
    return counter.read_value()


print(count(tf.constant(4)), counter.numpy())
concrete = several.get_concrete_function(tf.TensorSpec([], tf.int32))
print(concrete(tf.constant(5))["total"])
print(tf.TensorSpec([None, 3], tf.int64, name="x"), tf.TensorSpec.from_tensor(tf.constant([1.0])))
print(tf.TensorSpec([None, 3]).is_compatible_with(tf.ones([2, 3])))
