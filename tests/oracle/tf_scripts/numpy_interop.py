# SPDX-License-Identifier: Apache-2.0
"""NumPy in and out."""

import numpy as np
import tensorflow as tf

array = np.arange(6, dtype=np.float32).reshape(2, 3)
tensor = tf.convert_to_tensor(array)
print(tensor)
array[0, 0] = 100
print(tensor[0, 0].numpy())
print(type(tensor.numpy()).__name__, tensor.numpy().dtype, tensor.numpy().flags.writeable)
print(np.add(tensor, 1), type(np.add(tensor, 1)).__name__)
print(np.sum(tensor), np.mean(tensor, axis=0), np.concatenate([tensor, tensor]).shape)
print(type(tensor + array).__name__, type(array + tensor).__name__, (array + tensor).numpy())
for dtype in (np.bool_, np.int8, np.uint16, np.int64, np.float16, np.float64, np.complex64):
    made = tf.constant(np.array([1, 0], dtype))
    print(np.dtype(dtype).name, made.dtype, made.dtype.as_numpy_dtype.__name__, made.numpy().tolist())
print(tf.as_dtype(np.int32), tf.as_dtype("float64"), tf.int32.as_numpy_dtype, tf.float32.is_floating)
print(tf.constant(3).numpy(), type(tf.constant(3).numpy()).__name__, tf.constant("s").numpy())
print(tf.constant(np.array(["a", "bc"])), tf.constant(np.array([b"x", b"yz"], object)))
print([int(v) for v in tf.constant([1, 2, 3])], len(tensor), list(map(float, tensor[1])))
for row in tensor:
    print(row.numpy())
print(np.asarray(tf.Variable([1, 2])), np.array(tensor, np.int32))
proto = tf.make_tensor_proto(np.array([[1, 2], [3, 4]], np.int16))
print(tf.make_ndarray(proto), tf.make_ndarray(proto).dtype)
print(tf.io.parse_tensor(tf.io.serialize_tensor(tensor), tf.float32).numpy().tolist())
