# SPDX-License-Identifier: Apache-2.0
"""Checkpoints, SavedModels and graphs that TensorFlow wrote (checkpoints.py), each tensor bit for bit; and the reverse.

What TensorFlow wrote is kept in the oracle's cache under the hash of the script that writes it.
"""

import hashlib
import io
import os
import pathlib
import pickle
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "python"))
import engines  # noqa: E402
import tables  # noqa: E402

_path = engines.package_path()
if _path and _path not in sys.path:
    sys.path.insert(0, _path)
import unflow  # noqa: E402
from unflow import _core  # noqa: E402

SAVERS = [f"saver_{name}_v2" for name in ("adam", "momentum", "rmsprop", "ftrl", "adagrad", "adadelta")]
SAVERS += ["saver_adam_v1", "saver_momentum_v1"]
KERAS = [f"keras_{name}" for name in ("adam", "sgd", "rmsprop", "adamw_ema", "ftrl", "adafactor", "lion")]
OBJECTS = ["objects_nested", "objects_same_name", "objects_v1_optimizers", *KERAS]
V2 = ["dtypes", "shapes", "texts", "names", "many", "sharded_1", "sharded_2", "sharded_7", "slices", "slices_sharded",
      "partitioned_v2", "devices_v2", "manager", *OBJECTS, *[s for s in SAVERS if s.endswith("v2")]]
V1 = ["partitioned_v1", "devices_v1", "partitioned_sharded_v1", "dtypes_v1", "slices_v1", "large_v1",
      *[s for s in SAVERS if s.endswith("v1")]]
GRAPHS = ["graph_made", "graph_text", "graph_frozen", "meta_graph"]
MODELS = ["saved_module", "saved_keras", "saved_v1"]
SHARDED = ["sharded_2", "sharded_7", "slices_sharded", "devices_v2"]
SLICED = ["slices", "slices_sharded", "partitioned_v2", "partitioned_v1", "slices_v1", "partitioned_sharded_v1"]


# ---- what TensorFlow wrote ----------------------------------------------------------


def environment():
    """For TensorFlow: nothing preloaded, no path of ours."""
    env = {key: value for key, value in os.environ.items() if key not in ("LD_PRELOAD", "PYTHONPATH")}
    return {**env, "PYTHONDONTWRITEBYTECODE": "1"}


def tensorflow(*arguments):
    result = subprocess.run([sys.executable, *map(str, arguments)], env=environment(), text=True, capture_output=True,
                            timeout=600)
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


@pytest.fixture(scope="session")
def folder():
    script = HERE / "checkpoints.py"
    kept = engines.CACHE / f"checkpoints-{hashlib.sha256(script.read_bytes()).hexdigest()[:12]}"
    if not (kept / "done").exists():
        engines.CACHE.mkdir(parents=True, exist_ok=True)
        for old in engines.CACHE.glob("checkpoints-*"):
            shutil.rmtree(old)
        tensorflow(script, kept)
    return kept


@pytest.fixture(scope="session")
def load(folder):
    def one(name):
        expected = pickle.loads((folder / f"{name}.pickle").read_bytes())
        return str(folder / expected["path"]), expected

    return one


def test_every_case_is_tested(folder):
    assert set((folder / "done").read_text().split()) == {*V2, *V1, *GRAPHS, *MODELS}


# ---- comparing --------------------------------------------------------------------------


def flat(array):
    if isinstance(array, bytes):
        return (), [array]
    array = np.asarray(array)
    if array.dtype == object:
        return array.shape, [bytes(item) for item in array.reshape(-1)]
    if array.dtype.name in ("int4", "uint4", "int2", "uint2"):
        array = array.astype(np.uint8 if array.dtype.name[0] == "u" else np.int8)
    return array.shape, np.ascontiguousarray(array).tobytes()


def check(array, expected, name=""):
    """bit for bit"""
    _, shape, data = expected
    found = flat(array)
    assert found[0] == tuple(shape), name
    assert found[1] == data, name


