# SPDX-License-Identifier: Apache-2.0
"""The command line on files of arrays: extract, verify, diff, ls, info, show.

Sources are .npz files that NumPy makes here, and real checkpoints of ../shared. What is
written is read back with NumPy and, for .safetensors, with the few lines below.
"""

import json
import os
import signal
import struct
import subprocess
import time

import numpy as np
import pytest

from test_cli import BINARY, generate, run, run_json  # noqa: F401 (a fixture)

pytestmark = pytest.mark.skipif(BINARY is None, reason="the unflow binary is not built")


def read_safetensors(path):
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
    names = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
             "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?", "BF16": "<u2"}
    arrays, spans = {}, []
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        dtype = np.dtype(names[entry["dtype"]])
        assert (8 + size + begin) % dtype.itemsize == 0, name
        arrays[name] = np.frombuffer(body[begin:end], dtype).reshape(entry["shape"])
        spans.append((begin, end))
    spans.sort()  # without gaps, to the end
    assert [s[0] for s in spans] == [0, *(s[1] for s in spans[:-1])] and spans[-1][1] == len(body)
    return arrays


@pytest.fixture
def npz(tmp_path):
    def make(name="in.npz", **arrays):
        path = tmp_path / name
        np.savez(path, **{k.replace("__", "/"): v for k, v in arrays.items()})
        return path

    return make


def names_of(path):
    with np.load(path) as z:
        return z.files


# ---- extract ----------------------------------------------------------------------------


def test_extract_to_every_format(npz, tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"a__w": rng.standard_normal((300, 500)), "a__b": np.arange(5, dtype=np.int8),
              "flag": np.array([True, False]), "empty": np.zeros((0, 3), np.float32), "scalar": np.float16(2)}
    source = npz(**arrays)
    want = {k.replace("__", "/"): v for k, v in arrays.items()}
    out = tmp_path / "x.npz"
    for words in ([], ["--compress"]):
        assert run("extract", source, *words, "-o", out) == f"wrote 5 arrays to {out}\n"
        with np.load(out) as z:
            assert z.files == list(want)
            for name, value in want.items():
                assert z[name].dtype == value.dtype and np.array_equal(z[name], value)
    got = read_safetensors_of(source, tmp_path)
    assert got.keys() == want.keys()
    for name, value in want.items():
        assert got[name].dtype == value.dtype and np.array_equal(got[name], value)
    run("extract", source, "-o", f"{tmp_path}/folder/")
    assert np.array_equal(np.load(tmp_path / "folder" / "a%2Fw.npy", mmap_mode="r"), want["a/w"])
    for other in (out, tmp_path / "x.safetensors", tmp_path / "folder"):
        assert "5 equal, 0 differ, 0 only in A, 0 only in B" in run("diff", source, other)


def read_safetensors_of(source, tmp_path, *words):
    run("extract", source, *words, "-o", tmp_path / "x.safetensors")
    return read_safetensors(tmp_path / "x.safetensors")


def test_globs(npz, tmp_path):
    source = npz(a__w=np.zeros(1), a__b=np.zeros(1), c__w=np.zeros(1))
    out = tmp_path / "x.npz"
    for words, want in (
        (["a/*"], ["a/w", "a/b"]),
        (["--glob", "*w"], ["a/w", "c/w"]),
        (["--exclude", "a/*"], ["c/w"]),
        (["*w", "--exclude", "a*", "--exclude", "x"], ["c/w"]),
    ):
        run("extract", source, *words, "-o", out)
        assert names_of(out) == want
    assert "none of these names" in run("extract", source, "nothing", "-o", tmp_path / "y.npz", code=1)
    assert not (tmp_path / "y.npz").exists()


