# SPDX-License-Identifier: Apache-2.0
"""Initializers with seeds and constants."""

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
tf.set_random_seed(11)
makers = {
    "zeros": tf.zeros_initializer(), "ones": tf.ones_initializer(), "constant": tf.constant_initializer(2.5),
    "array": tf.constant_initializer(np.arange(6.0)), "uniform": tf.random_uniform_initializer(-1, 1, seed=1),
    "normal": tf.random_normal_initializer(stddev=0.1, seed=2), "truncated": tf.truncated_normal_initializer(seed=3),
    "glorot": tf.glorot_uniform_initializer(seed=4), "identity": tf.initializers.identity(),
    "scaling": tf.variance_scaling_initializer(seed=5),
}
made = {name: tf.get_variable(name, [2, 3], initializer=make) for name, make in makers.items()}
unseeded = tf.get_variable("unseeded", [3], initializer=tf.random_normal_initializer())
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for name, value in session.run(made).items():
        print(name, value.dtype, [f"{v:.5f}" for v in value.reshape(-1)])
    print([f"{v:.5f}" for v in session.run(unseeded)])
    print(session.run(tf.random_uniform([2], seed=3)), session.run(tf.random_uniform([2], 0, 50, tf.int32, seed=4)))
    stream = tf.random_normal([2], seed=8)
    print(session.run(stream), session.run(stream))
    print(session.run(tf.initializers.ones()([2, 2])).tolist())
