"""What it costs that nobody gets in: signatures and seals, and the time of all others beside clients that hang about."""

import contextlib
import json
import resource
import socket
import statistics
import threading
import time

from deployment import SIGNING_KEY, Deployment, tool
from measures import in_pairs, say, wrk

CROWD = 2000
DRIP_SECONDS = 0.5
WAYS = (
    b"",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ",
    b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n",
)


def write_calls(d, options):
    path = d.path("calls")
    count = min(options.requests, options.routes)
    with open(path, "wb") as file:
        tool("requests", "calls", SIGNING_KEY, d.url, options.routes, d.proxies, count, stdout=file)
    return path


def fill(d, options):
    d.make_numbers()
    say(f"Loading {options.routes:,} routes.")
    d.load(options.routes)
    d.settle()
    return write_calls(d, options)


# ---- signatures and seals


def measure_security(options, report):
    """The same signed calls, to a deployment that checks them and to one that does not look."""
    with Deployment(options.proxies) as on, Deployment(options.proxies, WEBHOOK_AUTH="off", ADDRESS_RATE="0") as off:
        calls = {d: fill(d, options) for d in (on, off)}
        runs = in_pairs(options, "calls, signatures checked", lambda _: wrk(options, report, on.port, calls[on]),
                        lambda _: wrk(options, report, off.port, calls[off]))
        costs = json.loads(tool("costs", f"{on.state}/keys", capture_output=True).stdout)
    report.add_runs("calls, signatures checked | not looked at", *runs, "0.85")
    call = costs["signature"] + costs["hash"] + costs["unseal"]
    text = costs["signature"] + 2 * costs["hash"] + costs["seal"] + 2 * costs["unseal"]
    report.note(
        "in process, µs: " + ", ".join(f"{what} {us:.1f}" for what, us in costs.items())
        + f"; a call (signature, hash, unseal) {call:.1f}; a text (signature, two hashes, seal, two unseals) {text:.1f}"
    )


# ---- who hangs about


class Crowd:
    """Clients that ask for nothing, drip a head or drip a body; who is cut comes again."""

    def __init__(self, port):
        self.port, self.come_again, self.over = port, 0, threading.Event()
        self.peers = [self.come(way) for way in range(CROWD)]
        self.thread = threading.Thread(target=self.drip)
        self.thread.start()

    def come(self, way):
        peer = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        peer.sendall(WAYS[way % len(WAYS)])
        peer.setblocking(False)
        return peer

    def is_cut(self, way, peer):
        try:
            if WAYS[way % len(WAYS)]:
                peer.send(b"a")
            peer.recv(4096)  # an answer, or the end
            return True
        except BlockingIOError:
            return False
        except OSError:
            return True

    def drip(self):
        while not self.over.wait(DRIP_SECONDS):
            for way, peer in enumerate(self.peers):
                if self.is_cut(way, peer):
                    peer.close()
                    self.peers[way] = self.come(way)
                    self.come_again += 1

    def close(self):
        self.over.set()
        self.thread.join()
        for peer in self.peers:
            peer.close()


def measure_idle(options, report):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with Deployment(options.proxies) as d:
        calls = fill(d, options)
        before = d.resident_mb()["gateway"]
        come_again = 0

        def beside(_):
            nonlocal come_again
            with contextlib.closing(Crowd(d.port)) as crowd:
                time.sleep(1)
                result = wrk(options, report, d.port, calls)
                come_again += crowd.come_again
                return result

        runs = in_pairs(options, f"calls, beside {CROWD:,}", beside, lambda _: wrk(options, report, d.port, calls))
        now = d.resident_mb()["gateway"]
    report.add_runs(f"calls, beside {CROWD:,} that idle or drip | alone", *runs, "p99 < 50 ms")
    alone = statistics.median(run["p99_us"] for run in runs[1]) / 1000
    report.note(f"p99 alone {alone:.2f} ms; {come_again:,} of the crowd were cut and came again; "
                f"gateway {before:.1f} MB before, {now:.1f} MB after")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
