# SPDX-License-Identifier: Apache-2.0
"""The command line: what it prints and writes, checked with NumPy.

The binary is that of UNFLOW_BIN, of build/cli, or the installed one.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
import urllib.parse
import zipfile

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _binary():
    for path in (os.environ.get("UNFLOW_BIN"), ROOT / "build" / "cli" / "unflow", shutil.which("unflow")):
        if path and os.access(path, os.X_OK):
            return str(path)
    return None


BINARY = _binary()
pytestmark = pytest.mark.skipif(BINARY is None, reason="the unflow binary is not built")


def run(*words, code=0, env=None):
    """Runs `unflow WORDS`; its standard output, after a check of the exit code."""
    r = subprocess.run([BINARY, *map(str, words)], capture_output=True, env={**os.environ, **(env or {})})
    assert r.returncode == code, (r.returncode, r.stderr.decode())
    return r.stdout.decode() if code == 0 else r.stderr.decode()


def run_json(*words):
    return json.loads(run(*words, "--json"))


def wait_for_bytes(process, n):
    """Until the process has written n bytes, or ended."""
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/io") as f:
                written = dict(line.split(": ") for line in f.read().splitlines())
        except OSError:
            return
        if int(written["wchar"]) >= n:
            return
        time.sleep(0.0005)


@pytest.fixture
def write(tmp_path, models):
    def write(name, *args, **kwargs):
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(getattr(models, name)(*args, **kwargs))
        return path

    return write


@pytest.fixture
def generate(tmp_path, models):
    """A model of constants only: {name: (dtype, array, quantization)}."""

    def generate(constants):
        from modelgen import ModelGen

        g = ModelGen()
        x = g.tensor("x", "float32", (2,))
        y = g.tensor("y", "float32", (2,))
        for name, (dtype, array, quantization) in constants:
            g.tensor(name, dtype, array.shape, data=array, **quantization)
        g.op("ADD", [x, x], [y], "AddOptions")
        g.inputs([x])
        g.outputs([y])
        path = tmp_path / "constants.tflite"
        path.write_bytes(g.build())
        return path

    return generate


# ---- the program ---------------------------------------------------------------------


def test_help_and_version():
    assert run("--version").startswith("unflow 0.")
    assert "unflow extract" in run("--help")
    for command in ("ls", "info", "show", "run", "extract", "verify", "diff", "ops"):
        text = run(command, "--help")
        assert text.startswith(f"usage: unflow {command}") and "examples:" in text


def test_wrong_usage_is_exit_code_2(write):
    model = write("add")
    for words in (
        [],
        ["frobnicate"],
        ["ls"],
        ["ls", "--nope", model],
        ["ls", "--kind", "big", model],
        ["show", model],
        ["run", model, "--steps", "0"],
        ["run", model, "-o", "x.txt"],
        ["run", model, "--input"],
        ["extract", model],
        ["extract", model, "-o", "x.zip"],
        ["extract", model, "-o", "x.npz", "--kind", "output"],
    ):
        message = run(*words, code=2)
        assert message.startswith("unflow: ") or message.startswith("usage: ")


def test_failures_are_exit_code_1(write, tmp_path):
    assert run("ls", tmp_path / "no.tflite", code=1).startswith("unflow: ")
    assert "found an empty one" in run("ls", tmp_path, code=1)
    model = write("add")
    assert "'nope'" in run("show", model, "nope", code=1)
    assert "--run" in run("show", model, "t", code=1)
    assert "expected a value for input 'x'" in run("run", model, code=1)
    np.save(tmp_path / "x.npy", np.zeros((2, 3)))
    assert "float64" in run("run", model, "-i", tmp_path / "x.npy", code=1)


def test_a_closed_pipe_is_quiet(write):
    r = subprocess.run(f"'{BINARY}' ops | head -1", shell=True, capture_output=True)
    assert r.returncode == 0 and r.stderr == b""
    with open("/dev/full", "w") as full:
        r = subprocess.run([BINARY, "ops"], stdout=full, stderr=subprocess.PIPE)
    assert r.returncode == 1 and b"No space left" in r.stderr


# ---- ls, info, ops --------------------------------------------------------------------


def test_ls(write):
    model = write("quantized")
    text = run("ls", model)
    assert "uint8" in text and "0.5 * (q - 128)" in text and "2 tensors" in text
    tensors = run_json("ls", model)["graphs"][0]["tensors"]
    assert [t["name"] for t in tensors] == ["x", "y"]
    assert [t["kind"] for t in tensors] == ["input", "output"]
    assert tensors[0]["quantization"]["scales"] == [0.5] and tensors[0]["bytes"] == 4
    assert [t["name"] for t in run_json("ls", model, "y*")["graphs"][0]["tensors"]] == ["y"]
    assert [t["name"] for t in run_json("ls", model, "--exclude", "y")["graphs"][0]["tensors"]] == ["x"]
    assert "\033" not in text


def test_ls_lists_variables(write):
    listed = run_json("ls", write("variables"))["variables"]
    assert {v["name"]: v["initialized"] for v in listed} == {"w": True, "b": False}


def test_info(write):
    info = run_json("info", write("variables"))
    assert {s["key"] for s in info["signatures"]} == {"assign", "sum"}
    assert info["format"] == "tflite" and info["isa"] == run_json("info")["isa"]
    assert "signature 'sum'" in run("info", write("variables"))
    assert run_json("info")["unflow"] == run("--version").split()[1]
    scalar = subprocess.run([BINARY, "info"], capture_output=True, env={"UNFLOW_ISA": "scalar"})
    assert b"scalar" in scalar.stdout


def test_ops():
    ops = run_json("ops")
    names = [op["name"] for op in ops if op["runs"]]
    assert {"ADD", "CONV_2D", "READ_VARIABLE"} <= set(names) and len(set(names)) == len(names)
    assert [op["tflite_code"] for op in ops if op["name"] == "ADD"] == [0]
    assert all("CONV" in op["name"] for op in run_json("ops", "*CONV*"))


def test_ops_has_every_builtin_by_its_code():
    ops = run_json("ops")
    builtins = {op["tflite_code"]: op for op in ops if op["tflite_code"] is not None}
    assert list(builtins) == list(range(210))
    try:
        import modelgen
        schema = {code: name for name, code in vars(modelgen.schema.BuiltinOperator).items() if isinstance(code, int)}
        assert all(builtins[code]["name"] == name for code, name in schema.items())
    except ImportError:
        pass
    assert builtins[3]["inputs"] == [2, 3] and builtins[3]["outputs"] == [1, 1] and builtins[2]["inputs"] == [1, None]
    assert builtins[206]["name"] == "STABLEHLO_COMPOSITE" and builtins[206]["inputs"] == [0, None]
    assert all(("why" in op) != op["runs"] and ("inputs" in op) == op["runs"] for op in ops)
    assert any(op.get("custom") == "TFLite_Detection_PostProcess" for op in ops)


def test_ops_says_why_a_builtin_cannot_run():
    gaps = {op["name"]: op["why"] for op in run_json("ops") if not op["runs"]}
    assert gaps["STABLEHLO_CUSTOM_CALL"] == "calls code that is not in the model"
    nobody = {"CONCAT_EMBEDDINGS", "CUSTOM", "DELEGATE", "PLACEHOLDER_FOR_GREATER_OP_CODES", "STABLEHLO_CUSTOM_CALL"}
    assert nobody == {name for name, why in gaps.items() if why != "not in this library yet"}
    lines = run("ops").splitlines()
    assert lines[0].split() == ["CODE", "OP", "IN", "OUT", "TENSORFLOW"]
    rows = {line.split()[1]: line.split() for line in lines[1:] if len(line.split()) > 3}
    assert rows["CONV_2D"][:4] == ["3", "CONV_2D", "2-3", "1"] and rows["CONCATENATION"][2:4] == ["1+", "1"]
    assert " ".join(rows["DELEGATE"][4:]).startswith("cannot run: stands for nodes")


def test_15000_tensors_list_at_once(generate):
    one = np.zeros(1, np.float32)
    model = generate([(f"layer{i}/kernel", ("float32", one, {})) for i in range(15000)])
    run("ls", model)  # warm
    start = time.perf_counter()
    text = run("ls", model)
    elapsed = time.perf_counter() - start
    assert text.count("\n") > 15000 and "15,000 constants" in text
    assert elapsed < 1, elapsed


# ---- names of all kinds ---------------------------------------------------------------------

NASTY = ["../../escape", "/etc/passwd", "a/b", "a%2Fb", "A/B", "a\nb", "a\033[31mred", "", ".", "..",
         ".hidden", "w", "w", "w~2", "é" * 150, "x" * 300, "x" * 301, "con:", 'quote"back\\slash']


def test_nasty_names_stay_in_the_folder(generate, tmp_path):
    arrays = [np.full(3, i, np.int32) for i in range(len(NASTY))]
    model = generate([(name, ("int32", a, {})) for name, a in zip(NASTY, arrays)])
    before = set(os.listdir(tmp_path))
    run("extract", model, "-o", f"{tmp_path}/out/")
    assert set(os.listdir(tmp_path)) - before == {"out"}
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    files = [entry["file"] for entry in index]
    assert len(files) == len(NASTY) == len({f.lower() for f in files})
    assert sorted(os.listdir(tmp_path / "out")) == sorted([*files, "index.json"])
    for entry, name, array in zip(index, NASTY, arrays):
        assert np.array_equal(np.load(tmp_path / "out" / entry["file"]), array)
        if len(name.encode()) < 60 and name and "~" not in entry["file"]:
            assert urllib.parse.unquote(entry["file"]) == name + ".npy"
    run("extract", model, "-o", tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as z:
        assert len(z.files) == len(NASTY)
        assert z.files == [entry["tensor"] for entry in index]
        for name, array in zip(z.files, arrays):
            assert np.array_equal(z[name], array)
        assert [n for n in z.files if n.startswith("w")] == ["w", "w~2", "w~2~2"]


def test_names_are_safe_for_terminals(generate):
    model = generate([(name, ("int32", np.zeros(1, np.int32), {})) for name in NASTY])
    for words in (["ls", model], ["info", model], ["show", model, "a\033[31mred"]):
        text = run(*words)
        assert "\033" not in text
    assert r"a\x1b[31mred" in run("ls", model)
    assert [t["name"] for t in run_json("ls", model)["graphs"][0]["tensors"]][2:] == NASTY
    message = run("show", model, "a\033[32m", code=1)
    assert "\033" not in message


# ---- show --------------------------------------------------------------------------------------


def shown(*words):
    return run("show", *words).split("\n\n", 1)[1].rstrip("\n")


def test_show_prints_as_numpy(generate):
    rng = np.random.default_rng(1)
    f = rng.standard_normal
    cases = {
        "small": f((3, 4)),
        "row": f(100),
        "long": f(1001),
        "cut": f((7, 40, 9)),
        "edges": f((6, 7, 30)),
        "wide": f(20) * 10.0 ** np.arange(-10, 10),
        "special": np.array([np.nan, 1, -np.inf]),
        "nans": np.array([np.nan, np.nan]),
        "huge": np.array([1e30, -1e-30]),
        "integers": np.arange(12.0).reshape(2, 1, 6) * 1000,
        "scalar": np.array(0.1),
        "zeros": np.zeros((2, 2)),
        "one": np.array([[16777216.0]]),
        "deep": f((2, 1, 2, 1, 2)),
    }
    cases = {k: v.astype(np.float32) for k, v in cases.items()}
    cases.update(
        half=f(30).astype(np.float16),
        tiny=np.array([6e-8, 65504, 0.1, 1], np.float16),
        double=f((5, 5)),
        ints=rng.integers(-(2**31), 2**31, (4, 5), np.int32),
        bytes=rng.integers(0, 256, 2000).astype(np.uint8),
        longs=np.array([-(2**63), 2**63 - 1]),
        bools=rng.integers(0, 2, (3, 5)).astype(bool),
        complex=(f(5) + 1j * f(5)).astype(np.complex64),
        empty=np.zeros((0, 3), np.float32),
    )
    model = generate([(k, (str(v.dtype), v, {})) for k, v in cases.items()])
    # Before 2.3, NumPy used exponents from 1e8 on for all floats.
    if tuple(map(int, np.__version__.split(".")[:2])) < (2, 3):
        del cases["one"], cases["tiny"]
    with np.printoptions():
        for name, array in cases.items():
            assert shown(model, name) == str(array), name
        with np.printoptions(threshold=10**9):
            assert shown(model, "cut", "--full") == str(cases["cut"])
    value = run_json("show", model, "cut")["value"]
    assert np.array_equal(np.array(value, np.float32), cases["cut"])
    assert run_json("show", model, "special")["value"] == ["NaN", 1.0, "-Infinity"]
    assert run_json("show", model, "scalar")["value"] == 0.1


def test_show_dequantizes(generate):
    q = np.array([[-128, 0], [1, 127]], np.int8)
    model = generate([("w", ("int8", q, dict(scale=[0.5, 2.0], zero=[0, 1], axis=0)))])
    assert shown(model, "w", "--dequantize") == str(np.array([[-64, 0], [0, 252]], np.float32))
    x = run_json("show", model, "w")
    assert x["quantization"]["scales"] == [0.5, 2.0] and x["value"] == q.tolist()


def test_show_reads_variables_and_intermediates(write):
    assert shown(write("variables"), "w") == "[1. 2. 3.]"
    assert "'b'" in run("show", write("variables"), "b", code=1)
    x = run_json("show", write("add"), "t", "--random", "3")
    i = run_json("show", write("add"), "x", "--random", "3")
    assert np.array_equal(np.float32(x["value"]), 2 * np.float32(i["value"]))
    assert run_json("show", write("add"), "#1", "--random", "3") == x


def test_tables():
    model = ROOT / "fuzz" / "corpus" / "tflite" / "tables.tflite"
    assert "--run" in run("show", model, "table_7", code=1)
    x = run_json("show", model, "table_7", "--run")
    assert (x["kind"], x["keys"], x["value"]) == ("table", ["one", "two"], [1, 2])


# ---- run ---------------------------------------------------------------------------------------------


def test_run(write, tmp_path):
    model = write("add", signature=(-1, 3))
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "in.npz", x=x)
    out = tmp_path / "out.npz"
    for words in (["-i", f"x={tmp_path}/x.npy"], ["-i", tmp_path / "x.npy"], ["--input", tmp_path / "in.npz"]):
        run("run", model, *words, "-o", out)
        with np.load(out) as z:
            assert z.files == ["y"] and np.array_equal(z["y"], 3 * x)
    assert run_json("run", model, "-i", tmp_path / "x.npy")["outputs"][0]["value"] == (3 * x).tolist()
    run("run", model, "-i", tmp_path / "x.npy", "-o", tmp_path / "y.npy")
    assert np.array_equal(np.load(tmp_path / "y.npy"), 3 * x)
    np.save(tmp_path / "x.npy", np.ones((5, 3), np.float32))
    assert run_json("run", model, "-i", tmp_path / "x.npy")["outputs"][0]["shape"] == [5, 3]
    assert run_json("run", model, "--resize", "x=4,3", "--random", "1")["outputs"][0]["shape"] == [4, 3]
    np.savez(tmp_path / "in.npz", z=x)
    assert "the inputs are 'x'" in run("run", model, "-i", tmp_path / "in.npz", code=1)


def test_random_inputs_depend_on_the_seed_only(write):
    model = write("add")
    assert run("run", model, "--random", "5") == run("run", model, "--random", "5", "--threads", "2")
    assert run("run", model, "--random", "5") != run("run", model, "--random", "6")


def test_inputs_without_a_name_go_by_index(models, tmp_path):
    from modelgen import ModelGen

    g = ModelGen()
    a, b, y = (g.tensor("", "float32", (2,)) for _ in range(3))
    g.op("SUB", [a, b], [y], "SubOptions")
    g.inputs([a, b])
    g.outputs([y])
    (tmp_path / "m.tflite").write_bytes(g.build())
    np.savez(tmp_path / "in.npz", **{"#0": np.float32([5, 6]), "#1": np.float32([1, 4])})
    run("run", tmp_path / "m.tflite", "-i", tmp_path / "in.npz", "-o", tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as z:
        assert z.files == ["#2"] and np.array_equal(z["#2"], [4, 2])


def test_steps_keep_state(write, tmp_path):
    np.save(tmp_path / "x.npy", np.ones(3, np.float32))
    model = write("variables")
    out = run_json("run", model, "--signature", "sum", "-i", tmp_path / "x.npy", "--steps", "3")
    assert out["outputs"][0]["value"] == [4, 5, 6]
    run("extract", model, "--signature", "sum", "-i", tmp_path / "x.npy", "--steps", "3", "-o", tmp_path / "w.npz",
        "--kind", "resource")
    with np.load(tmp_path / "w.npz") as z:
        assert z.files == ["w"] and np.array_equal(z["w"], [4, 5, 6])
    assert "'nope'" in run("run", model, "--signature", "nope", code=1)


# ---- extract ---------------------------------------------------------------------------------------------


def test_extract(generate, tmp_path):
    rng = np.random.default_rng(2)
    q = rng.integers(-128, 128, (3, 500)).astype(np.int8)
    f = np.zeros((64, 64), np.float32)
    model = generate([("layer/w", ("int8", q, dict(scale=0.25, zero=3))), ("layer/b", ("float32", f, {}))])
    for words in ([], ["--compress"], ["--compress", "9"], ["--compress=1"]):
        out = tmp_path / "a.npz"
        run("extract", model, *words, "-o", out)
        with np.load(out) as z:
            assert z.files == ["layer/w", "layer/b"]
            assert np.array_equal(z["layer/w"], q) and np.array_equal(z["layer/b"], f)
        assert zipfile.ZipFile(out).testzip() is None
        methods = {i.filename: i.compress_type for i in zipfile.ZipFile(out).infolist()}
        assert methods["layer/b.npy"] == (zipfile.ZIP_DEFLATED if words else zipfile.ZIP_STORED)
    run("extract", model, "layer/w", "--dequantize", "-o", out)
    with np.load(out) as z:
        assert z.files == ["layer/w"] and np.array_equal(z["layer/w"], (q.astype(np.float32) - 3) * 0.25)
    run("extract", model, "*", "--exclude", "*/b", "-o", out)
    with np.load(out) as z:
        assert z.files == ["layer/w"]
    told = run_json("extract", model, "layer/w", "-o", out)
    assert told["path"] == str(out) and told["arrays"][0]["array"] == "layer/w" and told["skipped"] == 0
    assert "none of these names" in run("extract", model, "nothing*", "-o", out, code=1)
    assert np.load(out).files == ["layer/w"]  # the old file is still there


def test_stored_arrays_can_be_mapped(generate, tmp_path):
    a = np.arange(1000, dtype=np.float64)
    model = generate([("a", ("float64", a, {})), ("b", ("float64", a + 1, {}))])
    out = tmp_path / "a.npz"
    run("extract", model, "-o", out)
    raw = np.memmap(out, mode="r")
    for member, want in zip(zipfile.ZipFile(out).infolist(), (a, a + 1)):
        local = member.header_offset
        begin = local + 30 + int(raw[local + 26 : local + 28].view("<u2")[0]) + int(raw[local + 28 : local + 30].view("<u2")[0])
        assert begin % 64 == 0
        header = 10 + int(raw[begin + 8 : begin + 10].view("<u2")[0])
        view = raw[begin + header : begin + header + want.nbytes].view(np.float64)
        assert np.array_equal(view, want)


def test_extract_everything_of_a_run(write, tmp_path):
    out = tmp_path / "all.npz"
    run("extract", write("add"), "--random", "1", "--kind", "all", "-o", out)
    with np.load(out) as z:
        assert z.files == ["x", "t", "y"]
        assert np.array_equal(z["t"], z["x"] * 2) and np.array_equal(z["y"], z["t"] + z["x"])


def test_a_folder_with_content_is_not_touched(write, tmp_path):
    (tmp_path / "out").mkdir()
    model = write("variables")
    run("extract", model, "-o", tmp_path / "out")  # empty: fine
    assert "index.json" in os.listdir(tmp_path / "out")
    before = sorted(os.listdir(tmp_path))
    assert "content" in run("extract", model, "-o", tmp_path / "out", code=1)
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("target", ["out/", "out.npz"])
def test_an_interrupt_leaves_nothing(generate, tmp_path, target):
    one = np.zeros(1000, np.float32)
    model = generate([(f"t{i}", ("float32", one, {})) for i in range(8000)])
    before = sorted(os.listdir(tmp_path))
    p = subprocess.Popen([BINARY, "extract", str(model), "-o", f"{tmp_path}/{target}"], stdout=subprocess.DEVNULL)
    wait_for_bytes(p, 1_000_000)
    p.send_signal(signal.SIGINT)
    code = p.wait()
    if code == 0:
        pytest.skip("it was done before the signal came")
    assert code in (130, -signal.SIGINT)
    assert code == -signal.SIGINT or sorted(os.listdir(tmp_path)) == before


# ---- real models ---------------------------------------------------------------------------------------------


def test_real_models(shared, tmp_path):
    """Every real model lists, describes itself and gives all its constants; bad ones fail politely."""
    listed = 0
    for model in sorted((shared / "data" / "tflite").glob("*.tflite")):
        if model.name.startswith("bad_") and "custom_op" not in model.name:
            assert run("ls", model, code=1).startswith("unflow: ")
            continue
        tensors = [t for g in run_json("ls", model)["graphs"] for t in g["tensors"]]
        run("info", model)
        constants = sum(t["kind"] == "constant" for t in tensors)
        if constants == 0:
            continue
        run("extract", model, "--kind", "constant", "-o", tmp_path / "c.npz")
        with np.load(tmp_path / "c.npz") as z:
            assert len(z.files) == constants
        listed += 1
    assert listed > 40
