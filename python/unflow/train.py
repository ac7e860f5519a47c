# SPDX-License-Identifier: Apache-2.0
"""Checkpoints as ``tf.train`` has them, without TensorFlow.

>>> import unflow as tf
>>> reader = tf.train.load_checkpoint("model.ckpt-7")
>>> reader.get_tensor("dense/kernel")
>>> tf.train.list_variables("folder_with_checkpoints")

and the way back, ``write_checkpoint(prefix, {name: array})``.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping

import numpy as np

from . import _core
from ._dtypes import as_dtype
from ._source import open_source
from .errors import DataLossError, NotFoundError, NoSuchFileError, NoSuchNameError

__all__ = [
    "CheckpointReader", "CheckpointState", "NewCheckpointReader", "checkpoint_exists",
    "checkpoints_iterator", "get_checkpoint_state", "latest_checkpoint", "list_variables",
    "load_checkpoint", "load_variable", "update_checkpoint_state", "write_checkpoint",
]


class CheckpointReader:
    """Reads a checkpoint, V2 or V1, by the keys in it.

    filepattern: a prefix (``model.ckpt-7``), or whatever else names the checkpoint: see
    unflow.open. Raises NotFoundError, DataLossError.
    """

    def __init__(self, filepattern):
        path = _text(os.fspath(filepattern))
        if not path:
            raise NoSuchFileError(None, None, "expected the prefix of a checkpoint, found ''")
        self._source = open_source(path)

    def _entries(self):
        return self._source._core.entries()

    def get_variable_to_shape_map(self):
        """{key: shape as a list of ints} of all tensors."""
        return self._source._core.shapes()

    def get_variable_to_dtype_map(self):
        """{key: DType} of all tensors; equal to TensorFlow's dtypes by name."""
        return {entry[0]: as_dtype(entry[1]) for entry in self._entries()}

    def has_tensor(self, tensor_str):
        """True when there is a tensor of that key."""
        return self._source._core.has(_text(tensor_str))

    def get_tensor(self, tensor_str):
        """The tensor of that key: a new array, or for shape () a NumPy scalar (bytes for
        a string). Its checksum is checked. Raises NotFoundError, DataLossError."""
        key = _text(tensor_str)
        try:
            array = self._source._core.read(key, True)
        except NoSuchNameError as error:
            raise NoSuchNameError(None, None, f"Key {key} not found in checkpoint: {error}") from None
        return array[()] if array.ndim == 0 else array

    def debug_string(self):
        """One line ``key (DT_FLOAT) [2,3]`` for each tensor, as bytes."""
        lines = [f"{key} ({_enum_name(dtype)}) [{','.join(map(str, shape))}]\n"
                 for key, dtype, shape, *_ in self._entries()]
        return "".join(lines).encode()

    def __repr__(self):
        return f"<unflow CheckpointReader of {str(self._source)!r}>"


def _text(name):
    return name.decode() if isinstance(name, bytes) else name


def _enum_name(dtype):
    return "DT_" + {"float32": "FLOAT", "float64": "DOUBLE", "float16": "HALF"}.get(
        dtype, dtype.upper())


def NewCheckpointReader(filepattern):  # noqa: N802 (TensorFlow's name)
    """A CheckpointReader."""
    return CheckpointReader(filepattern)


def load_checkpoint(ckpt_dir_or_file):
    """A CheckpointReader for a prefix, or for the latest checkpoint in a folder.

    Raises ValueError when a folder has no checkpoint, NotFoundError when there is nothing
    of that name.
    """
    path = _text(os.fspath(ckpt_dir_or_file))
    if os.path.isdir(path) and not os.path.exists(f"{path}.index"):
        latest = latest_checkpoint(path)
        if latest is None and not _has_checkpoint(path):
            raise NoSuchFileError(None, None, f"Couldn't find 'checkpoint' file or checkpoints in "
                                  f"given directory {path}")
        path = latest or path
    return CheckpointReader(path)


