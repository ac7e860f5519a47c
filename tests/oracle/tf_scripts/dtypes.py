# SPDX-License-Identifier: Apache-2.0
"""Data types: names, limits, conversions."""

import tensorflow as tf

for dtype in (tf.float16, tf.bfloat16, tf.float32, tf.float64, tf.int8, tf.uint8, tf.int16, tf.uint16, tf.int32,
              tf.uint32, tf.int64, tf.uint64, tf.bool, tf.string, tf.complex64, tf.complex128, tf.resource):
    print(dtype, repr(dtype), dtype.name, dtype.as_datatype_enum, dtype.size if dtype.name not in (
        "string", "resource") else None, dtype.is_integer, dtype.is_floating, dtype.is_complex, dtype.is_unsigned)
for dtype in (tf.int8, tf.uint16, tf.int32, tf.float32, tf.float16):
    print(dtype.min, dtype.max)
print(tf.as_dtype("int64") is tf.int64, tf.dtypes.as_dtype(float), tf.as_dtype(bool), tf.int32 == int)
print(tf.cast(300, tf.uint8), tf.cast(-1, tf.uint8), tf.cast(3.99, tf.int64), tf.cast([0.5, 0.0], tf.bool))
print(tf.saturate_cast([300.0, -5.0, 7.0], tf.uint8), tf.cast(1 + 2j, tf.complex128))
print(tf.constant(2**40, tf.int64), tf.constant(-5, tf.int8))
print(tf.bitcast(tf.constant([1.0, -2.0]), tf.uint32), tf.bitcast(tf.constant([1, 2, 3, 4], tf.uint8), tf.int32))
try:
    tf.constant(2**40, tf.int32)
except (ValueError, TypeError, OverflowError) as error:
    print(type(error).__name__)
try:
    tf.as_dtype("float99")
except TypeError as error:
    print(type(error).__name__)
print(tf.float32.real_dtype, tf.complex64.real_dtype, tf.int32.is_compatible_with(tf.int32), tf.int32.base_dtype)
shape = tf.TensorShape([None, 3, 4])
print(shape, shape.rank, shape[1], shape.as_list(), shape.is_fully_defined(), shape[1:].num_elements())
print(shape.merge_with([2, 3, None]), shape.concatenate([5]), tf.TensorShape(None).rank, shape == [None, 3, 4])
