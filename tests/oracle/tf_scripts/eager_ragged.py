# SPDX-License-Identifier: Apache-2.0
"""Ragged tensors: making, reading, reducing."""

import tensorflow as tf

ragged = tf.ragged.constant([[3, 1, 4], [], [1, 5], [9]])
print(ragged)
print(ragged.shape, ragged.dtype, ragged.nrows().numpy())
print(ragged.values, ragged.row_splits, ragged.row_lengths())
print(ragged.to_list(), ragged[0], ragged[2].numpy())
print(ragged.to_tensor(), ragged.to_tensor(default_value=-1).numpy())
print(ragged.value_rowids(), ragged.row_starts(), ragged.bounding_shape())
print(tf.RaggedTensor.from_row_lengths([1, 2, 3, 4], [1, 0, 3]))
print(tf.RaggedTensor.from_row_splits(["a", "b", "c"], [0, 2, 3]).to_list())
print(tf.RaggedTensor.from_value_rowids([5, 6, 7], [0, 0, 2]))
print(tf.RaggedTensor.from_tensor([[1, 2, 0], [3, 0, 0]], padding=0))
print(tf.reduce_sum(ragged, axis=1), tf.reduce_max(ragged, axis=1).shape)
print((ragged + 1).to_list(), (ragged * 2)[2])
print(tf.ragged.range([3, 0, 2]).to_list())
print(tf.ragged.map_flat_values(tf.square, ragged).to_list())
print(ragged[1:3].to_list(), ragged[:, :1].to_list())
sparse = ragged.to_sparse()
print(sparse.indices.numpy().tolist(), sparse.values.numpy())
print(tf.RaggedTensor.from_sparse(sparse).to_list())
print(tf.concat([ragged, ragged], axis=1).to_list())
