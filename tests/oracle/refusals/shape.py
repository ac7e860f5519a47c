# SPDX-License-Identifier: Apache-2.0
"""shape.py: what the ops of shapes must refuse."""

import numpy as np

from onenode import Node, const


def refusals(rng):
    x = np.zeros((2, 3), np.float32)
    pad = Node("PAD", "PadOptions")
    yield pad.refusal("paddings_shape", [x, const(np.zeros((3, 2), np.int32))], ["float32"],
                      "expected paddings of shape (2, 2), found (3, 2)")
    negative = np.array([[1, 0], [0, -1]], np.int32)
    yield pad.refusal("negative", [x, const(negative)], ["float32"],
                      "expected paddings of 0 and more, found 0 and -1 for dimension 1")
    yield pad.refusal("negative_at_invoke", [x, negative], ["float32"],
                      "expected paddings of 0 and more, found 0 and -1 for dimension 1", when="invoke")
