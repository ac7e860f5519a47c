# SPDX-License-Identifier: Apache-2.0
"""Protocol buffer messages of TensorFlow's files, as generated classes have them.

>>> from unflow._proto import GraphDef
>>> graph = GraphDef.FromString(open("frozen.pb", "rb").read())
>>> graph.node[0].attr["dtype"].type

Classes are made on demand from _proto_tables.py. A message inside another one stays bytes until
it is looked at, so that a large graph costs what is read of it; what is not changed is written as
it was. Maps are written in the order of their keys, so equal messages made here give equal bytes.
The wire format is that of protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import struct
from collections.abc import MutableMapping, MutableSequence

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED = {"float": ("f", _FIXED32), "double": ("d", _FIXED64), "fixed32": ("I", _FIXED32),
          "fixed64": ("Q", _FIXED64), "sfixed32": ("i", _FIXED32), "sfixed64": ("q", _FIXED64)}
_RANGE = {"int32": (-(2**31), 2**31), "int64": (-(2**63), 2**63), "uint32": (0, 2**32),
          "uint64": (0, 2**64), "sint32": (-(2**31), 2**31), "sint64": (-(2**63), 2**63),
          "fixed32": (0, 2**32), "fixed64": (0, 2**64), "sfixed32": (-(2**31), 2**31),
          "sfixed64": (-(2**63), 2**63), "enum": (-(2**31), 2**31)}
_DEFAULT = {"float": 0.0, "double": 0.0, "bool": False, "string": "", "bytes": b""}
_MAX_DEPTH = 100


class DecodeError(ValueError):
    """Bytes or text that are not such a message."""


# ---- the wire ----


def _varint(data, at, end):
    """(value, where the next byte is)."""
    result = shift = 0
    while at < end:
        byte = data[at]
        at += 1
        result |= (byte & 127) << shift
        if byte < 128:
            return result & (2**64 - 1), at
        shift += 7
        if shift > 63:
            break
    raise DecodeError("Error parsing message: a number does not end")


def _put_varint(out, value):
    value &= 2**64 - 1
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)


def _number(kind, raw):
    """The value of a varint of that kind."""
    if kind == "bool":
        return raw != 0
    if kind in ("int64", "sint64"):
        return (raw >> 1) ^ -(raw & 1) if kind == "sint64" else raw - (raw >> 63 << 64)
    if kind in ("int32", "enum"):
        raw &= 2**32 - 1
        return raw - (raw >> 31 << 32)
    if kind == "sint32":
        raw &= 2**32 - 1
        return (raw >> 1) ^ -(raw & 1)
    return raw & (2**32 - 1) if kind == "uint32" else raw


def _raw_number(kind, value):
    if kind in ("sint32", "sint64"):
        return value << 1 ^ value >> 63
    return int(value)


def _wire_type(kind):
    return _FIXED[kind][1] if kind in _FIXED else (
        _BYTES if kind in ("string", "bytes", "message") else _VARINT)


def _fields(data):
    """(number, wire type, value, start, end) of each field; a value of wire type 2 is a
    memoryview."""
    at, end = 0, len(data)
    while at < end:
        start = at
        key, at = _varint(data, at, end)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise DecodeError("Error parsing message: field number 0")
        if wire == _VARINT:
            value, at = _varint(data, at, end)
        elif wire == _BYTES:
            size, at = _varint(data, at, end)
            if size > end - at:
                raise DecodeError(f"Error parsing message: expected {size} bytes in field "
                                  f"{number}, found {end - at}")
            value = data[at: at + size]
            at += size
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
            if end - at < size:
                raise DecodeError(f"Error parsing message: field {number} is cut off")
            value = data[at: at + size]
            at += size
        else:
            raise DecodeError(f"Error parsing message: wire type {wire} in field {number}")
        yield number, wire, value, start, at


def _text_of(value, name):
    try:
        return str(value, "utf-8")
    except UnicodeDecodeError:
        raise DecodeError(f"Error parsing message: {name} is not UTF-8") from None


def _scalar(kind, wire, value, name):
    """The Python value of one element, or None when the wire type is another."""
    if wire != _wire_type(kind):
        return None
    if kind == "string":
        return _text_of(value, name)
    if kind == "bytes":
        return bytes(value)
    if kind in _FIXED:
        return struct.unpack("<" + _FIXED[kind][0], value)[0]
    return _number(kind, value)


def _unpacked(kind, data):
    """The numbers of a packed field."""
    if kind in _FIXED:
        letter, wire = _FIXED[kind]
        width = 8 if wire == _FIXED64 else 4
        if len(data) % width:
            raise DecodeError("Error parsing message: packed numbers are cut off")
        return struct.unpack(f"<{len(data) // width}{letter}", data)
    out, at, end = [], 0, len(data)
    while at < end:
        raw, at = _varint(data, at, end)
        out.append(_number(kind, raw))
    return out


def _put(out, number, kind, value):
    """Appends one field to a bytearray."""
    wire = _wire_type(kind)
    _put_varint(out, number << 3 | wire)
    if kind in _FIXED:
        out += struct.pack("<" + _FIXED[kind][0], value)
    elif wire == _VARINT:
        _put_varint(out, _raw_number(kind, value))
    else:
        data = value.encode() if kind == "string" else (
            value.SerializeToString() if isinstance(value, Message) else value)
        _put_varint(out, len(data))
        out += data


def _checked(field, value, kind=None):
    """value as a field of that kind keeps it; TypeError, ValueError."""
    kind = kind or field.kind
    if kind == "string":
        if isinstance(value, (bytes, bytearray)):
            return _text_of(value, field.name)
        if isinstance(value, str):
            return str(value)
    elif kind == "bytes":
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value)
    elif kind in ("float", "double"):
        if hasattr(value, "__float__") and not isinstance(value, str):
            value = float(value)
            return struct.unpack("<f", _float32(value))[0] if kind == "float" else value
    elif kind == "bool":
        if hasattr(value, "__index__") or type(value).__name__ in ("bool", "bool_"):
            return bool(value)
    elif kind == "enum" and isinstance(value, str):
        return enum_type(field.type).Value(value)
    elif hasattr(value, "__index__") or hasattr(value, "as_datatype_enum"):
        value = int(getattr(value, "as_datatype_enum", value))
        low, high = _RANGE[kind]
        if not low <= value < high:
            raise ValueError(f"Value out of range: {value}")
        return value
    raise TypeError(f"{value!r} has type {type(value).__name__}, but expected one of: {kind} "
                    f"for field {field.name}")


def _float32(value):
    try:
        return struct.pack("<f", value)
    except OverflowError:
        return struct.pack("<f", float("inf") if value > 0 else float("-inf"))


def _map_order(key):
    """Bytewise, of a text and one that begins with it the longer first: as protobuf's own
    deterministic writing has it."""
    return key.encode("utf-8", "surrogateescape") + b"\xff" if isinstance(key, str) else key


# ---- containers ----


class RepeatedScalar(MutableSequence):
    """Numbers or text of a repeated field; a list."""

    __slots__ = ("_owner", "_field", "_items")

    def __init__(self, owner, field, items=()):
        self._owner, self._field, self._items = owner, field, list(items)

    def __len__(self):
        return len(self._items)

    def __getitem__(self, at):
        return self._items[at]

    def __setitem__(self, at, value):
        one = not isinstance(at, slice)
        self._items[at] = _checked(self._field, value) if one else [
            _checked(self._field, v) for v in value]
        self._owner._touch()

    def __delitem__(self, at):
        del self._items[at]
        self._owner._touch()

    def insert(self, at, value):
        self._items.insert(at, _checked(self._field, value))
        self._owner._touch()

    def append(self, value):
        self._items.append(_checked(self._field, value))
        self._owner._touch()

    def extend(self, values):
        if values is None:
            return
        new = [_checked(self._field, v) for v in values]
        self._items += new
        if new:
            self._owner._touch()

    MergeFrom = extend

    def sort(self, key=None, reverse=False):
        self._items.sort(key=key, reverse=reverse)

    def __eq__(self, other):
        return self._items == (other._items if isinstance(other, RepeatedScalar) else list(other))

    __hash__ = None

    def __repr__(self):
        return repr(self._items)


class RepeatedMessage(MutableSequence):
    """Messages of a repeated field; add() makes another one."""

    __slots__ = ("_owner", "_field", "_items")

    def __init__(self, owner, field):
        self._owner, self._field, self._items = owner, field, []

    def _at(self, i):
        item = self._items[i]
        if not isinstance(item, Message):
            item = self._items[i] = message_class(self._field.type)._of(item)
        return item

    def __len__(self):
        return len(self._items)

    def __getitem__(self, at):
        if isinstance(at, slice):
            return [self._at(i) for i in range(*at.indices(len(self._items)))]
        return self._at(at)

    def __setitem__(self, at, value):
        raise TypeError("'RepeatedComposite' object does not support item assignment")

    def __delitem__(self, at):
        del self._items[at]
        self._owner._touch()

    def add(self, **fields):
        """A new message at the end, with these fields."""
        item = message_class(self._field.type)(**fields)
        item._present = True
        self._items.append(item)
        self._owner._touch()
        return item

    def _copy(self, value):
        cls = message_class(self._field.type)
        if not isinstance(value, cls):
            if not isinstance(value, dict):
                raise TypeError(f"expected {cls.__name__} in {self._field.name}, found "
                                f"{type(value).__name__}")
            value = cls(**value)
        item = cls()
        item.CopyFrom(value)
        item._present = True
        return item

    def insert(self, at, value):
        self._items.insert(at, self._copy(value))
        self._owner._touch()

    def append(self, value):
        self.insert(len(self._items), value)

    def extend(self, values):
        if isinstance(values, RepeatedMessage) and values._field.type == self._field.type:
            new = [v.SerializeToString() if isinstance(v, Message) else v for v in values._items]
        else:
            new = [self._copy(v) for v in values or ()]
        self._items += new
        if new:
            self._owner._touch()

    MergeFrom = extend

    def sort(self, key=None, reverse=False):
        self._items = sorted(self, key=key, reverse=reverse)

    def __eq__(self, other):
        return len(self) == len(other) and all(a == b for a, b in zip(self, other))

    __hash__ = None

    def __repr__(self):
        return repr(list(self))


class Map(MutableMapping):
    """A map field; of messages, map[key] makes one where there is none."""

    __slots__ = ("_owner", "_field", "_items")

    def __init__(self, owner, field):
        self._owner, self._field, self._items = owner, field, {}

    def _key(self, key):
        return _checked(self._field, key, self._field.key)

    def __len__(self):
        return len(self._items)

    def __iter__(self):
        return iter(self._items)

    def __contains__(self, key):
        return key in self._items

    def __getitem__(self, key):
        if self._field.value_kind != "message":
            if key not in self._items:
                self[key] = _DEFAULT.get(self._field.value_kind, 0)
            return self._items[key]
        key = self._key(key)
        item = self._items.get(key)
        if item is None:
            item = self._items[key] = message_class(self._field.type)()
            self._owner._touch()
        elif not isinstance(item, Message):
            item = self._items[key] = message_class(self._field.type)._of(item)
        item._present = True
        return item

    get_or_create = __getitem__

    def get(self, key, default=None):
        return self[key] if key in self._items else default

    def __setitem__(self, key, value):
        if self._field.value_kind == "message":
            raise ValueError("May not set values directly, call my_map[key].foo = 5")
        self._items[self._key(key)] = _checked(self._field, value, self._field.value_kind)
        self._owner._touch()

    def __delitem__(self, key):
        del self._items[key]
        self._owner._touch()

    def MergeFrom(self, other):
        for key in other:
            if self._field.value_kind == "message":
                self[key].CopyFrom(other[key])
            else:
                self[key] = other[key]

    def __eq__(self, other):
        return dict(self.items()) == dict(other.items())

    __hash__ = None

    def __repr__(self):
        return repr(dict(self.items()))


# ---- messages ----


class Field:
    """What a message's table says of one field."""

    __slots__ = ("name", "number", "kind", "type", "repeated", "key", "value_kind", "oneof")

    def __init__(self, text):
        self.name, _, rest = text.partition(":")
        rest, _, self.oneof = rest.partition("@")
        kind, _, number = rest.partition("=")
        self.number = int(number)
        self.repeated = kind.endswith("*")
        kind = kind.rstrip("*")
        self.key = self.value_kind = None
        if kind.startswith("{"):
            self.key, _, kind = kind[1:-1].partition(",")
        known = kind in _FIXED or kind in _DEFAULT or kind in _RANGE
        self.type = None if known else kind
        self.kind = kind if known else "enum" if kind in _enums() else "message"
        if self.key is not None:
            self.value_kind = self.kind

    @property
    def singular(self):
        return not self.repeated and self.key is None


