# SPDX-License-Identifier: Apache-2.0
"""Sums, extremes, sorting, segments."""

import tensorflow as tf

x = tf.constant([[3.0, 1.0, 2.0], [9.0, 7.0, 8.0]])
print(tf.reduce_sum(x), tf.reduce_sum(x, 0), tf.reduce_sum(x, 1, keepdims=True))
print(tf.reduce_mean(x, axis=1), tf.reduce_max(x, -1), tf.reduce_min(x, [0, 1]))
print(tf.reduce_prod(tf.constant([1, 2, 3, 4])), tf.reduce_any([True, False]), tf.reduce_all([True, False]))
print(tf.argmax(x, 1), tf.argmin(x), tf.math.argmax(x, output_type=tf.int32))
print(tf.sort(x), tf.argsort(x, direction="DESCENDING"))
values, indices = tf.math.top_k(x, k=2)
print(values.numpy(), indices.numpy())
print(tf.cumsum([1, 2, 3, 4]), tf.cumsum([1, 2, 3, 4], exclusive=True, reverse=True))
print(tf.math.cumprod([1.0, 2.0, 3.0]))
unique, where = tf.unique([5, 7, 5, 9, 7])
print(unique, where)
items, places, counts = tf.unique_with_counts(["a", "b", "a"])
print(items, places, counts)
print(tf.math.segment_sum([1, 2, 3, 4], [0, 0, 1, 2]))
print(tf.math.unsorted_segment_max([1.0, 5.0, 3.0], [1, 0, 1], 2))
print(tf.math.bincount([1, 1, 3, 0]))
print(tf.searchsorted([1, 3, 5, 7], [0, 3, 6]))
print(tf.math.reduce_variance([1.0, 2.0, 3.0, 4.0]), tf.math.reduce_std([2.0, 4.0]))
print(tf.math.count_nonzero([[0, 1], [2, 3]], axis=0))
print(tf.histogram_fixed_width([0.5, 1.5, 1.7, 9.0], [0.0, 5.0], nbins=5))
print(tf.math.confusion_matrix([0, 1, 1], [0, 0, 1]))
print(tf.nn.moments(x, [0])[0], tf.norm([3.0, 4.0]))
