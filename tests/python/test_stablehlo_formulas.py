# SPDX-License-Identifier: Apache-2.0
"""StableHLO's ops that LiteRT's interpreter has no kernel for, and what its kernels refuse of the others, beside NumPy.

tests/oracle/stablehlo_models.py makes the models and says what comes out of them, after the StableHLO specification.
"""

import zlib

import numpy as np
import pytest

import unflow.lite

pytest.importorskip("flatbuffers")
models = pytest.importorskip("stablehlo_models")


def parts():
    return [pytest.param(part, id=part.__name__) for part in models.PARTS]


def plain(array):
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


@pytest.mark.parametrize("part", parts())
def test_formulas(part):
    wrong, n = [], 0
    for case, want in part(np.random.default_rng(zlib.crc32(part.__name__.encode()))):
        interpreter = unflow.lite.Interpreter(model_content=case.model)
        interpreter.allocate_tensors()
        for detail, array in zip(interpreter.get_input_details(), case.inputs):
            interpreter.set_tensor(detail["index"], array)
        interpreter.invoke()
        details = interpreter.get_output_details()
        assert len(details) == len(want), case.name
        for i, (detail, y) in enumerate(zip(details, want)):
            n += 1
            got, y = interpreter.get_tensor(detail["index"]), np.asarray(y)
            if got.dtype != y.dtype or got.shape != y.shape:
                wrong.append(f"{case.name}[{i}]: expected {y.dtype} {y.shape}, found {got.dtype} {got.shape}")
            else:
                good, error = case.tol.compare(y, got)
                if not good:
                    wrong.append(f"{case.name}[{i}]: differs by {error}: expected {y.ravel()[:8]}, found {got.ravel()[:8]}")
    assert not wrong, f"{len(wrong)} of {n}: " + "\n".join(wrong[:20])
    assert n >= 3


def test_enough_formulas_for_each_op():
    """At least ten cases of every op that no oracle runs."""
    counts = {}
    for case, _ in models.formulas(np.random.default_rng(0)):
        counts[case.op] = counts.get(case.op, 0) + 1
    for op in ("LOGISTIC DIVIDE RESHAPE CLAMP CONCATENATE BROADCAST_IN_DIM CONVOLUTION SLICE REDUCE ABS COSINE EXPONENTIAL FLOOR "
               "LOG NEGATE OR POWER REMAINDER RSQRT SELECT SUBTRACT TANH COMPARE CONVERT DYNAMIC_SLICE DYNAMIC_UPDATE_SLICE IOTA "
               "DOT_GENERAL SORT WHILE TRANSPOSE CBRT").split():
        assert counts.get(f"STABLEHLO_{op}", 0) >= 6, f"{op}: {counts.get(f'STABLEHLO_{op}', 0)}"
