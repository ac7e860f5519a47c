# SPDX-License-Identifier: Apache-2.0
"""tf.train.Checkpoint and CheckpointManager: values by their paths in a graph of objects.

A checkpoint has a TrackableObjectGraph beside the values: which objects are children of which, and
under which key each value is. Restoring walks both graphs from their roots; what is not there yet
is restored when it is attached to an object that was.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from . import _mode, _ops
from ._graph_io import remove_checkpoint
from ._graph_variable import GraphVariable
from ._proto import message_class
from ._variable import Variable
from .errors import NotFoundError

_GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
_VALUE = "VARIABLE_VALUE"


def _escape(name):
    return name.replace(".", "..").replace("/", ".S")


def _is_table(value):
    return hasattr(value, "resource_handle") and hasattr(value, "export")


def children_of(value):
    """{name: object} of what belongs to an object."""
    own = getattr(value, "_trackable_children", None)
    if own is not None:
        return own()
    if isinstance(value, Variable):
        return {}
    if isinstance(value, Mapping):
        found = {str(k): v for k, v in value.items() if isinstance(k, str)}
    elif isinstance(value, (list, tuple)):
        found = {str(i): v for i, v in enumerate(value)}
    elif hasattr(value, "__dict__"):
        found = {k: v for k, v in vars(value).items() if not k.startswith("_self_")}
    else:
        return {}
    return {k: v for k, v in found.items() if _trackable(v)}


def _trackable(value):
    """It can be in a graph of objects."""
    if isinstance(value, Variable) or _is_table(value) or hasattr(value, "_trackable_children"):
        return True
    if isinstance(value, (list, tuple, Mapping)):
        items = value.values() if isinstance(value, Mapping) else value
        return not hasattr(value, "as_list") and (len(value) == 0 and not isinstance(value, tuple)
                                                  or any(map(_trackable, items)))
    from ._module import Module

    if isinstance(value, Module):
        return True
    return type(value).__name__ in ("_UserObject", "_CallableUserObject", "AutoTrackable", "V1Model")


class _Objects:
    """All objects below a root: breadth first, each once, with the first path to it."""

    def __init__(self, root):
        self.objects, self.paths, self.index = [root], [()], {id(root): 0}
        self.children = []
        at = 0
        while at < len(self.objects):
            below = []
            for name, child in sorted(children_of(self.objects[at]).items()):
                if id(child) not in self.index:
                    self.index[id(child)] = len(self.objects)
                    self.objects.append(child)
                    self.paths.append(self.paths[at] + (name,))
                below.append((name, self.index[id(child)]))
            self.children.append(below)
            at += 1

    def key(self, i, attribute):
        """Under which a value of object i is in a checkpoint."""
        path = "/".join(map(_escape, self.paths[i]))
        return f"{path}/.ATTRIBUTES/{attribute}" if path else f".ATTRIBUTES/{attribute}"


def _whole(variable):
    return getattr(variable, "_whole", variable)


class _Graphs:
    """Reading and writing variables in both modes."""

    def __init__(self, session=None):
        self.session = session

    def value(self, variable):
        if isinstance(variable, GraphVariable):
            return self.graph_session(variable).run(variable)
        return variable.numpy_array()

    def graph_session(self, variable):
        from ._graph import _session_for

        return _session_for(variable.graph, self.session, "eval")

    def assign(self, variable, array):
        if isinstance(variable, GraphVariable):
            variable.load(array, self.graph_session(variable))
        else:
            variable.assign(_ops.convert(array, variable.dtype), read_value=False)


def write(root, prefix, session=None):
    """Writes the values below root, and the graph of objects."""
    from . import train

    graphs, objects = _Graphs(session), _Objects(root)
    proto = message_class("TrackableObjectGraph")()
    tensors = {}
    for i, value in enumerate(objects.objects):
        node = proto.nodes.add()
        for name, child in objects.children[i]:
            node.children.add(node_id=child, local_name=name)
        if isinstance(value, Variable):
            key = objects.key(i, _VALUE)
            node.attributes.add(name=_VALUE, full_name=value._shared_name, checkpoint_key=key)
            tensors[key] = graphs.value(value)
        elif _is_table(value) and hasattr(value, "insert"):
            keys, values = value.export()
            key = objects.key(i, "table")
            node.attributes.add(name="table", checkpoint_key=key)
            tensors[key + "-keys"], tensors[key + "-values"] = keys.numpy_array(), values.numpy_array()
        node.has_checkpoint_values.value = len(node.attributes) > 0
    below = _with_values(objects.children, proto)
    for i, node in enumerate(proto.nodes):
        node.has_checkpoint_values.value = i in below
    tensors[_GRAPH_KEY] = proto.SerializeToString()
    folder = os.path.dirname(prefix)
    if folder:
        os.makedirs(folder, exist_ok=True)
    train.write_checkpoint(prefix, sorted(tensors.items()))
    return prefix


def _with_values(children, proto):
    """Objects that have values, or something below that has."""
    known = {i for i, node in enumerate(proto.nodes) if len(node.attributes)}
    grown = True
    while grown:
        more = {i for i, below in enumerate(children) if i not in known
                and any(c in known for _, c in below)}
        grown = bool(more)
        known |= more
    return known


# ---- restoring ----


class _Status:
    """What restore() gives: asks how much of the checkpoint and of the objects was met."""

    def __init__(self, restore, options=None):
        self._restore = restore

    def assert_consumed(self):
        """Everything in the checkpoint and in the objects was met; AssertionError."""
        self.assert_existing_objects_matched()
        left = self._restore.left()
        if left:
            raise AssertionError(f"Unresolved object in checkpoint {left[0]}")
        return self

    def assert_existing_objects_matched(self):
        """Every variable of the objects was in the checkpoint; AssertionError."""
        self._restore.again()
        for i, value in enumerate(_Objects(self._restore.root).objects):
            if isinstance(value, Variable) and id(value) not in self._restore.done:
                raise AssertionError(f"No checkpoint values were found for object {value!r} (number {i})")
        return self

    def assert_nontrivial_match(self):
        """Something was restored; AssertionError."""
        self._restore.again()
        if not self._restore.done:
            raise AssertionError("Nothing to load. No dependencies of the objects are in the checkpoint.")
        return self

    def expect_partial(self):
        """Nothing will be asked: what is not met is no mistake."""
        return self

    def run_restore_ops(self, session=None):
        """Restores the variables of a graph in the session."""
        self._restore.again(session)

    def initialize_or_restore(self, session=None):
        """Restores the variables of a graph, and initialises those that are not met."""
        from ._graph import get_default_session

        session = session or get_default_session()
        if session is not None:
            for value in _Objects(self._restore.root).objects:
                if isinstance(value, GraphVariable) and id(value) not in self._restore.done:
                    session.run(value.initializer)
        self._restore.again(session)


class _Restore:
    """One checkpoint being restored into the objects below a root."""

    def __init__(self, root, prefix, session=None):
        from .train import load_checkpoint

        self.root, self.session = root, session
        self.reader = load_checkpoint(prefix)
        self.done = {}  # id of an object: (it, which node)
        self.by_name = not self.reader.has_tensor(_GRAPH_KEY)
        self.keys = {}
        self.nodes = []
        if not self.by_name:
            data = self.reader.get_tensor(_GRAPH_KEY)
            proto = message_class("TrackableObjectGraph").FromString(
                data if isinstance(data, bytes) else data.item())
            self.nodes = list(proto.nodes)
            self.keys = {a.checkpoint_key: i for i, node in enumerate(self.nodes)
                         for a in node.attributes}
        self.used = set()
        self.again(session)

    def left(self):
        """Keys of values that no object has taken."""
        return sorted(k for k, i in self.keys.items() if i not in self.used)

    def again(self, session=None):
        """Restores what was attached since."""
        if self.by_name:
            self._names(session)
            return
        queue, seen = [(self.root, 0)], set()
        while queue:
            value, i = queue.pop(0)
            if (id(value), i) in seen:
                continue
            seen.add((id(value), i))
            self.used.add(i)
            self._one(value, self.nodes[i], i, session)
            found = children_of(value)
            for child in self.nodes[i].children:
                if child.local_name in found:
                    queue.append((found[child.local_name], child.node_id))

    def _one(self, value, node, i, session):
        if id(value) in self.done:
            return
        keys = {a.name: a.checkpoint_key for a in node.attributes}
        if isinstance(value, Variable) and _VALUE in keys:
            array = self.reader.get_tensor(keys[_VALUE])
            if not value.shape.is_compatible_with(array.shape if hasattr(array, "shape") else ()):
                raise ValueError(f"Received incompatible tensor with shape {array.shape} when attempting "
                                 f"to restore variable with shape {value.shape} and name {value.name}.")
            if isinstance(value, GraphVariable) and (session or self.session) is None:
                from ._graph import get_default_session

                if get_default_session() is None:
                    return
            _Graphs(session or self.session).assign(value, array)
            self.done[id(value)] = (value, i)
        elif _is_table(value):
            for key in keys.values():
                if self.reader.has_tensor(key + "-keys"):
                    _ops.apply("LookupTableImportV2", [
                        value.resource_handle, self.reader.get_tensor(key + "-keys"),
                        self.reader.get_tensor(key + "-values")])
                    self.done[id(value)] = (value, i)

    def _names(self, session):
        """A checkpoint of names only: variables have theirs."""
        for value in _Objects(self.root).objects:
            if isinstance(value, Variable) and id(value) not in self.done and self.reader.has_tensor(
                    value._shared_name):
                _Graphs(session).assign(value, self.reader.get_tensor(value._shared_name))
                self.done[id(value)] = (value, 0)


class Checkpoint:
    """Objects whose values are saved and restored together.

    root: an object whose children these are; kwargs: more children by name."""

    def __init__(self, root=None, **kwargs):
        self._self_setattr_tracking = True
        self._self_root = root
        self._self_counter = None
        self._self_restores = []
        for name, value in kwargs.items():
            if not _trackable(value) and not isinstance(value, (list, dict, tuple)):
                raise ValueError(
                    f"`Checkpoint` was expecting {name} to be a trackable object (an object derived from "
                    f"`Trackable`), got {value}. If you believe this object should be trackable (i.e. it "
                    f"is part of the TensorFlow Python API and manages state), please open an issue.")
            if root is not None:
                below = children_of(root)
                if name in below and below[name] is not value:
                    raise ValueError(f"Cannot create a Checkpoint with keyword argument {name} if root.{name} "
                                     f"already exists.")
            setattr(self, name, value)

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)
        if not name.startswith("_self_"):
            for restore in self._self_restores:
                restore.again()

    def _trackable_children(self):
        found = {} if self._self_root is None else children_of(self._self_root)
        found.update({k: v for k, v in vars(self).items() if not k.startswith("_self_")})
        if self._self_counter is not None:
            found["save_counter"] = self._self_counter
        return {k: v for k, v in found.items() if _trackable(v)}

    @property
    def save_counter(self):
        """How often save() was called: a variable."""
        if self._self_counter is None:
            from ._convert import constant
            from ._dtypes import as_dtype

            object.__setattr__(self, "_self_counter", Variable(
                constant(0, as_dtype("int64")) if _mode.executing_eagerly() else 0, trainable=False,
                name="save_counter", dtype=as_dtype("int64")))
            for restore in self._self_restores:
                restore.again()
        return self._self_counter

    def write(self, file_prefix, options=None, session=None):
        """Writes a checkpoint of exactly that prefix, without save_counter and state file."""
        return write(self, os.fspath(file_prefix), session)

    def save(self, file_prefix, options=None, session=None):
        """Writes the checkpoint file_prefix-N and names it in the folder's `checkpoint` file."""
        from .train import update_checkpoint_state

        number = self._count(session)
        prefix = f"{os.fspath(file_prefix)}-{number}"
        write(self, prefix, session)
        update_checkpoint_state(os.path.dirname(prefix) or ".", prefix, [prefix])
        return prefix

    def _count(self, session=None):
        counter = self.save_counter
        if not isinstance(counter, GraphVariable):
            counter.assign_add(1)
            return int(counter.numpy())
        graphs = _Graphs(session)
        running = graphs.graph_session(counter)
        if not running.run(counter._is_initialized):
            running.run(counter.initializer)
        number = int(running.run(counter)) + 1
        counter.load(number, running)
        return number

    def read(self, save_path, options=None):
        """Restores what write() wrote; a status to ask."""
        return self._restored(save_path)

    def restore(self, save_path, options=None):
        """Restores a checkpoint; what is attached later is restored then. A status to ask.
        save_path None: nothing is restored, as there is no checkpoint yet."""
        if save_path is None:
            return _Nothing(self)
        status = self._restored(save_path)
        self.save_counter  # noqa: B018  (is made, and restored)
        return status

    def _restored(self, save_path):
        from .train import checkpoint_exists, latest_checkpoint

        prefix = os.fspath(save_path)
        if os.path.isdir(prefix):
            inside = os.path.join(prefix, "variables", "variables")
            prefix = inside if os.path.isfile(inside + ".index") else latest_checkpoint(prefix) or prefix
        if not checkpoint_exists(prefix):
            raise NotFoundError(None, None, f"Unsuccessful TensorSliceReader constructor: Failed to find "
                                f"any matching files for {prefix}")
        restore = _Restore(self, prefix)
        self._self_restores.append(restore)
        return _Status(restore)

    def sync(self):
        """Nothing is pending."""


