# SPDX-License-Identifier: Apache-2.0
"""Pictures in files. What is written is compared by what it decodes to: compressors differ."""
import base64
import struct
import zlib

import numpy as np

from tf_case import Case, Chain, R


# 24 x 32 pixels, quality 40.
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQEBLAEsAAD/2wBDABQODxIPDRQSEBIXFRQYHjIhHhwcHj0sLiQySUBMS0dARkVQWnNiUFVtVkVGZIhlbXd7gYKBTmCNl4"
    "x9lnN+gXz/2wBDARUXFx4aHjshITt8U0ZTfHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHz/wAARCAAg"
    "ABgDASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhBy"
    "JxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKT"
    "lJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAA"
    "AAAAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRom"
    "JygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExc"
    "bHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwDlo4qtRwe1SRRVdig9qKcecujWsQR2/tRWiqBeMZNFVKNGLtJ6"
    "nrQrOxXhiq4se1RgcmnW8XSrSRbn+nFYwqONL3d2fK0aupFDBRV5YsnaOg60Vnz8vuwjex68Kum5/9k=")


def text(data):
    out = np.empty((), object)
    out[()] = data
    return out


def picture(rng, h, w, c, dtype="u1"):
    """Smooth, with some noise."""
    y, x = np.mgrid[:h, :w]
    top = np.iinfo(dtype).max
    planes = [(np.sin(x / (3 + k)) + np.cos(y / (4 + k))) / 4 + 0.5 + rng.normal(0, 0.02, (h, w)) for k in range(c)]
    return (np.clip(np.stack(planes, -1), 0, 1) * top).astype(dtype)


