"""Drives the sandbox as a hand on a phone would; deploy/sandbox/README.md describes the requests."""

from poll import wait_for


def digits(phone):
    return phone.lstrip("+").replace(" ", "")


class Sandbox:
    def __init__(self, http):
        self.http = http

    def _post(self, path, **fields):
        answer = self.http.post(f"/sandbox/{path}", fields)
        assert answer.status == 200, answer
        return answer.json

    def copy(self):
        return Sandbox(self.http.copy())

    def text(self, sender, to, text, **options):
        """One attempt, unless `retries` says more; the webhook's answer."""
        return self._post("texts", **{"from": digits(sender), "to": digits(to), "text": text, "retries": 0, **options})

    def call(self, caller, to, **options):
        return self._post("calls", **{"from": digits(caller), "to": digits(to), **options})

    def settings(self, **values):
        return self._post("settings", **values)

    def fault(self, mode, **options):
        return self._post("faults", mode=mode, **options)

    def report(self, **fields):
        return self._post("reports", **fields)

    def accepted(self, since=0):
        """What the provider took, oldest first."""
        return self.http.get(f"/sandbox/messages?since={since}").json["messages"]

    def last(self):
        """A mark for `accepted`."""
        return self.http.get("/sandbox/messages").json["last"]

    def wait_texts(self, count, since=0, seconds=10):
        return wait_for(lambda: self._at_least(count, since), seconds, f"{count} texts")

    def _at_least(self, count, since):
        found = self.accepted(since)
        return found if len(found) >= count else []

    def wait_text(self, to, body, since=0, seconds=10):
        """The message with that body for that phone."""
        return wait_for(
            lambda: next((m for m in self.accepted(since) if m["body"] == body and m["recipients"] == [digits(to)]), None),
            seconds, "the text")
