# SPDX-License-Identifier: Apache-2.0
"""Models above 2 GB: buffers lie behind the FlatBuffer at 64-bit offsets. The file is sparse: it takes no room."""

import os

import numpy as np
import pytest
from modelgen import ModelGen

import unflow
import unflow.lite

AT = 3 << 30  # where the weights lie


def add_behind(at, size):
    """y = x + w, w at byte `at` of the file."""
    g = ModelGen()
    x = g.tensor("x", "float32", (2, 4))
    w = g.constant("w", "float32", np.zeros((2, 4), np.float32))
    y = g.tensor("y", "float32", (2, 4))
    g.op("ADD", [x, w], [y], "AddOptions")
    g.inputs([x])
    g.outputs([y])
    buffer = g.model.buffers[g.model.subgraphs[0].tensors[w].buffer]
    buffer.bytes, buffer.offset, buffer.size = b"", at, size
    return g.build()


@pytest.fixture
def large(tmp_path):
    path = tmp_path / "large.tflite"
    weights = np.arange(8, dtype=np.float32)
    try:
        with open(path, "wb") as file:
            file.write(add_behind(AT, weights.nbytes))
            file.seek(AT)
            file.write(weights.tobytes())
    except OSError as error:
        pytest.skip(f"no sparse file of 3 GB here: {error}")
    if os.stat(path).st_blocks * 512 > 1 << 20:
        pytest.skip("files are not sparse here")
    return path, weights.reshape(2, 4)


def test_runs(large):
    path, weights = large
    interpreter = unflow.lite.Interpreter(str(path))
    interpreter.allocate_tensors()
    x = np.full((2, 4), 0.5, np.float32)
    interpreter.set_tensor(0, x)
    interpreter.invoke()
    assert np.array_equal(interpreter.get_tensor(2), x + weights)
    assert np.array_equal(interpreter.get_tensor(1), weights)
    m = unflow.open(path)
    assert m.info["file_size"] > AT and np.array_equal(m.tensors["w"], weights) and dict(m.files) == {}


def test_cut_off(large):
    path, _ = large
    os.truncate(path, AT + 16)
    with pytest.raises(unflow.errors.DataLossError, match=f"expected 32 bytes at byte {AT}"):
        unflow.open(path)
