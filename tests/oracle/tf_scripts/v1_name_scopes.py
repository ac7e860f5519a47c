# SPDX-License-Identifier: Apache-2.0
"""Name scopes and unique names."""

import tensorflow as tf

v1 = tf.compat.v1
graph = tf.Graph()
with graph.as_default():
    with tf.name_scope("a"):
        x = tf.constant(1, name="x")
        y = tf.constant(2, name="x")
        with v1.name_scope("b") as scope:
            z = tf.add(x, y)
            print(scope, z.name)
    with v1.name_scope("a"):
        print(tf.constant(3, name="x").name)
    with v1.name_scope("a/"):
        print(tf.constant(4, name="x").name)
    with tf.name_scope("outer"), tf.name_scope(""):
        print(tf.constant(5, name="top").name)
    print((x + y).name, (x + y).name, (x * y).name, (-x).name)
    print(graph.unique_name("q"), graph.unique_name("q"), graph.unique_name("a"))
    print(tf.concat([[1], [2]], 0).name, tf.reshape([1, 2], [2, 1]).name)
    print(v1.get_default_graph() is graph)
print([op.name for op in graph.get_operations()][:8])
print(graph.get_tensor_by_name("a/x:0").name, graph.get_operation_by_name("a/x_1").type)
print(graph.as_graph_element("a/b/Add:0").dtype)
for bad in ("a/x", "a/none:0", "a/x:5"):
    try:
        print(graph.get_tensor_by_name(bad))
    except (KeyError, ValueError) as error:
        print(type(error).__name__)
try:
    with graph.as_default():
        tf.constant(1, name="not ok")
except ValueError as error:
    print(type(error).__name__)
