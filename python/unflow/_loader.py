# SPDX-License-Identifier: Apache-2.0
"""tf.saved_model.load: the objects of a SavedModel, with variables, tables and functions that run.

The function library goes into a C builder once. A concrete function becomes a model at its first
call (placeholders, one call node), whose session shares the variables and tables of eager mode; so
a restored variable is the very one that its functions read and write.
"""

from __future__ import annotations

import os

import numpy as np

from . import _core, _nest, _ops
from ._dtypes import as_dtype
from ._loader_v1 import (
    asset_files,
    choose_meta_graph,
    contains_saved_model,
    init_op,
    read_saved_model,
    restore_into,
)
from ._nodes import make_ndarray
from ._proto import DecodeError, message_class
from ._session import _Plan
from ._specs import TensorSpec, TypeSpec
from ._structure import plain
from ._variable import UninitializedVariable, Variable
from .errors import DataLossError, OpError, UnimplementedError

_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


# ---- objects ----


class AutoTrackable:
    """An object of a SavedModel: its children are its attributes."""

    def _children(self):
        return {k: v for k, v in vars(self).items() if not k.startswith("_self_")}


class _UserObject(AutoTrackable):
    """An object whose class is not known any more."""


class _CallableUserObject(_UserObject):
    """One that was callable."""

    def __call__(self, *args, **kwargs):
        return self.__dict__["__call__"](*args, **kwargs)


class ListWrapper(list):
    """A list of a SavedModel."""


class _TupleWrapper(list):
    pass


class DictWrapper(dict):
    """A dict of a SavedModel."""


class SignatureMap(dict):
    """Signatures by name; read only."""

    def __setitem__(self, key, value):
        raise TypeError("signatures cannot be changed")

    def __repr__(self):
        return f"_SignatureMap({dict.__repr__(self)})"


class Asset(AutoTrackable):
    """A file beside the model."""

    def __init__(self, path):
        self._path = path

    @property
    def asset_path(self):
        """Its path, a string tensor."""
        return _ops.convert(self._path, as_dtype("string"))


class RestoredResource(AutoTrackable):
    """A table or another resource: made when it is first needed."""

    def __init__(self):
        self._self_handle = None

    @property
    def resource_handle(self):
        """The handle that functions take."""
        if self._self_handle is None:
            create = self.__dict__.get("_create_resource")
            if create is None:
                raise UnimplementedError(None, None, "this resource of the SavedModel has no function "
                                         "that makes it")
            self._self_handle = create()
        return self._self_handle


# ---- functions ----


class _Library:
    """The functions of a SavedModel and what their calls share."""

    def __init__(self, graph_def):
        self.builder = _core.Builder()
        self.builder.load(graph_def.SerializeToString(), "", [], [])
        self.functions = {f.signature.name: f for f in graph_def.library.function}
        self.nodes = {n.name: n for n in graph_def.node}
        self.calls = 0

    def session(self, name):
        """A session whose graph 0 is a call of that function."""
        signature = self.functions[name].signature
        feeds = []
        prefix = f"__call_{self.calls}"
        self.calls += 1
        for i, arg in enumerate(signature.input_arg):
            _, value = self.builder.add("Placeholder", f"{prefix}/arg_{i}", [], [], {
                "dtype": as_dtype(arg.type)})
            feeds.append(value)
        node, first = self.builder.add("StatefulPartitionedCall", prefix, feeds, [], {
            "f": name, "Tin": [as_dtype(a.type) for a in signature.input_arg],
            "Tout": [as_dtype(a.type) for a in signature.output_arg]})
        fetches = [first + i for i in range(len(signature.output_arg))]
        session = _core.Session(self.builder.model(feeds, fetches, [node]))
        _core.share_context(session)
        return session


def _leaves(structure):
    """Specs in a structure, in the order of a function's arguments."""
    return [s for s in _nest.flatten(structure) if isinstance(s, TypeSpec)]


