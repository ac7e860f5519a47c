# SPDX-License-Identifier: Apache-2.0
"""unflow.open on checkpoints, graphs and archives: mappings, handles, parts, copies, pickles."""

import io
import pickle
import threading

import numpy as np
import pytest

import unflow
from unflow import errors, train

CUBE = np.arange(6 * 5 * 4, dtype=np.float32).reshape(6, 5, 4)


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "model.ckpt-3"
    train.write_checkpoint(path, {
        "dense/kernel": CUBE, "dense/kernel/Adam": CUBE + 1, "dense/kernel/Adam_1": CUBE + 2,
        "dense/kernel/ExponentialMovingAverage": CUBE + 3, "global_step": np.int64(7),
        "beta1_power": np.float32(0.9), "words": [b"a", b"", b"c\0d"], "empty": np.zeros((0, 3), np.int8),
        "odd": np.arange(3, dtype=np.int8), "after": np.arange(5, dtype=np.float64),
        "only/ExponentialMovingAverage": np.float32(5),
    }, shards=2, update_state=True)
    return path


# ---- mappings ------------------------------------------------------------------------


def test_a_source_is_a_mapping_of_keys(prefix):
    with unflow.open(prefix) as ck:
        assert list(ck) == sorted(ck) and len(ck) == 11 and "words" in ck and "word" not in ck
        assert list(ck.tensors) == list(ck)
        assert set(ck.match("dense/*")) == {k for k in ck if k.startswith("dense/")}
        assert ck.info == {"path": str(prefix), "format": "checkpoint",
                           "details": "2 shards, little-endian"}
        assert repr(ck) == f"<unflow checkpoint {str(prefix)!r}: 11 arrays>"
        with pytest.raises(KeyError, match="near names are 'words'"):
            ck["word"]
        with pytest.raises(errors.NotFoundError):
            ck.tensors["word"]


def test_variables_slots_and_averages(prefix):
    ck = unflow.open(prefix)
    assert list(ck.variables) == ["after", "dense/kernel", "dense/kernel/ExponentialMovingAverage",
                                  "empty", "odd", "only/ExponentialMovingAverage", "words"]
    assert list(ck.optimizer) == ["beta1_power", "global_step"]
    assert {k: list(v) for k, v in ck.slots.items()} == {"dense/kernel": ["Adam", "Adam_1"]}
    assert np.array_equal(ck.slots["dense/kernel"]["Adam_1"], CUBE + 2)
    assert ck["dense/kernel/Adam"].role == "slot" and ck["odd"].role == "value"
    averaged = unflow.open(prefix, ema=True)
    assert list(averaged.variables) == ["after", "dense/kernel", "empty", "odd", "only", "words"]
    assert np.array_equal(averaged.variables["dense/kernel"], CUBE + 3)
    assert averaged.variables["dense/kernel"].name == "dense/kernel"
    assert averaged.variables["only"].numpy() == 5
    assert np.array_equal(averaged["dense/kernel"], CUBE)  # keys are what is in the file


@pytest.mark.parametrize("name", ["model.ckpt-3", "model.ckpt-3.index", "", "checkpoint",
                                  "model.ckpt-3.data-00000-of-00002"])
def test_any_form_of_the_path(prefix, name):
    path = prefix.parent / name if name else prefix.parent
    assert np.array_equal(unflow.open(path)["dense/kernel"], CUBE)
    assert np.array_equal(unflow.open(str(path))["dense/kernel"], CUBE)


# ---- handles ---------------------------------------------------------------------------


def test_a_handle_is_an_array(prefix):
    v = unflow.open(prefix)["dense/kernel"]
    assert (v.shape, v.ndim, v.size, v.nbytes, v.dtype, v.type) == ((6, 5, 4), 3, 120, 480,
                                                                    np.dtype("float32"), "float32")
    assert (v.name, v.key, v.path, v.aliases, v.pieces) == ("dense/kernel", "dense/kernel", None, (), 1)
    assert v.file.endswith("-of-00002") and v.offset >= 0 and v.size_in_file == 480
    view = np.asarray(v)
    assert not view.flags.writeable and np.array_equal(view, CUBE)
    assert np.asarray(v).ctypes.data == view.ctypes.data  # no copy
    assert v.numpy().flags.writeable and v.numpy().ctypes.data != view.ctypes.data
    assert np.asarray(v, dtype=np.float64).dtype == np.float64
    assert np.array(v, copy=True).flags.writeable
    assert len(v) == 6 and sum(1 for _ in v) == 6
    assert np.array_equal(np.from_dlpack(v), CUBE)
    v.verify()


