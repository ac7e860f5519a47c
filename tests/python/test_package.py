# SPDX-License-Identifier: Apache-2.0
"""unflow.open and all that it gives."""

import io
import os
import pathlib
import threading
import zipfile

import numpy as np
import pytest
import unflow
from unflow import errors

F = np.float32


@pytest.fixture
def path(models, tmp_path):
    target = tmp_path / "add.tflite"
    target.write_bytes(models.add())
    return target


# ---- opening ----


def test_opens_what_python_has(models, path):
    data = models.add()
    aligned = np.frombuffer(data, np.uint8)
    for source in (str(path), path, data, bytearray(data), memoryview(data), aligned,
                   memoryview(b"xyz" + data)[3:], io.BytesIO(data), open(path, "rb")):
        with unflow.open(source) as m:
            np.testing.assert_array_equal(m.run(x=np.ones((2, 3), F))["y"], np.full((2, 3), 3, F))


def test_changing_the_source_afterwards_changes_nothing(models):
    data = bytearray(models.quantized())
    m = unflow.open(data)
    data[:] = bytes(len(data))
    assert m.tensors["x"].quantization.scales[0] == 0.5


def test_missing_file(tmp_path):
    for kind in (errors.NotFoundError, FileNotFoundError, ValueError, OSError, errors.OpError):
        with pytest.raises(kind, match="nothing.tflite"):
            unflow.open(tmp_path / "nothing.tflite")


def test_unreadable_file(path):
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    path.chmod(0)
    with pytest.raises(PermissionError, match="add.tflite"):
        unflow.open(path)


def test_no_model_and_damaged_model(models, tmp_path):
    for content in (b"", b"hello", b"\0" * 100, models.add()[:200]):
        target = tmp_path / "bad.tflite"
        target.write_bytes(content)
        with pytest.raises(ValueError, match="bad.tflite"):
            unflow.open(target)
        with pytest.raises(ValueError, match="mem"):
            unflow.open(content, name="mem")


def test_open_arguments(path):
    with pytest.raises(ValueError, match="num_threads"):
        unflow.open(path, num_threads=0)
    with pytest.raises(ValueError, match="num_threads"):
        unflow.open(path, num_threads="2")
    with pytest.raises(TypeError):
        unflow.open(3)
    assert unflow.open(path, 2).run(x=np.ones((2, 3), F))


def test_closed(path):
    m = unflow.open(path)
    m.run(x=np.ones((2, 3), F))
    held = m.tensors["y"].numpy()
    with m:
        pass
    np.testing.assert_array_equal(held, np.full((2, 3), 3, F))
    with pytest.raises(errors.FailedPreconditionError, match="closed"):
        m.run(x=np.ones((2, 3), F))
    m.close()


# ---- what is in it ----


def test_info_and_reprs(path):
    m = unflow.open(path)
    assert m.info["description"] == "a small model" and m.info["path"] == str(path)
    assert m.path == str(path) and m.unsupported == ()
    assert [n.op for n in m.nodes] == ["ADD", "ADD"] and m.nodes[1].inputs == (1, 0)
    assert "3 tensors, 2 nodes" in repr(m)
    for thing in (m, m.tensors, m.tensors["x"], m.inputs, m.variables):
        assert repr(thing) and "<table>" in thing._repr_html_()
    assert len(m.graphs) == 1 and m.graphs[0].name == "main"
    assert repr(m.tensors["x"]) == "<unflow tensor 0 'x' float32 (2, 3) activation>"


def test_tensors_mapping(path):
    m = unflow.open(path)
    t = m.tensors
    assert list(t) == ["x", "t", "y"] and len(t) == 3
    assert "x" in t and 2 in t and "z" not in t and 3 not in t
    assert t[1].name == t["t"].name == "t" and t[-1].name == "y" and t[np.int64(1)].index == 1
    assert t.get("z") is None and set(t.match("[xy]")) == {"x", "y"}
    with pytest.raises(KeyError, match="'tt'"):
        t["tt"]
    with pytest.raises(errors.NotFoundError):
        t["tt"]
    for bad in (3, -4, 2**40):
        with pytest.raises(IndexError):
            t[bad]
    with pytest.raises(TypeError):
        t[1.5]


def test_duplicate_and_empty_names(models):
    t = unflow.open(models.duplicate_names()).tensors
    assert list(t) == ["t", "t#1", "#2"] and [t[k].index for k in t] == [0, 1, 2]


