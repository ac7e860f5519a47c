# SPDX-License-Identifier: Apache-2.0
"""The cache of packed weights: that it is used, and that nothing in its folder can do harm."""

import os
import subprocess
import sys

import numpy as np
import pytest
from modelgen import ModelGen

import unflow

RNG = np.random.default_rng(3)
WEIGHTS = RNG.normal(size=(300, 200)).astype(np.float32)
X = RNG.normal(size=(2, 200)).astype(np.float32)


def model(weights=WEIGHTS, layers=1):
    g = ModelGen()
    x = first = g.tensor("x", "float32", (2, 200))
    outputs = []
    for i in range(layers):
        w, b = g.constant(f"w{i}", "float32", weights + i), g.constant(f"b{i}", "float32", np.zeros(300, np.float32))
        outputs.append(g.tensor(f"y{i}", "float32", (2, 300)))
        g.op("FULLY_CONNECTED", [x, w, b], [outputs[-1]], "FullyConnectedOptions", {})
    g.inputs([first])
    g.outputs(outputs)
    return g.build()


def outputs(content, cache, x=X):
    it = unflow.lite.Interpreter(model_content=content, weight_cache=cache)
    it.allocate_tensors()
    it.set_tensor(0, x)
    it.invoke()
    return [it.get_tensor(d["index"]) for d in it.get_output_details()]


def output(content, cache):
    return outputs(content, cache)[0]


def files(folder):
    return sorted(folder.glob("*.packed"))


def state(folder):
    """What tells whether a file was written anew: it then is another one."""
    return [(p.name, p.stat().st_ino, p.stat().st_mtime_ns) for p in files(folder)]


@pytest.fixture
def made(tmp_path):
    """(content, folder, file, output) after a first use."""
    content = model()
    want = output(content, None)
    np.testing.assert_array_equal(output(content, tmp_path), want)
    (file,) = files(tmp_path)
    return content, tmp_path, file, want


def test_miss_then_hit(made):
    content, folder, file, want = made
    before = state(folder)
    assert (folder / "key").stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in folder.iterdir()) == [file.name, "key"], "nothing is left behind"
    np.testing.assert_array_equal(output(content, folder), want)
    assert state(folder) == before


def test_what_is_read_is_the_file(made):
    """Weights of the file are used: with another weight under a right checksum, the answer is another one."""
    content, folder, file, want = made
    data = bytearray(file.read_bytes())
    n = int.from_bytes(data[12:16], "little")
    assert n == 1
    entry = 8 + 8 + 8 + 32
    size, offset = int.from_bytes(data[entry + 8:entry + 16], "little"), int.from_bytes(data[entry + 32:entry + 40], "little")
    payload = np.frombuffer(data, np.float32, size // 4, offset)
    payload[...] *= 2
    data[entry + 40:entry + 44] = crc32c(data[offset:offset + size]).to_bytes(4, "little")
    table = entry + 48 * n
    data[table:table + 4] = crc32c(data[:table]).to_bytes(4, "little")
    file.write_bytes(data)
    np.testing.assert_allclose(output(content, folder), 2 * want, rtol=1e-5)


def crc32c(data):
    table = []
    for i in range(256):
        for _ in range(8):
            i = (i >> 1) ^ (0x82F63B78 if i & 1 else 0)
        table.append(i)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def places():
    """Every byte of the header, and some of all the rest."""
    return list(range(0, 110)) + [112, 200, 1000, 100_000, -1, -65, -5000]


def test_damage(made):
    content, folder, file, want = made
    good = file.read_bytes()
    for place in places():
        bad = bytearray(good)
        bad[place] ^= 0x10
        file.write_bytes(bad)
        np.testing.assert_array_equal(output(content, folder), want, err_msg=str(place))
        again = files(folder)[0].read_bytes()
        payload_end = int.from_bytes(good[56 + 8:56 + 16], "little") + int.from_bytes(good[56 + 32:56 + 40], "little")
        in_use = place % len(good) < 56 + 48 + 4 or place % len(good) >= 128 and place % len(good) < payload_end
        assert again == good or not in_use, f"damage at {place} was not repaired"


@pytest.mark.parametrize("size", [0, 1, 8, 55, 56, 60, 100, 108, 112, 127, 128, 129, 5000, -1, -64])
def test_truncated(made, size):
    content, folder, file, want = made
    good = file.read_bytes()
    file.write_bytes(good[:size])
    np.testing.assert_array_equal(output(content, folder), want)
    assert files(folder)[0].read_bytes() == good


def test_too_long(made):
    content, folder, file, want = made
    good = file.read_bytes()
    file.write_bytes(good + bytes(64))
    np.testing.assert_array_equal(output(content, folder), want)
    assert files(folder)[0].read_bytes() == good


@pytest.mark.parametrize("damage", ["truncated", "gone", "other"])
def test_key(made, damage):
    """A key that is no more: files made with it are not found, and new ones are."""
    content, folder, file, want = made
    key = folder / "key"
    if damage == "truncated":
        key.write_bytes(key.read_bytes()[:100])
    elif damage == "gone":
        key.unlink()
    else:
        key.write_bytes(os.urandom(key.stat().st_size))
    np.testing.assert_array_equal(output(content, folder), want)
    assert len(files(folder)) == 2
    before = state(folder)
    np.testing.assert_array_equal(output(content, folder), want)
    assert state(folder) == before


def test_contents_are_told_apart(made):
    content, folder, file, want = made
    weights = WEIGHTS.copy()
    weights[17, 3] += 1  # same size, same names
    other = model(weights)
    np.testing.assert_array_equal(output(other, folder), output(other, None))
    assert len(files(folder)) == 2
    np.testing.assert_array_equal(output(content, folder), want)


def test_weights_that_are_not_in_it_are_added(tmp_path):
    """A file without some of the forms: the rest is used, and it is made complete."""
    content = model(layers=3)
    want = outputs(content, None)
    for got, expected in zip(outputs(content, tmp_path), want):
        np.testing.assert_array_equal(got, expected)
    (file,) = files(tmp_path)
    good = file.read_bytes()
    bad = bytearray(good)
    offset = int.from_bytes(good[56 + 32:56 + 40], "little")
    bad[offset + 10] ^= 1
    file.write_bytes(bad)
    for got, expected in zip(outputs(content, tmp_path), want):
        np.testing.assert_array_equal(got, expected)
    assert sorted(files(tmp_path)[0].read_bytes()) == sorted(good)


def test_instruction_sets_have_files_of_their_own(made, tmp_path):
    content, folder, file, want = made
    path = tmp_path / "m.tflite"
    path.write_bytes(content)
    for isa in ("scalar", "avx2"):
        np.testing.assert_allclose(in_process(path, folder, UNFLOW_ISA=isa), want, rtol=1e-4, atol=1e-5)
    assert len(files(folder)) >= 2


PROGRAM = """
import sys, numpy as np, unflow
it = unflow.lite.Interpreter(model_path=sys.argv[1])
it.allocate_tensors(); it.set_tensor(0, np.load(sys.argv[2])); it.invoke()
sys.stdout.buffer.write(it.get_tensor(it.get_output_details()[0]["index"]).tobytes())
"""


def start(path, folder, **env):
    np.save(path.with_suffix(".npy"), X)
    env = {**os.environ, "UNFLOW_CACHE": str(folder), "PYTHONPATH": os.pathsep.join(sys.path), **env}
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(path), str(path.with_suffix(".npy"))], env=env,
                            stdout=subprocess.PIPE)