def test_rename(npz, tmp_path):
    source = npz(enc__l0__kernel=np.zeros(1), enc__l1__kernel=np.ones(1), dec__bias=np.ones(1))
    out = tmp_path / "x.npz"
    run("extract", source, "-o", out, "--rename", r"/l([0-9]+)/=.layers.\1.", "--rename", "kernel$=weight",
        "--rename", "/=.")
    assert names_of(out) == ["enc.layers.0.weight", "enc.layers.1.weight", "dec.bias"]
    rules = tmp_path / "rules"
    rules.write_text("# comment\n\n^enc=encoder\n/=_\n^=m=\n")
    run("extract", source, "-o", out, "--rename-file", rules)
    assert names_of(out) == ["m=encoder_l0_kernel", "m=encoder_l1_kernel", "m=dec_bias"]
    run("extract", source, "-o", out, "--rename", r"l\=?0=\0\0\\", "--rename", "x*=")
    assert names_of(out)[0] == "enc/l0l0\\/kernel"
    before = sorted(os.listdir(tmp_path))
    message = run("extract", source, "-o", tmp_path / "y.npz", "--rename", r"l[0-9]=l", code=1)
    assert "'enc/l/kernel'" in message and "'enc/l0/kernel'" in message and "'enc/l1/kernel'" in message
    assert sorted(os.listdir(tmp_path)) == before
    assert "regular expression" in run("extract", source, "-o", out, "--rename", "(=x", code=2)
    assert "PATTERN=REPLACEMENT" in run("extract", source, "-o", out, "--rename", "x", code=2)


NUMBERS = ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
           "bool")


@pytest.mark.parametrize("to", [*NUMBERS, "bfloat16", "complex64"])
def test_dtype_is_numpys_astype(npz, tmp_path, to):
    rng = np.random.default_rng(1)
    arrays = {}
    for name in NUMBERS:
        dtype = np.dtype(name)
        if dtype.kind == "f" and to not in ("float16", "float32", "float64", "bfloat16", "complex64", "bool"):
            # only what fits: the rest differs from machine to machine in NumPy
            values = rng.uniform(0, 127, 3000)
        elif dtype.kind == "f":
            values = np.concatenate([rng.standard_normal(3000) * 10.0 ** rng.integers(-7, 6, 3000),
                                     [np.inf, -np.inf, np.nan, 0.0, -0.0, 65519.99, 65520, 2**-24, 2**-25]])
        elif dtype.kind == "b":
            values = rng.integers(0, 2, 100)
        else:
            info = np.iinfo(dtype)
            values = np.concatenate([rng.integers(info.min, info.max, 3000, dtype=dtype, endpoint=True),
                                     np.array([info.min, info.max, 0, 1], dtype)])
        with np.errstate(over="ignore"):
            arrays[name] = np.asarray(values).astype(dtype)
    source, out = npz(**arrays), tmp_path / "x.npz"
    run("extract", source, "-o", out, "--dtype", f"{to}@*")
    if to == "bfloat16":
        to = pytest.importorskip("ml_dtypes").bfloat16
    with np.load(out) as z, np.errstate(all="ignore"):
        for name, array in arrays.items():
            want, got = array.astype(to), z[name]
            if got.dtype.kind == "V":
                got = got.view(to)
            assert got.dtype == want.dtype
            bad = ~((want == got) | (np.isnan(want) & np.isnan(got))) if want.dtype.kind in "fcV" else want != got
            assert not bad.any(), (name, to, array[bad][:5], want[bad][:5], got[bad][:5])
            if want.dtype.kind == "f":
                assert np.array_equal(np.signbit(want[~np.isnan(want)]), np.signbit(got[~np.isnan(want)]))


def test_dtype_is_for_its_kind(npz, tmp_path):
    source = npz(f=np.zeros(2, np.float64), i=np.zeros(2, np.int64), s=np.array([b"x"]), b=np.zeros(2, bool))
    out = tmp_path / "x.npz"
    run("extract", source, "-o", out, "--dtype", "float16@g*", "--dtype", "float32", "--dtype", "int32")
    with np.load(out) as z:
        assert [z[k].dtype.str for k in "fisb"] == ["<f4", "<i4", "|S1", "|b1"]
    assert "--dtype wants" in run("extract", source, "-o", out, "--dtype", "int4", code=2)


