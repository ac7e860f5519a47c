# SPDX-License-Identifier: Apache-2.0
"""One TensorFlow op from Python, in both modes: computed at once, or a node of a graph.

Every function of ``tf.*`` ends in :func:`apply`, which knows from the op's signature what its
arguments are, converts them as TensorFlow does, and hands plain tensors on: to ``_core.execute``,
or to ``Graph.add_op``.
"""

from __future__ import annotations

import re

from . import _core, _mode
from ._dtypes import DType, TensorShape, as_dtype

# ---- signatures ----


class Arg:
    """One argument: a dtype or the attribute that says it; a list where one says how many."""

    __slots__ = ("name", "dtype", "type_attr", "number_attr", "list_attr", "is_ref")

    def __init__(self, text):
        self.name, type = text.split(":")
        self.is_ref = type.endswith("&")
        type = type.rstrip("&")
        self.dtype = self.type_attr = self.number_attr = self.list_attr = None
        if "*" in type:
            self.number_attr, type = type.split("*")
        if type.startswith("$"):
            self.type_attr = type[1:]
        elif type.startswith("@"):
            self.list_attr = type[1:]
        else:
            self.dtype = as_dtype(type)

    @property
    def is_list(self):
        return self.number_attr is not None or self.list_attr is not None


class Attr:
    """One attribute: its kind ("int", "type[]" ...) and its default."""

    __slots__ = ("name", "kind", "default", "required")

    def __init__(self, text):
        self.name, kind = text.split(":", 1)
        self.kind, given, fallback = kind.partition("=")
        self.required = not given
        self.default = _default(self.kind, fallback) if given else None


class Signature:
    """What an op takes and gives."""

    __slots__ = ("op", "args", "outs", "attrs", "stateful", "runs", "single", "plain")

    def __init__(self, op, inputs, outputs, attrs, stateful, runs):
        self.op = op
        self.args = [Arg(a) for a in inputs.split()]
        self.outs = [Arg(a) for a in outputs.split()]
        self.attrs = {a.name: a for a in map(Attr, attrs.split())}
        self.stateful, self.runs = stateful, runs
        self.single = len(self.outs) == 1 and not self.outs[0].is_list
        self.plain = not any(a.is_list for a in self.args)  # no lists among the arguments


def _unescaped(text):
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m.group(1), 16)]), text.encode())


def _default(kind, text):
    """A default as the table has it, as a plain value."""
    if kind.endswith("[]"):
        items = text.strip("{}")
        return [_default(kind[:-2], i) for i in items.split(";")] if items else []
    if kind == "int":
        return int(text)
    if kind == "float":
        return float(text)
    if kind == "bool":
        return text == "true"
    if kind == "string":
        return _unescaped(text)
    if kind == "type":
        return as_dtype(text)
    if kind == "shape":
        dims = text.strip("[]")
        if text == "?":
            return TensorShape(None)
        return TensorShape([None if d == "-1" else int(d) for d in dims.split(",")] if dims else ())
    return text or None


_signatures = {}


def signature(op):
    """The parsed signature; KeyError when TensorFlow has no such op."""
    found = _signatures.get(op)
    if found is None:
        row = _core.tf_op(op)
        if row is None:
            raise KeyError(op)
        found = _signatures[op] = Signature(op, *row)
    return found


# ---- attributes, as graphs take them ----


def _expected(kind, name, value):
    return TypeError(f"Expected {kind} for argument '{name}' not {value!r}.")


def _plain_attr(kind, name, value):
    """An attribute as a plain value of its kind; TypeError."""
    if kind.endswith("[]"):
        if not isinstance(value, (list, tuple)):
            raise TypeError(f"Expected list for attr {name}, obtained {type(value).__name__} instead.")
        return [_plain_attr(kind[:-2], name, v) for v in value]
    if kind == "int":
        try:
            return int(value.__index__())
        except AttributeError:
            raise _expected("int", name, value) from None
    if kind == "float":
        try:
            return float(value)
        except (TypeError, ValueError):
            raise _expected("float", name, value) from None
    if kind == "bool":
        if not isinstance(value, (bool, int)) and type(value).__name__ not in ("bool", "bool_"):
            raise _expected("bool", name, value)
        return bool(value)
    if kind == "string":
        if not isinstance(value, (str, bytes)):
            raise _expected("string", name, value)
        return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    if kind == "type":
        return as_dtype(value)
    if kind == "shape":
        return TensorShape(value)
    if kind == "tensor" and isinstance(value, EagerTensor):
        return value.numpy_array()
    return value


# ---- values ----

EagerTensor = _core.EagerTensor
_TF_NAMES = {"float32": "float", "float64": "double", "float16": "half"}


