# SPDX-License-Identifier: Apache-2.0
"""Bytes in other forms: base64, raw numbers, compressed, comma separated."""
import gzip
import zlib

import numpy as np

from tf_case import Case


def obj(*values):
    return np.array(list(values) + [None], object)[:-1]


def cases(rng):
    blobs = obj(*[rng.bytes(n) for n in range(12)])
    for pad in (True, False):
        yield Case("EncodeBase64", [blobs], {"pad": pad})
        yield Case("EncodeBase64", [blobs.reshape(3, 4)], {"pad": pad})
        for _ in range(4):
            yield Case("EncodeBase64", [np.array(rng.bytes(int(rng.integers(0, 60))), object)], {"pad": pad})
    for text in (b"", b"YQ", b"YQ==", b"YWI=", b"YWI", b"YWJj", b"Y", b"YQ=", b"Y===", b"====", b"-_-_", b"+/+/", b"YR", b"YWJjZA==x", b"ab cd",
                 b"\xff\xff", b"YQ==YQ==", b"=", b"==", b"A=BC"):
        yield Case("DecodeBase64", [np.array(text, object)])
    for dtype, size in (("float16", 2), ("float32", 4), ("float64", 8), ("int32", 4), ("uint16", 2), ("uint8", 1), ("int16", 2), ("int8", 1),
                        ("int64", 8), ("bool", 1), ("complex64", 8), ("complex128", 16)):
        for little in (True, False):
            data = [(b"\0\1" if dtype == "bool" else rng.bytes(2)) * size for _ in range(4)]
            yield Case("DecodeRaw", [obj(*data).reshape(2, 2)], {"out_type": dtype, "little_endian": little}, tolerance="exact")
            yield Case("DecodeRaw", [np.array(data[0], object)], {"out_type": dtype, "little_endian": little}, tolerance="exact")
            if little and dtype in ("float32", "float64", "int32", "uint16", "uint8", "int16", "int8", "int64"):
                yield Case("DecodePaddedRaw", [obj(data[0], b"", data[1][:3], data[2] * 3), np.array(size * 3, "i4")],
                           {"out_type": dtype}, tolerance="exact")
    for values in (obj(b"abc", b"ab"), obj(), obj(b"", b""), obj(b"abcde")):
        yield Case("DecodeRaw", [values], {"out_type": "int16"})
    for length in (0, -4, 3, 4):
        yield Case("DecodePaddedRaw", [obj(b"abc", b"ab"), np.array(length, "i4")], {"out_type": "int16"})
    yield Case("DecodePaddedRaw", [obj(rng.bytes(12), rng.bytes(12)), np.array(12, "i4")], {"out_type": "int32", "little_endian": False})
    for kind, pack in (("", lambda b: b), ("ZLIB", zlib.compress), ("GZIP", lambda b: gzip.compress(b, mtime=0))):
        for content in (b"", b"a", b"hello " * 1000, rng.bytes(300), b"\0" * 100000):
            yield Case("DecodeCompressed", [obj(pack(content), pack(b"x"))], {"compression_type": kind})
    yield Case("DecodeCompressed", [obj(b"a")], {"compression_type": "LZ4"})
    yield from csv(rng)


def csv(rng):
    def case(records, defaults, **attrs):
        return Case("DecodeCSV", [obj(*records), defaults], attrs)
    i4, i8, f4, f8, s = np.array([7], "i4"), np.array([8], "i8"), np.array([1.5], "f4"), np.array([2.5], "f8"), obj(b"dflt")
    yield case([b"1,2,3.5,4.5,five", b",,,,", b"-1, 2 ,1e3,.5,\"quoted, \"\"text\"\"\""], [i4, i8, f4, f8, s])
    yield case([b"1,2", b"3,4\r\n", b"\n5,6"], [i4, i8])
    none = np.zeros(0, "i4")
    yield case([b"1", b""], [none])
    yield case([b"1,", b",2"], [none, i4])
    yield case([b"1,2,3"], [i4, i4])
    yield case([b"1"], [i4, i4])
    yield case([b"x"], [i4])
    yield case([b"99999999999"], [i4])
    yield case([b"a\"b"], [s])
    yield case([b"\"a\"b\""], [s])
    yield case([b"\"a"], [s])
    yield case([b"\"a\"x,b"], [s, s])
    yield case([b"a\nb"], [s])
    yield case([b"\"a\nb\",c"], [s, s])
    yield case([b"\"\",x"], [s, s])
    yield case([b"a\"b"], [s], use_quote_delim=False)
    yield case([b"1\t2"], [i4, i4], field_delim="\t")
    yield case([b"1;2"], [i4, i4], field_delim=";;")
    yield case([b"NA,1", b"2,NA"], [i4, i4], na_value="NA")
    yield case([b"1,2,3,4", b"5,6,7,8"], [i4, s], select_cols=[1, 3])
    yield case([b"1,2,x,"], [i4, s], select_cols=[0, 3])
    yield case([b"1,2"], [i4, s], select_cols=[0, 3])
    yield case([b"1,2"], [i4, i4], select_cols=[1, 0])
    yield case([b"1,2"], [i4], select_cols=[1, 0])
    yield case([b"1"], [np.array([1, 2], "i4")])
    yield Case("DecodeCSV", [np.array(b"1,a", object), [np.array(1, "i4"), s]])
    yield Case("DecodeCSV", [obj(b"1,a", b"2,b").reshape(2, 1), [i4, s]])
    yield Case("DecodeCSV", [obj(), [i4, s]])