class Descriptor:
    """A message's name and fields."""

    def __init__(self, name, fields):
        self.name = name.rpartition(".")[2]
        self.full_name = name if name.startswith("google.") else "tensorflow." + name
        self.fields = fields
        self.fields_by_name = {f.name: f for f in fields}


class _Meta(type):
    """Nested messages and members of nested enums are attributes of a class."""

    def __getattr__(cls, name):
        table = cls.__dict__.get("_table")
        if table is not None and not name.startswith("_"):
            nested = f"{table}.{name}"
            if nested in _messages():
                return message_class(nested)
            if nested in _enums():
                return enum_type(nested)
            for enum in _enums():
                if enum.rpartition(".")[0] == table and name in enum_type(enum).keys():
                    return enum_type(enum).Value(name)
        raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")


class Message(metaclass=_Meta):
    """The base of all messages."""

    __slots__ = ("_values", "_unknown", "_present", "_parent")
    _by_name = {}
    _by_number = {}
    _order = ()
    _oneofs = {}
    DESCRIPTOR = None

    def __init__(self, **fields):
        self._values = {}
        self._unknown = b""
        self._present = False
        self._parent = None
        for name, value in fields.items():
            self._initialise(name, value)

    def _initialise(self, name, value):
        field = self._by_name.get(name)
        if field is None:
            raise ValueError(f'Protocol message {type(self).__name__} has no "{name}" field.')
        if value is None:
            return
        if field.repeated:
            getattr(self, name).extend(value)
        elif field.key is not None:
            target = getattr(self, name)
            for key, item in value.items():
                if field.value_kind == "message":
                    target[key].CopyFrom(item)
                else:
                    target[key] = item
        elif field.kind == "message":
            getattr(self, name).CopyFrom(
                message_class(field.type)(**value) if isinstance(value, dict) else value)
            getattr(self, name)._touch()
        else:
            setattr(self, name, value)

    @classmethod
    def _of(cls, data):
        message = cls()
        message._present = True
        message._merge(memoryview(data))
        return message

    def _touch(self):
        """It has something now, and so its parents have it."""
        if not self._present:
            self._present = True
            if self._parent is not None:
                parent, field = self._parent
                parent._choose(field)
                parent._touch()

    def _choose(self, field):
        if field.oneof:
            for other in self._oneofs[field.oneof]:
                if other != field.name:
                    self._values.pop(other, None)

    # fields

    def _get(self, field):
        value = self._values.get(field.name)
        if field.repeated or field.key is not None:
            if value is None:
                kind = Map if field.key is not None else (
                    RepeatedMessage if field.kind == "message" else RepeatedScalar)
                value = self._values[field.name] = kind(self, field)
        elif field.kind == "message":
            if value is None:
                value = message_class(field.type)()
                value._parent = (self, field)
                # a message of a oneof that is not chosen is not kept: choosing drops others
                self._values[field.name] = value
            elif not isinstance(value, Message):
                value = self._values[field.name] = message_class(field.type)._of(value)
                value._parent = (self, field)
        elif value is None:
            value = _DEFAULT.get(field.kind, 0)
        return value

    def _set(self, field, value):
        if not field.singular or field.kind == "message":
            raise AttributeError(
                f'Assignment not allowed to message, map, or repeated field "{field.name}" in '
                f"protocol message object.")
        self._values[field.name] = _checked(field, value)
        self._choose(field)
        self._touch()

    def _has(self, field):
        value = self._values.get(field.name)
        if value is None:
            return False
        if not field.singular:
            return len(value) > 0
        if field.kind == "message":
            return not isinstance(value, Message) or value._present
        return bool(field.oneof) or bool(value) or value != value or str(value) == "-0.0"

    def HasField(self, name):
        """The field was set. ValueError for one that always has a value."""
        if name in self._oneofs:
            return self.WhichOneof(name) is not None
        field = self._by_name.get(name)
        if field is None:
            raise ValueError(f'Protocol message {type(self).__name__} has no field "{name}".')
        if not field.singular or (field.kind != "message" and not field.oneof):
            raise ValueError(f'Can\'t test non-optional, non-submessage field '
                             f'"{type(self).__name__}.{name}" for presence in proto3.')
        return self._has(field)

    def WhichOneof(self, name):
        """The field of the oneof that is set, or None."""
        if name not in self._oneofs:
            raise ValueError(f'Protocol message {type(self).__name__} has no oneof "{name}" field.')
        return next((n for n in self._oneofs[name] if self._has(self._by_name[n])), None)

    def ClearField(self, name):
        """Forgets a field, or what is set of a oneof."""
        if name in self._oneofs:
            for other in self._oneofs[name]:
                self._values.pop(other, None)
        elif name in self._by_name:
            self._values.pop(name, None)
        else:
            raise ValueError(f'Protocol message {type(self).__name__} has no "{name}" field.')
        self._touch()

    def Clear(self):
        """Forgets all fields."""
        self._values.clear()
        self._unknown = b""
        self._touch()

    def ListFields(self):
        """[(field, value)] of what is set, by number."""
        return [(f, self._get(f)) for f in self._order if self._has(f)]

    def SetInParent(self):
        """Makes the message present in the one it is in."""
        self._touch()

    def IsInitialized(self):
        return True

    # bytes

    def ParseFromString(self, data):
        """Becomes the message of these bytes; their number. DecodeError."""
        self.Clear()
        return self.MergeFromString(data)

    def MergeFromString(self, data):
        """Adds what these bytes say."""
        view = memoryview(data).cast("B") if not isinstance(data, bytes) else memoryview(data)
        self._merge(view)
        self._validate()
        self._touch()
        return len(view)

    @classmethod
    def FromString(cls, data):
        """The message of these bytes. DecodeError."""
        message = cls()
        message.ParseFromString(data)
        return message

    def _validate(self):
        """The messages directly inside are well-formed, too; deeper ones are when looked at."""
        for field in self._order:
            if field.kind == "message" and field.singular and field.name in self._values:
                self._get(field)

    def _merge(self, data):
        values, unknown = self._values, []
        for number, wire, value, start, end in _fields(data):
            field = self._by_number.get(number)
            if field is None:
                unknown.append(bytes(data[start:end]))
            elif field.key is not None:
                self._merge_entry(field, value)
            elif field.kind == "message":
                if wire != _BYTES:
                    raise DecodeError(f"Error parsing message: wire type of {field.name}")
                if field.repeated:
                    self._get(field)._items.append(value)
                else:
                    before = values.get(field.name)
                    if isinstance(before, Message):
                        before = before.SerializeToString() if before._present else None
                    # two of them are merged by standing one behind the other
                    values[field.name] = value if before is None else bytes(before) + bytes(value)
                    self._choose(field)
            elif field.repeated and wire == _BYTES and _wire_type(field.kind) != _BYTES:
                self._get(field)._items.extend(_unpacked(field.kind, value))
            else:
                item = _scalar(field.kind, wire, value, field.name)
                if item is None:
                    unknown.append(bytes(data[start:end]))
                elif field.repeated:
                    self._get(field)._items.append(item)
                else:
                    values[field.name] = item
                    self._choose(field)
        if unknown:
            self._unknown += b"".join(unknown)

    def _merge_entry(self, field, data):
        if not isinstance(data, memoryview):
            raise DecodeError(f"Error parsing message: {field.name} is no map")
        key, item = _DEFAULT.get(field.key, 0), _DEFAULT.get(field.value_kind, 0)
        if field.value_kind == "message":
            item = b""
        for number, wire, value, _, _ in _fields(data):
            if number == 1:
                key = _scalar(field.key, wire, value, field.name)
            elif number == 2 and field.value_kind == "message" and wire == _BYTES:
                item = value
            elif number == 2:
                item = _scalar(field.value_kind, wire, value, field.name)
        if key is None or item is None:
            raise DecodeError(f"Error parsing message: an entry of {field.name}")
        self._get(field)._items[key] = item

    def SerializeToString(self, deterministic=None):
        """Its bytes."""
        out = bytearray()
        for field in self._order:
            if not self._has(field):
                continue
            value = self._values[field.name]
            if field.key is not None:
                self._put_map(out, field, value)
            elif not field.repeated:
                _put(out, field.number, field.kind, value)
            elif _wire_type(field.kind) == _BYTES:
                for item in value._items:
                    _put(out, field.number, field.kind, item)
            else:
                self._put_packed(out, field, value._items)
        return bytes(out) + self._unknown

    SerializePartialToString = SerializeToString

    @staticmethod
    def _put_packed(out, field, items):
        if field.kind in _FIXED:
            data = struct.pack(f"<{len(items)}{_FIXED[field.kind][0]}", *items)
        else:
            data = bytearray()
            for item in items:
                _put_varint(data, _raw_number(field.kind, item))
        _put_varint(out, field.number << 3 | _BYTES)
        _put_varint(out, len(data))
        out += data

    @staticmethod
    def _put_map(out, field, value):
        for key in sorted(value._items, key=_map_order):
            entry = bytearray()
            _put(entry, 1, field.key, key)
            _put(entry, 2, field.value_kind, value._items[key])
            _put(out, field.number, "bytes", entry)

    def ByteSize(self):
        """Number of its bytes."""
        return len(self.SerializeToString())

    # copies and text

    def CopyFrom(self, other):
        """Becomes equal to other, which is of the same class."""
        if other is self:
            return
        self._same_class(other)
        self.Clear()
        self._merge(memoryview(other.SerializeToString()))

    def MergeFrom(self, other):
        """Adds what other has: lists grow, maps and fields are overwritten."""
        self._same_class(other)
        self._merge(memoryview(other.SerializeToString()))
        self._touch()

    def _same_class(self, other):
        convert = getattr(other, "SerializeToString", None)
        if type(self) is not type(other) and (
                convert is None or type(other).__name__ != type(self).__name__):
            raise TypeError(f"Parameter to CopyFrom() must be instance of same class: expected "
                            f"{self.DESCRIPTOR.full_name} got {type(other).__name__}.")

    def __eq__(self, other):
        if type(self) is not type(other):
            return NotImplemented
        mine, theirs = self.ListFields(), other.ListFields()
        return ([f.name for f, _ in mine] == [f.name for f, _ in theirs]
                and all(a == b for (_, a), (_, b) in zip(mine, theirs))
                and self._unknown == other._unknown)

    __hash__ = None

    def __deepcopy__(self, memo):
        return type(self).FromString(self.SerializeToString())

    __copy__ = lambda self: self.__deepcopy__(None)  # noqa: E731

    def __reduce__(self):
        return _from_bytes, (type(self)._table, self.SerializeToString())

    def __str__(self):
        from ._proto_text import MessageToString

        return MessageToString(self)

    __repr__ = __str__


