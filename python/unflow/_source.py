# SPDX-License-Identifier: Apache-2.0
"""Named arrays of a file: checkpoints, SavedModels, graphs, archives. Made by unflow.open."""

from __future__ import annotations

import operator
import os
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

import numpy as np

from . import _core
from ._mappings import Named
from ._tensor import ArrayLike, Quantization, _row, dequantize
from .errors import InvalidArgumentError, NoSuchNameError, OutOfRangeError


def is_url(path):
    """A string that names a file of some other system than the local one."""
    return isinstance(path, str) and "://" in path


def _is_h5(path):
    """A Keras file for h5py: by its name, or the first bytes of a local file."""
    name = path.partition("?")[0] if is_url(path) else path
    if name.endswith((".h5", ".hdf5", ".keras")):
        return True
    if is_url(path) or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(8) == b"\x89HDF\r\n\x1a\n"


def open_source(source, fs=None, storage_options=None, ema=False, name=None):
    """Opens a file or checkpoint as named arrays, whatever its format (a .tflite gives its
    weights). Arguments as those of unflow.open."""
    if not isinstance(source, (str, os.PathLike)):
        if hasattr(source, "read"):
            name = name or getattr(source, "name", None)
            source = source.read()
        name = name if isinstance(name, str) else None
        return Source(_core.source_open_buffer(source, name), None, {}, ema)
    path = os.fspath(source)
    options = {}
    if fs is not None:
        options["fs"] = fs
    if storage_options:
        options["storage_options"] = dict(storage_options)
    if isinstance(path, str) and _is_h5(path):
        from . import _h5

        return _h5.open(path, **options)
    if fs is not None or is_url(path):
        from . import _fsspec

        return Source(_fsspec.open_core(path, fs, storage_options), path, options, ema)
    return Source(_core.source_open(path), path, options, ema)


class Variable(NamedTuple):
    """What is known of an entry besides its value."""

    name: str        # of the variable
    key: str         # in the file
    path: str | None  # in the object graph
    aliases: tuple   # further paths
    role: str        # "value", "constant", "slot", "optimizer", "average", "meta"
    slot: str | None
    of: int          # index of the variable a slot or average belongs to; -1
    average: int     # index of this one's average; -1


# ---- parts ------------------------------------------------------------------------


def _bad_index(index, axis, size):
    return IndexError(f"index {index} is out of bounds for axis {axis} with size {size}")


def part_of(key, shape):
    """What basic indexing wants of an array of that shape: (region, rest), where region is
    a (start, extent) for each dimension and array[region][rest] the result. None: not basic."""
    items = key if isinstance(key, tuple) else (key,)
    if not all(item is None or item is Ellipsis or isinstance(item, slice)
               or (hasattr(item, "__index__") and not isinstance(item, (bool, np.bool_, np.ndarray)))
               for item in items):
        return None
    if sum(item is Ellipsis for item in items) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    given = sum(item is not None and item is not Ellipsis for item in items)
    if given > len(shape):
        raise IndexError(f"too many indices for array: array is {len(shape)}-dimensional, but "
                         f"{given} were indexed")
    if Ellipsis not in items:
        items += (Ellipsis,)
    region, rest = [], []
    for item in items:
        if item is None:
            rest.append(None)
        elif item is Ellipsis:
            for size in shape[len(region): len(region) + len(shape) - given]:
                region.append((0, size))
                rest.append(slice(None))
        elif isinstance(item, slice):
            size = shape[len(region)]
            steps = range(*item.indices(size))
            low, high = (min(steps[0], steps[-1]), max(steps[0], steps[-1])) if steps else (0, -1)
            region.append((low, high - low + 1))
            rest.append(slice(None, None, steps.step) if steps else slice(0, 0))
        else:
            size, index = shape[len(region)], operator.index(item)
            if not -size <= index < size:
                raise _bad_index(index, len(region), size)
            region.append((index % size, 1))
            rest.append(0)
    return tuple(region), tuple(rest)


