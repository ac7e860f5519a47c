# SPDX-License-Identifier: Apache-2.0
"""Layers by hand: convolution, pooling, normalization, losses."""

import tensorflow as tf

x = tf.reshape(tf.range(32, dtype=tf.float32), [1, 4, 4, 2]) / 32.0
kernel = tf.reshape(tf.range(16, dtype=tf.float32), [2, 2, 2, 2]) / 16.0


def show(name, value):
    print(name, value.shape, [f"{v:.4f}" for v in tf.reshape(value, [-1]).numpy()[:6] + 0.0])


show("conv", tf.nn.conv2d(x, kernel, strides=1, padding="SAME"))
show("depthwise", tf.nn.depthwise_conv2d(x, kernel, [1, 1, 1, 1], "VALID"))
show("transposed", tf.nn.conv2d_transpose(x, kernel, [1, 8, 8, 2], strides=2))
show("max", tf.nn.max_pool2d(x, 2, 2, "VALID"))
show("avg", tf.nn.avg_pool2d(x, 3, 1, "SAME"))
show("bias", tf.nn.bias_add(x, [1.0, 2.0]))
mean, variance = tf.nn.moments(x, [0, 1, 2])
show("norm", tf.nn.batch_normalization(x, mean, variance, [0.0, 0.0], [1.0, 1.0], 1e-3))
show("l2", tf.nn.l2_normalize([3.0, 4.0], axis=0))
for name in ("relu", "relu6", "elu", "selu", "gelu", "silu", "softplus", "softsign", "sigmoid", "tanh", "leaky_relu"):
    show(name, getattr(tf.nn, name)(tf.constant([-2.0, -0.5, 0.0, 0.5, 8.0])))
show("softmax", tf.nn.softmax([[1.0, 2.0, 3.0]]))
show("log_softmax", tf.nn.log_softmax([[1.0, 2.0, 3.0]]))
show("cross", tf.nn.softmax_cross_entropy_with_logits(labels=[[0.0, 1.0]], logits=[[1.0, 2.0]]))
show("sparse", tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[1], logits=[[1.0, 2.0]]))
show("binary", tf.nn.sigmoid_cross_entropy_with_logits(labels=[1.0, 0.0], logits=[0.5, 0.5]))
show("embedding", tf.nn.embedding_lookup([[1.0, 2.0], [3.0, 4.0]], [1, 0, 1]))
show("dropout", tf.nn.dropout(tf.ones([3]), rate=0.0))
print(tf.nn.in_top_k([1, 0], [[0.1, 0.9], [0.2, 0.8]], 1), tf.nn.l2_loss([3.0, 4.0]))