def png(rng, w, h, bits, kind, transparent, interlaced=False):
    """kind: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA; rows of random bits, filtered at random."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    if interlaced:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
        sizes = [((w - x + dx - 1) // dx, (h - y + dy - 1) // dy) for y, x, dy, dx in passes]
    else:
        sizes = [(w, h)]
    rows = b""
    for pw, ph in sizes:
        for _ in range(ph if pw > 0 else 0):
            rows += bytes([int(rng.integers(0, 5)) if kind != 3 else 0]) + rng.integers(0, 256, (pw * channels * bits + 7) // 8, "u1").tobytes()
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, bits, kind, 0, 0, int(interlaced)))
    if kind == 3:
        out += chunk(b"PLTE", rng.integers(0, 256, 3 << bits, "u1").tobytes())
    if transparent:
        some = {0: struct.pack(">H", 1), 2: struct.pack(">HHH", 1, 2, 3), 3: rng.integers(0, 256, 1 << bits, "u1").tobytes()}
        out += chunk(b"tRNS", some[kind])
    return out + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def lzw(codes, bits):
    """The codes of one GIF frame, as blocks."""
    clear, table, width, out, n = 1 << bits, {}, bits + 1, 0, 0
    following = clear + 2

    def emit(code):
        nonlocal out, n
        out |= code << n
        n += width

    emit(clear)
    word = ()
    for code in codes:
        longer = word + (int(code),)
        if len(longer) == 1 or longer in table:
            word = longer
            continue
        emit(table[word] if len(word) > 1 else word[0])
        if following < 4096:
            table[longer] = following
            following += 1
            if following - 1 == 1 << width and width < 12:
                width += 1
        else:
            emit(clear)
            table, width, following = {}, bits + 1, clear + 2
        word = (int(code),)
    emit(table[word] if len(word) > 1 else word[0])
    following += 1
    if following - 1 == 1 << width and width < 12:
        width += 1
    emit(clear + 1)
    data = out.to_bytes((n + 7) // 8, "little")
    blocks = b"".join(bytes([len(data[i:i + 255])]) + data[i:i + 255] for i in range(0, len(data), 255))
    return bytes([bits]) + blocks + b"\0"


def gif(rng, w, h, frames, bits, local, transparent, interlaced):
    out = b"GIF89a" + struct.pack("<HHBBB", w, h, 0x80 | (bits - 1), 0, 0) + rng.integers(0, 256, 3 << bits, "u1").tobytes()
    for k in range(frames):
        if transparent:
            out += b"\x21\xf9\x04" + bytes([1, 0, 0, 1]) + b"\0"
        x, y = (0, 0) if k == 0 else (int(rng.integers(0, w)), int(rng.integers(0, h)))
        fw, fh = w - x, h - y
        out += b"\x2c" + struct.pack("<HHHHB", x, y, fw, fh, (0x80 | (bits - 1) if local else 0) | (0x40 if interlaced else 0))
        if local:
            out += rng.integers(0, 256, 3 << bits, "u1").tobytes()
        codes = rng.integers(0, 1 << bits, fw * fh) if rng.integers(2) else np.repeat(rng.integers(0, 1 << bits), fw * fh)
        out += lzw(codes, max(2, bits))
    return out + b"\x3b"


def bmp(rng, w, h, bits, up):
    line = (w * bits + 31) // 32 * 4
    head = b"BM" + (54 + line * h).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
    info = (40).to_bytes(4, "little") + w.to_bytes(4, "little") + (-h if up else h).to_bytes(4, "little", signed=True)
    info += (1).to_bytes(2, "little") + bits.to_bytes(2, "little") + bytes(24)
    return head + info + rng.integers(0, 256, line * h, "u1").tobytes()


def written(rng):
    for i in range(14):
        h, w, c = int(rng.integers(1, 40)), int(rng.integers(1, 40)), int(rng.integers(1, 5))
        dtype = ["uint8", "uint16"][i % 2]
        x = picture(rng, h, w, c, dtype)
        for channels in (0, 1, 3, 4):
            yield Chain([("f", "EncodePng", [x], {"compression": int(rng.integers(-1, 10))}),
                         ("x", "DecodePng", [R("f")], {"channels": channels, "dtype": ["uint8", "uint16"][i // 2 % 2]})], ["x"])
        yield Chain([("f", "EncodePng", [x], {}), ("x", "DecodeImage", [R("f")], {"dtype": "float32"})], ["x"])
        if dtype == "uint8":
            y = picture(rng, h, w, 1 if c < 3 else 3)
            a = {"quality": int(rng.integers(30, 100)), "progressive": bool(rng.integers(2)),
                 "optimize_size": bool(rng.integers(2)), "chroma_downsampling": bool(rng.integers(2))}
            for channels in (0, 1, 3):
                yield Chain([("f", "EncodeJpeg", [y], a), ("x", "DecodeJpeg", [R("f")], {"channels": channels})], ["x"])
            for more in ({"ratio": 2}, {"fancy_upscaling": False}, {"dct_method": "INTEGER_FAST"},
                         {"dct_method": "INTEGER_ACCURATE"}, {"ratio": 8}):
                yield Chain([("f", "EncodeJpeg", [y], a), ("x", "DecodeJpeg", [R("f")], more)], ["x"])
            yield Chain([("f", "EncodeJpeg", [y], a), ("x", "ExtractJpegShape", [R("f")], {"output_type": "int64"})], ["x"])
            for quality in (60, 101 if i == 0 else 30):
                yield Chain([("f", "EncodeJpegVariableQuality", [y, np.int32(quality)], {}),
                             ("x", "DecodeImage", [R("f")], {"channels": 3})], ["x"])
            window = np.array([h // 3, w // 4, max(1, h // 2), max(1, w // 2)], "i4")
            yield Chain([("f", "EncodeJpeg", [y], a), ("x", "DecodeAndCropJpeg", [R("f"), window], {})], ["x"])
    yield Case("EncodePng", [np.zeros((2, 3), "u1")])
    yield Case("EncodePng", [np.zeros((2, 3, 5), "u1")])
    yield Case("EncodeJpeg", [np.zeros((2, 3, 2), "u1")])
    yield Case("EncodeJpeg", [np.zeros((2, 3, 3), "u1")], {"quality": 101})


def read(rng):
    for i in range(12):
        bits = [8, 24, 32][i % 3]
        w, h = int(rng.integers(1, 9)), int(rng.integers(1, 9))
        file = bmp(rng, w, h, bits, i % 2 == 1)
        yield Case("DecodeBmp", [text(file)], {"channels": 0 if i < 6 else bits // 8})
        yield Case("DecodeImage", [text(file)])
    yield Case("DecodeBmp", [text(file)], {"channels": 1})
    yield Case("DecodeBmp", [text(file[:60])])
    for bad in (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"no picture"):
        for op in ("DecodePng", "DecodeJpeg", "DecodeImage", "DecodeGif", "DecodeBmp"):
            yield Case(op, [text(bad)])
    for kind, depths in ((0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4, 8)), (4, (8, 16)), (6, (8, 16))):
        for bits in depths:
            for transparent in ((False, True) if kind in (0, 2, 3) else (False,)):
                file = png(rng, int(rng.integers(1, 20)), int(rng.integers(1, 20)), bits, kind, transparent, bool(rng.integers(2)))
                for channels in (0, 1, 3, 4):
                    yield Case("DecodePng", [text(file)], {"channels": channels, "dtype": str(rng.choice(["uint8", "uint16"]))})
                yield Case("DecodeImage", [text(file)], {"dtype": str(rng.choice(["uint8", "uint16", "float32"]))})
                yield Case("DecodePng", [text(file[:len(file) * 2 // 3])])
    for cut in (0, 2, 10, 25, 40, 60, 90, 200, 700):
        file = text(JPEG[:len(JPEG) - cut])
        yield Case("DecodeJpeg", [file])
        yield Case("ExtractJpegShape", [file])
        if cut < 3 or cut > 100:  # what else is recovered differs by library
            yield Case("DecodeJpeg", [file], {"try_recover_truncated": True})
    yield Case("DecodeAndCropJpeg", [text(JPEG), np.array([1, 2, 40, 3], "i4")])
    for ratio in (1, 2):
        yield Case("DecodeAndCropJpeg", [text(JPEG), np.array([7, 5, 4, 6], "i4")], {"channels": 1, "ratio": ratio})
    for i in range(20):
        bits = int(rng.integers(1, 9))
        file = gif(rng, int(rng.integers(1, 90)), int(rng.integers(1, 90)), i % 4 + 1, bits, i % 3 == 0, i % 2 == 1, i % 5 == 0)
        yield Case("DecodeGif", [text(file)])
        yield Case("DecodeImage", [text(file)])
        yield Case("DecodeImage", [text(file)], {"expand_animations": False})
        yield Case("DecodePng", [text(file)])


def cases(rng):
    yield from written(rng)
    yield from read(rng)
