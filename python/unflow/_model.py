# SPDX-License-Identifier: Apache-2.0
"""unflow.open and the model it gives."""

from __future__ import annotations

import os
from builtins import open as _open_file
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

import numpy as np

from . import _core
from ._custom import functions_of
from ._mappings import Files, Metadata, Named, Ports, Tables, Tensors, Variables, state_keys
from .errors import InvalidArgumentError, NoSuchNameError


def _is_tflite(source):
    """The first bytes are a model's; also what only the model's reader explains."""
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        if not os.path.isfile(path):
            return False
        with _open_file(path, "rb") as file:
            return file.read(8)[4:] == b"TFL3"
    if hasattr(source, "read"):
        head = source.read(8)
        source.seek(-len(head), os.SEEK_CUR)
        return head[4:] == b"TFL3"
    return bytes(memoryview(source).cast("B")[4:8]) == b"TFL3"


def open(source, num_threads=None, *, keep_all=False, name=None, ema=False, fs=None,
         storage_options=None, custom_ops=None, max_bytes=0, max_steps=0, cache=None):
    """Opens a TensorFlow Lite model, a checkpoint, a SavedModel, a graph or an archive.

    source: a path (str or PathLike), a file's content (bytes, bytearray,
        memoryview, array of uint8), or a binary file object. A file is mapped,
        not read; content that cannot change is shared, other content copied.
        For a checkpoint the path may be its prefix, its .index, .meta or any .data
        file, or the folder with its ``checkpoint`` file; for a SavedModel its folder.
        URLs are read by ranges (pip install 'unflow[fsspec]'), Keras .h5 and .keras
        files by h5py (pip install 'unflow[h5]').
    num_threads: of the kernels that run a model; None for one.
    keep_all: keep every intermediate of a run instead of computing it again
        when it is read.
    name: what messages call what comes from memory.
    ema: of a checkpoint, variables give their moving averages.
    fs, storage_options: an fsspec filesystem to read from, or options for the one
        that the URL names.
    custom_ops: of a .tflite, {name: function} for custom ops that unflow does not have (or
        is not to use its own of). A function takes the inputs as read-only arrays and the
        op's options as keyword arguments (``options=`` bytes when they are no FlexBuffer),
        and returns an array, or a tuple of one for each output, of the dtypes that the file
        says and any shapes. Its exceptions pass through, with a note of the node. It must
        not call the model that runs it. Builtin ops cannot be replaced.
    max_bytes, max_steps: of a .tflite that one does not trust, the largest tensor (and sum
        of intermediates) that a run may need, in bytes, and the most nodes it may evaluate;
        beyond, it fails with ResourceExhaustedError (InvalidArgumentError where it is an
        input that is too large). 0: the machine's memory; no limit.

    cache: of a .tflite, a folder (which exists) for its weights as kernels want them: they are written
        there by the first process that opens a content and mapped by later ones, which start
        faster. None: the folder in the environment's UNFLOW_CACHE; "" for none. Whoever can write
        the folder decides what is computed with; files of it may be removed at any time.

    Returns a Model for a .tflite, a Source (a Mapping of named arrays) for all else, to be
    used in a ``with`` or closed. Ops that are not supported do not make this
    fail, see ``Model.unsupported``. Raises NotFoundError (a FileNotFoundError),
    PermissionDeniedError, InvalidArgumentError (no known format) or DataLossError
    (damaged), all with the file's name.
    """
    if num_threads is not None and (not isinstance(num_threads, int) or num_threads < 1):
        raise InvalidArgumentError(
            None, None, f"expected num_threads of 1 or more, found {num_threads!r}")
    if fs is not None or not _is_tflite(source):
        given = [name for name, value in (("custom_ops", custom_ops), ("max_bytes", max_bytes),
                                          ("max_steps", max_steps), ("cache", cache)) if value]
        if given:
            raise InvalidArgumentError(
                None, None, f"expected {given[0]} for a .tflite model, found another kind of file; leave it out")
        from ._source import open_source

        return open_source(source, fs, storage_options, ema, name)
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        core = _core.open_path(path, functions_of(custom_ops), cache)
    else:
        if hasattr(source, "read"):
            name = name or getattr(source, "name", None)
            source = source.read()
        name = name if isinstance(name, str) else None
        core = _core.open_buffer(source, name, functions_of(custom_ops), cache)
    return Model(_core.Session(core, num_threads=num_threads or 0, keep_all=keep_all,
                               max_bytes=max_bytes, max_steps=max_steps))


