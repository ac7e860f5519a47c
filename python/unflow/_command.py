# SPDX-License-Identifier: Apache-2.0
"""``unflow ls, extract, verify, diff`` where a Keras file or a URL takes part (see _cli.py).

Options, output, JSON and exit statuses are those of the native commands (cli/); patterns of
--rename are Python's regular expressions.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from fnmatch import fnmatchcase

import numpy as np

from . import _extract
from ._dtypes import as_dtype
from ._source import open_source
from .errors import NotFoundError, OpError

_ROLES = ("value", "constant", "slot", "optimizer", "average", "meta")


def _safe(text):
    """A name from a file, with what a terminal might obey as \\xNN."""
    return "".join(c if c.isprintable() else "".join(f"\\x{b:02x}" for b in c.encode(
        "utf-8", "surrogateescape")) for c in text)


def _fail(error):
    sys.stderr.write(f"unflow: {_safe(str(error))}\n")
    return 1


# ---- options ----------------------------------------------------------------------------


def _roles(text):
    roles = text.split(",")
    for role in roles:
        if role not in _ROLES:
            raise argparse.ArgumentTypeError(f"expected some of {', '.join(_ROLES)}, found {role!r}")
    return roles


def _rule(text):
    """PATTERN=NEW as (pattern, new); \\= is a = in PATTERN."""
    match = re.match(r"((?:[^\\=]|\\.)*)=(.*)\Z", text, re.S)
    if match is None or not match[1]:
        raise argparse.ArgumentTypeError(f"expected PATTERN=NEW, found {text!r}")
    try:
        pattern = re.compile(match[1].replace(r"\=", "="))
    except re.error as error:
        raise argparse.ArgumentTypeError(f"expected a regular expression, found {match[1]!r}: "
                                         f"{error}") from None
    groups = [int(digit) for digit in re.findall(r"\\(?:(\d)|.)", match[2]) if digit]
    if max(groups, default=0) > pattern.groups:
        raise argparse.ArgumentTypeError(f"expected at most \\{pattern.groups} in {match[2]!r}, "
                                         f"found \\{max(groups)}")
    # \1 is a group, \ before all else stands for that character
    new = re.sub(r"\\(.|\Z)", lambda m: rf"\g<{m[1]}>" if m[1].isdigit() else
                 (m[1] or "\\").replace("\\", r"\\"), match[2], flags=re.S)
    return pattern.pattern, new


def _rule_file(path):
    """Rules, one a line."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"{path}: {error}") from None
    return [_rule(line) for line in lines if line.strip() and not line.startswith("#")]


def _dtype_rule(text):
    """DTYPE[@GLOB] as (DType, glob or None)."""
    name, mark, pattern = text.partition("@")
    dtype = _number(name)
    if dtype is None:
        raise argparse.ArgumentTypeError(f"expected a dtype of numbers, found {name!r}")
    return dtype, pattern if mark else None


def _level(text):
    if not text.isdigit() or not 1 <= int(text) <= 12:
        raise argparse.ArgumentTypeError(f"expected a level from 1 to 12, found {text!r}")
    return int(text)


def _tolerance(text):
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"expected a number from 0 on, found {text!r}")
    return value


