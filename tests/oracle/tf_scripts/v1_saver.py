# SPDX-License-Identifier: Apache-2.0
"""Saver: saving, restoring, lists of checkpoints."""

import os
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
w = tf.get_variable("w", initializer=[[1.0, 2.0], [3.0, 4.0]])
step = tf.get_variable("step", initializer=0, trainable=False)
tick = tf.assign_add(step, 1)
saver = tf.train.Saver(max_to_keep=2)
only_w = tf.train.Saver({"other_name": w})
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for _ in range(3):
        session.run([tick, tf.assign(w, w * 2.0)])
        print(saver.save(session, "run/model", global_step=session.run(step)))
    print(only_w.save(session, "run/only", write_meta_graph=False))
    print(session.run([w, step]))
print(sorted(os.path.basename(p) for p in saver.last_checkpoints))
print(sorted(n for n in os.listdir("run") if n.endswith(".index") or n.endswith(".meta")))
print(tf.train.latest_checkpoint("run"), tf.train.checkpoint_exists("run/model-3"))
print(tf.train.list_variables("run/model-3"), tf.train.load_variable("run/only", "other_name").tolist())
with tf.Session() as session:
    saver.restore(session, "run/model-2")
    print(session.run([w, step]))
    saver.restore(session, "run/model-3")
    print(session.run(step))
    try:
        saver.restore(session, "run/none")
    except ValueError as error:
        print(type(error).__name__)
    try:
        saver.restore(session, "run/only")
    except tf.errors.NotFoundError as error:
        print(type(error).__name__)
tf.reset_default_graph()
with tf.Session() as session:
    again = tf.train.import_meta_graph("run/model-3.meta")
    again.restore(session, "run/model-3")
    print(session.run("w/Read/ReadVariableOp:0"), session.run("step/Read/ReadVariableOp:0"))
    print([v.name for v in tf.global_variables()])
