# SPDX-License-Identifier: Apache-2.0
"""Sparse tensors: making, dense form, products."""

import tensorflow as tf

sparse = tf.sparse.SparseTensor(indices=[[0, 1], [1, 0], [2, 3]], values=[1.0, 2.0, 3.0], dense_shape=[3, 4])
print(sparse)
print(sparse.shape, sparse.dtype, sparse.values, sparse.dense_shape)
print(tf.sparse.to_dense(sparse))
print(tf.sparse.to_dense(sparse, default_value=-1.0).numpy())
again = tf.sparse.from_dense([[0, 5], [6, 0]])
print(again.indices.numpy(), again.values.numpy())
print(tf.sparse.sparse_dense_matmul(sparse, tf.ones([4, 2])))
print(tf.sparse.reduce_sum(sparse, axis=1), tf.sparse.reduce_max(sparse, axis=0))
print(tf.sparse.to_dense(tf.sparse.add(sparse, sparse)).numpy())
print(tf.sparse.to_dense(tf.sparse.transpose(sparse)).numpy())
print(tf.sparse.to_dense(tf.sparse.reshape(sparse, [4, 3])).numpy())
print(tf.sparse.to_dense(tf.sparse.slice(sparse, [0, 0], [2, 2])).numpy())
print(tf.sparse.to_dense(tf.sparse.concat(0, [sparse, sparse])).shape)
mixed = tf.sparse.SparseTensor([[1, 1], [0, 0]], [4, 3], [2, 2])
print(tf.sparse.reorder(mixed).values.numpy())
filled, empty = tf.sparse.fill_empty_rows(tf.sparse.SparseTensor([[0, 1]], [7], [3, 2]), 0)
print(filled.indices.numpy().tolist(), filled.values.numpy(), empty.numpy())
print(tf.sparse.retain(sparse, [True, False, True]).values.numpy())
print(tf.sparse.to_dense(tf.sparse.softmax(sparse)).numpy())
