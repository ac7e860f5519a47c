# SPDX-License-Identifier: Apache-2.0
"""InteractiveSession, eval and run without naming a session."""

import tensorflow as tf

v1 = tf.compat.v1
v1.disable_eager_execution()
session = v1.InteractiveSession()
x = tf.constant([1.0, 2.0])
v = tf.Variable([3.0, 4.0])
v.initializer.run()
print(x.eval(), v.eval(), (x + v).eval())
print(v1.get_default_session() is session, session.graph is v1.get_default_graph())
update = v.assign_add(x)
print(update.eval(), v.eval())
p = v1.placeholder_with_default([0.0, 0.0], [2])
print(p.eval(), p.eval(feed_dict={p: [9.0, 9.0]}), (p + x).eval({p: [1.0, 1.0]}))
v1.assign(v, [0.0, 0.0]).op.run()
print(v.eval(session=session), session.run(v))
half = session.make_callable(p * 0.5, [p])
print(half([4.0, 6.0]))
session.close()
try:
    x.eval()
except (RuntimeError, ValueError) as error:
    print(type(error).__name__)
with v1.Session().as_default():
    print(tf.reduce_sum(x).eval())
try:
    x.eval()
except ValueError as error:
    print(type(error).__name__)