class Handle(ArrayLike):
    """An array in a file, read when it is asked for.

    ``np.asarray(v)`` is a read-only view of the mapped file, without a copy where the file
    has the array in one piece; ``v[a:b]`` reads only that; ``v.numpy()`` copies and checks
    the checksum. A view is not checked: see ``verify()``. Pickles as (path, key, region),
    without data.
    """

    __slots__ = ("source", "key", "region", "_name", "_entry_", "__weakref__")

    def __init__(self, source, key, region=None, name=None):
        self.source = source
        self.key = key
        self.region = region
        self._name = name
        self._entry_ = None

    @property
    def _entry(self):
        if self._entry_ is None:
            self._entry_ = self.source._core.entry(self.key)
        return self._entry_

    @property
    def _variable(self):
        return self.source._variable(self.key)

    @property
    def name(self):
        """The variable's name; with ``ema=True`` an average has that of its variable."""
        return self._variable.name if self._name is None else self._name

    path = property(lambda self: self._variable.path, doc="Its path in the object graph, or None.")
    aliases = property(lambda self: self._variable.aliases, doc="Further paths to it, a tuple.")
    role = property(lambda self: self._variable.role, doc="'value', 'constant', 'slot', "
                    "'optimizer', 'average' or 'meta'.")
    slot = property(lambda self: self._variable.slot, doc="A slot's name ('m', 'Adam_1'), or None.")
    type = property(lambda self: self._entry[1], doc="The dtype's name in the file.")
    size_in_file = property(lambda self: self._entry[3], doc="Bytes in the file.")
    file = property(lambda self: self._entry[4], doc="The file its bytes are in; None: several.")
    offset = property(lambda self: self._entry[5], doc="Where they begin in ``file``.")
    pieces = property(lambda self: self._entry[6], doc="Slices that it is saved in; 1: whole.")

    @property
    def quantization(self):
        """A Quantization, or None."""
        return None if self._entry[7] is None else Quantization(*self._entry[7])

    @property
    def shape(self):
        """A tuple of ints."""
        if self.region is not None:
            return tuple(extent for _, extent in self.region)
        return self._entry[2]

    @property
    def ndim(self):
        """Number of dimensions."""
        return len(self.shape)

    @property
    def size(self):
        """Number of elements."""
        return int(np.prod(self.shape, dtype=object)) if self.shape else 1

    @property
    def nbytes(self):
        """Bytes of the array that numpy() gives (of strings: of the references)."""
        return self.size * self.dtype.itemsize

    @property
    def dtype(self):
        """The dtype of the array that numpy() gives."""
        return _core.np_dtype(self.type) if self.type != "variant" else np.dtype(object)

    def _array(self):
        return self.source._core.read(self.key, False, False, self.region)

    def numpy(self):
        """A writable copy, its checksum checked. Raises DataLossError (damaged), NotFoundError
        (a shard is missing), naming file, offset and tensor."""
        return self.source._core.read(self.key, True, False, self.region)

    def __getitem__(self, key):
        """The part of the array, of which only the bytes needed are read (for slices, ints,
        ``...`` and None; other indices read all of it). A view where that can be."""
        part = part_of(key, self.shape)
        if part is None:
            return self._array()[key]
        region, rest = part
        return self.source._core.read(self.key, False, False, self._within(region))[rest]

    def _within(self, region):
        if self.region is None:
            return region
        return tuple((start + outer, extent) for (start, extent), (outer, _)
                     in zip(region, self.region))

    @property
    def lazy(self):
        """``v.lazy[a:b, c:d]`` is a Handle of that part: nothing is read before it is asked
        for, and it pickles without data. Slices of step 1 only."""
        return _Lazy(self)

    def verify(self):
        """Checks its checksums. Raises DataLossError."""
        self.source._core.verify(self.key)

    def dequantize(self):
        """Its value as float32 real numbers, a new array."""
        return dequantize(self._array(), self.quantization)

    def to_dask(self, chunks="auto"):
        """A dask.array of it whose blocks are reads of parts (pip install 'unflow[dask]')."""
        from . import _dask

        return _dask.from_handle(self, chunks)

    def __reduce__(self):
        if self.source.path is None:
            raise TypeError(f"expected a source with a path to pickle {self!r}, found one from "
                            f"memory; pickle v.numpy()")
        return _reopen, (self.source._place, self.source._options, self.key, self.region, self._name)

    def __repr__(self):
        return f"<unflow array {self.key!r} {self.type} {self.shape}>"

    def _repr_html_(self):
        rows = [_row("array", self.key), _row("dtype", self.type), _row("shape", self.shape)]
        if self.name != self.key:
            rows.append(_row("variable", self.name))
        if self.size <= 1 << 20:
            rows.append(_row("value", np.array2string(np.asarray(self), threshold=16, edgeitems=3)))
        return f"<table>{''.join(rows)}</table>"


