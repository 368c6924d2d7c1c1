"""A provider of texts that does what a test tells it to, at the level of
connections; it speaks as much of MessageBird's API as a sender needs."""
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TAKEN = 201


class Rule:
    """What becomes of a POST: `status`; the text is taken where that is 201 or
    `take` says so. `cut`: no answer, the connection ends. `wait`: seconds
    before the text is taken; `hold`: seconds from there to the answer.
    `times`: for so many, then TAKEN again."""

    def __init__(self, status=TAKEN, take=None, cut=False, hold=0.0,
                 headers=None, errors=None, times=None, wait=0.0):
        self.status = status
        self.take = status == TAKEN if take is None else take
        self.cut = cut
        self.wait = wait
        self.hold = hold
        self.headers = headers or {}
        self.errors = errors
        self.times = times


class Post:
    def __init__(self, fields, status):
        self.at = time.monotonic()
        self.to = str(fields["recipients"][0])
        self.fields = fields
        self.status = status

    @property
    def text(self):
        return self.fields["body"]

    @property
    def reference(self):
        return self.fields["reference"]


class Provider:
    def __init__(self):
        self.lock = threading.Lock()
        self.rules = {}  # by recipient; None: all others
        self.posts = []  # whatever was asked, in order
        self.taken = []  # what would reach a phone
        self.looks = []  # when somebody asked what was sent
        self.look_status = 200
        self.headers = None
        self.connections = 0
        self.under_way = self.most_under_way = 0
        self.server = None
        self.port = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self, port=0):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self):
                with outer.lock:
                    outer.connections += 1
                super().setup()

            def do_POST(self):
                outer.post(self)

            def do_GET(self):
                outer.list(self)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,),
                         daemon=True).start()
        return self

    def stop(self):
        """Nobody listens any more; the port may be started again."""
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def rule(self, to=None, **rule):
        with self.lock:
            self.rules[to] = Rule(**rule)

    def heal(self):
        with self.lock:
            self.rules.clear()

    # ---- what was seen ----

    def texts(self, to=None):
        """What reached the phone (all phones), in order."""
        with self.lock:
            return [p.text for p in self.taken if to in (None, p.to)]

    def tries(self, to):
        with self.lock:
            return [p for p in self.posts if p.to == to]

    # ---- HTTP ----

    def _rule_for(self, to):
        for name in (to, None):
            rule = self.rules.get(name)
            if rule is None:
                continue
            if rule.times is not None:
                rule.times -= 1
                if rule.times <= 0:
                    del self.rules[name]
            return rule
        return Rule()

    def _note(self, post, rule):
        self.posts.append(post)
        if rule.take:
            self.taken.append(post)

    def _sent_from(self, originator, first, count):
        """What was taken of its texts, newest first."""
        items = [{"reference": p.reference, "body": p.text,
                  "originator": p.fields["originator"]}
                 for p in reversed(self.taken)
                 if p.fields["originator"] == originator]
        return items[first:first + count]

    def post(self, handler):
        length = int(handler.headers["Content-Length"])
        fields = json.loads(handler.rfile.read(length))
        with self.lock:
            self.headers = dict(handler.headers, path=handler.path)
            rule = self._rule_for(str(fields["recipients"][0]))
        if rule.wait:
            time.sleep(rule.wait)
        with self.lock:
            self._note(Post(fields, rule.status), rule)
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        if rule.hold:
            time.sleep(rule.hold)
        with self.lock:
            self.under_way -= 1
        if rule.cut:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        body = {} if rule.status < 300 else {"errors": rule.errors or [
            {"code": 99, "description": "told to", "parameter": None}]}
        self._answer(handler, rule.status, body, rule.headers)

    def list(self, handler):
        query = parse_qs(urlsplit(handler.path).query)
        with self.lock:
            self.looks.append(time.monotonic())
            status = self.look_status
            items = self._sent_from(query["originator"][0],
                                    int(query["offset"][0]),
                                    int(query["limit"][0]))
        self._answer(handler, status, {"items": items}, {})

    @staticmethod
    def _answer(handler, status, body, headers):
        body = json.dumps(body).encode()
        try:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
        except OSError:
            pass
