# SPDX-License-Identifier: Apache-2.0
"""tf.train.Checkpoint: writing, reading, restoring."""

import os
import tensorflow as tf


class Layer(tf.Module):
    def __init__(self, size):
        self.kernel = tf.Variable(tf.reshape(tf.range(size * 2, dtype=tf.float32), [size, 2]))
        self.bias = tf.Variable(tf.zeros([2]))


layer = Layer(3)
step = tf.Variable(7, dtype=tf.int64)
checkpoint = tf.train.Checkpoint(model=layer, step=step)
path = checkpoint.save("folder/model")
print(path, os.path.exists(path + ".index"), tf.train.latest_checkpoint("folder"))
for name, shape in tf.train.list_variables(path):
    print(name, shape)
reader = tf.train.load_checkpoint(path)
print(reader.get_tensor("model/kernel/.ATTRIBUTES/VARIABLE_VALUE"))
print(sorted(reader.get_variable_to_dtype_map().items()))
print(reader.has_tensor("model/bias/.ATTRIBUTES/VARIABLE_VALUE"), reader.has_tensor("none"))
print(tf.train.load_variable(path, "step/.ATTRIBUTES/VARIABLE_VALUE"))

layer.kernel.assign(tf.zeros([3, 2]))
step.assign(100)
status = checkpoint.restore(path)
status.assert_consumed()
print(layer.kernel.numpy().tolist(), step.numpy(), checkpoint.save_counter.numpy())

other = Layer(3)
fresh = tf.train.Checkpoint(model=other)
fresh.restore(path).expect_partial()
print(other.kernel.numpy().sum())
print(checkpoint.write("plain"), sorted(os.listdir("folder")))
try:
    checkpoint.restore("missing")
except tf.errors.NotFoundError as error:
    print(type(error).__name__)
