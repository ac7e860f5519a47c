# SPDX-License-Identifier: Apache-2.0
"""Nodes that pass values on."""
import numpy as np

from tf_case import Case, Chain, R


def cases(rng):
    for dtype in ("f4", "f8", "i4", "i8", "u1", "?", "c8"):
        x = rng.normal(0, 3, rng.integers(0, 4, rng.integers(0, 4))).astype(dtype)
        yield Case("Identity", [x])
    yield Chain([("h", "VarHandleOp", [], {"dtype": "float32", "shape": [3], "shared_name": "structure_v"}),
                 (None, "AssignVariableOp", [R("h"), np.arange(3, dtype="f4")]),
                 ("x", "ReadVariableOp", [R("h")], {"dtype": "float32"})], ["x"])
