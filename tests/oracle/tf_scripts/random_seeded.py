# SPDX-License-Identifier: Apache-2.0
"""Random numbers from fixed seeds."""

import tensorflow as tf

tf.random.set_seed(1234)
print(tf.random.uniform([3]))
print(tf.random.normal([2, 2], mean=5.0, stddev=2.0))
print(tf.random.uniform([4], 0, 100, dtype=tf.int32))
print(tf.random.truncated_normal([3], seed=7))
tf.random.set_seed(1234)
print(tf.random.uniform([3]))
print(tf.random.uniform([2], seed=1), tf.random.uniform([2], seed=1))
tf.random.set_seed(5)
print(tf.random.shuffle(tf.range(8), seed=3))
print(tf.random.categorical([[0.0, 0.0, 5.0]], 6, seed=2))
print(tf.random.gamma([3], 2.0, seed=4))
print(tf.random.poisson([3], 4.0, seed=4))
print(tf.random.uniform([2], dtype=tf.float64, seed=9))
generator = tf.random.Generator.from_seed(42)
print(generator.normal([3]))
print(generator.uniform([2], maxval=10, dtype=tf.int32))
print(generator.state.numpy(), generator.key.numpy())
other = tf.random.Generator.from_state([1, 0, 5], alg="philox")
print(other.uniform([3]), other.algorithm)
print([g.uniform([1]).numpy().tolist() for g in generator.split(2)])
generator.reset_from_seed(42)
print(generator.normal([3]))
