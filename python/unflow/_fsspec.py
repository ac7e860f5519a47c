# SPDX-License-Identifier: Apache-2.0
"""Files behind URLs, read by ranges: what fsspec has as the library's file system.

Bytes of tensors (.data files) are read by exactly the ranges that are asked for. All other
files (indices, graphs, archives) are read in pages, which are kept: the many small reads of
an index cost one request. HTTP is never asked for a folder's listing, which would be the
whole content of a large file; a URL that ends in / is looked up by the file names it may have.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from . import _core
from .errors import InvalidArgumentError, OpError, PermissionDeniedError, UnavailableError

_PAGE = 1 << 18       # bytes
_PAGES = 64           # that are kept, of all files of a source
_FOLDER_FILES = ("checkpoint", "saved_model.pb", "saved_model.pbtxt")


def _module():
    try:
        import fsspec
    except ImportError as error:
        raise ImportError("expected fsspec to read a URL, found none; "
                          "pip install 'unflow[fsspec]'") from error
    return fsspec


def _is_refused(error):
    return isinstance(error, PermissionError) or getattr(error, "status", 0) in (401, 403)


class Files:
    """size, read and list of files of an fsspec filesystem, for _core.source_open_fs.

    May be used by many threads. Sizes are asked for once: a source does not change.
    """

    def __init__(self, fs, query="", server=""):
        self.fs = fs
        self._server = server  # "http://host:port/": files of others are not asked for
        self.failure = None  # the last error that was not "no such file"
        self._query = query  # of a URL, behind each of its files
        protocols = fs.protocol if isinstance(fs.protocol, (tuple, list)) else (fs.protocol,)
        self._is_http = bool({"http", "https"} & set(protocols))
        self._sizes = {}
        self._pages = OrderedDict()
        self._lock = threading.Lock()

    # what the library calls

    def size(self, path):
        """Bytes of the file. Raises FileNotFoundError (also for folders)."""
        with self._lock:
            known = self._sizes.get(path)
        if known is None:
            known = self._ask_size(path)
            with self._lock:
                self._sizes[path] = known
        if known < 0:
            raise FileNotFoundError(f"{path}: expected a file, found none")
        return known

    def read(self, path, offset, size):
        """Exactly these bytes."""
        if ".data-" in path.rpartition("/")[2] or size >= _PAGE:
            return self._fetch(path, offset, size)
        first, last = offset // _PAGE, (offset + max(size, 1) - 1) // _PAGE
        content = b"".join(self._page(path, number) for number in range(first, last + 1))
        start = offset - first * _PAGE
        return content[start:start + size]

    def list(self, folder):
        """Names in it. Raises FileNotFoundError or NotADirectoryError."""
        if self._is_http:
            return self._list_http(folder)
        inner = folder.rstrip("/") or folder
        found = self._guarded(folder, self.fs.ls, inner, detail=True)
        names = []
        for item in found:
            full = item["name"].rstrip("/")
            if full == inner and item.get("type") != "directory":
                raise NotADirectoryError(f"{folder}: expected a folder, found a file")
            name = full.rpartition("/")[2]
            if name and full != inner:
                names.append(name)
                self._note(f"{inner}/{name}", item)
        return names

    # how

    def _guarded(self, path, call, *args, **options):
        """A call of fsspec; errors of the network stay known, for words about them."""
        if not path.startswith(self._server):  # a `checkpoint` file may name any other
            self.failure = PermissionError(f"expected a file of {self._server}, found {path!r}; open "
                                           f"it by itself if you trust it")
            raise self.failure
        try:
            return call(*args, **options)
        except (NotADirectoryError, IsADirectoryError):
            raise
        except Exception as error:
            if isinstance(error, FileNotFoundError):  # fsspec says so of any failure of HTTP
                if error.__cause__ is None or getattr(error.__cause__, "status", 0) == 404:
                    raise
                error = error.__cause__
            if getattr(error, "status", 0) == 404:
                raise FileNotFoundError(f"{path}: expected a file, found none") from error
            self.failure = error
            if _is_refused(error):
                raise PermissionError(f"{path}: {error}") from error
            raise OSError(f"{path}: {type(error).__name__}: {error}") from error

    def _ask_size(self, path):
        """-1: there is no such file."""
        try:
            info = self._guarded(path, self.fs.info, path + self._query)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return -1
        if info.get("type") == "directory":
            return -1
        if info.get("size") is None:
            self.failure = OSError(f"{path}: expected a server that says how large the file is, found "
                                   f"one that does not; download the file")
            raise self.failure
        return int(info["size"])

    def _note(self, path, info):
        """A size that a listing gave needs no request of its own."""
        if info.get("type") == "file" and isinstance(info.get("size"), int):
            with self._lock:
                self._sizes.setdefault(path, info["size"])

    def _fetch(self, path, offset, size):
        if size == 0:
            return b""
        data = self._guarded(path, self.fs.cat_file, path + self._query, start=offset,
                             end=offset + size)
        if len(data) > size:
            self.failure = OSError(
                f"{path}: offset {offset}: expected a range of {size} bytes, found all {len(data)} "
                f"bytes: the server does not serve ranges; download the file")
            raise self.failure
        return bytes(data)

    def _page(self, path, number):
        key = path, number
        with self._lock:
            page = self._pages.get(key)
            if page is not None:
                self._pages.move_to_end(key)
                return page
        start = number * _PAGE
        page = self._fetch(path, start, max(0, min(_PAGE, self.size(path) - start)))
        with self._lock:
            self._pages[key] = page
            while len(self._pages) > _PAGES:
                self._pages.popitem(last=False)
        return page

    def _list_http(self, folder):
        names = []
        if folder.endswith("/"):
            names = [name for name in _FOLDER_FILES if self._has(folder + name)]
        if not names:
            raise FileNotFoundError(f"{folder}: expected a folder, found a server that does not list")
        return names

    def _has(self, path):
        try:
            return self.size(path) >= 0
        except OSError:
            return False


def filesystem(url, fs=None, storage_options=None):
    """(Files, path in them) of a URL, or of a path in an fsspec filesystem.

    storage_options: a dict, for the filesystem that the URL names; not together with fs.
    Raises ImportError without fsspec, InvalidArgumentError for an unknown protocol.
    """
    if fs is None:
        try:
            fs, inner = _module().core.url_to_fs(url, **(storage_options or {}))
        except ValueError as error:
            raise InvalidArgumentError(None, None, f"{url}: expected a URL that fsspec knows, "
                                       f"found: {error}") from error
    else:
        if storage_options:
            raise InvalidArgumentError(None, None, f"{url}: expected fs or storage_options, found "
                                       f"both; give the options to the filesystem")
        inner = fs._strip_protocol(url)
    query = server = ""
    if "://" in inner:
        inner, mark, query = inner.partition("?")
        query = mark + query
        scheme, _, rest = inner.partition("://")
        server = f"{scheme}://{rest.partition('/')[0]}/"
    if url.endswith("/") and not inner.endswith("/"):
        inner += "/"
    return Files(fs, query, server), inner


def open_core(url, fs=None, storage_options=None):
    """The library's source of a URL. Raises as unflow.open; a server that cannot be reached
    is an UnavailableError, one that refuses a PermissionDeniedError."""
    files, inner = filesystem(url, fs, storage_options)
    try:
        return _core.source_open_fs(inner, files)
    except OpError as error:
        if files.failure is None:
            raise
        kind = PermissionDeniedError if _is_refused(files.failure) else UnavailableError
        raise kind(None, None, f"{url}: expected to read it, found: {type(files.failure).__name__}: "
                   f"{files.failure}") from error


class RangeFile:
    """A file of Files as a binary file object to seek and read in, for h5py and zipfile."""

    def __init__(self, files, path, start=0, size=None):
        self._files, self._path, self.start = files, path, start
        self._size = files.size(path) - start if size is None else size
        self._at = 0

    def seekable(self):
        return True

    def readable(self):
        return True

    def tell(self):
        return self._at

    def seek(self, offset, whence=0):
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def read(self, size=-1):
        left = max(0, self._size - self._at)
        size = left if size is None or size < 0 else min(size, left)
        data = self._files.read(self._path, self.start + self._at, size) if size else b""
        self._at += len(data)
        return data

    def readinto(self, buffer):
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[:len(data)] = data
        return len(data)

    def close(self):
        pass

    def flush(self):
        pass