def _has_checkpoint(folder):
    """Something in the folder that opens without a state file: an .index, a SavedModel."""
    names = os.listdir(folder)
    return "saved_model.pb" in names or any(name.endswith(".index") for name in names)


def list_variables(ckpt_dir_or_file):
    """[(key, shape)] of all tensors, sorted by key; shapes are lists of ints."""
    shapes = load_checkpoint(ckpt_dir_or_file).get_variable_to_shape_map()
    return sorted(shapes.items())


def load_variable(ckpt_dir_or_file, name):
    """The tensor of that key (``name:0`` is understood) as a new array."""
    name = name[:-2] if name.endswith(":0") else name
    return load_checkpoint(ckpt_dir_or_file).get_tensor(name)


# ---- the `checkpoint` file ------------------------------------------------------------


class CheckpointState:
    """What a ``checkpoint`` file says (TensorFlow's CheckpointState).

    Attributes: ``model_checkpoint_path`` (str), ``all_model_checkpoint_paths`` (list of
    str), ``all_model_checkpoint_timestamps`` (list of float, seconds since 1970),
    ``last_preserved_timestamp`` (float).
    """

    __slots__ = ("model_checkpoint_path", "all_model_checkpoint_paths",
                 "all_model_checkpoint_timestamps", "last_preserved_timestamp")

    def __init__(self, model_checkpoint_path="", all_model_checkpoint_paths=(),
                 all_model_checkpoint_timestamps=(), last_preserved_timestamp=0.0):
        self.model_checkpoint_path = model_checkpoint_path
        self.all_model_checkpoint_paths = list(all_model_checkpoint_paths)
        self.all_model_checkpoint_timestamps = list(all_model_checkpoint_timestamps)
        self.last_preserved_timestamp = last_preserved_timestamp

    def __eq__(self, other):
        return isinstance(other, CheckpointState) and all(
            getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None

    def __str__(self):
        lines = [f'model_checkpoint_path: "{_escape(self.model_checkpoint_path)}"']
        lines += [f'all_model_checkpoint_paths: "{_escape(path)}"'
                  for path in self.all_model_checkpoint_paths]
        lines += [f"all_model_checkpoint_timestamps: {stamp!r}"
                  for stamp in self.all_model_checkpoint_timestamps]
        if self.last_preserved_timestamp:
            lines.append(f"last_preserved_timestamp: {self.last_preserved_timestamp!r}")
        return "\n".join(lines) + "\n"

    def __repr__(self):
        return f"CheckpointState({self.model_checkpoint_path!r}, {self.all_model_checkpoint_paths!r})"


_SIMPLE = {"n": b"\n", "r": b"\r", "t": b"\t", "a": b"\a", "b": b"\b", "f": b"\f", "v": b"\v"}


def _escape(text):
    out = []
    for byte in text.encode("utf-8", "surrogateescape"):
        char = chr(byte)
        if char in "\\\"'":
            out.append("\\" + char)
        elif 32 <= byte < 127:
            out.append(char)
        else:
            out.append({10: "\\n", 13: "\\r", 9: "\\t"}.get(byte, f"\\{byte:03o}"))
    return "".join(out)


def _unescape(quoted):
    """The text between the quotes of a text proto's string."""
    def one(match):
        code = match.group(1)
        if code[0] in "01234567":
            return bytes([int(code, 8) & 255])
        if code[0] in "xX":
            return bytes([int(code[1:], 16)])
        return _SIMPLE.get(code, code.encode("utf-8", "surrogateescape"))

    out, at = [], 0
    for match in re.finditer(r"\\([0-7]{1,3}|[xX][0-9a-fA-F]{1,2}|.)", quoted, re.S):
        out += [quoted[at: match.start()].encode("utf-8", "surrogateescape"), one(match)]
        at = match.end()
    out.append(quoted[at:].encode("utf-8", "surrogateescape"))
    return b"".join(out).decode("utf-8", "surrogateescape")


_FIELD = re.compile(
    r"""\s*(?:\#[^\n]*\s*)*(?P<name>\w+)\s*:\s*
        (?P<value>(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')(?:\s*(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))*
        |[^\s"',;#]+)\s*[,;]?""", re.X | re.S)
_STRING = re.compile(r""""((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'""", re.S)


def _parse_state(text, path):
    state, at = CheckpointState(), 0
    while text[at:].strip():
        match = _FIELD.match(text, at)
        if match is None:
            rest = text[at:].lstrip()
            if all(line.lstrip().startswith("#") or not line.strip() for line in rest.split("\n")):
                break
            line = text.count("\n", 0, len(text) - len(rest)) + 1
            raise DataLossError(None, None, f"{path}: line {line}: expected NAME: VALUE, found "
                                f"{rest.splitlines()[0][:80]!r}")
        name, value = match["name"], match["value"]
        try:
            if value[0] in "\"'":
                value = "".join(_unescape(a or b) for a, b in _STRING.findall(value))
            elif name.endswith(("path", "paths")):
                raise ValueError("not quoted")
            elif name.endswith(("timestamps", "timestamp")):
                value = float(value)
        except ValueError as error:
            raise DataLossError(None, None, f"{path}: {name}: expected a value, found "
                                f"{value!r}") from error
        if name in ("all_model_checkpoint_paths", "all_model_checkpoint_timestamps"):
            getattr(state, name).append(value)
        elif name in ("model_checkpoint_path", "last_preserved_timestamp"):
            setattr(state, name, value)
        at = match.end()
    return state


def get_checkpoint_state(checkpoint_dir, latest_filename=None):
    """The CheckpointState in a folder, its paths made absolute to the folder; None when there
    is no such file or it names no checkpoint."""
    folder = _text(os.fspath(checkpoint_dir))
    path = os.path.join(folder, latest_filename or "checkpoint")
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            state = _parse_state(file.read(1 << 24), path)
    except (FileNotFoundError, NotADirectoryError, DataLossError) as error:
        if isinstance(error, DataLossError):
            import logging

            logging.getLogger("unflow").warning("%s; the file is not used", error)
        return None
    if not state.model_checkpoint_path:
        return None
    state.model_checkpoint_path = _inside(folder, state.model_checkpoint_path)
    state.all_model_checkpoint_paths = [_inside(folder, p) for p in state.all_model_checkpoint_paths]
    return state


def _inside(folder, path):
    return path if os.path.isabs(path) or "://" in path else os.path.join(folder, path)


def update_checkpoint_state(save_dir, model_checkpoint_path, all_model_checkpoint_paths=None,
                            latest_filename=None, all_model_checkpoint_timestamps=None,
                            last_preserved_timestamp=None):
    """Writes the ``checkpoint`` file of a folder, whole or not at all; paths inside the folder
    are written relative to it. The latest path comes last in all_model_checkpoint_paths."""
    folder = _text(os.fspath(save_dir))
    paths = [_text(os.fspath(p)) for p in all_model_checkpoint_paths or ()]
    latest = _text(os.fspath(model_checkpoint_path))
    if latest not in paths:
        paths.append(latest)
    stamps = list(all_model_checkpoint_timestamps or ())
    if stamps and len(stamps) != len(paths):
        raise ValueError(f"expected a timestamp for each of {len(paths)} checkpoints, found "
                         f"{len(stamps)}")
    state = CheckpointState(_relative(folder, latest), [_relative(folder, p) for p in paths], stamps,
                            last_preserved_timestamp or 0.0)
    path = os.path.join(folder, latest_filename or "checkpoint")
    temporary = f"{path}.{os.getpid()}.{time.monotonic_ns()}.tmp"
    try:
        with open(temporary, "x", encoding="ascii") as file:
            file.write(str(state))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def _relative(folder, path):
    if os.path.isabs(path) != os.path.isabs(folder):
        return path
    relative = os.path.relpath(path, folder)
    return path if relative.startswith("..") else relative


def checkpoint_exists(checkpoint_prefix):
    """True when a checkpoint, V2 or V1, has that prefix."""
    prefix = _text(os.fspath(checkpoint_prefix))
    if os.path.isfile(f"{prefix}.index") or os.path.isfile(prefix):
        return True
    folder, name = os.path.split(prefix)
    shard = re.compile(re.escape(name) + r"-\d{5}-of-\d{5}")
    try:
        return any(shard.fullmatch(found) for found in os.listdir(folder or "."))
    except OSError:
        return False


def latest_checkpoint(checkpoint_dir, latest_filename=None):
    """The prefix of the checkpoint that a folder's ``checkpoint`` file names, if its files
    are there; else None."""
    state = get_checkpoint_state(checkpoint_dir, latest_filename)
    if state is None or not checkpoint_exists(state.model_checkpoint_path):
        return None
    return state.model_checkpoint_path


def checkpoints_iterator(checkpoint_dir, min_interval_secs=0, timeout=None, timeout_fn=None):
    """Gives the prefix of each new checkpoint in a folder as it appears.

    min_interval_secs: at least so long between two. timeout: seconds to wait for the next;
    None: for ever. timeout_fn: called after a timeout; the iteration ends when it returns
    True, or when there is none.
    """
    latest = None
    while True:
        found = _wait_for_new(checkpoint_dir, latest, timeout)
        if found is None:
            if timeout_fn is None or timeout_fn():
                return
            continue
        latest, start = found, time.time()
        yield found
        time.sleep(max(0.0, start + min_interval_secs - time.time()))


def _wait_for_new(folder, latest, timeout):
    deadline = None if timeout is None else time.time() + timeout
    while True:
        found = latest_checkpoint(folder)
        if found is not None and found != latest:
            return found
        if deadline is not None and time.time() + 1 > deadline:
            return None
        time.sleep(1)


# ---- writing -----------------------------------------------------------------------------


def write_checkpoint(prefix, tensors, shards=1, update_state=False):
    """Writes a V2 checkpoint that TensorFlow's load_checkpoint reads back equal.

    prefix: path of its files without their endings; the folder must exist.
    tensors: a Mapping from key to value, or an iterable of (key, value): arrays of any dtype
        TensorFlow has (bfloat16, float8 and 4-bit integers as ml_dtypes), numbers, strings,
        bytes and lists of these; handles of other files. They are taken one by one.
    shards: number of data files, to which tensors go by size.
    update_state: also name it in the folder's ``checkpoint`` file.

    Returns prefix. Its files appear at the end, or none do; an older checkpoint of that
    prefix is replaced. Raises InvalidArgumentError, AlreadyExistsError (a key twice),
    NotFoundError (no such folder), ResourceExhaustedError (disk full).
    """
    path = _text(os.fspath(prefix))
    pairs = tensors.items() if isinstance(tensors, Mapping) else tensors
    _core.write_checkpoint(path, ((_text(key), _value(value)) for key, value in pairs), shards)
    if update_state:
        update_checkpoint_state(os.path.dirname(path) or ".", path)
    return prefix


def _value(value):
    if isinstance(value, np.ndarray):
        return value
    array = np.asarray(value)
    # NumPy's own arrays of text lose NULs at the end; objects do not.
    return np.asarray(value, dtype=object) if array.dtype.kind in "SU" else array


# ---- what is made when it is asked for -------------------------------------------------------

_LATER = {"Checkpoint": "_checkpoint", "CheckpointManager": "_checkpoint"}
_LATER.update(dict.fromkeys(("Example", "Features", "Feature", "BytesList", "FloatList", "Int64List",
                             "SequenceExample", "FeatureList", "FeatureLists"), "_proto"))


def __getattr__(name):
    from importlib import import_module

    if name in _LATER:
        value = globals()[name] = getattr(import_module("." + _LATER[name], __package__), name)
        return value
    raise AttributeError(f"unflow has no train.{name}: it is not among the parts of TensorFlow that "
                         f"unflow offers")