def test_layout(npz, tmp_path):
    k, m = np.arange(3 * 4 * 5 * 6).reshape(3, 4, 5, 6), np.arange(70 * 90, dtype=np.float32).reshape(70, 90)
    source, out = npz(conv=k, dense=m, other=m), tmp_path / "x.npz"
    run("extract", source, "-o", out, "--layout", "HWIO:OIHW", "--layout", "IO:OI@d*", "--dtype", "float64")
    with np.load(out) as z:
        assert np.array_equal(z["conv"], k.transpose(3, 2, 0, 1))
        assert np.array_equal(z["dense"], m.T) and z["dense"].dtype == np.float64
        assert np.array_equal(z["other"], m)
    for bad in ("HWIO", "HWIO:OIH", "HWIO:OIHH", "AB:BC", "ABCDEFGHI:ABCDEFGHI", ""):
        assert "--layout wants" in run("extract", source, "-o", out, "--layout", bad, code=2)


def test_usage(npz, tmp_path):
    source = npz(a=np.zeros(1))
    assert "pip install 'unflow[h5]'" in run("extract", source, "-o", "x.h5", code=2)
    for words in (["-o", "x.zip"], ["-o", "x.npz", "--names", "no"], ["-o", "x.safetensors", "--compress"],
                  ["-o", "x.npz", "--kind", "constant"], ["-o", "x.npz", "--run"], ["-o", "x.npz", "--role", "x"]):
        assert run("extract", source, *words, code=2).startswith("unflow: extract: ")
    assert "moving averages" in run("extract", source, "-o", tmp_path / "x.npz", "--ema", code=1)
    for command in ("verify", "diff"):
        assert run(command, "--nope", code=2).startswith(f"unflow: {command}: ")
    assert "two sources" in run("diff", source, code=2)


def test_json_of_extract(npz, tmp_path):
    source = npz(a=np.zeros((2, 3), np.float16))
    told = run_json("extract", source, "-o", tmp_path / "x.npz", "--dtype", "float32", "--layout", "ab:ba")
    assert told["arrays"] == [{"array": "a", "key": "a", "role": "value", "dtype": "float32",
                               "converted_from": "float16", "shape": [3, 2]}]


def test_members_can_be_mapped(npz, tmp_path):
    big = np.random.default_rng(2).standard_normal(200_000)
    source, out = npz(a=np.arange(3.0), big=big), tmp_path / "x.npz"
    run("extract", source, "-o", out)
    for array in run_json("ls", out)["arrays"]:
        assert array["offset"] % 64 == 0
        mapped = np.memmap(out, np.float64, "r", array["offset"], tuple(array["shape"]))
        with np.load(out) as z:  # which checks the CRC, patched in after the data
            assert np.array_equal(mapped, z[array["name"]])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("target", ["out.npz", "out.safetensors", "out/"])
def test_killed_in_mid_write(npz, tmp_path, how, target):
    source = npz(a=np.ones(12_000_000), b=np.ones(12_000_000))
    before = sorted(os.listdir(tmp_path))
    p = subprocess.Popen([BINARY, "extract", str(source), "-o", f"{tmp_path}/{target}"], stdout=subprocess.DEVNULL)
    while p.poll() is None and sorted(os.listdir(tmp_path)) == before:
        time.sleep(0.001)
    p.send_signal(how)
    code = p.wait()
    after = sorted(os.listdir(tmp_path))
    if code == 0:
        pytest.skip("it was done before the signal came")
    assert target.rstrip("/") not in after
    if how == signal.SIGKILL:
        assert code == -signal.SIGKILL
    else:
        assert code == 130 and after == before


