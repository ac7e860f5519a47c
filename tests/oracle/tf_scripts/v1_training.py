# SPDX-License-Identifier: Apache-2.0
"""Training by hand: gradients written out, assign ops."""

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
v1.disable_eager_execution()
points = np.linspace(-1.0, 1.0, 16).astype(np.float32)
x = v1.placeholder(tf.float32, [None], name="x")
y = v1.placeholder(tf.float32, [None], name="y")
slope = v1.get_variable("slope", initializer=0.0)
offset = v1.get_variable("offset", initializer=0.0)
error = slope * x + offset - y
loss = tf.reduce_mean(tf.square(error), name="loss")
slope_gradient = 2.0 * tf.reduce_mean(error * x)
offset_gradient = 2.0 * tf.reduce_mean(error)
train = tf.group(v1.assign_sub(slope, 0.5 * slope_gradient), v1.assign_sub(offset, 0.5 * offset_gradient))
saver = v1.train.Saver()
with v1.Session() as session:
    session.run(v1.global_variables_initializer())
    feed = {x: points, y: 3.0 * points - 1.0}
    print(f"{session.run(loss, feed):.4f}")
    for step in range(60):
        session.run(train, feed)
        if step % 20 == 0:
            print(step, f"{session.run(loss, feed):.4f}")
    print([f"{v:.3f}" for v in session.run([slope, offset])])
    path = saver.save(session, "./line")
with v1.Session() as session:
    saver.restore(session, path)
    print([f"{v:.3f}" for v in session.run([slope, offset])], f"{session.run(loss, feed):.4f}")