def _naming(parser, ema=False, rename=True):
    parser.add_argument("--glob", action="append", default=[], metavar="GLOB")
    parser.add_argument("--exclude", action="append", default=[], metavar="GLOB")
    parser.add_argument("--names", choices=("variable", "key", "path"), default="variable")
    parser.add_argument("--role", type=_roles, metavar="LIST")
    parser.add_argument("--no-slots", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--json", action="store_true")
    if rename:
        parser.add_argument("--rename", dest="rules", action="append", type=_rule, default=[],
                            metavar="PATTERN=NEW")
        parser.add_argument("--rename-file", dest="rules", action="extend", type=_rule_file,
                            metavar="FILE")
    else:
        parser.set_defaults(rules=[])
    if ema:
        parser.add_argument("--ema", action="store_true")
    else:
        parser.set_defaults(ema=False)


def _parser():
    parser = argparse.ArgumentParser("unflow", description="Keras files and URLs, by the Python "
                                     "package; 'unflow --help' tells of all else.")
    commands = parser.add_subparsers(dest="command", required=True)
    ls = commands.add_parser("ls", help="list arrays")
    ls.add_argument("source")
    ls.add_argument("globs", nargs="*", metavar="GLOB")
    _naming(ls, rename=False)
    extract = commands.add_parser("extract", help="arrays to .npz, .safetensors, .h5 or a folder")
    extract.add_argument("source")
    extract.add_argument("globs", nargs="*", metavar="GLOB")
    extract.add_argument("-o", "--output", required=True, metavar="PATH")
    extract.add_argument("--dequantize", action="store_true")
    extract.add_argument("--compress", nargs="?", type=_level, const=6, default=0, metavar="LEVEL")
    extract.add_argument("--dtype", action="append", type=_dtype_rule, default=[],
                         metavar="DTYPE[@GLOB]")
    extract.add_argument("--layout", action="append", default=[], metavar="HWIO:OIHW[@GLOB]")
    extract.add_argument("--no-verify", action="store_true")
    _naming(extract, ema=True)
    verify = commands.add_parser("verify", help="check every array")
    verify.add_argument("sources", nargs="+", metavar="source")
    verify.add_argument("--quiet", action="store_true")
    verify.add_argument("--json", action="store_true")
    diff = commands.add_parser("diff", help="compare two sources")
    diff.add_argument("a")
    diff.add_argument("b")
    diff.add_argument("globs", nargs="*", metavar="GLOB")
    diff.add_argument("--rtol", type=_tolerance, default=0.0)
    diff.add_argument("--atol", type=_tolerance, default=0.0)
    _naming(diff)
    return parser


# ---- what is taken --------------------------------------------------------------------------


def _roles_of(source):
    return {v.key: v.role for v in source._all_variables()}


def _taken(source, options, rules):
    """{name to write: (name before it was renamed, key)} of what the options choose."""
    wanted = set(options.role or _ROLES)
    roles = _roles_of(source)
    chosen = _extract._choose(source, options.glob + options.globs, options.exclude, options.names,
                              rules, options.ema, not options.no_slots,
                              options.all or "meta" in (options.role or ()))
    return {name: both for name, both in chosen.items() if roles[both[1]] in wanted}


def _bytes(count):
    """As the native commands: '1.5 KiB'."""
    if count < 1024:
        return f"{count} B"
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        count /= 1024
        if count < 1024 or unit == "TiB":
            return f"{count:.1f} {unit}"


def _shape(shape):
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _table(headers, rows):
    rows = [headers, *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(headers))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


# ---- commands ---------------------------------------------------------------------------------


def _ls(options):
    with open_source(options.source) as source:
        taken = _taken(source, options, None)
        entries = {name: source._core.entry(key) for name, (_, key) in taken.items()}
        roles, info = _roles_of(source), source.info
    sizes = [int(np.prod(entry[2], dtype=object)) for entry in entries.values()
             if roles[entry[0]] in ("value", "constant")]
    totals = {"arrays": len(entries), "parameters": sum(sizes),
              "bytes": sum(entry[3] for entry in entries.values())}
    if options.json:
        arrays = [{"name": name, "key": entry[0], "role": roles[entry[0]], "dtype": entry[1],
                   "shape": list(entry[2]), "bytes": entry[3]} for name, entry in entries.items()]
        print(json.dumps({**info, "arrays": arrays, "totals": totals}))
        return 0
    if entries:
        _table(("ROLE", "DTYPE", "SHAPE", "BYTES", "NAME"),
               [(roles[entry[0]], entry[1], _shape(entry[2]), f"{entry[3]:,}", _safe(name))
                for name, entry in entries.items()])
    print(f"\n{totals['arrays']:,} array{'' if totals['arrays'] == 1 else 's'} with "
          f"{totals['parameters']:,} parameter{'' if totals['parameters'] == 1 else 's'} in "
          f"{_bytes(totals['bytes'])}")
    return 0


def _kind(dtype):
    """A dtype without a pattern is for its own kind: floats stay floats."""
    name = np.dtype(dtype.as_numpy_dtype).name if dtype.name != "bfloat16" else "bfloat16"
    return "float" if "float" in name else "complex" if "complex" in name else name.rstrip("0123456789")


def _item(source, new, old, key, options, layouts):
    """An item for _extract._write."""
    stored = _number(source._core.entry(key)[1])
    for dtype, pattern in options.dtype:
        if stored is not None and (fnmatchcase(old, pattern) if pattern
                                   else _kind(stored).lstrip("u") == _kind(dtype).lstrip("u")):
            wanted = dtype if dtype.name != stored.name else None
            return _extract._item(source, new, old, key, wanted, options.dequantize, layouts)
    return _extract._item(source, new, old, key, None, options.dequantize, layouts)


def _number(name):
    """The DType of a number's dtype."""
    try:
        found = as_dtype(name)
    except TypeError:
        return None
    return found if found.is_numpy_compatible and found.name != "string" else None


def _extract_to(options):
    with open_source(options.source) as source:
        chosen = _taken(source, options, options.rules)
        if not chosen:
            raise NotFoundError(None, None, f"{source}: expected arrays of these names to write, "
                                f"found none among its {len(source)}")
        layouts = _extract._layouts(options.layout)
        items = [_item(source, new, old, key, options, layouts)
                 for new, (old, key) in chosen.items()]
        _extract._write(source, items, options.output, None, options.compress,
                        not options.no_verify, None, True)
        left_out = len(source) - len(items)
        written = [(item, source._core.entry(item[1])) for item in items]
        roles = _roles_of(source)
    if options.json:
        arrays = [{"array": name, "key": key, "role": roles[key], "dtype": wanted or entry[1],
                   "shape": [entry[2][axis] for axis in axes or range(len(entry[2]))]}
                  for (name, key, wanted, _, axes), entry in written]
        print(json.dumps({"path": options.output, "arrays": arrays, "left_out": left_out}))
    else:
        print(f"wrote {len(written)} array{'' if len(written) == 1 else 's'} to {options.output}")
    return 0


def _report(path):
    """What `verify` finds in one source, as its JSON has it."""
    report = {"path": path, "tensors": 0, "bytes": 0, "damaged": []}
    try:
        with open_source(path) as source:
            report["format"] = source.info["format"]
            damaged = source.verify()
            entries = {entry[0]: entry for entry in source._core.entries()}
    except (OpError, OSError, ImportError) as error:
        report["damaged"].append({"name": None, "what": str(error)})
        return report
    report["tensors"] = len(entries)
    report["bytes"] = sum(entry[3] for entry in entries.values())
    for name, what in damaged.items():
        found = {"name": name, "what": what}
        if name in entries and entries[name][4]:
            found.update(file=entries[name][4], offset=entries[name][5])
        report["damaged"].append(found)
    return report


def _tell(report):
    damaged = report["damaged"]
    if "format" not in report:
        _fail(damaged[0]["what"])
        return
    state = f"{len(damaged)} damaged" if damaged else "all good"
    print(f"{_safe(report['path'])}: {report['tensors']:,} "
          f"tensor{'' if report['tensors'] == 1 else 's'}, {_bytes(report['bytes'])}, {state}")
    if damaged:
        _table(("NAME", "FILE", "OFFSET", "WHAT"),
               [(_safe(found["name"]), _safe(found.get("file", "-")), str(found.get("offset", "-")),
                 _safe(found["what"])) for found in damaged])


def _verify(options):
    reports = [_report(path) for path in options.sources]
    if not options.quiet and options.json:
        print(json.dumps(reports))
    elif not options.quiet:
        for report in reports:
            _tell(report)
    return 1 if any(report["damaged"] for report in reports) else 0


def _differing(a, b, options):
    """Of two arrays of one dtype and shape: what differs, or None."""
    if a.dtype == object or a.dtype.kind == "V":
        differ, numbers = a != b, False
    else:
        exact = a.dtype.kind in "biu"
        wide = np.complex128 if a.dtype.kind == "c" else np.float64
        x, y = a.astype(wide), b.astype(wide)
        with np.errstate(all="ignore"):
            gap = np.abs(x - y)
            same = (a == b) if exact and not (options.rtol or options.atol) else \
                (x == y) | (gap <= options.atol + options.rtol * np.abs(y))
        differ, numbers = ~(same | (np.isnan(x) & np.isnan(y))), True
    differ = np.atleast_1d(differ)
    count = int(np.count_nonzero(differ))
    if count == 0:
        return None
    found = {"count": count, "first": int(np.argmax(differ.ravel()))}
    if numbers:
        gap = np.atleast_1d(gap)[differ]
        scale = np.maximum(np.abs(np.atleast_1d(x)), np.abs(np.atleast_1d(y)))[differ]
        with np.errstate(all="ignore"):
            found["max_abs"], found["max_rel"] = float(np.max(gap)), float(np.max(gap / scale))
    return found


def _pair(a, b, options):
    """What `diff` says of two handles, without their names; None: equal."""
    if a.type != b.type:
        return {"what": "dtype", "details": f"{a.type} and {b.type}"}
    if a.shape != b.shape:
        return {"what": "shape", "details": f"{_shape(a.shape)} and {_shape(b.shape)}"}
    try:
        found = _differing(a.numpy(), b.numpy(), options)
    except (OpError, OSError) as error:
        return {"what": "unreadable", "why": str(error), "details": str(error)}
    if found is None:
        return None
    at = ", ".join(map(str, np.unravel_index(found["first"], a.shape))) if a.shape else ""
    details = (f"{found['count']:,} differ{'s' if found['count'] == 1 else ''}, first at [{at}]")
    if "max_abs" in found:
        details += f", at most by {found['max_abs']:.3g} (relative {found['max_rel']:.3g})"
    return {"what": "values", **found, "details": details}


def _side(handle):
    return {"key": handle.key, "dtype": handle.type, "shape": list(handle.shape)}


def _compare(a, b, options):
    """(findings, number of equal arrays)."""
    left, right = _taken(a, options, options.rules), _taken(b, options, None)
    findings, equal = [], 0
    for name in sorted({**left, **right}):
        x = a.tensors[left[name][1]] if name in left else None
        y = b.tensors[right[name][1]] if name in right else None
        if x is None or y is None:
            only = x if y is None else y
            found = {"what": "only in A" if y is None else "only in B",
                     "details": f"{only.type} {_shape(only.shape)}"}
        else:
            found = _pair(x, y, options)
        if found is None:
            equal += 1
            continue
        sides = {side: _side(handle) for side, handle in (("a", x), ("b", y)) if handle is not None}
        findings.append({"name": name, "what": found.pop("what"), **sides, **found})
    return findings, equal


def _diff(options):
    try:
        with open_source(options.a) as a, open_source(options.b) as b:
            findings, equal = _compare(a, b, options)
    except (OpError, OSError, ImportError) as error:
        _fail(error)
        return 2
    count = {what: sum(found["what"] == what for found in findings)
             for what in ("only in A", "only in B", "dtype", "shape", "values", "unreadable")}
    if options.json:
        found = [{key: value for key, value in found.items() if key != "details"}
                 for found in findings]
        print(json.dumps({"a": options.a, "b": options.b, "differences": found, "equal": equal,
                          "only_in_a": count["only in A"], "only_in_b": count["only in B"],
                          "unreadable": count["unreadable"]}))
    else:
        if findings:
            _table(("WHAT", "NAME", "DETAILS"), [(found["what"], _safe(found["name"]),
                                                  _safe(found["details"])) for found in findings])
            print()
        tail = f", {count['unreadable']} unreadable" if count["unreadable"] else ""
        print(f"{equal} equal, {count['dtype'] + count['shape'] + count['values']} differ, "
              f"{count['only in A']} only in A, {count['only in B']} only in B{tail}")
    return 2 if count["unreadable"] else 1 if findings else 0


def main(arguments):
    """Runs a command; returns its exit status (0, 1: failed or different, 2: usage)."""
    options = _parse(arguments)
    commands = {"ls": _ls, "extract": _extract_to, "verify": _verify, "diff": _diff}
    try:
        return commands[options.command](options)
    except (OpError, OSError, ImportError) as error:
        return _fail(error)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parse(arguments):
    """Patterns may also stand behind options, as getopt lets them."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if any(word.startswith("-") for word in rest) or (rest and not hasattr(options, "globs")):
        parser.error(f"unknown: {' '.join(rest)}")
    if rest:
        options.globs += rest
    return options
