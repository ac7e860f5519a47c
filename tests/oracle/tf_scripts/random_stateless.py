# SPDX-License-Identifier: Apache-2.0
"""Stateless random numbers."""

import tensorflow as tf

seed = [1, 2]
print(tf.random.stateless_uniform([3], seed))
print(tf.random.stateless_normal([2, 2], seed))
print(tf.random.stateless_uniform([4], seed, minval=-5, maxval=5, dtype=tf.int32))
print(tf.random.stateless_truncated_normal([3], seed, dtype=tf.float64))
print(tf.random.stateless_categorical([[0.1, 0.9], [2.0, 0.0]], 5, seed))
print(tf.random.stateless_uniform([2], seed, minval=None, maxval=None, dtype=tf.int64))
print(tf.random.stateless_uniform([3], seed) == tf.random.stateless_uniform([3], seed))
first, second = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
print(first, second)
print(tf.random.experimental.stateless_fold_in(tf.constant(seed), 9))
print(tf.random.stateless_uniform([3], first, alg="philox"))
print(tf.random.stateless_uniform([3], second, dtype=tf.float64))
print(tf.random.stateless_uniform([3], seed, dtype=tf.float16))
noise = tf.random.stateless_normal([1000], [7, 7])
print(bool(tf.abs(tf.reduce_mean(noise)) < 0.1), round(float(tf.math.reduce_std(noise)), 1))
print(tf.random.stateless_poisson([3], seed, 2.0, dtype=tf.int32))
