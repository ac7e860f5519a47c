# SPDX-License-Identifier: Apache-2.0
"""tensor_map.py: maps from tensors to tensors as values."""

import numpy as np
from tf_case import Chain, R

from variable import values


def cases(rng):
    for n, (k, v) in enumerate([("int32", "float32"), ("int64", "string"), ("string", "int64"), ("float32", "bool"), ("int32", "int32")] * 4):
        kinds = {"key_dtype": k, "value_dtype": v}
        shape = [(), (2,)][n % 2]
        keys = values(rng, k, (4,) + shape)
        keys = [np.array(i, keys.dtype).reshape(shape) for i in keys]
        vals = [values(rng, v, (2, n % 3)) for _ in range(5)]
        steps = [("m", "EmptyTensorMap", [], {})]
        steps += [("m", "TensorMapInsert", [R("m"), keys[i], vals[i]], kinds) for i in range(3)]
        has = {"key_dtype": k}
        yield Chain(steps + [("n", "TensorMapSize", [R("m")], {}), ("x", "TensorMapLookup", [R("m"), keys[1]], kinds),
                             ("h", "TensorMapHasKey", [R("m"), keys[0]], has)], ["n", "x", "h"])
        yield Chain(steps + [("m", "TensorMapInsert", [R("m"), keys[0], vals[4]], kinds), ("x", "TensorMapLookup", [R("m"), keys[0]], kinds),
                             ("n", "TensorMapSize", [R("m")], {})], ["n", "x"])
        yield Chain(steps + [("w", "TensorMapErase", [R("m"), keys[0]], kinds), ("n", "TensorMapSize", [R("w")], {}),
                             ("x", "TensorMapLookup", [R("m"), keys[0]], kinds), ("h", "TensorMapHasKey", [R("w"), keys[0]], has)], ["n", "h", "x"])
        yield Chain(steps[:2] + [("x", "TensorMapStackKeys", [R("m")], has)], ["x"])
        yield Chain(steps[:1] + [("x", "TensorMapLookup", [R("m"), keys[0]], kinds)], ["x"])
        yield Chain(steps[:1] + [("x", "TensorMapErase", [R("m"), keys[0]], kinds)], [])
        yield Chain(steps[:1] + [("x", "TensorMapStackKeys", [R("m")], has)], ["x"])
