# SPDX-License-Identifier: Apache-2.0
"""Keras files through h5py: .h5, .weights.h5, and .keras (a ZIP archive with a .weights.h5).

Keys are the paths of datasets as Keras wrote them ('layers/dense/vars/0'); the older format
also has the variables' names in attributes ``weight_names``. Configurations are given as text.

A file may be hostile: nothing in it is executed or unpickled, and it is the only file that
is read. External links, external storage, virtual datasets, references, compound values,
filters that HDF5 would load as plugins, and sizes that a file so small cannot hold are
refused in words; the other datasets stay readable.
"""

from __future__ import annotations

import io
import math
import os
import tempfile
import zipfile
import zlib

import numpy as np

from . import _core
from ._source import Source
from .errors import (AlreadyExistsError, DataLossError, InvalidArgumentError, NoSuchFileError,
                     NoSuchNameError, OpError, OutOfRangeError, PermissionDeniedError,
                     ResourceExhaustedError, UnimplementedError)

_LINKS = 1 << 20       # of a file; more are not looked at
_DEPTH = 64            # of groups in groups
_HOPS = 16             # of soft links
_FREE = 64 << 20       # bytes that need no file to hold them
_RATIO = 1100          # deflate makes at most 1032 bytes of one
_TEXT = 64 << 20       # bytes of a configuration
_MEMBER = "model.weights.h5"
# deflate, shuffle, fletcher32, szip, nbit, scaleoffset, lzf: built into HDF5 or h5py.
_FILTERS = {1, 2, 3, 4, 5, 6, 32000}
_NUMBERS = frozenset({
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
    "float32", "float64", "complex64", "complex128"})
# NumPy has none of these; Keras stores their bytes, with the name in an attribute.
_OPAQUE = {"bfloat16": 2, "float8_e4m3fn": 1, "float8_e5m2": 1}
_SAFETENSORS = {
    "bool": "BOOL", "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64", "uint8": "U8",
    "uint16": "U16", "uint32": "U32", "uint64": "U64", "float16": "F16", "float32": "F32",
    "float64": "F64", "bfloat16": "BF16", "complex64": "C64", "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2"}


def _module():
    try:
        import h5py
    except ImportError as error:
        raise ImportError("expected h5py for a Keras .h5 or .keras file, found none; "
                          "pip install 'unflow[h5]'") from error
    return h5py


# ---- what a dataset may be ----------------------------------------------------------


class _Refused(Exception):
    """What is wrong with a link or dataset, in words."""


def _dtype_name(h5py, dataset):
    """The dtype's name as the library has it."""
    if h5py.check_string_dtype(dataset.dtype) is not None:
        return "string"
    dtype = dataset.dtype
    if dtype.kind == "V" and dtype.names is None and dtype.subdtype is None:
        name = _attribute_text(h5py, dataset, "dtype")
        if _OPAQUE.get(name) == dtype.itemsize:
            return name
    if dtype.kind not in "OV" and dtype.name in _NUMBERS:
        return dtype.name
    raise _Refused(f"expected numbers or strings, found {dtype}")


def _check(h5py, dataset):
    """Raises _Refused for what would leave the file or run code of others."""
    if dataset.shape is None:
        raise _Refused("expected an array, found an empty dataspace")
    if dataset.is_virtual:
        raise _Refused("expected its own data, found a virtual dataset, which reads other files")
    plist = dataset.id.get_create_plist()
    if plist.get_external_count() > 0:
        raise _Refused("expected its own data, found external storage in another file")
    filters = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
    unknown = [number for number in filters if number not in _FILTERS]
    if unknown:
        raise _Refused(f"expected filters of HDF5 itself, found number {unknown[0]}, a plugin")
    if len(set(filters)) != len(filters):
        raise _Refused("expected each filter once, found one twice")
    return _dtype_name(h5py, dataset)


def _attribute_bytes(h5py, holder, name, limit=_TEXT):
    """The strings of an attribute as a list of bytes; None: none, or of another kind."""
    if name not in holder.attrs:
        return None
    attribute = holder.attrs.get_id(name)
    if h5py.check_string_dtype(attribute.dtype) is None:
        return None
    if math.prod(attribute.shape) * attribute.dtype.itemsize > limit:
        return None
    value = holder.attrs[name]
    items = [value] if isinstance(value, (str, bytes)) else np.asarray(value).ravel().tolist()
    return [item.encode("utf-8", "surrogateescape") if isinstance(item, str) else item
            for item in items]


