# SPDX-License-Identifier: Apache-2.0
"""Graphs from messages and files, and back: import_graph_def, meta graphs, tf.compat.v1.train.Saver."""

from __future__ import annotations

import os
import time

from . import _mode, _ops
from ._dtypes import as_dtype
from ._graph import GraphKeys, Operation, Tensor, get_default_graph
from ._proto import (
    CollectionDef,
    DecodeError,
    GraphDef,
    MetaGraphDef,
    SaverDef,
    message_class,
)

# ---- graphs ----


def _ours(message, cls):
    """The message, whichever package's class it has, as ours."""
    if isinstance(message, cls):
        return message
    if isinstance(message, (bytes, bytearray, memoryview)):
        return cls.FromString(message)
    serialize = getattr(message, "SerializeToString", None)
    if serialize is None:
        raise TypeError(f"Argument `graph_def` must be a GraphDef proto: {type(message).__name__}")
    return cls.FromString(serialize())


def _prefixed(name, prefix):
    return f"{prefix}/{name}" if prefix else name


def load_into(graph, graph_def, prefix, input_map=None):
    """Adds a GraphDef to a graph; input_map: {"node:0": Tensor of the graph}."""
    graph_def = _ours(graph_def, GraphDef)
    if graph._finalized:
        raise RuntimeError("Graph is finalized and cannot be modified.")
    mapped = input_map or {}
    first = graph._builder.count()
    graph._builder.load(graph_def.SerializeToString(), prefix, list(mapped),
                        [t._value for t in mapped.values()])
    for node in range(first, graph._builder.count()):
        graph._claim(graph._builder.node(node)[1])
    for function in graph_def.library.function:
        graph._functions.setdefault(function.signature.name, function)


def import_graph_def(graph_def, input_map=None, return_elements=None, name=None, op_dict=None,
                     producer_op_list=None):
    """Adds a GraphDef to the default graph, under the name scope `name` ("import").

    input_map: {name of a tensor in graph_def: the tensor to take instead}. return_elements:
    names of operations and tensors in graph_def; the list of them in the graph is returned."""
    graph = get_default_graph()
    graph_def = _ours(graph_def, GraphDef)
    mapped = {}
    for key, value in (input_map or {}).items():
        key = key.decode() if isinstance(key, bytes) else key
        mapped[key if ":" in key else key + ":0"] = _ops.convert(value, graph=graph)
    if mapped:
        _check_mapped(graph_def, mapped)
    if name == "":
        prefix = ""
    else:
        with graph.name_scope(name or "import") as scope:
            prefix = scope[:-1]
    load_into(graph, graph_def, prefix, mapped)
    if return_elements is None:
        return None
    out = []
    for element in return_elements:
        element = element.decode() if isinstance(element, bytes) else element
        if not isinstance(element, str):
            raise TypeError(f"Argument `return_elements` must be a list of strings. Obtained: {element}")
        try:
            out.append(graph.as_graph_element(_prefixed(element, prefix)))
        except KeyError:
            raise ValueError(f"Requested return_element '{element}' not found in graph_def.") from None
    return out


def _check_mapped(graph_def, mapped):
    used = {name if ":" in name else name + ":0" for node in graph_def.node for name in node.input
            if not name.startswith("^")}
    unused = [key for key in mapped if key not in used]
    if unused:
        raise ValueError("Attempted to map inputs that were not found in graph_def: "
                         f"[{', '.join(unused)}]")


def write_graph(graph_or_graph_def, logdir, name, as_text=True):
    """Writes a GraphDef to a file, as text or bytes; its path."""
    message = graph_or_graph_def
    if hasattr(message, "as_graph_def"):
        message = message.as_graph_def()
    os.makedirs(logdir, exist_ok=True)
    path = os.path.join(logdir, name)
    data = str(message).encode() if as_text else message.SerializeToString()
    with open(path, "wb") as file:
        file.write(data)
    return path


def read_message(path, cls):
    """The message in a file, bytes or text."""
    from .errors import DataLossError

    with open(path, "rb") as file:
        data = file.read()
    try:
        return cls.FromString(data)
    except DecodeError:
        from ._proto_text import Parse

        try:
            return Parse(data, cls())
        except DecodeError as error:
            raise DataLossError(None, None, f"{path}: expected a {cls.__name__}, found {error}"
                                ) from None


