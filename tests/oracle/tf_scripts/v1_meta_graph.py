# SPDX-License-Identifier: Apache-2.0
"""A graph and its variables go to files and come back in a fresh graph."""

import os
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
with tf.Graph().as_default() as graph:
    x = tf.placeholder(tf.float32, [None], name="x")
    scale = tf.get_variable("scale", initializer=3.0)
    offset = tf.get_variable("offset", initializer=[1.0])
    y = tf.add(x * scale, offset, name="y")
    tf.add_to_collection("outputs", y)
    saver = tf.train.Saver()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(scale.assign(5.0))
        path = saver.save(session, "out/model")
print(path, sorted(os.listdir("out")))
meta = tf.MetaGraphDef()
with open("out/model.meta", "rb") as source:
    meta.ParseFromString(source.read())
print(sorted(meta.collection_def), len(meta.graph_def.node) > 5)
with tf.Graph().as_default() as fresh:
    loader = tf.train.import_meta_graph("out/model.meta")
    found, = tf.get_collection("outputs")
    print(found.name, [v.name for v in tf.global_variables()])
    with tf.Session() as session:
        loader.restore(session, tf.train.latest_checkpoint("out"))
        print(session.run(found, {"x:0": [1.0, 2.0]}))
        frozen = tf.graph_util.convert_variables_to_constants(session, fresh.as_graph_def(), ["y"])
print(sorted({node.op for node in frozen.node} & {"VarHandleOp", "VariableV2", "Const", "Placeholder"}))
with tf.Graph().as_default():
    tf.import_graph_def(frozen, name="")
    with tf.Session() as session:
        print(session.run("y:0", {"x:0": [10.0]}))