def whole_array(expected):
    """The expected value as an array of what NumPy slices: bytes per element, or objects."""
    _, shape, data = expected
    if isinstance(data, list):
        out = np.empty(len(data), object)
        out[:] = data
        return out.reshape(shape)
    count = int(np.prod(shape, dtype=np.int64))
    return np.frombuffer(data, f"V{len(data) // count}" if count else "V1").reshape(shape)


def regions(rng, shape, n):
    for _ in range(n):
        starts = [int(rng.integers(0, size + 1)) for size in shape]
        yield tuple((a, int(rng.integers(0, size - a + 1))) for a, size in zip(starts, shape))


def check_regions(source, name, expected, rng, n=6):
    whole = whole_array(expected)
    for region in regions(rng, whole.shape, n):
        part = whole[(*(slice(a, a + size) for a, size in region), ...)]
        data = part.reshape(-1).tolist() if part.dtype == object else part.tobytes()
        for copy in (False, True):
            check(source.read(name, copy, False, region), (None, part.shape, data), (name, region))


def check_source(source, tensors, ordered=True):
    names = source.names()
    if ordered:
        assert names == sorted(tensors, key=lambda n: n.encode())
    assert len(names) == len(set(names)) and set(tensors) <= set(names)
    for name in tensors:
        entry = source.entry(name)
        assert entry[0] == name and entry[1] == tensors[name][0] and entry[2] == tuple(tensors[name][1])
        view, copy = source.read(name), source.read(name, True)
        check(view, tensors[name], name)
        check(copy, tensors[name], name)
        assert copy.flags.writeable and copy.flags.c_contiguous
    for name, array in zip(names, source.read_all(names)):
        if name in tensors:
            check(array, tensors[name], name)
        source.verify(name)


# ---- checkpoints ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", V2 + V1)
def test_tensors(load, name):
    path, expected = load(name)
    source = _core.source_open(path)
    assert source.info()["format"] == expected["kind"]
    check_source(source, expected["tensors"])


@pytest.mark.parametrize("name", [n for n in V2 + V1 if n != "many"])
def test_regions(load, name):
    path, expected = load(name)
    source, rng = _core.source_open(path), np.random.default_rng(3)
    for key, value in expected["tensors"].items():
        check_regions(source, key, value, rng)


@pytest.mark.parametrize("name", ["dtypes", "slices", "dtypes_v1", "texts"])
def test_regions_outside_are_refused(load, name):
    path, expected = load(name)
    source = _core.source_open(path)
    for key, (_, shape, _) in expected["tensors"].items():
        for axis, size in enumerate(shape):
            for wrong in ((-1, 1), (0, size + 1), (size, 1), (size + 1, 0), (2**62, 2**62), (0, -1)):
                region = [(0, n) for n in shape]
                region[axis] = wrong
                with pytest.raises(unflow.errors.OutOfRangeError, match="dimension"):
                    source.read(key, False, False, tuple(region))