def convert_variables_to_constants(sess, input_graph_def, output_node_names,
                                   variable_names_whitelist=None, variable_names_blacklist=None):
    """A GraphDef of what the named nodes need, variables replaced by their values."""
    from ._nodes import make_tensor_proto

    graph_def = GraphDef.FromString(input_graph_def.SerializeToString())
    nodes = {node.name: node for node in graph_def.node}
    wanted, queue = set(), [n.split(":")[0] for n in output_node_names]
    while queue:
        name = queue.pop()
        if name in wanted:
            continue
        if name not in nodes:
            raise AssertionError(f"{name} is not in graph")
        wanted.add(name)
        queue += [i.lstrip("^").split(":")[0] for i in nodes[name].input]
    frozen = [n for n in wanted if nodes[n].op in ("VariableV2", "VarHandleOp")]
    values = dict(zip(frozen, sess.run([n + ":0" for n in frozen]) if frozen else []))
    out = GraphDef()
    out.library.CopyFrom(graph_def.library)
    out.versions.CopyFrom(graph_def.versions)
    for node in graph_def.node:
        if node.name not in wanted:
            continue
        new = out.node.add()
        if node.name in values:
            new.name, new.op = node.name, "Const"
            new.attr["dtype"].CopyFrom(node.attr["dtype"])
            new.attr["value"].tensor.CopyFrom(make_tensor_proto(values[node.name]))
        elif node.op == "ReadVariableOp" and node.input[0].split(":")[0] in values:
            new.name, new.op = node.name, "Identity"
            new.input.append(node.input[0])
            new.attr["T"].CopyFrom(node.attr["dtype"])
        else:
            new.CopyFrom(node)
    return out


# ---- meta graphs ----

_VARIABLES = (GraphKeys.GLOBAL_VARIABLES, GraphKeys.TRAINABLE_VARIABLES, GraphKeys.LOCAL_VARIABLES,
              GraphKeys.MODEL_VARIABLES, GraphKeys.MOVING_AVERAGE_VARIABLES, GraphKeys.METRIC_VARIABLES,
              GraphKeys.GLOBAL_STEP)


def load_meta_graph(graph, meta_graph, scope="", clear_devices=False, input_map=None,
                    return_elements=None):
    """Adds a MetaGraphDef to a graph, with its collections; elements by name."""
    graph_def = meta_graph.graph_def
    if clear_devices:
        graph_def = GraphDef.FromString(graph_def.SerializeToString())
        for node in graph_def.node:
            node.device = ""
    elements = None
    with graph.as_default():
        prefix = ""
        if scope:
            with graph.name_scope(scope) as full:
                prefix = full[:-1]
        if input_map or return_elements:
            with graph.name_scope(None):
                elements = import_graph_def(graph_def, input_map, return_elements, prefix)
        else:
            load_into(graph, graph_def, prefix)
        for key, collection in sorted(meta_graph.collection_def.items()):
            _load_collection(graph, key, collection, prefix)
    return elements


def _load_collection(graph, key, collection, prefix):
    known = {getattr(v, "name", None): v for name in _VARIABLES for v in graph.get_collection(name)}
    kind = collection.WhichOneof("kind")
    if kind == "node_list":
        for name in collection.node_list.value:
            graph.add_to_collection(key, graph.as_graph_element(_prefixed(name, prefix)))
    elif kind == "bytes_list" and key in _VARIABLES:
        from ._graph_variable import GraphVariable

        for data in collection.bytes_list.value:
            proto = message_class("VariableDef").FromString(data)
            found = known.get(_prefixed(proto.variable_name, prefix))
            graph.add_to_collection(
                key, GraphVariable.from_proto(proto, prefix) if found is None else found)
    elif kind == "bytes_list" and key == GraphKeys.SAVERS:
        for data in collection.bytes_list.value:
            graph.add_to_collection(key, Saver(saver_def=SaverDef.FromString(data), name=prefix))
    elif kind is not None and kind != "any_list":
        for value in getattr(collection, kind).value:
            graph.add_to_collection(key, value)


def import_meta_graph(meta_graph_or_file, clear_devices=False, import_scope=None, **kwargs):
    """Adds a meta graph (a .meta file, bytes or text) to the default graph. A Saver for its
    variables, or None when it has none."""
    return import_meta_graph_with_elements(meta_graph_or_file, clear_devices, import_scope, **kwargs)[0]


