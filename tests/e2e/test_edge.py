"""What a stranger's bytes can do at the HTTP port: requests that two servers would read differently, too large, without
end, or no HTTP at all, each sent as it stands to a gateway as it is deployed.

Behind each stands a request of its own, with a good token. Where the connection is not closed first, it makes a customer:
then the case was smuggled through.
"""

import os
import re
import resource
import socket
import ssl
import threading
import time
from contextlib import ExitStack

import pytest
from poll import wait_for

SETTINGS = {"PUBLIC_URL": "https://birdcar.example", "TOKEN_RATE": "0"}
PATIENCE = 20
POST = b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED = b'{"name":"Smuggled","phone":"+447700900999"}'

# What, why, the bytes, and the statuses of all the answers until the connection is closed.
SEEN_OTHERWISE = "a proxy in front may end the request elsewhere; what is behind runs as somebody's next one"
CASES = [
    # ---- where a request ends
    ("length, then chunked", SEEN_OTHERWISE, POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
    ("chunked, then length", SEEN_OTHERWISE, POST + b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n", "400"),
    ("two lengths", "one server takes the first, one the last", POST + b"Content-Length: 0\r\nContent-Length: 9\r\n\r\n", "400"),
    ("the same length twice", "harmless, but only a broken client sends it", POST + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n", "400"),
    ("two codings", "one server unpacks once, one twice", POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", "400"),
    ("a list of codings", SEEN_OTHERWISE, POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", "400"),
    ("a coding in disguise", "who does not know it goes by the length", POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "400"),
    ("a coding in quotes", SEEN_OTHERWISE, POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n', "400"),
    ("a tab and more before a coding", SEEN_OTHERWISE, POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n", "400"),
    ("a blank behind a coding", SEEN_OTHERWISE, POST + b"Transfer-Encoding: chunked \r\n\r\n0\r\n\r\n", "400"),
    ("a blank before a coding's colon", SEEN_OTHERWISE, POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "400"),
    ("a blank before a coding's name", "half a folded line, half a header", POST + b" Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
    ("a coding in HTTP/1.0", "which knows none: the body would be the next request",
     b"POST /webhook HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
    ("gzip", "a body of which nobody knows the end", POST + b"Transfer-Encoding: gzip\r\n\r\nx", "400"),
    ("a length with a sign", "strtol takes it, others do not", POST + b"Content-Length: +5\r\n\r\nhello", "400"),
    ("a negative length", "a huge one, once it is unsigned", POST + b"Content-Length: -1\r\n\r\n", "400"),
    ("a list of lengths", SEEN_OTHERWISE, POST + b"Content-Length: 5, 5\r\n\r\nhello", "400"),
    ("a length with a blank in it", SEEN_OTHERWISE, POST + b"Content-Length: 5 5\r\n\r\nhello", "400"),
    ("a length in hex", "0 to one server, 5 to another", POST + b"Content-Length: 0x5\r\n\r\nhello", "400"),
    ("a length past 64 bits", "it wraps round to a small one", POST + b"Content-Length: 18446744073709551621\r\n\r\nhello", "400"),
    ("an empty length", SEEN_OTHERWISE, POST + b"Content-Length:\r\n\r\n", "400"),
    ("a length with a blank before its colon", SEEN_OTHERWISE, POST + b"Content-Length : 5\r\n\r\nhello", "400"),
    ("a length with an underscore", "CGI makes it a length; here it is a header of no meaning",
     POST + b"Content_Length: 5\r\nConnection: close\r\n\r\n", "401"),
    # ---- chunks
    ("a chunk below nothing", "a huge one, once it is unsigned", CHUNKED + b"-1\r\nx\r\n0\r\n\r\n", "400"),
    ("a chunk in C's hex", SEEN_OTHERWISE, CHUNKED + b"0x1\r\nx\r\n0\r\n\r\n", "400"),
    ("a chunk past 64 bits", "it wraps round to a small one", CHUNKED + b"10000000000000001\r\nx\r\n0\r\n\r\n", "400"),
    ("a chunk without a size", SEEN_OTHERWISE, CHUNKED + b"\r\nx\r\n0\r\n\r\n", "400"),
    ("an extension of a chunk", "whose end proxies do not agree about", CHUNKED + b"1;a=b\r\nx\r\n0\r\n\r\n", "400"),
    ("an extension with a bare line feed", "a known way past proxies", CHUNKED + b"1;\nx\r\nx\r\n0\r\n\r\n", "400"),
    ("an extension without end", "memory", CHUNKED + b"1;" + b"x" * 100_000, "400"),
    ("a blank behind a chunk's size", SEEN_OTHERWISE, CHUNKED + b"1 \r\nx\r\n0\r\n\r\n", "400"),
    ("a chunk that ends in a line feed", SEEN_OTHERWISE, CHUNKED + b"1\r\nx\n0\r\n\r\n", "400"),
    ("a chunk longer than it says", SEEN_OTHERWISE, CHUNKED + b"1\r\nxy\r\n0\r\n\r\n", "400"),
    ("a length behind the chunks", "a trailer that becomes a header", CHUNKED + b"0\r\nContent-Length: 9\r\n\r\n", "400"),
    ("a host behind the chunks", "a trailer that becomes a header", CHUNKED + b"0\r\nHost: y\r\n\r\n", "400"),
    ("trailers without end", "memory", CHUNKED + b"0\r\n" + b"X: y\r\n" * 1000, "431"),
    # ---- lines
    ("bare line feeds", SEEN_OTHERWISE, GET.replace(b"\r\n", b"\n") + b"\n", "400"),
    ("one bare line feed", "a header hides in another's value", GET + b"X: y\nContent-Length: 9\r\n\r\n", "400"),
    ("a bare return", "a header hides in another's value", GET + b"X: y\rContent-Length: 9\r\n\r\n", "400"),
    ("a line feed for the empty line", SEEN_OTHERWISE, GET + b"\n", "400"),
    ("a folded line", "a header hides in another's value", GET + b"X: y\r\n Content-Length: 9\r\n\r\n", "400"),
    ("a folded line, by a tab", "a header hides in another's value", GET + b"X: y\r\n\tz\r\n\r\n", "400"),
    ("a NUL in a value", "C ends there", GET + b"X: a\0b\r\n\r\n", "400"),
    ("a NUL in a name", "C ends there", GET + b"Content-Length\0: 5\r\n\r\n", "400"),
    ("a NUL in the target", "C ends there", b"GET /healthz\0x HTTP/1.1\r\nHost: x\r\n\r\n", "400"),
    ("no name", "a header that nobody sees", GET + b": y\r\n\r\n", "400"),
    ("no colon", "a header that nobody sees", GET + b"Content-Length\r\n\r\n", "400"),
    ("no host", "what is it for?", b"GET /healthz HTTP/1.1\r\n\r\n", "400"),
    ("two hosts", "one server routes by the first, one by the last", GET + b"Host: y\r\n\r\n", "400"),
    ("empty lines without end", "work", b"\r\n" * 10_000, "400"),
    # ---- the first line
    ("a blank in the target", "where does the version begin?", b"GET /healthz x HTTP/1.1\r\nHost: x\r\n\r\n", "400"),
    ("two blanks", SEEN_OTHERWISE, b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "400"),
    ("HTTP/0.9", "an answer without a head", b"GET /healthz\r\n", "400"),
    ("HTTP/1.9", "nobody knows its rules", b"GET /healthz HTTP/1.9\r\nHost: x\r\n\r\n", "400"),
    ("HTTP/2's preface", "frames, not lines", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"),
    ("TLS", "a client at the wrong port", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)), "400"),
    ("SSH", "another protocol", b"SSH-2.0-OpenSSH_9.2\r\n", "400"),
    ("a proxy's own line", "an address that anybody could claim", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", "400"),
    ("a method of 10 KB", "memory", b"G" * 10_000 + b" /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "400"),
    ("a target of 10 KB", "memory", b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", "414"),
    ("a target of 100 KB", "memory", b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", "414"),
    # ---- too much
    ("1,000 headers", "work", GET + b"X: y\r\n" * 1000 + b"\r\n", "431"),
    ("a header of 100 KB", "memory", GET + b"X: " + b"y" * 100_000 + b"\r\n\r\n", "431"),
    ("a name of 100 KB", "memory", GET + b"y" * 100_000 + b": x\r\n\r\n", "431"),
    ("1,000 cookies", "the library notes each", GET + b"Cookie: " + b"a;" * 1000 + b"\r\n\r\n", "431"),
    ("a body that announces too much", "memory", POST + b"Content-Length: 99999999\r\n\r\n", "413"),
    ("the same, waiting for our word", "memory", POST + b"Content-Length: 70000\r\nExpect: 100-continue\r\n\r\n", "413"),
    ("an expectation that nobody has", "who waits for it waits in vain", POST + b"Content-Length: 1\r\nExpect: more\r\n\r\n", "417"),
    ("garbage behind a good request", "the first one is served, and no more", GET + b"\r\nGARBAGE\r\n\r\n", "200 400"),
    ("a bad chunk behind two good requests", "the same", GET + b"\r\n" + GET + b"\r\n" + CHUNKED + b"1;x\r\n", "200 200 400"),
]

# What is odd, but right: served, and the connection is good for more (or closed, as the client asked).
LAST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
FINE = [
    ("an empty line before it", b"\r\n" + GET + b"\r\n" + LAST, "200 200"),
    ("a whole URL as target", b"GET http://elsewhere/healthz HTTP/1.1\r\nHost: x\r\n\r\n" + LAST, "200 200"),
    ("host and port as target", b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n" + LAST, "405 200"),
    ("*", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n" + LAST, "405 200"),
    ("a target without a slash", b"GET healthz HTTP/1.1\r\nHost: x\r\n\r\n" + LAST, "400 200"),
    ("small letters", b"get /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + LAST, "405 200"),
    ("HTTP/1.0", b"GET /healthz HTTP/1.0\r\n\r\n", "200"),
    ("HTTP/1.0 that wants to stay", b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + LAST, "200 200"),
    ("an upgrade", GET + b"Connection: upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n\r\n" + LAST, "200 200"),
    ("chunks with a trailer", CHUNKED + b"1\r\nx\r\n0\r\nX: y\r\n\r\n" + LAST, "401 200"),
    ("our word is given", POST + b"Content-Length: 1\r\nExpect: 100-continue\r\n\r\nx" + LAST, "100 401 200"),
    ("a body on a GET", GET + b"Content-Length: 1\r\n\r\nx" + LAST, "200 200"),
    ("a body over 64 KiB", POST + b"Content-Length: 65537\r\n\r\n" + b"x" * 65537 + LAST, "413 200"),
    ("the same, undeclared", CHUNKED + b"10001\r\n" + b"x" * 65537 + b"\r\n0\r\n\r\n" + LAST, "413 200"),
    ("a pipeline behind a refused one", b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n" + GET + b"\r\n" + LAST, "405 200 200"),
]


def connect(deployment):
    return socket.create_connection(("127.0.0.1", deployment.port), timeout=PATIENCE)


def read_all(peer):
    got = b""
    try:
        while piece := peer.recv(65536):
            got += piece
    except ConnectionResetError:
        pass
    return got


def send(peer, data):
    """As much as it takes: who refuses may close before it has read all."""
    try:
        peer.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        pass


def statuses(got):
    return " ".join(s.decode() for s in re.findall(rb"HTTP/1\.1 (\d{3})", got))


def smuggled(deployment):
    return (b"POST /api/v1/customers HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer "
            + deployment.secret("api-token").encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED)


def heads(got):
    """Of each answer: {header: value}, in small letters."""
    for head in re.findall(rb"HTTP/1\.1 \d{3} .*?\r\n\r\n", got, re.S):
        lines = head.decode().split("\r\n")[1:-2]
        if lines:
            yield {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}


def check_head(head, private=True):
    assert head["x-content-type-options"] == "nosniff", head
    assert head["referrer-policy"] == "same-origin", head
    assert head["cross-origin-resource-policy"] == "same-origin", head
    assert head["strict-transport-security"] == "max-age=31536000", head
    assert not {"server", "x-powered-by", "access-control-allow-origin"} & set(head), head
    policy = dict(part.strip().split(" ", 1) for part in head["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'", head
    assert policy["form-action"] in ("'none'", "'self'"), head
    assert "unsafe" not in head["content-security-policy"] and "*" not in head["content-security-policy"], head
    if private:
        assert head["cache-control"] == "no-store", head
    if head.get("content-type", "").startswith("text/html"):
        assert head["cross-origin-opener-policy"] == "same-origin" and head["permissions-policy"], head


def test_the_battery_is_large():
    assert len(CASES) >= 40 and len({name for name, *_ in CASES}) == len(CASES)


@pytest.mark.parametrize("pieces", [None, 7], ids=["at once", "in pieces"])
@pytest.mark.parametrize("name, why, data, expected", CASES, ids=[name for name, *_ in CASES])
def test_refused_and_closed(deployment, name, why, data, expected, pieces):
    """Each with one answer, ours, and never a second request taken."""
    if pieces and len(data) > 1000:
        return
    with connect(deployment) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bytes_behind = data + smuggled(deployment)
        for at in range(0, len(bytes_behind), pieces or len(bytes_behind)):
            send(peer, bytes_behind[at:at + (pieces or len(bytes_behind))])
        got = read_all(peer)
    assert name and why and statuses(got) == expected, got
    for head in heads(got):
        check_head(head)
    assert list(heads(got))[-1]["connection"] == "close"


@pytest.mark.parametrize("name, data, expected", FINE, ids=[name for name, *_ in FINE])
def test_odd_but_right(deployment, name, data, expected):
    with connect(deployment) as peer:
        send(peer, data)
        got = read_all(peer)
    assert name and statuses(got) == expected, got
    for head in heads(got):
        check_head(head)


def test_half_closed(deployment):
    """A client that has said all still hears the answers."""
    with connect(deployment) as peer:
        peer.sendall(GET + b"\r\n" + GET + b"\r\n")
        peer.shutdown(socket.SHUT_WR)
        assert statuses(read_all(peer)) == "200 200"


def test_a_tls_client(deployment):
    context = ssl.create_default_context()
    with connect(deployment) as peer, pytest.raises(ssl.SSLError):
        context.wrap_socket(peer, server_hostname="birdcar.example")


def test_nothing_was_smuggled(deployment):
    """The request behind each case is a good one, where it comes first."""
    assert not [c for c in deployment.listed("customers") if c["name"] == "Smuggled"]
    with connect(deployment) as peer:
        send(peer, smuggled(deployment) + LAST)
        assert statuses(read_all(peer)) == "201 200"
    made = [c for c in deployment.listed("customers") if c["name"] == "Smuggled"]
    assert deployment.api.request("DELETE", f"/api/v1/customers/{made[0]['id']}").status in (200, 204)


# ---- headers

def every_kind(deployment):
    """What, its status, and the answer: of each kind that the gateway gives."""
    ride = deployment.ride()
    form = {"name": "", "phone": ""}
    token = deployment.page.get("/").text.split('name="form_token" value="', 1)[1].split('"', 1)[0]
    person = {"name": "Header Person", "phone": "+447700900998", "form_token": token}
    signed = deployment.signature("/webhook-voice")
    for path in ("/", "/rides/" + ride["id"], f"/rides/{ride['id']}/why", "/customers/1", "/drivers/1", "/numbers/import",
                 "/pools/default", "/messages", "/numbers/+447700900301", "/account", "/accounts", "/tokens", "/audit"):
        yield path, 200, deployment.page.get(path)
    yield "to sign in", 401, deployment.open.get("/")
    yield "signed in", 303, deployment.open.sign_in("admin", deployment.secret("admin-password"))[0]
    yield "a wrong password", 401, deployment.open.sign_in("admin", "wrong")[0]
    yield "a wrong page", 404, deployment.page.get("/nothing")
    yield "a wrong form", 422, deployment.api.form("/customers", form)
    yield "a form without its token", 403, deployment.page.form("/customers", form)
    yield "a form that leads on", 303, deployment.page.form("/customers", person)
    yield "a method", 405, deployment.page.request("DELETE", "/")
    yield "style", 200, deployment.open.get("/assets/style.css")
    yield "icon", 200, deployment.open.get("/assets/icon.svg")
    yield "no asset", 404, deployment.api.get("/assets/nothing")
    yield "a list", 200, deployment.api.get("/api/v1/rides")
    yield "HEAD", 200, deployment.api.request("HEAD", "/api/v1/rides")
    yield "a ride", 200, deployment.api.get(f"/api/v1/rides/{ride['id']}")
    yield "no ride", 404, deployment.api.get("/api/v1/rides/x")
    yield "a field", 422, deployment.api.post("/api/v1/rides", {})
    yield "no JSON", 400, deployment.api.request("POST", "/api/v1/rides", b"{", {"Content-Type": "application/json"})
    yield "a type", 415, deployment.api.request("POST", "/api/v1/rides", b"{", {"Content-Type": "text/plain"})
    yield "no token", 401, deployment.open.get("/api/v1/rides")
    yield "a call", 200, deployment.open.get("/webhook-voice", signed)
    yield "an unsigned call", 401, deployment.open.get("/webhook-voice")
    yield "an unsigned text", 401, deployment.open.post("/webhook", {})
    for path in ("/healthz", "/readyz"):
        yield path, 200, deployment.open.get(path)
    yield "metrics", 200, deployment.api.get("/metrics")
    yield "too large", 413, deployment.api.request("POST", "/api/v1/rides", b"x" * 70000)
    yield "too long", 414, deployment.api.get("/" + "x" * 9000)


def test_every_answer_bears_its_headers(deployment):
    """Those of the battery are looked at there."""
    for what, status, answer in every_kind(deployment):
        assert answer.status == status, (what, answer)
        check_head({name.lower(): value for name, value in answer.headers.items()})
        if answer.type != "text/html":
            continue
        assert "'self'" in answer.headers["Content-Security-Policy"], what
        found = re.search(r"<style|<script(?![^>]*\bsrc=)|\bstyle\s*=|\son\w+\s*=|javascript:", answer.text, re.I)
        assert not found, (what, found)
        assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", answer.text), what


# ---- time

def test_who_drips_and_who_leaves(deployment):
    """Their time is a total, and who is gone holds no place; what the unit test of the same has in small."""
    slow = {
        "head": (GET + b"X: ", b"a", "408", (9, 15)), "body": (POST + b"Content-Length: 60000\r\n\r\n", b"a", "408", (19, 25)),
        "chunks": (CHUNKED, b"1\r\na\r\n", "408", (19, 25)), "gone in the head": (GET + b"X: ", None, "", (0, 5)),
        "gone in the body": (POST + b"Content-Length: 9\r\n\r\nx", None, "", (0, 5))}
    found = {}

    def play(name, before, drip):
        began = time.monotonic()
        with connect(deployment) as peer:
            peer.settimeout(0.2)
            peer.sendall(before)
            if drip is None:
                peer.shutdown(socket.SHUT_WR)
            got = b""
            while time.monotonic() - began < 40:
                try:
                    if drip:
                        peer.sendall(drip)
                    piece = peer.recv(65536)
                    got += piece
                    if not piece:
                        break
                except TimeoutError:
                    continue
                except (BrokenPipeError, ConnectionResetError):
                    break
        found[name] = (statuses(got), time.monotonic() - began, got)

    threads = [threading.Thread(target=play, args=(name, before, drip)) for name, (before, drip, _, _) in slow.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, (_, _, expected, (least, most)) in slow.items():
        got, took, answer = found[name]
        assert got == expected and least <= took <= most, (name, got, took)
        for head in heads(answer):
            check_head(head)


# ---- many

IDLE = 2000


@pytest.fixture(name="room_for_files")
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * IDLE:
        pytest.skip(f"this machine lets a process open {hard} files")
    if soft != resource.RLIM_INFINITY and soft < 2 * IDLE:
        resource.setrlimit(resource.RLIMIT_NOFILE, (2 * IDLE, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def resident_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:")) / 1024


def metric(deployment, name):
    page = deployment.api.get("/metrics").text
    return sum(float(v) for v in re.findall(rf"^birdcar_{name}{{[^}}]*}} ([0-9.e+]+)$", page, re.M))


@pytest.mark.usefixtures("room_for_files")
def test_2000_that_hang_about(deployment):
    """A third does nothing, a third drips a head, a third a body; everybody else is served, and memory stays small."""
    pid = deployment.pids("gateway")[0][1]
    before = resident_mb(pid)
    starts = (b"", GET + b"X: ", POST + b"Content-Length: 60000\r\n\r\n")
    with ExitStack() as stack:
        crowd = [stack.enter_context(connect(deployment)) for _ in range(IDLE)]
        for round_ in range(3):
            for i, peer in enumerate(crowd):
                send(peer, starts[i % 3] if round_ == 0 else b"" if i % 3 == 0 else b"a")
            for _ in range(20):
                assert deployment.api.get("/api/v1/rides").status == 200
                assert deployment.open.get("/webhook-voice", deployment.signature("/webhook-voice")).status == 200
        assert metric(deployment, "http_connections") >= IDLE
        assert resident_mb(pid) - before < 96, "MB more"
    wait_for(lambda: metric(deployment, "http_connections") < 10, 30, "their end")


def test_who_never_reads(deployment):
    """However much it asks for, only what is under way is kept for it."""
    pid = deployment.pids("gateway")[0][1]
    token = deployment.secret("api-token").encode()
    ask = b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + b"\r\n\r\n"
    before = resident_mb(pid)
    with ExitStack() as stack:
        for _ in range(20):
            peer = stack.enter_context(connect(deployment))
            peer.setblocking(False)
            for _ in range(200):
                try:
                    peer.send(ask * 20)
                except BlockingIOError:
                    break
        for _ in range(20):
            assert deployment.api.get("/api/v1/rides").status == 200
        assert resident_mb(pid) - before < 64, "MB more"


def test_cookies_behind_tls(deployment):
    """No other host, and no plain connection, can set or see them."""
    answer, client = deployment.open.sign_in("admin", deployment.secret("admin-password"))
    lines = answer.headers.get_all("Set-Cookie")
    assert len(lines) == 2
    for line, name in zip(lines, ("__Host-birdcar", "__Host-birdcar-device")):
        assert line.startswith(name + "=") and {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= set(line.split("; "))
        assert "Domain" not in line
    assert client.get("/").status == 200
    plain = client.copy({"Cookie": client.headers["Cookie"].replace("__Host-", "")})
    assert plain.get("/").status == 401


def test_still_the_same_processes(deployment):
    assert deployment.ready()
    assert os.path.exists(f"/proc/{deployment.pids('gateway')[0][1]}")
    assert not [line for line in deployment.log_lines() if b" error " in line]
