"""The JSON API, as the commands of this folder use it."""

import http.client
import json
import time
from urllib.parse import urlencode, urlsplit


class Api:
    """`tries`: of each request that is answered 429 or 503, or not at all, a second apart; once the API was reached."""

    def __init__(self, url, token, tries=1):
        self.netloc = urlsplit(url).netloc
        self.connection, self.tries, self.reached = None, tries, False
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def once(self, method, path, body=None, **headers):
        """The status, and the bytes of the answer."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.netloc, timeout=10)
        try:
            self.connection.request(method, f"/api/v1/{path}", body, {**self.headers, **headers})
            got = self.connection.getresponse()
            answer = got.read()
            self.reached = True
            return got.status, answer
        except BaseException:
            self.connection.close()
            self.connection = None
            raise

    def call(self, method, path, body=None, **headers):
        """The same, again for a while: for what is safe to repeat."""
        for left in reversed(range(self.tries)):
            try:
                status, answer = self.once(method, path, body, **headers)
                if status not in (429, 503) or left == 0:
                    return status, answer
            except (OSError, http.client.HTTPException):
                if left == 0 or not self.reached:
                    raise
            time.sleep(1)
        raise AssertionError

    def listed(self, kind):
        """All of a list, page by page."""
        cursor = {}
        while cursor is not None:
            status, answer = self.call("GET", f"{kind}?{urlencode({'limit': 200, **cursor})}")
            if status != 200:
                raise ValueError(f"the list of {kind} was answered with {status}")
            page = json.loads(answer)
            yield from page["items"]
            cursor = {"cursor": page["next"]} if page["next"] is not None else None

    def create(self, kind, thing, key):
        """The status, and what the API says: the thing, or what is wrong with it. The same key does nothing twice."""
        status, answer = self.call("POST", kind, json.dumps(thing), **{"Idempotency-Key": key})
        return status, json.loads(answer or b"{}")
