# SPDX-License-Identifier: Apache-2.0
"""tables.py: checkpoint files taken apart and put together again, for tests that damage them.

A sorted table is read into a list of (key, value) and written with any fault on request; protobuf messages are lists of
(field, wire type, value) that can be changed and encoded; checksums are made right again, so that a test reaches the
check behind them. None of it is shared with the code under test.
"""

import struct

MAGIC = 0xDB4775248B80FB57


def _crc_table():
    table = []
    for i in range(256):
        for _ in range(8):
            i = (i >> 1) ^ 0x82F63B78 if i & 1 else i >> 1
        table.append(i)
    return table


_CRC = _crc_table()


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 255] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def mask(crc):
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


# ---- varints and protobuf ------------------------------------------------------


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def take_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def fields(data):
    """[(field, wire type, value)] of a message; values are int or bytes."""
    out, at = [], 0
    while at < len(data):
        tag, at = take_varint(data, at)
        wire = tag & 7
        if wire == 0:
            value, at = take_varint(data, at)
        elif wire == 2:
            size, at = take_varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            size = {1: 8, 5: 4}[wire]
            value, at = int.from_bytes(data[at:at + size], "little"), at + size
        out.append((tag >> 3, wire, value))
    return out


def message(items):
    """The bytes of such a list. Values may be lists, too: messages inside."""
    out = b""
    for field, wire, value in items:
        out += varint(field << 3 | wire)
        if wire == 0:
            out += varint(value)
        elif wire == 2:
            value = message(value) if isinstance(value, list) else value
            out += varint(len(value)) + value
        else:
            out += value.to_bytes({1: 8, 5: 4}[wire], "little")
    return out


def shape(dims):
    return [(2, 2, [(1, 0, n)]) for n in dims]


def slice_spec(spans):
    """TensorSliceProto of (start, length) pairs; None: the whole dimension."""
    return [(1, 2, [(1, 0, span[0]), (2, 0, span[1])] if span else []) for span in spans]


def entry(dtype=1, dims=(), shard=0, offset=0, size=0, crc=None, slices=()):
    """BundleEntryProto."""
    items = [(1, 0, dtype), (2, 2, shape(dims)), (3, 0, shard), (4, 0, offset), (5, 0, size)]
    if crc is not None:
        items.append((6, 5, mask(crc)))
    return message(items + [(7, 2, slice_spec(s)) for s in slices])


def header(n_shards=1, endianness=0, version=1):
    """BundleHeaderProto."""
    return message([(1, 0, n_shards), (2, 0, endianness), (3, 2, [(1, 0, version)])])


# ---- ordered code: the keys of slices ----------------------------------------------


def ordered_text(text):
    escapes = {0: b"\0\xff", 255: b"\xff\0"}
    return b"".join(escapes.get(byte, bytes([byte])) for byte in text) + b"\0\1"


def ordered_signed(value):
    """As ordered_code of LevelDB's kin has it: the first bits say how many bytes follow."""
    magnitude = ~value if value < 0 else value
    n = 1
    while magnitude >= 1 << (7 * n - 1) and n < 10:
        n += 1
    bits = value & ((1 << (8 * max(n, 8) + 16)) - 1)
    raw = bytearray((bits >> (8 * (n - 1 - i))) & 255 for i in range(n))
    head = [0x80, 0xC0, 0xE0, 0xF0, 0xF8, 0xFC, 0xFE, 0xFF, 0xFF, 0xFF][n - 1]
    raw[0] ^= head
    if n == 9:
        raw[1] ^= 0x80
    if n == 10:
        raw[1] ^= 0xC0
    return bytes(raw)


def ordered_count(value):
    raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes([len(raw)]) + raw


def slice_key(name, spans):
    """Key of a slice given as (start, length); length -1: the whole dimension."""
    out = ordered_count(0) + ordered_text(name) + ordered_count(len(spans))
    for start, length in spans:
        out += ordered_signed(start) + ordered_signed(length)
    return out


# ---- Snappy ----------------------------------------------------------------------------


def snappy_literal(data):
    """Compressed without any gain."""
    out = varint(len(data))
    for at in range(0, len(data), 60):
        part = data[at:at + 60]
        out += bytes([(len(part) - 1) << 2]) + part
    return out


def snappy_run(byte, count, claim=None):
    """A bomb: one byte, then copies of it, 64 at a time."""
    out = varint(count if claim is None else claim) + b"\0" + bytes([byte])
    left = count - 1
    while left > 0:
        n = min(left, 64)
        out += bytes([(n - 1) << 2 | 2]) + struct.pack("<H", 1)
        left -= n
    return out


def snappy_unpack(data):
    size, at = take_varint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 3 == 0:
            n = tag >> 2
            if n >= 60:
                width = n - 59
                n, at = int.from_bytes(data[at:at + width], "little"), at + width
            out += data[at:at + n + 1]
            at += n + 1
            continue
        if tag & 3 == 1:
            n, back = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | data[at]
            at += 1
        else:
            width = 2 if tag & 3 == 2 else 4
            n, back = (tag >> 2) + 1, int.from_bytes(data[at:at + width], "little")
            at += width
        for _ in range(n):
            out.append(out[-back])
    assert len(out) == size
    return bytes(out)


# ---- tables --------------------------------------------------------------------------------


def block_pairs(block):
    restarts = struct.unpack("<I", block[-4:])[0]
    end, at, key, out = len(block) - 4 - 4 * restarts, 0, b"", []
    while at < end:
        shared, at = take_varint(block, at)
        more, at = take_varint(block, at)
        size, at = take_varint(block, at)
        key = key[:shared] + block[at:at + more]
        at += more
        out.append((key, block[at:at + size]))
        at += size
    return out


