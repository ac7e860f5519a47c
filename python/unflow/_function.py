# SPDX-License-Identifier: Apache-2.0
"""tf.function: the function itself, run eagerly, with the face of a traced one."""

from __future__ import annotations

import functools
import inspect

from . import _core, _mode, _nest, _ops
from ._specs import TensorSpec, TypeSpec


def _leaf_result(value):
    if value is None or isinstance(value, _core.Tensor) or hasattr(value, "_composite"):
        return value
    try:
        return _ops.convert(value, graph=_mode.graph_for((value,)))
    except (TypeError, ValueError):
        return value


def _results(value):
    return _nest.map_structure(_leaf_result, value) if _nest.is_nested(value) else _leaf_result(value)


def _bound(spec, value, name):
    """value as an argument of that spec; TypeError."""
    if not isinstance(spec, TensorSpec):
        return value
    try:
        value = value if isinstance(value, _core.Operand) else _ops.convert(value, spec.dtype)
    except (TypeError, ValueError) as error:
        raise TypeError(f"Binding inputs to tf.function failed due to `Can not cast {value!r} to "
                        f"{spec!r}`. ({error})") from None
    if not spec.is_compatible_with(value):
        raise TypeError(f"Binding inputs to tf.function failed due to `Can not cast "
                        f"{TensorSpec(value.shape, value.dtype)!r} to {spec!r}`. Received argument {name!r}.")
    return value._as_tensor() if hasattr(value, "_as_tensor") else value


def _names(function):
    try:
        return [n for n, p in inspect.signature(function).parameters.items()
                if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    except (TypeError, ValueError):
        return []


class ConcreteFunction:
    """A function for arguments of known specs."""

    def __init__(self, function, specs, kwspecs, name):
        self._function, self._specs, self._kwspecs = function, specs, kwspecs
        self.name = name

    structured_input_signature = property(lambda self: (tuple(self._specs), dict(self._kwspecs)))

    @property
    def inputs(self):
        return [s for s in _nest.flatten([self._specs, self._kwspecs]) if isinstance(s, TypeSpec)]

    def __call__(self, *args, **kwargs):
        names = _names(self._function)
        if len(args) > len(self._specs):
            raise TypeError(f"{self.name} takes {len(self._specs)} positional arguments, got {len(args)}")
        values = []
        for i, spec in enumerate(self._specs):
            name = getattr(spec, "name", None) or (names[i] if i < len(names) else str(i))
            if i < len(args):
                values.append(_nest.map_structure(lambda s, v: _bound(s, v, name), spec, args[i])
                              if _nest.is_nested(spec) else _bound(spec, args[i], name))
            elif name in kwargs or (i < len(names) and names[i] in kwargs):
                values.append(_bound(spec, kwargs.pop(name if name in kwargs else names[i]), name))
            elif not isinstance(spec, TypeSpec):
                values.append(spec)
            else:
                raise TypeError(f"{self.name} missing required argument {name!r}")
        named = {k: _bound(s, kwargs.pop(k), k) if k in kwargs else s for k, s in self._kwspecs.items()}
        if kwargs:
            raise TypeError(f"{self.name} got unexpected keyword arguments: {', '.join(kwargs)}")
        return _results(self._function(*values, **named))

    def __repr__(self):
        return f"<ConcreteFunction {self.name} at 0x{id(self):X}>"


class Function:
    """What @tf.function makes."""

    def __init__(self, function, name=None, input_signature=None):
        functools.update_wrapper(self, function)
        self.python_function = function
        self._name = name or getattr(function, "__name__", "function")
        if input_signature is not None and not isinstance(input_signature, (tuple, list)):
            raise TypeError(f"input_signature must be either a tuple or a list, got {type(input_signature)}.")
        self.input_signature = None if input_signature is None else tuple(input_signature)
        self._owner = None

    name = property(lambda self: self._name)
    function_spec = property(lambda self: self)

    def __get__(self, owner, cls=None):
        if owner is None:
            return self
        bound = Function(self.python_function.__get__(owner, cls), self._name, self.input_signature)
        bound._owner = owner
        return bound

    def __call__(self, *args, **kwargs):
        if self.input_signature is None:
            return _results(self.python_function(*args, **kwargs))
        return self.get_concrete_function()(*args, **kwargs)

    def get_concrete_function(self, *args, **kwargs):
        """For arguments like these: values, or specs of them."""
        specs = self.input_signature if self.input_signature is not None and not args and not kwargs else (
            tuple(_spec_of(a) for a in args))
        return ConcreteFunction(self.python_function, specs, {k: _spec_of(v) for k, v in kwargs.items()},
                                f"__inference_{self._name}")

    def experimental_get_tracing_count(self):
        return 0

    def __repr__(self):
        return f"<tensorflow.python.eager.polymorphic_function.polymorphic_function.Function object {self._name}>"


def _spec_of(value):
    if _nest.is_nested(value):
        return _nest.map_structure(_spec_of, value)
    if isinstance(value, _core.Operand):
        return TensorSpec(value.shape, value.dtype)
    if hasattr(value, "__array__"):
        tensor = _ops.convert(value)
        return TensorSpec(tensor.shape, tensor.dtype)
    return value


def function(func=None, input_signature=None, autograph=True, jit_compile=None, reduce_retracing=False,
             experimental_implements=None, experimental_autograph_options=None,
             experimental_attributes=None, experimental_relax_shapes=None, experimental_compile=None,
             experimental_follow_type_hints=None):
    """Decorator: the function, run eagerly."""
    def wrap(inner):
        return Function(inner, None, input_signature)

    return wrap if func is None else wrap(func)


def py_function(func=None, inp=None, Tout=None, name=None):
    """func of the tensors; its results as tensors of Tout."""
    found = func(*[_ops.convert(i) for i in inp])
    return _typed(found, Tout)


def numpy_function(func=None, inp=None, Tout=None, stateful=True, name=None):
    """func of the arrays; its results as tensors of Tout."""
    return _typed(func(*[_ops.convert(i).numpy() for i in inp]), Tout)


def _typed(found, dtypes):
    from ._convert import cast

    if isinstance(dtypes, (list, tuple)):
        return [cast(f, d) for f, d in zip(found if dtypes else (), dtypes)]
    return None if found is None else cast(found, dtypes)


class init_scope:
    """In the block, calls compute at once, also inside of a graph."""

    def __enter__(self):
        _mode.stacks.graphs.append(None)

    def __exit__(self, *exc):
        _mode.stacks.graphs.pop()
        return False


def do_not_convert(func=None):
    return (lambda f: f) if func is None else func


def to_graph(entity, recursive=True, experimental_optional_features=None):
    return entity


def recompute_grad(f):
    return f


def custom_gradient(f=None):
    """The function's value; gradients are not computed here."""
    @functools.wraps(f)
    def value(*args, **kwargs):
        return f(*args, **kwargs)[0]

    return value
