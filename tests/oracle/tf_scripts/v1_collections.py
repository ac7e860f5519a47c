# SPDX-License-Identifier: Apache-2.0
"""Collections of a graph."""

import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
a = tf.get_variable("a", [1], initializer=tf.zeros_initializer())
b = tf.get_variable("b", [1], trainable=False, initializer=tf.ones_initializer())
c = tf.get_variable("scope/c", [1], collections=[tf.GraphKeys.LOCAL_VARIABLES], initializer=tf.ones_initializer())
tf.add_to_collection("mine", a)
tf.add_to_collection("mine", "text")
tf.add_to_collections(["mine", "yours"], 3)
print([getattr(v, "name", v) for v in tf.get_collection("mine")], tf.get_collection("yours"), tf.get_collection("none"))
print([v.name for v in tf.global_variables()], [v.name for v in tf.local_variables()])
print([v.name for v in tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES)])
print(sorted(tf.get_default_graph().get_all_collection_keys()))
reference = tf.get_collection_ref("mine")
reference.append("more")
print(len(tf.get_collection("mine")), len(tf.get_collection("mine", scope="te")))
graph = tf.get_default_graph()
graph.clear_collection("mine")
print(graph.get_collection("mine"))
print(tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.TABLE_INITIALIZERS, tf.GraphKeys.UPDATE_OPS)
step = tf.train.get_or_create_global_step()
print(step.name, step.dtype, tf.train.get_global_step() is step)
with tf.Session() as session:
    session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
    print(session.run([a, b, c]), tf.train.global_step(session, step))
print([v.name for v in tf.global_variables(scope="b")])
