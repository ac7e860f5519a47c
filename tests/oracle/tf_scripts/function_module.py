# SPDX-License-Identifier: Apache-2.0
"""tf.function and tf.Module."""

import tensorflow as tf


class Dense(tf.Module):
    def __init__(self, inputs, outputs, name=None):
        super().__init__(name=name)
        self.w = tf.Variable(tf.ones([inputs, outputs]), name="w")
        self.b = tf.Variable(tf.zeros([outputs]), name="b")

    @tf.function
    def __call__(self, x):
        return tf.nn.relu(tf.matmul(x, self.w) + self.b)


class Net(tf.Module):
    def __init__(self):
        super().__init__(name="net")
        self.layers = [Dense(3, 4, name="first"), Dense(4, 2)]
        self.scale = tf.Variable(0.5, trainable=False, name="scale")

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x * self.scale


net = Net()
print(net(tf.constant([[1.0, 2.0, 3.0]])))
print(net.name, [m.name for m in net.submodules])
print([(v.name, v.shape.as_list()) for v in net.variables])
print(len(net.trainable_variables), len(net.non_trainable_variables))
net.layers[1].b.assign([1.0, -30.0])
print(net(tf.constant([[1.0, 2.0, 3.0]])).numpy())
