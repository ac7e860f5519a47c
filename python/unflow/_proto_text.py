# SPDX-License-Identifier: Apache-2.0
"""Protocol buffer messages as text, and back (protobuf.dev/reference/protobuf/textformat-spec)."""

from __future__ import annotations

import re

from ._proto import DecodeError, _checked, _float32, enum_type, message_class

# ---- writing ----

_ESCAPES = {9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 39: "\\'", 92: "\\\\"}


def _quoted(data):
    data = data.encode() if isinstance(data, str) else data
    return '"' + "".join(_ESCAPES.get(b) or (chr(b) if 32 <= b < 127 else f"\\{b:03o}")
                         for b in data) + '"'


def _float_text(value, kind):
    if value != value:
        return "nan"
    if value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    if kind == "float":  # the fewest digits that give the same float32
        for digits in range(6, 10):
            text = f"{value:.{digits}g}"
            if _float32(float(text)) == _float32(value):
                break
        value = float(text)
    text = repr(value)
    return text if "e" in text or "." in text else text + ".0"


def _scalar_text(field, kind, value):
    if kind in ("string", "bytes"):
        return _quoted(value)
    if kind == "bool":
        return "true" if value else "false"
    if kind in ("float", "double"):
        return _float_text(value, kind)
    if kind == "enum":
        try:
            return enum_type(field.type).Name(value)
        except ValueError:
            pass
    return str(value)


def _any_content(message):
    """The message that a google.protobuf.Any holds, if it is one of ours."""
    name = message.type_url.rpartition("/")[2]
    try:
        return message_class(name).FromString(message.value)
    except (KeyError, DecodeError):
        return None


def _lines(message, out, indent):
    content = _any_content(message) if message._table == "google.protobuf.Any" else None
    if content is not None:
        out.append(f"{indent}[{message.type_url}] {{")
        _lines(content, out, indent + "  ")
        out.append(indent + "}")
        return
    for field, value in message.ListFields():
        if field.key is not None:
            for key in sorted(value):
                out.append(f"{indent}{field.name} {{")
                if key:
                    out.append(f"{indent}  key: {_scalar_text(field, field.key, key)}")
                if field.value_kind == "message":
                    out.append(f"{indent}  value {{")
                    _lines(value[key], out, indent + "    ")
                    out.append(f"{indent}  }}")
                else:
                    out.append(f"{indent}  value: "
                               f"{_scalar_text(field, field.value_kind, value[key])}")
                out.append(indent + "}")
            continue
        for item in value if field.repeated else [value]:
            if field.kind == "message":
                out.append(f"{indent}{field.name} {{")
                _lines(item, out, indent + "  ")
                out.append(indent + "}")
            else:
                out.append(f"{indent}{field.name}: {_scalar_text(field, field.kind, item)}")


def MessageToString(message, **unused):
    """The message as text, one field a line."""
    out = []
    _lines(message, out, "")
    return "".join(line + "\n" for line in out)


# ---- reading ----

_TOKEN = re.compile(
    r"""[\s]+|\#[^\n]*|(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<number>-?\s*(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?[fF]?))
    |(?P<name>-?[A-Za-z_][\w.]*)|(?P<sign>[{}\[\]<>:;,/])""", re.X)
_SIMPLE = {"n": 10, "r": 13, "t": 9, "a": 7, "b": 8, "f": 12, "v": 11}


def _unquoted(token):
    def one(match):
        code = match.group(1)
        if code[0] in "01234567":
            return bytes([int(code, 8) & 255])
        if code[0] in "xX":
            return bytes([int(code[1:], 16)])
        if code[0] in "uU":
            return chr(int(code[1:], 16)).encode()
        return bytes([_SIMPLE[code]]) if code in _SIMPLE else code.encode()

    out, at, text = [], 0, token[1:-1]
    pattern = r"\\([0-7]{1,3}|[xX][0-9a-fA-F]{1,2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)"
    for match in re.finditer(pattern, text, re.S):
        out += [text[at: match.start()].encode("utf-8", "surrogateescape"), one(match)]
        at = match.end()
    return b"".join(out) + text[at:].encode("utf-8", "surrogateescape")


