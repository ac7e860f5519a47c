# SPDX-License-Identifier: Apache-2.0
"""fft.py: RFFT2D and the parts of complex numbers."""

import numpy as np

from case import Close
from onenode import Node, const, i32, numbers


def cases(rng):
    node = Node("RFFT2D", "Rfft2dOptions")
    plans = [((4, 4), (4, 4)), ((8, 16), (8, 16)), ((3, 5), (4, 8)), ((9, 9), (8, 4)), ((2, 3, 8), (4, 8)), ((1, 512), (1, 512)), ((16, 2), (16, 2)),
             ((2, 2), (2, 2)), ((2, 2, 2, 4), (2, 4)), ((1, 400), (1, 512)), ((32, 32), (32, 32))]
    for i, (shape, size) in enumerate(plans):
        # The reference computes in float64; a value that cancels keeps the rounding of its neighbours.
        yield node.case(f"{i}", [numbers(rng, "float32", shape), i32(*size)], ["complex64"], tol=Close(1e-5, 2e-5))
    yield node.case("dynamic", [numbers(rng, "float32", (2, 8)), np.array([2, 8], np.int32)], ["complex64"], tol=Close(1e-5, 2e-5))
    for t, part in (("complex64", "float32"), ("complex128", "float64")):
        for i, shape in enumerate([(5,), (2, 3, 4), ()]):
            x = numbers(rng, t, shape)
            yield Node("REAL").case(f"{t}_{i}", [x], [part])
            yield Node("IMAG").case(f"{t}_{i}", [x], [part])
            yield Node("COMPLEX_ABS").case(f"{t}_{i}", [x], [part], tol=Close(1e-6, 0))
