# SPDX-License-Identifier: Apache-2.0
"""The lazy mappings of a model: tensors, variables, tables, metadata, packed files."""

from __future__ import annotations

import json
import operator
from collections.abc import Mapping
from fnmatch import fnmatchcase

from ._tensor import Table, Tensor, Variable
from .errors import NoSuchNameError, NotFoundError, OutOfRangeError


def _index(key):
    """key as an int, or None when it is not one."""
    if isinstance(key, str):
        return None
    try:
        return operator.index(key)
    except TypeError:
        raise TypeError(
            f"expected a name or an index, found {type(key).__name__}"
        ) from None


class Named(Mapping):
    """A Mapping with patterns: ``match("conv*")`` is a dictionary of what fits."""

    __slots__ = ()

    def match(self, pattern):
        """Those whose name fits the shell pattern (``*``, ``?``, ``[...]``), a dict."""
        return {key: self[key] for key in self if fnmatchcase(key, pattern)}

    def __repr__(self):
        names = list(self)
        more = ", ..." if len(names) > 8 else ""
        return f"<{type(self).__name__} of {len(names)}: {', '.join(map(repr, names[:8]))}{more}>"

    def _repr_html_(self):
        rows = "".join(f"<tr><td>{self[key]._repr_html_()}</td></tr>" for key in list(self)[:50]
                       if hasattr(self[key], "_repr_html_"))
        return f"<table>{rows}</table>"


class Tensors(Named):
    """The tensors of a graph, by name or by index.

    A name that several tensors have stands for the first; the others, and those
    without a name, are listed as ``name#index``.
    """

    __slots__ = ("_session", "_graph", "_keys")

    def __init__(self, session, graph):
        self._session = session
        self._graph = graph
        self._keys = None

    def _table(self):
        if self._keys is None:
            keys = {}
            for i, name in enumerate(self._session._model.names(self._graph)):
                keys[f"{name}#{i}" if name in keys or not name else name] = i
            self._keys = keys
        return self._keys

    def __getitem__(self, key):
        index = _index(key)
        if index is None:
            index = self._keys.get(key) if self._keys is not None else None
            if index is None:
                try:
                    index = self._session._model.find_value(self._graph, key)
                except NotFoundError:
                    index = self._table().get(key)  # name#index
                    if index is None:
                        raise
        elif index < 0:
            index += len(self)
        return Tensor(self._session, self._graph, index)

    def __setitem__(self, key, value):
        self[key].assign(value)

    def __iter__(self):
        return iter(self._table())

    def __len__(self):
        return self._session._model.graph(self._graph)[1]

    def __contains__(self, key):
        try:
            self[key]
        except (NotFoundError, OutOfRangeError):
            return False
        return True


class Ports(Named):
    """Inputs or outputs: by name (a signature's or the tensor's), or by position."""

    __slots__ = ("_session", "_graph", "_what", "_names", "_indices")

    def __init__(self, session, graph, what, names, indices):
        self._session = session
        self._graph = graph
        self._what = what
        self._names = names
        self._indices = indices

    def _position(self, key):
        at = _index(key)
        if at is not None:
            if not -len(self._indices) <= at < len(self._indices):
                raise OutOfRangeError(None, None, f"expected one of {len(self._indices)} "
                                      f"{self._what}s, found number {at}")
            return at % len(self._indices)
        if key in self._names:
            return self._names.index(key)
        for i, index in enumerate(self._indices):
            if self._session._model.value(self._graph, index)[0] == key:
                return i
        raise NoSuchNameError(
            None, None,
            f"{self._session._model.info()['path']}: expected one of the {self._what}s "
            f"{', '.join(map(repr, self._names))}, found {key!r}")

    def __getitem__(self, key):
        return Tensor(self._session, self._graph, self._indices[self._position(key)])

    def __setitem__(self, key, value):
        self[key].assign(value)

    def __iter__(self):
        return iter(self._names)

    def __len__(self):
        return len(self._names)

    def __contains__(self, key):
        try:
            self._position(key)
        except (NotFoundError, OutOfRangeError):
            return False
        return True


def state_keys(session):
    """{key: (state index, kind)} of all that outlives a run, in order."""
    keys = {}
    for i in range(session._state_count()):
        name, container, kind, *_ = session._state_info(i)
        key = f"{container}/{name}" if container else name
        keys[f"{key}#{i}" if key in keys or not key else key] = (i, kind)
    return keys


