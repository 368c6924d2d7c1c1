"""A service played by the test: answers what a daemon asks as it is told."""
import threading

import msgpack
import zmq

from bus import decode, pack_header


class FakeService:
    """Announces itself as the only copy of `service`; `answer(name, body)`
    gives (name, body) of each reply, PING aside, or None to stay silent."""

    def __init__(self, world, service, answer):
        self.redis = world.redis
        self.service = service
        self.answer = answer
        self.endpoint = f"ipc://{world.folder}/fake-{service}.sock"
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind(self.endpoint)
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._announce(60_000)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()
        self.socket.close()
        self._announce(0)

    def _announce(self, for_ms):
        value = f"{self.redis.now_ms() + for_ms} live {self.endpoint}"
        self.redis.client.hset(f"service:{self.service}", "fake", value)

    def _serve(self):
        while not self.ending.is_set():
            if not self.socket.poll(20):
                continue
            sender, *frames = self.socket.recv_multipart()
            for header, body in zip(frames[::2], frames[1::2]):
                _, name, request, _, _ = msgpack.unpackb(header)
                reply = self._reply(name, decode(body))
                if reply is not None:
                    self.socket.send_multipart([
                        sender, pack_header(reply[0], request),
                        msgpack.packb(reply[1])])

    def _reply(self, name, body):
        if name == "PING":
            return "PONG", {"service": self.service, "instance": "fake",
                            "unanswered": 0}
        return self.answer(name, body)
