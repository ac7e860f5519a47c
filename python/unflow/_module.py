# SPDX-License-Identifier: Apache-2.0
"""tf.Module, tf.name_scope, tf.device."""

from __future__ import annotations

import re

from . import _mode


class name_scope:
    """In the block, names begin with this one."""

    def __init__(self, name, default_name=None, values=None):
        if name is not None and not isinstance(name, str):
            raise ValueError("name for name_scope must be a string.")
        self._name, self._inner = name or default_name, None

    name = property(lambda self: self._name)

    def __enter__(self):
        if not _mode.executing_eagerly():
            from ._graph import get_default_graph

            self._inner = get_default_graph().name_scope(self._name)
            return self._inner.__enter__()
        scopes = _mode.stacks.scopes
        name = self._name or ""
        if name.endswith("/") or not name:
            full = name[:-1]
        else:
            full = f"{scopes[-1]}/{name}" if scopes and scopes[-1] else name
        scopes.append(full)
        return full + "/" if full else ""

    def __exit__(self, *exc):
        if self._inner is not None:
            inner, self._inner = self._inner, None
            return inner.__exit__(*exc)
        _mode.stacks.scopes.pop()
        return False


class device:
    """Everything runs on the processor; a name of another device is refused."""

    def __init__(self, device_name):
        text = str(device_name or "").lower()
        if "gpu" in text or "tpu" in text:
            from .errors import InvalidArgumentError

            raise InvalidArgumentError(None, None, f"expected a CPU device, found {device_name!r}: unflow "
                                       f"runs on the processor only")

    def __enter__(self):
        return None

    def __exit__(self, *exc):
        return False


def _snake(name):
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def _leaves(children, path):
    """(path, leaf) of dicts, lists and tuples."""
    if isinstance(children, dict):
        texts = all(isinstance(k, str) for k in children)
        items = [(k, children[k]) for k in (sorted(children) if texts else children)]
    else:
        items = list(enumerate(children))
    for key, child in items:
        if isinstance(child, (dict, list, tuple)):
            yield from _leaves(child, path + (key,))
        else:
            yield path + (key,), child


def _walk(module, path, seen, wanted, recurse):
    """(path, object) of what is wanted in a module, in TensorFlow's order: what is its own, lists and
    dicts included, before what its submodules have."""
    skipped = getattr(type(module), "_TF_MODULE_IGNORED_PROPERTIES", ())
    children = {k: v for k, v in vars(module).items() if k not in skipped}
    submodules = []
    for here, leaf in _leaves(children, path):
        if id(leaf) in seen:
            continue
        seen.add(id(leaf))
        if wanted(leaf):
            yield here, leaf
        if recurse and isinstance(leaf, Module):
            submodules.append((here, leaf))
    for here, submodule in submodules:
        yield from _walk(submodule, here, seen, wanted, recurse)


class Module:
    """Holds variables and other modules as attributes, and finds them."""

    _TF_MODULE_IGNORED_PROPERTIES = frozenset(("_name", "_scope_name"))

    def __init__(self, name=None):
        if name is None:
            name = _snake(type(self).__name__)
        elif not re.match(r"^[A-Za-z_]\w*$", name):
            raise ValueError(f"{name!r} is not a valid module name. Module names must be valid Python "
                             f"identifiers (e.g. a valid class name).")
        self._name = name
        with name_scope(name) as scope:
            self._scope_name = scope

    @property
    def name(self):
        """As it was given, or the class's in snake_case."""
        return self._name

    @property
    def name_scope(self):
        """The scope of names of its variables."""
        return name_scope(self._scope_name)

    def _flatten(self, recursive=True, predicate=None, with_path=False):
        found = _walk(self, (), {id(self)}, predicate, recursive)
        return ((path, value) if with_path else value for path, value in found)

    @property
    def variables(self):
        """All variables of it and of its submodules."""
        from ._variable import Variable

        return tuple(self._flatten(predicate=lambda v: isinstance(v, Variable)))

    @property
    def trainable_variables(self):
        return tuple(v for v in self.variables if v.trainable)

    @property
    def non_trainable_variables(self):
        return tuple(v for v in self.variables if not v.trainable)

    @property
    def submodules(self):
        return tuple(self._flatten(predicate=lambda v: isinstance(v, Module)))

    @classmethod
    def with_name_scope(cls, method):
        """A method whose ops are named in the module's scope."""
        import functools

        @functools.wraps(method)
        def within(self, *args, **kwargs):
            with self.name_scope:
                return method(self, *args, **kwargs)

        return within