def test_tensor_properties(path, models):
    t = unflow.open(path).tensors["x"]
    assert (t.name, t.index, t.type, t.kind, t.shape, t.ndim) == ("x", 0, "float32", "activation",
                                                                 (2, 3), 2)
    assert t.dtype == F and t.quantization is None and t.producer == -1 and not t.is_sparse
    q = unflow.open(models.quantized()).tensors["x"].quantization
    assert q.scales == 0.5 and q.zero_points == 128 and q.axis == 0
    assert repr(q) == "Quantization(scale=0.5, zero_point=128)"
    dynamic = unflow.open(models.add(signature=(-1, 3))).tensors["x"]
    assert dynamic.shape_signature == (-1, 3) and dynamic.shape == (2, 3)


def test_metadata_and_files(models, tmp_path):
    data, _ = models.constants()
    m = unflow.open(data)
    assert dict(m.metadata) == {"min_runtime_version": b"1.0\0"}
    assert dict(m.files) == {} and len(m.files) == 0
    with pytest.raises(KeyError, match="nope"):
        m.metadata["nope"]
    with pytest.raises(KeyError, match="nope"):
        m.files["nope"]
    target = tmp_path / "packed.tflite"
    target.write_bytes(data)
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr("labels.txt", "cat\ndog\n")
    for source in (target, target.read_bytes()):
        with unflow.open(source) as m:
            assert list(m.files) == ["labels.txt"] and m.files["labels.txt"] == b"cat\ndog\n"


# ---- running ----


def test_run_takes_inputs_in_every_way(models):
    m = unflow.open(models.add())
    x = np.arange(6, dtype=F).reshape(2, 3)
    expected = 3 * x
    for result in (m.run(x), m.run(x=x), m.run({"x": x}), m(x), m.run(x=x.tolist()),
                   m.run(np.asfortranarray(x)), m.run(x[::1]), m.run(x.astype(">f4"))):
        assert list(result) == ["y"]
        np.testing.assert_array_equal(result["y"], expected)
        assert result["y"].flags.writeable and result["y"].flags.owndata
    m.inputs["x"] = x + 1
    np.testing.assert_array_equal(m.run()["y"], expected + 3)


def test_run_refuses_wrong_inputs(path):
    m = unflow.open(path)
    x = np.ones((2, 3), F)
    with pytest.raises(ValueError, match="expected one of the inputs 'x', found 'z'"):
        m.run(z=x)
    with pytest.raises(ValueError, match="at most 1"):
        m.run(x, x)
    with pytest.raises(ValueError, match="twice"):
        m.run(x, x=x)
    with pytest.raises(errors.WrongTypeError, match="float64.*|float32"):
        m.run(x=x.astype(np.float64))
    with pytest.raises(TypeError):
        m.run(x=x.astype(np.int32))
    with pytest.raises(ValueError):
        m.run(x="text")
    with pytest.raises(ValueError):
        m.run(x=np.ones((1,) * 9, F))


def test_plain_numbers_must_fit(models):
    m = unflow.open(models.quantized())
    with pytest.raises((ValueError, TypeError)):
        m.run(x=[[1.5, 0, 0, 0]])
    with pytest.raises((ValueError, OverflowError)):
        m.run(x=[[300, 0, 0, 0]])
    np.testing.assert_array_equal(m.run(x=[[128, 130, 0, 255]])["y"], [[100, 102, 0, 227]])


def test_shapes_follow_the_inputs(models):
    m = unflow.open(models.add(signature=(-1, 3)))
    for n in (1, 5, 0, 2):
        assert m.run(x=np.ones((n, 3), F))["y"].shape == (n, 3)
        assert m.tensors["t"].shape == (n, 3)


def test_intermediates_before_and_after_a_run(path):
    m = unflow.open(path)
    with pytest.raises(errors.FailedPreconditionError, match="'t'"):
        m.tensors["t"].numpy()
    x = np.arange(6, dtype=F).reshape(2, 3)
    plain = m.run(x=x)["y"]
    np.testing.assert_array_equal(m.tensors["t"], 2 * x)
    m.capture("t")
    np.testing.assert_array_equal(m.run(x=x)["y"], plain)
    np.testing.assert_array_equal(m.tensors["t"], 2 * x)
    m.capture("*")
    m.run(x=x)
    m.capture()
    with pytest.raises(KeyError):
        m.capture("nothing*")
    kept = unflow.open(path, keep_all=True)
    kept.run(x=x)
    np.testing.assert_array_equal(kept.tensors["t"], 2 * x)


