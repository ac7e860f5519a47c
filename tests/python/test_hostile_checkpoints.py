# SPDX-License-Identifier: Apache-2.0
"""Damaged and hostile checkpoints, graphs and archives.

Files are made by tables.py, which can put any content behind right checksums. What is asked: a named error with file and
tensor, every undamaged tensor still readable, never another value, never much time or memory.
"""

import io
import pathlib
import resource
import struct
import subprocess
import sys

import numpy as np
import pytest
import tables as t
from unflow import _core, errors

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import make_source_corpus as seeds  # noqa: E402

FLOAT, STRING, INT64, INT8 = 1, 7, 9, 6
DAMAGE = (errors.DataLossError, errors.InvalidArgumentError, errors.NotFoundError, errors.UnimplementedError)
F6 = np.arange(6, dtype=np.float32)
LONG = np.arange(40, dtype=np.int64)
PART = "x.data-00000-of-00001"
EXPECTED = {
    "a": F6.reshape(2, 3), "b": LONG.reshape(5, 8), "c": np.array(7, np.int64), "d": np.arange(5, dtype=np.int8),
    "s": np.array([b"one", b"", b"\0three"], object), "z": np.zeros((0, 4), np.float32),
    "cut": F6.reshape(2, 3) + 1,
}
CUT = [([(0, 1), None], (F6[:3] + 1).tobytes()), ([(1, 1), None], (F6[3:] + 1).tobytes())]
TENSORS = [(b"a", FLOAT, [2, 3], F6.tobytes()), (b"b", INT64, [5, 8], LONG.tobytes()),
           (b"c", INT64, [], struct.pack("<q", 7)), (b"cut", FLOAT, [2, 3], CUT), (b"d", INT8, [5], bytes(range(5))),
           (b"s", STRING, [3], list(EXPECTED["s"])), (b"z", FLOAT, [0, 4], b"")]


def write(folder, index, data):
    (folder / "x.index").write_bytes(index)
    (folder / PART).write_bytes(data)
    return str(folder / "x")


@pytest.fixture
def good(tmp_path):
    """(pairs, data, folder) of a checkpoint without a fault."""
    pairs, data = t.bundle(TENSORS)
    write(tmp_path, t.write_table(pairs, 3), data)
    return pairs, data, tmp_path


def same(array, expected):
    array = np.asarray(array)
    if expected.dtype == object:
        return array.shape == expected.shape and array.tolist() == expected.tolist()
    return array.dtype == expected.dtype and array.shape == expected.shape and array.tobytes() == expected.tobytes()


def readable(path, expected, copy=True, where=None):
    """Names that read well; each must have its value, each failure words with the file."""
    good = set()
    where = where or str(pathlib.Path(path).parent)
    try:
        source = _core.source_open(path)
    except DAMAGE as error:
        assert where in str(error), error
        return None
    for name in expected:
        try:
            assert same(source.read(name, copy, True), expected[name]), name
            good.add(name)
        except DAMAGE as error:
            assert where in str(error) and (name in str(error) or ".index" in str(error)), error
    try:
        source.names()
    except DAMAGE as error:
        assert where in str(error), error
    return good


def test_without_a_fault(good):
    assert readable(str(good[2] / "x"), EXPECTED) == set(EXPECTED)


# ---- cut off, bytes changed ------------------------------------------------------


def test_every_length_of_the_index(good):
    pairs, data, folder = good
    index = (folder / "x.index").read_bytes()
    for size in range(len(index)):
        path = write(folder, index[:size], data)
        assert readable(path, EXPECTED) is None, size  # the footer is at the end


def test_every_length_of_the_data(good):
    pairs, data, folder = good
    source = _core.source_open(str(folder / "x"))
    ends = {e[0]: e[5] + e[3] for e in source.entries()}
    ends["cut"] = max(v for v in (entry_end(value) for key, value in pairs if key[:1] == b"\0"))
    for size in range(len(data)):
        path = write(folder, (folder / "x.index").read_bytes(), data[:size])
        assert readable(path, EXPECTED) == {name for name in EXPECTED if ends[name] <= size}, size


def entry_end(value):
    number = {f: v for f, _, v in t.fields(value)}
    return number.get(4, 0) + number.get(5, 0)


