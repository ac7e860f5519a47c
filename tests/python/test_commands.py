# SPDX-License-Identifier: Apache-2.0
"""The command line's Python half: URLs and Keras files; its output beside the native program's."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import unflow
from unflow import _cli, _commands, train

h5py = pytest.importorskip("h5py", reason="h5py is not installed")
pytest.importorskip("fsspec", reason="fsspec is not installed")

ARRAYS = {"dense/kernel": np.arange(12, dtype=np.float32).reshape(3, 4),
          "dense/bias": np.arange(4, dtype=np.float16), "step": np.int64(7)}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    train.write_checkpoint(tmp_path / "ck", {**ARRAYS, "dense/bias/Adam": np.zeros(4, np.float16)})
    with h5py.File(tmp_path / "w.h5", "w") as file:
        for name, array in ARRAYS.items():
            file[name] = array
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys):
    def run(*words, code=0):
        capsys.readouterr()
        try:
            status = _commands.main([str(word) for word in words])
        except SystemExit as stop:
            status = stop.code
        out, err = capsys.readouterr()
        assert status == code, (status, out, err)
        return out if code < 2 and not err else err

    return run


@pytest.fixture
def native():
    program = os.path.join(os.path.dirname(unflow.__file__), "bin", "unflow")
    if not os.access(program, os.X_OK):
        pytest.skip("the package was built without the native program")

    def native(*words):
        result = subprocess.run([program, *map(str, words)], capture_output=True, text=True)
        return result.returncode, result.stdout, result.stderr

    return native


@pytest.mark.parametrize("words, expected", [
    (["ls", "w.h5"], True), (["ls", "memory://x"], True), (["ls", "s3://b/x", "--json"], True),
    (["extract", "ck", "-o", "x.h5"], True), (["extract", "ck", "-ox.hdf5"], True),
    (["extract", "ck", "--output=x.h5"], True), (["verify", "a", "b.keras"], True),
    (["ls", "hidden"], True), (["ls", "ck"], False), (["extract", "ck", "-o", "x.npz"], False),
    (["show", "w.h5"], False), (["ls", "--help"], False), ([], False), (["diff", "ck", "ck"], False)])
def test_who_takes_a_command_line(folder, words, expected):
    (folder / "hidden").write_bytes((folder / "w.h5").read_bytes())
    assert _cli.is_for_python(words) is expected


def test_output_is_that_of_the_native_program(folder, run, native):
    (folder / "other.npz").write_bytes(b"")
    np.savez(folder / "other.npz", **{**ARRAYS, "dense/bias": ARRAYS["dense/bias"] + 1, "new": np.arange(2)})
    url = f"file://{folder}/ck"
    for options in ((), ("--no-slots",), ("*bias*",), ("--names", "key", "--exclude", "dense/k*")):
        assert native("ls", "ck", *options) == (0, run("ls", url, *options), "")
        code, expected, _ = native("diff", "ck", "other.npz", *options)
        assert run("diff", url, "other.npz", *options, code=code) == expected
    there = json.loads(native("diff", "ck", "other.npz", "--json")[1])
    here = json.loads(run("diff", url, "other.npz", "--json", code=1))
    assert {**here, "a": "ck"} == there
    there, here = json.loads(native("ls", "ck", "--json")[1]), json.loads(run("ls", url, "--json"))
    assert there["totals"] == here["totals"] and there["details"] == here["details"]
    for a, b in zip(there["arrays"], here["arrays"], strict=True):
        assert {**a, "file": None} == {**b, "file": None}


def test_extract_there_and_back(folder, run):
    assert run("extract", "ck", "--exclude", "*Adam", "-o", "from_ck.h5") == "wrote 3 arrays to from_ck.h5\n"
    assert run("diff", "from_ck.h5", "w.h5").startswith("3 equal, 0 differ")
    assert "leave an optimizer's arrays out" in run("extract", "ck", "-o", "both.h5", code=1)
    run("extract", "w.h5", "dense/*", "-o", "x.npz", "--rename", "/=.", "--dtype", "float64",
        "--layout", "IO:OI@*kernel")
    arrays = np.load("x.npz")
    assert set(arrays) == {"dense.kernel", "dense.bias"}
    assert np.array_equal(arrays["dense.kernel"], ARRAYS["dense/kernel"].T)
    assert arrays["dense.kernel"].dtype == arrays["dense.bias"].dtype == np.float64
    about = json.loads(run("extract", "w.h5", "-o", "y.safetensors", "--json", "--dtype", "int8@step"))
    assert {a["array"]: a["dtype"] for a in about["arrays"]} == {
        "dense/kernel": "float32", "dense/bias": "float16", "step": "int8"}
    run("extract", "w.h5", "-o", "folder/")
    assert run("diff", "w.h5", "folder").startswith("3 equal, 0 differ")
    run("extract", "x.npz", "-o", "z.h5", "--rename-file", _rules(folder))
    assert set(unflow.open("z.h5")) == {"dense/kernel", "dense/bias"}


def _rules(folder):
    (folder / "rules").write_text("# a comment\n\n\\.=/\n")
    return "rules"


def test_verify(folder, run):
    assert run("verify", "w.h5") == "w.h5: 3 tensors, 64 B, all good\n"
    with h5py.File("w.h5", "a") as file:
        file["away"] = h5py.ExternalLink("other.h5", "/x")
    assert "1 damaged" in run("verify", "w.h5", code=1)
    damaged = json.loads(run("verify", "w.h5", "--json", code=1))[0]["damaged"]
    assert [d["name"] for d in damaged] == ["away"]
    assert run("verify", "--quiet", "w.h5", code=1) == ""


def test_errors_and_exit_codes(folder, run):
    assert run("ls", "none.h5", code=1).startswith("unflow: expected a file at 'none.h5'")
    assert run("diff", "none.h5", "ck", code=2).startswith("unflow: expected a file")
    assert "found none of these names" in run("extract", "w.h5", "zzz", "-o", "x.npz", code=1)
    assert "-o wants" in run("extract", "w.h5", "-o", "x.txt", code=2)
    assert "--compress" in run("extract", "w.h5", "-o", "x.safetensors", "--compress", "5", code=2)
    assert "unrecognized" in run("ls", "w.h5", "--bogus", code=2)
    assert "PATTERN=NEW" in run("extract", "w.h5", "-o", "x.npz", "--rename", "abc", code=2)
    assert "a name of its own" in run("extract", "w.h5", "-o", "x.npz", "--rename", ".*=x", code=1)
    assert sorted(p.name for p in folder.iterdir() if p.name.startswith("x")) == []


def test_differences_of_all_kinds():
    compare = _commands._compare
    f = np.array([1, np.nan, np.inf, 0], np.float32)
    assert compare(f, f.copy(), 0, 0) is None
    assert compare(f, np.array([1, 2, np.inf, 0], np.float32), 0, 0)["count"] == 1
    assert compare(np.float32([1, 2]), np.float32([1.5, 2]), 0, 0.5) is None
    big = np.array([2**63 - 1, 5], np.int64)
    assert compare(big, big - 1, 0, 0) == {"count": 2, "first": 0, "max_abs": 1.0, "max_rel": 0.25}
    words = np.array([b"a", b"b"], object)
    assert compare(words, np.array([b"a", b"c"], object), 0, 0) == {"count": 1, "first": 1}
    assert compare(np.array([True]), np.array([False]), 0, 0)["count"] == 1
    assert compare(np.array([1j]), np.array([2j]), 0, 0)["max_abs"] == 1


def test_the_command_runs(folder):
    package = os.path.dirname(os.path.dirname(unflow.__file__))
    result = subprocess.run([sys.executable, "-m", "unflow._cli", "ls", "w.h5"], text=True, cwd=folder,
                            capture_output=True, env={**os.environ, "PYTHONPATH": package})
    assert result.returncode == 0 and "dense/kernel" in result.stdout, result.stderr
