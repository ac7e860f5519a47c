# SPDX-License-Identifier: Apache-2.0
"""Old graph code inside tf.function-style use of eager values."""

import tensorflow as tf

v1 = tf.compat.v1
print(tf.executing_eagerly())
with tf.Graph().as_default():
    print(tf.executing_eagerly())
    x = v1.placeholder(tf.int32, [])
    y = x * x + 1
    with v1.Session() as session:
        squares = [session.run(y, {x: i}) for i in range(5)]
print(squares, type(squares[0]).__name__)
eager = tf.constant(squares)
print(eager, tf.executing_eagerly())
with tf.Graph().as_default():
    constant = tf.constant(eager.numpy())
    with v1.Session() as session:
        print(session.run(tf.reduce_sum(constant)))
with tf.init_scope():
    print(tf.executing_eagerly())
with v1.Session(graph=tf.Graph()) as session:
    with session.graph.as_default():
        print(session.run(tf.constant(5) + 6))
        v = v1.get_variable("v", initializer=[1, 2])
        session.run(v1.global_variables_initializer())
        print(session.run(v))
try:
    v1.placeholder(tf.float32)
except RuntimeError as error:
    print(type(error).__name__)
try:
    v1.Session().run(eager)
except RuntimeError as error:
    print(type(error).__name__)
config = v1.ConfigProto(allow_soft_placement=True)
config.gpu_options.allow_growth = True
with tf.Graph().as_default(), v1.Session(config=config) as session:
    print(session.run(tf.constant("done")))
