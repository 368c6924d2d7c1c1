"""The operator's end of the alerts: takes what is posted, and checks it as the
Standard Webhooks libraries do."""
import base64
import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = bytes(range(24))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Receiver:
    """`statuses`: what it answers, one after the other, then 204. `hold`:
    seconds until it does."""

    def __init__(self):
        self.lock = threading.Lock()
        self.posts = []  # (id, body), each signed well
        self.faults = []
        self.statuses = []
        self.headers = {}
        self.hold = 0
        self.path = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                outer.post(self)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{port}/alerts/?of=us"
        threading.Thread(target=self.server.serve_forever, args=(0.02,),
                         daemon=True).start()

    def stop(self):
        """Nobody listens any more."""
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def ids(self):
        with self.lock:
            return [i for i, _ in self.posts]

    def bodies(self):
        with self.lock:
            return [json.loads(body) for _, body in self.posts]

    def post(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        with self.lock:
            status = self.statuses.pop(0) if self.statuses else 204
            self.path = handler.path
            self.headers = dict(handler.headers)
            self._check(handler.headers, body)
        if self.hold:
            time.sleep(self.hold)
        handler.send_response(status)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def _check(self, headers, body):
        given, at = headers["webhook-id"], headers["webhook-timestamp"]
        signed = b".".join((given.encode(), at.encode(), body))
        mac = hmac.new(KEY, signed, hashlib.sha256).digest()
        if headers["webhook-signature"] != \
                "v1," + base64.b64encode(mac).decode():
            self.faults.append("signature")
        if abs(time.time() - int(at)) > 300:
            self.faults.append("timestamp")
        self.posts.append((given, body))