class CheckpointV1(Checkpoint):
    """tf.compat.v1.train.Checkpoint."""

    def __init__(self, **kwargs):
        super().__init__(None, **kwargs)


class _Nothing:
    """The status of restore(None)."""

    def __init__(self, checkpoint):
        self._checkpoint = checkpoint

    def assert_consumed(self):
        raise AssertionError("No checkpoint specified (save_path=None); nothing is being restored.")

    assert_existing_objects_matched = assert_nontrivial_match = assert_consumed

    def expect_partial(self):
        return self

    def run_restore_ops(self, session=None):
        raise AssertionError("No checkpoint specified, so no restore ops are available "
                             "(save_path=None to Saver.restore).")

    def initialize_or_restore(self, session=None):
        """Initialises the variables of a graph."""
        from ._graph import get_default_session

        session = session or get_default_session()
        for value in _Objects(self._checkpoint).objects:
            if isinstance(value, GraphVariable):
                session.run(value.initializer)


class CheckpointManager:
    """Keeps the last max_to_keep checkpoints of a Checkpoint in a folder."""

    def __init__(self, checkpoint, directory, max_to_keep, keep_checkpoint_every_n_hours=None,
                 checkpoint_name="ckpt", step_counter=None, checkpoint_interval=None, init_fn=None,
                 last_checkpoint_step=None):
        from .train import get_checkpoint_state

        if max_to_keep is not None and max_to_keep <= 0:
            raise ValueError(f"Expected a positive integer or `None` for `max_to_keep`, got {max_to_keep}.")
        if checkpoint_interval is not None and step_counter is None:
            raise ValueError("`step_counter` should be passed if `checkpoint_interval` is not None.")
        self._checkpoint, self._directory = checkpoint, os.fspath(directory)
        self._max, self._every = max_to_keep, keep_checkpoint_every_n_hours
        self._name, self._step, self._interval = checkpoint_name, step_counter, checkpoint_interval
        self._init, self._last_step = init_fn, last_checkpoint_step
        self._kept = {}
        self._latest = None
        self._preserved = time.time()
        state = get_checkpoint_state(self._directory)
        if state is not None:
            stamps = state.all_model_checkpoint_timestamps or [0.0] * len(
                state.all_model_checkpoint_paths)
            self._latest = state.model_checkpoint_path
            self._kept = dict(zip(state.all_model_checkpoint_paths, stamps))
            self._preserved = state.last_preserved_timestamp or self._preserved

    directory = property(lambda self: self._directory)
    checkpoint = property(lambda self: self._checkpoint)
    checkpoint_interval = property(lambda self: self._interval)
    latest_checkpoint = property(lambda self: self._latest)
    checkpoints = property(lambda self: list(self._kept))

    def save(self, checkpoint_number=None, check_interval=True, options=None):
        """Writes the next checkpoint and removes those that are too many; its prefix."""
        if self._interval is not None and check_interval:
            step = int(self._step.numpy())
            if self._last_step is not None and step - self._last_step < self._interval:
                return None
            self._last_step = step
        base = os.path.join(self._directory, self._name)
        if checkpoint_number is None:
            number = self._checkpoint._count()
        else:
            number = int(getattr(checkpoint_number, "numpy", lambda: checkpoint_number)())
            self._checkpoint.save_counter.assign_add(1)
        prefix = write(self._checkpoint, f"{base}-{number}")
        self._latest = prefix
        self._kept.pop(prefix, None)
        self._kept[prefix] = time.time()
        self._sweep()
        self._record()
        return prefix

    def _sweep(self):
        while self._max and len(self._kept) > self._max:
            prefix, stamp = next(iter(self._kept.items()))
            del self._kept[prefix]
            if self._every and stamp - self._preserved >= self._every * 3600:
                self._preserved = stamp
                continue
            remove_checkpoint(prefix)

    def _record(self):
        from .train import update_checkpoint_state

        update_checkpoint_state(self._directory, self._latest, list(self._kept),
                                all_model_checkpoint_timestamps=list(self._kept.values()),
                                last_preserved_timestamp=self._preserved)

    def restore_or_initialize(self):
        """Restores the latest checkpoint; its prefix, or None when there is none."""
        if self._latest is not None:
            self._checkpoint.restore(self._latest)
            if self._step is not None:
                self._last_step = int(self._step.numpy())
            return self._latest
        if self._init is not None:
            self._init()
        return None

    def sync(self):
        """Nothing is pending."""