class Node(NamedTuple):
    """One op of a graph. inputs and outputs are tensor indices, -1 an input left out."""

    op: str
    name: str
    version: int
    supported: bool
    inputs: tuple
    outputs: tuple


class GraphView:
    """One graph (subgraph) of a model: ``tensors``, ``inputs``, ``outputs``, ``nodes``."""

    __slots__ = ("_session", "index")

    def __init__(self, session, index):
        self._session = session
        self.index = index
        session._model.graph(index)  # OutOfRangeError

    @property
    def name(self):
        """Its name in the file."""
        return self._session._model.graph(self.index)[0]

    @property
    def tensors(self):
        """Its tensors, by name or index."""
        return Tensors(self._session, self.index)

    def _ports(self, what, indices):
        names = []
        for i in indices:
            name = self._session._model.value(self.index, i)[0]
            names.append(f"{name}#{i}" if name in names or not name else name)
        return Ports(self._session, self.index, what, names, indices)

    @property
    def inputs(self):
        """Its inputs, in order."""
        return self._ports("input", self._session._model.graph(self.index)[3])

    @property
    def outputs(self):
        """Its outputs, in order."""
        return self._ports("output", self._session._model.graph(self.index)[4])

    @property
    def nodes(self):
        """Its ops, a list of Node."""
        model = self._session._model
        return [Node(*model.node(self.index, i)) for i in range(model.graph(self.index)[2])]

    def __repr__(self):
        name, n_values, n_nodes, *_ = self._session._model.graph(self.index)
        return f"<unflow graph {self.index} {name!r}: {n_values} tensors, {n_nodes} nodes>"


def _given(ports, args, named):
    """Values in the order of the inputs, or None when none is given at all."""
    if len(args) == 1 and isinstance(args[0], Mapping):
        args, named = (), {**args[0], **named}
    if not args and not named and len(ports):
        return None
    values = [None] * len(ports)
    if len(args) > len(ports):
        raise InvalidArgumentError(
            None, None, f"expected at most {len(ports)} inputs, found {len(args)}")
    seen = set(range(len(args)))
    values[: len(args)] = args
    for key, value in named.items():
        at = ports._position(key)
        if at in seen:
            raise InvalidArgumentError(None, None, f"expected input {key!r} once, found it twice")
        seen.add(at)
        values[at] = value
    missing = [name for i, name in enumerate(ports) if i not in seen]
    if missing:
        raise InvalidArgumentError(
            None, None, f"{ports._session._model.info()['path']}: expected the inputs "
            f"{', '.join(map(repr, ports))}, found none for {', '.join(map(repr, missing))}")
    return values


def _run(session, graph, inputs, outputs, args, named):
    values = _given(inputs, args, named)
    indices = inputs._indices if values is not None else ()
    results = session._call(graph, indices, values or (), outputs._indices, True, False)
    return dict(zip(outputs._names, results))


class Signature:
    """A named entry point. Calling it runs its graph: ``signature(x=...)["y"]``."""

    __slots__ = ("_session", "name", "graph", "inputs", "outputs")

    def __init__(self, session, key, graph, input_names, inputs, output_names, outputs):
        self._session = session
        self.name = key
        self.graph = graph
        self.inputs = Ports(session, graph, "input", input_names, inputs)
        self.outputs = Ports(session, graph, "output", output_names, outputs)

    def __call__(self, *args, **named):
        """Runs on the given inputs; a dict from output name to a new array.

        Inputs are arrays of the input's dtype (or plain numbers and lists), by
        name or in order; their shapes may differ from those in the file where
        the ops allow it. Variables are those of the model, shared by all
        signatures.
        """
        return _run(self._session, self.graph, self.inputs, self.outputs, args, named)

    def __repr__(self):
        return (f"<unflow signature {self.name!r}: {', '.join(self.inputs)} -> "
                f"{', '.join(self.outputs)}>")