def _components(spec):
    return 3 if type(spec).__name__ == "SparseTensorSpec" else getattr(spec, "components", 1) if not (
        type(spec).__name__ == "RaggedTensorSpec") else spec.ragged_rank + 1


def _to_components(spec, value):
    """The tensors that stand for a value of that spec."""
    if type(spec).__name__ == "SparseTensorSpec":
        return [value.indices, value.values, value.dense_shape]
    if type(spec).__name__ == "RaggedTensorSpec":
        return [value.flat_values, *value.nested_row_splits]
    return [value]


def _from_components(spec, parts):
    if isinstance(spec, TensorSpec):
        return parts[0]
    from . import _composite

    if type(spec).__name__ == "SparseTensorSpec":
        return _composite.SparseTensor(*parts)
    if type(spec).__name__ == "RaggedTensorSpec":
        return _composite.RaggedTensor.from_nested_row_splits(parts[0], parts[1:])
    raise UnimplementedError(None, None, f"unflow has no values of {spec!r}")


def _packed(structure, tensors):
    """The structure of specs with tensors, an iterator, in their places."""
    if isinstance(structure, TypeSpec):
        return _from_components(structure, [next(tensors) for _ in range(_components(structure))])
    if isinstance(structure, dict):
        return {key: _packed(structure[key], tensors) for key in sorted(structure)}
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*(_packed(s, tensors) for s in structure))
    if isinstance(structure, (list, tuple)):
        return type(structure)(_packed(s, tensors) for s in structure)
    return structure


class ConcreteFunction:
    """A function of a SavedModel for arguments of known dtypes and shapes."""

    def __init__(self, library, name, proto):
        self._library, self.name = library, name
        self._bound = list(proto.bound_inputs)
        self._captures = []
        self.structured_input_signature = plain(proto.canonicalized_input_signature) or ((), {})
        self.structured_outputs = plain(proto.output_signature)
        self._keywords = None
        self._positional = None
        self._session = None

    @property
    def function_def(self):
        """Its FunctionDef."""
        return self._library.functions[self.name]

    @property
    def captured_inputs(self):
        """What it takes beside its arguments: handles of variables and tables, constants."""
        return [_captured(c) for c in self._captures]

    @property
    def variables(self):
        """Variables that it uses."""
        return tuple(c for c in self._captures if isinstance(c, Variable))

    @property
    def trainable_variables(self):
        return tuple(v for v in self.variables if v.trainable)

    @property
    def inputs(self):
        """Specs of its arguments."""
        return _leaves(self.structured_input_signature)

    @property
    def outputs(self):
        """Specs of what it gives."""
        return _leaves(self.structured_outputs)

    output_shapes = property(lambda self: _nest.map_structure(
        lambda s: s.shape, self.structured_outputs))
    output_dtypes = property(lambda self: _nest.map_structure(
        lambda s: s.dtype, self.structured_outputs))

    def _run(self, tensors):
        if self._session is None:
            self._session = self._library.session(self.name)
        found = self._session._step([*tensors, *(_captured(c) for c in self._captures)], True)
        return _packed(self.structured_outputs, iter(found))

    def _named(self):
        """Names of the arguments, in the order of the function's."""
        args, kwargs = self.structured_input_signature
        if self._keywords is not None:
            return list(self._keywords)
        return [s.name or f"arg_{i}" for i, s in enumerate(_leaves([args, kwargs]))]

    def __call__(self, *args, **kwargs):
        if self._keywords is None:
            return self._run(_flat_values(self, self.structured_input_signature, args, kwargs))
        names = list(self._keywords)
        if len(args) > (self._positional or 0):
            raise TypeError(f"{self.name} takes {self._positional} positional arguments but "
                            f"{len(args)} were given: expected keywords {names}")
        given = dict(zip(names, args))
        for key, value in kwargs.items():
            if key in given:
                raise TypeError(f"{self.name} got two values for {key!r}")
            given[key] = value
        missing = [n for n in names if n not in given]
        if missing:
            raise TypeError(f"{self.name} missing required arguments: {', '.join(missing)}.")
        extra = sorted(set(given) - set(names))
        if extra:
            raise TypeError(f"{self.name} got unexpected keyword arguments: {', '.join(extra)}.")
        tensors = []
        types = self.function_def.signature.input_arg
        for name in names:
            parts = [given[name]]
            if hasattr(parts[0], "dense_shape"):
                parts = [parts[0].indices, parts[0].values, parts[0].dense_shape]
            elif hasattr(parts[0], "nested_row_splits"):
                parts = [parts[0].flat_values, *parts[0].nested_row_splits]
            tensors += [_ops.convert(p, as_dtype(types[len(tensors) + i].type))
                        for i, p in enumerate(parts)]
        return self._run(tensors)

    def __repr__(self):
        args = ", ".join(self._named())
        return f"<ConcreteFunction ({args}) -> {self.structured_outputs} at 0x{id(self):X}>"


