"""Owns the signature that MessageBird puts on what it posts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid

HEADER_NAME = "MessageBird-Signature-JWT"
LIFETIME_S = 60


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


_HEADER = _base64url(b'{"alg":"HS256","typ":"JWT"}')


def sign(key: str, url: str, body: bytes, *, now: int | None = None,
         jti: str | None = None) -> str:
    """A compact JWS over the exact public URL and the body.

    The key is taken as its UTF-8 bytes, though it often looks like hex. An
    empty body has no payload_hash at all.
    """
    start = int(time.time()) if now is None else now
    claims = {
        "iss": "MessageBird",
        "nbf": start,
        "exp": start + LIFETIME_S,
        "jti": jti or str(uuid.uuid4()),
        "url_hash": hashlib.sha256(url.encode()).hexdigest(),
    }
    if body:
        claims["payload_hash"] = hashlib.sha256(body).hexdigest()
    text = json.dumps(claims, separators=(",", ":")).encode()
    signed = _HEADER + b"." + _base64url(text)
    mac = hmac.digest(key.encode(), signed, "sha256")
    return (signed + b"." + _base64url(mac)).decode()