def test_signatures(models):
    m = unflow.open(models.variables())
    assert list(m.signatures) == ["sum", "assign"] and "sum" in m.signatures
    s = m.signatures["sum"]
    assert list(s.inputs) == ["x"] and list(s.outputs) == ["total"] and "sum" in repr(s)
    np.testing.assert_array_equal(s(x=np.ones(3, F))["total"], [2, 3, 4])
    np.testing.assert_array_equal(m.signatures["assign"](v=np.ones(3, F))["twice"], [2, 2, 2])
    with pytest.raises(KeyError, match="'train'"):
        m.signatures["train"]
    with pytest.raises(ValueError, match="'x'"):
        s(y=np.ones(3, F))
    assert list(m.inputs) == ["x"] and m.inputs[0].name == "x"


def test_unsupported_is_listed_and_the_rest_runs(models):
    m = unflow.open(models.unknown_op())
    assert len(m.unsupported) == 1 and "Mystery" in m.unsupported[0] and "'z'" in m.unsupported[0]
    assert not m.nodes[1].supported
    with pytest.raises(NotImplementedError, match="Mystery"):
        m.run(x=np.ones(2, F))


def test_types_that_an_op_does_not_take_are_listed_at_open(models):
    m = unflow.open(models.unknown_type())
    assert m.unsupported == (
        "op #1 EXP 'd': expected floats, or quantized int8 or int16, found 'c' complex64 (2,)",)
    with pytest.raises(NotImplementedError, match="op #1 EXP 'd'"):
        m.run(x=np.full(2, 3, F), c=np.ones(2, np.complex64))
    assert m.tensors["y"].numpy().tolist() == [9, 9]  # the rest ran


# ---- variables ----


def test_variables_by_every_key(models):
    m = unflow.open(models.variables())
    assert list(m.variables) == ["w", "b"] or set(m.variables) == {"w", "b"}
    handle = m.tensors["w"].index
    for key in ("w", handle):
        np.testing.assert_array_equal(m.variables[key].numpy(), [1, 2, 3])
    np.testing.assert_array_equal(m.tensors["w"], [1, 2, 3])
    np.testing.assert_array_equal(m.tensors[handle], [1, 2, 3])
    w = m.variables["w"]
    assert (w.name, w.kind, w.type, w.initialized, w.dtype) == ("w", "variable", "float32", True, F)
    assert not m.variables["b"].initialized and "not assigned" in repr(m.variables["b"])
    with pytest.raises(KeyError, match="'zz'"):
        m.variables["zz"]
    assert "zz" not in m.variables and "x" not in m.variables


def test_never_assigned_is_named(models):
    m = unflow.open(models.never_assigned())
    for read in (lambda: m.variables["lost"].numpy(), lambda: m.tensors["lost"].numpy(), m.run):
        with pytest.raises(errors.FailedPreconditionError, match="'lost'"):
            read()


def test_assigning(models):
    m = unflow.open(models.variables())
    m.variables["w"] = np.array([5, 6, 7], F)
    np.testing.assert_array_equal(m.signatures["sum"](x=np.zeros(3, F))["total"], [5, 6, 7])
    m.variables["w"].assign([1, 1, 1])
    m.tensors["b"].assign(np.ones(3, F))
    np.testing.assert_array_equal(m.variables["b"], [1, 1, 1])
    with pytest.raises(errors.WrongTypeError, match="'w'"):
        m.variables["w"] = np.array([1, 2, 3], np.int32)
    for variable in (m.variables["w"], m.tensors["w"]):
        with pytest.raises(errors.InvalidArgumentError, match=r"'w'.*\(3,\).*\(1, 2\)"):
            variable.assign(np.ones((1, 2), F))
    m.variables["w"].assign(np.ones((1, 2), F), resize=True)
    assert m.variables["w"].shape == (1, 2)
    m.tensors["w"].assign([1, 1, 1], resize=True)
    np.testing.assert_array_equal(m.variables["w"], [1, 1, 1])


