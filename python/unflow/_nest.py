# SPDX-License-Identifier: Apache-2.0
"""tf.nest: structures of lists, tuples and dicts (in order of their keys)."""

from __future__ import annotations

from collections.abc import Mapping

from ._dtypes import TensorShape


def is_nested(structure):
    """It is a list, tuple or dict."""
    return isinstance(structure, (list, tuple, Mapping)) and not isinstance(structure, TensorShape)


def _items(structure):
    if isinstance(structure, Mapping):
        return [structure[k] for k in sorted(structure)]
    return list(structure)


def _like(structure, items):
    if isinstance(structure, Mapping):
        by_key = dict(zip(sorted(structure), items))
        made = {k: by_key[k] for k in structure}
        return made if type(structure) is dict else type(structure)(made)
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*items)
    return tuple(items) if type(structure) is tuple else type(structure)(items)


def flatten(structure, expand_composites=False):
    """The leaves, as a list."""
    if not is_nested(structure):
        return [structure]
    return [leaf for item in _items(structure) for leaf in flatten(item)]


def assert_same_structure(nest1, nest2, check_types=True, expand_composites=False):
    """ValueError (TypeError: types differ) where the structures do."""
    a, b = is_nested(nest1), is_nested(nest2)
    if a != b:
        raise ValueError(f"The two structures don't have the same nested structure.\n\nFirst structure: "
                         f"type={type(nest1).__name__} str={nest1}\n\nSecond structure: "
                         f"type={type(nest2).__name__} str={nest2}")
    if not a:
        return
    if check_types and type(nest1) is not type(nest2) and not (
            isinstance(nest1, Mapping) and isinstance(nest2, Mapping)):
        raise TypeError(f"The two structures don't have the same sequence type. First structure has type "
                        f"{type(nest1)}, while second structure has type {type(nest2)}.")
    if len(nest1) != len(nest2) or (isinstance(nest1, Mapping) and set(nest1) != set(nest2)):
        raise ValueError(f"The two structures don't have the same number of elements.\n\nFirst structure: "
                         f"{nest1}\n\nSecond structure: {nest2}")
    for x, y in zip(_items(nest1), _items(nest2)):
        assert_same_structure(x, y, check_types)


def pack_sequence_as(structure, flat_sequence, expand_composites=False):
    """The structure with these leaves."""
    leaves = list(flat_sequence)
    if len(leaves) != len(flatten(structure)):
        raise ValueError(f"Could not pack sequence. Structure had {len(flatten(structure))} atoms, but "
                         f"flat_sequence had {len(leaves)} items.  Structure: {structure}, flat_sequence: "
                         f"{flat_sequence}.")
    rest = iter(leaves)

    def pack(part):
        return _like(part, [pack(p) for p in _items(part)]) if is_nested(part) else next(rest)

    return pack(structure)


def map_structure(func, *structure, **kwargs):
    """func of the leaves, in the same structure."""
    if not callable(func):
        raise TypeError(f"`func` must be callable. Received: func={func}")
    if not structure:
        raise ValueError("Must provide at least one structure")
    for other in structure[1:]:
        assert_same_structure(structure[0], other, kwargs.get("check_types", True))
    return pack_sequence_as(structure[0], [func(*leaves) for leaves in zip(*map(flatten, structure))])