def _from_bytes(name, data):
    return message_class(name).FromString(data)


# ---- tables ----


def _table(text):
    out = {}
    for line in text.replace("\n  ", " ").strip().splitlines():
        name, _, rest = line.partition(" |")
        out[name] = rest.split()
    return out


_tables = {}
_classes = {}


def _messages():
    if "messages" not in _tables:
        from ._proto_tables import MESSAGES

        _tables["messages"] = _table(MESSAGES)
    return _tables["messages"]


def _enums():
    if "enums" not in _tables:
        from ._proto_tables import ENUMS

        _tables["enums"] = _table(ENUMS)
    return _tables["enums"]


class EnumType:
    """An enum: Name(number), Value(name), keys(), values(), items()."""

    def __init__(self, name, members):
        self._name = name
        self._numbers = {n: int(v) for n, _, v in (m.partition("=") for m in members)}
        self._names = {v: n for n, v in self._numbers.items()}

    def Name(self, number):
        if number not in self._names:
            raise ValueError(f"Enum {self._name} has no name defined for value {number!r}")
        return self._names[number]

    def Value(self, name):
        if name not in self._numbers:
            raise ValueError(f"Enum {self._name} has no value defined for name {name!r}")
        return self._numbers[name]

    def keys(self):
        return list(self._numbers)

    def values(self):
        return list(self._numbers.values())

    def items(self):
        return list(self._numbers.items())

    def __getattr__(self, name):
        if name.startswith("_") or name not in self._numbers:
            raise AttributeError(name)
        return self._numbers[name]