def test_hostile_names(npz, tmp_path):
    names = ["../x", "/etc/x", "a/../../b", "A", "a", "\x07bell", "..", "con", "name~2", "é"]
    path = tmp_path / "in.npz"
    np.savez(path, **{n: np.full(1, i) for i, n in enumerate(names)})
    run("extract", path, "-o", f"{tmp_path}/out/")
    assert sorted(os.listdir(tmp_path)) == ["in.npz", "out"]
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    assert [e["tensor"] for e in index] == names
    assert len({e["file"].lower() for e in index}) == len(names)
    for i, entry in enumerate(index):
        assert "/" not in entry["file"] and np.load(tmp_path / "out" / entry["file"])[0] == i
    assert "\x07" not in run("ls", path)


def test_a_tflite_is_a_source_too(models, tmp_path):
    model = tmp_path / "m.tflite"
    model.write_bytes(models.variables())
    run("extract", model, "-o", tmp_path / "x.npz", "--rename", "^=m/")
    assert all(n.startswith("m/") for n in names_of(tmp_path / "x.npz"))
    assert "one of them" in run("extract", model, "-o", "x.npz", "--rename", "a=b", "--kind", "constant", code=2)


def test_quantized_tflite(generate, tmp_path):  # noqa: F811
    q = np.random.default_rng(3).integers(-128, 128, (4, 5, 3)).astype(np.int8)
    scales = [0.5, 1, 2]
    model = generate([("w", ("int8", q, dict(scale=scales, zero=[0, 1, 2], axis=2)))])
    run("extract", model, "w", "-o", f"{tmp_path}/raw/", "--layout", "HWO:OHW")
    (entry,) = json.loads((tmp_path / "raw" / "index.json").read_text())
    assert entry["quantization"]["axis"] == 0 and entry["shape"] == [3, 4, 5]
    assert np.array_equal(np.load(tmp_path / "raw" / "w.npy"), q.transpose(2, 0, 1))
    run("extract", model, "w", "-o", tmp_path / "x.npz", "--layout", "HWO:OHW", "--dequantize", "--dtype", "float16")
    with np.load(tmp_path / "x.npz") as z:
        want = (q.astype(np.float32) - [0, 1, 2]) * np.array(scales, np.float32)
        assert np.array_equal(z["w"], want.transpose(2, 0, 1).astype(np.float16)) and z["w"].dtype == np.float16


# ---- verify ------------------------------------------------------------------------------


def test_verify(npz, tmp_path):
    source = npz(a=np.arange(1000.0), b=np.arange(10))
    assert run("verify", source) == f"{source}: 2 tensors, 7.9 KiB, all good\n"
    offset = run_json("ls", source)["arrays"][0]["offset"]
    data = bytearray(source.read_bytes())
    data[offset + 80] ^= 1
    source.write_bytes(data)
    r = subprocess.run([BINARY, "verify", source], capture_output=True, text=True)
    assert r.returncode == 1 and "1 damaged" in r.stdout
    assert r.stdout.splitlines()[-1].startswith("a ") and str(offset) in r.stdout
    r = subprocess.run([BINARY, "verify", source, "--json"], capture_output=True, text=True)
    (told,) = json.loads(r.stdout)
    assert told["damaged"][0]["name"] == "a" and told["damaged"][0]["offset"] == offset
    r = subprocess.run([BINARY, "verify", "--quiet", source], capture_output=True)
    assert (r.returncode, r.stdout, r.stderr) == (1, b"", b"")
    assert "'a'" in run("extract", source, "-o", tmp_path / "y.npz", code=1)
    assert not (tmp_path / "y.npz").exists()
    run("extract", source, "-o", tmp_path / "y.npz", "--no-verify")
    assert run("verify", tmp_path / "none", code=1).startswith("unflow: ")


# ---- diff ---------------------------------------------------------------------------------


