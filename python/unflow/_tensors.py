# SPDX-License-Identifier: Apache-2.0
"""What EagerTensor does that need not be quick: printing, iteration, copies, attributes that
TensorFlow refuses in eager mode. The methods are put into the C types."""

from __future__ import annotations

from . import _core

Operand, Tensor, EagerTensor = _core.Operand, _core.Tensor, _core.EagerTensor
_DEVICE = "/job:localhost/replica:0/task:0/device:CPU:0"


def numpy_text(tensor, is_repr):
    """The value as repr or str show it: those of several lines begin on a line of their own."""
    if tensor.dtype.name == "variant":
        return "<unprintable>"
    array = tensor.numpy_array()
    if array.ndim == 0:
        value = array[()]
        text = repr(value.item() if hasattr(value, "item") else value) if is_repr else str(value)
    else:
        text = repr(array) if is_repr else str(array)
    return "\n" + text if "\n" in text else text


def _repr(self):
    if self.dtype.name == "resource":
        try:
            return f"<tf.Tensor: shape={self.shape}, dtype=resource, value={numpy_text(self, True)}>"
        except Exception:  # a table, or a variable without a value
            return f"<tf.Tensor: shape={self.shape}, dtype=resource, value=<unavailable>>"
    word = "value" if self.dtype.name == "variant" else "numpy"
    return f"<tf.Tensor: shape={self.shape}, dtype={self.dtype.name}, {word}={numpy_text(self, True)}>"


def _str(self):
    return f"tf.Tensor({numpy_text(self, False)}, shape={self.shape}, dtype={self.dtype.name})"


def _format(self, spec):
    return self._numpy().__format__(spec)


def _iter(self):
    if self.ndim == 0:
        raise TypeError("Cannot iterate over a scalar tensor.")
    return (self[i] for i in range(len(self)))


class Reference:
    """What tensor.ref() gives: equal when it is of the same object, and a key of dicts."""

    __slots__ = ("_object",)

    def __init__(self, object):
        self._object = object

    def deref(self):
        """The object."""
        return self._object

    def __eq__(self, other):
        return isinstance(other, Reference) and self._object is other._object

    def __hash__(self):
        return id(self._object)

    def __repr__(self):
        return f"<Reference wrapping {self._object!r}>"


def _refused(what):
    def get(self):
        raise AttributeError(f"Tensor.{what} is undefined when eager execution is enabled.")

    return property(get)


def _eval(self, feed_dict=None, session=None):
    raise NotImplementedError(
        "eval is not supported when eager execution is enabled, is .numpy() what you're looking for?")


def _set_shape(self, shape):
    if not self.shape.is_compatible_with(shape):
        from ._dtypes import as_shape

        raise ValueError(f"Tensor's shape {self.shape} is not compatible with supplied shape "
                         f"{as_shape(shape)}.")


def _rebuild(array, name):
    return _core.tensor(array, name)


def _reduce(self):
    return _rebuild, (self.numpy_array().copy(), self.dtype.name)


def _dlpack(self, **options):
    return self.numpy_array().copy().__dlpack__(**options)


def _getitem(self, key):
    from ._slicing import getitem

    return getitem(self, key)


def _symbolic_len(self):
    raise TypeError(f"len is not well defined for a symbolic Tensor ({self.name}). Please call "
                    f"`x.shape` rather than `len(x)` for shape information.")


def _spec(self):
    from ._specs import TensorSpec

    return TensorSpec(self.shape, self.dtype)


for _name, _value in {
    "__repr__": _repr, "__str__": _str, "__format__": _format, "__iter__": _iter,
    "__copy__": lambda self: self, "__deepcopy__": lambda self, memo: self, "__reduce__": _reduce,
    "__complex__": lambda self: complex(self.numpy_array()[()]),
    "__round__": lambda self, digits=None: round(self.numpy()) if digits is None else round(
        self.numpy(), digits),
    "__dlpack__": _dlpack, "__dlpack_device__": lambda self: (1, 0),
    "eval": _eval, "set_shape": _set_shape, "cpu": lambda self: self,
    "_numpy": lambda self: self.numpy_array()[()] if self.ndim == 0 else self.numpy_array(),
    "device": property(lambda self: _DEVICE), "backing_device": property(lambda self: _DEVICE),
    "op": _refused("op"), "graph": _refused("graph"), "name": _refused("name"),
    "value_index": _refused("value_index"),
    "is_tensor_like": property(lambda self: True), "_type_spec": property(_spec),
    "_symbolic": False,
}.items():
    setattr(EagerTensor, _name, _value)
Tensor.__getitem__ = _getitem
Tensor.__len__ = _symbolic_len
Operand.__array_priority__ = 100
Operand.ref = lambda self: Reference(self)
Operand.experimental_ref = Operand.ref
Operand._symbolic = False
