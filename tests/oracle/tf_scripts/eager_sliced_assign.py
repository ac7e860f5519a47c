# SPDX-License-Identifier: Apache-2.0
"""Slices of variables are assigned, and rows scattered."""

import tensorflow as tf

board = tf.Variable(tf.zeros([4, 5], tf.int32))
board[1, 2].assign(7)
board[0].assign([1, 2, 3, 4, 5])
board[2:, ::2].assign([[9, 8, 7], [6, 5, 4]])
board[:, -1].assign(tf.constant([10, 20, 30, 40]))
print(board.numpy())

row = board[0]
print(row, row[1:3].numpy())
print(board[..., 1].numpy(), board[::-1, 0].numpy())
print(board[1:3, tf.newaxis, 2:4].shape)

table = tf.Variable([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
table.scatter_update(tf.IndexedSlices([[5.0, 6.0]], [1]))
print(table.numpy())
table.scatter_add(tf.IndexedSlices([[1.0, 1.0], [2.0, 2.0]], [0, 0]))
print(table.numpy())
table.scatter_sub(tf.IndexedSlices([[0.5, 0.5]], [2]))
print(table.numpy())
table.scatter_nd_update([[0, 1], [2, 0]], [100.0, 200.0])
print(table.numpy())
print(table.gather_nd([[0, 1], [1, 0]]).numpy())
print(table.sparse_read([2, 0]).numpy())
