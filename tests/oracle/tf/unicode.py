# SPDX-License-Identifier: Apache-2.0
"""Case, scripts and encodings of Unicode."""
import numpy as np

from tf_case import Case

TEXTS = ["", "abc", "ÀÉÎ ß ΑΣ Σ İI ıi ǅ ﬁ ΐ ŉ Ա Ა ა ẞ", "ὈΔΥΣΣΕΎΣ", "a\0B", "𐐀 Ω K Å", "日本語 🎉", "ΑΣ. ΑΣ' ΑΣΑ ΣΣ", "\x1f\x07 control"]
BAD = [b"\xff", b"\xc3A\x80B\xe2\x82", b"\xed\xa0\x80x", b"\xf0\x9f", b"\xc0\x80", b"ok\xf8z"]


def cases(rng):
    texts = np.array([t.encode() for t in TEXTS] + BAD, object)
    for op in ("StringLower", "StringUpper"):
        yield Case(op, [texts], {"encoding": "utf-8"})
        yield Case(op, [texts], {"encoding": "latin-1"})
        yield Case(op, [texts.reshape(3, 5)])
        for _ in range(8):
            codes = np.concatenate([rng.integers(1, 0xD800, 40), rng.integers(0x10400, 0x1F000, 20), rng.integers(0x370, 0x400, 20),
                                    rng.integers(0x1E00, 0x2000, 40)])
            new = {0x2C2F, 0x2C5F, *range(0xA7C0, 0xA7F2), *range(0x10570, 0x105C0)}
            text = "".join(chr(c) for c in codes if c not in new)
            yield Case(op, [np.array([text.encode(), text[::-1].encode()], object)], {"encoding": "utf-8"})
    for _ in range(10):
        yield Case("UnicodeScript", [rng.integers(0, 0x30000, (4, 5)).astype("i4")])
    yield Case("UnicodeScript", [np.array([-1, 0x10FFFF, 0x110000, 65, 0x3B1, 0x4E00, 2**31 - 1], "i4")])
    yield Case("UnicodeScript", [np.zeros((0,), "i4")])
    yield from encodings(rng)


def encodings(rng):
    texts = np.array([t.encode() for t in TEXTS] + BAD, object)
    wide = {"UTF-16-BE": "utf-16-be", "UTF-16LE": "utf-16-le", "UTF-32-BE": "utf-32-be", "UTF-32LE": "utf-32-le", "UTF-16": "utf-16"}
    damaged = [b"\xd8\x00\x00a", b"\x00a\xdc\x00", b"\x00", b"\x00a\x00", b"\xd8\x3d\xde\x00", b"\xd8\x3d", b"", b"\x00\x11\x00\x00", b"\x00\x00\xd8\x00"]
    for errors in ("replace", "ignore", "strict"):
        for controls in (True, False):
            common = {"errors": errors, "replace_control_characters": controls, "replacement_char": 0x3F if controls else 65533}
            for op in ("UnicodeDecode", "UnicodeDecodeWithOffsets"):
                yield Case(op, [texts[:len(TEXTS)]], {"input_encoding": "UTF-8", **common})
                yield Case(op, [texts], {"input_encoding": "UTF-8", "Tsplits": "int32", **common})
            for out in ("UTF-8", "UTF-16-BE", "UTF-32-BE"):
                yield Case("UnicodeTranscode", [texts], {"input_encoding": "UTF-8", "output_encoding": out, **common})
                yield Case("UnicodeTranscode", [texts[:8].reshape(2, 4)], {"input_encoding": "UTF-8", "output_encoding": out, **common})
            for name, codec in wide.items():
                good = np.array([t.encode(codec) for t in TEXTS], object)
                bad = np.array([*good, *damaged], object)
                yield Case("UnicodeTranscode", [good], {"input_encoding": name, "output_encoding": "UTF-8", **common})
                bad = good if name == "UTF-16" else bad  # ICU keeps or forgets the byte order as errors fall
                yield Case("UnicodeTranscode", [bad], {"input_encoding": name, "output_encoding": "UTF-8", **common})
                yield Case("UnicodeDecodeWithOffsets", [bad], {"input_encoding": name, **common})
            for name in ("US-ASCII", "ISO-8859-1"):
                yield Case("UnicodeTranscode", [texts], {"input_encoding": name, "output_encoding": "UTF-8", **common})
        codes = np.array([65, 0xE9, 0x4E00, 0x1F389, 0xD800, 0x110000, -1, 0xFFFE, 0xFDD0, 0, 0xFFFF, 0x10FFFF], "i4")
        for out in ("UTF-8", "UTF-16-BE", "UTF-32-BE"):
            for n in (4, 12):
                splits = np.array([0, 2, 2, n], "i8" if n == 4 else "i4")
                yield Case("UnicodeEncode", [codes[:n], splits], {"output_encoding": out, "errors": errors})
    for splits in ([1, 4], [0, 3], [0, 3, 2, 4], [], [0, 5]):
        yield Case("UnicodeEncode", [codes[:4], np.array(splits, "i8")], {"output_encoding": "UTF-8"})
    yield Case("UnicodeEncode", [codes[:4], np.array([0, 4], "i8")], {"output_encoding": "UTF-16-LE"})
    yield Case("UnicodeEncode", [codes, np.array([0, 12], "i8")], {"output_encoding": "UTF-8", "replacement_char": 0x110000})
    yield Case("UnicodeEncode", [codes, np.array([0, 12], "i8")], {"output_encoding": "UTF-8", "replacement_char": 0x41})
    yield Case("UnicodeDecode", [texts], {"input_encoding": "no-such"})
    yield Case("UnicodeDecode", [np.array(b"abc", object)], {"input_encoding": "utf8"})
    yield Case("UnicodeDecode", [texts[:0]], {"input_encoding": "UTF-8"})
