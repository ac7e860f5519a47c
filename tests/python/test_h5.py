# SPDX-License-Identifier: Apache-2.0
"""Keras files through h5py: what Keras 3 saves, hostile files, and writing a .h5."""

import json
import os
import pickle
import sys
import zipfile

import numpy as np
import pytest

import unflow
from unflow import errors, train

h5py = pytest.importorskip("h5py", reason="h5py is not installed")

RAMP = np.arange(24, dtype=np.float32).reshape(6, 4)


@pytest.fixture
def make(tmp_path):
    """make(function of an open h5py.File) -> path."""

    def make(fill, name="x.h5"):
        path = tmp_path / name
        with h5py.File(path, "w") as file:
            fill(file)
        return path

    return make


# ---- what Keras saves -------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """(model, folder) with m.keras, m.h5 and m.weights.h5 in it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the same kernels on every processor
    if os.environ.get("UNFLOW_TEST_SANITIZED"):
        pytest.skip("TensorFlow does not load where the sanitizers are preloaded")
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    model = keras.Sequential([
        keras.Input((4,)), keras.layers.Dense(3, name="first"), keras.layers.BatchNormalization(),
        keras.layers.Dense(2, name="second")])
    model.compile("adam", "mse")
    model.fit(np.ones((8, 4)), np.ones((8, 2)), verbose=0)
    folder = tmp_path_factory.mktemp("keras")
    model.save(folder / "m.keras")
    model.save(folder / "m.h5")
    model.save_weights(folder / "m.weights.h5")
    return model, folder


def test_the_older_format_has_variable_names(saved):
    model, folder = saved
    with unflow.open(folder / "m.h5") as source:
        found = {v.path: np.asarray(v) for layer in model.layers for v in layer.variables}
        assert len(found) == 8 and set(source.variables) == set(found)
        for name, array in found.items():
            assert np.array_equal(source.variables[name], array), name
            assert np.array_equal(source[name].numpy(), array), name
        assert set(source.optimizer) == {v.path for v in model.optimizer.variables}
        assert json.loads(source.config)["class_name"] == "Sequential"
        assert source.metadata["keras_version"] and source.metadata["training_config"]
        assert source.info["format"] == "h5" and source.refused == {} and source.verify() == {}


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5"])
def test_the_newer_format(saved, name):
    model, folder = saved
    with unflow.open(folder / name) as source:
        for path, layer in (("layers/dense", "first"), ("layers/dense_1", "second"),
                            ("layers/batch_normalization", "batch_normalization")):
            for i, v in enumerate(model.get_layer(layer).variables):
                handle = source[f"{path}/vars/{i}"]
                assert np.array_equal(handle, np.asarray(v)) and handle.role == "value"
        assert len(source.optimizer) == len(model.optimizer.variables)
        assert source.verify() == {}
        if name == "m.keras":
            assert json.loads(source.config)["class_name"] == "Sequential"
            assert source.info["format"] == "keras"


def test_extraction_of_keras_files(saved, tmp_path):
    model, folder = saved
    written = unflow.extract(folder / "m.h5", tmp_path / "w.npz", slots=False)
    arrays = np.load(tmp_path / "w.npz")
    kernel = model.get_layer("first").kernel
    assert set(written) == set(arrays) and np.array_equal(arrays[kernel.path], np.asarray(kernel))
    unflow.extract(folder / "m.keras", tmp_path / "w.safetensors", include="layers/*", dtype="float16",
                   layout="IO:OI")
    source = unflow.open(tmp_path / "w.safetensors")
    assert np.array_equal(source["layers/dense/vars/0"], np.asarray(kernel).T.astype(np.float16))


def test_to_dask_and_pickles(saved):
    da = pytest.importorskip("dask.array", reason="dask is not installed")
    model, folder = saved
    source = unflow.open(folder / "m.keras")
    handle = source["layers/dense/vars/0"]
    assert isinstance(handle.to_dask(), da.Array)
    assert np.array_equal(handle.to_dask(chunks=2).compute(), handle.numpy())
    assert np.array_equal(pickle.loads(pickle.dumps(handle.lazy[1:3])), handle.numpy()[1:3])