class _Reader:
    def __init__(self, text):
        self.text = text
        self.tokens = []  # (kind, text, where)
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                self.at = len(self.tokens)
                self.tokens.append(("bad", text[at], at))
                self.fail("a token")
            if match.lastgroup:
                self.tokens.append((match.lastgroup, match.group(), at))
            at = match.end()
        self.tokens.append(("end", "the end", at))
        self.at = 0

    def fail(self, expected):
        kind, text, at = self.tokens[self.at]
        line = self.text.count("\n", 0, at) + 1
        raise DecodeError(f"line {line}: expected {expected}, found {text!r}")

    def peek(self):
        return self.tokens[self.at][1] if self.tokens[self.at][0] == "sign" else None

    def take(self, sign):
        if self.peek() != sign:
            return False
        self.at += 1
        return True

    def next(self, *kinds):
        kind, text, _ = self.tokens[self.at]
        if kind not in kinds:
            self.fail(" or ".join(kinds))
        self.at += 1
        return kind, text

    def scalar(self, field, kind):
        if kind in ("string", "bytes"):
            data = _unquoted(self.next("string")[1])
            while self.tokens[self.at][0] == "string":
                data += _unquoted(self.next("string")[1])
            return _checked(field, data, kind)
        found, text = self.next("number", "name")
        text = text.replace(" ", "")
        try:
            if kind == "bool":
                return {"true": True, "t": True, "1": True, "True": True, "false": False,
                        "f": False, "0": False, "False": False}[text]
            if kind in ("float", "double"):
                return _checked(field, float(text.rstrip("fF") if found == "number" else text), kind)
            if kind == "enum" and found == "name":
                return enum_type(field.type).Value(text)
            octal = re.fullmatch(r"-?0[0-7]+", text)
            return _checked(field, int(text, 8) if octal else int(text, 0), kind)
        except (KeyError, ValueError):
            self.at -= 1
            self.fail(f"a value of {kind} for {field.name}")

    def message(self, message, end):
        while True:
            if end is None and self.tokens[self.at][0] == "end":
                return
            if end is not None and self.take(end):
                return
            if self.peek() == "[" and message._table == "google.protobuf.Any":
                self.any(message)
                continue
            name = self.next("name")[1]
            field = message._by_name.get(name)
            if field is None:
                self.at -= 1
                self.fail(f"a field of {type(message).__name__}")
            colon = self.take(":")
            if (colon or self.peek() == "[") and self.take("["):
                while not self.take("]"):
                    self.value(message, field)
                    self.take(",")
            else:
                if not colon and field.kind != "message" and field.key is None:
                    self.fail("':'")
                self.value(message, field)
            self.take(",") or self.take(";")

    def any(self, message):
        """`[type_url] { ... }` in a google.protobuf.Any."""
        self.take("[")
        url = ""
        while not self.take("]"):
            url += self.next("name", "sign")[1]
        try:
            content = message_class(url.rpartition("/")[2])()
        except KeyError:
            self.fail(f"a known message, not {url}")
        self.take(":")
        message.type_url, message.value = url, self.body(content).SerializeToString()

    def body(self, message):
        if self.take("{"):
            self.message(message, "}")
        elif self.take("<"):
            self.message(message, ">")
        else:
            self.fail("'{'")
        return message

    def value(self, message, field):
        if field.key is not None:
            self.entry(message, field)
        elif field.kind == "message":
            if field.repeated:
                self.body(getattr(message, field.name).add())
            else:
                inner = getattr(message, field.name)
                inner._touch()
                self.body(inner)
        elif field.repeated:
            getattr(message, field.name).append(self.scalar(field, field.kind))
        else:
            setattr(message, field.name, self.scalar(field, field.kind))

    def entry(self, message, field):
        close = "}" if self.take("{") else ">" if self.take("<") else self.fail("'{'")
        key, item = None, None
        while not self.take(close):
            name = self.next("name")[1]
            self.take(":")
            if name == "key":
                key = self.scalar(field, field.key)
            elif name == "value" and field.value_kind == "message":
                item = self.body(message_class(field.type)())
            elif name == "value":
                item = self.scalar(field, field.value_kind)
            else:
                self.fail("key or value")
            self.take(",") or self.take(";")
        target = getattr(message, field.name)
        if key is None:
            key = "" if field.key == "string" else 0
        if field.value_kind != "message":
            target[key] = item
        elif item is not None:
            target[key].CopyFrom(item)
        else:
            target[key].SetInParent()


def Merge(text, message):
    """Adds to a message what the text says. DecodeError names the line."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    try:
        _Reader(text).message(message, None)
    except RecursionError:
        raise DecodeError("the text is nested too deeply") from None
    message._touch()
    return message


def Parse(text, message):
    """As Merge, into a message that becomes empty first."""
    message.Clear()
    return Merge(text, message)
