"""A client of the bus: drives one daemon's ROUTER directly, as twenty lines of
anybody's Python could. One Bus is for one thread."""
import itertools
import time

import msgpack
import zmq

VERSION = 1


class Silence(AssertionError):
    """No answer came in time."""


def pack_header(name, request, left_ms=5000, trace="", version=VERSION):
    return msgpack.packb([version, name, request, left_ms, trace])


def decode(body):
    """The body of a reply; the records of a list are packed by themselves."""
    message = msgpack.unpackb(body)
    for value in message.values():
        if isinstance(value, list):
            value[:] = [msgpack.unpackb(item) if isinstance(item, bytes)
                        else item for item in value]
    return message


class Bus:
    def __init__(self, endpoint):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(endpoint)
        self.ids = itertools.count(1)

    def close(self):
        self.socket.close()

    def send(self, *frames):
        """Any frames, also wrong ones."""
        self.socket.send_multipart(list(frames))

    def begin(self, name, body=None, ms=5000):
        """Sends a request; its id is to be given to finish()."""
        request = next(self.ids)
        self.send(pack_header(name, request, ms, f"t{request}"),
                  msgpack.packb(body or {}))
        return request

    def collect(self, wanted, ms=5000, most=None):
        """{id: (name, body)} of those of `wanted` that are answered in time,
        in whatever order and batch; `most` are enough."""
        wanted, got = set(wanted), {}
        most = len(wanted) if most is None else most
        ends = time.monotonic() + ms / 1000
        while len(got) < most:
            left = max(0, int((ends - time.monotonic()) * 1000))
            if not self.socket.poll(left):
                break
            frames = self.socket.recv_multipart()
            for header, body in zip(frames[::2], frames[1::2]):
                _, name, request, _, _ = msgpack.unpackb(header)
                if request in wanted:
                    got[request] = (name, decode(body))
        return got

    def answers(self, wanted, ms=5000):
        """The same, where all have to be answered."""
        got = self.collect(wanted, ms)
        if len(got) < len(set(wanted)):
            raise Silence(f"{len(wanted) - len(got)} requests unanswered")
        return got

    def ask(self, name, body=None, ms=5000):
        """Asks, waits; returns (name of the reply, its body)."""
        request = self.begin(name, body, ms)
        return self.answers([request], ms + 500)[request]

    def ask_all(self, requests, ms=15000):
        """All (name, body) at once; the replies in the same order."""
        ids = [self.begin(name, body, ms) for name, body in requests]
        got = self.answers(ids, ms + 500)
        return [got[i] for i in ids]

    def tell(self, name, body=None):
        self.send(pack_header(name, 0), msgpack.packb(body or {}))