def diff(a, b, *words, code=1):
    r = subprocess.run([BINARY, "diff", a, b, "--json", *words], capture_output=True, text=True)
    assert r.returncode == code, (r.returncode, r.stderr)
    told = json.loads(r.stdout)
    return told, {d["name"]: d for d in told["differences"]}


def test_diff(npz):
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    y = x.copy()
    y[1, 2] += 0.5
    y[2, 0] += 2
    nan = np.array([1, np.nan, np.inf, -np.inf, -0.0])
    also_nan = np.array([1, -np.nan, np.inf, -np.inf, 0.0])
    a = npz("a.npz", same=x, v=x, only_a=x, t=x, s=x, nan=nan, w=np.array([b"x", b"yy"]),
            big=np.array([2**62, 5]), c=np.array([1 + 1j]))
    b = npz("b.npz", same=x, v=y, only_b=x, t=x.astype(np.float64), s=x.T, nan=also_nan, w=np.array([b"x", b"zz"]),
            big=np.array([2**62 + 1, 5]), c=np.array([1 + 2j]))
    told, d = diff(a, b)
    assert (told["equal"], told["only_in_a"], told["only_in_b"]) == (2, 1, 1)
    assert d.keys() == {"v", "only_a", "only_b", "t", "s", "w", "big", "c"}
    assert d["v"]["count"] == 2 and d["v"]["first"] == 6 and d["v"]["max_abs"] == 2
    assert np.isclose(d["v"]["max_rel"], 2 / 10)
    assert d["t"]["what"] == "dtype" and d["s"]["what"] == "shape"
    assert d["w"]["what"] == "values" and d["w"]["first"] == 1 and "max_abs" not in d["w"]
    assert d["big"]["count"] == 1 and d["big"]["max_abs"] == 1 and d["c"]["max_abs"] == 1
    r = subprocess.run([BINARY, "diff", a, b], capture_output=True, text=True)
    assert r.returncode == 1 and "2 equal, 6 differ, 1 only in A, 1 only in B" in r.stdout
    assert "first at [1, 2], at most by 2 (relative 0.2)" in r.stdout
    diff(a, a, code=0)
    assert diff(a, b, "v", "--atol", "1")[1]["v"]["count"] == 1
    diff(a, b, "v", "--atol", "2", code=0)
    diff(a, b, "v", "--rtol", "0.2", code=0)
    diff(a, b, "--rename", "only_a=only_b", "only*", code=0)
    assert run("diff", a, "no-such-file", code=2).startswith("unflow: ")


def test_diff_of_damaged_files_is_exit_code_2(npz):
    a, b = npz("a.npz", x=np.arange(1000.0)), npz("b.npz", x=np.arange(1000.0))
    data = bytearray(b.read_bytes())
    data[-2000] ^= 1
    b.write_bytes(data)
    told, d = diff(a, b, code=2)
    assert told["unreadable"] == 1 and "checksum" in d["x"]["why"]


# ---- ls, info, show ---------------------------------------------------------------------------


def test_ls_info_show(npz):
    a = np.arange(60, dtype=np.int32).reshape(3, 4, 5)
    source = npz(a=a, b=np.array([b"x\x00y"]))
    assert "(3, 4, 5)" in run("ls", source) and "2 arrays with 61 parameters" in run("ls", source)
    told = run_json("ls", source, "a")
    assert told["format"] == "npz" and told["arrays"][0]["bytes"] == 240 and told["totals"]["parameters"] == 60
    assert run_json("info", source)["roles"] == {"value": 2} and "npz" in run("info", source)
    for words, want in (("a", a), ("a[1]", a[1:2]), ("a[1:]", a[1:]), ("a[:, -1]", a[:, -1:]), ("a[0:2, 1:3, 4]", a[:2, 1:3, 4:]),
                        ("a[-2:-1]", a[-2:-1]), ("a[5:9]", a[5:9])):
        assert run_json("show", source, words)["value"] == want.tolist()
    assert "(1, 4, 5) of (3, 4, 5)" in run("show", source, "a[0]")
    for bad in ("a[3]", "a[x]", "a[0,0,0,0]", "a[]"):
        assert "expected a part of (3, 4, 5)" in run("show", source, bad, code=1)
    assert "'nope'" in run("show", source, "nope", code=1)
    assert "runs are for a .tflite" in run("show", source, "a", "--run", code=2)


