# SPDX-License-Identifier: Apache-2.0
"""Nodes as messages: NodeDef, GraphDef, OpDef, TensorProto, and their attributes as plain values."""

from __future__ import annotations

import re

import numpy as np

from . import _core
from ._dtypes import TensorShape, as_dtype
from ._proto import AttrValue, GraphDef, NodeDef, OpDef, TensorProto, TensorShapeProto, VersionDef

PRODUCER = 2128  # TF_GRAPH_DEF_VERSION of TensorFlow 2.21's line


# ---- shapes and tensors ----


def shape_proto(shape):
    """A TensorShapeProto of a shape (None: unknown)."""
    proto = TensorShapeProto()
    if isinstance(shape, TensorShape):
        shape = None if shape.rank is None else shape.as_list()
    if shape is None:
        proto.unknown_rank = True
        return proto
    for size in shape:
        proto.dim.add(size=-1 if size is None else size)
    proto.SetInParent()
    return proto


def shape_of(proto):
    """The TensorShape of a TensorShapeProto."""
    if proto.unknown_rank:
        return TensorShape(None)
    return TensorShape([None if d.size < 0 else d.size for d in proto.dim])


# dtype: (field of TensorProto, NumPy's type of its elements)
_FIELDS = {
    "float32": ("float_val", np.float32), "float64": ("double_val", np.float64),
    "int32": ("int_val", np.int32), "int16": ("int_val", np.int16), "int8": ("int_val", np.int8),
    "uint8": ("int_val", np.uint8), "uint16": ("int_val", np.uint16),
    "uint32": ("uint32_val", np.uint32), "uint64": ("uint64_val", np.uint64),
    "int64": ("int64_val", np.int64), "bool": ("bool_val", np.bool_),
    "qint8": ("int_val", np.int8), "quint8": ("int_val", np.uint8), "qint32": ("int_val", np.int32),
    "qint16": ("int_val", np.int16), "quint16": ("int_val", np.uint16),
    "float16": ("half_val", np.float16), "bfloat16": ("half_val", None),
    "complex64": ("scomplex_val", np.complex64), "complex128": ("dcomplex_val", np.complex128),
}


def make_tensor_proto(values, dtype=None, shape=None, verify_shape=False, allow_broadcast=False):
    """A TensorProto of an array, number, text or lists of them. Its shape may be given; with
    allow_broadcast one value fills it."""
    from ._convert import array_of

    if isinstance(values, TensorProto):
        return values
    dtype = None if dtype is None else as_dtype(dtype)
    if hasattr(values, "numpy_array"):
        array, dtype = values.numpy_array(), values.dtype if dtype is None else dtype
    elif isinstance(values, (np.ndarray, np.generic)) and values.dtype.kind not in "OSU":
        array = np.asarray(values)
        if dtype is None:
            dtype = as_dtype(array.dtype)
        elif as_dtype(array.dtype) != dtype and not dtype.is_quantized:
            array = array.astype(_core.np_dtype(dtype.name))
    else:
        array, dtype = array_of(values, dtype)
    proto = TensorProto(dtype=dtype.as_datatype_enum)
    dims = array.shape if shape is None else tuple(int(d) for d in TensorShape(shape).as_list())
    size = int(np.prod(dims)) if dims else 1
    if shape is not None and verify_shape and dims != array.shape:
        raise TypeError(f"Expected Tensor's shape: {dims}, but got {array.shape}.")
    if array.size > size or (array.size != size and not (array.size == 1 or allow_broadcast)):
        raise ValueError(f"Expected {size} values for shape {dims}, found {array.size}")
    proto.tensor_shape.CopyFrom(shape_proto(dims))
    if dtype.name == "string":
        proto.string_val.extend(array.reshape(-1).tolist())
    elif dtype.name in ("resource", "variant"):
        raise TypeError(f"a {dtype.name} has no TensorProto")
    elif array.size == size and array.size > 1 or dtype.name not in _FIELDS:
        proto.tensor_content = np.ascontiguousarray(array).tobytes()
    else:
        _put_values(proto, dtype, array.reshape(-1))
    return proto


def _put_values(proto, dtype, flat):
    field, _ = _FIELDS[dtype.name]
    if dtype.is_complex:
        flat = np.stack([flat.real, flat.imag], -1).reshape(-1)
    elif field == "half_val":
        flat = flat.view(np.uint16)
    getattr(proto, field).extend(flat.tolist())


