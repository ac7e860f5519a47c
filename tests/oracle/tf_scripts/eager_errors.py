# SPDX-License-Identifier: Apache-2.0
"""Errors are caught by their class."""

import tensorflow as tf


def attempt(what, function):
    try:
        print(what, "gives", function())
    except (tf.errors.OpError, ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        print(what, type(error).__name__, getattr(error, "error_code", None))


x = tf.constant([1, 2, 3])
attempt("shapes", lambda: x + tf.constant([1, 2]))
attempt("dtypes", lambda: tf.constant(1) + tf.constant(1.5))
attempt("matmul", lambda: tf.matmul([[1.0]], [[1.0], [2.0]]))
attempt("reshape", lambda: tf.reshape(x, [2, 2]))
attempt("index", lambda: x[7])
attempt("slice", lambda: tf.slice(x, [2], [5]))
attempt("gather", lambda: tf.gather(x, [5]))
attempt("constant", lambda: tf.constant("a", tf.int32))
attempt("ragged list", lambda: tf.constant([[1], [2, 3]]))
attempt("concat", lambda: tf.concat([[[1]], [2]], 0))
attempt("bool", lambda: bool(x))
attempt("iterate", lambda: list(tf.constant(1)))
attempt("item", lambda: x.__setitem__(0, 1))
attempt("number", lambda: tf.strings.to_number(["abc"]))
attempt("file", lambda: tf.io.read_file("none"))
attempt("assert", lambda: tf.debugging.assert_equal(1, 2))
attempt("check", lambda: tf.debugging.check_numerics([1.0, float("nan")], "bad").numpy())
attempt("division", lambda: tf.constant(1) // tf.constant(0))
attempt("base64", lambda: tf.io.decode_base64("*"))
attempt("axis", lambda: tf.reduce_sum(x, 3))
attempt("cast", lambda: tf.cast("1", tf.int32))
attempt("ensure", lambda: tf.ensure_shape(x, [4]))
attempt("name", lambda: tf.no_such_function)
