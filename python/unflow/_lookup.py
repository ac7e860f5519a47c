# SPDX-License-Identifier: Apache-2.0
"""tf.lookup: tables."""

from __future__ import annotations

import itertools

from . import _mode, _ops
from ._convert import cast
from ._dtypes import as_dtype
from ._functions import tensor

_apply = _ops.apply
_numbers = itertools.count()


class TextFileIndex:
    WHOLE_LINE = -2
    LINE_NUMBER = -1


class KeyValueTensorInitializer:
    """Keys and values from tensors."""

    def __init__(self, keys, values, key_dtype=None, value_dtype=None, name=None):
        self._keys, self._values = tensor(keys, key_dtype), tensor(values, value_dtype)
        self.key_dtype, self.value_dtype = self._keys.dtype, self._values.dtype

    def initialize(self, table):
        return _apply("LookupTableImportV2", [table.resource_handle, self._keys, self._values])


class TextFileInitializer:
    """Keys and values from the lines of a file."""

    def __init__(self, filename, key_dtype, key_index, value_dtype, value_index, vocab_size=None,
                 delimiter="\t", name=None, value_index_offset=0):
        self.key_dtype, self.value_dtype = as_dtype(key_dtype), as_dtype(value_dtype)
        self._filename = filename
        self._attrs = {"key_index": key_index, "value_index": value_index,
                       "vocab_size": -1 if vocab_size is None else vocab_size, "delimiter": delimiter,
                       "offset": value_index_offset}

    def initialize(self, table):
        return _apply("InitializeTableFromTextFileV2", [table.resource_handle, self._filename], self._attrs)


class _Table:
    """What all tables do."""

    def _make(self, op, key_dtype, value_dtype, name, **attrs):
        self.key_dtype = self._key_dtype = as_dtype(key_dtype)
        self.value_dtype = self._value_dtype = as_dtype(value_dtype)
        self._name = name or "table"
        shared = f"{self._name}_{next(_numbers)}"
        self.resource_handle = _apply(op, attrs.pop("inputs", []), {
            "key_dtype": self.key_dtype, "value_dtype": self.value_dtype, "shared_name": shared, **attrs}, name)

    name = property(lambda self: self._name)
    _tensor_dtype = None

    def _keys_of(self, keys):
        if hasattr(keys, "_with_values"):
            return keys
        keys = tensor(keys, None if hasattr(keys, "dtype") else self.key_dtype)
        if keys.dtype != self.key_dtype:
            raise TypeError(f"Dtype of argument `keys` must be {self.key_dtype}, received: {keys.dtype}")
        return keys

    def lookup(self, keys, name=None):
        """The values of keys, the default where there is none."""
        keys = self._keys_of(keys)
        if hasattr(keys, "_with_values"):
            return keys._with_values(self.lookup(keys._leaf_values()))
        found = _apply("LookupTableFindV2", [self.resource_handle, keys, self._default_value], None, name)
        if hasattr(found, "op") and found.shape.rank is None and self._default_value.shape.rank is not None:
            if keys.shape.rank is not None:
                found.set_shape([*keys.shape, *self._default_value.shape])
        return found

    def __getitem__(self, keys):
        return self.lookup(keys)

    def size(self, name=None):
        """How many keys it has."""
        return _apply("LookupTableSizeV2", [self.resource_handle], None, name)

    def export(self, name=None):
        """(keys, values)."""
        return tuple(_apply("LookupTableExportV2", [self.resource_handle],
                            {"Tkeys": self.key_dtype, "Tvalues": self.value_dtype}, name))


class StaticHashTable(_Table):
    """A table that does not change once it is made."""

    def __init__(self, initializer, default_value, name=None, experimental_is_anonymous=False):
        self._initializer = initializer
        self._make("HashTableV2", initializer.key_dtype, initializer.value_dtype, name or "hash_table")
        self._default_value = tensor(default_value, self.value_dtype)
        self._init_op = initializer.initialize(self)
        graph = _mode.graph_for()
        if graph is not None:
            graph.add_to_collection("table_initializer", self._init_op)

    default_value = property(lambda self: self._default_value)
    initializer = property(lambda self: self._init_op)


class StaticVocabularyTable(_Table):
    """Words to numbers; words that are not there to one of the further buckets."""

    def __init__(self, initializer, num_oov_buckets, lookup_key_dtype=None, name=None,
                 experimental_is_anonymous=False):
        if num_oov_buckets <= 0:
            raise ValueError("oov_buckets must be > 0.")
        self._table = None if initializer is None else StaticHashTable(initializer, -1)
        self._buckets = num_oov_buckets
        self.key_dtype = as_dtype(lookup_key_dtype or (initializer.key_dtype if initializer else "string"))
        self.value_dtype = as_dtype("int64")
        self._name = name or "vocab"

    resource_handle = property(lambda self: self._table.resource_handle)

    def size(self, name=None):
        n = tensor(0, "int64") if self._table is None else self._table.size()
        return n + tensor(self._buckets, "int64")

    def lookup(self, keys, name=None):
        keys = self._keys_of(keys)
        if hasattr(keys, "_with_values"):
            return keys._with_values(self.lookup(keys._leaf_values()))
        text = keys if keys.dtype.name == "string" else _apply("AsString", [keys])
        bucket = _apply("StringToHashBucketFast", [text], {"num_buckets": self._buckets})
        if self._table is None:
            return bucket
        found = self._table.lookup(keys if keys.dtype == self._table.key_dtype else cast(keys, self._table.key_dtype))
        bucket = bucket + self._table.size()
        return _apply("SelectV2", [found != tensor(-1, "int64"), found, bucket])


class MutableHashTable(_Table):
    """A table to insert into."""

    def __init__(self, key_dtype, value_dtype, default_value, name="MutableHashTable", checkpoint=True,
                 experimental_is_anonymous=False):
        self._default_value = tensor(default_value, value_dtype)
        shape = self._default_value.shape
        if shape.rank == 0:
            self._make("MutableHashTableV2", key_dtype, value_dtype, name)
        else:
            self._make("MutableHashTableOfTensorsV2", key_dtype, value_dtype, name, value_shape=shape)

    def lookup(self, keys, dynamic_default_values=None, name=None):
        keys = self._keys_of(keys)
        default = self._default_value if dynamic_default_values is None else dynamic_default_values
        return _apply("LookupTableFindV2", [self.resource_handle, keys, default], None, name)

    def insert(self, keys, values, name=None):
        return _apply("LookupTableInsertV2", [self.resource_handle, self._keys_of(keys),
                                              tensor(values, self.value_dtype)], None, name)

    def remove(self, keys, name=None):
        return _apply("LookupTableRemoveV2", [self.resource_handle, self._keys_of(keys)], None, name)


class DenseHashTable(MutableHashTable):
    """A MutableHashTable with keys for empty and deleted places."""

    def __init__(self, key_dtype, value_dtype, default_value, empty_key, deleted_key, initial_num_buckets=None,
                 name="MutableDenseHashTable", checkpoint=True, experimental_is_anonymous=False):
        self._default_value = tensor(default_value, value_dtype)
        attrs = {} if initial_num_buckets is None else {"initial_num_buckets": initial_num_buckets}
        self._make("MutableDenseHashTableV2", key_dtype, value_dtype, name, value_shape=self._default_value.shape,
                   inputs=[tensor(empty_key, key_dtype), tensor(deleted_key, key_dtype)], **attrs)

    def erase(self, keys, name=None):
        return self.remove(keys)