def _attribute_text(h5py, holder, name):
    found = _attribute_bytes(h5py, holder, name)
    return found[0].decode("utf-8", "replace") if found else None


class _Walk:
    """Every dataset that hard links, and soft links within the file, lead to."""

    def __init__(self, h5py, file):
        self.h5py, self.file = h5py, file
        self.found, self.refused = {}, {}  # key: (dataset, dtype) or words
        self.weight_names = {}             # key: name
        self._seen = set()
        self._links = 0
        self._group(file, "", 0)

    def _group(self, group, prefix, depth):
        address = self.h5py.h5o.get_info(group.id).addr
        if address in self._seen:
            return
        self._seen.add(address)
        for kind in self._weight_names(group):
            self.weight_names.setdefault(prefix + kind, kind)
        for name in group:
            self._links += 1
            if self._links > _LINKS:
                self.refused[prefix + name] = f"expected at most {_LINKS} links, found more"
                return
            try:
                self._object(self._follow(group, name, 0), prefix + name, depth)
            except _Refused as words:
                self.refused[prefix + name] = str(words)
            except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
                self.refused[prefix + name] = f"expected a dataset, found damage: {error}"

    def _object(self, found, key, depth):
        if isinstance(found, self.h5py.Group):
            if depth >= _DEPTH:
                raise _Refused(f"expected at most {_DEPTH} groups within one another, found more")
            self._group(found, key + "/", depth + 1)
        elif isinstance(found, self.h5py.Dataset):
            self.found[key] = found, _check(self.h5py, found)

    def _follow(self, group, name, hops):
        """The object behind a link of a group, which is in this file."""
        link = group.get(name, getlink=True)
        if isinstance(link, self.h5py.ExternalLink):
            raise _Refused(f"expected an object of this file, found an external link to "
                           f"{link.filename!r}")
        if not isinstance(link, self.h5py.SoftLink):
            return group[name]
        if hops >= _HOPS:
            raise _Refused("expected an object, found soft links in a circle")
        at = self.file if link.path.startswith("/") else group
        for part in link.path.split("/"):
            if part in ("", "."):
                continue
            if not isinstance(at, self.h5py.Group) or at.get(part, getlink=True) is None:
                raise _Refused(f"expected an object, found a soft link to {link.path!r}, which is "
                               f"not there")
            at = self._follow(at, part, hops + 1)
        return at

    def _weight_names(self, group):
        """Of the older format; long lists are in several attributes."""
        names = _attribute_bytes(self.h5py, group, "weight_names") or []
        for number in range(1000):
            more = _attribute_bytes(self.h5py, group, f"weight_names{number}")
            if more is None:
                break
            names += more
        return [name.decode("utf-8", "surrogateescape") for name in names]


# ---- the source ----------------------------------------------------------------------


