# SPDX-License-Identifier: Apache-2.0
"""Matrices: solving, decomposing, products."""

import tensorflow as tf

tf.print("running", output_stream="file://log.txt")
a = tf.constant([[4.0, 2.0], [2.0, 3.0]], tf.float64)
b = tf.constant([[2.0], [5.0]], tf.float64)


def show(name, value):
    print(name, value.shape, [f"{v:.5f}" for v in tf.reshape(value, [-1]).numpy() + 0.0])


show("det", tf.linalg.det(a))
show("inv", tf.linalg.inv(a))
show("solve", tf.linalg.solve(a, b))
show("chol", tf.linalg.cholesky(a))
show("tri", tf.linalg.triangular_solve(tf.linalg.cholesky(a), b))
show("eig", tf.linalg.eigvalsh(a))
show("svd", tf.linalg.svd(a, compute_uv=False))
q, r = tf.linalg.qr(a)
show("qr", q @ r)
show("lstsq", tf.linalg.lstsq(a, b, fast=False))
show("logdet", tf.linalg.logdet(a))
show("expm", tf.linalg.expm(a / 10))
show("trace", tf.linalg.trace(a))
print(tf.linalg.diag([1, 2, 3]).numpy(), tf.linalg.diag_part([[1, 2], [3, 4]]).numpy())
print(tf.linalg.band_part(tf.ones([3, 3]), 0, 1).numpy())
print(tf.linalg.matrix_transpose([[1, 2], [3, 4]]).numpy())
print(tf.linalg.matvec([[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0]).numpy())
print(tf.einsum("ij,jk->ik", tf.constant([[1, 2]]), tf.constant([[3], [4]])).numpy())
print(tf.tensordot([[1.0, 2.0]], [[3.0], [4.0]], axes=1).numpy())
print(tf.linalg.cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]).numpy())
print(tf.linalg.norm([[3.0, 4.0], [6.0, 8.0]], axis=1).numpy())
try:
    tf.linalg.inv(tf.zeros([2, 2]))
except tf.errors.InvalidArgumentError as error:
    print(type(error).__name__)