def finish(process):
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return np.frombuffer(out, np.float32).reshape(len(X), len(WEIGHTS))


def in_process(path, folder, **env):
    return finish(start(path, folder, **env))


def test_environment(tmp_path):
    path, folder = tmp_path / "m.tflite", tmp_path / "cache"
    folder.mkdir()
    path.write_bytes(model())
    first = in_process(path, folder)
    before = state(folder)
    assert len(before) == 1
    np.testing.assert_array_equal(in_process(path, folder), first)
    assert state(folder) == before


def test_an_empty_name_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("UNFLOW_CACHE", str(tmp_path))
    output(model(), "")
    assert list(tmp_path.iterdir()) == []


def test_processes_at_once(tmp_path):
    path, folder = tmp_path / "m.tflite", tmp_path / "cache"
    folder.mkdir()
    path.write_bytes(model())
    want = output(model(), None)
    for result in [finish(p) for p in [start(path, folder) for _ in range(4)]]:
        np.testing.assert_array_equal(result, want)
    assert len(files(folder)) == 1 and len(list(folder.iterdir())) == 2
    before = state(folder)
    np.testing.assert_array_equal(in_process(path, folder), want)
    assert state(folder) == before


@pytest.mark.parametrize("kind", ["missing", "a file", "key is a folder", "file is a folder", "file is a pipe"])
def test_useless_folders(made, kind):
    content, folder, file, want = made
    where = folder
    if kind == "missing":
        where = folder / "no" / "such"
    elif kind == "a file":
        where = file
    elif kind == "key is a folder":
        (folder / "key").unlink()
        (folder / "key").mkdir()
    else:
        file.unlink()
        file.mkdir() if kind == "file is a folder" else os.mkfifo(file)
    np.testing.assert_array_equal(output(content, where), want)


def test_read_only_folder(made, tmp_path):
    """What is there is used; what is not is not written. (Root may write anywhere: then only that all works.)"""
    content, folder, file, want = made
    folder.chmod(0o500)
    try:
        np.testing.assert_array_equal(output(content, folder), want)
        other = model(WEIGHTS + 1)
        np.testing.assert_array_equal(output(other, folder), output(other, None))
        assert os.geteuid() == 0 or files(folder) == [file]
    finally:
        folder.chmod(0o700)


def test_full_disk(tmp_path):
    """A limit on the size of files stands for a disk that is full."""
    path, folder = tmp_path / "m.tflite", tmp_path / "cache"
    folder.mkdir()
    path.write_bytes(model())
    want = output(model(), None)
    np.save(path.with_suffix(".npy"), X)
    env = {**os.environ, "UNFLOW_CACHE": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); " \
            "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
    program = PROGRAM.replace("np.save(sys.stdout.buffer, ", "sys.stdout.buffer.write(").replace(
        'output_details()[0]["index"]))', 'output_details()[0]["index"]).tobytes())')
    result = subprocess.run([sys.executable, "-c", limit + program, str(path), str(path.with_suffix(".npy"))], env=env,
                            stdout=subprocess.PIPE, timeout=60, check=True)
    np.testing.assert_array_equal(np.frombuffer(result.stdout, np.float32).reshape(want.shape), want)
    assert [p.name for p in folder.iterdir()] == ["key"]


def test_open(made, tmp_path):
    content, folder, file, want = made
    before = state(folder)
    with unflow.open(content, cache=folder) as m:
        np.testing.assert_array_equal(next(iter(m.run({"x": X}).values())), want)
    with unflow.open(content, cache=str(folder).encode()) as m:
        m.run({"x": X})
    assert state(folder) == before
    np.savez(tmp_path / "a.npz", x=X)
    with pytest.raises(ValueError, match="expected cache for a .tflite model"):
        unflow.open(tmp_path / "a.npz", cache=folder)
    for bad in (3, b"a\0b"):
        with pytest.raises((TypeError, ValueError)):
            unflow.open(content, cache=bad)