def test_a_short_shard_says_where(good):
    pairs, data, folder = good
    (folder / PART).write_bytes(data[:30])
    source = _core.source_open(str(folder / "x"))
    for copy in (False, True):
        with pytest.raises(errors.DataLossError, match=rf"{PART}.*offset 24.*320.*b|b.*{PART}"):
            source.read("b", copy)
    assert same(source.read("a"), EXPECTED["a"])


def test_changed_bytes_of_the_index(good):
    """Every byte is under a checksum, or padding, or told otherwise: no wrong value ever."""
    pairs, data, folder = good
    index = bytearray((folder / "x.index").read_bytes())
    rng = np.random.default_rng(1)
    noticed = 0
    for at in range(len(index)):
        for bit in rng.choice(8, 3, replace=False):
            index[at] ^= 1 << bit
            found = readable(write(folder, index, data), EXPECTED)
            noticed += found is None or found != set(EXPECTED)
            index[at] ^= 1 << bit
    assert noticed >= 3 * (len(index) - 48 - 13)  # footer and the empty block that nobody reads


def test_changed_bytes_of_the_data(good):
    """Who has the byte fails as a copy and in verify; all others are readable."""
    pairs, data, folder = good
    entries = _core.source_open(str(folder / "x")).entries()
    for at in range(len(data)):
        (folder / PART).write_bytes(data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1:])
        owner = [e[0] for e in entries if e[4] and e[5] <= at < e[5] + e[3]] or ["cut"]
        assert readable(str(folder / "x"), EXPECTED) == set(EXPECTED) - set(owner), at
        source = _core.source_open(str(folder / "x"))
        with pytest.raises(errors.DataLossError, match=f"{PART}.*offset.*'{owner[0]}'"):
            source.verify(owner[0])
        for name in set(EXPECTED) - set(owner):
            source.verify(name)


def test_read_all_is_all_or_nothing(good):
    pairs, data, folder = good
    (folder / PART).write_bytes(data[:60] + b"\xff" + data[61:])
    source = _core.source_open(str(folder / "x"))
    with pytest.raises(errors.DataLossError, match="'b'"):
        source.read_all(source.names())
    assert len(source.read_all([n for n in source.names() if n != "b"])) == len(EXPECTED) - 1


# ---- entries that lie ---------------------------------------------------------------

LIES = {
    "unknown dtype": dict(dtype=99, dims=[2, 3], size=24),
    "no dtype": dict(dtype=0, dims=[2, 3], size=24),
    "reference dtype": dict(dtype=101 + 60, dims=[2, 3], size=24),
    "negative size of a dimension": dict(dims=[-2, 3], size=24),
    "overflow": dict(dims=[2**32, 2**32], size=24),
    "overflow of bytes": dict(dims=[2**61], size=24),
    "largest": dict(dims=[2**63 - 1], size=2**63 - 1),
    "zero hides overflow": dict(dims=[2**62, 2**62, 2**62], size=0),
    "too many bytes": dict(dims=[2, 3], size=25),
    "too few bytes": dict(dims=[2, 3], size=23),
    "size of 2^63": dict(dims=[2, 3], size=2**63),
    "negative size": dict(dims=[2, 3], size=-24),
    "negative offset": dict(dims=[2, 3], size=24, offset=-1),
    "offset beyond the file": dict(dims=[2, 3], size=24, offset=10**6),
    "offset of 2^63": dict(dims=[2, 3], size=24, offset=2**63 - 1),
    "end overflows": dict(dims=[2, 3], size=24, offset=2**63 - 10),
    "end at the wrong side": dict(dims=[100_000], size=400_000, offset=8),
    "shard beyond": dict(dims=[2, 3], size=24, shard=1),
    "negative shard": dict(dims=[2, 3], size=24, shard=-1),
    "shard of 2^32": dict(dims=[2, 3], size=24, shard=2**32),
    "another checksum": dict(dims=[2, 3], size=24, crc=5),
    "strings too many": dict(dtype=STRING, dims=[2**40], size=24),
    "strings in numbers": dict(dtype=STRING, dims=[3], size=24, crc=5),
    "variants in numbers": dict(dtype=21, dims=[2], size=24, crc=5),
    "resource": dict(dtype=20, dims=[2], size=24, crc=5),
    "9 dimensions": dict(dims=[1] * 9, size=4),
    "1000 dimensions": dict(dims=[1] * 1000, size=4),
}