def type_text(dtype):
    """A dtype as TensorFlow's C++ names it."""
    return _TF_NAMES.get(dtype.name, dtype.name)


def convert(value, dtype=None, dtype_hint=None, name=None, graph=None):
    """value as a tensor: of this graph, or a computed one when graph is None."""
    if graph is None:
        if type(value) is EagerTensor:
            if dtype is not None and value.dtype is not dtype:
                dtype = as_dtype(dtype)
                if value.dtype is not dtype:
                    raise _wrong_dtype(value, dtype)
            return value
        from ._convert import eager

        return eager(value, dtype, dtype_hint, name)
    from ._convert import symbolic

    return symbolic(graph, value, dtype, dtype_hint, name)


def _wrong_dtype(value, dtype):
    return ValueError(f"Tensor conversion requested dtype {dtype.name} for Tensor with dtype "
                      f"{value.dtype.name}: {value!r}")


def dtype_of(value):
    """The dtype that a tensor or a variable has; None for what is to become a tensor."""
    if isinstance(value, _core.Operand):
        return value.dtype
    return getattr(value, "_tensor_dtype", None)


def _known_types(sig, inputs, attrs):
    """The type attributes that are given, or that tensors among the inputs tell."""
    types = {}
    for name, attr in sig.attrs.items():
        if attr.kind == "type" and attrs and attrs.get(name) is not None:
            types[name] = as_dtype(attrs[name])
    for arg, value in zip(sig.args, inputs):
        if arg.type_attr is None or arg.type_attr in types:
            continue
        for item in value if arg.number_attr and isinstance(value, (list, tuple)) else (value,):
            found = dtype_of(item)
            if found is not None:
                types[arg.type_attr] = found
                break
    return types


def _input(sig, arg, value, types, graph, scope):
    """One input as a tensor; its dtype becomes known."""
    name = f"{scope}{arg.name}"
    if arg.type_attr is None:
        if arg.dtype.name == "resource" and hasattr(value, "handle"):
            value = value.handle
        if isinstance(value, _core.Tensor) and (graph is None or getattr(value, "_symbolic", False)):
            if graph is None:
                return value
            if value.dtype != arg.dtype:
                raise TypeError(f"Input '{arg.name}' of '{sig.op}' Op has type {value.dtype.name} that "
                                f"does not match expected type of {arg.dtype.name}.")
            return value
        return convert(value, arg.dtype, name=name, graph=graph)
    if arg.is_ref and hasattr(value, "_ref"):
        value = value._ref()
    if type(value) is EagerTensor and graph is None:  # the op itself says what does not fit
        types.setdefault(arg.type_attr, value.dtype)
        return value
    known = types.get(arg.type_attr)
    if known is None:
        tensor = convert(value, None, sig.attrs[arg.type_attr].default, name, graph)
    elif getattr(value, "_symbolic", False) or isinstance(value, _core.Operand):
        tensor = convert(value, None, None, name, graph)
        if graph is not None and tensor.dtype != known:
            first = next((a.name for a in sig.args if a.type_attr == arg.type_attr), arg.name)
            raise TypeError(f"Input '{arg.name}' of '{sig.op}' Op has type {tensor.dtype.name} that "
                            f"does not match type {known.name} of argument '{first}'.")
    else:
        tensor = convert(value, known, None, name, graph)
    types.setdefault(arg.type_attr, tensor.dtype)
    return tensor


def _flat_inputs(sig, inputs, attrs, graph, scope=""):
    """All inputs as tensors, one after the other, and the attributes that they tell."""
    if len(inputs) != len(sig.args):
        raise TypeError(f"{sig.op} expected {len(sig.args)} inputs "
                        f"({', '.join(a.name for a in sig.args)}), found {len(inputs)}")
    types = _known_types(sig, inputs, attrs)
    told, flat = {}, []
    for arg, value in zip(sig.args, inputs):
        if not arg.is_list:
            flat.append(_input(sig, arg, value, types, graph, scope))
            continue
        if not isinstance(value, (list, tuple)):
            raise TypeError(f"Expected list for '{arg.name}' argument to '{sig.op}' Op, not {value!r}.")
        if arg.list_attr is not None:
            given = (attrs or {}).get(arg.list_attr) or [None] * len(value)
            hints = [None if g is None else as_dtype(g) for g in given]
            items = [convert(v, None if isinstance(v, _core.Operand) else h,
                             name=f"{scope}{arg.name}_{i}", graph=graph)
                     for i, (v, h) in enumerate(zip(value, hints))]
            told[arg.list_attr] = [t.dtype for t in items]
        else:
            items = [_input(sig, arg, v, types, graph, f"{scope}{i}/" if scope else "")
                     for i, v in enumerate(value)]
            told[arg.number_attr] = len(items)
        flat += items
    told.update(types)
    return flat, told


