"""More at one moment than the daemons behind can take: some of it is refused, plainly, and nothing ends."""

import os
import resource
import signal
import socket
from collections import Counter
from contextlib import ExitStack

import pytest
from poll import wait_for

SETTINGS = {"TOKEN_RATE": "0"}  # all come with one token
CONNECTIONS = 1800  # a page asks five times: more than the table of requests holds


@pytest.fixture(scope="module", autouse=True)
def room_for_files():
    """Here and in the daemons, which inherit it; it comes before the deployment."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * CONNECTIONS
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this machine lets a process open {hard} files")
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(name="crowd")
def many_connections(deployment):
    """Each is open and was used."""
    with ExitStack() as stack:
        crowd = []
        for _ in range(CONNECTIONS):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", deployment.port), timeout=30))
            ask(one, deployment, "/healthz")
            assert status(one) == 200
            crowd.append(one)
        yield crowd


def ask(connection, deployment, path):
    words = deployment.api.headers["Authorization"]
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {words}\r\n\r\n".encode())


def status(connection):
    """Of one answer, read to its end."""
    with connection.makefile("rb") as answer:
        code = int(answer.readline().split()[1])
        length = 0
        while (line := answer.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        answer.read(length)
        return code


@pytest.mark.parametrize("stopped", [None, "ride-svc"])
def test_every_page_at_once(deployment, crowd, stopped):
    """All stand in the gateway's sockets when it looks."""
    before = deployment.pids()
    gateway = deployment.pids("gateway")[0][1]
    silent = [pid for _, pid in deployment.pids(stopped)] if stopped else []
    for pid in [*silent, gateway]:
        os.kill(pid, signal.SIGSTOP)
    try:
        for one in crowd:
            ask(one, deployment, "/")
        os.kill(gateway, signal.SIGCONT)
        got = Counter(status(one) for one in crowd)
    finally:
        for pid in [gateway, *silent]:
            os.kill(pid, signal.SIGCONT)
    assert set(got) <= {200, 503} and got[503] > 0
    assert deployment.pids() == before, "nobody ended"
    wait_for(lambda: deployment.page.get("/").status == 200, what="pages again")
