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
