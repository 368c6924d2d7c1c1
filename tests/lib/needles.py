"""What would give a phone number, or a text, away: all usual spellings of it, to be looked for in bytes."""

import base64
import html
import json
import re
from urllib.parse import quote, quote_plus

# Between two digits, as people and programs write them.
GAP = rb"(?:[ .\-()/+]|%20|%2[Bb]|%28|%29|\xc2\xa0|\\u00a0|&nbsp;|&#160;){0,2}"
LEAST = 7  # digits that tell whose it is
WHOLE = 9  # so many are no accident, wherever they stand


def in_base64(data):
    """The characters that stand in base64 whatever is before and behind it, at each of the three alignments."""
    for before in range(3):
        cut = -(-before * 8 // 6)
        whole = base64.b64encode(b"\0" * before + data).rstrip(b"=")
        behind = 1 if (before + len(data)) % 3 else 0
        core = whole[cut:len(whole) - behind]
        yield core
        yield core.replace(b"+", b"-").replace(b"/", b"_")


def in_bytes(data):
    """Spellings of any text."""
    text = data.decode()
    yield data
    yield from in_base64(data)
    yield data.hex().encode()
    yield data.hex().upper().encode()
    yield text.encode("utf-16-le")
    yield text.encode("utf-16-be")
    yield data[::-1]
    yield "".join(f"%{byte:02X}" for byte in data).encode()
    yield "".join(f"%{byte:02x}" for byte in data).encode()
    yield "".join(f"\\x{byte:02x}" for byte in data).encode()
    yield "".join(f"\\u{ord(c):04x}" for c in text).encode()


def phone_patterns(digits):
    """Patterns for one, with its country's code or without, whole or its end."""
    for end in (digits, digits[-WHOLE:]):
        yield from map(re.escape, in_bytes(end.encode()))
    yield GAP.join(bytes([d]) for d in digits[-WHOLE:].encode())
    # Fewer digits only where no others stand before them: else any time in ms may have them.
    for count in range(LEAST, WHOLE):
        yield rb"(?<![0-9])" + GAP.join(bytes([d]) for d in digits[-count:].encode()) + rb"(?![0-9])"
    number = int(digits)
    for order in ("big", "little"):
        yield re.escape(number.to_bytes(8, order))
    yield re.escape(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def text_patterns(text):
    yield from map(re.escape, in_bytes(text.encode()))
    for spelt in (quote(text), quote(text, safe=""), quote_plus(text), json.dumps(text)[1:-1], html.escape(text),
                  text.replace(" ", "+"), text.upper(), text.title()):
        yield re.escape(spelt.encode())


class Needles:
    """`check(where, blob)` fails where one is found, and says which."""

    def __init__(self, phones=(), texts=()):
        self.all = {}
        for kind, things, patterns in (("phone", phones, phone_patterns), ("text", texts, text_patterns)):
            for thing in things:
                self.all[f"{kind} {thing}"] = re.compile(b"|".join(dict.fromkeys(patterns(thing))))

    def find(self, blob):
        return [f"{name} as {found.group()!r}" for name, pattern in self.all.items() if (found := pattern.search(blob))]

    def check(self, where, blob):
        found = self.find(blob)
        assert not found, f"{where} holds {found}"
