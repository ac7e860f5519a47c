# SPDX-License-Identifier: Apache-2.0
"""Dask arrays over arrays in files: each block is one read of its part of the file.

A graph holds where a block comes from, never its bytes; a worker opens the source once and
keeps it open (see _source._cached), until the file is replaced.
"""

from __future__ import annotations

import math

import numpy as np

from ._source import _cached, _stamp, open_source, part_of


def _module():
    try:
        import dask.array
    except ImportError as error:
        raise ImportError("expected dask for Dask arrays, found none; "
                          "pip install 'unflow[dask]'") from error
    return dask


class _Part:
    """Stands for an array in a file and opens it where it is read. Unpickling opens nothing:
    a scheduler need not reach the file."""

    __slots__ = ("path", "options", "key", "region", "shape", "dtype")

    def __init__(self, handle):
        self.path = handle.source._place
        self.options = handle.source._options
        self.key = handle.key
        self.region = handle.region
        self.shape = handle.shape
        self.dtype = handle.dtype

    ndim = property(lambda self: len(self.shape))

    def __getitem__(self, key):
        region, rest = part_of(key, self.shape)
        if self.region is not None:
            region = tuple((start + outer, extent) for (start, extent), (outer, _)
                           in zip(region, self.region))
        return _cached(self.path, self.options)._core.read(self.key, False, False, region)[rest]

    def __getstate__(self):
        return tuple(getattr(self, name) for name in self.__slots__)

    def __setstate__(self, state):
        for name, value in zip(self.__slots__, state):
            setattr(self, name, value)

    def __repr__(self):
        return f"<{self.key!r} of {self.path}>"


def auto_chunks(shape, itemsize, limit):
    """Chunks of at most limit bytes (or one element) that are each one range of the file: the
    last dimensions whole, one dimension cut, one index of those before it."""
    chunks, inner = [], max(itemsize, 1)
    for size in reversed(shape):
        chunks.append(max(1, min(size, limit // inner)) if size else 0)
        inner *= max(size, 1)
    return tuple(reversed(chunks))


def _chunks(dask, handle, chunks):
    if chunks != "auto":
        return chunks
    if handle.dtype.hasobject:
        return -1  # strings have no places in a file before they are read
    limit = dask.utils.parse_bytes(dask.config.get("array.chunk-size"))
    return auto_chunks(handle.shape, handle.dtype.itemsize, limit)


def from_handle(handle, chunks="auto"):
    """A dask.array of an array in a file.

    chunks: as dask.array.from_array; "auto" keeps to dask's ``array.chunk-size`` with blocks
    that are each one range of the file. Strings become an array of objects (bytes).
    """
    dask = _module()
    source = handle.source
    if source.path is None:  # from memory: for the threads of this process
        array, token = handle, dask.base.tokenize(id(source), handle.key, handle.region)
    else:
        array = _Part(handle)
        token = dask.base.tokenize(array.path, sorted(source._options.items()), handle.key,
                                   handle.region, _stamp(array.path))
    chunks = _chunks(dask, handle, chunks)
    if math.prod(handle.shape) == 0:  # nothing to read
        return dask.array.zeros(handle.shape, dtype=handle.dtype, chunks=-1)
    return dask.array.from_array(array, chunks=chunks, name=f"unflow-{token}", lock=False,
                                 asarray=False, meta=np.empty((0,) * handle.ndim, handle.dtype))


def to_dask(source, chunks="auto"):
    """{key: dask.array} of every array of a source: what unflow.open takes, or an open Source."""
    _module()
    if not hasattr(source, "to_dask"):
        source = open_source(source)
    return source.to_dask(chunks)
