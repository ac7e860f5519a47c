#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""unicode_tables.py: writes src/ops/unicode_tables.h.

Case mappings and general categories come from Python's unicodedata (of Unicode 14 or later; what is newer than 13, the
version that TensorFlow has, is left out of the case mappings), scripts from the op UnicodeScript of TensorFlow, as an array
saved by NumPy:  unicode_tables.py scripts.npy > src/ops/unicode_tables.h
"""
import sys
import unicodedata

import numpy as np

NEW_IN_14 = [0x2C2F, 0x2C5F, 0xA7C0, 0xA7C1, 0xA7D0, 0xA7D1, 0xA7D6, 0xA7D7, 0xA7D8, 0xA7D9, *range(0x10570, 0x105C0)]
CATEGORIES = 'Cn Cc Cf Co Cs Ll Lm Lo Lt Lu Mc Me Mn Nd Nl No Pc Pd Pe Pf Pi Po Ps Sc Sk Sm So Zl Zp Zs'.split()
CODES = range(0x110000)


def mapping(function):
    """{code: code} of single characters, and {code: text} of those that become several."""
    simple, special = {}, {}
    for code in CODES:
        if 0xD800 <= code < 0xE000 or code in NEW_IN_14:
            continue
        to = function(chr(code))
        if to == chr(code):
            continue
        if len(to) == 1:
            simple[code] = ord(to)
        else:
            special[code] = to
    return simple, special


def runs(simple):
    """[first, last, step, delta]: codes that are `step` apart and move by the same `delta`."""
    out = []
    for code in sorted(simple):
        delta = simple[code] - code
        if out:
            first, last, step, same = out[-1]
            gap = code - last
            if same == delta and gap <= 2 and (first == last or gap == step):
                out[-1] = [first, code, gap, delta]
                continue
        out.append([code, code, 1, delta])
    return out


def lengths(values, bits):
    """Runs of equal values as varints: length << bits | value."""
    out = bytearray()
    begin = 0
    for code in range(1, len(values) + 1):
        if code < len(values) and values[code] == values[begin]:
            continue
        word = (code - begin) << bits | int(values[begin])
        while word >= 0x80:
            out.append(word & 0x7F | 0x80)
            word >>= 7
        out.append(word)
        begin = code
    return out


def table(name, data, comment):
    print(f'/* {comment} */\nstatic const uint8_t {name}[{len(data)}] = {{')
    for i in range(0, len(data), 32):
        print(','.join(str(b) for b in data[i:i + 32]) + ',')
    print('};\n')


def case_table(name, simple):
    rows = runs(simple)
    print(f'static const case_run {name}[{len(rows)}] = {{')
    for i in range(0, len(rows), 4):
        print('  ' + ' '.join('{0x%X, 0x%X, %d, %d},' % tuple(r) for r in rows[i:i + 4]))
    print('};\n')


def main():
    lower, lower_special = mapping(str.lower)
    upper, upper_special = mapping(str.upper)
    assert list(lower_special) == [0x130]
    print('''/* SPDX-License-Identifier: Apache-2.0
 *
 * unicode_tables.h: made by tools/unicode_tables.py; see unicode.c.
 */
typedef struct case_run {
  uint32_t first, last; /* and every `step`th in between */
  int32_t step, delta;
} case_run;
''')
    case_table('lower_runs', lower)
    case_table('upper_runs', upper)
    print('/* What becomes several characters in upper case. */')
    print(f'static const uint16_t upper_special[{len(upper_special)}][4] = {{')
    for code, text in sorted(upper_special.items()):
        print('  {0x%X, %s},' % (code, ', '.join('0x%X' % ord(c) for c in text)))
    print('};\n')
    print('static const char category_names[%d][3] = {%s};\n' % (len(CATEGORIES), ', '.join(f'"{c}"' for c in CATEGORIES)))
    categories = [CATEGORIES.index(unicodedata.category(chr(c))) for c in CODES]
    table('category_runs', lengths(categories, 5), 'run length << 5 | index in category_names, as varints')
    table('script_runs', lengths(np.load(sys.argv[1]), 8), 'run length << 8 | script as ICU numbers them, as varints')


if __name__ == '__main__':
    main()