def block_of(pairs, every=16):
    out, restarts, last = bytearray(), [], b""
    for i, (key, value) in enumerate(pairs):
        shared = 0
        if i % every == 0:
            restarts.append(len(out))
        else:
            while shared < min(len(last), len(key)) and last[shared] == key[shared]:
                shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    restarts = restarts or [0]
    return bytes(out) + b"".join(struct.pack("<I", r) for r in restarts) + struct.pack("<I", len(restarts))


def with_trailer(block, kind=0, crc=None):
    tail = bytes([kind])
    return block + tail + struct.pack("<I", mask(crc32c(block + tail)) if crc is None else crc)


def handle(offset, size):
    return varint(offset) + varint(size)


def read_block(data, offset, size):
    raw, kind = data[offset:offset + size], data[offset + size]
    return snappy_unpack(raw) if kind == 1 else raw


def read_table(data):
    """[(key, value)] of a table."""
    at = len(data) - 48
    _, at = take_varint(data, at)
    _, at = take_varint(data, at)
    offset, at = take_varint(data, at)
    size, at = take_varint(data, at)
    out = []
    for _, value in block_pairs(read_block(data, offset, size)):
        where, next_at = take_varint(value, 0)
        out += block_pairs(read_block(data, where, take_varint(value, next_at)[0]))
    return out


def footer(meta, index, magic=MAGIC):
    return (meta + index).ljust(40, b"\0") + struct.pack("<Q", magic)


def write_table(pairs, per_block=20, compress=None, every=16, change=None, index_change=None, magic=MAGIC):
    """The bytes of a table. compress: block -> its Snappy form. change(i, block) -> another block i, before its
    checksum; index_change(pairs) -> other pairs of the index block."""
    out, index = bytearray(), []
    for i, at in enumerate(range(0, len(pairs), per_block)):
        part = pairs[at:at + per_block]
        block = block_of(part, every)
        if change:
            block = change(i, block)
        kind = 0
        if compress:
            block, kind = compress(block), 1
        index.append((part[-1][0], handle(len(out), len(block))))
        out += with_trailer(block, kind)
    meta = handle(len(out), len(block_of([])))
    out += with_trailer(block_of([]))
    if index_change:
        index = index_change(index)
    block = block_of(index, 1)
    where = handle(len(out), len(block))
    out += with_trailer(block)
    return bytes(out) + footer(meta, where, magic)


# ---- whole checkpoints ----------------------------------------------------------------------


def string_bytes(strings):
    """How a data file of version 2 holds strings; (bytes, checksum)."""
    lengths = b"".join(struct.pack("<I", len(s)) for s in strings)
    stored = struct.pack("<I", mask(crc32c(lengths)))
    data = b"".join(varint(len(s)) for s in strings) + stored + b"".join(strings)
    return data, crc32c(lengths + stored + b"".join(strings))


def bundle(tensors, n_shards=1):
    """(pairs, data) of a checkpoint of version 2 in one shard. tensors: (name, dtype number, dims, bytes or list of
    bytes), or with a list of (spans, bytes) in place of the bytes: slices."""
    pairs, data = {b"": header(n_shards)}, b""

    def add(key, dtype, dims, content):
        nonlocal data
        raw, crc = string_bytes(content) if isinstance(content, list) else (content, crc32c(content))
        pairs[key] = entry(dtype, dims, 0, len(data), len(raw), crc)
        data += raw

    for name, dtype, dims, content in tensors:
        if isinstance(content, list) and content and isinstance(content[0], tuple):
            pairs[name] = entry(dtype, dims, slices=[spans for spans, _ in content])
            for spans, part in content:
                lengths = [n if span is None else span[1] for span, n in zip(spans, dims)]
                add(slice_key(name, [span or (0, -1) for span in spans]), dtype, lengths, part)
        else:
            add(name, dtype, dims, content)
    return sorted(pairs.items()), data


def v1_meta(tensors):
    """The value of the empty key of version 1. tensors: (name, dtype number, dims, [spans])."""
    items = [(1, 2, [(1, 2, name), (2, 2, shape(dims)), (3, 0, dtype), *((4, 2, slice_spec(s)) for s in slices)])
             for name, dtype, dims, slices in tensors]
    return message([(1, 2, items + [(2, 2, [(1, 0, 1)])])])


def v1_slice(name, spans, tensor):
    """The value of a slice; tensor: fields of a TensorProto."""
    return message([(2, 2, [(1, 2, name), (2, 2, slice_spec(spans)), (3, 2, tensor)])])


def v1_floats(values):
    return [(1, 0, 1), (5, 2, struct.pack(f"<{len(values)}f", *values))]


def v1_pairs(tensors):
    """tensors: (name, dtype number, dims, [(spans, TensorProto's fields)])."""
    pairs = {b"": v1_meta([(n, t, d, [s for s, _ in parts]) for n, t, d, parts in tensors])}
    for name, _, _, parts in tensors:
        for spans, tensor in parts:
            key = slice_key(name, [span or (0, -1) for span in spans])
            pairs[key] = v1_slice(name, spans, tensor)
    return sorted(pairs.items())


def read_footer(data):
    """Where the index block of a table begins."""
    at = len(data) - 48
    for _ in range(2):
        _, at = take_varint(data, at)
    return take_varint(data, at)[0]
