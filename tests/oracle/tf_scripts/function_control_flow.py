# SPDX-License-Identifier: Apache-2.0
"""if, while and for over tensors in tf.function."""

import tensorflow as tf


@tf.function
def collatz(n):
    steps = tf.constant(0)
    while n != 1:
        if n % 2 == 0:
            n = n // 2
        else:
            n = 3 * n + 1
        steps += 1
    return steps


@tf.function
def clipped_sum(values, limit):
    total = tf.constant(0.0)
    for value in values:
        if total + value > limit:
            break
        total += value
    return total


@tf.function
def fizz(n):
    words = tf.TensorArray(tf.string, size=n)
    for i in tf.range(n):
        if i % 15 == 0:
            words = words.write(i, "fizzbuzz")
        elif i % 3 == 0:
            words = words.write(i, "fizz")
        else:
            words = words.write(i, tf.strings.as_string(i))
    return words.stack()


print([int(collatz(tf.constant(n))) for n in (1, 6, 7, 27)])
print(clipped_sum(tf.constant([1.0, 2.0, 3.0, 4.0]), tf.constant(6.5)))
print(fizz(tf.constant(7)))
