# SPDX-License-Identifier: Apache-2.0
"""tf.io.gfile, on local files."""

from __future__ import annotations

import glob as _glob
import os

from ._graph_api import gfile as _v1
from .errors import NoSuchFileError

GFile = _v1.GFile
copy, rename = _v1.Copy, _v1.Rename
exists, isdir, mkdir, remove = os.path.exists, os.path.isdir, os.mkdir, os.remove
makedirs, rmtree = _v1.MakeDirs, _v1.DeleteRecursively
join = os.path.join


def listdir(path):
    """Names in a folder; NotFoundError."""
    if not os.path.isdir(path):
        raise NoSuchFileError(None, None, f"Could not find directory {path}")
    return os.listdir(path)


def glob(pattern):
    """Names that match a pattern, or one of several."""
    patterns = [pattern] if isinstance(pattern, (str, bytes, os.PathLike)) else pattern
    return sorted(name for p in patterns for name in _glob.glob(os.fspath(p)))


def walk(top, topdown=True, onerror=None):
    """(folder, folders in it, files in it) of each folder."""
    return os.walk(top, topdown=topdown, onerror=onerror)


def stat(path):
    """os.stat, with `length` as TensorFlow calls the size."""
    class Stat:
        def __init__(self, found):
            self.length, self.mtime_nsec = found.st_size, found.st_mtime_ns
            self.is_directory = os.path.isdir(path)

    return Stat(os.stat(path))
