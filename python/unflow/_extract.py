# SPDX-License-Identifier: Apache-2.0
"""unflow.extract: arrays of any source to a file or folder."""

from __future__ import annotations

import os
import re
from fnmatch import fnmatchcase

import numpy as np

from ._dtypes import as_dtype
from ._source import Source, open_source, without_average
from .errors import AlreadyExistsError, InvalidArgumentError, NotFoundError

_NAMES = ("variable", "key", "path")


def extract(source, path, *, include=None, exclude=None, names="variable", rename=None, ema=False,
            slots=True, everything=False, dequantize=False, dtype=None, layout=None, compress=False,
            verify=True, threads=None, progress=None, format=None):
    """Writes arrays of a checkpoint, SavedModel, graph, model or archive to one file or folder.

    source: what unflow.open takes, or an open Source.
    path: ends in .npz, .safetensors or .h5 (pip install 'unflow[h5]'), or names a new or empty
        folder for .npy files. It appears whole or not at all.
    include, exclude: shell patterns (one or a list) over the names; ``*`` matches / too.
    names: 'variable' (dense/kernel), 'key' (as in the file) or 'path' (in the object graph).
    rename: a dict, a function of the name, or a list of (pattern, replacement) for re.sub,
        applied in order. A name that becomes None or '' is left out.
    ema: moving averages take the place of their variables.
    slots: False leaves out what optimizers keep.
    everything: also what saving adds, such as the object graph.
    dequantize: real values (float32) in place of quantized ones.
    dtype: convert numbers to this dtype, as numpy.astype does.
    layout: 'HWIO:OIHW' (or a list): arrays with that many dimensions are transposed from one
        order of letters to the other; 'HWIO:OIHW@*kernel' those of matching names (before
        renaming).
    compress: for .npz: True, or a level from 1 to 12.
    verify: check checksums on the way.
    threads: None for as many as processors.
    progress: True (a bar, if tqdm is installed and a terminal watches), or called as
        progress(bytes_done, bytes_total).
    format: 'npz', 'npy', 'safetensors' or 'h5' where the ending of path does not say it.

    Returns {name written: key in the source}. Raises NotFoundError when nothing matches,
    AlreadyExistsError when two arrays would have one name, DataLossError for damage,
    ResourceExhaustedError when the disk is full; nothing is left behind then.
    """
    own = not isinstance(source, Source)
    opened = open_source(source, ema=False) if own else source
    try:
        chosen = _choose(opened, include, exclude, names, rename, ema, slots, everything)
        if not chosen:
            raise NotFoundError(None, None, f"{opened}: expected arrays of these names to write, "
                                f"found none among its {len(opened)}")
        layouts = _layouts(layout)
        items = [_item(opened, new, old, key, dtype, dequantize, layouts)
                 for new, (old, key) in chosen.items()]
        _write(opened, items, os.fspath(path), format, compress, verify, threads, progress)
        return {new: key for new, (_, key) in chosen.items()}
    finally:
        if own:
            opened.close()


def _write(source, items, target, format, compress, verify, threads, progress):
    """items: as _item makes them."""
    report = _reporter(progress, target)
    if format == "h5" or (format is None and target.endswith((".h5", ".hdf5"))):
        from . import _h5

        _h5.write(source, items, target, report)
    else:
        level = 6 if compress is True else int(compress)
        if format is None and (os.path.isdir(target) or not os.path.splitext(target)[1]):
            format = "npy"
        source._core.extract(items, target, format, level, bool(verify), threads or 0, report)


def _patterns(given):
    return [given] if isinstance(given, str) else list(given or ())


def _choose(source, include, exclude, names, rename, ema, slots, everything):
    """{name to write: (name before it was renamed, key)} in the order of the source."""
    if names not in _NAMES:
        raise InvalidArgumentError(None, None, f"expected names to be one of "
                                   f"{', '.join(map(repr, _NAMES))}, found {names!r}")
    include, exclude, renamed = _patterns(include), _patterns(exclude), _renamer(rename)
    chosen = {}
    for v, key in source._averaged(ema):
        if (v.role == "meta" and not everything) or (
                v.role in ("slot", "optimizer") and not slots):
            continue
        name = {"variable": v.name, "key": v.key, "path": v.path or v.key}[names]
        if ema and v.role == "average":
            name = without_average(name)
        if include and not any(fnmatchcase(name, pattern) for pattern in include):
            continue
        if any(fnmatchcase(name, pattern) for pattern in exclude):
            continue
        new = renamed(name)
        if not new:
            continue
        if new in chosen:
            raise AlreadyExistsError(None, None, f"expected each name once, found {new!r} for both "
                                     f"{chosen[new][1]!r} and {key!r}; rename one of them")
        chosen[new] = name, key
    return chosen


def _renamer(rename):
    if rename is None:
        return lambda name: name
    if callable(rename):
        return rename
    if hasattr(rename, "get"):
        return lambda name: rename.get(name, name)
    rules = [(re.compile(pattern), replacement) for pattern, replacement in rename]

    def apply(name):
        for pattern, replacement in rules:
            name = pattern.sub(replacement, name)
        return name

    return apply


def _layouts(layout):
    """[(number of dimensions, axes, pattern)] of 'HWIO:OIHW@pattern'."""
    parsed = []
    for text in _patterns(layout):
        letters, _, pattern = text.partition("@")
        old, _, new = letters.partition(":")
        if not old or sorted(old) != sorted(new) or len(set(old)) != len(old):
            raise InvalidArgumentError(None, None, f"expected a layout such as 'HWIO:OIHW', with the "
                                       f"same letters once on both sides, found {text!r}")
        parsed.append((len(old), tuple(old.index(letter) for letter in new), pattern or "*"))
    return parsed


def _item(source, new, old, key, dtype, dequantize, layouts):
    entry = source._core.entry(key)
    is_number = entry[1] not in ("string", "variant", "resource")
    axes = None
    for rank, order, pattern in layouts:
        if is_number and axes is None and rank == len(entry[2]) and fnmatchcase(old, pattern):
            axes = order
    wanted = as_dtype(dtype).name if dtype is not None and is_number else None
    return new, key, wanted, bool(dequantize), axes


def _reporter(progress, path):
    """What the library calls as bytes are written."""
    if progress is None or progress is False:
        return None
    if progress is not True:
        return progress
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    bar = tqdm(total=1, unit="B", unit_scale=True, desc=os.path.basename(path), disable=None,
               leave=False)

    def report(done, total):
        bar.total = total
        bar.update(done - bar.n)
        if done >= total:
            bar.close()

    return report


def converted(array, wanted, axes):
    """What the library does to an item, for writers in Python."""
    if wanted is not None:
        array = array.astype(as_dtype(wanted).as_numpy_dtype)
    return np.ascontiguousarray(array.transpose(axes)) if axes is not None else array
