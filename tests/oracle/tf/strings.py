# SPDX-License-Identifier: Apache-2.0
"""Strings joined, split, cut, hashed, as numbers."""
import numpy as np

from tf_case import Case

WORDS = [b"", b"a", b"hello", b"  two words ", b"\xc3\xa9t\xc3\xa9", b"x\x00y", b"\xff\xfe bad", b"UPPER lower", b"1.5",
         "日本語".encode(), b"a,b,,c", b"tab\there\n", "ΑΣ ΣΑΣ".encode(), b"0123456789abcdef" * 9]


def words(rng, *shape):
    return np.array([WORDS[i] for i in rng.integers(0, len(WORDS), int(np.prod(shape)))] + [None], dtype=object)[:-1].reshape(shape)


def shapes(rng, n=7):
    yield from ((), (1,), (0,), (2, 0, 3))
    for _ in range(n):
        yield tuple(rng.integers(1, 4, rng.integers(1, 4)))


def joins(rng):
    for shape in shapes(rng):
        yield Case("StringJoin", [[words(rng, *shape) for _ in range(rng.integers(1, 4))]], {"separator": "--"})
        yield Case("StringJoin", [[words(rng, *shape), words(rng)]])
    yield Case("StringJoin", [[words(rng, 2), words(rng, 3)]])
    for shape, axes in (((2, 3), [0]), ((2, 3), [1]), ((2, 3, 2), [2, 0]), ((2, 3, 2), [0, 2]), ((2, 3), [-1]), ((2, 3), []),
                        ((), []), ((2, 0), [1]), ((2, 0), [0]), ((2, 3), [2]), ((2, 3), [0, 0]), ((2, 3), [-3])):
        yield Case("ReduceJoin", [words(rng, *shape), np.array(axes, "i4")], {"separator": ".", "keep_dims": bool(rng.integers(2))})
    yield Case("ReduceJoin", [words(rng, 3, 2), np.int32(0)])
    for i in range(8):
        ids = rng.integers(0, 4, 5).astype("i4" if i % 2 else "i8")
        n = np.array(4, "i8" if i % 3 else "i4")
        shape = (5,) if i < 4 else (5, 2)
        yield Case("UnsortedSegmentJoin", [words(rng, *shape), ids, n], {"separator": ":" * (i % 3)})
    yield Case("UnsortedSegmentJoin", [words(rng, 2, 2), np.array([[0, 1], [1, 0]], "i4"), np.int32(2)])
    yield Case("UnsortedSegmentJoin", [words(rng, 2), np.array([0, 4], "i4"), np.int32(2)])
    yield Case("UnsortedSegmentJoin", [words(rng, 2), np.array([0, -1], "i4"), np.int32(2)])
    yield Case("UnsortedSegmentJoin", [words(rng, 2), np.int32(0), np.int32(2)])
    yield Case("UnsortedSegmentJoin", [words(rng, 2), np.array([0], "i4"), np.int32(2)])


def parts(rng):
    for shape in shapes(rng):
        for op, attrs in (("StringLength", {"unit": "BYTE"}), ("StringLength", {"unit": "UTF8_CHAR"}), ("StringStrip", {}),
                          ("StringLower", {}), ("StringUpper", {})):
            yield Case(op, [words(rng, *shape)], attrs)
    text = np.array([b"hello world", "日本語 text".encode(), "é".encode() * 6], dtype=object)
    for unit in ("BYTE", "UTF8_CHAR"):
        for dtype in ("i4", "i8"):
            for pos, length in ((0, 3), (2, 100), (-3, 2), (-6, -1), (5, 0), (3, -2), (20, 1), (-30, 2), (6, 2)):
                yield Case("Substr", [text, np.array(pos, dtype), np.array(length, dtype)], {"unit": unit})
        yield Case("Substr", [text, np.array([1, 2, 3], "i4"), np.array([2, 2, 2], "i4")], {"unit": unit})
        yield Case("Substr", [text[:, None], np.array([1, 2], "i4"), np.array([2, 3], "i4")], {"unit": unit})
        yield Case("Substr", [np.array(b"scalar", object), np.array([1, 2], "i4"), np.array([2, 3], "i4")], {"unit": unit})
        yield Case("Substr", [words(rng, 0), np.array(1, "i4"), np.array(2, "i4")], {"unit": unit})
    yield Case("Substr", [text, np.array([1, 2], "i4"), np.array([2], "i4")])
    for sep in (b"", b" ", b",", b", ", b"l", b"a,"):
        for skip in (True, False):
            yield Case("StringSplit", [words(rng, 5), np.array(sep, object)], {"skip_empty": skip})
        for most in (-1, 0, 1, 2):
            yield Case("StringSplitV2", [words(rng, 6), np.array(sep, object)], {"maxsplit": most})
    yield Case("StringSplitV2", [np.array([b" a  b ", b",,", b"", b"a,,b,"], object), np.array(b",", object)])
    yield Case("StringSplitV2", [np.array([b" a  b c "], object), np.array(b"", object)], {"maxsplit": 1})
    yield Case("StringSplitV2", [words(rng, 0), np.array(b",", object)])
    yield Case("StringSplitV2", [words(rng, 2, 2), np.array(b",", object)])
    for widths in ([1], [2], [3], [1, 2], [3, 5], [7]):
        for pad, short in ((0, False), (0, True), (1, False), (-1, False), (2, True)):
            splits = np.array([0, 0, 3, 4, 9], "i8" if pad else "i4")
            yield Case("StringNGrams", [words(rng, 9), splits],
                       {"separator": "|", "ngram_widths": widths, "left_pad": "L", "right_pad": "R", "pad_width": pad,
                        "preserve_short_sequences": short})
    plain = {"separator": " ", "ngram_widths": [2], "left_pad": "", "right_pad": "", "pad_width": 0, "preserve_short_sequences": False}
    yield Case("StringNGrams", [words(rng, 3), np.array([0, 2], "i8")], plain)
    yield Case("StringNGrams", [words(rng, 3), np.array([1, 3], "i8")], plain)
    yield Case("StringNGrams", [words(rng, 0), np.array([0, 0], "i8")], plain)
    yield Case("StringNGrams", [words(rng, 3), np.array([0, 3], "i8")], {**plain, "ngram_widths": [0]})