# ---- running ----


def _mismatch(sig, flat):
    """InvalidArgumentError for the first input that has not the dtype of those before it, as
    TensorFlow says it; None when all fit."""
    from .errors import InvalidArgumentError

    types, at = {}, 0
    if not sig.plain:
        return None
    for arg, tensor in zip(sig.args, flat):
        wanted = arg.dtype or types.setdefault(arg.type_attr, tensor.dtype)
        if tensor.dtype != wanted:
            return InvalidArgumentError(
                None, None, f"cannot compute {sig.op} as input #{at}(zero-based) was expected to be a "
                f"{type_text(wanted)} tensor but is a {type_text(tensor.dtype)} tensor "
                f"[Op:{sig.op}] name: ")
        at += 1
    return None


def _run(sig, inputs, attrs):
    for value in inputs:
        if type(value) is not EagerTensor:
            flat, told = _flat_inputs(sig, inputs, attrs, None)
            # what the inputs do not tell the library by themselves: types of empty lists
            if not flat and told:
                attrs = {**told, **(attrs or {})}
            elif not sig.plain:
                attrs = {**{k: v for k, v in told.items()
                            if k not in (attrs or {}) and not (isinstance(v, DType))}, **(attrs or {})}
            break
    else:
        flat = inputs
        if len(inputs) != len(sig.args):
            _flat_inputs(sig, inputs, attrs, None)
    try:
        result = _core.execute(sig.op, flat, attrs)
    except (ValueError, NotImplementedError):
        wrong = _mismatch(sig, flat)
        if wrong is not None:
            raise wrong from None
        raise
    if sig.single or not sig.outs:
        return result
    return result if type(result) is list else [] if result is None else [result]


def _add(graph, sig, inputs, attrs, name):
    name = name or sig.op
    with graph.name_scope(name) as scope:
        flat, told = _flat_inputs(sig, inputs, attrs, graph)
    every = {}
    for attr in sig.attrs.values():
        if attrs and attrs.get(attr.name) is not None:
            every[attr.name] = _plain_attr(attr.kind, attr.name, attrs[attr.name])
        elif attr.name in told:
            every[attr.name] = told[attr.name]
        elif attr.required:
            raise TypeError(f"{sig.op} needs the attribute '{attr.name}'")
        else:
            every[attr.name] = attr.default
    for key in attrs or ():
        if key not in every:
            if not key.startswith("_"):
                raise TypeError(f"{sig.op} got an unexpected attribute '{key}'")
            every[key] = attrs[key]
    op = graph.add_op(sig.op, flat, every, scope)
    if sig.single:
        return op.outputs[0]
    return list(op.outputs) if sig.outs else op


def apply(op, inputs, attrs=None, name=None):
    """One op. inputs: a value (or a list, where the signature says so) for each argument, anything
    that can become a tensor. attrs: plain values; those that inputs tell, or that have a default,
    may be left out. A tensor for one output, a list for several or for a list; for none: None, or
    the Operation in a graph."""
    sig = _signatures.get(op) or signature(op)
    if not _mode.stacks.graphs and sig.single and sig.plain and _mode._eager:
        for value in inputs:
            if type(value) is not EagerTensor:
                break
        else:  # the quick way of what is most frequent
            if len(inputs) == len(sig.args):
                try:
                    return _core.execute(op, inputs, attrs)
                except (ValueError, NotImplementedError):
                    wrong = _mismatch(sig, inputs)
                    if wrong is None:
                        raise
                    raise wrong from None
    graph = _mode.graph_for(inputs)
    if graph is None:
        return _run(sig, inputs, attrs)
    return _add(graph, sig, inputs, attrs, name)



def structured(sig):
    """A function that gives a list of outputs TensorFlow's names: a namedtuple where there are
    several, a list where the only one is a list."""
    if len(sig.outs) == 1:
        return list
    from collections import namedtuple

    kind = namedtuple(sig.op, [out.name for out in sig.outs])
    if not any(out.is_list for out in sig.outs):
        return lambda flat: kind(*flat)

    def grouped(flat):
        fixed = sum(not out.is_list for out in sig.outs)
        lists = len(sig.outs) - fixed
        values, at = [], 0
        for out in sig.outs:  # lists of one op are of one length
            n = (len(flat) - fixed) // lists if out.is_list else 1
            values.append(list(flat[at:at + n]) if out.is_list else flat[at])
            at += n
        return kind(*values)

    return grouped


# ---- Python's operators, where C does not know how (Operand._operator) ----

