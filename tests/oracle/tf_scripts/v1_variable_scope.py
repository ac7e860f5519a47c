# SPDX-License-Identifier: Apache-2.0
"""variable_scope: reuse, nesting, defaults."""

import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()


def layer(x, units):
    with tf.variable_scope("layer", reuse=tf.AUTO_REUSE):
        w = tf.get_variable("w", [x.shape[-1], units], initializer=tf.constant_initializer(0.5))
        b = tf.get_variable("b", [units], initializer=tf.zeros_initializer())
        return tf.nn.xw_plus_b(x, w, b, name="out")


x = tf.ones([1, 3])
with tf.variable_scope("net") as scope:
    first = layer(x, 2)
    second = layer(x, 2)
    print(scope.name, tf.get_variable_scope().name)
print(first.name, second.name)
print([v.name for v in tf.global_variables()])
with tf.variable_scope(scope, reuse=True):
    print(tf.get_variable("layer/w").name)
with tf.variable_scope("net", reuse=True):
    with tf.variable_scope("layer"):
        print(tf.get_variable("b").name, tf.get_variable_scope().reuse)
for name, reuse in (("net/layer", False), ("none", True)):
    with tf.variable_scope(name, reuse=reuse):
        try:
            tf.get_variable("w", [3, 2])
        except ValueError as error:
            print(type(error).__name__)
with tf.variable_scope("outer", initializer=tf.constant_initializer(7.0)):
    with tf.variable_scope("inner"):
        seven = tf.get_variable("seven", [2])
with tf.variable_scope(None, default_name="auto"):
    print(tf.get_variable("v", [1]).name)
with tf.variable_scope(None, default_name="auto"):
    print(tf.get_variable("v", [1]).name, tf.zeros([1], name="z").name)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    print(session.run(first), session.run(seven))
