# SPDX-License-Identifier: Apache-2.0
"""Spectrograms, cepstra, WAV files."""
import io
import wave

import numpy as np

from tf_case import Case, Chain, R


def text(data):
    out = np.empty((), object)
    out[()] = data
    return out


def wav(rng, channels, samples, rate):
    file = io.BytesIO()
    with wave.open(file, "wb") as w:
        w.setnchannels(channels)
        w.setsampwidth(2)
        w.setframerate(rate)
        w.writeframes(rng.integers(-32768, 32768, samples * channels).astype("<i2").tobytes())
    return file.getvalue()


def same_bytes(want, got, inputs):
    return "" if bytes(want[0][()]) == bytes(got[0][()]) else "other bytes"


def cases(rng):
    for _ in range(16):
        window, stride = int(rng.integers(2, 70)), int(rng.integers(1, 40))
        x = rng.normal(size=(int(rng.integers(1, 200)), int(rng.integers(1, 3)))).astype("f4")
        squared = bool(rng.integers(2))
        yield Case("AudioSpectrogram", [x, ], {"window_size": window, "stride": stride, "magnitude_squared": squared},
                   (1e-4, 1e-4))
        s = rng.uniform(0, 5, (int(rng.integers(1, 3)), int(rng.integers(1, 5)), int(rng.integers(120, 300)))).astype("f4")
        channels = int(rng.integers(5, 40))
        yield Case("Mfcc", [s, np.int32(rng.choice([8000, 16000, 44100]))],
                   {"upper_frequency_limit": 3900.0, "lower_frequency_limit": float(rng.integers(20, 300)),
                    "filterbank_channel_count": channels, "dct_coefficient_count": int(rng.integers(1, channels))},
                   (1e-4, 1e-4))
        n = int(rng.integers(1, 60))
        file = wav(rng, int(rng.integers(1, 4)), n, int(rng.choice([8000, 16000, 44100])))
        yield Case("DecodeWav", [text(file)])
        yield Case("DecodeWav", [text(file)], {"desired_samples": int(rng.integers(1, 80))})
        yield Case("DecodeWav", [text(file)], {"desired_channels": int(rng.integers(1, 3))})
        yield Case("EncodeWav", [rng.uniform(-1.2, 1.2, (n, int(rng.integers(1, 4)))).astype("f4"), np.int32(16000)], check=same_bytes)
    good = wav(rng, 1, 5, 8000)
    for bad in (b"", good[:20], good[:-3], good.replace(b"WAVE", b"WAVF"), good.replace(b"data", b"date")):
        yield Case("DecodeWav", [text(bad)])
    yield Chain([("f", "EncodeWav", [np.zeros((4, 2), "f4"), np.int32(8000)]),
                 (["a", "r"], "DecodeWav", [R("f")], {})], ["a", "r"])
    yield Case("EncodeWav", [np.zeros(4, "f4"), np.int32(8000)])
    yield Case("AudioSpectrogram", [np.zeros(4, "f4")], {"window_size": 3, "stride": 1})
