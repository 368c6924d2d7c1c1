"""The vault's other side: makes a key file, seals, and opens what daemons
sealed."""
import base64
import ctypes
import ctypes.util
import hashlib
import os
import secrets

NONCE, TAG = 24, 16


def make_keys(path):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as f:
        for name in ("lookup", "seal 1", "mac"):
            f.write(f"{name} {secrets.token_hex(32)}\n")


class Vault:
    """As the file is now; read() again when it has changed."""

    def __init__(self, path):
        self.path = path
        self.sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
        assert self.sodium.sodium_init() >= 0
        self.read()

    def read(self):
        self.lookups, self.seals, self.sealing = [], {}, None
        for line in open(self.path):
            name, *rest = line.split()
            if name == "lookup":
                self.lookups.append(bytes.fromhex(rest[0]))
            elif name in ("seal", "next"):
                self.seals[int(rest[0])] = bytes.fromhex(rest[1])
            if name == "seal":
                self.sealing = int(rest[0])
        return self

    def keys(self):
        """All of its keys."""
        return [bytes.fromhex(line.split()[-1]) for line in open(self.path)]

    def hash(self, purpose, text, layer=0):
        """The keyed hash under which a thing is looked up."""
        digest = hashlib.blake2b(
            purpose.encode() + b"\0" + text.encode(), digest_size=16,
            key=self.lookups[layer]).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def phone(self, digits):
        found = self.hash("phone", digits)[:20]
        for layer in range(1, len(self.lookups)):
            found = ".~"[(layer + 1) % 2] + self.hash("phone", found,
                                                      layer)[1:20]
        return found

    def reseal(self, sealed, meaning):
        """The same with the key that seals now; its nonce stays."""
        return self.seal(self.unseal(sealed, meaning), meaning,
                         sealed[1:1 + NONCE])

    def seal(self, text, meaning, nonce=None):
        """A value that opens with that meaning only."""
        key, nonce = self.sealing, nonce or secrets.token_bytes(NONCE)
        plain, bound = text.encode(), meaning.encode()
        out = ctypes.create_string_buffer(len(plain) + TAG)
        self.sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
            out, None, plain, ctypes.c_ulonglong(len(plain)), bound,
            ctypes.c_ulonglong(len(bound)), None, nonce, self.seals[key])
        return bytes([key]) + nonce + out.raw

    def unseal(self, sealed, meaning):
        """The text; fails where the value was not sealed with that meaning."""
        box, nonce = sealed[1 + NONCE:], sealed[1:1 + NONCE]
        out = ctypes.create_string_buffer(max(1, len(box)))
        size = ctypes.c_ulonglong(0)
        bound = meaning.encode()
        failed = self.sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
            out, ctypes.byref(size), None, box,
            ctypes.c_ulonglong(len(box)), bound,
            ctypes.c_ulonglong(len(bound)), nonce, self.seals[sealed[0]])
        assert failed == 0, f"does not open as {meaning.split(':')[0]}"
        return out.raw[:size.value].decode()