def _captured(value):
    if isinstance(value, Variable):
        return value.handle
    if isinstance(value, Asset):
        return value.asset_path
    if isinstance(value, RestoredResource):
        return value.resource_handle
    return value


def _flat_values(function, signature, args, kwargs):
    """Arguments as tensors; TypeError when they are not those of the signature."""
    tensors = []
    pairs = list(zip(signature[0], args)) if len(args) == len(signature[0]) else None
    if pairs is None or set(kwargs) != set(signature[1]):
        flat = _leaves(list(signature))
        names = [s.name for s in flat]
        if args or set(kwargs) != set(names):
            if len(args) + len(kwargs) != len(flat):
                raise TypeError(f"{getattr(function, 'name', function)} takes {len(flat)} arguments "
                                f"{names}, found {len(args) + len(kwargs)}")
        pairs = list(zip(flat, [*args, *(kwargs[n] for n in names[len(args):])]))
        kwargs = {}
    pairs += [(signature[1][k], kwargs[k]) for k in sorted(kwargs)]
    for spec, value in pairs:
        _collect(spec, value, tensors)
    return tensors


def _collect(spec, value, tensors):
    if isinstance(spec, TensorSpec):
        tensors.append(value._as_tensor() if isinstance(value, Variable)
                       else _ops.convert(value, spec.dtype))
    elif isinstance(spec, TypeSpec):
        tensors.extend(_to_components(spec, value))
    elif isinstance(spec, dict):
        for key in sorted(spec):
            _collect(spec[key], value[key], tensors)
    elif isinstance(spec, (list, tuple)):
        for a, b in zip(spec, value):
            _collect(a, b, tensors)


def _matches(spec, value, convert):
    """value is one that the spec takes."""
    if isinstance(spec, TensorSpec):
        if not isinstance(value, _core.Operand):
            if not convert or isinstance(value, (dict, type(None))):
                return False
            try:
                value = _ops.convert(value, spec.dtype)
            except (TypeError, ValueError):
                return False
        return value.dtype == spec.dtype and spec.shape.is_compatible_with(value.shape)
    if isinstance(spec, TypeSpec):
        return hasattr(value, "dense_shape") or hasattr(value, "nested_row_splits")
    if isinstance(spec, dict):
        return isinstance(value, dict) and set(spec) == set(value) and all(
            _matches(spec[k], value[k], convert) for k in spec)
    if isinstance(spec, (list, tuple)):
        return isinstance(value, (list, tuple)) and len(spec) == len(value) and all(
            _matches(a, b, convert) for a, b in zip(spec, value))
    if isinstance(value, (np.ndarray, _core.Operand)):
        return False
    return type(spec) is type(value) and spec == value or spec is value