def import_meta_graph_with_elements(meta_graph_or_file, clear_devices=False, import_scope=None,
                                    return_elements=None, input_map=None, **unused):
    """As import_meta_graph; also the elements by name."""
    if _mode.executing_eagerly():
        raise RuntimeError("Exporting/importing meta graphs is not supported when eager execution is "
                           "enabled. No graph exists when eager execution is enabled.")
    if unused:
        raise TypeError(f"import_meta_graph got unexpected arguments {sorted(unused)}")
    meta_graph = meta_graph_or_file
    if isinstance(meta_graph, (str, os.PathLike)):
        path = os.fspath(meta_graph)
        if not os.path.exists(path):
            raise OSError(f"File {path} does not exist.")
        meta_graph = read_message(path, MetaGraphDef)
    meta_graph = _ours(meta_graph, MetaGraphDef)
    graph = get_default_graph()
    elements = load_meta_graph(graph, meta_graph, import_scope or "", clear_devices, input_map,
                               return_elements)
    if meta_graph.HasField("saver_def") and meta_graph.saver_def.save_tensor_name:
        return Saver(saver_def=meta_graph.saver_def, name=import_scope or ""), elements
    if graph.get_collection(GraphKeys.GLOBAL_VARIABLES):
        return Saver(), elements
    return None, elements


