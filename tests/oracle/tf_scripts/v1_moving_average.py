# SPDX-License-Identifier: Apache-2.0
"""State that a step updates: averages, counters, rings."""

import tensorflow as tf

v1 = tf.compat.v1
graph = tf.Graph()
with graph.as_default():
    value = v1.placeholder(tf.float32, [], name="value")
    with v1.variable_scope("average"):
        mean = v1.get_variable("mean", [], initializer=tf.zeros_initializer(), trainable=False)
        count = v1.get_variable("count", [], tf.int32, initializer=tf.zeros_initializer(), trainable=False)
        ring = v1.get_variable("ring", [4], initializer=tf.zeros_initializer(), trainable=False)
    place = tf.math.floormod(count, 4)
    new_ring = tf.tensor_scatter_nd_update(ring.read_value(), [[place]], [value])
    new_mean = mean * 0.5 + value * 0.5
    with tf.control_dependencies([new_ring, new_mean]):
        update = tf.group(mean.assign(new_mean), ring.assign(new_ring), count.assign_add(1), name="update")
    biggest = tf.reduce_max(ring, name="biggest")
    init = v1.global_variables_initializer()
    print([v.name for v in v1.global_variables()], v1.trainable_variables())
    print(update.name, update.type, init.name)
with v1.Session(graph=graph) as session:
    session.run(init)
    for number in (1.0, 5.0, 2.0, 8.0, 3.0):
        session.run(update, {value: number})
        print(session.run([mean, count, biggest]), session.run(ring).tolist())
    session.run(graph.get_operation_by_name("update"), {"value:0": -1.0})
    print(session.run(mean), session.run(graph.get_tensor_by_name("biggest:0")))
    session.run(mean.initializer)
    print(session.run({"mean": mean, "count": count}))
