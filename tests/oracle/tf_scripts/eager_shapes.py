# SPDX-License-Identifier: Apache-2.0
"""Reshaping, joining and cutting tensors."""

import tensorflow as tf

x = tf.range(24)
cube = tf.reshape(x, [2, 3, 4])
print(cube)
print(tf.transpose(cube, [2, 0, 1]).shape, tf.transpose(cube)[3, 2, 1].numpy())
print(tf.reshape(cube, [-1]).shape, tf.reshape(cube, [4, -1]).numpy())
print(tf.concat([cube, cube], axis=-1).shape)
print(tf.stack([x[:3], x[3:6]], axis=1).numpy())
print([part.numpy().tolist() for part in tf.unstack(cube[0])])
print([part.shape for part in tf.split(x, [4, 8, 12])])
print([part.numpy().tolist() for part in tf.split(x, 4)])
print(tf.squeeze(tf.zeros([1, 3, 1])).shape, tf.expand_dims(x, 0).shape)
print(tf.tile([[1, 2]], [2, 3]).numpy())
print(tf.pad([[1, 2], [3, 4]], [[1, 0], [0, 2]], constant_values=9).numpy())
print(tf.pad([1, 2, 3], [[2, 2]], mode="REFLECT").numpy())
print(tf.reverse(cube, [0, 2])[0, 0].numpy(), tf.roll(x[:6], 2, 0).numpy())
print(tf.broadcast_to([[1], [2]], [2, 3]).numpy())
print(tf.gather(x, [3, 1, 23]).numpy(), tf.gather(cube, [2, 0], axis=2)[0].numpy())
print(tf.gather_nd(cube, [[0, 1], [1, 2]]).numpy())
print(tf.scatter_nd([[1], [3]], [5, 6], [5]).numpy())
print(tf.tensor_scatter_nd_update(x[:4], [[0], [2]], [-1, -2]).numpy())
print(tf.where(cube > 20).numpy(), tf.where(x[:4] > 1, x[:4], 0).numpy())
print(tf.boolean_mask(x[:6], [True, False, True, False, False, True]).numpy())
print(tf.one_hot([0, 2, 1], 3).numpy(), tf.sequence_mask([1, 3], 4).numpy())
print(tf.meshgrid([1, 2], [3, 4, 5])[1].numpy(), tf.repeat([1, 2], [2, 3]).numpy())
