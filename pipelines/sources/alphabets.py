"""Alphabets: how much like words of some language a text looks, to tell legacy encodings apart.

Most bytes are characters in every legacy encoding, so validity says little: `Łódź` of Windows-1250
is `£ódŸ` in Windows-1252. What tells is whether the letters are those of one language, whether they
stand where letters stand, and for East Asian scripts whether the characters are common ones.
"""

import re
import unicodedata
from collections import Counter

WEST = {
    "English": "éïö",
    "French": "àâæçéèêëîïôœùûüÿ",
    "Spanish": "áéíñóúü",
    "Portuguese": "áâãàçéêíóôõúü",
    "Italian": "àèéìíòóùú",
    "German": "äöüßé",
    "Dutch": "áéëèïíóöúü",
    "Catalan": "àçéèíïóòúü",
    "Swedish": "åäöéü",
    "Danish": "æøåéöü",
    "Icelandic": "áæðéíóöþúý",
}
CENTRAL = {
    "Polish": "ąćęłńóśźż",
    "Czech": "áčďéěíňóřšťúůýž",
    "Slovak": "áäčďéíĺľňóôŕšťúýž",
    "Hungarian": "áéíóöőúüű",
    "Croatian": "čćđšž",
    "Romanian": "ăâîşţșț",
    "German": "äöüßé",
}
TURKISH = {"Turkish": "çğıöşüâîûİ", "German": "äöüßé", "French": WEST["French"]}
BALTIC = {"Lithuanian": "ąčęėįšųūž", "Latvian": "āčēģīķļņšūž", "Estonian": "äõöüšž"}
CYRILLIC = {
    "Russian": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "Ukrainian": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "Serbian": "абвгдђежзијклљмнњопрстћуфхцчџш",
}
GREEK = {"Greek": "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ"}
LANGUAGES = {
    **dict.fromkeys(("cp1252", "mac_roman", "cp850", "cp437"), WEST),
    **dict.fromkeys(("cp1250", "iso8859_2", "cp852"), CENTRAL),
    "cp1254": TURKISH,
    "cp1257": BALTIC,
    **dict.fromkeys(("cp1251", "koi8_u", "cp866", "mac_cyrillic"), CYRILLIC),
    "cp1253": GREEK,
}
"""Encodings of one byte for a character, the more common ones first, with the languages that are
written in them and the letters of each beyond a to z."""
JAPANESE = "田中山本木村藤佐高橋小川大林井上野松東京都市区県様"
SIMPLIFIED = (
    "王李张刘陈杨黄赵周吴徐孙马胡朱郭何林高罗小明华国建文平志伟海江山东北京上市南省广州区路号丽军"
)
TRADITIONAL = "王李張劉陳楊黃趙周吳徐孫馬胡朱郭何林高羅小明華國建文平志偉海江山東北台上市南區路號美"
KOREAN = "김이박최정강조윤장임한오서신권황안송류전홍민준지수영현은경희진성미동시구로서울"
COMMON = {
    "cp932": (JAPANESE, 0x88, 0x97),
    "euc_jp": (JAPANESE, 0xB0, 0xCF),
    "gb18030": (SIMPLIFIED, 0xB0, 0xD7),
    "big5": (TRADITIONAL, 0xA4, 0xC6),
    "cp949": (KOREAN, 0xB0, 0xC8),
}
"""Encodings of two bytes for a character: some of the most frequent characters in names and places,
and the first bytes of those that its standard lists as in everyday use."""
ENCODINGS = (*LANGUAGES, *COMMON)
RARITY = {
    **{"iso8859_2": 0.2, "koi8_u": 0.6, "mac_roman": 0.5, "mac_cyrillic": 0.6, "cp1253": 0.6},
    **{"cp1257": 0.6, "cp850": 0.9, "cp437": 0.9, "cp852": 0.9, "cp866": 0.9},
}
"""What an encoding must have ahead of the others, as few files are in it."""

