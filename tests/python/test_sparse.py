# SPDX-License-Identifier: Apache-2.0
"""Sparse constants: dense when they are read, with what the file stores on request."""

import numpy as np
import pytest
from modelgen import ModelGen

import unflow

DTYPES = ["float32", "float16", "float64", "int8", "uint8", "int16", "int32", "int64", "bool", "complex64"]


def model(dtype, dense, *form, align=16, **options):
    """Bytes of a model with a sparse constant that no node reads, and what is stored."""
    from cases.sparse import store
    values, sparsity = store(dense, *form, **options)
    g = ModelGen(align=align)
    w = g.tensor("w", dtype, dense.shape, data=values, sparsity=sparsity)
    x, y = g.tensor("x", "float32", (1,)), g.tensor("y", "float32", (1,))
    g.op("ADD", [x, x], [y], "AddOptions")
    g.inputs([x])
    g.outputs([y])
    assert w == 0
    return g.build(), values, sparsity


def dense_array(dtype, shape):
    rng = np.random.default_rng(7)
    low, high = {"int4": (-8, 8), "uint4": (0, 16), "int2": (-2, 2), "bool": (0, 2)}.get(dtype, (0, 100))
    array = np.where(rng.random(shape) < 0.3, rng.integers(low, high, shape), 0)
    return array.astype({"int4": np.int8, "uint4": np.uint8, "int2": np.int8}.get(dtype, dtype))


@pytest.mark.parametrize("dtype", DTYPES + ["int4", "uint4", "int2"])
@pytest.mark.parametrize("align", [16, 1])
def test_dense_and_parts(dtype, align):
    dense = dense_array(dtype, (5, 7))
    data, values, sparsity = model(dtype, dense, [0, 1], ("dense", "csr"), align=align)
    with unflow.open(data) as m:
        tensor = m.tensors["w"]
        assert tensor.is_sparse and tensor.kind == "constant" and tensor.shape == (5, 7)
        np.testing.assert_array_equal(np.asarray(tensor).astype(dense.dtype), dense)
        parts = tensor.sparse
        assert m.tensors["x"].sparse is None
    assert parts.traversal_order.tolist() == [0, 1] and parts.block_map.tolist() == []
    assert parts.dim_metadata[0] == {"format": 0, "dense_size": 5}
    assert parts.dim_metadata[1]["format"] == 1
    assert parts.dim_metadata[1]["array_segments"].tolist() == list(sparsity["dims"][1][1])
    assert parts.dim_metadata[1]["array_indices"].dtype == np.int32
    assert parts.values.astype(dense.dtype).tolist() == values.tolist()
    assert repr(parts) == f"Sparse({len(values)} {parts.values.dtype} values, 2 levels)"


@pytest.mark.parametrize("width", [1, 2, 4])
def test_blocks(width):
    dense = dense_array("float32", (4, 6))
    form = [0, 1, 2, 3], ("dense", "csr", "dense", "dense")
    data, values, sparsity = model("float32", dense, *form, [0, 1], [2, 3], width=width)
    with unflow.open(data) as m:
        np.testing.assert_array_equal(m.tensors["w"], dense)
        parts = m.tensors["w"].sparse
    assert parts.block_map.tolist() == [0, 1] and [d["format"] for d in parts.dim_metadata] == [0, 1, 0, 0]
    assert parts.dim_metadata[1]["array_indices"].tolist() == list(sparsity["dims"][1][2])
    assert parts.values.tolist() == values.tolist()


def test_interpreter_gives_what_is_stored():
    """As LiteRT: the values of a sparse tensor, whose places get_tensor_details() has."""
    dense = dense_array("float32", (5, 7))
    data, values, sparsity = model("float32", dense, [0, 1], ("dense", "csr"))
    interpreter = unflow.lite.Interpreter(model_content=data)
    interpreter.allocate_tensors()
    assert interpreter.get_tensor(0).tolist() == values.tolist()
    details, other = interpreter.get_tensor_details()[:2]
    assert details["shape"].tolist() == [5, 7] and other["sparsity_parameters"] == {}
    assert sorted(details["sparsity_parameters"]) == ["block_map", "dim_metadata", "traversal_order"]
    assert details["sparsity_parameters"]["dim_metadata"][1]["array_indices"].tolist() == list(sparsity["dims"][1][2])


@pytest.mark.parametrize("dtype", DTYPES + ["int4", "uint4", "int2"])
def test_densify_takes_every_dtype(dtype):
    """The reference kernel takes float32, float16 and int8 only."""
    import worker
    from cases.sparse import case
    dense = dense_array(dtype, (5, 7))
    result = worker.run_case(worker.unflow_maker(), *case("any", dtype, dense, [1, 0], ("csr", "csr"), width=1).job())
    assert result[0] == "ok", result
    np.testing.assert_array_equal(result[1][0][0].astype(dense.dtype), dense)
