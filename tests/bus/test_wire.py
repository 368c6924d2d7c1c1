"""What a daemon makes of wrong frames: it refuses them, and serves on."""
import msgpack
import pytest

from bus import Silence, pack_header
from scene import Scene

SERVICES = ["ride-svc", "pool-svc", "voice-svc"]
EMPTY = msgpack.packb({})
PING = pack_header("PING", 7)


@pytest.fixture(params=SERVICES)
def daemon(world, request):
    return Scene(world).daemon(request.param)


def header(*fields):
    return msgpack.packb(list(fields))


UNREADABLE = [
    ("nothing", [b""]),
    ("one empty pair", [b"", b""]),
    ("one frame", [PING]),
    ("three frames", [PING, EMPTY, PING]),
    ("text", [b"GET / HTTP/1.1\r\n\r\n", b""]),
    ("random bytes", [bytes(range(256)), bytes(range(255, -1, -1))]),
    ("no array", [msgpack.packb({"name": "PING"}), EMPTY]),
    ("a header of 4", [header(1, "PING", 7, 5000), EMPTY]),
    ("a header of 6", [header(1, "PING", 7, 5000, "", 0), EMPTY]),
    ("cut short", [PING[:-1], EMPTY]),
    ("bytes behind it", [PING + b"\0", EMPTY]),
    ("version 0", [header(0, "PING", 7, 5000, ""), EMPTY]),
    ("version 2", [header(2, "PING", 7, 5000, ""), EMPTY]),
    ("a name that is a number", [header(1, 7, 7, 5000, ""), EMPTY]),
    ("an id that is text", [header(1, "PING", "7", 5000, ""), EMPTY]),
    ("an id over 63 bits", [header(1, "PING", 2 ** 64 - 1, 5000, ""), EMPTY]),
    ("a long trace", [header(1, "PING", 7, 5000, "x" * 33), EMPTY]),
    ("a huge count of fields", [b"\xdd\xff\xff\xff\xff", EMPTY]),
    ("a huge name", [b"\x95\x01\xdb\xff\xff\xff\xffPING", EMPTY]),
    ("deeply nested", [b"\x91" * 60000, EMPTY]),
    ("no time left", [header(1, "PING", 7, 0, ""), EMPTY]),
    ("less than no time left", [header(1, "PING", 7, -1, ""), EMPTY]),
    ("over 1,000 frames", [PING, EMPTY] * 600),
]


@pytest.mark.parametrize("frames", [f for _, f in UNREADABLE],
                         ids=[n for n, _ in UNREADABLE])
def test_unreadable_frames_get_no_answer(daemon, frames):
    bus = daemon.connect()
    bus.send(*frames)
    # Answers come in order: had there been one, it would be here first.
    bus.send(pack_header("STATS", 8), EMPTY)
    assert bus.socket.poll(5000)
    answer = msgpack.unpackb(bus.socket.recv_multipart()[0])
    assert (answer[1], answer[2]) == ("STATS_TEXT", 8)
    assert not bus.socket.poll(0)
    bus.close()


def test_what_is_well_formed_beside_it_is_served(daemon):
    bus = daemon.connect()
    bus.send(b"garbage", b"", pack_header("PING", 9), EMPTY, b"", b"")
    assert bus.answers([9])[9][0] == "PONG"
    bus.close()


def test_a_frame_over_a_megabyte_costs_its_sender_the_connection(daemon):
    bus = daemon.connect()
    assert bus.ask("PING")[0] == "PONG"
    request = bus.begin("PING")
    bus.answers([request])
    bus.send(pack_header("PING", 70), b"x" * (1024 * 1024 + 1))
    with pytest.raises(Silence):
        bus.answers([70], ms=200)
    bus.close()
    assert daemon.alive()


def test_unknown_messages(daemon):
    for name in ("NOPE", "", "PONG", "PROBLEM", "ping", "RIDE\0GET"):
        reply, problem = daemon.bus.ask(name)
        assert (reply, problem["code"], problem["field"]) == (
            "PROBLEM", "not_found", "name")


BODIES = [
    ("not a map", msgpack.packb([]), "body"),
    ("empty", b"", "body"),
    ("cut short", msgpack.packb({"limit": 1})[:-1], "limit"),
    ("cut short in a name", msgpack.packb({"limit": 1})[:-3], "body"),
    ("bytes behind it", msgpack.packb({"limit": 1}) + b"\0", "body"),
    ("a huge count", b"\xdf\xff\xff\xff\xff", "body"),
    ("a count of 65535", b"\xde\xff\xff", "body"),
    ("65 fields", msgpack.packb({str(n): n for n in range(65)}), "body"),
    ("a name that is no text", msgpack.packb({1: 1}), "body"),
    ("nested too deep", b"\x81\xa1x" + b"\x91" * 20 + b"\xc0", "body"),
    ("a huge unknown field", b"\x81\xa1x\xdd\xff\xff\xff\xff", "body"),
]


@pytest.mark.parametrize("body, field", [b[1:] for b in BODIES],
                         ids=[b[0] for b in BODIES])
def test_unreadable_bodies(scene, body, field):
    bus = scene.daemon("pool-svc").bus
    bus.send(pack_header("NUMBER_LIST", 900), body)
    name, problem = bus.answers([900])[900]
    assert (name, problem["code"], problem["field"]) == (
        "PROBLEM", "wrong_kind", field)


