# SPDX-License-Identifier: Apache-2.0
"""Regular expressions."""
import numpy as np

from tf_case import Case

TEXTS = np.array([b"", b"a", b"ab", b"aab", b"abab", b"hello world", b"Hello\nWorld\n", "déjà vu".encode(), "ΑΒΓ αβγ".encode(),
                  b"x=1, y=22, z=333", b"foo.bar@example.com", b"\xff\xfeab", b"aaa bbb", b"A_1-2", b"2024-01-31", b"a\nb",
                  "日本語テキスト".encode(), b"(paren) [brack]", b"tab\tsep", "ſK".encode()], object)
PATTERNS = [r"", r"a", r"a*", r"(a*)(b*)", r"(?:ab)+", r"(ab|a)(b?)", r"[a-z]+", r"[^a-z]*", r".*", r"(?s).*", r"\w+ \w+",
            r"(\w+)@(\w+)\.com", r"^a", r"b$", r"(?m)^\w+$", r"\bw", r"\B.", r"a{2}", r"a{1,}b{0,2}", r"a{,2}", r"(?i)HELLO.*",
            r"\pL+", r"\p{Greek}+ \p{Greek}+", r"\PL+", r"[[:alpha:]]+", r"[[:^digit:]]+", r"\d+", r"(\d+)-(\d+)-(\d+)",
            r"(?P<y>\d{4})", r"a+?", r"(?U)a+", r"(a|ab)(c|bcd)?", r"\x61\x{62}", r"\141b", r"\Qa.b\E|foo\.bar", r"[\d\-]+", r"[]a]+",
            r"a|b|", r"(|a)*", r"(a*)*", r"(a*)+", r"(?i)straße|k", r"(?i)[k-s]+", r".*_temp/part$", r"(?:^s3://.*)", r"\s", r"\S+",
            r"(?-s).*", r"[a-c-e]+", r"x{0}", r"(x{3}){2}", r"\p{Lu}", r"[\p{L}\s]+", r"(((a)))", r"\A.\z", r"a{", r"a{x}",
            "日+", "[日-語]+", r"[^\x00-\x7F]+", r"(?i:A)b", r"[\w.]+", r"a\|b", r"\pN", r"((a)|(b))*"]
BAD = [r"{1,2}", r"(", r")", r"[a", r"a**", r"*a", r"a{2}{3}", r"\1", r"[b-a]", r"(?z)a", r"\p{Nope}", r"a{1001}", r"(?=a)", "\\", r"[[:nope:]]",
       r"\8", r"(?P<>a)", r"x{2,1}", r"[a-\d]", r"(?i", r"\xZ"]
REWRITES = [b"", b"X", b"<\\0>", b"\\1-\\2", b"\\\\", b"\\x", b"\\9", b"[\\1]"]


def cases(rng):
    for pattern in PATTERNS:
        yield Case("StaticRegexFullMatch", [TEXTS], {"pattern": pattern})
        yield Case("RegexFullMatch", [TEXTS.reshape(4, 5), np.array(pattern.encode(), object)])
        for everywhere in (True, False):
            rewrite = REWRITES[rng.integers(len(REWRITES))]
            yield Case("StaticRegexReplace", [TEXTS], {"pattern": pattern, "rewrite": rewrite, "replace_global": everywhere})
            yield Case("RegexReplace", [TEXTS, np.array(pattern.encode(), object), np.array(b"<\\0>", object)],
                       {"replace_global": everywhere})
    for pattern in BAD:
        yield Case("RegexFullMatch", [TEXTS, np.array(pattern.encode(), object)])
        yield Case("RegexReplace", [TEXTS, np.array(pattern.encode(), object), np.array(b"x", object)])
    for rewrite in REWRITES:
        yield Case("StaticRegexReplace", [TEXTS], {"pattern": r"(\w)(\w)", "rewrite": rewrite})
    yield Case("StaticRegexFullMatch", [np.array(b"a" * 200, object)], {"pattern": "(a?){60}a{60}(a*)*b?"})
    for pattern in ("(?:(?:(?:(?:){1000}){1000}){1000}){1000}", "((a{100}){100}){100}", "((a{10}){10}){10}", "(a{100}b{1,9}){10}", "((a{100})*){11}", "(?i)" + r"\pL" * 5, "(" * 150 + "a" + ")" * 150,
                    "(?:" * 150 + "a" + ")*" * 150):
        yield Case("RegexFullMatch", [TEXTS[:3], np.array(pattern.encode(), object)])
    alphabet = ["a", "b", "(", ")", "|", "*", "+", "?", ".", "[ab]", "(?:", "^", "$", r"\b", "{1,2}", "c", "é"]
    for _ in range(150):
        pattern = "".join(rng.choice(alphabet, rng.integers(1, 9)))
        texts = np.array(["".join(rng.choice(list("abcé \n"), rng.integers(0, 8))).encode() for _ in range(12)], object)
        yield Case("RegexFullMatch", [texts, np.array(pattern.encode(), object)])
        yield Case("RegexReplace", [texts, np.array(pattern.encode(), object), np.array(b"<\\0>", object)])
