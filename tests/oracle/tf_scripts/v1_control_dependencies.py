# SPDX-License-Identifier: Apache-2.0
"""Order by control_dependencies and group."""

import tensorflow as tf

v1 = tf.compat.v1
v1.disable_eager_execution()
v = v1.get_variable("v", initializer=tf.constant(1), use_resource=True)
double = v1.assign(v, v.read_value() * 2)
with tf.control_dependencies([double]):
    plus = v1.assign_add(v, 3)
    with tf.control_dependencies([plus]):
        after = tf.identity(v.read_value(), name="after")
    with tf.control_dependencies(None):
        free = tf.constant(9, name="free")
print([op.name for op in free.op.control_inputs], [op.type for op in after.op.control_inputs])
print(sorted(op.type for op in after.op.inputs[0].op.control_inputs))
both = tf.group(double, plus, name="both")
nothing = tf.no_op()
print(both.type, nothing.type)
message = tf.constant("m")
with tf.control_dependencies([v1.assert_greater(v.read_value(), 0)]):
    checked = tf.identity(v.read_value())
with v1.Session() as session:
    session.run(v.initializer)
    print(session.run(after), session.run(v))
    print(session.run(free), session.run(both), session.run(v))
    print(session.run([after, free]), session.run(v), session.run(nothing))
    print(session.run(checked))
    session.run(v1.assign(v, -5))
    try:
        session.run(checked)
    except tf.errors.InvalidArgumentError as error:
        print(type(error).__name__)
    print(session.run(v1.tuple([tf.constant(1), tf.constant(2)], control_inputs=[double.op])), session.run(v))