def test_views_outlive_their_source(prefix):
    ck = unflow.open(prefix)
    view = np.asarray(ck["dense/kernel"])
    ck.close()
    assert np.array_equal(view, CUBE)
    with pytest.raises(errors.InvalidArgumentError, match="closed"):
        ck["dense/kernel"]


KEYS = [0, -1, slice(1, 3), slice(None, None, -1), slice(4, 1, -2), slice(9, 12), slice(3, 3), ..., None,
        (0, 1), (slice(2, 4), 3), (..., 0), (..., None, slice(0, 4, 3)), (1, ..., 2), (None, 2, None), (5, 4, 3),
        (slice(None), slice(1, 4), slice(-3, -1)), np.int64(2), (slice(1, 5, 2), -1, slice(None, None, -3)),
        [0, 2], np.array([1, 1]), CUBE > 7, (0, [1, 2]), ()]


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_parts(prefix, key):
    ck = unflow.open(prefix)
    assert np.array_equal(ck["dense/kernel"][key], CUBE[key])
    assert ck["dense/kernel"][key].shape == CUBE[key].shape


@pytest.mark.parametrize("key", [6, -7, (0, 0, 0, 0), (..., ...), (0, 5), "x"], ids=repr)
def test_parts_that_are_not_there(prefix, key):
    with pytest.raises(IndexError) as ours:
        unflow.open(prefix)["dense/kernel"][key]
    with pytest.raises(IndexError) as numpys:
        CUBE[key]
    if key != "x":
        assert str(ours.value) == str(numpys.value)


def test_parts_of_strings_and_of_nothing(prefix):
    ck = unflow.open(prefix)
    assert ck["words"][1:].tolist() == [b"", b"c\0d"] and ck["words"][0] == b"a"
    assert np.asarray(ck["empty"]).shape == (0, 3) and ck["empty"][:, 1].shape == (0,)
    assert float(ck["beta1_power"]) == np.float32(0.9) and ck["global_step"][...] == 7


def test_unaligned_arrays_are_views_too(prefix):
    ck = unflow.open(prefix)
    for key in ck:
        assert np.asarray(ck[key]).dtype == ck[key].dtype


# ---- everything --------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_copies_of_everything(prefix, threads):
    ck = unflow.open(prefix)
    everything = ck.to_dict(threads)
    assert list(everything) == list(ck)
    for key, array in everything.items():
        assert array.flags.writeable and np.array_equal(array, np.asarray(ck[key]))
    assert list(ck.variables.to_dict()) == list(ck.variables)


def test_threads_read_one_source(prefix):
    ck, wrong = unflow.open(prefix), []

    def work():
        for _ in range(50):
            if not np.array_equal(ck["dense/kernel"].numpy(), CUBE):
                wrong.append(1)
            ck.variables["odd"][1:]

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


# ---- pickles -------------------------------------------------------------------------------


def test_handles_pickle_without_data(prefix):
    ck = unflow.open(prefix)
    part = ck["dense/kernel"].lazy[1:4, :, 2:]
    assert part.shape == (3, 5, 2) and np.array_equal(part[0], CUBE[1, :, 2:])
    data = pickle.dumps([ck["dense/kernel"], part, part.lazy[1:2]])
    assert len(data) < 600
    whole, again, inner = pickle.loads(data)
    assert np.array_equal(whole, CUBE) and np.array_equal(again.numpy(), CUBE[1:4, :, 2:])
    assert np.array_equal(inner, CUBE[2:3, :, 2:])
    assert whole.source is again.source  # opened once
    assert np.array_equal(pickle.loads(pickle.dumps(ck))["odd"], [0, 1, 2])
    averaged = pickle.loads(pickle.dumps(unflow.open(prefix, ema=True).variables["dense/kernel"]))
    assert averaged.name == "dense/kernel" and np.array_equal(averaged, CUBE + 3)
    with pytest.raises(IndexError, match="slices of step 1"):
        ck["dense/kernel"].lazy[::2]


def test_a_replaced_file_is_opened_anew(tmp_path):
    train.write_checkpoint(tmp_path / "x", {"a": [1, 2]})
    data = pickle.dumps(unflow.open(tmp_path / "x")["a"])
    assert pickle.loads(data).numpy().tolist() == [1, 2]
    train.write_checkpoint(tmp_path / "x", {"a": [3, 4, 5]})
    assert pickle.loads(data).numpy().tolist() == [3, 4, 5]