class RestoredFunction:
    """A tf.function of a SavedModel, with all the concrete functions that it was traced for."""

    def __init__(self, name, concrete, spec):
        self.name = self._name = name
        self.concrete_functions = concrete
        self._method = spec.is_method
        full = plain(spec.fullargspec) if spec.HasField("fullargspec") else None
        self._args = list(full.args) if full is not None else []
        if self._args and (self._method or self._args[0] == "self"):
            self._args = self._args[1:]
        self._defaults = list(full.defaults or ()) if full is not None else []
        self._only = list(full.kwonlyargs or ()) if full is not None else []
        self._only_defaults = dict(full.kwonlydefaults or {}) if full is not None else {}
        self.input_signature = plain(spec.input_signature) if spec.HasField("input_signature") else None

    def _canonical(self, args, kwargs):
        """(positional, keywords) with names put in their places and defaults filled in."""
        kwargs = dict(kwargs)
        out = list(args)
        first_default = len(self._args) - len(self._defaults)
        for i in range(len(args), len(self._args)):
            name = self._args[i]
            if name in kwargs:
                out.append(kwargs.pop(name))
            elif i >= first_default:
                out.append(self._defaults[i - first_default])
            else:
                break
        for name in self._only:
            if name not in kwargs and name in self._only_defaults:
                kwargs[name] = self._only_defaults[name]
        return tuple(out), kwargs

    def _find(self, args, kwargs):
        for convert in (False, True):
            for function in self.concrete_functions:
                signature = function.structured_input_signature
                if _matches(tuple(signature[0]), args, convert) and _matches(
                        signature[1], kwargs, convert):
                    return function
        return None

    def __call__(self, *args, **kwargs):
        args, kwargs = self._canonical(args, kwargs)
        function = self._find(args, kwargs)
        if function is None:
            options = "\n\n".join(
                f"Option {i + 1}:\n  Positional arguments: {f.structured_input_signature[0]}\n  "
                f"Keyword arguments: {f.structured_input_signature[1]}"
                for i, f in enumerate(self.concrete_functions))
            raise ValueError(
                f"Could not find matching concrete function to call loaded from the SavedModel. Got:\n  "
                f"Positional arguments: {args}\n  Keyword arguments: {kwargs}\n\n Expected these "
                f"arguments to match one of the following {len(self.concrete_functions)} option(s):\n\n"
                f"{options}")
        return function._run(_flat_values(function, function.structured_input_signature, args, kwargs))

    def get_concrete_function(self, *args, **kwargs):
        """The concrete function for arguments, or specs of them, like these."""
        if not args and not kwargs and len(self.concrete_functions) == 1:
            return self.concrete_functions[0]
        args, kwargs = self._canonical(args, kwargs)
        for function in self.concrete_functions:
            signature = function.structured_input_signature
            if _spec_fits(tuple(signature[0]), args) and _spec_fits(signature[1], kwargs):
                return function
        raise ValueError(f"Could not find matching concrete function of {self.name} for {args}, {kwargs}")

    def __repr__(self):
        return f"<RestoredFunction {self.name} with {len(self.concrete_functions)} concrete functions>"


def _spec_fits(spec, value):
    if isinstance(spec, TensorSpec) and isinstance(value, TensorSpec):
        return spec.dtype == value.dtype and spec.shape.is_compatible_with(value.shape)
    if isinstance(spec, dict) and isinstance(value, dict):
        return set(spec) == set(value) and all(_spec_fits(spec[k], value[k]) for k in spec)
    if isinstance(spec, (list, tuple)) and isinstance(value, (list, tuple)):
        return len(spec) == len(value) and all(map(_spec_fits, spec, value))
    return _matches(spec, value, True)


# ---- loading ----


