# SPDX-License-Identifier: Apache-2.0
"""Variables in graphs: initializers, assign, scopes."""

import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()
w = tf.get_variable("w", shape=[2, 2], initializer=tf.ones_initializer())
b = tf.get_variable("b", initializer=tf.constant([0.5, -0.5]))
step = tf.Variable(0, trainable=False, name="step")
grow = tf.assign(w, w * 2.0)
more = tf.assign_add(step, 1)
less = tf.assign_sub(b, [0.1, 0.1])
print(w, b, step, sep="\n")
print([v.name for v in tf.global_variables()], [v.name for v in tf.trainable_variables()])
print(w.op.type, w.initializer.name, w.shape, w.dtype.base_dtype)
with tf.Session() as session:
    print(sorted(session.run(tf.report_uninitialized_variables()).tolist()))
    try:
        session.run(w)
    except tf.errors.FailedPreconditionError as error:
        print(type(error).__name__)
    session.run(tf.global_variables_initializer())
    print(session.run(w).tolist(), session.run(b))
    print(session.run(grow).tolist(), session.run([more, more]), session.run(step))
    session.run(grow.op)
    print(session.run(w).tolist(), session.run(less))
    print(session.run(w.read_value() + b), w.eval().sum())
    step.load(41, session)
    print(session.run(more), session.run(tf.is_variable_initialized(step)))
    session.run(tf.variables_initializer([w]))
    print(session.run(w).tolist())
with tf.Session() as other:
    other.run(w.initializer)
    print(other.run(w).tolist())
