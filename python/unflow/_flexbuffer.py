# SPDX-License-Identifier: Apache-2.0
"""FlexBuffers, the form of most custom ops' options, as plain values."""

from __future__ import annotations

import struct

# Kinds as the format numbers them.
_INT, _UINT, _FLOAT, _KEY, _STRING, _MAP, _VECTOR, _BLOB, _BOOL, _VECTOR_BOOL = 1, 2, 3, 4, 5, 9, 10, 25, 26, 36
_INDIRECT = {6: _INT, 7: _UINT, 8: _FLOAT}
_DEPTH, _BUDGET = 16, 1 << 20  # nested values and elements that a damaged buffer may seem to have


class _Reader:
    def __init__(self, data):
        self.data, self.left = data, _BUDGET

    def number(self, at, width, code):
        """An int ("i", "u") or float ("f") of that many bytes."""
        if width not in (1, 2, 4, 8) or at < 0 or at + width > len(self.data):
            raise ValueError("expected a FlexBuffer, found damaged bytes")
        raw = self.data[at:at + width]
        if code != "f":
            return int.from_bytes(raw, "little", signed=code == "i")
        if width == 1:
            raise ValueError("expected a FlexBuffer, found a float of one byte")
        return struct.unpack({2: "<e", 4: "<f", 8: "<d"}[width], raw)[0]

    def follow(self, at, width):
        return at - self.number(at, width, "u")

    def value(self, at, width, kind, inner, depth):
        self.left -= 1
        if depth > _DEPTH or self.left < 0:
            raise ValueError("expected a FlexBuffer, found one that holds itself")
        if kind == 0:
            return None
        if kind in _INDIRECT:
            return self.value(self.follow(at, width), inner, _INDIRECT[kind], 1, depth + 1)
        if kind in (_INT, _UINT, _FLOAT):
            return self.number(at, width, "iuf"[kind - _INT])
        if kind == _BOOL:
            return self.number(at, width, "u") != 0
        start = self.follow(at, width)
        if kind == _KEY:
            return self.text(start)
        if kind in (_STRING, _BLOB):
            raw = self.sized(start, self.number(start - inner, inner, "u"))
            return raw if kind == _BLOB else raw.decode("utf-8", "surrogateescape")
        if kind == _MAP:
            keys = self.follow(start - 3 * inner, inner)
            key_width = self.number(start - 2 * inner, inner, "u")
            return {self.text(self.follow(keys + i * key_width, key_width)): v
                    for i, v in enumerate(self.elements(start, inner, 0, None, depth))}
        if 16 <= kind <= 24:  # two, three or four numbers
            return self.elements(start, inner, _INT + (kind - 16) % 3, (kind - 16) // 3 + 2, depth)
        typed = _BOOL if kind == _VECTOR_BOOL else kind - 10 if 11 <= kind <= 15 else 0
        if kind != _VECTOR and not typed:
            raise ValueError(f"expected a FlexBuffer, found a value of kind {kind}")
        return self.elements(start, inner, typed, None, depth)

    def sized(self, start, size):
        if size > len(self.data) - start:
            raise ValueError("expected a FlexBuffer, found one that is cut off")
        return self.data[start:start + size]

    def text(self, start):
        end = self.data.index(0, start)
        return self.data[start:end].decode("utf-8", "surrogateescape")

    def elements(self, start, width, kind, count, depth):
        if count is None:
            count = self.number(start - width, width, "u")
        if count > len(self.data):
            raise ValueError("expected a FlexBuffer, found one that is cut off")
        out = []
        for i in range(count):
            packed = self.number(start + count * width + i, 1, "u") if not kind else kind << 2
            out.append(self.value(start + i * width, width, packed >> 2, 1 << (packed & 3), depth + 1))
        return out


def loads(data):
    """The value in a FlexBuffer: dict, list, str, bytes, int, float, bool or None. ValueError: it is none."""
    if len(data) < 3:
        raise ValueError("expected a FlexBuffer, found fewer than three bytes")
    width, packed = data[-1], data[-2]
    return _Reader(bytes(data)).value(len(data) - 2 - width, width, packed >> 2, 1 << (packed & 3), 0)
