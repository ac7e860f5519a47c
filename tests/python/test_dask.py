# SPDX-License-Identifier: Apache-2.0
"""Dask arrays over sources: blocks are parts of files, in threads and in other processes."""

import pickle
import sys

import numpy as np
import pytest

import unflow
from unflow import train

da = pytest.importorskip("dask.array", reason="dask is not installed")

BIG = np.arange(40 * 30 * 20, dtype=np.float32).reshape(40, 30, 20)
ARRAYS = {"big": BIG, "scalar": np.float64(2.5), "words": np.array([[b"a", b"bc"], [b"", b"\0"]], object),
          "empty": np.zeros((0, 3), np.int8), "half": np.arange(9, dtype=np.float16)}


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    path = tmp_path_factory.mktemp("dask") / "model.ckpt"
    train.write_checkpoint(path, ARRAYS, shards=2)
    return path


@pytest.mark.parametrize("chunks", ["auto", 7, (10, 30, 20), (-1, 11, -1), "10kB", {0: 9}])
def test_equal_to_numpy(prefix, chunks):
    x = unflow.open(prefix)["big"].to_dask(chunks=chunks)
    assert isinstance(x, da.Array) and x.shape == BIG.shape and x.dtype == BIG.dtype
    assert np.array_equal(x.compute(), BIG)
    assert np.array_equal(x[3:35:4, ::-1, 5].compute(), BIG[3:35:4, ::-1, 5])
    assert np.isclose(x.astype("f8").sum().compute(), BIG.astype("f8").sum())
    assert np.array_equal(x.max(axis=(0, 2)).compute(), BIG.max(axis=(0, 2)))


def test_every_array(prefix):
    arrays = unflow.to_dask(prefix)
    assert set(arrays) == set(ARRAYS)
    for name, array in arrays.items():
        assert array.shape == ARRAYS[name].shape, name
        assert np.array_equal(array.compute(), ARRAYS[name]), name
    assert arrays["words"].dtype == object
    assert set(unflow.to_dask(unflow.open(prefix), chunks=-1)) == set(ARRAYS)


def test_automatic_blocks_are_ranges(prefix):
    from unflow._dask import auto_chunks

    assert auto_chunks((40, 30, 20), 4, 10_000) == (4, 30, 20)
    assert auto_chunks((40, 30, 20), 4, 1000) == (1, 12, 20)
    assert auto_chunks((40, 30, 20), 4, 1) == (1, 1, 1)
    assert auto_chunks((), 4, 1000) == () and auto_chunks((0, 3), 4, 1000) == (0, 3)
    import dask

    with dask.config.set({"array.chunk-size": "10000B"}):
        assert unflow.open(prefix)["big"].to_dask().chunks == ((4,) * 10, (30,), (20,))


def test_a_part_of_a_handle(prefix):
    x = unflow.open(prefix)["big"].lazy[5:25, 3:].to_dask(chunks=8)
    assert np.array_equal(x.compute(), BIG[5:25, 3:])


def test_the_graph_has_no_data(prefix):
    x = unflow.open(prefix)["big"].to_dask(chunks=20)
    assert len(pickle.dumps(dict(x.dask))) < 3000 * x.npartitions
    part = next(value for layer in x.dask.layers.values() for key, value in layer.items()
                if str(key).startswith("original-"))
    assert len(pickle.dumps(part)) < 1000
    assert len(pickle.dumps(unflow.open(prefix)["big"])) < 1000


def test_names_follow_the_file(tmp_path):
    path = tmp_path / "m.ckpt"
    train.write_checkpoint(path, {"x": np.arange(3)})
    first, again = unflow.to_dask(path)["x"], unflow.to_dask(path)["x"]
    assert first.name == again.name
    train.write_checkpoint(path, {"x": np.arange(3) + 1, "y": np.arange(2)})
    assert unflow.to_dask(path)["x"].name != first.name
    assert unflow.to_dask(path)["x"].compute().tolist() == [1, 2, 3]


def test_sources_from_memory(tmp_path):
    np.savez(tmp_path / "x.npz", x=BIG)
    source = unflow.open((tmp_path / "x.npz").read_bytes())
    assert np.array_equal(source["x"].to_dask(chunks=16).sum(axis=0).compute(), BIG.sum(axis=0))


def test_without_dask(prefix, monkeypatch):
    for name in ("dask", "dask.array"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"pip install 'unflow\[dask\]'"):
        unflow.open(prefix)["big"].to_dask()


# ---- other processes --------------------------------------------------------------------


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1",
                                  dashboard_address=None, memory_limit=0) as cluster:
        with distributed.Client(cluster) as client:
            yield client


def _process_and_kept(handle):
    import os

    from unflow import _source

    return os.getpid(), float(np.asarray(handle).sum()), len(_source._opened)


def test_two_processes(prefix, client):
    x = unflow.open(prefix)["big"].to_dask(chunks=(5, 30, 20))
    assert np.array_equal(client.compute(x).result(), BIG)
    assert np.isclose(client.compute(x.astype("f8").mean()).result(), BIG.astype("f8").mean())
    assert np.array_equal(client.compute(x[7:31:3, 4]).result(), BIG[7:31:3, 4])
    words = unflow.to_dask(prefix)["words"]
    assert client.compute(words).result().tolist() == ARRAYS["words"].tolist()


def test_handles_go_to_workers_without_data(prefix, client):
    handles = [unflow.open(prefix)["big"].lazy[i:i + 5] for i in range(0, 40, 5)]
    assert all(len(pickle.dumps(h)) < 1000 for h in handles)
    futures = []
    for i, handle in enumerate(handles):
        worker = sorted(client.scheduler_info()["workers"])[i % 2]
        futures.append(client.submit(_process_and_kept, handle, workers=[worker], pure=False))
    results = client.gather(futures)
    assert len({pid for pid, _, _ in results}) == 2
    assert [total for _, total, _ in results] == [float(BIG[i:i + 5].sum()) for i in range(0, 40, 5)]
    assert all(kept <= 8 for _, _, kept in results)


def test_a_relative_path_is_read_from_another_folder(tmp_path, monkeypatch):
    train.write_checkpoint(tmp_path / "ckpt", {"x": np.arange(6)})
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    x = unflow.open("ckpt")["x"].to_dask(chunks=2)
    monkeypatch.chdir(tmp_path / "other")
    assert x.compute(scheduler="sync").tolist() == list(range(6))
