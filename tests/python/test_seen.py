# SPDX-License-Identifier: Apache-2.0
"""Transpositions that products read through (src/exec/seen.c) give what making them gives."""

import numpy as np
import pytest

import unflow.lite

modelgen = pytest.importorskip("modelgen")


def attention(shape, perms, adj=(False, False), extra=None):
    """BATCH_MATMUL of what -q and -k are transposed; `extra` says what else happens to q."""
    g = modelgen.ModelGen()
    q = g.tensor("q", "float32", shape[0])
    k = g.tensor("k", "float32", shape[1])
    turned = []
    for i, (name, given, perm) in enumerate((("qt", q, perms[0]), ("kt", k, perms[1]))):
        of = g.tensor(f"negative{i}", "float32", shape[i])
        g.op("NEG", [given], [of])
        if perm is None:
            turned.append((of, shape[i]))
            continue
        out = [shape[i][d] for d in perm]
        t = g.tensor(name, "float32", out)
        g.op("TRANSPOSE", [of, g.tensor(f"perm{i}", "int32", (len(perm),), data=np.array(perm, "int32"))], [t])
        turned.append((t, out))
    (qt, a), (kt, b) = turned
    m, n = a[-1] if adj[0] else a[-2], b[-2] if adj[1] else b[-1]
    batch = np.broadcast_shapes(tuple(a[:-2]), tuple(b[:-2]))
    y = g.tensor("y", "float32", (*batch, m, n))
    if extra == "between":  # something of the size of what is transposed is in memory at the same time
        other = g.tensor("other", "float32", shape[0])
        g.op("ABS", [q], [other])
    g.op("BATCH_MATMUL", [qt, kt], [y], "BatchMatMulOptions", {"adjX": adj[0], "adjY": adj[1]})
    outputs = [y]
    if extra in ("also", "between"):
        of, out = (qt, a) if extra == "also" else (other, shape[0])
        z = g.tensor("z", "float32", out)
        g.op("NEG", [of], [z])
    if extra:
        outputs.append(z if extra != "output" else qt)
    g.inputs([q, k])
    g.outputs(outputs)
    return g.build()


def expected(x, perms, adj):
    q, k = (-v if p is None else -v.transpose(p) for v, p in zip(x, perms))
    return np.matmul(q.swapaxes(-1, -2) if adj[0] else q, k.swapaxes(-1, -2) if adj[1] else k), q, k


HEADS = ([(1, 24, 4, 16), (1, 24, 4, 16)], [(0, 2, 1, 3), (0, 2, 3, 1)])
CASES = [
    (*HEADS, (False, False)),
    (HEADS[0], [(0, 2, 1, 3), (0, 2, 1, 3)], (False, True)),
    (HEADS[0], [(0, 2, 3, 1), (0, 2, 1, 3)], (True, True)),
    (HEADS[0], [(0, 2, 3, 1), (0, 2, 3, 1)], (True, False)),   # a column of x is no row in memory
    ([(24, 4, 16), (4, 16, 24)], [(1, 0, 2), None], (False, False)),
    ([(4, 24, 16), (24, 4, 16)], [None, (1, 2, 0)], (False, False)),
    ([(16, 24), (16, 20)], [(1, 0), None], (False, False)),    # the whole matrix is turned
    ([(24, 16), (20, 16)], [None, (1, 0)], (False, False)),
    ([(2, 5, 3, 7), (2, 7, 9)], [(2, 0, 1, 3), None], (False, False)),  # batches that are broadcast
    ([(5, 3, 7), (7, 2, 5, 9)], [None, (1, 2, 0, 3)], (False, False)),
    ([(1, 4, 16), (24, 4, 16)], [(1, 0, 2), (1, 0, 2)], (False, True)),  # one row
    ([(1, 1, 24, 16), (1, 1, 16, 24)], [(0, 1, 2, 3), (1, 0, 2, 3)], (False, False)),
]


def run(interpreter, index, x):
    for name, value in zip(("q", "k"), x):
        interpreter.set_tensor(index[name], value)
    interpreter.invoke()
    return interpreter.get_tensor(index["y"])


@pytest.mark.parametrize("extra", [None, "between", "also", "output"])
@pytest.mark.parametrize("case", range(len(CASES)))
def test_products_of_transposed_inputs(case, extra):
    shapes, perms, adj = CASES[case]
    if extra in ("also", "output") and perms[0] is None:
        pytest.skip("q is not transposed")
    model = attention(shapes, perms, adj, extra)
    rng = np.random.default_rng(case)
    for threads in (1, 2):
        interpreter = unflow.lite.Interpreter(model_content=model, num_threads=threads)
        interpreter.allocate_tensors()
        index = {d["name"]: d["index"] for d in interpreter.get_tensor_details()}
        for _ in range(3):  # an ordinary run after one in which the transposed tensors were made
            x = [rng.standard_normal(s).astype("float32") for s in shapes]
            want, q, k = expected(x, perms, adj)
            np.testing.assert_allclose(run(interpreter, index, x), want, rtol=1e-5, atol=1e-5)
            for name, value, perm in (("qt", q, perms[0]), ("kt", k, perms[1])):
                if perm is not None:
                    np.testing.assert_array_equal(interpreter.get_tensor(index[name]), value)
            np.testing.assert_allclose(interpreter.get_tensor(index["y"]), want, rtol=1e-5, atol=1e-5)
            if extra in ("between", "also"):
                np.testing.assert_array_equal(interpreter.get_tensor(index["z"]), -(np.abs(x[0]) if extra == "between" else q))


def test_inputs_may_be_resized():
    shapes, perms, adj = CASES[0]
    interpreter = unflow.lite.Interpreter(model_content=attention(shapes, perms, adj))
    index = {d["name"]: d["index"] for d in interpreter.get_tensor_details()}
    rng = np.random.default_rng(1)
    for length in (24, 7, 40):
        for name in ("q", "k"):
            interpreter.resize_tensor_input(index[name], (1, length, 4, 16))
        interpreter.allocate_tensors()
        x = [rng.standard_normal((1, length, 4, 16)).astype("float32") for _ in range(2)]
        want, q, _ = expected(x, perms, adj)
        np.testing.assert_allclose(run(interpreter, index, x), want, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(interpreter.get_tensor(index["qt"]), q)