def hashes(rng):
    lengths = [*range(0, 36), 47, 48, 63, 64, 65, 66, 127, 128, 129, 200, 1000]
    blobs = np.array([rng.bytes(n) for n in lengths], dtype=object)
    for buckets in (1, 7, 1000, 2**40, 2**63 - 1):
        yield Case("StringToHashBucket", [blobs], {"num_buckets": buckets})
        yield Case("StringToHashBucketFast", [blobs], {"num_buckets": buckets})
        yield Case("StringToHashBucketStrong", [blobs], {"num_buckets": buckets, "key": [int(rng.integers(2**62)), 5]})
    for shape in shapes(rng, 2):
        for op in ("StringToHashBucket", "StringToHashBucketFast"):
            yield Case(op, [words(rng, *shape)], {"num_buckets": 10})
        yield Case("StringToHashBucketStrong", [words(rng, *shape)], {"num_buckets": 10, "key": [1, 2]})
    yield Case("StringToHashBucketFast", [words(rng)], {"num_buckets": 0})
    yield Case("StringToHashBucketStrong", [words(rng)], {"num_buckets": 3, "key": [1]})
    for dtype in ("f4", "i8", "u1", "c8", "f8", "i2"):
        yield Case("Fingerprint", [rng.integers(0, 100, (3, 5)).astype(dtype), np.array(b"farmhash64", object)])
    yield Case("Fingerprint", [blobs, np.array(b"farmhash64", object)])
    yield Case("Fingerprint", [words(rng, 4, 3), np.array(b"farmhash64", object)])
    yield Case("Fingerprint", [words(rng, 4, 1), np.array(b"farmhash64", object)])
    yield Case("Fingerprint", [words(rng, 0, 4), np.array(b"farmhash64", object)])
    yield Case("Fingerprint", [words(rng), np.array(b"farmhash64", object)])
    yield Case("Fingerprint", [words(rng, 2), np.array(b"md5", object)])


TEXTS = ["0x1F", "1e400", "", " ", " 12 ", "\t12\n", "1_0", "+5", "infinity", "-inf", "NaN", "1" * 40, "1e", ".5", "5.", ".", "1e5 x",
         "0x1.8p3", "1e-50", "3.4028236e38", "0x", "1\0", "- 5", "--5", "2147483647", "2147483648", "-2147483648", "-2147483649",
         "4294967295", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551615",
         "18446744073709551616", "1.5", "007", "123456789.123456789", "1e-45", "0.1", "-0", "99999999999999999999999999"]


def numbers(rng):
    for dtype in ("float32", "float64", "int32", "int64", "uint32", "uint64"):
        for text in TEXTS:
            yield Case("StringToNumber", [np.array(text.encode(), object)], {"out_type": dtype})
        yield Case("StringToNumber", [np.array([[b"1", b"2"], [b" 3", b"4 "]], object)], {"out_type": dtype})
    for dtype in ("f2", "f4", "f8", "c8", "c16", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?"):
        kind = np.dtype(dtype).kind
        x = rng.normal(0, 100, (3, 2)) if kind in "fc" else rng.integers(0 if kind in "ub" else -100, 100, (3, 2))
        x = x.astype(dtype)
        if kind == "f":
            x[0] = [np.nan, -np.inf]
        for attrs in ({}, {"width": 12}, {"width": 12, "fill": "0"}, {"width": 9, "fill": "-"}, {"width": 3, "fill": "+"},
                      {"fill": "x"}, {"precision": 3}, {"scientific": True}, {"shortest": True, "width": 10},
                      {"precision": 0, "width": 8, "fill": " "}, {"scientific": True, "shortest": True}):
            yield Case("AsString", [x], attrs)
    for attrs in ({}, {"width": 8}, {"width": 8, "fill": "-"}, {"width": 2, "fill": "0"}):
        yield Case("AsString", [np.array([b"ab", b"", b"longer than that"], object)], attrs)
    values = [np.array(1.5, "f4"), np.array(np.pi), rng.normal(size=(7,)).astype("f4"), rng.normal(size=(2, 8, 3)), np.arange(20, dtype="i4"),
              np.arange(64, dtype="i8").reshape(8, 8), np.array([b"a", b"b\"\n\x01\xc3\xa9\\'"], object), np.array([True, False]),
              np.zeros((2, 0), "f4"), np.zeros((0,), "i4"), np.zeros((2, 3, 0), "u1"), np.arange(5, dtype="u1"), np.array(-5, "i1"),
              np.array([1e20, 1e-20, 123456789, 0.1, np.nan, -np.inf, 100000.5], "f4"), np.array(1 / 3, "f2"), np.zeros((3, 3, 3, 3), "i2")]
    for v in values:
        for summarize in (3, -1, 1, 0):
            yield Case("StringFormat", [[v]], {"template": "<%s>", "placeholder": "%s", "summarize": summarize})
    yield Case("StringFormat", [[np.int32(1), np.array([2.5], "f4")]], {"template": "a {} b {} c", "placeholder": "{}"})
    yield Case("StringFormat", [[np.int32(1)]], {"template": "{} {}", "placeholder": "{}"})


def cases(rng):
    yield from joins(rng)
    yield from parts(rng)
    yield from hashes(rng)
    yield from numbers(rng)
