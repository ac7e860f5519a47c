# SPDX-License-Identifier: Apache-2.0
"""fft.py: RFFT2D and the parts of complex numbers."""

import numpy as np

from case import Close
from onenode import Node, const, i32, numbers


DIFFERS = {"RFFT2D": "An image of one column has a spectrum, too; the reference gives a part of it."}


def cases(rng):
    node = Node("RFFT2D", "Rfft2dOptions")
    plans = [((4, 4), (4, 4)), ((8, 16), (8, 16)), ((3, 5), (4, 8)), ((9, 9), (8, 4)), ((2, 3, 8), (4, 8)), ((1, 512), (1, 512)), ((16, 2), (16, 2)),
             ((2, 2), (2, 2)), ((2, 2, 2, 4), (2, 4)), ((1, 400), (1, 512)), ((32, 32), (32, 32))]
    for i, (shape, size) in enumerate(plans):
        # The reference computes in float64; a value that cancels keeps the rounding of its neighbours.
        yield node.case(f"{i}", [numbers(rng, "float32", shape), i32(*size)], ["complex64"], tol=Close(1e-5, 2e-5))
    for i, (shape, size) in enumerate([((1, 4), (1, 4)), ((4, 2), (4, 2)), ((1, 2, 1, 2, 8, 8), (8, 8)), ((7, 33), (8, 32)), ((33, 7), (64, 2)), ((1, 1), (2, 4)), ((64, 128), (16, 256)),
                                       ((3, 1, 1024), (1, 1024)), ((2, 16, 4), (2, 4))]):
        x = rng.uniform(1, 2, shape).astype(np.float32)
        yield node.case(f"more_{i}", [x, np.array(size, np.int32) if i % 2 else i32(*size)], ["complex64"], tol=Close(1e-5, 3e-4))
    yield node.case("other_dtype", [numbers(rng, "float32", (4, 4)), i32(4, 4)], ["float32"], tol=Close(1e-5, 2e-5))
    yield node.case("constant", [const(numbers(rng, "float32", (4, 4))), i32(4, 4)], ["complex64"], tol=Close(1e-5, 2e-5))
    # No resolver of TFLite's Python package has this custom op: the formulas of tests/python/test_reduce_formulas.py are its test.
    back = Node("CUSTOM")
    for i, (shape, size) in enumerate([((4, 3), (4, 4)), ((2, 8, 9), (8, 16)), ((1, 2), (1, 2)), ((3, 2), (4, 8)), ((9, 9), (2, 4)), ((5, 1, 5), (1, 8)), ((4, 1), (4, 1)),
                                       ((1, 1, 1, 1, 2, 3), (2, 4)), ((8, 17), (8, 32)), ((2, 3), (2, 4))]):
        yield back.case(f"irfft2d_{i}", [numbers(rng, "complex64", shape), np.array(size, np.int32) if i % 2 else i32(*size)], ["float32"], custom=("IRFFT2D", b""))
    yield node.case("dynamic", [numbers(rng, "float32", (2, 8)), np.array([2, 8], np.int32)], ["complex64"], tol=Close(1e-5, 2e-5))
    for t, part in (("complex64", "float32"), ("complex128", "float64")):
        for i, shape in enumerate([(5,), (2, 3, 4), ()]):
            x = numbers(rng, t, shape)
            yield Node("REAL").case(f"{t}_{i}", [x], [part])
            yield Node("IMAG").case(f"{t}_{i}", [x], [part])
            yield Node("COMPLEX_ABS").case(f"{t}_{i}", [x], [part], tol=Close(1e-6, 0))