def enum_type(name):
    """The enum of that name."""
    if name not in _classes:
        _classes[name] = EnumType(name, _enums()[name])
    return _classes[name]


def _accessor(field):
    return property(lambda self: self._get(field), lambda self, value: self._set(field, value))


def message_class(name):
    """The class of that message, with or without the package's name."""
    found = _classes.get(name)
    if found is not None:
        return found
    if name.startswith("tensorflow."):
        return message_class(name[len("tensorflow."):])
    fields = sorted((Field(text) for text in _messages()[name]), key=lambda f: f.number)
    oneofs = {}
    for field in fields:
        if field.oneof:
            oneofs.setdefault(field.oneof, []).append(field.name)
    space = {f.name: _accessor(f) for f in fields}
    space.update(
        __slots__=(), _table=name, _order=tuple(fields), _oneofs=oneofs,
        _by_name={f.name: f for f in fields}, _by_number={f.number: f for f in fields},
        DESCRIPTOR=Descriptor(name, fields), __module__=__name__,
        __doc__=f"The message {name}.")
    cls = _classes[name] = _Meta(name.rpartition(".")[2], (Message,), space)
    return cls


def __getattr__(name):
    if not name.startswith("_") and name in _messages():
        return message_class(name)
    if not name.startswith("_") and name in _enums():
        return enum_type(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
