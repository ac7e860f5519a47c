# SPDX-License-Identifier: Apache-2.0
"""cond, case, switch_case, while_loop, map_fn, scan, folds."""

import tensorflow as tf

x = tf.constant(3)
print(tf.cond(x > 2, lambda: x * 10, lambda: x))
print(tf.case([(x < 0, lambda: tf.constant("negative")), (x > 0, lambda: tf.constant("positive"))],
              default=lambda: tf.constant("zero")))
print(tf.switch_case(tf.constant(1), [lambda: tf.constant(5), lambda: tf.constant(6)]))
i, total = tf.while_loop(lambda i, s: i < 5, lambda i, s: (i + 1, s + i), [tf.constant(0), tf.constant(0)])
print(i, total)
print(tf.while_loop(lambda v: tf.reduce_sum(v) < 100.0, lambda v: [v * 2.0], [tf.constant([1.0, 2.0])]))
print(tf.map_fn(lambda v: v * v, tf.constant([1, 2, 3])))
print(tf.map_fn(lambda p: p[0] + p[1], (tf.constant([1.0, 2.0]), tf.constant([10.0, 20.0])),
                fn_output_signature=tf.float32))
print(tf.scan(lambda a, v: a + v, tf.constant([1, 2, 3, 4])))
print(tf.scan(lambda a, v: a * v, tf.constant([1.0, 2.0, 3.0]), initializer=10.0, reverse=True))
print(tf.foldl(lambda a, v: a - v, tf.constant([10, 1, 2])))
print(tf.foldr(lambda a, v: a - v, tf.constant([10, 1, 2])))
print(tf.vectorized_map(lambda row: tf.reduce_sum(row), tf.constant([[1, 2], [3, 4]])))
print(tf.nest.map_structure(lambda a: a + 1, {"b": [1, 2], "a": (3,)}))
print(tf.nest.flatten({"b": 2, "a": [1, (5, 6)]}))
print(tf.nest.pack_sequence_as([0, (0, 0)], [7, 8, 9]))
with tf.control_dependencies([x]):
    print(tf.identity(x), tf.group(x))
