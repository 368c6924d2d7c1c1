"""MessageBird's request signature, made by hand, so that it can be made wrong."""

import base64
import hashlib
import hmac
import json
import time
import uuid


def _part(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def sign_old(key, query, body=b"", when=None):
    """The headers of the older signature; `query` as it is covered: sorted, and form-encoded."""
    when = str(int(time.time()) if when is None else when)
    covered = b"\n".join((when.encode(), query.encode(), hashlib.sha256(body).digest()))
    return {"MessageBird-Request-Timestamp": when, "MessageBird-Signature": base64.b64encode(
        hmac.digest(key.encode(), covered, "sha256")).decode()}


def sign(key, url, body=b"", algorithm="HS256", **claims):
    """The header's value. A claim given as None is left out."""
    now = int(time.time())
    payload = {
        "iss": "MessageBird", "nbf": now, "exp": now + 60, "jti": str(uuid.uuid4()),
        "url_hash": hashlib.sha256(url.encode()).hexdigest(),
        "payload_hash": hashlib.sha256(body).hexdigest() if body else None, **claims}
    payload = {name: value for name, value in payload.items() if value is not None}
    head = _part(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
    said = head + b"." + _part(json.dumps(payload).encode())
    return (said + b"." + _part(hmac.digest(key.encode(), said, "sha256"))).decode()