def test_held_arrays_never_change(models):
    m = unflow.open(models.variables())
    before = m.variables["w"].numpy()
    assert not before.flags.writeable
    with pytest.raises(ValueError):
        before[0] = 9
    own = m.variables["w"].numpy(copy=True)
    own[0] = 9
    m.signatures["sum"](x=np.ones(3, F))
    np.testing.assert_array_equal(before, [1, 2, 3])
    np.testing.assert_array_equal(m.variables["w"], [2, 3, 4])
    m.close()
    np.testing.assert_array_equal(before, [1, 2, 3])


def test_state_reset_and_fork(models, tmp_path):
    m = unflow.open(models.variables())
    m.signatures["sum"](x=np.ones(3, F))
    saved = m.state()
    assert set(saved) == {"w"}
    np.testing.assert_array_equal(saved["w"], [2, 3, 4])
    np.savez(tmp_path / "state.npz", **saved)
    other = m.fork()
    m.signatures["sum"](x=np.ones(3, F))
    np.testing.assert_array_equal(other.variables["w"], [2, 3, 4])
    np.testing.assert_array_equal(m.variables["w"], [3, 4, 5])
    m.reset()
    np.testing.assert_array_equal(m.variables["w"], [1, 2, 3])
    m.load_state(tmp_path / "state.npz")
    np.testing.assert_array_equal(m.variables["w"], [2, 3, 4])
    m.load_state({"w": [0, 0, 0]})
    np.testing.assert_array_equal(m.variables["w"], [0, 0, 0])
    with pytest.raises(KeyError, match="'nope'"):
        m.load_state({"w": [1, 1, 1], "nope": [1]})
    np.testing.assert_array_equal(m.variables["w"], [0, 0, 0])
    assert len(m.tables) == 0
    with pytest.raises(KeyError):
        m.tables["t"]


def test_threads_wait_for_each_other(models):
    m = unflow.open(models.variables())
    def work():
        for _ in range(50):
            m.signatures["sum"](x=np.ones(3, F))
            m.variables["w"].numpy()
    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    np.testing.assert_array_equal(m.variables["w"], [201, 202, 203])


def test_tables(models, tmp_path):
    m = unflow.open(models.table())
    (name,) = m.tables
    t = m.tables[name]
    assert t.name == name and t.initialized and name in repr(t) and name in m.tables
    assert t.to_dict() == {b"a": 1, b"b": 2} == dict(t) and len(t) == 2 and list(t) == [b"a", b"b"]
    assert t["a"] == 1 and "b" in t and b"c" not in t and t.values().dtype == np.int64
    with pytest.raises(KeyError):
        t["c"]
    assert m.run(x=["b", "a", "c"])["y"].tolist() == [2, 1, -1]
    t.assign(["c", "é"], [3, 4])
    np.savez(tmp_path / "tables.npz", **m.state())
    m.reset()
    assert m.run(x=["b", "a", "c"])["y"].tolist() == [2, 1, -1]
    m.load_state(tmp_path / "tables.npz")
    assert m.run(x=["b", "é", "c"])["y"].tolist() == [-1, 4, 3]
    assert name not in m.variables and m.tensors["table"].numpy().tolist() == [3, 4]
    with pytest.raises(ValueError, match="values"):
        m.load_state({f"{name}/keys": np.array([b"x"])})


# ---- import ----


def test_import_is_light(run_python):
    code = ("import numpy, sys, time; t = time.perf_counter(); import unflow; "
            "print(time.perf_counter() - t); "
            "print([m for m in sys.modules if m.startswith(('unflow.', 'ml_dtypes'))])")
    status, out, err = run_python("-c", code)
    seconds, loaded = out.splitlines()
    assert status == 0 and err == "" and float(seconds) < 0.025 and loaded == "[]"
    status, out, _ = run_python("-c", "import unflow, sys; print('numpy' in sys.modules)")
    assert (status, out) == (0, "False\n")


def test_missing_names_say_so():
    with pytest.raises(AttributeError, match="unflow has no 'keras'"):
        unflow.keras
    with pytest.raises(AttributeError, match="compat.v1.estimator"):
        unflow.compat.v1.estimator
    with pytest.raises(AttributeError, match="lite.TFLiteConverter"):
        unflow.lite.TFLiteConverter
    assert "open" in dir(unflow) and unflow.__version__
    assert unflow.isa() and isinstance(pathlib.Path(unflow.__file__), pathlib.Path)