def with_lie(folder, entry):
    pairs, data = t.bundle(TENSORS)
    pairs = [(key, entry if key == b"a" else value) for key, value in pairs]
    return write(folder, t.write_table(pairs, 3), data)


@pytest.mark.parametrize("lie", LIES)
def test_an_entry_that_lies(tmp_path, lie):
    path = with_lie(tmp_path, t.entry(**LIES[lie]))
    source = _core.source_open(path)
    assert "a" in source.names()
    for name in set(EXPECTED) - {"a"}:
        assert same(source.read(name, True), EXPECTED[name])
    for action in (lambda: source.read("a", True), lambda: source.verify("a"), lambda: source.read_all(["a"])):
        with pytest.raises((errors.DataLossError, errors.UnimplementedError), match="(?s)x\\..*'a'|'a'.*x\\."):
            action()
    source.variables()


@pytest.mark.parametrize("tail", [b"\x08", b"\xff" * 11, b"\x12\xff\xff\xff\xff\x0f", b"\x35\0\0", b"\x0b", b"\x07",
                                  b"\x3a\x02\x0a\x7f", b"\0\0", b"\x12\x02\x12\x05", b"\x08" + b"\x80" * 10 + b"\1"])
def test_an_entry_that_is_no_message(tmp_path, tail):
    source = _core.source_open(with_lie(tmp_path, t.entry(FLOAT, [2, 3], size=24) + tail))
    with pytest.raises(errors.DataLossError, match="(?s)x\\.index.*'a'|'a'.*x\\.index"):
        source.read("a", True)
    assert same(source.read("b", True), EXPECTED["b"])


# ---- slices ----------------------------------------------------------------------------

ROWS = [f.tobytes() for f in F6.reshape(2, 3)]


def spans(*pairs):
    return list(pairs)


SLICES = {
    "missing": [(spans((0, 1), None), ROWS[0])],
    "overlap": [(spans((0, 1), None), ROWS[0]), (spans((0, 2), (0, 1)), F6[:2].tobytes()),
                (spans((1, 1), (1, 1)), F6[:1].tobytes())],
    "twice": [(spans((0, 1), None), ROWS[0]), (spans((0, 1), (0, 3)), ROWS[0])],
    "more than all": [(spans((0, 1), None), ROWS[0]), (spans((1, 1), None), ROWS[1]), (spans(None, None), F6.tobytes())],
    "beyond the shape": [(spans((0, 1), None), ROWS[0]), (spans((1, 2), None), F6.tobytes())],
    "starts beyond": [(spans((0, 2), None), F6.tobytes()), (spans((5, 1), None), ROWS[0])],
    "rank": [(spans((0, 2)), F6.tobytes())],
    "negative": [(spans((-1, 2), None), F6.tobytes()), (spans((1, 1), None), ROWS[0])],
    "huge": [(spans((2**62, 2**62), None), ROWS[0]), (spans((0, 2), None), F6.tobytes())],
}


def lengths_of(parts, dims):
    return [[n if s is None else s[1] for s, n in zip(part, dims)] for part, _ in parts]


@pytest.mark.parametrize("fault", SLICES)
def test_slices_that_do_not_fit(tmp_path, fault):
    tensors = [tensor for tensor in TENSORS if tensor[0] != b"cut"] + [(b"cut", FLOAT, [2, 3], SLICES[fault])]
    pairs, data = t.bundle(tensors)
    path = write(tmp_path, t.write_table(pairs, 3), data)
    source = _core.source_open(path)
    for name in set(EXPECTED) - {"cut"}:
        assert same(source.read(name, True), EXPECTED[name])
    for action in (lambda: source.read("cut"), lambda: source.verify("cut"), lambda: source.read_all(["cut"])):
        with pytest.raises(errors.DataLossError, match="(?s)/x.*'cut'"):
            action()


def change_pairs(change):
    pairs, data = t.bundle(TENSORS)
    return [pair for pair in (change(key, value) for key, value in pairs) if pair], data


