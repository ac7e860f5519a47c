# SPDX-License-Identifier: Apache-2.0
"""random.py: what the random ops must refuse."""

import numpy as np

from onenode import Node, const

SEED = {"seed": 1, "seed2": 2}


def refusals(rng):
    uniform, drawn = Node("RANDOM_UNIFORM", "RandomOptions"), Node("MULTINOMIAL", "RandomOptions")
    two, logits = const(np.array([2], np.int32)), np.zeros((1, 3), np.float32)
    yield uniform.refusal("dtype", [two], ["float64"],
                          "expected output 0 of dtype float32, found 'y0' float64 (shape not known yet)", SEED,
                          when="invoke")
    yield uniform.refusal("shape_dtype", [const(np.array([2], np.int64))], ["float32"],
                          "expected input 0 of dtype int32, found 'x0' int64 (1,)", SEED, when="invoke")
    yield uniform.refusal("shape_rank", [const(np.array([[2]], np.int32))], ["float32"],
                          "expected a tensor of rank 1, found 'x0' int32 (1, 1)", SEED)
    yield uniform.refusal("negative", [const(np.array([2, -3], np.int32))], ["float32"],
                          "expected extents of 0 or more in 'x0', found -3", SEED)
    yield uniform.refusal("negative_fed", [np.array([-1], np.int32)], ["float32"],
                          "expected extents of 0 or more in 'x0', found -1", SEED, when="invoke")
    yield drawn.refusal("rank", [logits[0], const(np.int32(2))], ["int64"],
                        "expected a tensor of rank 2, found 'x0' float32 (3,)", SEED)
    yield drawn.refusal("logits", [logits.astype(np.int32), const(np.int32(2))], ["int64"],
                        "expected input 0 of dtype float16 or bfloat16 or float32 or float64, found 'x0' int32 (1, 3)",
                        SEED, when="invoke")
    yield drawn.refusal("samples_dtype", [logits, const(np.int64(2))], ["int64"],
                        "expected input 1 of dtype int32, found 'x1' int64 ()", SEED, when="invoke")
    yield drawn.refusal("samples_rank", [logits, two], ["int64"], "expected a tensor of rank 0, found 'x1' int32 (1,)",
                        SEED)
    yield drawn.refusal("samples", [logits, const(np.int32(-2))], ["int64"], "expected 0 samples or more, found -2",
                        SEED)
    yield drawn.refusal("classes", [logits[:, :0], const(np.int32(2))], ["int64"],
                        "expected one class or more, found 0", SEED)
    yield drawn.refusal("output", [logits, const(np.int32(2))], ["float32"],
                        "expected output 0 of dtype int32 or int64, found 'y0' float32 (shape not known yet)", SEED,
                        when="invoke")
