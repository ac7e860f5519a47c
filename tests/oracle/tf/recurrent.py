# SPDX-License-Identifier: Apache-2.0
"""LSTM and GRU cells and blocks."""
import numpy as np

from tf_case import Case


def used_steps(n, tolerance):
    """Steps that were computed; of those behind TensorFlow sets only the states to zero."""
    def check(wanted, got, inputs):
        for i, (a, b) in enumerate(zip(wanted, got)):
            a, b = (np.asarray(v).astype(np.float64) for v in (a, b))
            last = len(a) if i in (1, 6) else int(n)
            if a.shape != b.shape or not np.allclose(b[:last], a[:last], *tolerance):
                return f"output {i}: expected {a[:last]}, found {b[:last]}"
        return ""
    return check


def cases(rng):
    def normal(dtype, *shape):
        return (rng.normal(size=shape) * 0.5).astype(dtype)
    for i in range(12):
        dtype = np.float16 if i % 6 == 5 else np.float32
        tolerance = (1e-2, 4e-3) if dtype == np.float16 else (1e-5, 1e-5)
        t, b, n, c = int(rng.integers(1, 6)), int(rng.integers(1, 5)), int(rng.choice([1, 3, 8])), int(rng.choice([1, 4, 17]))
        rest = [normal(dtype, b, c), normal(dtype, b, c), normal(dtype, n + c, 4 * c), normal(dtype, c), normal(dtype, c),
                normal(dtype, c), normal(dtype, 4 * c)]
        attrs = {"use_peephole": bool(i % 2), "cell_clip": float(rng.choice([0.0, 0.3, 3.0]))}
        used = np.int64(rng.integers(0, t + 1))
        yield Case("LSTMBlockCell", [normal(dtype, b, n), *rest], {**attrs, "forget_bias": 0.5}, tolerance=tolerance)
        yield Case("BlockLSTM", [used, normal(dtype, t, b, n), *rest], {**attrs, "forget_bias": 0.5},
                   check=used_steps(used, tolerance))
        yield Case("BlockLSTMV2", [used, normal(dtype, t, b, n), *rest], attrs, check=used_steps(used, tolerance))
        f = np.float32
        yield Case("GRUBlockCell", [normal(f, b, n), normal(f, b, c), normal(f, n + c, 2 * c), normal(f, n + c, c),
                                    normal(f, 2 * c), normal(f, c)], tolerance=(1e-5, 1e-5))