def test_urls(saved):
    fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")
    model, folder = saved
    fs = fsspec.filesystem("memory")
    for name in ("m.keras", "m.h5"):
        fs.pipe_file(f"/keras/{name}", (folder / name).read_bytes())
        here, there = unflow.open(folder / name), unflow.open(f"memory://keras/{name}")
        assert list(here) == list(there)
        assert all(np.array_equal(here[key], there[key]) for key in here)


# ---- handles ---------------------------------------------------------------------------------


def test_dtypes_and_parts(make):
    arrays = {
        "ramp": RAMP, "bool": np.array([True, False]), "half": np.arange(3, dtype=np.float16),
        "big_endian": np.arange(3, dtype=">i4"), "complex": np.arange(3) * 1j, "scalar": np.float64(2),
        "empty": np.zeros((0, 3), np.int8),
    }

    def fill(file):
        for name, array in arrays.items():
            file[name] = array
        file.create_dataset("packed", data=RAMP, chunks=(2, 2), compression="gzip", shuffle=True)
        file.create_dataset("words", data=[b"a", b"bc"], dtype=h5py.special_dtype(vlen=bytes))
        file["fixed"] = np.array([b"abc", b"d"])
        file.create_dataset("bf", data=np.array([b"\0\0", b"\x80\x3f"], "V2")).attrs["dtype"] = "bfloat16"

    source = unflow.open(make(fill))
    for name, array in {**arrays, "packed": RAMP}.items():
        assert np.array_equal(source[name].numpy(), array) and source[name].shape == array.shape
        assert source[name].dtype.isnative and source[name].dtype == source[name].numpy().dtype
    assert source["words"].numpy().tolist() == [b"a", b"bc"] == list(source["words"])
    assert source["fixed"].numpy().tolist() == [b"abc", b"d"] and source["words"].type == "string"
    assert source["bf"].type == "bfloat16" and source["bf"].numpy().view(np.uint16).tolist() == [0, 0x3F80]
    assert np.array_equal(source["packed"][1:5, ::-2], RAMP[1:5, ::-2])
    assert not np.asarray(source["ramp"]).flags.writeable and source["ramp"].numpy().flags.writeable
    with pytest.raises(KeyError, match="near names are 'ramp'"):
        source["ram"]


def test_a_closed_source_says_so(make):
    source = unflow.open(make(lambda file: file.create_dataset("x", data=RAMP)))
    handle = source["x"]
    source.close()
    with pytest.raises(errors.InvalidArgumentError, match="closed"):
        handle.numpy()


def test_older_names_lose_their_output_number(make):
    def fill(file):
        group = file.create_group("dense")
        group.attrs["weight_names"] = [b"dense/kernel:0"]
        group["dense/kernel:0"] = RAMP

    source = unflow.open(make(fill))
    assert list(source) == ["dense/dense/kernel:0"] and list(source.variables) == ["dense/kernel"]
    assert np.array_equal(source["dense/kernel"], RAMP) and np.array_equal(source["dense/kernel:0"], RAMP)


# ---- hostile files -----------------------------------------------------------------------------


