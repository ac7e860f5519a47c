# SPDX-License-Identifier: Apache-2.0
"""``unflow ls, extract, verify, diff`` for URLs and Keras files: options, output and exit codes
of the native program, whose help says what they mean."""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import sys
from fnmatch import fnmatchcase
from typing import NamedTuple

import numpy as np

from ._dtypes import as_dtype
from ._extract import _item, _layouts
from ._source import open_source
from .errors import AlreadyExistsError, NotFoundError

GOOD, FAILED, USAGE = 0, 1, 2
_ROLES = ("value", "constant", "slot", "optimizer", "average", "meta")


class Taken(NamedTuple):
    """An array that a command takes."""

    name: str   # as shown or written
    old: str    # before it was renamed
    key: str
    variable: object


# ---- names ----------------------------------------------------------------------------


def _rule(text):
    """(compiled pattern, replacement) of PATTERN=NEW, in which \\= is a = of PATTERN."""
    found = re.match(r"((?:[^=\\]|\\.)*)=(.*)\Z", text, re.DOTALL)
    if not found:
        raise argparse.ArgumentTypeError(f"expected PATTERN=NEW, found {text!r}")
    try:
        pattern = re.compile(found[1].replace("\\=", "="))
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from error
    groups = [int(digit) for digit in re.findall(r"\\(?:(\d)|.)", found[2]) if digit]
    if max(groups, default=0) > pattern.groups:
        raise argparse.ArgumentTypeError(f"{text!r}: expected at most \\{pattern.groups}, found "
                                         f"\\{max(groups)}")
    # \1 is a group, \ before all else stands for that character
    new = re.sub(r"\\(.|\Z)", lambda m: rf"\g<{m[1]}>" if m[1].isdigit() else
                 (m[1] or "\\").replace("\\", r"\\"), found[2], flags=re.S)
    return pattern, new


def _dtype_rule(text):
    """DTYPE[@GLOB], checked."""
    name = text.partition("@")[0]
    try:
        is_number = np.dtype(as_dtype(name).as_numpy_dtype).kind != "O"
    except TypeError:
        is_number = False
    if not is_number:
        raise argparse.ArgumentTypeError(f"expected a dtype of numbers, found {name!r}")
    return text


def _tolerance(text):
    value = float(text)
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"expected a number from 0 on, found {text!r}")
    return value


def _rules_of_file(path):
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.rstrip("\n") for line in file]
    except OSError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return [_rule(line) for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _roles(text):
    roles = text.split(",")
    if not set(roles) <= set(_ROLES):
        raise argparse.ArgumentTypeError(f"expected roles of {', '.join(_ROLES)}, found {text!r}")
    return roles


def _selected(options, name, key):
    include, exclude = options.globs + options.glob, options.exclude
    return ((not include or any(fnmatchcase(n, p) for p in include for n in (name, key)))
            and not any(fnmatchcase(n, p) for p in exclude for n in (name, key)))


def _has_role(options, v, name):
    if options.role:
        return v.role in options.role
    if v.role == "average":
        return not options.ema or v.of < 0
    if options.no_slots and v.role in ("slot", "optimizer", "meta"):
        return False
    return v.role != "meta" or options.all or name in options.globs or v.key in options.globs


def take(source, options, rules=()):
    """What of a source a command takes, in the order of the file."""
    variables, result, names = source._all_variables(), [], {}
    for v in variables:
        name = {"variable": v.name, "key": v.key, "path": v.path or v.name}[options.names]
        if not _has_role(options, v, name) or not _selected(options, name, v.key):
            continue
        key = variables[v.average].key if options.ema and v.average >= 0 else v.key
        new = name
        for pattern, replacement in rules:
            new = pattern.sub(replacement, new)
        if new in names:
            raise AlreadyExistsError(None, None, f"expected rules that give each array a name of its "
                                     f"own, found {new!r} for both {names[new]!r} and {name!r}")
        names[new] = name
        result.append(Taken(new, name, key, v))
    return result


# ---- output -----------------------------------------------------------------------------


def _table(headers, rows, right=()):
    rows = [headers, *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(headers))]
    for row in rows:
        cells = [cell.rjust(width) if i in right else cell.ljust(width)
                 for i, (cell, width) in enumerate(zip(row, widths))]
        print("  ".join(cells).rstrip())