class _States(Named):
    __slots__ = ("_session",)
    _kinds = ()

    def __init__(self, session):
        self._session = session

    def _table(self):
        return {k: i for k, (i, kind) in state_keys(self._session).items() if kind in self._kinds}

    def __iter__(self):
        return iter(self._table())

    def __len__(self):
        return len(self._table())

    def __contains__(self, key):
        try:
            self[key]
        except (NotFoundError, OutOfRangeError):
            return False
        return True

    def _find(self, key):
        """Index among the states of that name; None when there is none."""
        index = self._table().get(key)
        if index is None:
            try:
                index = self._session._find_state(key)
            except NotFoundError:
                return None
        return index if self._session._state_info(index)[2] in self._kinds else None

    def _handle(self, key):
        """The tensor of that name (in any graph) or index (in the first) that is a handle."""
        model = self._session._model
        index = _index(key)
        for graph in range(model.info()["n_graphs"] if index is None else 1):
            try:
                found = model.find_value(graph, key) if index is None else index
            except NotFoundError:
                continue
            tensor = Tensor(self._session, graph, found)
            if tensor.type == "resource" or tensor.kind == "state":
                return tensor
        return None


class Variables(_States):
    """Resource variables by shared name, state tensors by name.

    The name or index of a resource tensor finds the variable it points to.
    Assigning writes: ``variables["w"] = array``.
    """

    __slots__ = ()
    _kinds = ("variable", "tensor")

    def __getitem__(self, key):
        if _index(key) is None:
            index = self._find(key)
            if index is not None:
                return Variable(self._session, index)
        tensor = self._handle(key)
        if tensor is not None:
            return tensor
        known = ", ".join(map(repr, list(self)[:8])) or "none"
        raise NoSuchNameError(None, None, f"{self._session._model.info()['path']}: expected a "
                              f"variable (there are: {known}), found {key!r}")

    def __setitem__(self, key, value):
        self[key].assign(value)


class Tables(_States):
    """Hash tables by shared name."""

    __slots__ = ()
    _kinds = ("table",)

    def __getitem__(self, key):
        index = self._find(key)
        if index is not None:
            return Table(self._session, index)
        known = ", ".join(map(repr, list(self)[:8])) or "none"
        raise NoSuchNameError(None, None, f"{self._session._model.info()['path']}: expected a "
                              f"table (there are: {known}), found {key!r}")


class _Parts(Named):
    """What a model carries by name besides its tensors, as bytes."""

    __slots__ = ("_model", "_keys")
    _what = ""

    def __init__(self, model):
        self._model = model
        self._keys = None

    def _names(self):
        raise NotImplementedError

    def _read(self, i):
        raise NotImplementedError

    def _table(self):
        if self._keys is None:
            self._keys = {}
            for i, name in enumerate(self._names()):
                self._keys.setdefault(name, i)
        return self._keys

    def __getitem__(self, key):
        table = self._table()
        if key not in table:
            raise NoSuchNameError(None, None, f"{self._model.info()['path']}: expected one of the {self._what} "
                                  f"({', '.join(map(repr, table)) or 'none'}), found {key!r}")
        return self._read(table[key])

    def __iter__(self):
        return iter(self._table())

    def __len__(self):
        return len(self._table())


class Metadata(_Parts):
    """The metadata entries of the file, by name, as bytes; ``.model`` is the decoded description."""

    __slots__ = ()
    _what = "metadata names"

    def _names(self):
        return [self._model.metadata(i)[0] for i in range(self._model.info()["n_metadata"])]

    def _read(self, i):
        return self._model.metadata(i)[1]

    @property
    def model(self):
        """What TFLITE_METADATA says, as a dict with the names of its schema: name, description,
        subgraph_metadata with input_tensor_metadata (normalisation, labels) ...; {} when the file has
        none. Raises DataLossError when it is damaged."""
        try:
            return json.loads(self._model.metadata_json())
        except NotFoundError:
            return {}


class Files(_Parts):
    """The files packed behind the model (labels, vocabularies), by name, as bytes."""

    __slots__ = ()
    _what = "packed files"

    def _names(self):
        return [name for name, _ in self._model.files()]

    def _read(self, i):
        return self._model.file(i)
