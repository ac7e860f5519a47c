# SPDX-License-Identifier: Apache-2.0
"""Single ops by keyword."""

import tensorflow as tf

print(tf.raw_ops.AddV2(x=[1, 2], y=[3, 4]))
print(tf.raw_ops.MatMul(a=[[1.0, 2.0]], b=[[3.0, 4.0]], transpose_b=True))
print(tf.raw_ops.Cast(x=[1.7, -1.7], DstT=tf.int8))
print(tf.raw_ops.Pack(values=[[1, 2], [3, 4]], axis=1))
print(tf.raw_ops.Split(axis=0, value=[1, 2, 3, 4], num_split=2))
result = tf.raw_ops.TopKV2(input=[1, 5, 3], k=2, sorted=True)
print(result.values, result.indices)
unique = tf.raw_ops.UniqueV2(x=["b", "a", "b"], axis=tf.constant([0]))
print(unique.y, unique.idx)
print(tf.raw_ops.StridedSlice(input=[1, 2, 3, 4, 5], begin=[1], end=[4], strides=[2]))
print(tf.raw_ops.Conv2D(input=tf.ones([1, 3, 3, 1]), filter=tf.ones([2, 2, 1, 1]), strides=[1, 1, 1, 1],
                        padding="VALID"))
print(tf.raw_ops.MaxPool(input=tf.reshape(tf.range(16.0), [1, 4, 4, 1]), ksize=[1, 2, 2, 1],
                         strides=[1, 2, 2, 1], padding="SAME")[0, :, :, 0])
print(tf.raw_ops.StringJoin(inputs=["a", ["b", "c"]], separator="/"))
print(tf.raw_ops.Bitcast(input=tf.constant([1.0]), type=tf.int32))
print(tf.raw_ops.PopulationCount(x=tf.constant([7, 255], tf.int32)))
print(tf.raw_ops.Einsum(inputs=[[[1.0, 2.0]], [[3.0], [4.0]]], equation="ij,jk->ik"))
handle = tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=[2], shared_name="mine")
tf.raw_ops.AssignVariableOp(resource=handle, value=[1.0, 2.0])
tf.raw_ops.AssignAddVariableOp(resource=handle, value=[0.5, 0.5])
print(tf.raw_ops.ReadVariableOp(resource=handle, dtype=tf.float32))
print(tf.raw_ops.VarIsInitializedOp(resource=handle))
try:
    tf.raw_ops.Reshape(tensor=[1, 2], shape=[3])
except tf.errors.InvalidArgumentError as error:
    print(type(error).__name__)