class Core:
    """What _core.Source is for other files, over an open h5py.File."""

    def __init__(self, h5py, file, path, format, texts, base=0):
        self._base = base  # where HDF5 begins in the file at path
        self._h5py, self._file, self._path, self._format = h5py, file, path, format
        walk = _Walk(h5py, file)
        self._datasets, self.refused = walk.found, walk.refused
        self._weight_names = walk.weight_names
        self.texts = texts

    def info(self):
        details = self.texts.get("keras_version")
        details = [f"Keras {details}"] if details else []
        if self.refused:
            details.append(f"{len(self.refused)} refused")
        return {"path": self._path, "format": self._format, "details": ", ".join(details)}

    def names(self):
        return list(self._datasets)

    def has(self, key):
        return key in self._datasets

    def _find(self, key):
        if not isinstance(key, str):
            raise TypeError(f"expected a name, found {type(key).__name__}")
        found = self._datasets.get(key)
        if found is not None:
            return found
        if key in self.refused:
            raise InvalidArgumentError(None, None, f"{self._path}: '{key}': {self.refused[key]}")
        import difflib

        near = difflib.get_close_matches(key, self._datasets, 3) or list(self._datasets)[:3]
        raise NoSuchNameError(None, None, f"{self._path}: expected the name of one of "
                              f"{len(self._datasets)} arrays, found '{key}'; near names are "
                              f"{', '.join(map(repr, near)) or 'none'}")

    def entry(self, key):
        dataset, name = self._find(key)
        offset = dataset.id.get_offset()
        return (key, name, tuple(map(int, dataset.shape)), int(dataset.id.get_storage_size()),
                self._path, self._base + int(offset or 0), 1, None)

    def entries(self):
        return [self.entry(key) for key in self._datasets]

    def _check_size(self, key, dataset, extents):
        """A few bytes of a file may say that they are many: an honest file holds them."""
        stored = dataset.id.get_storage_size()
        asked = math.prod(extents) * dataset.dtype.itemsize
        chunk = math.prod(dataset.chunks) * dataset.dtype.itemsize if dataset.chunks else 0
        if max(asked, chunk) > max(_FREE, _RATIO * stored):
            raise DataLossError(None, None, f"{self._path}: '{key}': expected a file that holds "
                                f"{max(asked, chunk)} bytes, found {stored} stored for it")

    def read(self, key, copy=False, verify=False, region=None):
        dataset, name = self._find(key)
        extents = dataset.shape if region is None else [extent for _, extent in region]
        self._check_size(key, dataset, extents)
        part = () if region is None else tuple(slice(start, start + extent)
                                               for start, extent in region)
        try:
            array = np.asarray(dataset[part])
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            raise DataLossError(None, None, f"{self._path}: '{key}': expected to read it, found: "
                                f"{error}") from error
        array = self._native(array, name)
        array.setflags(write=bool(copy))
        return array

    def _native(self, array, name):
        if name == "string":
            return array if array.dtype == object else array.astype(object)
        if name in _OPAQUE:
            return array.view(_core.np_dtype(name))
        array = array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
        return array if array.flags.owndata and array.flags.writeable else array.copy()

    def read_all(self, names, threads=0):
        return [self.read(name, True) for name in names]

    def verify(self, name):
        self.read(name)

    def variables(self):
        rows, taken = [], set()
        for key in self._datasets:
            raw = self._weight_names.get(key, key)
            name = raw.removesuffix(":0")
            if name in taken or (name != key and name in self._datasets):
                name = key
            taken.add(name)
            aliases = (raw,) if raw not in (name, key) else ()
            is_optimizer = key.partition("/")[0] in ("optimizer", "optimizer_weights")
            rows.append((name, key, None, aliases, "optimizer" if is_optimizer else "value", None,
                         -1, -1))
        return rows

    def node(self, index):
        raise OutOfRangeError(None, None, f"{self._path}: expected a graph, found none")

    def attrs(self, index):
        return self.node(index)

    def extract(self, items, path, format, level, verify, threads, progress):
        """As _core.Source.extract: the library writes, and reads the arrays through here."""
        keys = dict.fromkeys(item[1] for item in items)
        core = _core.source_open_fs(f"{self._path}.safetensors", _AsSafetensors(self, list(keys)))
        core.extract(items, path, format, level, verify, threads, progress)

    def close(self):
        self._file.close()


class _AsSafetensors:
    """Arrays of a Core as a .safetensors file that is made as it is read."""

    def __init__(self, core, keys):
        import json
        from bisect import bisect_right

        self._core, self._keys, self._bisect = core, keys, bisect_right
        header, self._starts, at = {}, [], 0
        for key in keys:
            _, name, shape, _, _, _, _, _ = core.entry(key)
            if name not in _SAFETENSORS:
                raise UnimplementedError(None, None, f"{core._path}: '{key}': expected numbers, found "
                                         f"{name}; write a .h5, or leave it out")
            dataset = core._find(key)[0]
            core._check_size(key, dataset, shape)
            size = math.prod(shape) * dataset.dtype.itemsize
            header[key] = {"dtype": _SAFETENSORS[name], "shape": shape, "data_offsets": [at, at + size]}
            self._starts.append(at)
            at += size
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        self._head = len(text).to_bytes(8, "little") + text
        self._size = len(self._head) + at
        self._last = None, None  # position and bytes of the array that was read last

    def size(self, path):
        return self._size

    def list(self, folder):
        raise FileNotFoundError(folder)

    def read(self, path, offset, size):
        result = bytearray(self._head[offset:offset + size])
        at = offset + len(result) - len(self._head)
        while len(result) < size:
            position = self._bisect(self._starts, at) - 1  # past empty arrays
            data = self._array(position)
            start = at - self._starts[position]
            piece = data[start:start + size - len(result)]
            if not piece:
                raise OSError(f"{path}: expected more bytes, found its end")
            result += piece
            at += len(piece)
        return bytes(result)

    def _array(self, position):
        if self._last[0] != position:
            array = self._core.read(self._keys[position])
            self._last = position, memoryview(np.ascontiguousarray(array)).cast("B") \
                if array.dtype.kind != "V" else array.tobytes()
        return self._last[1]