@pytest.mark.parametrize("change", [
    lambda key, value: None if key[:1] == b"\0" else (key, value),                             # no slice is there
    lambda key, value: (key, t.entry(FLOAT, [3, 1], size=12) if key[:1] == b"\0" else value),     # of another shape
    lambda key, value: (key, t.entry(INT64, [1, 3], size=24) if key[:1] == b"\0" else value),     # of another dtype
    lambda key, value: (key, t.entry(FLOAT, [1, 3], slices=[[(0, 1), None]]) if key[:1] == b"\0" else value),  # cut again
    lambda key, value: (key, t.entry(FLOAT, [1, 3], size=12, offset=2**40) if key[:1] == b"\0" else value),
], ids=["gone", "shape", "dtype", "again", "far"])
def test_slices_under_their_keys(tmp_path, change):
    pairs, data = change_pairs(change)
    source = _core.source_open(write(tmp_path, t.write_table(pairs, 3), data))
    assert sorted(source.names()) == sorted(EXPECTED)
    with pytest.raises(errors.DataLossError, match="'cut'"):
        source.read("cut")
    assert same(source.read("a", True), EXPECTED["a"])


def test_a_damaged_slice_leaves_the_others_readable(good):
    pairs, data, folder = good
    second = next(value for key, value in reversed(pairs) if key[:1] == b"\0")
    at = {f: v for f, _, v in t.fields(second)}[4]
    (folder / PART).write_bytes(data[:at] + b"\xee" + data[at + 1:])
    source = _core.source_open(str(folder / "x"))
    assert same(source.read("cut", False, False, ((0, 1), (0, 3))), EXPECTED["cut"][:1])
    with pytest.raises(errors.DataLossError, match=f"{PART}.*offset {at}.*'cut'"):
        source.read("cut", True)


# ---- the header and shards ------------------------------------------------------------------

HEADERS = {
    "no shards": (t.header(0), errors.DataLossError), "negative": (t.header(-1), errors.DataLossError),
    "shards without end": (t.header(2**31 - 1), errors.DataLossError),
    "beyond 32 bits": (t.header(2**40), errors.DataLossError),
    "newer": (t.message([(1, 0, 1), (3, 2, [(1, 0, 9), (2, 0, 9)])]), (errors.InvalidArgumentError, errors.UnimplementedError)),
    "damaged": (b"\x08", errors.DataLossError),
    "groups": (b"\x0b\x0b\x0b", errors.DataLossError),
}


@pytest.mark.parametrize("fault", HEADERS)
def test_headers(tmp_path, fault):
    value, expected = HEADERS[fault]
    pairs, data = t.bundle(TENSORS)
    path = write(tmp_path, t.write_table([(b"", value), *pairs[1:]], 3), data)
    with pytest.raises(expected, match="x\\.index"):
        _core.source_open(path)


def test_no_header(tmp_path):
    pairs, data = t.bundle(TENSORS)
    with pytest.raises(errors.DataLossError, match="x\\.index"):
        _core.source_open(write(tmp_path, t.write_table(pairs[1:], 3), data))


def test_a_missing_shard(good):
    pairs, data, folder = good
    pairs = [(b"", t.header(2)), *((k, t.entry(FLOAT, [2], 1, 0, 8) if k == b"a" else v) for k, v in pairs[1:])]
    (folder / "x.index").write_bytes(t.write_table(pairs, 3))
    (folder / PART).rename(folder / "x.data-00000-of-00002")
    source = _core.source_open(str(folder / "x"))
    for copy in (False, True):
        with pytest.raises(errors.NotFoundError, match="(?s)x.data-00001-of-00002"):
            source.read("a", copy)
    with pytest.raises(FileNotFoundError):
        source.read("a")
    for name in set(EXPECTED) - {"a"}:
        assert same(source.read(name, True), EXPECTED[name])


def test_a_shard_that_is_a_folder(good):
    pairs, data, folder = good
    (folder / PART).unlink()
    (folder / PART).mkdir()
    source = _core.source_open(str(folder / "x"))
    with pytest.raises(errors.OpError, match=PART):
        source.read("a")


# ---- tables that lie ----------------------------------------------------------------------------


def entry_bytes(shared, unshared, size, key, value):
    return t.varint(shared) + t.varint(unshared) + t.varint(size) + key + value


def restarts(*numbers):
    return b"".join(struct.pack("<I", n) for n in numbers)


