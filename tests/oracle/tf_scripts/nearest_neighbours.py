# SPDX-License-Identifier: Apache-2.0
"""Distances and choices with eager tensors."""

import numpy as np
import tensorflow as tf

points = tf.constant([[0.0, 0.0], [3.0, 4.0], [1.0, 1.0], [-2.0, 0.5]])
differences = points[:, tf.newaxis, :] - points[tf.newaxis, :, :]
squared = tf.reduce_sum(tf.square(differences), axis=-1)
print(squared.numpy().tolist())
masked = squared + tf.linalg.diag(tf.fill([4], 1e9))
print(tf.argmin(masked, axis=1).numpy(), tf.reduce_min(tf.sqrt(masked), axis=1).numpy().round(4).tolist())
values, places = tf.math.top_k(-squared[1], k=3)
print((-values).numpy().tolist(), places.numpy())
inside = tf.boolean_mask(points, tf.reduce_all(tf.abs(points) <= 2.0, axis=1))
print(inside.shape, tf.reduce_mean(inside, axis=0).numpy().round(4))
for point in points:
    x, y = point
    print(f"{float(x):+.1f} {y.numpy():+.1f} {'far' if tf.norm(point) > 2 else 'near'}")
centres = tf.Variable(points[:2])
for _ in range(5):
    nearest = tf.argmin(tf.norm(points[:, None] - centres[None], axis=-1), axis=1, output_type=tf.int32)
    centres.assign(tf.math.unsorted_segment_mean(points, nearest, 2))
print(nearest.numpy(), np.round(centres.numpy(), 4).tolist())
