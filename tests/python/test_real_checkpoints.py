# SPDX-License-Identifier: Apache-2.0
"""Every SavedModel, checkpoint and GraphDef of ../shared/data/tf: variables and constants bit for bit."""

import json

import numpy as np
import pytest
import unflow
from conftest import SHARED
from test_real_models import load
from unflow import _core

FOLDER = SHARED / "data" / "tf"
CASES = json.loads((FOLDER / "index.json").read_text())["cases"] if FOLDER.is_dir() else []
NONE = [pytest.param(None, marks=pytest.mark.skip(reason="../shared is not there"), id="47 files")]
FORMATS = {"checkpoint": ("checkpoint", "checkpoint_v1"), "saved_model": ("saved_model",), "graph_def": ("graph_def",)}


def params(cases):
    return [pytest.param(c, id=c["id"]) for c in cases] or NONE


def path_of(case):
    path = case.get("prefix", case["path"])
    return FOLDER / path


def arrays_of(case):
    return case.get("tensors", []) + case.get("variables", []) + case.get("consts", [])


def check(found, expected, dtype, name):
    found = np.asarray(found)
    if isinstance(found, bytes) or found.dtype == object:
        # A single string was kept as NumPy's bytes, which lose NULs at the end.
        both = [[x.rstrip(b"\0") for x in a.reshape(-1)] if not a.shape else a.tolist() for a in (found, expected)]
        assert found.shape == expected.shape and both[0] == both[1], name
        return
    if dtype == "bfloat16" and expected.dtype == np.uint16:
        found = found.view(np.uint16)
    assert found.shape == expected.shape and found.tobytes() == expected.tobytes(), name


@pytest.mark.parametrize("case", params(CASES))
def test_values(case):
    source = _core.source_open(str(path_of(case)))
    assert source.info()["format"] in FORMATS[case["kind"]]
    wanted = arrays_of(case)
    with np.load(FOLDER / case["data"], allow_pickle=False) as data:
        for spec in wanted:
            expected = load(data, spec["key"])
            name, dtype, shape = source.entry(spec["name"])[:3]
            assert (dtype, list(shape)) == (spec["dtype"], spec["shape"]), name
            check(source.read(name), expected, dtype, name)
            check(source.read(name, True, True), expected, dtype, name)
            source.verify(name)
    names = source.names()
    assert len(names) == len(set(names)) >= len(wanted)
    assert {spec["name"] for spec in wanted} <= set(names)


@pytest.mark.parametrize("case", params(CASES))
def test_names_and_read_all(case):
    source = _core.source_open(str(path_of(case)))
    names = source.names()
    assert [v[1] for v in source.variables()] == names
    assert len({v[0] for v in source.variables()}) == len(names)
    for name, array in zip(names, source.read_all(names)):
        check(array, np.asarray(source.read(name)), None, name)


@pytest.mark.parametrize("case", params([c for c in CASES if "meta_graphs" in c or c["kind"] == "graph_def"]))
def test_nodes(case):
    source = _core.source_open(str(path_of(case)))
    ops, i = set(), 0
    while True:
        try:
            ops.add(source.node(i)[1])
        except unflow.errors.OutOfRangeError:
            break
        source.attrs(i)
        i += 1
    missing = set(case.get("tf_ops", [])) - ops
    assert not missing