# ---- real checkpoints ------------------------------------------------------------------------


def test_names_and_roles_of_a_checkpoint(shared, tmp_path):
    source = shared / "data" / "tf" / "kws_dscnn"
    if not source.is_dir():
        pytest.skip("../shared has no kws_dscnn")
    out = tmp_path / "x.npz"
    run("extract", source, "-o", out, "--role", "value")
    names = names_of(out)
    assert "conv2d/kernel" in names and not any("Adam" in n for n in names)
    run("extract", source, "-o", out, "--names", "key", "*conv*", "--no-slots", "--exclude", "*OPTIMIZER*")
    assert all("Adam" not in n for n in names_of(out))
    run("extract", source, "-o", out, "--names", "path", "--role", "value")
    assert "layer_with_weights-0/kernel" in names_of(out)
    run("extract", source, "-o", out)
    assert "_CHECKPOINTABLE_OBJECT_GRAPH" not in names_of(out)
    run("extract", source, "-o", out, "--all")
    assert "_CHECKPOINTABLE_OBJECT_GRAPH" in names_of(out)
    run("diff", source, out, "--all")
    run("verify", source)
    shown = run("show", source, "conv2d/kernel[0, 0, 0, 0:2]")
    assert "layer_with_weights-0/kernel/.ATTRIBUTES/VARIABLE_VALUE" in shown and "variables.data-" in shown


def test_moving_averages(tmp_path):
    unflow = pytest.importorskip("unflow")
    train = getattr(unflow, "train", None)
    if not hasattr(train, "write_checkpoint"):
        pytest.skip("the package writes no checkpoints")
    w, shadow = np.zeros(3, np.float32), np.ones(3, np.float32)
    train.write_checkpoint(str(tmp_path / "ck"), {"w": w, "w/ExponentialMovingAverage": shadow, "w/Momentum": w,
                                                  "global_step": np.int64(3)})
    out = tmp_path / "x.npz"
    for words, want in (([], {"w": w, "w/ExponentialMovingAverage": shadow, "w/Momentum": w, "global_step": 3}),
                        (["--ema", "--no-slots"], {"w": shadow}), (["global_step"], {"global_step": 3})):
        run("extract", tmp_path / "ck", "-o", out, *words)
        with np.load(out) as z:
            assert set(z.files) == set(want)
            for name in want:
                assert np.array_equal(z[name], want[name])


def test_real_sources_come_out_whole(shared, tmp_path):
    """Every real source is listed, verified, extracted and equal to what came out."""
    done = 0
    for path in sorted((shared / "data" / "tf").iterdir()):
        if path.suffix in (".npz", ".md", ".json"):
            continue
        r = subprocess.run([BINARY, "ls", "--json", path], capture_output=True, text=True)
        if r.returncode:
            assert r.stderr.startswith("unflow: "), path
            continue
        if not [a for a in json.loads(r.stdout)["arrays"] if a["dtype"] not in ("resource", "variant")]:
            continue
        out = tmp_path / "x.npz"
        run("verify", path, "--quiet")
        run("extract", path, "-o", out, "--all")
        r = subprocess.run([BINARY, "diff", path, out, "--all", "--json"], capture_output=True, text=True)
        for d in json.loads(r.stdout)["differences"]:
            # no .npz holds handles, and NumPy drops NULs at the end of strings
            assert d["a"]["dtype"] in ("resource", "variant", "string"), (path, d)
        done += 1
    assert done > 20