def test_sources_from_memory(tmp_path):
    np.savez(tmp_path / "x.npz", a=CUBE, b=np.arange(3))
    for source in ((tmp_path / "x.npz").read_bytes(), io.BytesIO((tmp_path / "x.npz").read_bytes())):
        ck = unflow.open(source, name="mine.npz")
        assert list(ck) == ["a", "b"] and np.array_equal(ck["a"][2:3], CUBE[2:3])
        assert ck.info["path"] == "mine.npz"
        with pytest.raises(TypeError, match="from memory"):
            pickle.dumps(ck["a"])


# ---- graphs -----------------------------------------------------------------------------------


def test_graphs(shared):
    graph = unflow.open(shared / "data" / "tf" / "onnx_lstm.pb")
    assert graph.info["format"] == "graph_def" and len(graph.nodes) == 529
    node = next(n for n in graph.nodes.values() if n.op == "Const")
    assert np.array_equal(node.attr["value"], graph.constants[node.name])
    assert node.attr["dtype"] == graph.constants[node.name].type
    saved = unflow.open(shared / "data" / "tf" / "half_plus_two_tf2")
    assert list(saved.variables) == ["a", "b", "c"] and saved.info["format"] == "saved_model"


# ---- extraction ----------------------------------------------------------------------------------


def test_extract(prefix, tmp_path):
    written = unflow.extract(prefix, tmp_path / "a.npz", exclude="words", slots=False)
    with np.load(tmp_path / "a.npz") as z:
        assert set(z.files) == set(written) == {"after", "dense/kernel", "empty", "odd",
                                                "dense/kernel/ExponentialMovingAverage",
                                                "only/ExponentialMovingAverage"}
    unflow.extract(prefix, tmp_path / "b.npz", include=["dense/*", "only*"], slots=False, ema=True, dtype="float64",
                   layout="ABC:CAB@dense*", compress=True, rename=[("/", "."), (r"^dense\.(.*)", r"d_\1")])
    with np.load(tmp_path / "b.npz") as z:
        assert set(z.files) == {"d_kernel", "only"}
        assert z["d_kernel"].dtype == np.float64 and np.array_equal(z["d_kernel"], (CUBE + 3).transpose(2, 0, 1))
    unflow.extract(unflow.open(prefix), tmp_path / "folder", include="odd")
    assert np.load(tmp_path / "folder" / "odd.npy").tolist() == [0, 1, 2]
    unflow.extract(prefix, tmp_path / "c.safetensors", include="odd", rename={"odd": "even"})
    assert unflow.open(tmp_path / "c.safetensors")["even"].numpy().tolist() == [0, 1, 2]


def test_extract_refuses(prefix, tmp_path):
    target = tmp_path / "a.npz"
    with pytest.raises(errors.AlreadyExistsError, match="'x' for both 'after' and"):
        unflow.extract(prefix, target, rename=lambda name: "x")
    with pytest.raises(errors.NotFoundError, match="expected arrays of these names"):
        unflow.extract(prefix, target, include="nothing*")
    with pytest.raises(errors.InvalidArgumentError, match="HWIO:OIHW"):
        unflow.extract(prefix, target, layout="AB:BC")
    with pytest.raises(errors.InvalidArgumentError, match="found 'names'"):
        unflow.extract(prefix, target, names="names")
    assert not target.exists()


def test_progress_is_told_and_may_stop_it(prefix, tmp_path):
    seen = []
    unflow.extract(prefix, tmp_path / "a.npz", progress=lambda done, total: seen.append((done, total)))
    assert seen and seen[-1][0] == seen[-1][1] and seen == sorted(seen)

    def stop(done, total):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        unflow.extract(prefix, tmp_path / "b.npz", progress=stop)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz"]


def test_pickles_of_a_relative_path_open_elsewhere(tmp_path, monkeypatch):
    train.write_checkpoint(tmp_path / "ckpt", {"x": np.arange(6)})
    monkeypatch.chdir(tmp_path)
    source = unflow.open("ckpt")
    pickled = pickle.dumps([source["x"].lazy[1:3], source])
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    part, again = pickle.loads(pickled)
    assert part.numpy().tolist() == [1, 2] and again["x"].numpy().tolist() == list(range(6))
