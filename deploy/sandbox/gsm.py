"""Owns how a text becomes SMS parts: GSM 03.38 or UCS-2."""

from __future__ import annotations

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà")
EXTENDED = frozenset("\f^{}\\[~]|€")
_ALL = BASIC | EXTENDED

GSM_LIMIT = 9 * 153
UNICODE_LIMIT = 9 * 67


def is_gsm(text: str) -> bool:
    """Whether every character exists in GSM 03.38."""
    return _ALL.issuperset(text)


def replace_lacking(text: str) -> str:
    """What `datacoding: plain` does to characters that GSM lacks."""
    return "".join(c if c in _ALL else "?" for c in text)


def length(text: str, gsm: bool) -> int:
    """Septets, or UTF-16 units."""
    if gsm:
        return len(text) + sum(c in EXTENDED for c in text)
    return len(text.encode("utf-16-le")) // 2


def fits(text: str, gsm: bool) -> bool:
    """Whether it can be sent at all."""
    return length(text, gsm) <= (GSM_LIMIT if gsm else UNICODE_LIMIT)


def parts(text: str, gsm: bool) -> int:
    """How many SMS the text takes."""
    size = length(text, gsm)
    single, multi = (160, 153) if gsm else (70, 67)
    return 1 if size <= single else -(-size // multi)