class _Loader:
    def __init__(self, folder, meta_graph):
        self.folder, self.proto = folder, meta_graph.object_graph_def
        self.assets = asset_files(folder, meta_graph)
        self.library = _Library(meta_graph.graph_def)
        self.saved = list(self.proto.nodes)
        self.concrete = {}
        self.nodes = []

    def load(self):
        """The root object."""
        protos = self.proto.concrete_functions
        for name in sorted(protos):
            if name in self.library.functions:
                self.concrete[name] = ConcreteFunction(self.library, name, protos[name])
        self.nodes = [self.make(proto) for proto in self.saved]
        for i, proto in enumerate(self.saved):
            for child in proto.children:
                self.attach(self.nodes[i], child.local_name, self.nodes[child.node_id])
        for name, function in self.concrete.items():
            function._captures = [self.nodes[i] for i in protos[name].bound_inputs]
        self.restore()
        for node in self.nodes:
            if isinstance(node, RestoredResource) and node.__dict__.get("_initialize") is not None:
                node.resource_handle  # noqa: B018  (it is made first)
                node.__dict__["_initialize"]()
        return self.nodes[0]

    def make(self, proto):
        kind = proto.WhichOneof("kind")
        if kind == "variable":
            v = proto.variable
            from ._nodes import shape_of

            return UninitializedVariable(trainable=v.trainable, name=v.name or "Variable",
                                         dtype=as_dtype(v.dtype), shape=shape_of(v.shape))
        if kind == "function":
            names = [n for n in proto.function.concrete_functions if n in self.concrete]
            name = names[0] if names else "function"
            return RestoredFunction(name, [self.concrete[n] for n in names], proto.function.function_spec)
        if kind == "bare_concrete_function":
            bare = proto.bare_concrete_function
            function = self.concrete[bare.concrete_function_name]
            function._keywords = list(bare.argument_keywords)
            function._positional = bare.allowed_positional_arguments
            return function
        if kind == "constant":
            node = self.library.nodes[proto.constant.operation]
            return _ops.convert(make_ndarray(node.attr["value"].tensor),
                                as_dtype(node.attr["dtype"].type))
        if kind == "asset":
            return Asset(self.assets[proto.asset.asset_file_def_index][1])
        if kind == "resource":
            return RestoredResource()
        if kind == "captured_tensor":
            return proto.captured_tensor
        return self.user_object(proto)

    @staticmethod
    def user_object(proto):
        identifier = proto.user_object.identifier
        if identifier == "trackable_list_wrapper":
            return ListWrapper()
        if identifier == "trackable_tuple_wrapper":
            return _TupleWrapper()
        if identifier == "trackable_dict_wrapper":
            return DictWrapper()
        if identifier == "signature_map":
            return SignatureMap()
        called = any(child.local_name == "__call__" for child in proto.children)
        return _CallableUserObject() if called else _UserObject()

    @staticmethod
    def attach(parent, name, child):
        if isinstance(parent, list):
            if name.isdigit():
                parent.append(child)
            else:
                setattr(parent, name, child)
        elif isinstance(parent, SignatureMap):
            dict.__setitem__(parent, name, child)
        elif isinstance(parent, dict):
            parent[name] = child
        elif isinstance(parent, (AutoTrackable, RestoredFunction)):
            parent.__dict__[name] = child

    def restore(self):
        """Values of variables and tables from the checkpoint."""
        prefix = os.path.join(self.folder, "variables", "variables")
        if not os.path.isfile(prefix + ".index"):
            return
        from .train import load_checkpoint

        reader = load_checkpoint(prefix)
        data = reader.get_tensor(_OBJECT_GRAPH)
        graph = message_class("TrackableObjectGraph").FromString(
            data if isinstance(data, bytes) else data.item())
        keys = list(graph.nodes)
        queue, seen = [(0, 0)], set()
        while queue:
            saved, found = queue.pop()
            if (saved, found) in seen:
                continue
            seen.add((saved, found))
            self.restore_one(self.nodes[saved], keys[found], reader)
            below = {c.local_name: c.node_id for c in keys[found].children}
            for child in self.saved[saved].children:
                if child.local_name in below:
                    queue.append((child.node_id, below[child.local_name]))
            slots = {(s.original_variable_node_id, s.slot_name): s.slot_variable_node_id
                     for s in keys[found].slot_variables}
            for slot in self.saved[saved].slot_variables:
                key = (slot.original_variable_node_id, slot.slot_name)
                if key in slots:
                    queue.append((slot.slot_variable_node_id, slots[key]))

    @staticmethod
    def restore_one(node, proto, reader):
        keys = {a.name: a.checkpoint_key for a in proto.attributes}
        if isinstance(node, Variable):
            if "VARIABLE_VALUE" in keys:
                node.assign(reader.get_tensor(keys["VARIABLE_VALUE"]), read_value=False)
        elif isinstance(node, RestoredResource):
            for key in keys.values():
                if reader.has_tensor(key + "-keys"):
                    _ops.apply("LookupTableImportV2", [
                        node.resource_handle, reader.get_tensor(key + "-keys"),
                        reader.get_tensor(key + "-values")])


