# SPDX-License-Identifier: Apache-2.0
"""cond and while_loop in graphs."""

import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
n = tf.placeholder(tf.int32, [], name="n")
sign = tf.cond(n > 0, lambda: tf.constant("positive"), lambda: tf.constant("other"))
swapped = tf.cond(tf.equal(n % 2, 0), lambda: (n, n * 10), lambda: (n * 10, n))
i, factorial = tf.while_loop(lambda i, f: i <= n, lambda i, f: [i + 1, f * i], [1, 1])


def outer(i, total):
    _, inner = tf.while_loop(lambda j, s: j < i, lambda j, s: (j + 1, s + j), [0, 0])
    return i + 1, total + inner


_, nested = tf.while_loop(lambda i, t: i < n, outer, [0, 0])
growing = tf.while_loop(lambda v: tf.size(v) < 6, lambda v: tf.concat([v, v], 0), [tf.constant([1, 2])],
                        shape_invariants=[tf.TensorShape([None])])
squares = tf.map_fn(lambda v: v * v, tf.range(5))
sums = tf.scan(lambda a, v: a + v, tf.range(5))
chosen = tf.case([(n > 10, lambda: tf.constant(1)), (n > 5, lambda: tf.constant(2))], default=lambda: tf.constant(3))
branch = tf.switch_case(n % 3, [lambda: tf.constant("a"), lambda: tf.constant("b"), lambda: tf.constant("c")])
with tf.Session() as session:
    for value in (5, -2, 8, 12):
        feed = {n: value}
        print(value, session.run([sign, swapped, factorial, nested, chosen, branch], feed))
    print(session.run([i, growing, squares, sums], {n: 3}))
print(sign.dtype, growing.shape, squares.shape)
