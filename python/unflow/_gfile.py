# SPDX-License-Identifier: Apache-2.0
"""tf.io.gfile, and tf.compat.v1.gfile over the same functions, on local files.

What is not there raises NotFoundError, what must not be there AlreadyExistsError."""

from __future__ import annotations

import glob as _glob
import os
import shutil
import types

from .errors import AlreadyExistsError, NoSuchFileError


def _want(path, found):
    if not found:
        raise NoSuchFileError(None, None, f"{os.fspath(path)}; No such file or directory")


def _want_free(path, overwrite):
    if not overwrite and os.path.exists(path):
        raise AlreadyExistsError(None, None, f"file already exists: {os.fspath(path)}")


class GFile:
    """A file; text in UTF-8 unless the mode has a b."""

    def __init__(self, name, mode="r"):
        try:
            self._file = open(name, mode, **({} if "b" in mode else {"encoding": "utf-8"}))
        except FileNotFoundError:
            _want(name, False)
        self.name, self.mode = name, mode

    def __getattr__(self, name):
        return getattr(self.__dict__["_file"], name)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._file.close()

    def __iter__(self):
        return iter(self._file)

    def size(self):
        """Bytes of the file."""
        return os.fstat(self._file.fileno()).st_size


def copy(src, dst, overwrite=False):
    """Copies a file."""
    _want_free(dst, overwrite)
    _want(src, os.path.exists(src))
    shutil.copyfile(src, dst)


def rename(src, dst, overwrite=False):
    """Renames a file or a folder."""
    _want_free(dst, overwrite)
    _want(src, os.path.exists(src))
    os.replace(src, dst)


def remove(path):
    """Removes a file."""
    _want(path, os.path.exists(path))
    os.remove(path)


def rmtree(path):
    """Removes the folder with all that is in it."""
    _want(path, os.path.exists(path))
    shutil.rmtree(path)


def makedirs(path):
    """Makes the folder and those above it."""
    os.makedirs(path, exist_ok=True)


def listdir(path):
    """Names in a folder."""
    _want(path, os.path.isdir(path))
    return os.listdir(path)


def glob(pattern):
    """Names that match a pattern, or one of several."""
    patterns = [pattern] if isinstance(pattern, (str, bytes, os.PathLike)) else pattern
    return sorted(name for p in patterns for name in _glob.glob(os.fspath(p)))


def walk(top, topdown=True, onerror=None):
    """(folder, folders in it, files in it) of each folder."""
    return os.walk(top, topdown=topdown, onerror=onerror)


def stat(path):
    """length, mtime_nsec and is_directory of a file."""
    _want(path, os.path.exists(path))
    found = os.stat(path)
    return types.SimpleNamespace(length=found.st_size, mtime_nsec=found.st_mtime_ns,
                                 is_directory=os.path.isdir(path))


gfile = types.SimpleNamespace(
    GFile=GFile, copy=copy, exists=os.path.exists, glob=glob, isdir=os.path.isdir, join=os.path.join,
    listdir=listdir, makedirs=makedirs, mkdir=os.mkdir, remove=remove, rename=rename, rmtree=rmtree,
    stat=stat, walk=walk)

v1_gfile = types.SimpleNamespace(
    GFile=GFile, Open=GFile, FastGFile=GFile, Copy=copy, Exists=os.path.exists, Glob=glob,
    IsDirectory=os.path.isdir, ListDirectory=listdir, MakeDirs=makedirs, MkDir=os.mkdir, Remove=remove,
    Rename=rename, DeleteRecursively=rmtree, Stat=stat, Walk=lambda top, in_order=True: walk(top, in_order))