def make_ndarray(tensor):
    """The array of a TensorProto."""
    if not isinstance(tensor, TensorProto):
        tensor = TensorProto.FromString(tensor.SerializeToString())
    dtype = as_dtype(tensor.dtype)
    dims = [d.size for d in tensor.tensor_shape.dim]
    count = int(np.prod(dims)) if dims else 1
    if dtype.name == "string":
        flat = np.empty(len(tensor.string_val), object)
        flat[:] = list(tensor.string_val)
        return _filled(flat, count).reshape(dims)
    target = _core.np_dtype(dtype.name)
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, target).copy().reshape(dims)
    if dtype.name not in _FIELDS:
        raise TypeError(f"Unsupported tensor type: {tensor.dtype}. See "
                        f"https://www.tensorflow.org/api_docs/python/tf/dtypes for more details.")
    field, numpy_type = _FIELDS[dtype.name]
    values = list(getattr(tensor, field))
    if dtype.is_complex:
        flat = np.array(values[::2], numpy_type) + 1j * np.array(values[1::2], numpy_type)
        flat = flat.astype(numpy_type)
    elif field == "half_val":
        flat = np.array([v & 65535 for v in values], np.uint16).view(target)
    else:
        flat = np.array(values).astype(numpy_type) if values else np.array([], numpy_type)
    return _filled(flat, count).reshape(dims).astype(target, copy=False)


def _filled(flat, count):
    """As many as count: the last one goes on, and zeros where there is none."""
    if flat.size >= count:
        return flat[:count]
    out = np.empty(count, flat.dtype)
    out[:] = flat[-1] if flat.size else (b"" if flat.dtype == object else 0)
    out[: flat.size] = flat
    return out


# ---- attributes ----

_LISTS = {"int[]": "i", "float[]": "f", "bool[]": "b", "string[]": "s"}


def _dtype_enum(name):
    return 0 if name in (None, "invalid") else as_dtype(name).as_datatype_enum


def attr_value(kind, value, out=None):
    """An AttrValue of an attribute as Builder.attrs gives it."""
    out = AttrValue() if out is None else out
    if kind == "int":
        out.i = value
    elif kind == "float":
        out.f = value
    elif kind == "bool":
        out.b = value
    elif kind == "string":
        out.s = value.encode() if isinstance(value, str) else value
    elif kind == "type":
        out.type = _dtype_enum(value)
    elif kind == "shape":
        out.shape.CopyFrom(shape_proto(value))
        out.shape.SetInParent()
    elif kind == "tensor":
        out.tensor.CopyFrom(make_tensor_proto(value))
    elif kind == "func":
        out.func.name = value.decode() if isinstance(value, bytes) else value
        out.func.SetInParent()
    else:
        out.list.SetInParent()
        if kind in _LISTS:
            getattr(out.list, _LISTS[kind]).extend(
                [v.encode() if isinstance(v, str) else v for v in value])
        elif kind == "type[]":
            out.list.type.extend([_dtype_enum(v) for v in value])
        elif kind == "shape[]":
            for shape in value:
                out.list.shape.append(shape_proto(shape))
        else:
            for name in value:
                out.list.func.add(name=name.decode() if isinstance(name, bytes) else name)
    return out


def attr_object(kind, value):
    """An attribute as Operation.get_attr gives it."""
    if kind == "type":
        return as_dtype(value)
    if kind == "type[]":
        return [as_dtype(v) for v in value]
    if kind in ("shape", "shape[]", "tensor", "func", "func[]"):
        message = attr_value(kind, value)
        if kind.endswith("[]"):
            return list(message.list.shape if kind == "shape[]" else message.list.func)
        return getattr(message, {"shape": "shape", "tensor": "tensor", "func": "func"}[kind])
    return value


def plain_attr(proto):
    """An AttrValue as a plain value."""
    which = proto.WhichOneof("value")
    if which == "type":
        return as_dtype(proto.type)
    if which == "shape":
        return shape_of(proto.shape)
    if which == "tensor":
        return make_ndarray(proto.tensor)
    if which == "func":
        return proto.func.name
    if which == "list":
        for name in ("s", "i", "f", "b"):
            if len(getattr(proto.list, name)):
                return list(getattr(proto.list, name))
        if len(proto.list.type):
            return [as_dtype(t) for t in proto.list.type]
        if len(proto.list.func):
            return [f.name for f in proto.list.func]
        return [shape_of(s) for s in proto.list.shape]
    return None if which is None else getattr(proto, which)


# ---- nodes and graphs ----


def _input_name(tensor):
    return tensor.op.name if tensor.value_index == 0 else tensor.name


def node_def(op, add_shapes=False):
    """The NodeDef of an Operation."""
    proto = NodeDef(name=op.name, op=op.type, device=op.device)
    proto.input.extend([_input_name(t) for t in op.inputs])
    proto.input.extend(["^" + c.name for c in op.control_inputs])
    for name, (kind, value) in op.graph._builder.attrs(op._node).items():
        attr_value(kind, value, proto.attr[name])
    if add_shapes:
        proto.attr["_output_shapes"].list.SetInParent()
        for tensor in op.outputs:
            proto.attr["_output_shapes"].list.shape.append(shape_proto(tensor.shape))
    return proto


