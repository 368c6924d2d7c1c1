"""HTTP as an integrator speaks it: one kept connection, nothing tidied up.

Bytes go out as they are given, so that bad input stays bad.
"""

import base64
import http.client
import json
from urllib.parse import urlencode, urlsplit

FORM = "application/x-www-form-urlencoded"


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode("utf-8")

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def type(self):
        return self.headers.get("Content-Type", "").split(";")[0]

    def __repr__(self):
        return f"<{self.status} {self.type} {self.body[:300]!r}>"


class Http:
    """Not for several threads: each takes a `copy()`."""

    def __init__(self, url, headers=None, timeout=15):
        self.url, self.headers, self.timeout = url, dict(headers or {}), timeout
        self._connection = None

    def copy(self, headers=None):
        return Http(self.url, self.headers if headers is None else headers, self.timeout)

    def bearer(self, token):
        return self.copy({"Authorization": f"Bearer {token}"})

    def basic(self, user, password):
        word = base64.b64encode(f"{user}:{password}".encode()).decode()
        return self.copy({"Authorization": f"Basic {word}"})

    def sign_in(self, name, password, **more):
        """(the answer, a client with the cookies that it set)."""
        answer = self.form("/signin", {"name": name, "password": password, **more})
        cookies = dict(part.split("=", 1) for part in self.headers.get("Cookie", "").split("; ") if part)
        for line in answer.headers.get_all("Set-Cookie") or []:
            cookie, value = line.split(";")[0].split("=", 1)
            cookies[cookie] = value
        return answer, self.copy({**self.headers, "Cookie": "; ".join("=".join(pair) for pair in cookies.items())})

    def close(self):
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def request(self, method, path, body=None, headers=None):
        """Only a connection that the other side had closed before is tried anew."""
        fresh = self._connection is None
        if fresh:
            self._connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=self.timeout)
        try:
            self._connection.putrequest(method, path, skip_accept_encoding=True)
            sent = {**self.headers, **(headers or {})}
            if body is not None or method in ("POST", "PUT", "PATCH"):
                sent.setdefault("Content-Length", str(len(body or b"")))
            for name, value in sent.items():
                self._connection.putheader(name, value)
            self._connection.endheaders(body)
            got = self._connection.getresponse()
            answer = Answer(got.status, got.headers, got.read())
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self.close()
            if fresh:
                raise
            return self.request(method, path, body, headers)
        except BaseException:
            self.close()
            raise
        if got.will_close:
            self.close()
        return answer

    def get(self, path, headers=None):
        return self.request("GET", path, None, headers)

    def json(self, method, path, value=None, headers=None):
        body = None if value is None else json.dumps(value).encode()
        return self.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})

    def post(self, path, value=None, headers=None):
        return self.json("POST", path, value, headers)

    def form(self, path, fields, headers=None):
        body = urlencode(fields).encode()
        return self.request("POST", path, body, {"Content-Type": FORM, **(headers or {})})