class _Lazy:
    __slots__ = ("_handle",)

    def __init__(self, handle):
        self._handle = handle

    def __getitem__(self, key):
        handle = self._handle
        part = part_of(key, handle.shape)
        if part is None or any(not isinstance(item, slice) or item.step not in (None, 1)
                               for item in part[1]):
            raise IndexError(f"expected slices of step 1 for a part of {handle!r}, found {key!r}")
        return Handle(handle.source, handle.key, handle._within(part[0]), handle._name)


def _reopen(path, options, key, region, name):
    """What a Handle pickles to. Sources are kept, so that many handles cost one opening."""
    return Handle(_cached(path, options), key, region, name)


_opened = {}
_KEPT = 8


def _stamp(path):
    """Changes when a local file is replaced."""
    if is_url(path):
        return None
    found = []
    for end in ("", ".index", "/checkpoint", "/saved_model.pb", "/variables/variables.index"):
        try:
            info = os.stat(path + end)
        except OSError:
            continue
        found.append((info.st_mtime_ns, info.st_size, info.st_ino))
    return tuple(found)


def _cached(path, options):
    key = (path, repr(sorted(options.items(), key=lambda item: item[0])), _stamp(path))
    source = _opened.get(key)
    if source is None:
        source = open_source(path, **options)
        while len(_opened) >= _KEPT:
            _opened.pop(next(iter(_opened)))
        _opened[key] = source
    return source


def without_average(name):
    """The name of the variable that an average is of, where that was not saved itself."""
    return re.sub(r"/ExponentialMovingAverage(_\d+)?$", "", name)


# ---- mappings -----------------------------------------------------------------------


class Handles(Named):
    """Handles by name, in the order of the file."""

    __slots__ = ("_source", "_what", "_keys", "_more")

    def __init__(self, source, what, keys, more=None):
        self._source = source
        self._what = what
        self._keys = keys  # name: key in the file
        self._more = more or {}  # other names that are understood

    def __getitem__(self, name):
        key = self._keys.get(name)
        if key is not None:
            return Handle(self._source, key, name=name if name != key else None)
        found = self._more.get(name) if isinstance(name, str) else None
        if found is not None:
            return self[found]
        known = ", ".join(map(repr, list(self)[:8])) or "none"
        raise NoSuchNameError(None, None, f"{self._source}: expected a {self._what} (there are: "
                              f"{known}{', ...' if len(self) > 8 else ''}), found {name!r}")

    def __iter__(self):
        return iter(self._keys)

    def __len__(self):
        return len(self._keys)

    def __contains__(self, name):
        return name in self._keys or name in self._more

    def to_dict(self, threads=0):
        """{name: writable copy} of all, by several threads (0: as many as processors), the
        checksums checked."""
        return dict(zip(self, self._source._core.read_all(list(self._keys.values()), threads)))


class Tensors(Named):
    """Every array of the file by its key. Looking one up does not list the others."""

    __slots__ = ("_source",)

    def __init__(self, source):
        self._source = source

    def __getitem__(self, key):
        self._source._core.entry(key)  # NotFoundError with near names
        return Handle(self._source, key)

    def __iter__(self):
        return iter(self._source._keys())

    def __len__(self):
        return len(self._source._keys())

    def __contains__(self, key):
        return isinstance(key, str) and self._source._core.has(key)

    def values(self):
        return [Handle(self._source, key) for key in self]

    def items(self):
        return [(key, Handle(self._source, key)) for key in self]

    def to_dict(self, threads=0):
        """As Source.to_dict."""
        return self._source.to_dict(threads)


