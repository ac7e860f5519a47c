# SPDX-License-Identifier: Apache-2.0
"""tf.compat.v1.saved_model: the graph of a SavedModel into a Session, and what files it has."""

from __future__ import annotations

import os

from ._graph import GraphKeys, Operation
from ._graph_io import Saver, load_meta_graph, read_message
from ._proto import AssetFileDef, SavedModel

SERVING, TRAINING, GPU, TPU = "serve", "train", "gpu", "tpu"


class tag_constants:
    """Names of tags."""

    SERVING, TRAINING, GPU, TPU = "serve", "train", "gpu", "tpu"


class signature_constants:
    """Names of signatures, their inputs, outputs and methods."""

    DEFAULT_SERVING_SIGNATURE_DEF_KEY = "serving_default"
    PREDICT_INPUTS, PREDICT_OUTPUTS = "inputs", "outputs"
    PREDICT_METHOD_NAME = "tensorflow/serving/predict"
    CLASSIFY_INPUTS = "inputs"
    CLASSIFY_METHOD_NAME = "tensorflow/serving/classify"
    CLASSIFY_OUTPUT_CLASSES, CLASSIFY_OUTPUT_SCORES = "classes", "scores"
    REGRESS_INPUTS, REGRESS_OUTPUTS = "inputs", "outputs"
    REGRESS_METHOD_NAME = "tensorflow/serving/regress"


class constants:
    """Names of files and collections."""

    ASSETS_DIRECTORY, ASSETS_KEY = "assets", "saved_model_assets"
    MAIN_OP_KEY, LEGACY_INIT_OP_KEY = "saved_model_main_op", "legacy_init_op"
    SAVED_MODEL_FILENAME_PB, SAVED_MODEL_FILENAME_PBTXT = "saved_model.pb", "saved_model.pbtxt"
    SAVED_MODEL_SCHEMA_VERSION = 1
    VARIABLES_DIRECTORY, VARIABLES_FILENAME = "variables", "variables"


def contains_saved_model(export_dir):
    """True when the folder has a saved_model.pb or .pbtxt."""
    folder = os.fspath(export_dir)
    return any(os.path.isfile(os.path.join(folder, n)) for n in ("saved_model.pb", "saved_model.pbtxt"))


def read_saved_model(export_dir):
    """The SavedModel message of a folder; OSError."""
    folder = os.fspath(export_dir)
    for name in ("saved_model.pb", "saved_model.pbtxt"):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return read_message(path, SavedModel)
    raise OSError(f"SavedModel file does not exist at: {folder}/{{saved_model.pbtxt|saved_model.pb}}")


def choose_meta_graph(saved_model, tags):
    """The meta graph with exactly these tags; RuntimeError."""
    tags = {tags} if isinstance(tags, str) else set(tags)
    available = []
    for meta_graph in saved_model.meta_graphs:
        found = set(meta_graph.meta_info_def.tags)
        if found == tags:
            return meta_graph
        available.append(sorted(found))
    raise RuntimeError(
        f"MetaGraphDef associated with tags {sorted(tags)} could not be found in SavedModel, with "
        f"available tags '{available}'. To inspect available tag-sets in the SavedModel, please use "
        f"`unflow info`.")


def asset_files(folder, meta_graph):
    """[(name of the tensor, path)] of the assets."""
    found = list(meta_graph.asset_file_def)
    if not found:
        collection = meta_graph.collection_def.get("saved_model_assets")
        if collection is not None:
            found = [AssetFileDef.FromString(a.value) for a in collection.any_list.value]
    return [(a.tensor_info.name, os.path.join(folder, "assets", a.filename)) for a in found]


def init_op(graph, meta_graph, scope=""):
    """The operation that a loaded graph wants to have run, or None."""
    def element(name):
        found = graph.as_graph_element(f"{scope}/{name}" if scope else name)
        return found if isinstance(found, Operation) else found.op

    for key in ("saved_model_main_op", "legacy_init_op"):
        collection = meta_graph.collection_def.get(key)
        if collection is not None and len(collection.node_list.value):
            return element(collection.node_list.value[0])
    signature = meta_graph.signature_def.get("__saved_model_init_op")
    if signature is not None and "__saved_model_init_op" in signature.outputs:
        return element(signature.outputs["__saved_model_init_op"].name)
    return None


def restore_into(sess, folder, meta_graph, scope="", saver=None):
    """Variables and tables of a loaded graph get what the folder has."""
    prefix = os.path.join(folder, "variables", "variables")
    assets = {f"{scope}/{n}" if scope else n: path for n, path in asset_files(folder, meta_graph)}
    if os.path.isfile(prefix + ".index") or os.path.isfile(prefix):
        with sess.graph.as_default():
            if saver is None and meta_graph.HasField("saver_def"):
                saver = Saver(saver_def=meta_graph.saver_def, name=scope)
            if saver is None and sess.graph.get_collection(GraphKeys.GLOBAL_VARIABLES):
                saver = Saver()
            if saver is not None and saver.saver_def is not None:
                saver.restore(sess, prefix)
    op = init_op(sess.graph, meta_graph, scope)
    if op is not None:
        sess.run(op, assets)


def load(sess, tags, export_dir, import_scope=None, **saver_kwargs):
    """Adds the graph with these tags to the session's, and restores its variables. The
    MetaGraphDef."""
    folder = os.fspath(export_dir)
    meta_graph = choose_meta_graph(read_saved_model(folder), tags)
    graph = sess.graph
    load_meta_graph(graph, meta_graph, import_scope or "", **saver_kwargs)
    restore_into(sess, folder, meta_graph, import_scope or "")
    return meta_graph
