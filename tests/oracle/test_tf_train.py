# SPDX-License-Identifier: Apache-2.0
"""unflow.train beside tf.train: the same results, and exceptions that the same `except` clauses catch."""

import os
import pathlib
import shutil
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, os.environ.get("UNFLOW_PYTHONPATH", str(ROOT / "build" / "python")))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the same kernels on every processor
tf = pytest.importorskip("tensorflow")
unflow = pytest.importorskip("unflow")

WEIGHT = "w/.ATTRIBUTES/VARIABLE_VALUE"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two checkpoints of a manager; one without data, one damaged, one that is garbage, an empty folder."""
    d = tmp_path_factory.mktemp("train")
    w = tf.Variable(np.arange(6, dtype=np.float32).reshape(2, 3), name="w")
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(w=w, s=tf.Variable("abc")), str(d), 3)
    manager.save()
    last = manager.save()
    (d / "empty").mkdir()
    for name in ("no_data", "damaged"):
        shutil.copy(f"{last}.index", d / f"{name}.index")
    data = bytearray(pathlib.Path(f"{last}.data-00000-of-00001").read_bytes())
    (d / "damaged.data-00000-of-00001").write_bytes(bytes(b ^ 255 for b in data))
    (d / "garbage.index").write_bytes(b"garbage")
    (d / "garbage.data-00000-of-00001").write_bytes(b"x")
    return d


STATE = ("model_checkpoint_path", "all_model_checkpoint_paths", "all_model_checkpoint_timestamps",
         "last_preserved_timestamp")
SAME = {
    "list_variables": lambda t, d: t.list_variables(str(d)),
    "shapes": lambda t, d: sorted(t.load_checkpoint(str(d)).get_variable_to_shape_map().items()),
    "dtypes": lambda t, d: sorted((k, v.name, v.as_datatype_enum) for k, v in
                                  t.load_checkpoint(str(d)).get_variable_to_dtype_map().items()),
    "debug_string": lambda t, d: sorted(t.load_checkpoint(str(d)).debug_string().splitlines()),
    "scalar": lambda t, d: (lambda v: (type(v), v))(t.load_checkpoint(str(d)).get_tensor("save_counter/.ATTRIBUTES/VARIABLE_VALUE")),
    "string": lambda t, d: t.load_checkpoint(str(d)).get_tensor("s/.ATTRIBUTES/VARIABLE_VALUE"),
    "array": lambda t, d: t.load_checkpoint(d / "ckpt-1").get_tensor(WEIGHT).tolist(),
    "name:0": lambda t, d: t.load_variable(str(d), WEIGHT + ":0").tolist(),
    "bytes": lambda t, d: t.load_checkpoint(str(d)).get_tensor(WEIGHT.encode()).tolist(),
    "has_tensor": lambda t, d: [t.load_checkpoint(str(d)).has_tensor(k) for k in (WEIGHT, "w", "zzz")],
    "latest": lambda t, d: [t.latest_checkpoint(str(p)) for p in (d, d / "empty", d / "none")],
    "state": lambda t, d: [getattr(t.get_checkpoint_state(str(d)), name) if "all" not in name else
                           list(getattr(t.get_checkpoint_state(str(d)), name)) for name in STATE],
    "no state": lambda t, d: t.get_checkpoint_state(str(d / "empty")),
    "no data opens": lambda t, d: t.load_checkpoint(str(d / "no_data")).has_tensor(WEIGHT),
}

# TensorFlow 2.21 raises a bare OpError for some damage; ours is a kind of it by name.
RAISES = {
    "missing": (lambda t, d: t.load_checkpoint(str(d / "none")), "NotFoundError"),
    "missing folder": (lambda t, d: t.load_checkpoint("/nowhere/x"), "NotFoundError"),
    "empty folder": (lambda t, d: t.load_checkpoint(str(d / "empty")), "ValueError"),
    "empty name": (lambda t, d: t.load_checkpoint(""), "NotFoundError"),
    "none": (lambda t, d: t.load_checkpoint(None), "TypeError"),
    "garbage": (lambda t, d: t.load_checkpoint(str(d / "garbage")), "OpError"),
    "no data": (lambda t, d: t.load_checkpoint(str(d / "no_data")).get_tensor(WEIGHT), "OpError"),
    "damaged": (lambda t, d: t.load_checkpoint(str(d / "damaged")).get_tensor(WEIGHT), "OpError"),
    "tensor": (lambda t, d: t.load_checkpoint(str(d)).get_tensor("zzz"), "NotFoundError"),
    "variable": (lambda t, d: t.load_variable(str(d), "zzz"), "NotFoundError"),
    "number": (lambda t, d: t.load_checkpoint(str(d)).get_tensor(5), "TypeError"),
}


@pytest.mark.parametrize("name", SAME)
def test_same(folder, name):
    assert SAME[name](unflow.train, folder) == SAME[name](tf.train, folder)


@pytest.mark.parametrize("name", RAISES)
def test_raises(folder, name):
    call, expected = RAISES[name]
    for module, errors in ((tf.train, tf.errors), (unflow.train, unflow.errors)):
        kind = getattr(errors, expected, None) or {"ValueError": ValueError, "TypeError": TypeError}[expected]
        with pytest.raises(kind):
            call(module, folder)


def test_states_written_by_one_are_read_by_the_other(tmp_path):
    for step in (1, 2):
        unflow.train.write_checkpoint(tmp_path / f"c-{step}", {"x": np.arange(step)})
    unflow.train.update_checkpoint_state(tmp_path, tmp_path / "c-2", [tmp_path / "c-1"],
                                         all_model_checkpoint_timestamps=[1.5, 2.5], last_preserved_timestamp=0.5)
    ours = (tmp_path / "checkpoint").read_text()
    assert str(tf.train.get_checkpoint_state(str(tmp_path))) == str(unflow.train.get_checkpoint_state(tmp_path))
    assert tf.train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "c-2")
    tf.compat.v1.train.update_checkpoint_state(str(tmp_path), str(tmp_path / "c-2"), [str(tmp_path / "c-1")],
                                               all_model_checkpoint_timestamps=[1.5, 2.5], last_preserved_timestamp=0.5)
    assert unflow.train.latest_checkpoint(tmp_path) == str(tmp_path / "c-2")
    assert str(unflow.train.get_checkpoint_state(tmp_path)) == str(tf.train.get_checkpoint_state(str(tmp_path)))
    assert sorted(ours.splitlines()) == sorted((tmp_path / "checkpoint").read_text().replace(f"{tmp_path}/", "").splitlines())


def test_scripts_run_under_the_other_name(folder):
    """What scripts do with tf.train and tf.compat.v1.train works with `import unflow as tf`."""
    for module in (tf, unflow):
        reader = module.compat.v1.train.NewCheckpointReader(str(folder / "ckpt-2"))
        assert reader.get_variable_to_dtype_map()[WEIGHT] == module.float32
        weights = {name: module.train.load_variable(str(folder), name) for name, _ in module.train.list_variables(str(folder))}
        assert weights[WEIGHT].shape == (2, 3)
