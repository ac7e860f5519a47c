# SPDX-License-Identifier: Apache-2.0
"""attention.py: models of one attention each, of growing length, for compare.py.

    attention.py FOLDER
    compare.py --files FOLDER/*.tflite --show invoke,memory

float32, batch 1: queries, keys and values of (length, heads, depth), scaled, with a mask of a row, softmax.
"""

import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "oracle"))
import modelgen  # noqa: E402

SHAPES = ((128, 8, 32), (384, 12, 64), (1024, 8, 64))  # the benchmark's transformer, BERT's, a long one


def model(length, heads, depth):
    g = modelgen.ModelGen()
    perm = g.constant("perm", "int32", np.array([0, 2, 1, 3], np.int32))
    scores = (1, heads, length, length)

    def turned(name, x, shape):
        out = g.tensor(name, "float32", shape)
        g.op("TRANSPOSE", [x, perm], [out])
        return out

    def product(name, x, y, shape, turned_y):
        out = g.tensor(name, "float32", shape)
        g.op("BATCH_MATMUL", [x, y], [out], "BatchMatMulOptions", {"adjX": False, "adjY": turned_y})
        return out

    inputs = [g.tensor(name, "float32", (1, length, heads, depth)) for name in ("queries", "keys", "values")]
    mask = g.tensor("mask", "float32", (1, 1, 1, length))
    q, k, v = (turned(f"heads_{i}", x, (1, heads, length, depth)) for i, x in enumerate(inputs))
    s = product("scores", q, k, scores, True)
    scaled, masked, weights = (g.tensor(name, "float32", scores) for name in ("scaled", "masked", "weights"))
    g.op("MUL", [s, g.constant("scale", "float32", np.float32(depth ** -0.5))], [scaled], "MulOptions", {})
    g.op("ADD", [scaled, mask], [masked], "AddOptions", {})
    g.op("SOFTMAX", [masked], [weights], "SoftmaxOptions", {"beta": 1.0})
    o = product("heads", weights, v, (1, heads, length, depth), False)
    g.inputs([*inputs, mask])
    g.outputs([turned("output", o, (1, length, heads, depth))])
    return g.build()


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for shape in SHAPES:
        (folder / "attention-{:04}x{}x{}.tflite".format(*shape)).write_bytes(model(*shape))
