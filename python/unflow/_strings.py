# SPDX-License-Identifier: Apache-2.0
"""tf.strings functions that are more than one op."""

from __future__ import annotations

from . import _mode, _ops
from ._dtypes import as_dtype
from ._functions import tensor

_apply = _ops.apply


def to_number(input, out_type="float32", name=None):
    return _apply("StringToNumber", [input], {"out_type": as_dtype(out_type)}, name)


def join(inputs, separator="", name=None):
    return _apply("StringJoin", [[tensor(i, "string") for i in inputs]], {"separator": separator}, name)


def format(template, inputs, placeholder="{}", summarize=3, name=None):
    inputs = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    return _apply("StringFormat", [inputs], {"template": template, "placeholder": placeholder,
                                             "summarize": summarize}, name)


def _ragged_rows(values, starts_of, shape):
    from ._composite import RaggedTensor

    return RaggedTensor.from_row_lengths(values, starts_of)


def split(input, sep=None, maxsplit=-1, name=None):
    """The words of each string, ragged."""
    from ._composite import RaggedTensor

    x = tensor(input, "string")
    flat = _apply("Reshape", [x, [-1]])
    indices, values, shape = _apply("StringSplitV2", [flat, sep or ""], {"maxsplit": maxsplit})
    words = RaggedTensor.from_value_rowids(values, indices[:, 0], nrows=shape[0])
    if x.shape.rank == 0:
        return words.values
    return words if x.shape.rank == 1 else _regrouped(words, x)


def _regrouped(rows, x):
    """The rows of x's strings under x's own outer dimensions."""
    from ._composite import RaggedTensor

    for size in reversed(x.shape.as_list()[1:]):
        rows = RaggedTensor.from_uniform_row_length(rows, size)
    return rows


def regex_full_match(input, pattern, name=None):
    """Whether the pattern matches the whole of each string."""
    if isinstance(pattern, (str, bytes)) and _mode.graph_for((input,)) is not None:
        return _apply("StaticRegexFullMatch", [input], {"pattern": pattern}, name)
    return _apply("RegexFullMatch", [input, pattern], None, name)


def regex_replace(input, pattern, rewrite, replace_global=True, name=None):
    """Each string with what the pattern matches replaced."""
    attrs = {"replace_global": replace_global}
    if isinstance(pattern, (str, bytes)) and isinstance(rewrite, (str, bytes)) and (
            _mode.graph_for((input,)) is not None):
        return _apply("StaticRegexReplace", [input], {"pattern": pattern, "rewrite": rewrite, **attrs}, name)
    return _apply("RegexReplace", [input, pattern, rewrite], attrs, name)


def bytes_split(input, name=None):
    """Each string's bytes, ragged."""
    return unicode_split_bytes(input)


def unicode_split_bytes(input):
    from ._composite import RaggedTensor

    x = tensor(input, "string")
    flat = _apply("Reshape", [x, [-1]])
    indices, values, shape = _apply("StringSplit", [flat, ""], {"skip_empty": False})
    found = RaggedTensor.from_value_rowids(values, indices[:, 0], nrows=shape[0])
    return found.values if x.shape.rank == 0 else found if x.shape.rank == 1 else _regrouped(found, x)


def ngrams(data, ngram_width, separator=" ", pad_values=None, padding_width=None,
           preserve_short_sequences=False, name=None):
    from ._composite import RaggedTensor

    widths = [ngram_width] if isinstance(ngram_width, int) else list(ngram_width)
    if pad_values is None:
        left = right = ""
        padding = 0
    else:
        left, right = (pad_values, pad_values) if isinstance(pad_values, str) else pad_values
        padding = -1 if padding_width is None else padding_width
    dense = not isinstance(data, RaggedTensor)
    if dense:
        data = tensor(data, "string")
        if data.shape.rank == 1:
            splits, values = [0, int(data.shape[0])], data
        else:
            ragged = RaggedTensor.from_tensor(data)
            splits, values = ragged.row_splits, ragged.values
    else:
        splits, values = data.row_splits, data.values
    out, out_splits = _apply("StringNGrams", [values, tensor(splits, None if hasattr(splits, "dtype") else "int64")], {
        "separator": separator, "ngram_widths": widths, "left_pad": left, "right_pad": right,
        "pad_width": padding, "preserve_short_sequences": preserve_short_sequences})
    if dense and data.shape.rank == 1:
        return out
    found = RaggedTensor(out, out_splits)
    return found.to_tensor() if dense else found


def unicode_decode(input, input_encoding, errors="replace", replacement_char=0xFFFD,
                   replace_control_characters=False, name=None):
    """The code points of each string, ragged."""
    from ._composite import RaggedTensor

    x = tensor(input, "string")
    flat = _apply("Reshape", [x, [-1]])
    splits, chars = _apply("UnicodeDecode", [flat], {
        "input_encoding": input_encoding, "errors": errors, "replacement_char": replacement_char,
        "replace_control_characters": replace_control_characters})
    found = RaggedTensor(chars, splits)
    return chars if x.shape.rank == 0 else found if x.shape.rank == 1 else _regrouped(found, x)


def unicode_encode(input, output_encoding, errors="replace", replacement_char=65533, name=None):
    """Strings of code points, those of one string in a row."""
    from ._composite import RaggedTensor

    x = input if isinstance(input, RaggedTensor) else tensor(input, "int32")
    attrs = {"output_encoding": output_encoding, "errors": errors, "replacement_char": replacement_char}
    if not isinstance(x, RaggedTensor):
        if x.shape.rank == 1:
            out = _apply("UnicodeEncode", [x, tensor([0, int(x.shape[0])], "int64")], attrs)
            return out[0]
        x = RaggedTensor.from_tensor(x)
    if isinstance(x.values, RaggedTensor):
        return RaggedTensor(unicode_encode(x.values, output_encoding, errors, replacement_char), x.row_splits)
    return _apply("UnicodeEncode", [x.values, x.row_splits], attrs)


def unicode_split(input, input_encoding, errors="replace", replacement_char=0xFFFD, name=None):
    """The characters of each string, ragged."""
    from ._composite import RaggedTensor

    codes = unicode_decode(input, input_encoding, errors, replacement_char)
    flat = codes
    while isinstance(flat, RaggedTensor):
        flat = flat.values
    n = int(flat.shape[0])
    chars = _apply("UnicodeEncode", [flat, tensor(list(range(n + 1)), "int64")], {
        "output_encoding": input_encoding, "errors": errors, "replacement_char": replacement_char})
    return codes._with_flat(chars) if isinstance(codes, RaggedTensor) else chars


def unsorted_segment_join(inputs, segment_ids, num_segments, separator="", name=None):
    return _apply("UnsortedSegmentJoin", [inputs, segment_ids, num_segments], {"separator": separator}, name)


def decode_raw(input_bytes, out_type, little_endian=True, fixed_length=None, name=None):
    out_type = as_dtype(out_type)
    if fixed_length is not None:
        return _apply("DecodePaddedRaw", [input_bytes, fixed_length],
                      {"out_type": out_type, "little_endian": little_endian}, name)
    return _apply("DecodeRaw", [input_bytes], {"out_type": out_type, "little_endian": little_endian}, name)


BY_PATH = {"io.decode_raw": decode_raw}
