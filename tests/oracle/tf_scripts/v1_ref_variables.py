# SPDX-License-Identifier: Apache-2.0
"""Reference variables: VariableV2 and its kin."""

import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
tf.disable_resource_variables()
v = tf.Variable([1.0, 2.0, 3.0], name="v")
u = tf.get_variable("u", [2], tf.int32, initializer=tf.zeros_initializer(), use_resource=False)
r = tf.get_variable("r", [2], use_resource=True, initializer=tf.ones_initializer())
print(v.op.type, u.op.type, r.op.type)
print(v, u, sep="\n")
print(v.dtype.base_dtype, u.dtype.base_dtype, r.dtype)
scatter = tf.scatter_update(v, [0, 2], [10.0, 30.0])
added = tf.scatter_add(v, [1], [5.0])
init = tf.global_variables_initializer()
print(init.name, init.type)
with tf.Session() as session:
    session.run(init)
    print(session.run(v), session.run("v:0"), session.run("v/read:0"))
    print(session.run(scatter))
    print(session.run(added), session.run(v))
    print(session.run(tf.assign(u, [4, 5])), session.run(tf.assign_add(u, [1, 1])))
    print(session.run(tf.assign(r, [2.0, 2.0])), session.run(r))
    print(session.run(v[1:]), session.run(v + 1.0))
    print(session.run(tf.is_variable_initialized(v)), session.run(tf.identity(u)).sum())
names = [op.name for op in tf.get_default_graph().get_operations()]
print(names[:12], len(names) > 20)