def _collection_def(values):
    """A CollectionDef, or None for what has no message."""
    from ._variable import Variable

    out = CollectionDef()
    for value in values:
        if isinstance(value, Variable):
            out.bytes_list.value.append(value.to_proto().SerializeToString())
        elif isinstance(value, Saver):
            out.bytes_list.value.append(value.to_proto().SerializeToString())
        elif isinstance(value, (Tensor, Operation)):
            out.node_list.value.append(value.name)
        elif isinstance(value, (bytes, str)):
            out.bytes_list.value.append(value if isinstance(value, bytes) else value.encode())
        elif isinstance(value, float):
            out.float_list.value.append(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            out.int64_list.value.append(value)
        else:
            return None
    return out


def export_meta_graph(filename=None, meta_info_def=None, graph_def=None, saver_def=None,
                      collection_list=None, as_text=False, graph=None, export_scope=None,
                      clear_devices=False, clear_extraneous_savers=False, strip_default_attrs=False,
                      save_debug_info=False, **unused):
    """The MetaGraphDef of the default graph, written to filename when there is one."""
    if unused or export_scope:
        raise NotImplementedError("unflow has no export_scope of export_meta_graph")
    graph = graph or get_default_graph()
    out = MetaGraphDef()
    if meta_info_def is not None:
        out.meta_info_def.CopyFrom(meta_info_def)
    out.meta_info_def.tensorflow_version = "2.21.0"
    out.graph_def.CopyFrom(graph_def if graph_def is not None else graph.as_graph_def(add_shapes=True))
    if clear_devices:
        for node in out.graph_def.node:
            node.device = ""
    if saver_def is not None:
        out.saver_def.CopyFrom(saver_def)
    for key in collection_list or graph.get_all_collection_keys():
        found = _collection_def(graph.get_collection(key))
        if found is not None and found.WhichOneof("kind"):
            out.collection_def[key].CopyFrom(found)
    if filename:
        folder = os.path.dirname(os.fspath(filename))
        if folder:
            os.makedirs(folder, exist_ok=True)
        with open(filename, "wb") as file:
            file.write(str(out).encode() if as_text else out.SerializeToString())
    return out


# ---- Saver ----


def _names_of(var_list):
    """{name in the checkpoint: variable}"""
    if isinstance(var_list, dict):
        return dict(var_list)
    out = {}
    for variable in var_list:
        name = variable.op.name
        if name in out:
            raise ValueError(f"At least two variables have the same name: {name}")
        out[name] = variable
    return out


class Saver:
    """Saves variables of a graph to checkpoints, and restores them.

    var_list: variables, or {name in the checkpoint: variable}; all savable ones by default.
    max_to_keep: how many of the last checkpoints stay (None or 0: all)."""

    def __init__(self, var_list=None, reshape=False, sharded=False, max_to_keep=5,
                 keep_checkpoint_every_n_hours=10000.0, name=None, restore_sequentially=False,
                 saver_def=None, builder=None, defer_build=False, allow_empty=False,
                 write_version=2, pad_step_number=False, save_relative_paths=False, filename=None):
        if _mode.executing_eagerly() and saver_def is None and var_list is None:
            raise RuntimeError("When eager execution is enabled, `var_list` must specify a list or dict "
                               "of variables to save")
        if builder is not None:
            raise NotImplementedError("unflow has no builders of Savers")
        if write_version not in (2, None):
            raise NotImplementedError("unflow writes checkpoints of version 2 only")
        self._max_to_keep, self._pad = max_to_keep or 0, pad_step_number
        self._every = keep_checkpoint_every_n_hours
        self._kept = []  # (prefix, when)
        self._next_kept = time.time() + self._every * 3600
        self._reshape, self._name, self._allow_empty = reshape, name, allow_empty
        self._filename = filename
        self._var_list, self._eager = var_list, None
        self.saver_def = None
        if saver_def is not None:
            self.saver_def = SaverDef.FromString(_ours(saver_def, SaverDef).SerializeToString())
            if name:
                for field in ("filename_tensor_name", "save_tensor_name", "restore_op_name"):
                    setattr(self.saver_def, field, f"{name}/{getattr(self.saver_def, field)}")
        elif _mode.executing_eagerly():
            self._eager = _names_of(var_list)
        elif not defer_build:
            self.build()

    def build(self):
        """Adds the nodes that save and restore."""
        if self.saver_def is not None:
            return
        graph = get_default_graph()
        var_list = self._var_list
        if var_list is None:
            var_list = graph.get_collection(GraphKeys.GLOBAL_VARIABLES) + graph.get_collection(
                GraphKeys.SAVEABLE_OBJECTS)
            var_list = list(dict.fromkeys(var_list))
        if not var_list:
            if not self._allow_empty:
                raise ValueError("No variables to save")
            return
        named = sorted(_names_of(var_list).items())
        self.saver_def = _saver_nodes(graph, named, self._name, self._reshape, self._filename)
        self.saver_def.max_to_keep = self._max_to_keep
        self.saver_def.keep_checkpoint_every_n_hours = self._every

    # ---- which checkpoints there are ----

    @property
    def last_checkpoints(self):
        """Prefixes of the checkpoints that stay, the oldest first."""
        return [prefix for prefix, _ in self._kept]

    def set_last_checkpoints(self, last_checkpoints):
        """Says which checkpoints there are, the oldest first."""
        self._kept = [(prefix, time.time()) for prefix in last_checkpoints]

    def set_last_checkpoints_with_time(self, last_checkpoints_with_time):
        """The same, with times."""
        self._kept = list(last_checkpoints_with_time)

    def recover_last_checkpoints(self, checkpoint_paths):
        """As set_last_checkpoints, those of them that are there."""
        from .train import checkpoint_exists

        self._kept = [(p, os.path.getmtime(p + ".index")) for p in checkpoint_paths
                      if checkpoint_exists(p) and os.path.exists(p + ".index")]

    def _keep(self, prefix):
        self._kept = [pair for pair in self._kept if pair[0] != prefix] + [(prefix, time.time())]
        if not self._max_to_keep:
            return
        while len(self._kept) > self._max_to_keep:
            old, when = self._kept.pop(0)
            if when > self._next_kept:
                self._next_kept += self._every * 3600
                continue
            remove_checkpoint(old)

    # ---- saving and restoring ----

    def save(self, sess, save_path, global_step=None, latest_filename=None, meta_graph_suffix="meta",
             write_meta_graph=True, write_state=True, strip_default_attrs=False,
             save_debug_info=False):
        """Writes a checkpoint; its prefix: save_path, or save_path-global_step."""
        from . import train

        prefix = os.fspath(save_path)
        if global_step is not None:
            if not isinstance(global_step, int) and not hasattr(global_step, "__index__"):
                global_step = int(sess.run(global_step))
            prefix += f"-{int(global_step):08d}" if self._pad else f"-{int(global_step)}"
        folder = os.path.dirname(prefix)
        if folder:
            os.makedirs(folder, exist_ok=True)
        if self._eager is not None:
            train.write_checkpoint(prefix, {k: v.numpy_array() for k, v in self._eager.items()})
        else:
            self._build_now()
            sess.run(self.saver_def.save_tensor_name, {self.saver_def.filename_tensor_name: prefix})
        if write_state:
            self._keep(prefix)
            train.update_checkpoint_state(folder or ".", prefix, self.last_checkpoints, latest_filename)
        if write_meta_graph and self._eager is None:
            with sess.graph.as_default():
                self.export_meta_graph(f"{prefix}.{meta_graph_suffix}")
        return prefix

    def _build_now(self):
        if self.saver_def is None:
            raise RuntimeError("`build()` should be called before save if defer_build==True")

    def restore(self, sess, save_path):
        """Gives the variables their values of a checkpoint."""
        from .train import checkpoint_exists, load_checkpoint

        if save_path is None:
            raise ValueError("Can't load save_path when it is None.")
        prefix = os.fspath(save_path)
        if not checkpoint_exists(prefix):
            raise ValueError(f"The passed save_path is not a valid checkpoint: {prefix}")
        if self._eager is not None:
            reader = load_checkpoint(prefix)
            for name, variable in self._eager.items():
                variable.assign(reader.get_tensor(name))
            return
        self._build_now()
        sess.run(self.saver_def.restore_op_name, {self.saver_def.filename_tensor_name: prefix})

    def as_saver_def(self):
        """Its SaverDef."""
        return self.saver_def

    def to_proto(self, export_scope=None):
        """Its SaverDef."""
        return self.saver_def

    @staticmethod
    def from_proto(saver_def, import_scope=None):
        """The Saver of a SaverDef."""
        return Saver(saver_def=saver_def, name=import_scope)

    def export_meta_graph(self, filename=None, collection_list=None, as_text=False, export_scope=None,
                          clear_devices=False, clear_extraneous_savers=False,
                          strip_default_attrs=False, save_debug_info=False):
        """The MetaGraphDef with this Saver in it, written to filename when there is one."""
        return export_meta_graph(filename, saver_def=self.saver_def, collection_list=collection_list,
                                 as_text=as_text, clear_devices=clear_devices,
                                 export_scope=export_scope)


def remove_checkpoint(prefix):
    """Removes a checkpoint's files."""
    folder, name = os.path.split(prefix)
    try:
        found = os.listdir(folder or ".")
    except OSError:
        return
    for file in found:
        if file in (name + ".index", name + ".meta") or (
                file.startswith(name + ".data-")):
            os.unlink(os.path.join(folder, file))


def _saver_nodes(graph, named, name, reshape, filename):
    """The nodes of a Saver as TensorFlow makes them; their SaverDef."""
    string = as_dtype("string")
    with graph.name_scope(name or "save") as scope, graph.control_dependencies(None):
        default = _ops.convert(filename or "model", string, name="filename/input", graph=graph)
        default = _ops.apply("PlaceholderWithDefault", [default], {"shape": []}, "filename")
        path = _ops.apply("PlaceholderWithDefault", [default], {"shape": []}, "Const")
        names = [n for n, _ in named]
        tensors = [v._snapshot if hasattr(v, "_snapshot") else v for _, v in named]
        slices = [""] * len(named)
        with graph.name_scope("SaveV2"):
            keys = _ops.convert(names, string, name="tensor_names", graph=graph)
            where = _ops.convert(slices, string, name="shape_and_slices", graph=graph)
        save = graph.add_op("SaveV2", [path, keys, where, *tensors], None, scope + "SaveV2/")
        with graph.control_dependencies([save]):
            done = _ops.apply("Identity", [path], None, "control_dependency")
        with graph.name_scope("RestoreV2"):
            keys = _ops.convert(names, string, name="tensor_names", graph=graph)
            where = _ops.convert(slices, string, name="shape_and_slices", graph=graph)
        dtypes = [v.dtype for _, v in named]
        restored = graph.add_op("RestoreV2", [path, keys, where], {"dtypes": dtypes},
                                scope + "RestoreV2/").outputs
        assigns = []
        for (_, variable), value in zip(named, restored):
            if reshape and variable.shape.is_fully_defined():
                value = _ops.apply("Reshape", [value, variable.shape.as_list()])
            if not variable._is_resource:
                assigns.append(graph.add_op("Assign", [variable.handle, value], {
                    "validate_shape": not reshape}, "Assign"))
            else:
                value = _ops.apply("Identity", [value])
                assigns.append(graph.add_op("AssignVariableOp", [variable.handle, value],
                                            {"dtype": variable.dtype}, "AssignVariableOp"))
        every = graph.add_op("NoOp", [], None, "restore_all", assigns)
    return SaverDef(filename_tensor_name=path.name, save_tensor_name=done.name,
                    restore_op_name=every.name, version=2)

