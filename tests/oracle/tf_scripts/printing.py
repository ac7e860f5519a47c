# SPDX-License-Identifier: Apache-2.0
"""How tensors and variables are printed."""

import sys
import tensorflow as tf

print(tf.constant(1.0), tf.constant([]), tf.constant([[]]))
print(tf.constant([1e10, 1e-10, 1.0]), tf.constant([0.1, 1 / 3], tf.float64))
print(tf.constant([float("nan"), float("inf"), -0.0]))
print(tf.range(2000), tf.zeros([100, 100]))
print(tf.constant([b"\x00\xff", b"it's"]), tf.constant(["multi\nline"]))
print(tf.constant([True, False]), tf.constant([1.5, 2.5], tf.bfloat16))
print(repr(tf.constant([[1, 2], [3, 4]])), repr(tf.constant("s")))
print(repr(tf.Variable([1.0, 2.0], name="v")), repr(tf.Variable("text", name="t")))
print([tf.constant(1), tf.constant(2.0)], {"k": tf.constant([1])})
print(f"{tf.constant(3)} {tf.constant(2.5):.3f} {tf.constant([1, 2])}")
print(str(tf.float32), repr(tf.float32), tf.float32 == "float32", tf.TensorShape([1, None]), repr(tf.TensorShape(None)))
print(tf.constant([1, 2]).shape, repr(tf.constant([[1]]).shape), tf.constant(1).shape == ())
tf.print("values:", tf.constant([1, 2, 3]), tf.constant(2.5), output_stream=sys.stdout)
tf.print(tf.range(10), "end", sep=" | ", output_stream=sys.stdout)
tf.print(tf.constant([["a", "b"]]), {"key": tf.constant(1)}, summarize=1, output_stream=sys.stdout)
tf.print(tf.constant([0.1, 1e-8, 12345678.0]), [tf.constant(1), 2], end="<\n", output_stream=sys.stdout)