_SPLIT = re.compile(r"[\s!-&(-,./:-@\[-`{-~]+")
_OUTSIDE = "«»“”„‘’‚–—…®™©°ºª€£¥·•¿¡№\u00a0"
"""Signs that stand before, behind and between words."""
_OPENING = "«“„‘¿¡"
_VOWELS = frozenset("аеёиоуыэюяіїє")
_FOREIGN, _STRANGE, _BROKEN = 0.6, 1.5, 3.0
"""What a word costs: in another language than most, in none, and in no way a word."""


def judge_words(values: list[str], encoding: str) -> float:
    """Say how little values look like words of the languages of an encoding; 0 is best.

    Args:
        values: Texts as read in that encoding.
        encoding: One of `ENCODINGS`.
    """
    words = [w for value in values for w in _SPLIT.split(value) if w and not w.isascii()]
    if encoding in COMMON:
        return sum(_judge_ideographs(word, encoding) for word in words)
    cost = RARITY.get(encoding, 0.0)
    shaped = [(word, _judge_shape(word)) for word in words]
    alphabets = [frozenset(letters) for letters in LANGUAGES[encoding].values()]
    covers: Counter[int] = Counter()
    own: list[list[int]] = []
    for word, _ in shaped:
        letters = {c for c in word.lower() if not c.isascii() and c.isalpha()}
        letters |= {"İ"} if "İ" in word else set()
        letters -= {"\u0307"}
        own.append([n for n, alphabet in enumerate(alphabets) if letters <= alphabet | {"i"}])
        covers.update(own[-1])
    first = max(covers, key=lambda n: covers[n], default=-1)
    for (_, shape), languages in zip(shaped, own, strict=True):
        cost += shape
        if first not in languages:
            cost += _FOREIGN if languages else _STRANGE
    return cost


def _judge_shape(word: str) -> float:
    """Say what is wrong with the place of the characters in a word, whatever its language."""
    inner = word.strip(_OUTSIDE)
    cost = 0.5 if word[0] in _OUTSIDE and word[0] not in _OPENING and word[1:2].isalpha() else 0.0
    cost += _FOREIGN if len(inner) == 1 and inner.isalpha() else 0.0
    scripts = set()
    for at, character in enumerate(inner):
        if character.isascii():
            scripts |= {"LATIN"} if character.isalpha() else set()
            continue
        kind = unicodedata.category(character)
        if kind in ("Cc", "Cn", "Co", "Cs"):
            return _BROKEN
        if not character.isalpha():
            cost += 0.0 if character in "’–·\u00a0" else _STRANGE
            continue
        scripts.add(unicodedata.name(character, "?").split()[0])
        before, behind = inner[at - 1 : at], inner[at + 1 : at + 2]
        if character.isupper() and before.isalpha() and (before.islower() or behind.islower()):
            cost += _STRANGE
        elif character.islower() and character != "ß" and before.isupper() and behind.isupper():
            cost += 1.0
    if scripts == {"CYRILLIC"} and len(inner) >= 4:
        share = sum(character in _VOWELS for character in inner.lower()) / len(inner)
        cost += 0.0 if 0.2 <= share <= 0.75 else _FOREIGN
    return min(_BROKEN, cost + (_BROKEN if len(scripts) > 1 else 0.0))


def _judge_ideographs(word: str, encoding: str) -> float:
    frequent, first, last = COMMON[encoding]
    cost = 0.0
    has_latin = any(character.isascii() and character.isalpha() for character in word)
    for character in word:
        if character.isascii():
            continue
        lead = character.encode(encoding, errors="replace")[0]
        name = unicodedata.name(character, "?")
        is_kana = name.startswith(("HIRAGANA", "KATAKANA"))
        if character in frequent or (is_kana and frequent is JAPANESE):
            continue
        if not name.startswith(("CJK", "HANGUL")) or is_kana:
            cost += 0.4 if character in "　・ー（）" or name.startswith("HALFWIDTH") else _STRANGE
        else:
            cost += 0.5 if first <= lead <= last else 1.0
    return cost + (_BROKEN if has_latin else 0.0)
