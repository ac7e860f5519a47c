# SPDX-License-Identifier: Apache-2.0
"""Pictures in files. What is written is compared by what it decodes to: compressors differ."""
import io

import numpy as np

from tf_case import Case, Chain, R

try:
    from PIL import Image
except ImportError:
    Image = None


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


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


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
            yield Chain([("f", "EncodeJpegVariableQuality", [y, np.int32(60)], {}),
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
    if Image is None:
        return
    for i in range(12):
        h, w = int(rng.integers(1, 40)), int(rng.integers(1, 40))
        x = picture(rng, h, w, 3)
        frames = [Image.fromarray(picture(rng, h, w, 3)).quantize(int(rng.integers(2, 256))) for _ in range(i % 3 + 1)]
        gif = saved(frames[0], "GIF", save_all=len(frames) > 1, append_images=frames[1:], interlace=i % 2)
        yield Case("DecodeGif", [text(gif)])
        yield Case("DecodeImage", [text(gif)])
        yield Case("DecodeImage", [text(gif)], {"expand_animations": False})
        yield Case("DecodePng", [text(gif)])
        palette = saved(frames[0], "PNG", **({"transparency": 1} if i % 2 else {}))
        grey = saved(Image.fromarray(x[..., 0] > 127), "PNG")
        for channels in (0, 1, 3, 4):
            yield Case("DecodePng", [text(palette)], {"channels": channels})
            yield Case("DecodePng", [text(grey)], {"channels": channels, "dtype": ["uint8", "uint16"][i % 2]})
        jpeg = saved(Image.fromarray(x), "JPEG", quality=80)
        yield Case("DecodeJpeg", [text(jpeg[:len(jpeg) * 2 // 3])])
        cmyk = saved(Image.fromarray(picture(rng, h, w, 4), "CMYK"), "JPEG", quality=80)
        for channels in (0, 1, 3):
            yield Case("DecodeJpeg", [text(cmyk)], {"channels": channels})


def cases(rng):
    yield from written(rng)
    yield from read(rng)