def test_links_do_not_leave_the_file(make, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["secret"] = RAMP

    def fill(file):
        file["good"] = RAMP
        file["soft"] = h5py.SoftLink("/good")
        file["external"] = h5py.ExternalLink("other.h5", "/secret")
        file["through"] = h5py.SoftLink("/external")
        file["folder"] = h5py.ExternalLink("other.h5", "/")
        file["within"] = h5py.SoftLink("/folder/secret")
        file["circle"] = h5py.SoftLink("/circle")
        file["nowhere"] = h5py.SoftLink("/nothing/here")
        file.create_group("loop")["again"] = file["/"]

    source = unflow.open(make(fill))
    assert list(source) == ["good", "soft"] and np.array_equal(source["soft"], RAMP)
    for name, words in {"external": "external link to 'other.h5'", "through": "external link",
                        "folder": "external link", "within": "external link", "circle": "in a circle",
                        "nowhere": "not there"}.items():
        with pytest.raises(errors.InvalidArgumentError, match=words):
            source._core.read(name)
    assert set(source.verify()) == {"external", "through", "folder", "within", "circle", "nowhere"}


def test_data_of_other_files_is_refused(make, tmp_path):
    (tmp_path / "raw.bin").write_bytes(bytes(96))
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = RAMP

    def fill(file):
        file["good"] = RAMP
        file.create_dataset("outside", (6, 4), "f4", external=[(str(tmp_path / "raw.bin"), 0, 96)])
        layout = h5py.VirtualLayout((6, 4), "f4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (6, 4))
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("reference", data=file["good"].ref, dtype=h5py.ref_dtype)
        file.create_dataset("lists", (2,), h5py.vlen_dtype(np.int32))
        file["compound"] = np.zeros(2, [("a", "i4"), ("b", "f8")])
        file["nothing"] = h5py.Empty("f4")

    source = unflow.open(make(fill))
    assert list(source) == ["good"]
    assert {name: words.split("found ")[1].split()[0] for name, words in source.refused.items()} == {
        "outside": "external", "virtual": "a", "reference": "object", "lists": "object",
        "compound": "[('a',", "nothing": "an"}
    assert "7" not in source.info["details"] and "6 refused" in source.info["details"]


def test_sizes_that_the_file_cannot_hold(make):
    import resource

    def fill(file):
        file["good"] = RAMP
        file.create_dataset("bomb", (1 << 40,), "f8", chunks=(1 << 10,))
        file.create_dataset("wide", (1 << 50, 1 << 12), "f4", chunks=(1, 1 << 10), compression="gzip")
        file.create_dataset("chunk", (1 << 28,), "f4", chunks=(1 << 28,))

    source = unflow.open(make(fill))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name in ("bomb", "wide", "chunk"):
        with pytest.raises(errors.DataLossError, match=f"'{name}'.*stored for it"):
            source[name].numpy()
    with pytest.raises(errors.DataLossError):
        source["chunk"][:1]
    assert source["bomb"].shape == (1 << 40,) and source["bomb"][5:7].tolist() == [0, 0]
    assert np.array_equal(source["good"], RAMP)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10
    assert set(source.verify()) == {"bomb", "wide", "chunk"}


def test_damage_has_the_files_name(make, tmp_path):
    path = make(lambda file: file.create_dataset("x", data=np.arange(10000)))
    content = path.read_bytes()
    for bad in (content[:1000], content[:9], b"not HDF5 at all", b""):
        path.write_bytes(bad)
        with pytest.raises((errors.DataLossError, errors.InvalidArgumentError), match="x.h5"):
            unflow.open(path)
    with pytest.raises(FileNotFoundError, match="missing.h5"):
        unflow.open(tmp_path / "missing.h5")
    with pytest.raises(FileNotFoundError):
        os.makedirs(tmp_path / "folder.h5")
        unflow.open(tmp_path / "folder.h5")


def test_flipped_bytes_never_crash(make):
    def fill(file):
        file.create_dataset("a/b", data=RAMP, compression="gzip", fletcher32=True)
        file["c"] = RAMP
        file["c"].attrs["weight_names"] = [b"x"]

    path = make(fill)
    content = path.read_bytes()
    random = np.random.default_rng(3)
    for _ in range(150):
        damaged = bytearray(content)
        for at in random.integers(0, len(content), 3):
            damaged[at] = int(random.integers(256))
        path.write_bytes(damaged)
        try:
            with unflow.open(path) as source:
                source.verify()
        except errors.OpError:
            pass


def test_archives_that_lie(saved, tmp_path):
    _, folder = saved
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", (folder / "m.weights.h5").read_bytes())
        archive.writestr("config.json", "not JSON, and not looked at")
        archive.writestr("metadata.json", "[" * 100000)
    source = unflow.open(path)
    assert source.config == "not JSON, and not looked at" and "layers/dense/vars/0" in source
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("something.else", b"x")
    with pytest.raises(errors.DataLossError, match="expected 'model.weights.h5' in it"):
        unflow.open(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.weights.h5", bytes(100))
    content = path.read_bytes()
    size = (100).to_bytes(4, "little")
    at = content.index(b"PK\1\2")
    central = content[at:].replace(size * 2, (0x7FFFFFF0).to_bytes(4, "little") * 2, 1)
    path.write_bytes(content[:at] + central)
    with pytest.raises(errors.DataLossError, match="m.keras.*expected 2147483632 bytes from offset"):
        unflow.open(path)
    at = central.index(b"\xf0\xff\xff\x7f")  # the packed size, 20 bytes into the entry
    packed = central[:at - 10] + zipfile.ZIP_DEFLATED.to_bytes(2, "little") + central[at - 8:at] \
        + size + central[at + 4:]
    path.write_bytes(content[:content.index(b"PK\1\2")] + packed)
    with pytest.raises(errors.DataLossError, match="expected at most 1048576 bytes, found 2147483632"):
        unflow.open(path)


def test_filters_that_run_code_or_expand_twice(make):
    def add(file, name, plist):
        space = h5py.h5s.create_simple((6, 4))
        plist.set_chunk((6, 4))
        dataset = h5py.h5d.create(file.id, name, h5py.h5t.IEEE_F32LE, space, plist)
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, RAMP)

    def fill(file):
        plugin = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plugin.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, ())
        add(file, b"plugin", plugin)
        twice = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        twice.set_deflate(9)
        twice.set_deflate(9)
        add(file, b"twice", twice)

    source = unflow.open(make(fill))
    assert len(source) == 0
    assert "number 32015, a plugin" in source.refused["plugin"] and "found one twice" in source.refused["twice"]


def test_nothing_is_unpickled(make):
    class Trap:
        def __reduce__(self):
            return os.abort, ()

    def fill(file):
        file["x"] = RAMP
        file["p"] = np.void(pickle.dumps(Trap()))
        file.attrs["model_config"] = np.void(pickle.dumps(Trap()))

    source = unflow.open(make(fill))
    assert list(source) == ["x"] and source.config is None


def test_without_h5py(make, monkeypatch):
    path = make(lambda file: file.create_dataset("x", data=RAMP))
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r"pip install 'unflow\[h5\]'"):
        unflow.open(path)