# ---- models of version 1 ----


class _V1Variable:
    """A variable of a version 1 model: its value is the session's."""

    def __init__(self, model, variable):
        self._model, self._variable = model, variable
        self.name, self.shape, self.dtype = variable.name, variable.shape, variable.dtype
        self.trainable = variable.trainable

    def numpy(self):
        """Its value."""
        return self._model._session.run(self._variable)

    def value(self):
        """Its value, a tensor."""
        return _ops.convert(self.numpy(), self.dtype)

    read_value = value

    def _as_tensor(self, dtype=None, name=None):
        return self.value()

    def __array__(self, dtype=None, copy=None):
        return np.array(self.numpy(), dtype)

    def __repr__(self):
        return f"<tf.Variable {self.name!r} shape={self.shape} dtype={self.dtype.name}, numpy={self.numpy()!r}>"


class WrappedFunction:
    """Some fetches of a version 1 graph as a function of some feeds."""

    def __init__(self, model, feeds, fetches, keywords=None):
        self._model, self._feeds, self._structure = model, feeds, fetches
        self._keywords, self._plan = keywords, None
        self.graph = model.graph
        self.structured_outputs = _nest.map_structure(_fetch_spec, fetches)
        named = {} if keywords is None else {
            k: TensorSpec(t.shape, t.dtype, k) for k, t in zip(keywords, feeds)}
        self.structured_input_signature = ((), named)
        self.inputs, self.outputs = list(feeds), _nest.flatten(fetches)

    def __call__(self, *args, **kwargs):
        given = list(args)
        if self._keywords is not None:
            if len(args) > 1 or (args and len(self._keywords) != 1):
                raise TypeError(f"this signature takes keywords: {', '.join(self._keywords)}")
            extra = sorted(set(kwargs) - set(self._keywords))
            missing = [k for k in self._keywords[len(args):] if k not in kwargs]
            if extra or missing:
                raise TypeError(f"signature takes the arguments {self._keywords}; missing {missing}, "
                                f"unexpected {extra}")
            given += [kwargs[k] for k in self._keywords[len(args):]]
        elif kwargs or len(args) != len(self._feeds):
            raise TypeError(f"expected {len(self._feeds)} arguments, found {len(args) + len(kwargs)}")
        values = [_ops.convert(v, t.dtype) for v, t in zip(given, self._feeds)]
        order = sorted(range(len(values)), key=lambda i: self._feeds[i]._value)
        if self._plan is None:
            self._plan = _Plan(self._model._session, _nest.flatten(self._structure))
        plan = self._plan
        arrays = plan.session._run([self._feeds[i]._value for i in order], [values[i] for i in order],
                                   plan.values, plan.nodes)
        return _nest.pack_sequence_as(self._structure, [
            None if place is None else _core.tensor(
                arrays[place], None if t.dtype.name == "resource" else t.dtype)
            for place, t in zip(plan.structure[1], _nest.flatten(self._structure))])


def _fetch_spec(element):
    return TensorSpec(element.shape, element.dtype, element.name) if hasattr(element, "_value") else None