def test_unknown_fields_are_skipped(scene):
    for value in (1, -1, "x", b"x", None, True, 1.5, [1, [2, {"a": 3}]],
                  {"a": [1]}, "x" * 70000, list(range(3000))):
        scene.done("pool-svc", "NUMBER_LIST", limit=1, later=value)


# A request that is complete, and of which service.
WHOLE = {
    "PERSON_ADD": ("ride-svc", {"key": "k", "role": "driver", "name": "x",
                                "phone": "+447700900001"}),
    "PERSON_EDIT": ("ride-svc", {"id": 1, "role": "driver"}),
    "PERSON_GET": ("ride-svc", {"id": 1, "role": "driver"}),
    "PERSON_REMOVE": ("ride-svc", {"id": 1, "role": "driver"}),
    "PERSON_LIST": ("ride-svc", {"role": "driver", "limit": 1}),
    "RIDE_CREATE": ("ride-svc", {"key": "k", "customer": 1, "driver": 1,
                                 "start": "a", "destination": "b",
                                 "datetime": "c"}),
    "RIDE_GET": ("ride-svc", {"id": "x"}),
    "RIDE_LIST": ("ride-svc", {"limit": 1}),
    "RIDE_END": ("ride-svc", {"id": "x"}),
    "RIDE_CANCEL": ("ride-svc", {"id": "x"}),
    "RIDE_EXTEND": ("ride-svc", {"id": "x", "ends": 1}),
    "RIDE_PARTY": ("ride-svc", {"id": "x"}),
    "RIDE_REOPEN": ("ride-svc", {"id": "x", "ends": 1}),
    "RIDE_TIMELINE": ("ride-svc", {"id": "x"}),
    "SMS_RECEIVED": ("ride-svc", {"id": "x", "content": "c", "from": "1",
                                  "to": "2", "text": "t"}),
    "POOL_ADD": ("pool-svc", {"name": "x"}),
    "POOL_CHOOSE": ("pool-svc", {"phone": "1"}),
    "NUMBER_ADD": ("pool-svc", {"phone": "+447700900002"}),
    "NUMBER_LIST": ("pool-svc", {"limit": 1}),
    "NUMBER_ASSIGN": ("pool-svc", {"pool": "p", "claim": "c",
                                   "customer": "a", "driver": "b", "ends": 0,
                                   "lasts": 1}),
    "HOLD_SET": ("pool-svc", {"pool": "p", "claim": "c", "number": "1",
                              "customer": "a", "driver": "b", "until": 0,
                              "revision": 1}),
    "CLAIM_DROP": ("pool-svc", {"pool": "p", "claim": "c", "number": "1",
                                "customer": "a", "driver": "b"}),
    "CALL_RECEIVED": ("voice-svc", {"from": "1", "to": "2"}),
}
FIELDS = [(name, field) for name, (_, body) in WHOLE.items()
          for field in body]
OPTIONAL = [("PERSON_EDIT", "phone", 1), ("PERSON_LIST", "after", "1"),
            ("RIDE_CREATE", "ends", "soon"), ("RIDE_LIST", "before", 3),
            ("RIDE_PARTY", "driver", "one"), ("RIDE_CREATE", "channels", "sms"),
            ("SMS_RECEIVED", "jti", 5), ("SMS_RECEIVED", "created", "now"),
            ("POOL_ADD", "prefixes", "31"), ("POOL_ADD", "prefixes", [31]),
            ("NUMBER_ADD", "pool", {}), ("NUMBER_LIST", "after", 1),
            ("NUMBER_ASSIGN", "refused", True)]


@pytest.mark.parametrize("name, field", FIELDS)
def test_a_missing_field_is_named(scene, name, field):
    service, body = WHOLE[name]
    left = {k: v for k, v in body.items() if k != field}
    assert scene.refused(service, name, **left) == ("missing", field)


@pytest.mark.parametrize("name, field", FIELDS)
def test_a_mistyped_field_is_named(scene, name, field):
    service, body = WHOLE[name]
    wrong = [None, 1.5, [], {}, True]
    wrong += [7] if isinstance(body[field], str) else ["7"]
    for value in wrong:
        assert scene.refused(service, name, **{**body, field: value}) == (
            "wrong_kind", field)


@pytest.mark.parametrize("name, field, value", OPTIONAL)
def test_a_mistyped_optional_field_is_named(scene, name, field, value):
    service, body = WHOLE[name]
    assert scene.refused(service, name, **{**body, field: value}) == (
        "wrong_kind", field)


def test_a_request_that_is_told_gets_no_answer(scene):
    bus = scene.daemon("pool-svc").connect()
    bus.tell("POOL_ADD", {"name": "told"})
    bus.tell("NOPE")
    assert bus.ask("PING")[0] == "PONG"
    assert not bus.socket.poll(0)
    bus.close()


def test_a_batch_is_answered_whole(scene):
    bus = scene.daemon("pool-svc").connect()
    frames = []
    for request in range(1, 400):
        frames += [pack_header("POOL_LIST", request), EMPTY]
    bus.send(*frames)
    assert len(bus.answers(range(1, 400))) == 399
    bus.close()