class H5Source(Source):
    """A Keras file: as other sources, and what Keras says of itself as text."""

    def __init__(self, core, path, options):
        super().__init__(core, path, options)
        self._file_core = core

    @property
    def config(self):
        """The model's configuration, JSON as text, or None. It is data: nothing runs it."""
        return self._core.texts.get("model_config")

    @property
    def metadata(self):
        """Texts of the file: keras_version, backend, training_config, metadata.json ..."""
        return dict(self._core.texts)

    @property
    def refused(self):
        """{key: why} of what is in the file and not given."""
        return dict(self._core.refused)

    def verify(self):
        """As Source.verify; what is refused is named, too."""
        return {**super().verify(), **self._core.refused}

    def close(self):
        core, self._file_core = self._file_core, None
        super().close()
        if core is not None:
            core.close()


# ---- opening ---------------------------------------------------------------------------


class _LocalFiles:
    """Ranges of one local file."""

    def __init__(self, path):
        self._file = io.open(path, "rb")

    def size(self, path):
        return os.fstat(self._file.fileno()).st_size

    def read(self, path, offset, size):
        return os.pread(self._file.fileno(), size, offset)


def _weights_of_archive(path, files, inner):
    """A file object of the weights in a .keras, and its texts."""
    from ._fsspec import RangeFile

    with zipfile.ZipFile(RangeFile(files, inner)) as archive:
        members = {member.filename: member for member in archive.infolist()}
        texts = {}
        for name, key in (("config.json", "model_config"), ("metadata.json", "metadata.json")):
            if name in members:
                texts[key] = _bounded(path, archive, members[name], _TEXT).decode("utf-8", "replace")
        member = members.get(_MEMBER)
        if member is None:
            raise DataLossError(None, None, f"{path}: expected '{_MEMBER}' in it, found "
                                f"{', '.join(map(repr, list(members)[:8])) or 'nothing'}")
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            return io.BytesIO(_bounded(path, archive, member, None)), texts
        head = files.read(inner, member.header_offset, 30)
        start = member.header_offset + 30 + int.from_bytes(head[26:28], "little") \
            + int.from_bytes(head[28:30], "little")
        if start + member.file_size > files.size(inner):
            raise DataLossError(None, None, f"{path}: '{_MEMBER}': expected {member.file_size} bytes "
                                f"from offset {start}, found a file of {files.size(inner)}")
        return RangeFile(files, inner, start, member.file_size), texts


def _bounded(path, archive, member, limit):
    """A member's content, unless it says to be larger than its bytes can make it."""
    most = max(1 << 20, _RATIO * member.compress_size)
    most = most if limit is None else min(most, limit)
    if member.file_size > most or member.flag_bits & 1:
        what = "an encrypted one" if member.flag_bits & 1 else f"{member.file_size}"
        raise DataLossError(None, None, f"{path}: '{member.filename}': expected at most {most} bytes, "
                            f"found {what}")
    with archive.open(member) as file:
        return file.read(member.file_size)


def _texts_of(h5py, file):
    """What Keras writes as attributes of the file or of its weights."""
    texts, holders = {}, [file]
    link = file.get("model_weights", getlink=True) if "model_weights" in file else None
    if isinstance(link, h5py.HardLink):
        holders.append(file["model_weights"])
    for holder in holders:
        for name in ("model_config", "training_config", "keras_version", "backend"):
            text = _attribute_text(h5py, holder, name)
            if text is not None:
                texts.setdefault(name, text)
    return texts


def _with_version(texts):
    """keras_version as of the older format."""
    import json

    try:
        about = json.loads(texts.get("metadata.json", "{}"))
        version = about.get("keras_version")
    except (ValueError, RecursionError, AttributeError):
        version = None
    if isinstance(version, str):
        texts.setdefault("keras_version", version)
    return texts


def open(path, fs=None, storage_options=None):
    """A Keras file as an H5Source; h5py reads it. Raises ImportError without h5py,
    NotFoundError, PermissionDeniedError, DataLossError, all with the file's name."""
    h5py = _module()
    options = {}
    if fs is not None:
        options["fs"] = fs
    if storage_options:
        options["storage_options"] = dict(storage_options)
    try:
        core = _open_core(h5py, path, fs, storage_options)
    except OpError:
        raise
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NoSuchFileError(None, None, f"expected a file at '{path}', found none; check the "
                              f"path") from error
    except PermissionError as error:
        raise PermissionDeniedError(None, None, f"{path}: expected to read it, found: "
                                    f"{error}") from error
    except (OSError, RuntimeError, ValueError, KeyError, EOFError, NotImplementedError,
            zipfile.BadZipFile, zlib.error) as error:
        raise DataLossError(None, None, f"{path}: expected a Keras file, found: {error}") from error
    return H5Source(core, path, options)


