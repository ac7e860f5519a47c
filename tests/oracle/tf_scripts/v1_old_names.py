# SPDX-License-Identifier: Apache-2.0
"""Functions under the names that version 1 had."""

import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
fetches = [
    tf.log([1.0, 2.0]), tf.ceil([1.2]), tf.is_nan([1.0]), tf.mod([7], [3]), tf.floordiv([7], [2]),
    tf.string_join(["a", "b"], "-"), tf.substr("abcdef", 1, 2), tf.string_to_number(["3.5"]),
    tf.regex_replace("a1b2", "[0-9]", ""), tf.decode_raw("ab", tf.uint8), tf.encode_base64("xyz"),
    tf.matrix_inverse([[2.0, 0.0], [0.0, 4.0]]), tf.matrix_determinant([[2.0, 0.0], [0.0, 4.0]]),
    tf.cholesky([[4.0, 0.0], [0.0, 9.0]]), tf.matrix_transpose([[1, 2], [3, 4]]), tf.trace([[1, 2], [3, 4]]),
    tf.segment_sum([1, 2, 3], [0, 0, 1]), tf.unsorted_segment_sum([1, 2, 3], [1, 0, 1], 2),
    tf.invert_permutation([2, 0, 1]),
    tf.where([True, False], [1, 2], [3, 4]), tf.where([[True, False], [True, True]]), tf.div(7, 2), tf.to_float([1, 2]),
    tf.to_int32([1.7, -1.7]), tf.to_int64([3]), tf.reduce_sum([[1, 2]], axis=1, keepdims=True),
    tf.sparse_to_dense([1], [3], 5),
    tf.random_uniform([2], seed=3), tf.random_normal([2], seed=8), tf.truncated_normal([2], seed=1),
    tf.arg_max([[1, 5, 2]], 1), tf.setdiff1d([1, 2, 3], [2])[0], tf.count_nonzero([0, 1, 2]), tf.squeeze([[1]]),
]
print([f.op.type for f in fetches])
with tf.Session() as session:
    for fetch in fetches:
        value = session.run(fetch)
        print(fetch.dtype.name, value.tolist() if hasattr(value, "tolist") else value)