class GraphNode:
    """A node of a graph in a file: ``name``, ``op``, ``device``, ``inputs`` (as in the file:
    'x', 'x:1', '^control') and ``attr``, a dictionary."""

    __slots__ = ("_source", "_index", "name", "op", "device", "inputs")

    def __init__(self, source, index):
        self._source = source
        self._index = index
        self.name, self.op, self.device, self.inputs, _ = source._core.node(index)

    @property
    def attr(self):
        """Attributes: ints, floats, bools, bytes, dtypes by name, shapes as tuples (None:
        unknown rank), tensors as arrays, functions by name, lists of these."""
        return self._source._core.attrs(self._index)

    def __repr__(self):
        return f"<unflow node {self.name!r}: {self.op}({', '.join(self.inputs)})>"


class Nodes(Named):
    """The nodes of a graph, by name or number; those of functions as FUNCTION/NODE."""

    __slots__ = ("_source", "_all")

    def __init__(self, source):
        self._source = source
        self._all = None

    def _table(self):
        if self._all is None:
            table, index = {}, 0
            while True:
                try:
                    node = GraphNode(self._source, index)
                except OutOfRangeError:
                    break
                name = node.name if node.name not in table else f"{node.name}#{index}"
                table[name] = node
                index += 1
            self._all = table
        return self._all

    def __getitem__(self, key):
        if not isinstance(key, str):
            return GraphNode(self._source, operator.index(key))
        node = self._table().get(key)
        if node is None:
            raise NoSuchNameError(None, None, f"{self._source}: expected the name of one of "
                                  f"{len(self)} nodes, found {key!r}")
        return node

    def __iter__(self):
        return iter(self._table())

    def __len__(self):
        return len(self._table())


