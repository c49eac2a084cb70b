"""Normalized readings of a text, to see through spellings that hide words from a program.

Each function returns several readings; a rule is broken if it matches any of them.
"""

import re
import unicodedata
from collections.abc import Iterator

# Letters of other alphabets that look like Latin ones; replaced only in words that mix both.
_FOREIGN_LETTERS = "авсԁеһіјкӏмнорԛѕтуѵԝхαεηικνορτυχω"
_LATIN_LETTERS = "abcdehijklmhopqstyvwxaenikvoptuxw"
_LOOK_ALIKES = str.maketrans(_FOREIGN_LETTERS, _LATIN_LETTERS)
_FOREIGN = re.compile(r"[Ͱ-Ͽа-яѐ-ӿԀ-ԯ]")
# Digits and signs that stand for letters, in words that also have letters.
_LEET = str.maketrans("034578@$!|+€", "oeastbasiite")
_IS_LEET = re.compile(r"[0-9@$!|+€]")
_TOKEN = re.compile(r"[a-z0-9@$!|+€]+")
_LONG_RUN = re.compile(r"([a-z])\1{2,}")
_SPELLED = re.compile(r"(?<![a-z0-9])[a-z0-9](?:[\W_]{1,3}[a-z0-9](?![a-z0-9])){2,}")
_CLAUSE_ENDS = re.compile(r"[,;:!?…。，；：！？]|\.(?=\s|$)")
_INNER_SIGNS = re.compile(r"(?<=[a-z])[-._*~'’`/\\](?=[a-z])")
# Separators inserted into Chinese words; the punctuation of a sentence stays a boundary.
_TEARS = re.compile(r"(?<=[㐀-鿿])[\s\-_*.·~|/\\+]{1,3}(?=[㐀-鿿])")


def folded(text: str) -> str:
    """Return the text in lower case and normal width, without accents and invisible characters."""
    compatible = unicodedata.normalize("NFKC", text).casefold()
    apart = unicodedata.normalize("NFD", compatible)
    return "".join(
        each
        for each in apart
        if unicodedata.category(each) not in {"Mn", "Cf", "Cc"} or each.isspace()
    )


def english(text: str) -> Iterator[str]:
    """Yield readings of folded text as words separated by single spaces."""
    words = text.split()
    plain = " ".join(words if text.isascii() else map(_unmixed, words))
    spellings = dict.fromkeys(
        spelling
        for reading in dict.fromkeys((plain, _INNER_SIGNS.sub("", plain)))
        for spelling in _spellings(reading)
    )
    # Most are equal: each is split into words once.
    yield from map(_words, spellings)
    yield from _spelled(plain)


def _spellings(text: str) -> Iterator[str]:
    """Yield the text, then without digits and signs for letters, then without long runs of a letter, too."""
    yield text
    for unleeted in dict.fromkeys(_unleeted(text, one=one) for one in ("i", "l")):
        yield unleeted
        for shorter in (r"\1", r"\1\1"):
            yield _LONG_RUN.sub(shorter, unleeted)


def chinese(text: str) -> Iterator[str]:
    """Yield readings of folded text with separated words joined."""
    yield text
    yield _TEARS.sub("", text)


def _words(text: str) -> str:
    """Return the words separated by spaces, with a comma at the end of each clause."""
    return " ".join(re.findall(r"[a-z0-9]+|,", _CLAUSE_ENDS.sub(",", text)))


def _unmixed(word: str) -> str:
    """Replace look-alikes in a word that also has Latin letters: no language mixes them."""
    is_mixed = re.search(r"[a-z]", word) and _FOREIGN.search(word)
    return word.translate(_LOOK_ALIKES) if is_mixed else word


def _unleeted(text: str, *, one: str) -> str:
    """Replace digits and signs inside words by the letters that they resemble."""

    if not _IS_LEET.search(text):
        return text

    def read(match: re.Match[str]) -> str:
        if match[0].isalpha():
            return match[0]
        token = match[0].rstrip("!|+").lstrip("!|+")
        if not re.search(r"[a-z]", token):
            return match[0]
        return token.replace("1", one).translate(_LEET)

    return _TOKEN.sub(read, text)


def _spelled(text: str) -> Iterator[str]:
    """Yield words spelled out letter by letter, with and without their first letter as an article."""
    for match in _SPELLED.finditer(text):
        for one in ("i", "l"):
            letters = _unleeted("".join(re.findall(r"[a-z0-9]", match[0])), one=one)
            yield letters
            yield letters[1:]