BLOCKS = {
    "a key's beginning before there is one": entry_bytes(5, 1, 0, b"k", b"") + restarts(0, 1),
    "a key's beginning beyond the last": entry_bytes(0, 1, 0, b"k", b"") + entry_bytes(2, 1, 0, b"l", b"") + restarts(0, 1),
    "a key beyond the block": entry_bytes(0, 200, 0, b"k", b"") + restarts(0, 1),
    "a key of 2^63": entry_bytes(0, 2**63, 0, b"k", b"") + restarts(0, 1),
    "sizes that overflow": entry_bytes(0, 2**32 - 1, 2**32 - 1, b"k", b"v") + restarts(0, 1),
    "a value beyond the block": entry_bytes(0, 1, 100, b"k", b"v") + restarts(0, 1),
    "a varint without end": b"\xff" * 12 + restarts(0, 1),
    "restarts beyond the block": entry_bytes(0, 1, 1, b"k", b"v") + restarts(0, 1000),
    "restarts of 2^32": entry_bytes(0, 1, 1, b"k", b"v") + restarts(2**32 - 1),
    "a restart beyond": entry_bytes(0, 1, 1, b"k", b"v") + restarts(5000, 1),
    "too small": b"\0",
    "nothing": b"",
}


def table_with(folder, change=None, index_change=None, **more):
    pairs, data = t.bundle(TENSORS)
    return write(folder, t.write_table(pairs, 3, change=change, index_change=index_change, **more), data)


@pytest.mark.parametrize("fault", BLOCKS)
def test_blocks(tmp_path, fault):
    """The last block is another one: what lies in the others can be read."""
    path = table_with(tmp_path, lambda i, block: BLOCKS[fault] if i == 3 else block)
    pairs, _ = t.bundle(TENSORS)
    lost = {key.decode() for key, _ in pairs[9:12]}
    assert readable(path, EXPECTED) == set(EXPECTED) - lost
    source = _core.source_open(path)
    if fault != "a restart beyond":  # which a walk does not use
        with pytest.raises(errors.DataLossError, match="x\\.index.*(offset|ascending)"):
            source.names()


@pytest.mark.parametrize("fault", BLOCKS)
def test_first_blocks(tmp_path, fault):
    path = table_with(tmp_path, lambda i, block: BLOCKS[fault] if i == 0 else block)
    with pytest.raises(errors.DataLossError, match="x\\.index"):
        _core.source_open(path)


@pytest.mark.parametrize("fault", BLOCKS)
def test_index_blocks(tmp_path, fault):
    pairs, data = t.bundle(TENSORS)
    whole = t.write_table(pairs, 3)
    at = t.read_footer(whole)
    block = t.with_trailer(BLOCKS[fault])
    index = whole[:at] + block + t.footer(t.handle(0, 8), t.handle(at, len(BLOCKS[fault])))
    path = write(tmp_path, index, data)
    assert not readable(path, EXPECTED)


HANDLES = {
    "beyond the file": lambda index: [(k, t.handle(10**6, 50)) for k, _ in index],
    "of 2^63": lambda index: [(k, t.handle(2**63, 2**63)) for k, _ in index],
    "that overflow": lambda index: [(k, t.handle(2**64 - 10, 30)) for k, _ in index],
    "damaged": lambda index: [(k, b"\xff") for k, _ in index],
    "empty": lambda index: [(k, b"") for k, _ in index],
    "all the same": lambda index: [(k, index[0][1]) for k, _ in index],
    "in other order": lambda index: [(k, v) for (k, _), (_, v) in zip(index, reversed(index))],
    "of themselves": lambda index: [(k, t.handle(0, 10**5)) for k, _ in index],
    "inside others": lambda index: [(k, t.handle(3, 20)) for k, _ in index],
}


@pytest.mark.parametrize("fault", HANDLES)
def test_handles(tmp_path, fault):
    """Never another value; no endless walk."""
    path = table_with(tmp_path, index_change=HANDLES[fault])
    found = readable(path, EXPECTED)
    assert found is None or found < set(EXPECTED)


def test_one_block_named_a_million_times(tmp_path):
    """What an index of 20 MB can ask for is bounded by its size, not by its square."""
    pairs, data = t.bundle([(f"v{i:04}".encode(), FLOAT, [1], F6[:1].tobytes()) for i in range(500)])
    path = write(tmp_path, t.write_table(pairs, 600, index_change=lambda index: index * 3000), data)
    try:
        _core.source_open(path).names()
    except DAMAGE as error:
        assert "x.index" in str(error)