def _open_core(h5py, path, fs, storage_options):
    if fs is not None or "://" in path:
        from . import _fsspec

        files, inner = _fsspec.filesystem(path, fs, storage_options)
    else:
        files, inner = _LocalFiles(path), path
    is_archive = files.read(inner, 0, min(4, files.size(inner))) == b"PK\3\4"
    texts = {}
    if is_archive:
        target, texts = _weights_of_archive(path, files, inner)
    elif isinstance(files, _LocalFiles):
        target = path
    else:
        target = _fsspec.RangeFile(files, inner)
    file = h5py.File(target, "r")
    texts.update(_texts_of(h5py, file))
    return Core(h5py, file, path, "keras" if is_archive else "h5", _with_version(texts),
                getattr(target, "start", 0))


# ---- writing -------------------------------------------------------------------------------


def write(source, items, path, report=None):
    """Writes arrays to a .h5, which appears whole or not at all.

    items: (name, key, dtype or None, dequantize, axes or None) each; / in a name makes groups.
    report: called as report(bytes_done, bytes_total). Raises AlreadyExistsError for names that
    cannot both be, InvalidArgumentError for a name or string that HDF5 cannot have,
    ResourceExhaustedError when the disk is full; nothing is left behind then.
    """
    h5py = _module()
    _check_names(path, [item[0] for item in items])
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise NoSuchFileError(None, None, f"{path}: expected the folder '{folder}', found none")
    handle, temporary = tempfile.mkstemp(".part", f".{os.path.basename(path)}.", folder)
    try:
        os.close(handle)
        _write_all(h5py, source, items, temporary, report)
        with io.open(temporary, "rb") as file:
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except OpError:
        raise
    except OSError as error:
        full = error.errno == 28 or "No space left" in str(error)
        kind = ResourceExhaustedError if full else DataLossError
        raise kind(None, None, f"{path}: expected to write it, found: {error}") from error
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def _check_names(path, names):
    taken = set(names)
    for name in names:
        parts = name.split("/")
        if "\0" in name or any(part in ("", ".") for part in parts):
            raise InvalidArgumentError(None, None, f"{path}: expected a name that HDF5 can have, "
                                       f"found {name!r}; rename it")
        for i in range(1, len(parts)):
            if "/".join(parts[:i]) in taken:
                raise AlreadyExistsError(None, None, f"{path}: expected {'/'.join(parts[:i])!r} to be "
                                         f"an array or a group, found also {name!r}; rename one, or "
                                         f"leave an optimizer's arrays out")


def _write_all(h5py, source, items, path, report):
    total = sum(max(1, source[item[1]].nbytes) for item in items)
    done = 0
    with h5py.File(path, "w") as file:
        for name, key, wanted, dequantize, axes in items:
            handle = source[key]
            array = handle.dequantize() if dequantize and handle.quantization is not None \
                else handle.numpy()
            _write_one(h5py, file, name, _converted(array, wanted, axes))
            done += max(1, handle.nbytes)
            if report is not None:
                report(done, total)


def _converted(array, wanted, axes):
    from ._extract import converted

    return converted(array, wanted, axes)


def _write_one(h5py, file, name, array):
    array = np.asarray(array)
    if array.dtype == object:
        if any(not isinstance(item, (bytes, str)) for item in array.ravel()):
            raise InvalidArgumentError(None, None, f"'{name}': expected numbers or strings, found others")
        if any(b"\0" in item if isinstance(item, bytes) else "\0" in item for item in array.ravel()):
            raise InvalidArgumentError(None, None, f"'{name}': expected strings without NUL, which HDF5 "
                                       f"cannot have, found one; leave it out")
        file.create_dataset(name, data=array, dtype=h5py.special_dtype(vlen=bytes))
        return
    opaque = array.dtype.name if array.dtype.name in _OPAQUE else None
    if array.dtype.name not in _NUMBERS:
        opaque = opaque or array.dtype.name
        array = array.view(f"V{array.dtype.itemsize}")
    dataset = file.create_dataset(name, data=array)
    if opaque is not None:
        dataset.attrs["dtype"] = opaque