def versions():
    """The VersionDef of graphs made here."""
    return VersionDef(producer=PRODUCER)


def graph_def(graph, from_version=0, add_shapes=False):
    """The GraphDef of a graph, its functions included."""
    proto = GraphDef()
    for op in graph.get_operations()[from_version:]:
        proto.node.append(node_def(op, add_shapes))
    if graph._functions:
        for name in graph._functions:
            proto.library.function.append(graph._functions[name])
    proto.versions.CopyFrom(versions())
    return proto


_KINDS = {"int[]": "list(int)", "float[]": "list(float)", "bool[]": "list(bool)",
          "string[]": "list(string)", "type[]": "list(type)", "shape[]": "list(shape)",
          "func[]": "list(func)"}


def _arg_defs(args, out):
    for arg in args:
        item = out.add(name=arg.name, is_ref=arg.is_ref)
        if arg.dtype is not None:
            item.type = arg.dtype.as_datatype_enum
        if arg.type_attr:
            item.type_attr = arg.type_attr
        if arg.number_attr:
            item.number_attr = arg.number_attr
        if arg.list_attr:
            item.type_list_attr = arg.list_attr


def op_def(name):
    """The OpDef of a kind of op."""
    from ._ops import signature

    sig = signature(name)
    proto = OpDef(name=name, is_stateful=sig.stateful)
    _arg_defs(sig.args, proto.input_arg)
    _arg_defs(sig.outs, proto.output_arg)
    for attr in sig.attrs.values():
        item = proto.attr.add(name=attr.name, type=_KINDS.get(attr.kind, attr.kind))
        if not attr.required and attr.default is not None:
            attr_value(attr.kind, attr.default, item.default_value)
    return proto


def function_def(name, graph, inputs, outputs, effects):
    """The FunctionDef of a body graph: inputs and outputs are tensors, effects operations."""
    from ._ops import signature
    from ._proto import FunctionDef

    proto = FunctionDef()
    proto.signature.name = name
    arguments = {}
    for i, tensor in enumerate(inputs):
        arguments[tensor._value] = f"arg_{i}"
        proto.signature.input_arg.add(name=f"arg_{i}", type=tensor.dtype.as_datatype_enum)

    def edge(tensor):
        if tensor._value in arguments:
            return arguments[tensor._value]
        at = tensor.value_index
        attrs = graph._builder.attrs(tensor.op._node)
        for arg in signature(tensor.op.type).outs:
            n = attrs[arg.number_attr][1] if arg.number_attr else (
                len(attrs[arg.list_attr][1]) if arg.list_attr else 1)
            if at < n:
                return f"{tensor.op.name}:{arg.name}:{at}"
            at -= n
        raise ValueError(f"{tensor.op.type} has no output {tensor.value_index}")

    placeholders = {t.op._node for t in inputs}
    for op in graph.get_operations():
        if op._node in placeholders:
            continue
        item = node_def(op)
        item.ClearField("input")
        item.input.extend([edge(t) for t in op.inputs])
        item.input.extend(["^" + c.name for c in op.control_inputs if c._node not in placeholders])
        proto.node_def.append(item)
    for i, tensor in enumerate(outputs):
        proto.signature.output_arg.add(name=f"ret_{i}", type=tensor.dtype.as_datatype_enum)
        proto.ret[f"ret_{i}"] = edge(tensor)
    for op in effects:
        proto.control_ret[op.name] = op.name
        proto.signature.control_output.append(op.name)
    return proto


# ---- devices ----

_DEVICE_PART = re.compile(r"/(job|replica|task|device|cpu|gpu|tpu):([^/]*)", re.I)


def _device_parts(text):
    parts = {}
    for key, value in _DEVICE_PART.findall(text):
        if key.lower() in ("cpu", "gpu", "tpu"):
            key, value = "device", f"{key}:{value}"
        if key.lower() == "device":
            kind, _, number = value.partition(":")
            value = f"{kind.upper() if kind.lower() in ('cpu', 'gpu', 'tpu') else kind}:{number or '*'}"
        parts[key.lower()] = value
    return parts


class _NodeForDevice:
    def __init__(self, op, name):
        self.type, self.name = op, name


def merged_device(stack, op, name):
    """What nested `with device(...)` say together."""
    parts = {}
    for device in stack:
        if callable(device):
            device = device(_NodeForDevice(op, name))
        if device is None:
            parts = {}
            continue
        text = device if isinstance(device, str) else device.to_string()
        parts.update(_device_parts(text))
    return "".join(f"/{key}:{parts[key]}" for key in ("job", "replica", "task", "device")
                   if key in parts)