@pytest.mark.parametrize("index", [b"", b"\0" * 47, b"\0" * 48, b"\0" * 5000, b"\xff" * 5000, bytes(range(256)) * 4])
def test_what_is_no_table(tmp_path, index):
    path = write(tmp_path, index, b"")
    with pytest.raises((errors.DataLossError, errors.InvalidArgumentError), match="x\\.index"):
        _core.source_open(path)


def test_another_magic(tmp_path):
    with pytest.raises((errors.DataLossError, errors.InvalidArgumentError), match="x\\.index"):
        _core.source_open(table_with(tmp_path, magic=0x0123456789ABCDEF))


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("bomb", [t.snappy_run(0, 5000, 2**32 - 1), t.snappy_run(0, 5000, 2**31), t.varint(2**40) + b"\0a",
                                  t.varint(2**32 - 1), b"\xff" * 10, b"", t.snappy_run(0, 5000, 10),
                                  b"\x08\x0c" + b"abcd" + b"\x01\x09", b"\x08\x0c" + b"abcd" + b"\x01\x00"])
def test_snappy_bombs(tmp_path, bomb):
    pairs, data = t.bundle(TENSORS)
    before = peak()
    path = write(tmp_path, t.write_table(pairs, 3, compress=lambda block: bomb), data)
    with pytest.raises(errors.DataLossError, match="x\\.index"):
        _core.source_open(path)
    assert peak() - before < 64 << 10  # KiB


def test_an_unknown_compression(good):
    pairs, data, folder = good
    index = bytearray((folder / "x.index").read_bytes())
    block = t.block_of(pairs[:3])
    trailer = bytes([2])
    assert index[len(block)] == 0
    index[len(block):len(block) + 5] = trailer + struct.pack("<I", t.mask(t.crc32c(block + trailer)))
    with pytest.raises(errors.DataLossError, match="x\\.index"):
        _core.source_open(write(folder, index, data))


def test_keys_out_of_order_or_twice(tmp_path):
    pairs, data = t.bundle(TENSORS)
    for wrong in (pairs + [pairs[-1]], [pairs[0], *reversed(pairs[1:])]):
        path = write(tmp_path, t.write_table(wrong, 3), data)
        source = _core.source_open(path)
        with pytest.raises(errors.DataLossError, match="x\\.index.*ascending"):
            source.names()


# ---- the object graph ------------------------------------------------------------------------------


def object_pairs(graph):
    keys = [b"w/.ATTRIBUTES/VARIABLE_VALUE", b"w/.OPTIMIZER_SLOT/optimizer/m/.ATTRIBUTES/VARIABLE_VALUE"]
    return t.bundle([(seeds.GRAPH, STRING, [], [graph]), *((key, FLOAT, [2, 3], F6.tobytes()) for key in keys)])


def test_damaged_object_graphs(tmp_path):
    """Names or words; tensors by their keys always."""
    graph = seeds.object_graph()
    rng = np.random.default_rng(8)
    for k in range(600):
        damaged = bytearray(graph)
        if k < len(graph):
            damaged = damaged[:k]
        else:
            for _ in range(int(rng.integers(1, 4))):
                damaged[int(rng.integers(0, len(damaged)))] = int(rng.choice([0, 1, 127, 128, 255, rng.integers(256)]))
        pairs, data = object_pairs(bytes(damaged))
        source = _core.source_open(write(tmp_path, t.write_table(pairs, 3), data))
        try:
            variables = source.variables()
            assert [v[1] for v in variables] == source.names()
            assert len({v[0] for v in variables}) == 3
        except errors.DataLossError as error:
            assert "_CHECKPOINTABLE_OBJECT_GRAPH" in str(error)
        assert same(source.read("w/.ATTRIBUTES/VARIABLE_VALUE", True), EXPECTED["a"])


def test_an_object_graph_of_many_ways(tmp_path):
    """2^40 paths lead to the last node: one is given, and few aliases."""
    def child(to, name):
        return (1, 2, [(1, 0, to), (2, 2, name)])

    depth = 40
    nodes = [[child(i + 1, b"a"), child(i + 1, b"b"), child(0, b"root")] for i in range(depth)]
    nodes.append([(2, 2, [(1, 2, b"VARIABLE_VALUE"), (3, 2, b"w/.ATTRIBUTES/VARIABLE_VALUE")])])
    pairs, data = object_pairs(t.message([(1, 2, node) for node in nodes]))
    source = _core.source_open(write(tmp_path, t.write_table(pairs, 3), data))
    variable = next(v for v in source.variables() if v[1].startswith("w/.A"))
    assert variable[2] == "/".join("a" * depth) and len(variable[3]) == 1


