# SPDX-License-Identifier: Apache-2.0
"""Ops that move values against NumPy, with the dtypes and ranks that the reference kernels do not take, too."""

import zlib

import numpy as np
import pytest

pytest.importorskip("modelgen", reason="models cannot be made")
pytest.importorskip("ml_dtypes")


def specs(module):
    from importlib import import_module
    return list(import_module(f"cases.{module}").specs(np.random.default_rng(zlib.crc32(module.encode()))))


def same(want, got):
    if want.dtype.kind == "V" or want.dtype.name == "bfloat16":
        return want.tobytes() == got.tobytes()
    if want.dtype.kind in "fc":
        return np.array_equal(want, got, equal_nan=True)
    return np.array_equal(want, got)


@pytest.mark.parametrize("module", ["move", "scatter", "strided"])
def test_numpy_says_the_same(module):
    import worker
    make = worker.unflow_maker()
    wrong = []
    for case, expected in specs(module):
        result = worker.run_case(make, *case.job())
        if result[0] != "ok":
            wrong.append(f"{case.name}: {result[1]}")
            continue
        got = [np.asarray(array) for array in result[1][0]]
        for i, (a, b) in enumerate(zip(expected, got)):
            if a.dtype != b.dtype or a.shape != b.shape or not same(a, b):
                wrong.append(f"{case.name} output {i}: expected {a.dtype} {a.shape}, found {b.dtype} {b.shape}")
        if len(got) != len(expected):
            wrong.append(f"{case.name}: {len(got)} outputs")
    assert not wrong, "\n".join(wrong[:40])