class Source(Mapping):
    """A file of named arrays. Made by unflow.open.

    A Mapping from the keys in the file to handles, which are read when they are asked
    for; variable names and object paths are understood, too. Use it in a ``with``, or
    close it, or let it go: arrays that were read stay valid.
    """

    def __init__(self, core, path, options, ema=False):
        self._core = core
        self.path = path
        self._options = dict(options, ema=True) if ema else dict(options)
        self._ema = ema
        self._names = self._table = self._index = None
        self._mappings = {}  # roles: what their Handles look names up in

    @property
    def _place(self):
        """The path for other processes, whose current folder may be another."""
        if self.path is None or is_url(self.path) or "fs" in self._options:
            return self.path
        return os.path.abspath(self.path)

    # names

    def _keys(self):
        if self._names is None:
            self._names = self._core.names()
        return self._names

    def _all_variables(self):
        if self._table is None:
            self._table = [Variable(*row) for row in self._core.variables()]
            self._index = {v.key: v for v in self._table}
        return self._table

    def _variable(self, key):
        self._all_variables()
        return self._index[key]

    @property
    def info(self):
        """A dict: path, format ('checkpoint', 'saved_model', ...) and details in words."""
        return self._core.info()

    @property
    def tensors(self):
        """Every array by its key in the file."""
        return Tensors(self)

    def _chosen(self, what, *roles):
        """The variables of these roles by name, with paths, aliases and keys understood."""
        found = self._mappings.get(roles)
        if found is None:
            keys, more = {}, {}
            for v, key in self._averaged(self._ema):
                if v.role not in roles:
                    continue
                name = without_average(v.name) if self._ema and v.role == "average" else v.name
                keys[name] = key
                for other in (v.name, v.key, v.path, *v.aliases):
                    if other and other != name:
                        more.setdefault(other, name)
            more = {k: n for k, n in more.items() if k not in keys}
            found = self._mappings[roles] = keys, more  # no Handles: they refer to this source
        return Handles(self, what, *found)

    def _averaged(self, ema):
        """(variable, key of its value) in order; with ema the key is that of its average, which
        is then not given by itself."""
        variables = self._all_variables()
        for v in variables:
            if not ema:
                yield v, v.key
            elif v.average >= 0:
                yield v, variables[v.average].key
            elif v.role != "average" or v.of < 0:
                yield v, v.key

    @property
    def variables(self):
        """The variables by name: what a model has, without an optimizer's slots. Object
        paths, aliases and keys are understood. With ``ema=True`` averages stand in
        for their variables."""
        return self._chosen("variable", "value", "average")

    @property
    def optimizer(self):
        """What an optimizer keeps for itself: iterations, learning rate ..."""
        return self._chosen("variable of an optimizer", "optimizer")

    @property
    def constants(self):
        """The constants of a graph by the names of their nodes."""
        return self._chosen("constant", "constant")

    @property
    def slots(self):
        """{variable's name: {slot: handle}} of what optimizers keep for variables."""
        variables, slots = self._all_variables(), {}
        for v in variables:
            if v.role == "slot":
                owner = variables[v.of].name if v.of >= 0 else v.name.rpartition("/")[0]
                slots.setdefault(owner, {})[v.slot] = Handle(self, v.key)
        return slots

    @property
    def nodes(self):
        """The nodes of a graph (GraphDef, MetaGraph, SavedModel); empty for others."""
        return Nodes(self)

    # the mapping

    def __getitem__(self, name):
        if isinstance(name, str) and not self._core.has(name):
            everything = self._chosen("array", "value", "average", "slot", "optimizer", "constant",
                                      "meta")
            if name in everything:
                return everything[name]
        return self.tensors[name]

    def __iter__(self):
        return iter(self._keys())

    def __len__(self):
        return len(self._keys())

    def __contains__(self, name):
        try:
            self[name]
        except KeyError:
            return False
        return True

    def values(self):
        """Handles of all arrays, a list."""
        return self.tensors.values()

    def items(self):
        """(key, handle) of all arrays, a list."""
        return self.tensors.items()

    def match(self, pattern):
        """Those whose key fits the shell pattern, a dict."""
        return {key: Handle(self, key) for key in self if fnmatchcase(key, pattern)}

    # everything at once

    def to_dict(self, threads=0):
        """{key: writable copy} of every array, by several threads (0: as many as
        processors), all checksums checked. Raises DataLossError at the first that is
        damaged."""
        keys = self._keys()
        return dict(zip(keys, self._core.read_all(keys, threads)))

    numpy = to_dict

    def verify(self):
        """{key: what is wrong} of every array that is damaged; empty: all is well."""
        damaged = {}
        for key in self:
            try:
                self._core.verify(key)
            except (RuntimeError, OSError) as error:
                damaged[key] = str(error)
        return damaged

    def to_dask(self, chunks="auto"):
        """{key: dask.array} of every array (pip install 'unflow[dask]')."""
        return {key: handle.to_dask(chunks) for key, handle in self.items()}

    # the end

    def close(self):
        """Lets the file go; reading a handle then raises. Arrays that were read stay valid."""
        self._core = _Closed(str(self))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __reduce__(self):
        if self.path is None:
            raise TypeError("expected a source with a path to pickle, found one from memory")
        return _cached, (self._place, self._options)

    def __str__(self):
        return self.path if self.path is not None else self._core.info()["path"]

    def __repr__(self):
        try:
            return f"<unflow {self.info['format']} {str(self)!r}: {len(self)} arrays>"
        except RuntimeError:
            return f"<unflow source {str(self)!r}>"

    def _repr_html_(self):
        return f"<table>{''.join(_row(v.key, f'{v.type} {v.shape}') for v in self.values()[:50])}</table>"


class _Closed:
    """Stands in for what was closed."""

    def __init__(self, path):
        self._path = path

    def info(self):
        return {"path": self._path, "format": "closed", "details": ""}

    def __getattr__(self, name):
        raise InvalidArgumentError(None, None, f"{self._path}: expected an open source, found "
                                   f"one that was closed; open it again")