# ---- version 1 --------------------------------------------------------------------------------------------

V1 = {"a": F6.reshape(2, 3), "b": np.array([1, 2, 3], np.float32), "s": np.array([b"one", b"\0"], object),
      "i": np.array([1, 2, -1], np.int64)}


def v1_tensors():
    rows = [([(0, 1), None], t.v1_floats([0, 1, 2])), ([(1, 1), None], t.v1_floats([3, 4, 5]))]
    return [(b"a", FLOAT, [2, 3], rows), (b"b", FLOAT, [3], [([None], t.v1_floats([1, 2, 3]))]),
            (b"s", STRING, [2], [([None], [(1, 0, STRING), (8, 2, b"one"), (8, 2, b"\0")])]),
            (b"i", INT64, [3], [([None], [(1, 0, INT64), (10, 2, b"\1\2" + t.varint(-1))])])]


def v1_path(folder, pairs, compress=t.snappy_literal, per_block=2):
    (folder / "v1").write_bytes(t.write_table(pairs, per_block, compress))
    return str(folder / "v1")


@pytest.mark.parametrize("compress", [None, t.snappy_literal])
def test_v1_without_a_fault(tmp_path, compress):
    assert readable(v1_path(tmp_path, t.v1_pairs(v1_tensors()), compress), V1) == set(V1)


def test_v1_every_length_and_changed_bytes(tmp_path):
    whole = pathlib.Path(v1_path(tmp_path, t.v1_pairs(v1_tensors()))).read_bytes()
    for size in range(len(whole)):
        (tmp_path / "v1").write_bytes(whole[:size])
        assert not readable(str(tmp_path / "v1"), V1), size
    rng = np.random.default_rng(3)
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << int(rng.integers(8))
        (tmp_path / "v1").write_bytes(damaged)
        readable(str(tmp_path / "v1"), V1)  # looks at each value


V1_FAULTS = {
    "missing": (b"a", FLOAT, [2, 3], [([(0, 1), None], t.v1_floats([0, 1, 2]))]),
    "overlap": (b"a", FLOAT, [2, 3], [([(0, 2), None], t.v1_floats(range(6))), ([(1, 1), None], t.v1_floats([3, 4, 5]))]),
    "beyond": (b"a", FLOAT, [2, 3], [([(0, 3), None], t.v1_floats(range(9)))]),
    "too few": (b"a", FLOAT, [2, 3], [([None, None], t.v1_floats([1, 2]))]),
    "too many": (b"a", FLOAT, [2, 3], [([None, None], t.v1_floats(range(7)))]),
    "overflow": (b"a", FLOAT, [2**40, 2**40], [([None, None], t.v1_floats([1]))]),
    "negative": (b"a", FLOAT, [-2, -3], [([None, None], t.v1_floats(range(6)))]),
    "bad dtype": (b"a", 77, [2, 3], [([None, None], t.v1_floats(range(6)))]),
    "another dtype": (b"a", INT64, [2, 3], [([None, None], t.v1_floats(range(6)))]),
    "rank": (b"a", FLOAT, [2, 3], [([None], t.v1_floats(range(6)))]),
    "huge": (b"a", FLOAT, [2**40], [([None], t.v1_floats([1]))]),
}


@pytest.mark.parametrize("fault", V1_FAULTS)
def test_v1_slices_that_do_not_fit(tmp_path, fault):
    before = peak()
    path = v1_path(tmp_path, t.v1_pairs([V1_FAULTS[fault], *v1_tensors()[1:]]))
    source = _core.source_open(path)
    for action in (lambda: source.read("a"), lambda: source.verify("a"), lambda: source.read_all(["a"])):
        with pytest.raises((errors.DataLossError, errors.UnimplementedError), match="(?s)v1.*'a'|'a'.*v1"):
            action()
    for name in ("b", "s", "i"):
        assert same(source.read(name, True), V1[name]), name
    assert peak() - before < 64 << 10