# ---- writing -------------------------------------------------------------------------------------


def test_checkpoints_to_h5(tmp_path):
    train.write_checkpoint(tmp_path / "ck", {
        "dense/kernel": RAMP, "dense/bias": np.arange(4, dtype=np.float16),
        "words": np.array([b"a", b""], object), "scalar": np.int64(3)})
    calls = []
    written = unflow.extract(tmp_path / "ck", tmp_path / "w.h5", layout="IO:OI",
                             progress=lambda done, total: calls.append((done, total)))
    with h5py.File(tmp_path / "w.h5") as file:
        assert np.array_equal(file["dense/kernel"], RAMP.T) and file["scalar"][()] == 3
        assert file["dense/bias"].dtype == np.float16 and file["words"][:].tolist() == [b"a", b""]
    assert set(written) == {"dense/kernel", "dense/bias", "words", "scalar"}
    assert calls and calls[-1][0] == calls[-1][1]
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []


@pytest.mark.parametrize("rename, kind", [
    ({"a": "x", "b": "x/y"}, errors.AlreadyExistsError), ({"a": "../x"}, None),
    ({"a": "/x"}, errors.InvalidArgumentError), ({"a": "x//y"}, errors.InvalidArgumentError),
    ({"a": "x\0y"}, errors.InvalidArgumentError), ({"a": "./x"}, errors.InvalidArgumentError)])
def test_names_that_hdf5_cannot_have(tmp_path, rename, kind):
    np.savez(tmp_path / "s.npz", a=RAMP, b=RAMP)
    if kind is None:  # HDF5 has no parent folders: a name as any other
        unflow.extract(tmp_path / "s.npz", tmp_path / "w.h5", rename=rename)
        assert "../x" in unflow.open(tmp_path / "w.h5")
        return
    with pytest.raises(kind):
        unflow.extract(tmp_path / "s.npz", tmp_path / "w.h5", rename=rename)
    assert [p.name for p in tmp_path.iterdir()] == ["s.npz"]


def test_a_failure_leaves_what_was_there(tmp_path):
    (tmp_path / "w.h5").write_bytes(b"before")
    np.savez(tmp_path / "s.npz", a=RAMP, b=RAMP)

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unflow.extract(tmp_path / "s.npz", tmp_path / "w.h5", progress=stop)
    assert (tmp_path / "w.h5").read_bytes() == b"before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.npz", "w.h5"]
