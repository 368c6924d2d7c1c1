"""The page in the hands of somebody who is signed in, as a browser without JavaScript has it."""

import re

OWN_SCRIPT = re.compile(r"<script|\sstyle=|\son\w+=", re.I)


def token_of(page):
    return re.search(r'name="form_token" value="([^"]+)"', page).group(1)


class Browser:
    """Under the password: posts forms with the token of the page they stand on, and follows where it is sent."""

    def __init__(self, deployment):
        self.http = deployment.page
        self.answer, self.place = None, None

    def go(self, path):
        self.answer, self.place = self.http.get(path), path
        assert not OWN_SCRIPT.search(self.answer.text)
        return self.answer.text

    def send(self, action, page="/", **fields):
        token = token_of(self.go(page))
        self.answer = self.http.form(action, {**fields, "form_token": token})
        if self.answer.status == 303:
            return self.go(self.answer.headers["Location"].split("#")[0])
        return self.answer.text