def _shown(name):
    """Without what could steer a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)


def _bytes(n):
    for unit in ("B", "kB", "MB", "GB"):
        if n < 1000 or unit == "GB":
            return f"{n} B" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1000
    return str(n)


def _json(value):
    print(json.dumps(value, indent=2))


def _plural(n, word):
    return f"{n:,} {word}{'' if n == 1 else 's'}"


# ---- ls -----------------------------------------------------------------------------------


def _role_words(source, v):
    of = f" of {_shown(source._all_variables()[v.of].name)}" if v.of >= 0 else ""
    return f"{v.role} {v.slot}{of}" if v.slot else v.role + of


def _entry_json(source, taken):
    v, e = taken.variable, source._core.entry(taken.key)
    more = {"slot": v.slot} if v.slot else {}
    if v.of >= 0:
        more["of"] = source._all_variables()[v.of].name
    quantization = None if e[7] is None else [np.asarray(part).tolist() for part in e[7]]
    return {"name": taken.name, "key": taken.key, "path": v.path, "aliases": list(v.aliases),
            "role": v.role, **more, "dtype": e[1], "shape": list(e[2]), "bytes": e[3], "pieces": e[6],
            "file": e[4], "offset": e[5], "quantization": quantization}


def ls(options):
    """Lists arrays."""
    with _opened(options, options.source) as source:
        taken = take(source, options)
        entries = [source._core.entry(t.key) for t in taken]
        totals = {"arrays": len(taken),
                  "parameters": sum(math.prod(e[2]) for t, e in zip(taken, entries)
                                    if t.variable.role in ("value", "constant")),
                  "bytes": sum(e[3] for e in entries)}
        if options.json:
            _json({**source.info, "arrays": [_entry_json(source, t) for t in taken], "totals": totals})
            return GOOD
        if taken:
            _table(["ROLE", "DTYPE", "SHAPE", "BYTES", "PIECES", "NAME"],
                   [(_role_words(source, t.variable), e[1], e[2], f"{e[3]:,}",
                     e[6] if e[6] > 1 else "-", _shown(t.name)) for t, e in zip(taken, entries)], (3, 4))
        print(f"\n{_plural(totals['arrays'], 'array')} with "
              f"{_plural(totals['parameters'], 'parameter')} in {_bytes(totals['bytes'])}")
    return GOOD


# ---- extract ----------------------------------------------------------------------------------


def _kind(dtype):
    for kind, names in {"f": ("float", "bfloat"), "i": ("int", "uint"), "c": ("complex",)}.items():
        if dtype.startswith(names):
            return kind
    return dtype


def _dtype_for(options, taken, dtype):
    """The first --dtype DTYPE[@GLOB] that fits: without GLOB of the same kind only."""
    for text in options.dtype:
        wanted, mark, pattern = text.partition("@")
        if fnmatchcase(taken.old, pattern) if mark else _kind(wanted) == _kind(dtype):
            return wanted
    return None


def extract(options):
    """Writes arrays to a file or folder."""
    target = options.output
    is_h5 = target.endswith((".h5", ".hdf5"))
    if not is_h5 and not target.endswith((".npz", ".safetensors")) and not (
            target.endswith("/") or os.path.isdir(target)):
        return _usage(f"-o wants OUT.npz, OUT.safetensors, OUT.h5, or FOLDER/ with a / at its end, "
                      f"not '{target}'")
    if "://" in target:
        return _usage(f"-o wants a local path, not '{target}'")
    if options.compress and not target.endswith(".npz"):
        return _usage("--compress is for a .npz")
    with _opened(options, options.source) as source:
        taken = take(source, options, options.rename)
        if not taken:
            raise NotFoundError(None, None, f"{source}: expected tensors to write, found none of these "
                                f"names; see 'unflow ls'")
        layouts = _layouts(options.layout)
        items = [_item(source, t.name, t.old, t.key,
                       _dtype_for(options, t, source._core.entry(t.key)[1]), options.dequantize, layouts)
                 for t in taken]
        if is_h5:
            from . import _h5

            _h5.write(source, items, target)
        else:
            form = None if target.endswith((".npz", ".safetensors")) else "npy"
            source._core.extract(items, target, form, options.compress, not options.no_verify, 0, None)
        if options.json:
            _json({"path": target, "arrays": [
                {"array": t.name, "key": t.key, "role": t.variable.role, "dtype": item[2] or e[1],
                 "shape": [e[2][axis] for axis in item[4]] if item[4] else list(e[2])}
                for t, item in zip(taken, items) for e in [source._core.entry(t.key)]]})
        else:
            print(f"wrote {_plural(len(taken), 'array')} to {target}")
    return GOOD


# ---- verify -------------------------------------------------------------------------------------


def _report(options, path):
    """What is found in one source, as the JSON has it; without a format when it does not open."""
    report = {"path": path}
    try:
        with _opened(options, path) as source:
            damaged, entries = source.verify(), {e[0]: e for e in source._core.entries()}
            report["format"] = source.info["format"]
    except (RuntimeError, OSError, ImportError) as error:
        return {**report, "tensors": 0, "bytes": 0, "damaged": [{"name": None, "what": str(error)}]}
    report.update(tensors=len(entries), bytes=sum(e[3] for e in entries.values()), damaged=[])
    for name, what in damaged.items():
        place = {}
        if name in entries and entries[name][4]:
            place = {"file": entries[name][4], "offset": entries[name][5]}
        report["damaged"].append({"name": name, **place, "what": what})
    return report


def _tell(r):
    if "format" not in r:
        print(f"unflow: {_shown(r['damaged'][0]['what'])}", file=sys.stderr)
        return
    state = f"{len(r['damaged'])} damaged" if r["damaged"] else "all good"
    print(f"{_shown(r['path'])}: {_plural(r['tensors'], 'tensor')}, {_bytes(r['bytes'])}, {state}")
    if r["damaged"]:
        _table(["NAME", "FILE", "OFFSET", "WHAT"],
               [(_shown(d["name"]), _shown(d.get("file", "-")), str(d.get("offset", "-")), _shown(d["what"]))
                for d in r["damaged"]], (2,))


def verify(options):
    """Reads all of each source; FAILED when something is damaged."""
    reports = [_report(options, path) for path in options.source]
    if options.json and not options.quiet:
        _json(reports)
    elif not options.quiet:
        for report in reports:
            _tell(report)
    return FAILED if any(report["damaged"] for report in reports) else GOOD


# ---- diff ------------------------------------------------------------------------------------------


def _compare(a, b, rtol, atol):
    """{count, first, max_abs, max_rel} of values that differ; None: none does."""
    if a.dtype == object or a.dtype.kind == "V" and a.dtype.names is None and not _casts(a.dtype):
        differs = np.asarray(a != b).ravel()
        return {"count": int(differs.sum()), "first": int(differs.argmax())} if differs.any() else None
    if a.dtype.kind in "iu" and a.dtype.itemsize == 8:  # float64 cannot tell these apart
        distance = np.where(a > b, a.astype("u8") - b.astype("u8"), b.astype("u8") - a.astype("u8"))
        x, y = None, b.astype("f8")
    else:
        kind = "c16" if a.dtype.kind == "c" else "f8"
        x, y = a.astype(kind), b.astype(kind)
        with np.errstate(invalid="ignore", over="ignore"):
            distance = np.abs(x - y)
    if x is not None:
        equal = (x == y) | (np.isnan(x) & np.isnan(y))
        distance = np.where(equal, 0, np.where(np.isnan(distance), np.inf, distance))
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        differs = ((distance > atol + rtol * np.abs(y)) | np.isinf(distance)) & (distance != 0)
        if not differs.any():
            return None
        relative = np.where(y == 0, np.inf, distance / np.abs(y))[differs]
    return {"count": int(differs.sum()), "first": int(differs.ravel().argmax()),
            "max_abs": float(distance[differs].max()), "max_rel": float(np.nanmax(relative))}


def _casts(dtype):
    try:
        np.zeros(1, dtype).astype("f8")
    except (TypeError, ValueError):
        return False
    return True


def _side(source, taken):
    e = source._core.entry(taken.key)
    return {"key": taken.key, "dtype": e[1], "shape": list(e[2])}


def _pair(options, name, a, b):
    """How two arrays differ, or None; a, b: (source, Taken) or None."""
    found = {"name": name}
    sides = {side: _side(*x) for side, x in (("a", a), ("b", b)) if x is not None}
    if len(sides) < 2:
        return {**found, "what": "only in A" if b is None else "only in B", **sides}
    for what in ("dtype", "shape"):
        if sides["a"][what] != sides["b"][what]:
            return {**found, "what": what, **sides}
    try:
        # checksums are checked: damage is not a difference of values
        values = _compare(*(s._core.read(t.key, False, True) for s, t in (a, b)), options.rtol, options.atol)
    except (RuntimeError, OSError) as error:
        return {**found, "what": "unreadable", **sides, "why": str(error)}
    return {**found, "what": "values", **sides, **values} if values else None


def _details(found):
    a, b = found.get("a"), found.get("b")
    if found["what"] in ("dtype", "shape"):
        sides = (a[found["what"]], b[found["what"]])
        return " and ".join(str(tuple(s)) if isinstance(s, list) else s for s in sides)
    if found["what"] == "values":
        shape = tuple(a["shape"])
        at = [int(i) for i in np.unravel_index(found["first"], shape)] if shape else []
        text = f"{found['count']:,} differ{'s' if found['count'] == 1 else ''}, first at {at}"
        return text if "max_abs" not in found else (
            f"{text}, at most by {found['max_abs']:.3g} (relative {found['max_rel']:.3g})")
    if found["what"] == "unreadable":
        return _shown(found["why"])
    side = a or b
    return f"{side['dtype']} {tuple(side['shape'])}"


def diff(options):
    """Compares two sources by name; GOOD: equal, FAILED: not, USAGE: one cannot be read."""
    with _opened(options, options.a) as a, _opened(options, options.b) as b:
        left = {t.name: (a, t) for t in take(a, options, options.rename)}
        right = {t.name: (b, t) for t in take(b, options)}
        names = sorted(left.keys() | right.keys())
        found = [_pair(options, name, left.get(name), right.get(name)) for name in names]
    different = [f for f in found if f is not None]
    counts = {what: sum(f["what"] == what for f in different)
              for what in ("only in A", "only in B", "unreadable")}
    equal = len(found) - len(different)
    if options.json:
        _json({"a": options.a, "b": options.b, "differences": different, "equal": equal,
               "only_in_a": counts["only in A"], "only_in_b": counts["only in B"],
               "unreadable": counts["unreadable"]})
    else:
        if different:
            _table(["WHAT", "NAME", "DETAILS"],
                   [(f["what"], _shown(f["name"]), _details(f)) for f in different])
            print()
        print(f"{equal} equal, {len(different) - sum(counts.values())} differ, "
              f"{counts['only in A']} only in A, {counts['only in B']} only in B"
              + (f", {counts['unreadable']} unreadable" if counts["unreadable"] else ""))
    return USAGE if counts["unreadable"] else FAILED if different else GOOD


# ---- the command line --------------------------------------------------------------------------------


def _opened(options, path):
    storage = {}
    for text in options.storage_option:
        name, _, value = text.partition("=")
        storage[name] = value
    return open_source(path, storage_options=storage if "://" in path else None)


def _usage(text):
    print(f"unflow: {text}", file=sys.stderr)
    return USAGE


def _choosing(parser, with_rules):
    parser.add_argument("--glob", action="append", default=[], metavar="GLOB")
    parser.add_argument("--exclude", action="append", default=[], metavar="GLOB")
    parser.add_argument("--names", choices=("variable", "key", "path"), default="variable")
    parser.add_argument("--role", type=_roles, metavar="LIST")
    parser.add_argument("--no-slots", action="store_true")
    parser.add_argument("--all", action="store_true", help="also what no model has")
    if with_rules:
        parser.add_argument("--rename", action="append", type=_rule, default=[], metavar="PATTERN=NEW")
        parser.add_argument("--rename-file", action="extend", type=_rules_of_file, dest="rename",
                            metavar="FILE")


def _parser():
    common = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    common.add_argument("--json", action="store_true")
    common.add_argument("--storage-option", action="append", default=[], metavar="NAME=VALUE",
                        help="for the fsspec filesystem of a URL; may be repeated")
    parser = argparse.ArgumentParser(prog="unflow", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    p = {name: commands.add_parser(name, parents=[common], allow_abbrev=False)
         for name in ("ls", "extract", "verify", "diff")}
    for name in ("ls", "extract"):
        p[name].add_argument("source")
    p["diff"].add_argument("a")
    p["diff"].add_argument("b")
    for name in ("ls", "extract", "diff"):
        p[name].add_argument("globs", nargs="*", metavar="GLOB")
        _choosing(p[name], name != "ls")
        p[name].set_defaults(ema=False)
    x = p["extract"]
    x.add_argument("-o", "--output", required=True, metavar="PATH")
    x.add_argument("--ema", action="store_true")
    x.add_argument("--dequantize", action="store_true")
    x.add_argument("--compress", nargs="?", const=6, default=0, type=int, choices=range(1, 13),
                   metavar="LEVEL")
    x.add_argument("--dtype", action="append", default=[], type=_dtype_rule, metavar="DTYPE[@GLOB]")
    x.add_argument("--layout", action="append", default=[], metavar="HWIO:OIHW[@GLOB]")
    x.add_argument("--no-verify", action="store_true")
    p["verify"].add_argument("source", nargs="+")
    p["verify"].add_argument("--quiet", action="store_true")
    p["diff"].add_argument("--rtol", type=_tolerance, default=0.0)
    p["diff"].add_argument("--atol", type=_tolerance, default=0.0)
    return parser


def main(words):
    """Runs a command line of COMMANDS; the exit status."""
    options = _parse(words)
    run = {"ls": ls, "extract": extract, "verify": verify, "diff": diff}[options.command]
    try:
        return run(options)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return FAILED
    except (RuntimeError, OSError, ImportError) as error:
        print(f"unflow: {_shown(str(error))}", file=sys.stderr)
    return USAGE if options.command == "diff" else FAILED


def _parse(words):
    """Patterns may come before and after options, which argparse does not allow by itself."""
    options, rest = _parser().parse_known_args(words)
    unknown = [word for word in rest if word.startswith("-")]
    if unknown or (rest and not hasattr(options, "globs")):
        _parser().error(f"unrecognized arguments: {' '.join(unknown or rest)}")
    if rest:
        options.globs += rest
    return options
