# SPDX-License-Identifier: Apache-2.0
"""Gradients of functions of one number, cross entropy, and which dimensions a gradient is summed over."""
import numpy as np

from elementwise import COMPLEX, EDGES, FLOATS, INTEGERS, LOOSE, PAIRS, floats, numbers, pick, shape_of
from tf_case import Case

GRADS = {
    "ReluGrad": FLOATS + INTEGERS, "Relu6Grad": FLOATS + INTEGERS, "EluGrad": FLOATS, "SeluGrad": FLOATS,
    "SoftplusGrad": FLOATS, "SoftsignGrad": FLOATS, "SigmoidGrad": FLOATS + COMPLEX, "TanhGrad": FLOATS + COMPLEX,
    "SqrtGrad": FLOATS + COMPLEX, "RsqrtGrad": FLOATS + COMPLEX, "ReciprocalGrad": FLOATS + COMPLEX,
    "InvGrad": FLOATS + COMPLEX,
}


def cases(rng):
    for op, dtypes in GRADS.items():
        for dtype in pick(rng, dtypes):
            shape = shape_of(rng)
            edges = EDGES if dtype not in LOOSE else ()
            yield Case(op, [numbers(rng, dtype, shape, edges), numbers(rng, dtype, shape, edges)],
                       tolerance={k: (2 * v[0], v[1]) for k, v in LOOSE.items()}.get(dtype) or ((3e-5, 1e-5) if dtype == np.complex64 else None))
        yield Case(op, [np.ones((2, 3), np.float32), np.ones((4,), np.float32)])
    yield Case("ReluGrad", [np.ones((1, 2), np.float32), np.ones(2, np.float32)])
    yield Case("SigmoidGrad", [np.ones((1, 2), np.float32), np.ones(2, np.float32)])
    for dtype in pick(rng, FLOATS):
        shape = shape_of(rng)
        yield Case("LeakyReluGrad", [floats(rng, dtype, shape, edges=EDGES), floats(rng, dtype, shape, edges=EDGES)],
                   {"alpha": float(rng.choice([0.2, 0.5, 1.5]))}, tolerance=LOOSE.get(dtype))
    for dtype in pick(rng, FLOATS, 16):
        rows, columns = int(rng.integers(0, 6)), int(rng.integers(1, 40))
        logits = floats(rng, dtype, (rows, columns), -9, 9)
        labels = rng.dirichlet(np.ones(columns), rows).astype(dtype).reshape(rows, columns)
        tolerance = {k: (v[0], 5 * v[1]) for k, v in LOOSE.items()}.get(dtype) or ((2e-5, 2e-6) if dtype == np.float32 else None)
        yield Case("SoftmaxCrossEntropyWithLogits", [logits, labels], tolerance=tolerance)
        index = np.array(rng.integers(0, columns, rows), [np.int32, np.int64][rng.integers(2)])
        yield Case("SparseSoftmaxCrossEntropyWithLogits", [logits, index], tolerance=tolerance)
    yield Case("SoftmaxCrossEntropyWithLogits", [np.ones((2, 3), np.float32), np.array([1, 0, 0], np.float32)])
    yield Case("SoftmaxCrossEntropyWithLogits", [np.ones((2, 3), np.float32), np.ones((2, 4), np.float32)])
    yield Case("SoftmaxCrossEntropyWithLogits", [np.ones((2, 3), np.float32), np.ones((2, 1), np.float32)])
    yield Case("SparseSoftmaxCrossEntropyWithLogits", [np.ones((2, 3), np.float32), np.array([0, 3], np.int32)])
    yield Case("SparseSoftmaxCrossEntropyWithLogits", [np.ones((2, 3), np.float32), np.array([0, 1, 2], np.int32)])
    for a, b in PAIRS + [((1, 1), (1, 1)), ((2, 3), (3, 2)), ((1, 3), (3,)), ((5, 1), (1,)), ((), (1,))]:
        dtype = [np.int32, np.int64][rng.integers(2)]
        yield Case("BroadcastGradientArgs", [np.array(a, dtype), np.array(b, dtype)])