class Signatures(Named):
    """The signatures by key."""

    __slots__ = ("_session", "_all")

    def __init__(self, session):
        self._session = session
        self._all = None

    def _table(self):
        if self._all is None:
            model = self._session._model
            rows = (model.signature(i) for i in range(model.info()["n_signatures"]))
            self._all = {row[0]: row for row in rows}
        return self._all

    def __getitem__(self, key):
        row = self._table().get(key)
        if row is None:
            known = ", ".join(map(repr, self._table())) or "none"
            raise NoSuchNameError(None, None, f"{self._session._model.info()['path']}: expected a "
                                  f"signature (there are: {known}), found {key!r}")
        return Signature(self._session, *row)

    def __iter__(self):
        return iter(self._table())

    def __len__(self):
        return len(self._table())


def _plain(array):
    """Strings in a form that .npz files hold without pickling."""
    if array.dtype != object or any(item.endswith(b"\0") for item in array.flat):
        return array
    return array.astype(bytes)


class Model:
    """An opened model with its state. Made by unflow.open.

    Everything is read on demand. Calls from several threads wait for each
    other; ``fork()`` gives each thread a model of its own, sharing the weights.
    """

    def __init__(self, session):
        self._session = session
        self._core = session._model
        self._inputs = self._outputs = None  # made at the first need; a file does not change

    # what is in the file

    @property
    def info(self):
        """A dict: path, format, description, version, file_size and counts."""
        return self._core.info()

    @property
    def path(self):
        """The file's path, or the name of a model from memory."""
        return self._core.info()["path"]

    @property
    def graphs(self):
        """The graphs (subgraphs), a list; ``tensors``, ``inputs`` ... are the first one's."""
        return [GraphView(self._session, i) for i in range(self._core.info()["n_graphs"])]

    @property
    def nodes(self):
        """The ops of the first graph, a list of Node."""
        return GraphView(self._session, 0).nodes

    @property
    def tensors(self):
        """Every tensor of the first graph, by name or index."""
        return Tensors(self._session, 0)

    @property
    def variables(self):
        """Resource variables and state tensors; assign to write."""
        return Variables(self._session)

    @property
    def tables(self):
        """Hash tables."""
        return Tables(self._session)

    @property
    def signatures(self):
        """Callables by key."""
        return Signatures(self._session)

    @property
    def metadata(self):
        """Metadata entries by name, as bytes; ``metadata.model``: the decoded TFLITE_METADATA."""
        return Metadata(self._core)

    @property
    def files(self):
        """Files packed behind the model (labels.txt ...), by name, as bytes."""
        return Files(self._core)

    @property
    def unsupported(self):
        """Why something in this model will not run, one line each, with op, node and tensor:
        ops and versions, and types and options that an op does not take. Empty: all runs."""
        return tuple(self._session._unsupported())

    def _main_signature(self):
        rows = [s for s in Signatures(self._session)._table().values() if s[1] == 0]
        return rows[0] if len(rows) == 1 else None

    @property
    def inputs(self):
        """The inputs of the first graph in order; by the names of its signature, by
        tensor name or by position."""
        if self._inputs is None:
            ports = GraphView(self._session, 0).inputs
            self._inputs = self._renamed(ports, self._main_signature(), 2, 3)
        return self._inputs

    @property
    def outputs(self):
        """The outputs of the first graph, as inputs."""
        if self._outputs is None:
            ports = GraphView(self._session, 0).outputs
            self._outputs = self._renamed(ports, self._main_signature(), 4, 5)
        return self._outputs

    @staticmethod
    def _renamed(ports, signature, names, indices):
        if signature is None or sorted(signature[indices]) != sorted(ports._indices):
            return ports
        by_index = dict(zip(signature[indices], signature[names]))
        new = [by_index[i] for i in ports._indices]
        if len(set(new)) == len(new):
            ports._names = new
        return ports

    # running

    def run(self, *args, **named):
        """Runs the first graph; a dict from output name to a new array.

        Inputs by name, in order, or as one dict (for names that are no Python
        identifiers): arrays of the input's dtype, or plain numbers and lists.
        With none at all, on the inputs as they were set before
        (``m.inputs["x"] = array``). Errors name the op and its tensors.
        """
        return _run(self._session, 0, self.inputs, self.outputs, args, named)

    __call__ = run

    def capture(self, *tensors, graph=0):
        """These tensors (names, patterns, indices) are kept by the next runs, so that
        reading them costs nothing. Without arguments: none. Values do not depend on it."""
        all_tensors = Tensors(self._session, graph)
        wanted = []
        for key in tensors:
            if isinstance(key, str) and key not in all_tensors:
                found = [i for name, i in all_tensors._table().items() if fnmatchcase(name, key)]
                if not found:
                    all_tensors[key]  # raises
                wanted += found
            else:
                wanted.append(all_tensors[key].index)
        constant = [i for i in wanted if self._core.value(graph, i)[2] == "constant"]
        self._session._capture(graph, sorted(set(wanted) - set(constant)))

    # state

    def state(self):
        """All that outlives a run, as a dict of arrays to be kept, compared or saved
        (``np.savez(path, **m.state())``). A table ``t`` is there as ``t/keys`` and
        ``t/values``; what was never assigned is left out. Strings are arrays of
        bytes of fixed width, unless one ends in NUL, which those cannot hold."""
        result = {}
        for key, (i, kind) in state_keys(self._session).items():
            if not self._session._state_info(i)[5]:
                continue
            if kind == "table":
                result[f"{key}/keys"] = _plain(self._session._state_read(i, True))
                result[f"{key}/values"] = _plain(self._session._state_read(i))
            else:
                result[key] = _plain(self._session._state_read(i))
        return result

    def load_state(self, state):
        """Takes the values of a dict as state() gives, or of the path of a .npz file.

        Names that this model does not have are an error (NotFoundError) before
        anything is written; what is not named keeps its value."""
        if isinstance(state, (str, os.PathLike)):
            with np.load(state) as archive:
                state = dict(archive)
        keys, todo = state_keys(self._session), []
        for name, value in state.items():
            if name in keys and keys[name][1] != "table":
                todo.append((keys[name][0], None, value))
                continue
            table, _, part = name.rpartition("/")
            if part not in ("keys", "values") or keys.get(table, (0, ""))[1] != "table":
                raise NoSuchNameError(
                    None, None, f"{self.path}: expected one of {', '.join(map(repr, keys)) or 'no'}"
                    f" variables, found {name!r}")
            if part == "keys":
                if f"{table}/values" not in state:
                    raise InvalidArgumentError(
                        None, None, f"expected {table + '/values'!r} beside {name!r}, found none")
                todo.append((keys[table][0], value, state[f"{table}/values"]))
        for i, table_keys, value in todo:
            self._session._state_write(i, table_keys, value, True)

    def reset(self):
        """Back to the state of a model just opened: variables unassigned or as their
        initialisers leave them, state tensors at their first value, tables empty."""
        self._session._reset()

    def fork(self):
        """A model over the same file with a copy of this one's state and inputs; what
        one does the other does not see. Cheap: nothing is copied before it is written."""
        return Model(self._session._fork())

    # the end

    def close(self):
        """Gives the memory back. Arrays that were read stay valid."""
        self._session._close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def __repr__(self):
        info = self._core.info()
        name, n_values, n_nodes, *_ = self._core.graph(0)
        return f"<unflow model {info['path']!r}: {n_values} tensors, {n_nodes} nodes>"

    def _repr_html_(self):
        from html import escape

        rows = "".join(f"<tr><th style='text-align:left'>{escape(str(k))}</th>"
                       f"<td>{escape(str(v))}</td></tr>"
                       for k, v in {**self.info, "inputs": list(self.inputs),
                                    "outputs": list(self.outputs)}.items())
        return f"<table>{rows}</table>"


__all__ = ["open", "Model", "Signature"]