_NUMBER_OPS = {
    "add": ("AddV2", "add"), "sub": ("Sub", "sub"), "mul": ("Mul", "mul"), "pow": ("Pow", "pow"),
    "floordiv": ("FloorDiv", "floordiv"), "mod": ("FloorMod", "FloorMod"), "lt": ("Less", "Less"),
    "le": ("LessEqual", "LessEqual"), "gt": ("Greater", "Greater"), "ge": ("GreaterEqual", "GreaterEqual"),
    "eq": ("Equal", "Equal"), "ne": ("NotEqual", "NotEqual"), "truediv": ("RealDiv", "truediv"),
}
_BITS = {"and": ("LogicalAnd", "BitwiseAnd"), "or": ("LogicalOr", "BitwiseOr"),
         "invert": ("LogicalNot", "Invert")}
_WIDE = {"int8": "float32", "uint8": "float32", "int16": "float32", "uint16": "float32",
         "int32": "float64", "uint32": "float64", "int64": "float64", "uint64": "float64"}


def _composite(value):
    return not isinstance(value, _core.Operand) and hasattr(value, "_composite")


def operator(word, a, b):
    """The operator `word` of an operand and anything; unary ones have b None."""
    if _composite(b) or _composite(a):
        return NotImplemented
    if word in ("neg", "abs", "invert"):
        return _unary(word, a)
    if word in ("eq", "ne"):
        return _equality(word, a, b)
    graph = _mode.graph_for((a, b))
    if isinstance(a, _core.Operand):
        a = convert(a, graph=graph)
        if word in ("truediv", "add", "and", "or", "xor", "matmul"):
            b = convert(b, None, a.dtype, "y", graph) if graph is None or word != "add" else b
    else:
        b = convert(b, graph=graph)
        a = convert(a, b.dtype, None, "x", graph)
    if word == "truediv":
        return truediv(a, b)
    if word == "matmul":
        from ._functions import matmul

        return matmul(a, b)
    if word in ("and", "or", "xor"):
        return _logic(word, a, b)
    op, name = _NUMBER_OPS[word]
    if word == "add" and a.dtype.name == "string":
        op = "Add"
    return apply(op, [a, b], None, name)


def _unary(word, a):
    a = convert(a, graph=_mode.graph_for((a,)))
    if word == "abs":
        if a.dtype.is_complex:
            return apply("ComplexAbs", [a], {"Tout": a.dtype.real_dtype}, "Abs")
        return apply("Abs", [a], None, "Abs")
    if word == "neg":
        return apply("Neg", [a], None, "Neg")
    return apply(_BITS[word][0 if a.dtype.is_bool else 1], [a])


def _logic(word, a, b):
    if word == "xor":
        if not a.dtype.is_bool:
            return apply("BitwiseXor", [a, b])
        both = apply("LogicalNot", [apply("LogicalAnd", [a, b])])
        return apply("LogicalAnd", [apply("LogicalOr", [a, b]), both], None, "LogicalXor")
    return apply(_BITS[word][0 if a.dtype.is_bool else 1], [a, b])


def truediv(x, y, name=None):
    """x / y; of integers as floats."""
    graph = _mode.graph_for((x, y))
    x = convert(x, None, dtype_of(y) if not isinstance(x, _core.Operand) else None, "x", graph)
    y = convert(y, None, x.dtype, "y", graph)
    if x.dtype != y.dtype:
        raise TypeError(f"`x` and `y` must have the same dtype, got {x.dtype!r} != {y.dtype!r}.")
    wide = _WIDE.get(x.dtype.name)
    if wide is not None:
        x, y = (apply("Cast", [t], {"DstT": wide}, "truediv/Cast") for t in (x, y))
    return apply("RealDiv", [x, y], None, name or "truediv")


def _equality(word, a, b):
    if a is None or b is None:
        return word == "ne"
    graph = _mode.graph_for((a, b))
    if graph is not None:  # in a graph of TensorFlow 1 tensors are keys
        return (a is b) == (word == "eq")
    op, _ = _NUMBER_OPS[word]
    if not isinstance(a, _core.Operand):
        a, b = b, a
    a = convert(a)
    b = convert(b, None if isinstance(b, _core.Operand) else a.dtype)
    if not _broadcast(a.shape, b.shape):
        return convert(word == "ne")
    return apply(op, [a, b], {"incompatible_shape_error": False})


def _broadcast(a, b):
    """The two shapes go together."""
    return all(x == y or x == 1 or y == 1 for x, y in zip(reversed(a), reversed(b)))


_core.Operand._operator = staticmethod(operator)

from . import _tensors  # noqa: E402,F401  (gives EagerTensor its methods)
