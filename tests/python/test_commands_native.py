# SPDX-License-Identifier: Apache-2.0
"""The commands for Keras files and URLs, beside the native ones on files that both read."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import unflow
from unflow import _cli, _commands, train

NATIVE = pathlib.Path(unflow.__file__).parent / "bin" / "unflow"


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """Two checkpoints that differ."""
    monkeypatch.chdir(tmp_path)
    same = {"same": np.arange(4, dtype=np.int64), "nan": np.array([np.nan, 1], np.float32), "text": b"x"}
    kernel = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    other = kernel.copy()
    other[0, 1, 2, 3] += 0.5
    train.write_checkpoint("a", {**same, "kernel": kernel, "k/Adam": kernel, "k": kernel, "int": np.int32(1)})
    train.write_checkpoint("b", {**same, "kernel": other, "k": kernel[0], "int": np.int64(1), "new": 1.5})
    return tmp_path


def native(*arguments):
    if not NATIVE.exists():
        pytest.skip("the package was built without the command line")
    done = subprocess.run([NATIVE, *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout


def ours(capsys, *arguments):
    code = _commands.main(list(arguments))
    return code, capsys.readouterr().out


@pytest.mark.parametrize("arguments", [
    ("diff", "a", "b"), ("diff", "a", "b", "--json"), ("diff", "a", "a"), ("diff", "a", "b", "--json", "--atol", "1"),
    ("diff", "a", "b", "--no-slots", "k*"), ("diff", "a", "b", "--rename", "^same$=n\\=w", "--exclude", "int"),
    ("verify", "a", "b"), ("verify", "a", "--json"), ("verify", "a", "--quiet"),
])
def test_the_same_as_the_native_program(sources, capsys, arguments):
    theirs, mine = native(*arguments), ours(capsys, *arguments)
    assert mine[0] == theirs[0]
    if "--json" in arguments:
        assert json.loads(mine[1]) == json.loads(theirs[1])
    else:
        assert mine[1].split() == theirs[1].split()


@pytest.mark.parametrize("arguments", [
    (), ("k*",), ("--no-slots",), ("--dtype", "float16"), ("--dtype", "float64@kernel", "--names", "key"),
    ("--layout", "HWIO:OIHW@kern*"), ("--rename", "(.)/=\\1.\\d\\\\"), ("--role", "slot"), ("--exclude", "k*", "--exclude", "t*"),
])
def test_extracts_what_the_native_program_does(sources, capsys, arguments):
    code, told = native("extract", "a", "-o", "native.npz", "--json", *arguments)
    assert code == 0
    assert ours(capsys, "extract", "a", "-o", "ours.npz", "--json", *arguments)[0] == 0
    with np.load("native.npz") as theirs, np.load("ours.npz") as mine:
        assert mine.files == theirs.files == [found["array"] for found in json.loads(told)["arrays"]]
        for name in mine.files:
            assert mine[name].dtype == theirs[name].dtype
            np.testing.assert_array_equal(mine[name], theirs[name])


def test_lists_what_the_native_program_does(sources, capsys):
    theirs, mine = native("ls", "a", "--json"), ours(capsys, "ls", "a", "--json")
    theirs, mine = json.loads(theirs[1]), json.loads(mine[1])
    assert mine["totals"] == theirs["totals"] and mine["format"] == theirs["format"]
    for a, b in zip(mine["arrays"], theirs["arrays"], strict=True):
        assert all(b[key] == value for key, value in a.items())


def test_keras_files(sources, capsys):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    assert ours(capsys, "extract", "a", "-o", "a.h5", "--exclude", "k")[0] == 0
    with h5py.File("a.h5") as file:
        assert file["kernel"].shape == (1, 2, 3, 4) and file["k/Adam"].shape == (1, 2, 3, 4)
    code, text = ours(capsys, "diff", "a", "a.h5", "--exclude", "k")
    assert code == 0 and text == "6 equal, 0 differ, 0 only in A, 0 only in B\n"
    assert ours(capsys, "verify", "a.h5")[0] == 0
    assert ours(capsys, "extract", "a.h5", "kernel", "-o", "k.npz", "--compress")[0] == 0
    assert np.load("k.npz")["kernel"].dtype == np.float32


def test_urls(sources, capsys):
    fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")
    memory = fsspec.filesystem("memory")
    for file in sources.glob("a.*"):
        memory.pipe(f"/command/{file.name}", file.read_bytes())
    try:
        assert ours(capsys, "diff", "memory://command/a", "a") == (0, "7 equal, 0 differ, 0 only in A, 0 only in B\n")
        assert ours(capsys, "verify", "memory://command/a")[0] == 0
    finally:
        memory.rm("/command", recursive=True)


def test_damage_and_failures(sources, capsys):
    shard = next(sources.glob("a.data*"))
    data = bytearray(shard.read_bytes())
    data[20] ^= 1
    shard.write_bytes(data)
    code, text = ours(capsys, "verify", "a", "none", "--json")
    first, second = json.loads(text)
    assert code == 1 and len(first["damaged"]) == 1 and first["damaged"][0]["file"].endswith(shard.name)
    assert second["damaged"][0]["name"] is None
    assert ours(capsys, "diff", "a", "none")[0] == 2
    assert ours(capsys, "diff", "a", "a")[0] == 2
    assert ours(capsys, "extract", "a", "-o", "x.npz")[0] == 1 and not pathlib.Path("x.npz").exists()
    assert ours(capsys, "extract", "b", "nothing*", "-o", "x.npz")[0] == 1
    for wrong in (["ls"], ["extract", "b"], ["extract", "b", "-o", "x.npz", "--bad"], ["diff", "a", "b", "--atol", "-1"],
                  ["extract", "b", "-o", "x.npz", "--dtype", "text"], ["extract", "b", "-o", "x.npz", "--rename", "x"],
                  ["extract", "b", "-o", "x.npz", "--rename", "(x=y"], ["extract", "b", "-o", "x.npz", "--rename", r"(x)=\2"]):
        with pytest.raises(SystemExit) as ended:
            _commands.main(wrong)
        assert ended.value.code == 2


def test_which_program_a_command_is_for(sources):
    (sources / "weights").write_bytes(b"\x89HDF\r\n\x1a\n")
    (sources / "other").write_bytes(b"x")
    for words in (["ls", "a.h5"], ["extract", "a", "-o", "b.h5"], ["extract", "a", "--output=b.h5"], ["extract", "-ob.h5", "a"],
                  ["verify", "https://host/a.ckpt"], ["diff", "a", "m.keras"], ["ls", "weights"]):
        assert _cli.is_for_python(words)
    for words in ([], ["ls", "a.tflite"], ["run", "a.h5"], ["--help"], ["extract", "a", "-o", "b.npz"], ["h5"], ["ls", "other"], ["ls", "."]):
        assert not _cli.is_for_python(words)


def test_the_command_of_the_wheel(sources, run_python):
    pytest.importorskip("h5py", reason="h5py is not installed")
    code, out, err = run_python("-m", "unflow._cli", "extract", sources / "b", "-o", sources / "b.h5")
    assert (code, err) == (0, "") and out.startswith("wrote 7 arrays to ")
    code, out, _ = run_python("-m", "unflow._cli", "ls", sources / "b.h5", "k*")
    assert code == 0 and "2 arrays with" in out
