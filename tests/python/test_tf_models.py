# SPDX-License-Identifier: Apache-2.0
"""Every TensorFlow model of ../shared/data/tf loads and gives its expected values."""

import json
import pathlib

import numpy as np
import pytest
import unflow as tf

v1 = tf.compat.v1
FOLDER = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data" / "tf"
INDEX = FOLDER / "index.json"
CASES = json.loads(INDEX.read_text())["cases"] if INDEX.is_file() else []
pytestmark = pytest.mark.skipif(not CASES, reason="../shared/data/tf is not there")

# reads variables that the same step assigns, in no order that the graph says
RACES = {("mediapipe_graph_def.pb", "multiplied:0")}


def array(data, item):
    """An array of the case's .npz; strings are kept in three parts."""
    key = item["key"]
    if key in data:
        found = data[key]
        if item["dtype"] == "bfloat16":
            found = found.view(tf.bfloat16.as_numpy_dtype)
        return found
    offsets, text = data[key + "__offs"], data[key + "__bytes"].tobytes()
    flat = np.empty(len(offsets) - 1, object)
    flat[:] = [text[a:b] for a, b in zip(offsets, offsets[1:])]
    return flat.reshape(data[key + "__shape"])


def compare(found, expected, where):
    found = np.asarray(found)
    assert found.shape == expected.shape, where
    if expected.dtype.kind in "fc" or "float" in expected.dtype.name:
        assert found.dtype == expected.dtype, where
        np.testing.assert_allclose(found.astype(np.float64), expected.astype(np.float64), rtol=1e-4,
                                   atol=1e-5, err_msg=where)
    else:
        assert found.tolist() == expected.tolist(), where


def of_kind(kind):
    return [pytest.param(c, id=c["id"]) for c in CASES if c["kind"] == kind]


@pytest.mark.parametrize("case", of_kind("saved_model"))
def test_saved_model(case):
    data = np.load(FOLDER / case["data"])
    path = FOLDER / case["path"]
    assert tf.saved_model.contains_saved_model(str(path))
    if not case.get("signatures"):
        pytest.skip("it has no signatures with values")
    models = {}
    for signature in case["signatures"]:
        if "run_error" in signature or "load_error" in signature or "outputs" not in signature:
            continue
        tags = signature.get("tags")
        key = tuple(tags or ())
        if key not in models:
            models[key] = tf.saved_model.load(str(path), tags=tags)
        function = models[key].signatures[signature["name"]]
        inputs = {i["name"]: tf.constant(array(data, i), i["dtype"]) for i in signature["inputs"]}
        found = function(**inputs)
        assert sorted(found) == sorted(o["name"] for o in signature["outputs"])
        for output in signature["outputs"]:
            compare(found[output["name"]].numpy(), array(data, output),
                    f"{signature['name']}: {output['name']}")


@pytest.mark.parametrize("case", of_kind("graph_def"))
def test_graph_def(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # one of them saves a checkpoint in the current folder
    data = np.load(FOLDER / case["data"])
    path = FOLDER / case["path"]
    graph_def = v1.GraphDef()
    if path.suffix == ".pbtxt":
        from unflow._proto_text import Parse

        Parse(path.read_text(), graph_def)
    else:
        graph_def.ParseFromString(path.read_bytes())
    graph = tf.Graph()
    with graph.as_default():
        v1.import_graph_def(graph_def, name="")
    if "outputs" not in case:
        return
    feeds = {i["name"]: array(data, i) for i in case.get("inputs", ())}
    with v1.Session(graph=graph) as sess:
        if "init_op" in case:
            sess.run(case["init_op"])
        fetches = [o["name"] for o in case["outputs"]]
        for found, output in zip(sess.run(fetches, feeds), case["outputs"]):
            if (case["id"], output["name"]) not in RACES:
                compare(found, array(data, output), output["name"])


@pytest.mark.parametrize("case", of_kind("checkpoint"))
def test_checkpoint(case):
    data = np.load(FOLDER / case["data"])
    reader = tf.train.load_checkpoint(str(FOLDER / case["prefix"]))
    for item in case["tensors"]:
        compare(reader.get_tensor(item["name"]), array(data, item), item["name"])
