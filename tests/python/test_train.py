# SPDX-License-Identifier: Apache-2.0
"""unflow.train by itself; beside TensorFlow: tests/oracle/test_tf_train.py."""

import os

import numpy as np
import pytest

import unflow
from unflow import errors, train


@pytest.fixture
def folder(tmp_path):
    for step in (1, 2):
        train.write_checkpoint(tmp_path / f"ckpt-{step}", {"w": np.full((2, 3), step, np.float32), "s": b"text"},
                               update_state=True)
    return tmp_path


def test_a_reader(folder):
    reader = train.load_checkpoint(folder)
    assert reader.get_variable_to_shape_map() == {"s": [], "w": [2, 3]}
    assert reader.get_variable_to_dtype_map() == {"s": unflow.string, "w": unflow.float32}
    assert reader.has_tensor("w") and not reader.has_tensor("x") and not reader.has_tensor("")
    assert reader.get_tensor("s") == b"text"
    assert np.array_equal(reader.get_tensor(b"w"), np.full((2, 3), 2))
    assert reader.debug_string() == b"s (DT_STRING) []\nw (DT_FLOAT) [2,3]\n"
    assert train.list_variables(folder / "ckpt-1") == [("s", []), ("w", [2, 3])]
    assert np.array_equal(train.load_variable(folder / "ckpt-1", "w:0"), np.full((2, 3), 1))
    with pytest.raises(errors.NotFoundError, match="Key x not found in checkpoint"):
        reader.get_tensor("x")
    with pytest.raises(TypeError):
        reader.get_tensor(5)


def test_what_is_not_there(tmp_path):
    for path, error in ((tmp_path / "none", errors.NotFoundError), (tmp_path, ValueError), ("", errors.NotFoundError)):
        with pytest.raises(error):
            train.load_checkpoint(path)
    with pytest.raises(FileNotFoundError):
        train.list_variables(tmp_path / "none")
    assert train.latest_checkpoint(tmp_path) is None and train.get_checkpoint_state(tmp_path) is None
    assert not train.checkpoint_exists(tmp_path / "none")


def test_state_files(folder):
    assert train.latest_checkpoint(folder) == str(folder / "ckpt-2")
    state = train.get_checkpoint_state(folder)
    assert state.model_checkpoint_path == str(folder / "ckpt-2")
    (folder / "checkpoint").write_text(
        "# comment\nmodel_checkpoint_path: 'ckpt-1'  all_model_checkpoint_paths: \"a\\\"\\303\\244\"\n"
        'all_model_checkpoint_paths: "ckpt" "-1"\nall_model_checkpoint_timestamps: 1.5\nother_field: 3\n')
    state = train.get_checkpoint_state(folder)
    assert state.all_model_checkpoint_paths == [str(folder / 'a"ä'), str(folder / "ckpt-1")]
    assert state.all_model_checkpoint_timestamps == [1.5]
    assert train.latest_checkpoint(folder) == str(folder / "ckpt-1")
    (folder / "checkpoint").write_text("model_checkpoint_path: {")
    assert train.get_checkpoint_state(folder) is None
    os.unlink(folder / "ckpt-1.index")
    train.update_checkpoint_state(folder, folder / "ckpt-1", [folder / "ckpt-2"], all_model_checkpoint_timestamps=[1, 2])
    assert train.latest_checkpoint(folder) is None
    assert (folder / "checkpoint").read_text() == (
        'model_checkpoint_path: "ckpt-1"\nall_model_checkpoint_paths: "ckpt-2"\n'
        'all_model_checkpoint_paths: "ckpt-1"\nall_model_checkpoint_timestamps: 1\n'
        "all_model_checkpoint_timestamps: 2\n")


def test_odd_names_survive_a_state_file(tmp_path):
    name = 'a "b\\c\nd\xe4\U0001f600'
    train.write_checkpoint(tmp_path / name, {"x": 1}, update_state=True)
    assert train.latest_checkpoint(tmp_path) == str(tmp_path / name)
    assert unflow.open(tmp_path)["x"].numpy() == 1


def test_checkpoints_appear(folder):
    found = train.checkpoints_iterator(folder, timeout=0)
    assert next(found) == str(folder / "ckpt-2")
    assert list(found) == []
    assert list(train.checkpoints_iterator(folder / "none", timeout=0, timeout_fn=lambda: True)) == []


def test_writing_refuses(tmp_path):
    for prefix, tensors, error in (
            (tmp_path / "a", [("x", 1), ("x", 2)], errors.AlreadyExistsError), (tmp_path / "a", {"": 1}, errors.InvalidArgumentError),
            (tmp_path / "none" / "a", {"x": 1}, errors.NotFoundError), (f"{tmp_path}/", {"x": 1}, errors.InvalidArgumentError),
            (tmp_path / "a", {"x\0y": 1}, ValueError), (tmp_path / "a", {"x": object()}, TypeError), (tmp_path / "a", [3], TypeError)):
        with pytest.raises(error):
            train.write_checkpoint(prefix, tensors)
        assert list(tmp_path.iterdir()) == []
    with pytest.raises(errors.InvalidArgumentError, match="shards"):
        train.write_checkpoint(tmp_path / "a", {"x": 1}, shards=1000)


def test_a_failing_iterable_leaves_nothing(tmp_path):
    def pairs():
        yield "a", np.zeros(1000)
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        train.write_checkpoint(tmp_path / "a", pairs(), shards=3)
    assert list(tmp_path.iterdir()) == []


def test_shards_and_dtypes(tmp_path):
    values = {f"v{i}": np.arange(i * 7).astype(d) for i, d in enumerate(
        ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", "c8", "c16"])}
    values["text"] = np.array([["a", "bc"], ["", "ä"]])
    train.write_checkpoint(tmp_path / "x", values, shards=3)
    train.write_checkpoint(tmp_path / "x", values, shards=2)  # replaces three files by two
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "x.data-00000-of-00002", "x.data-00001-of-00002", "x.index"]
    back = unflow.open(tmp_path / "x").to_dict()
    text = back.pop("text")
    assert text.tolist() == [[b"a", b"bc"], [b"", "ä".encode()]]
    for name, value in back.items():
        assert value.dtype == values[name].dtype and np.array_equal(value, values[name])


def test_strings_keep_their_nuls(tmp_path):
    train.write_checkpoint(tmp_path / "x", {"a": [[b"\0", b"a\0"], [b"", b"\0b"]], "b": b"c\0", "c": "d\0"})
    back = unflow.open(tmp_path / "x").to_dict()
    assert back["a"].tolist() == [[b"\0", b"a\0"], [b"", b"\0b"]]
    assert back["b"][()] == b"c\0" and back["c"][()] == b"d\0"


def test_a_checkpoint_of_handles(folder, tmp_path):
    source = unflow.open(folder / "ckpt-2")
    train.write_checkpoint(tmp_path / "copy", source)
    assert np.array_equal(unflow.open(tmp_path / "copy")["w"], source["w"])
