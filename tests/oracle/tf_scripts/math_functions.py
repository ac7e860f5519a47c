# SPDX-License-Identifier: Apache-2.0
"""Elementwise mathematics."""

import tensorflow as tf

x = tf.constant([-2.0, -0.5, 0.25, 1.0, 3.0], tf.float64)


def show(name, value):
    print(name, value.dtype.name, [f"{v:.6f}" for v in value.numpy().reshape(-1) + 0.0])


for name in ("abs", "exp", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh", "asinh", "erf", "expm1",
             "square", "sign", "floor", "ceil", "round", "rint", "sigmoid", "softplus", "negative", "reciprocal"):
    show(name, getattr(tf.math, name)(x))
for name in ("sqrt", "rsqrt", "log", "log1p", "lgamma", "digamma", "erfc", "bessel_i0e"):
    show(name, getattr(tf.math, name)(tf.abs(x)))
show("pow", tf.pow(tf.abs(x), 1.5))
show("atan2", tf.atan2(x, tf.ones_like(x)))
show("maximum", tf.maximum(x, 0.5))
show("clip", tf.clip_by_value(x, -1.0, 1.0))
show("mod", tf.math.floormod(x, 2.0))
show("squared_difference", tf.math.squared_difference(x, 1.0))
show("divide_no_nan", tf.math.divide_no_nan(x, [0.0, 1.0, 2.0, 0.0, 4.0]))
show("xlogy", tf.math.xlogy([0.0, 1.0], [0.0, 2.0]))
show("igamma", tf.math.igamma([1.0, 2.0], [0.5, 1.5]))
show("polyval", tf.math.polyval([1.0, 2.0, 3.0], tf.constant([2.0])))
show("log_sum", tf.reduce_logsumexp([[0.0, 1.0], [2.0, 3.0]], axis=1))
print(tf.math.is_nan([1.0, float("nan")]), tf.math.is_inf([float("inf"), 0.0]), tf.math.is_finite([1.0]))
print(tf.bitwise.bitwise_and([6], [3]), tf.bitwise.left_shift([1], [4]), tf.bitwise.invert([0]))
print(tf.math.real(1 + 2j), tf.math.conj(tf.constant(1 + 2j)), tf.complex(1.0, 2.0), tf.abs(3 + 4j))