class V1Model(AutoTrackable):
    """A SavedModel of version 1: a graph, its variables and signatures."""

    def __init__(self, folder, meta_graph):
        from ._graph import Graph, GraphKeys
        from ._graph_io import load_meta_graph
        from ._session import Session

        self.graph = Graph()
        self._session = Session(graph=self.graph)
        load_meta_graph(self.graph, meta_graph)
        restore_into(self._session, folder, meta_graph)
        variables = dict.fromkeys(self.graph.get_collection(GraphKeys.GLOBAL_VARIABLES)
                                  + self.graph.get_collection(GraphKeys.LOCAL_VARIABLES))
        self.variables = [_V1Variable(self, v) for v in variables]
        self.asset_paths = [Asset(path) for _, path in asset_files(folder, meta_graph)]
        self.initializer = init_op(self.graph, meta_graph)
        self.signatures = SignatureMap()
        for key in sorted(meta_graph.signature_def):
            if key not in ("__saved_model_init_op", "__saved_model_train_op"):
                dict.__setitem__(self.signatures, key, self._signature(meta_graph.signature_def[key]))

    def _element(self, info):
        if info.WhichOneof("encoding") != "name":
            raise UnimplementedError(None, None, "unflow has no signatures of version 1 with sparse or "
                                     "composite tensors")
        return self.graph.as_graph_element(info.name)

    def _signature(self, proto):
        names = sorted(proto.inputs)
        feeds = [self._element(proto.inputs[n]) for n in names]
        fetches = {n: self._element(proto.outputs[n]) for n in sorted(proto.outputs)}
        return WrappedFunction(self, feeds, fetches, names)

    def prune(self, feeds, fetches, name=None, input_signature=None, are_keyword_args_also_positional=False):
        """A function of the feeds (tensors or their names) that gives the fetches."""
        feeds = [self.graph.as_graph_element(f, allow_operation=False) for f in _nest.flatten(feeds)]
        return WrappedFunction(self, feeds, _nest.map_structure(self.graph.as_graph_element, fetches))


# ---- the front ----


def load(export_dir, tags=None, options=None):
    """The root object of a SavedModel: variables, functions, signatures, assets as attributes."""
    folder = os.fspath(export_dir)
    folder = folder.decode() if isinstance(folder, bytes) else folder
    saved_model = read_saved_model(folder)
    if tags is None:
        if len(saved_model.meta_graphs) != 1:
            available = [list(m.meta_info_def.tags) for m in saved_model.meta_graphs]
            raise ValueError("Importing a SavedModel with `tf.saved_model.load` requires a `tags=` "
                             "argument if there is more than one MetaGraph. Got `tags=None`, but there "
                             f"are {len(available)} MetaGraphs in the SavedModel with tag sets: "
                             f"{available}. Pass a `tags=` argument to load this SavedModel.")
        meta_graph = saved_model.meta_graphs[0]
    else:
        try:
            meta_graph = choose_meta_graph(saved_model, tags)
        except RuntimeError as error:
            raise ValueError(str(error)) from None
    found = sorted(meta_graph.meta_info_def.tags)
    if tags is not None and set(found) != ({tags} if isinstance(tags, str) else set(tags)):
        raise ValueError(f"Got argument tags={tags}, found {found}")
    if meta_graph.HasField("object_graph_def") and len(meta_graph.object_graph_def.nodes):
        try:
            root = _Loader(folder, meta_graph).load()
        except (DecodeError, KeyError, IndexError, AttributeError, RecursionError) as error:
            if isinstance(error, OpError):
                raise
            raise DataLossError(None, None, f"{folder}: the SavedModel is damaged: {error}") from error
        if isinstance(root, _UserObject):
            root.__dict__.setdefault("signatures", SignatureMap())
    else:
        root = V1Model(folder, meta_graph)
    root.tensorflow_version = meta_graph.meta_info_def.tensorflow_version
    root.tensorflow_git_version = meta_graph.meta_info_def.tensorflow_git_version
    return root


__all__ = ["load", "contains_saved_model"]