@pytest.mark.parametrize("name", V2 + V1)
def test_one_name_without_listing(load, name):
    path, expected = load(name)
    for key in list(expected["tensors"])[::max(1, len(expected["tensors"]) // 7)]:
        source = _core.source_open(path)
        assert source.has(key)
        check(source.read(key), expected["tensors"][key], key)
        assert not source.has(key + "?")
        with pytest.raises(unflow.errors.NotFoundError):
            source.read(key + "?")


def test_views_are_of_the_file(load):
    """Of numbers in one piece: no copy, read-only, alive after the source."""
    path, expected = load("shapes")
    source = _core.source_open(path)
    views = {name: source.read(name) for name in expected["tensors"]}
    for name, view in views.items():
        assert not view.flags.writeable and not view.flags.owndata or view.size == 0, name
        if view.size:
            with pytest.raises(ValueError):
                view[...] = 0
    again = source.read("rank3")
    assert np.shares_memory(again, views["rank3"]) and not np.shares_memory(source.read("rank3", True), again)
    del source
    for name, view in views.items():
        check(view, expected["tensors"][name], name)


def test_parts_of_views_share_the_file(load):
    path, expected = load("shapes")
    source = _core.source_open(path)
    whole = source.read("rank4")
    part = source.read("rank4", False, False, ((1, 1), (0, 3), (0, 1), (0, 2)))
    assert np.shares_memory(whole, part) and part.tobytes() == whole[1:2].tobytes()


@pytest.mark.parametrize("name", ["sharded_7", "slices", "texts", "dtypes", "dtypes_v1"])
@pytest.mark.parametrize("threads", [1, 3, 16])
def test_read_all_of_some_in_any_order(load, name, threads):
    path, expected = load(name)
    rng = np.random.default_rng(threads)
    names = list(rng.permutation(list(expected["tensors"]))[:40]) * 2
    for key, array in zip(names, _core.source_open(path).read_all(names, threads)):
        check(array, expected["tensors"][key], key)


@pytest.mark.parametrize("name", SLICED)
def test_pieces_are_told(load, name):
    path, expected = load(name)
    source = _core.source_open(path)
    pieces = {entry[0]: entry[6] for entry in source.entries()}
    assert max(pieces.values()) > 1 and pieces["whole"] == 1
    for entry in source.entries():
        assert (entry[4] is None) == (entry[6] > 1) or expected["kind"] == "checkpoint_v1"


@pytest.mark.parametrize("name", V2)
def test_where_bytes_are(load, name):
    """file and offset of an entry lead to its bytes."""
    path, expected = load(name)
    for key, dtype, _, size, file, offset, pieces, _ in _core.source_open(path).entries()[:300]:
        data = expected["tensors"][key][2]
        if pieces > 1 or isinstance(data, list) or dtype in ("int4", "uint4", "int2", "uint2", "float4_e2m1fn"):
            continue
        with open(file, "rb") as stream:
            stream.seek(offset)
            assert stream.read(size) == data, key


@pytest.mark.parametrize("name", SHARDED)
def test_any_form_of_the_path(load, name):
    path, expected = load(name)
    data = sorted(pathlib.Path(path).parent.glob(pathlib.Path(path).name + ".data-*"))
    assert len(data) > 1
    for form in (path, path + ".index", data[0], data[-1]):
        source = _core.source_open(str(form))
        assert source.info()["path"] == path
        assert source.names() == list(expected["tensors"])


def test_a_folder_with_a_state_file(load):
    path, expected = load("manager")
    parent = os.path.dirname(path)
    for form in (parent, parent + "/", os.path.join(parent, "checkpoint")):
        assert os.path.realpath(_core.source_open(form).info()["path"]) == os.path.realpath(path)


# ---- names -------------------------------------------------------------------------------------


def node_at(children, path):
    """The node that a path of the object graph leads to; None."""
    node = 0
    for part in path.split("/") if path else []:
        name = unescape(part)
        node = dict(children[node]).get(name)
        if node is None:
            return None
    return node


def unescape(text):
    return text.replace("..", "\0").replace(".S", "/").replace("\0", ".")


@pytest.mark.parametrize("name", OBJECTS + ["manager"])
def test_object_names(load, name):
    path, expected = load(name)
    graph = expected["objects"]
    variables = _core.source_open(path).variables()
    assert [v[1] for v in variables] == list(expected["tensors"])
    assert len({v[0] for v in variables}) == len(variables)
    full_names = [key["full_name"] for key in graph["keys"].values()]
    for variable, key, object_path, aliases, role, slot, of, _ in variables:
        known = graph["keys"].get(key)
        if known is None:
            assert role == "meta"
            continue
        if known["full_name"] and full_names.count(known["full_name"]) == 1:
            assert variable == known["full_name"], key
        if known["edges"]:
            assert node_at(graph["children"], object_path) == known["node"], (key, object_path)
        ways = [object_path, *aliases]
        assert len(set(ways)) == len(ways), key
        for alias in aliases:
            assert node_at(graph["children"], alias) == known["node"], (key, alias)
        if len(known["edges"]) > 1:
            assert len(ways) == len(known["edges"]), (key, ways, known["edges"])
        if known["slot"] is not None:
            assert (role, slot, variables[of][1]) == ("slot", known["slot"], known["of"]), key


@pytest.mark.parametrize("name", KERAS)
def test_keras_roles(load, name):
    """Keras 3 keeps slots without saying so in the graph: by names, none must count as a weight of the model."""
    path, _ = load(name)
    variables = _core.source_open(path).variables()
    assert sum(v[4] == "value" for v in variables) == 8 and sum(v[4] == "slot" for v in variables) >= 3
    for variable, key, object_path, _, role, slot, of, _ in variables:
        if variable.startswith("net/"):
            assert role == "value", (variable, key, role)
        elif "optimizer/" in key:
            assert role in ("slot", "optimizer", "average"), (variable, key, role)
        else:
            assert role == "meta", (variable, key, role)
        if role == "slot":
            assert variables[of][4] == "value" and variables[of][0].replace("/", "_") in variable, (variable, of)


@pytest.mark.parametrize("name", SAVERS)
def test_saver_roles(load, name):
    path, expected = load(name)
    variables = _core.source_open(path).variables()
    index = {v[1]: i for i, v in enumerate(variables)}
    weights = {f"layer{i}/{part}" for i in range(3) for part in ("kernel", "bias")}
    assert {v[1] for v in variables if v[4] == "value"} == weights
    for shadow, original in expected["ema"].items():
        assert variables[index[shadow]][4] == "average" and variables[index[shadow]][6] == index[original]
        assert variables[index[original]][7] == index[shadow]
    for i, (_, key, _, _, role, slot, of, _) in enumerate(variables):
        if key not in weights and key.rpartition("/")[0] in weights and key not in expected["ema"]:
            assert (role, slot, of) == ("slot", key.rpartition("/")[2], index[key.rpartition("/")[0]]), key
        elif "/" not in key:
            assert role == "optimizer", key


# ---- big-endian ------------------------------------------------------------------------------------

WIDTHS = {"float32": 4, "float64": 8, "float16": 2, "bfloat16": 2, "int16": 2, "int32": 4, "int64": 8, "uint16": 2,
          "uint32": 4, "uint64": 8, "complex64": 4, "complex128": 8, "qint16": 2, "quint16": 2, "qint32": 4}


def big_endian(prefix, to, tensors):
    """A copy of a checkpoint of one shard as a big-endian machine writes it."""
    data = bytearray(pathlib.Path(f"{prefix}.data-00000-of-00001").read_bytes())
    pairs = tables.read_table(pathlib.Path(f"{prefix}.index").read_bytes())
    out = []
    for key, value in pairs:
        items = tables.fields(value)
        if not key:
            value = tables.header(1, 1)
        else:
            number = {f: v for f, _, v in items}
            at, size, kind = number.get(4, 0), number.get(5, 0), tensors[key.decode()][0]
            if kind == "string":
                crc = swap_strings(data, at, size, tensors[key.decode()][2])
            else:
                width = WIDTHS.get(kind, 1)
                if width > 1:
                    part = np.frombuffer(bytes(data[at:at + size]), f"V{width}").view(f"<u{width}").byteswap()
                    data[at:at + size] = part.tobytes()
                crc = tables.crc32c(data[at:at + size])
            value = tables.message([item for item in items if item[0] != 6] + [(6, 5, tables.mask(crc))])
        out.append((key, value))
    pathlib.Path(f"{to}.index").write_bytes(tables.write_table(out))
    pathlib.Path(f"{to}.data-00000-of-00001").write_bytes(data)
    return to


def swap_strings(data, at, size, strings):
    """The lengths' checksum, stored and counted in the other order; the whole's, returned."""
    lengths = b"".join(len(s).to_bytes(4, "big") for s in strings)
    where = at + sum(len(tables.varint(len(s))) for s in strings)
    stored = tables.mask(tables.crc32c(lengths)).to_bytes(4, "big")
    if size:
        data[where:where + 4] = stored
    return tables.crc32c(lengths + stored + b"".join(strings))


@pytest.mark.parametrize("name", ["shapes", "dtypes", "names"])
def test_big_endian(load, name, tmp_path):
    path, expected = load(name)
    to = big_endian(path, tmp_path / "big", expected["tensors"])
    source = _core.source_open(str(to))
    assert "big-endian" in source.info()["details"]
    check_source(source, expected["tensors"])
    rng = np.random.default_rng(1)
    for key, value in expected["tensors"].items():
        check_regions(source, key, value, rng, 2)


def test_big_endian_strings(load, tmp_path):
    path, expected = load("texts")
    source = _core.source_open(str(big_endian(path, tmp_path / "big", expected["tensors"])))
    check_source(source, expected["tensors"])


def test_tables_without_prefixes_and_with_snappy(load, tmp_path):
    """Blocks as other writers make them: one pair each, or many; Snappy; every restart interval."""
    path, expected = load("slices")
    pairs = tables.read_table(pathlib.Path(path + ".index").read_bytes())
    shutil.copy(path + ".data-00000-of-00001", tmp_path / "x.data-00000-of-00001")
    for per_block, compress, every in ((1, None, 1), (1000, None, 16), (7, tables.snappy_literal, 3), (50, None, 1)):
        (tmp_path / "x.index").write_bytes(tables.write_table(pairs, per_block, compress, every))
        check_source(_core.source_open(str(tmp_path / "x")), expected["tensors"])


# ---- graphs ----------------------------------------------------------------------------------------------


def close(found, expected, where):
    if isinstance(expected, tuple) and expected and expected[0] == "tensor":
        check(found, expected[1], where)
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for a, b in zip(found, expected):
            close(a, b, where)
    else:
        assert found == expected, where


@pytest.mark.parametrize("name", GRAPHS)
def test_graph_constants(load, name):
    path, expected = load(name)
    source = _core.source_open(path)
    assert source.info()["format"] == expected["kind"]
    constants = {**expected["tensors"], **expected.get("variables", {})}
    check_source(source, constants, ordered=False)
    rng = np.random.default_rng(2)
    for key, value in constants.items():
        check_regions(source, key, value, rng, 2)


@pytest.mark.parametrize("name", GRAPHS + MODELS)
def test_graph_nodes(load, name):
    path, expected = load(name)
    source = _core.source_open(path)
    for i, (node, (op, inputs, attributes)) in enumerate(expected["nodes"].items()):
        found = source.node(i)
        assert found[:2] == (node, op) and list(found[3]) == inputs
        values = source.attrs(i)
        assert set(values) == set(attributes), node
        for key, value in attributes.items():
            close(values[key], value, (node, key))
    with pytest.raises(unflow.errors.OutOfRangeError):
        source.node(len(expected["nodes"]))


@pytest.mark.parametrize("name", MODELS)
def test_saved_models(load, name):
    path, expected = load(name)
    for form in (path, os.path.join(path, "saved_model.pb")):
        source = _core.source_open(form)
        assert source.info()["format"] == "saved_model"
        found = source.variables()
        by_key = {v[1]: v for v in found}
        for key, value in {**expected["variables"], **expected["tensors"]}.items():
            check(source.read(key), value, key)
        for key in expected["tensors"]:
            assert by_key[key][4] == "constant"
        keys = expected["objects"]["keys"] if expected["objects"] else {}
        full_names = [key["full_name"] for key in keys.values()]
        for key, known in keys.items():
            if full_names.count(known["full_name"]) == 1:
                assert by_key[key][0] == known["full_name"], key


# ---- extracted and verified by the command line --------------------------------------------------------------


def command(*arguments):
    program = pathlib.Path(unflow.__file__).parent / "bin" / "unflow"
    return subprocess.run([program, *map(str, arguments)], text=True, capture_output=True, timeout=300)


def check_plain(array, expected, name):
    """An array out of a .npz or .npy, which have not every dtype of TensorFlow: then the bytes."""
    dtype, shape, data = expected
    assert array.shape == tuple(shape), name
    if dtype == "string":
        assert array.reshape(-1).tolist() == [item.rstrip(b"\0") for item in data], name
    else:
        assert array.tobytes() == data, name


@pytest.mark.parametrize("name", [n for n in V2 + V1 if n != "many"])
def test_extract(load, tmp_path, name):
    path, expected = load(name)
    done = command("extract", path, "--all", "--names", "key", "-o", tmp_path / "out.npz")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "out.npz") as archive:
        members = archive.namelist()
        assert members == [key + ".npy" for key in expected["tensors"]]
        for key, value in expected["tensors"].items():
            check_plain(np.lib.format.read_array(io.BytesIO(archive.read(key + ".npy"))), value, key)
    checked = command("verify", path)
    assert checked.returncode == 0 and "all good" in checked.stdout


# A .safetensors has neither strings nor complex128 (here called text, wide, words); a SavedModel's constants are strings.
@pytest.mark.parametrize("name", ["sharded_7", "slices", "saver_adam_v1", "keras_adam", "saved_keras", "graph_frozen"])
def test_extract_and_diff(load, tmp_path, name):
    path, _ = load(name)
    some = ["--exclude", "text", "--exclude", "wide", "--exclude", "words", *(["--role", "value"] if "saved" in name else [])]
    for to in ("out.npz", "out.safetensors", "folder/"):
        done = command("extract", path, *some, "-o", f"{tmp_path}/{to}")
        assert done.returncode == 0, done.stderr
        same = command("diff", path, f"{tmp_path}/{to}", *some[:6])
        assert ", 0 differ" in same.stdout and same.returncode == ("saved" in name), same.stdout


# ---- the reverse: checkpoints that unflow wrote, read by TensorFlow ------------------------------------------

READER = """
import os, pickle, sys
sys.path.insert(0, {here!r})
import checkpoints
out = {{prefix: checkpoints.tensors_of(prefix) for prefix in sys.argv[2:]}}
open(sys.argv[1], "wb").write(pickle.dumps(out))
"""


def all_kinds(load):
    """Arrays of every dtype, shape and odd name, by name."""
    out = {}
    for name in ("dtypes", "shapes", "texts", "names"):
        path, expected = load(name)
        source = _core.source_open(path)
        for key in expected["tensors"]:
            if expected["tensors"][key][0][:4] not in ("qint", "quin"):  # NumPy has none
                out[f"{name}/{key}"] = (source.read(key, True), expected["tensors"][key])
    return out


def test_written_checkpoints_are_read_by_tensorflow(load, tmp_path):
    arrays = all_kinds(load)
    written = {}
    for shards in (1, 3, 5):
        prefix = str(tmp_path / f"shards{shards}")
        unflow.train.write_checkpoint(prefix, {name: array for name, (array, _) in arrays.items()}, shards=shards)
        written[prefix] = shards
        assert len(list(tmp_path.glob(f"shards{shards}.data-*"))) == shards
        check_source(_core.source_open(prefix), {name: value for name, (_, value) in arrays.items()})
    script = tmp_path / "reader.py"
    script.write_text(READER.format(here=str(HERE)))
    tensorflow(script, tmp_path / "out", *written)
    for prefix, found in pickle.loads((tmp_path / "out").read_bytes()).items():
        assert found == {name: value for name, (_, value) in arrays.items()}