@pytest.mark.parametrize("bomb", [t.snappy_run(0, 5000, 2**32 - 1), t.varint(2**40) + b"\0a", b""])
def test_v1_snappy_bombs(tmp_path, bomb):
    before = peak()
    path = v1_path(tmp_path, t.v1_pairs(v1_tensors()), lambda block: bomb)
    with pytest.raises(errors.DataLossError, match="v1"):
        _core.source_open(path).names()
    assert peak() - before < 64 << 10


# ---- graphs and archives -------------------------------------------------------------------------------------------


def archive():
    out = io.BytesIO()
    np.savez(out, a=F6.reshape(2, 3), b=LONG)
    return out.getvalue()


FILES = {**dict(seeds.graphs()), "two.safetensors": dict(seeds.archives())["two"], "two.npz": archive()}


@pytest.mark.parametrize("name", FILES)
def test_any_damage_gives_words(tmp_path, name):
    whole, path = FILES[name], tmp_path / name
    rng = np.random.default_rng(4)

    def look():
        try:
            source = _core.source_open(str(path))
            names = source.names()
        except errors.OpError as error:
            assert name in str(error)
            return
        for key in names[:40]:
            for copy in (False, True):
                try:
                    if source.entry(key)[3] < 1 << 24 and np.prod(source.entry(key)[2], dtype=float) < 1 << 22:
                        source.read(key, copy)
                except errors.OpError as error:
                    assert str(error)
        source.variables()

    path.write_bytes(whole)
    assert len(_core.source_open(str(path)).names()) >= 2
    for size in range(0, len(whole), max(1, len(whole) // 400)):
        path.write_bytes(whole[:size])
        look()
    for _ in range(1500):
        damaged = bytearray(whole)
        for _ in range(int(rng.integers(1, 3))):
            damaged[int(rng.integers(0, len(whole)))] = int(rng.choice([0, 1, 127, 128, 255, rng.integers(256)]))
        path.write_bytes(damaged)
        look()


def test_a_splat_costs_what_is_asked(tmp_path):
    """An attribute of 20 bytes that says 2^40 elements: listed, refused or given in parts, never allocated whole."""
    before = peak()
    (tmp_path / "g.pb").write_bytes(dict(seeds.graphs())["graph.pb"])
    source = _core.source_open(str(tmp_path / "g.pb"))
    assert source.entry("huge")[2] == (2**40,)
    with pytest.raises((errors.ResourceExhaustedError, errors.DataLossError)):
        source.read("huge")
    assert same(source.read("content"), EXPECTED["a"])
    assert peak() - before < 64 << 10


SAFETENSORS = {
    "overlap": errors.DataLossError, "beyond": errors.DataLossError, "backwards": errors.DataLossError,
    "deep": (errors.DataLossError, errors.InvalidArgumentError),
}


@pytest.mark.parametrize("name", SAFETENSORS)
def test_safetensors(tmp_path, name):
    path = tmp_path / f"{name}.safetensors"
    path.write_bytes(dict(seeds.archives())[name])
    with pytest.raises(SAFETENSORS[name], match=name):
        source = _core.source_open(str(path))
        for key in source.names():
            source.read(key)


# ---- the command line ---------------------------------------------------------------------------------------------


def command(*arguments):
    program = pathlib.Path(_core.__file__).parent / "bin" / "unflow"
    return subprocess.run([program, *map(str, arguments)], text=True, capture_output=True, timeout=60)


@pytest.mark.parametrize("to", ["out.npz", "out.safetensors", "out/"])
def test_extract_of_damage_leaves_nothing(good, to):
    pairs, data, folder = good
    (folder / PART).write_bytes(data[:60] + b"\xff" + data[61:])
    before = sorted(p.name for p in folder.iterdir())
    numbers = ["--exclude", "s"] if "safe" in to else []
    done = command("extract", folder / "x", *numbers, "-o", f"{folder}/{to}")
    assert done.returncode and "'b'" in done.stderr and PART in done.stderr
    assert sorted(p.name for p in folder.iterdir()) == before
    done = command("extract", folder / "x", *numbers, "--exclude", "b", "-o", f"{folder}/{to}")
    assert done.returncode == 0, done.stderr


def test_verify_says_which(good):
    pairs, data, folder = good
    (folder / PART).write_bytes(data[:60] + b"\xff" + data[61:-2])
    done = command("verify", folder / "x")
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "'b'" in said and PART in said and "offset" in said
    assert "'a'" not in said and "'cut'" not in said
