"""deploy/keys's own program, run by hand; and what the store holds of sealed
values and of phones' hashes, found in another way than that program's."""
import os
import re
import subprocess

import msgpack

from paths import BIN

AGAIN = 75


class Rekey:
    def __init__(self, world):
        self.world = world
        self.fault_file = world.folder / "rekey.fault"

    def begin(self, *words, armed=None):
        if armed:
            self.fault_file.write_text(armed)
        return subprocess.Popen(
            [BIN / "birdcar-keys", *words], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "REDIS_URL": self.world.redis.url,
                 "RUN_DIR": str(self.world.folder),
                 "KEYS_FILE": str(self.world.keys_file),
                 "FAULT_FILE": str(self.fault_file)})

    def end(self, process, status=0, seconds=60):
        out, _ = process.communicate(timeout=seconds)
        assert process.returncode == status, out
        assert "Sanitizer" not in out and "runtime error" not in out, out
        self.world.vault.read()
        return out

    def run(self, *words, status=0, armed=None):
        return self.end(self.begin(*words, armed=armed), status)

    def seal(self, **how):
        """Without the wait for requests that began before: none is under way.
        """
        return self.run("rotate-seal", "--settle=0", **how)

    def lookup(self, **how):
        return self.run("rotate-lookup", **how)


def record(packed):
    return msgpack.unpackb(packed, raw=True)


def text(value):
    return value.decode()


def ride_seals(key, packed):
    fields = record(packed)
    ride = key.rsplit(":", 1)[1]
    yield fields[4], f"phone:{ride}:customer"
    yield fields[5], f"phone:{ride}:driver"


def route_seals(_, packed):
    ride, role, other, *rest = record(packed)
    ride, role = text(ride), text(role)
    third = "driver" if role == "customer" else "customer"
    if other:
        yield other, f"phone:{ride}:{third}"
    if len(rest) > 5 and rest[5]:
        yield rest[5], f"phone:{ride}:{role}"


def letter_seals(_, packed):
    fields = record(packed)
    reference, ride, role = map(text, fields[1:4])
    yield fields[6], f"phone:{ride}:{role}"
    yield fields[7], f"text:{reference}"


def parked_seals(key, packed):
    fields = record(packed)
    _, _, ride, role = key.split(":")
    yield fields[3], f"phone:{ride}:{role}"
    yield fields[4], f"text:{text(fields[1])}"


def unrouted_seals(_, packed):
    fields = record(packed)
    yield fields[3], f"text:{text(fields[2])}"


def sealed(client):
    """(kind, sealed value, its meaning) of all that there are."""
    strings = (("ride", r"ride:\{.*", ride_seals),
               ("route", r"route:\{.*", route_seals),
               ("letter", r"letter:\{.*", letter_seals))
    lists = (("parked", r"parked:\{\d+\}:.*", parked_seals),
             ("unrouted", r"unrouted:\{.*", unrouted_seals))
    for key in (k.decode() for k in client.scan_iter(count=1000)):
        for kind, pattern, seals in strings:
            if re.fullmatch(pattern, key):
                for pair in seals(key, client.get(key)):
                    yield kind, *pair
        for kind, pattern, seals in lists:
            if re.fullmatch(pattern, key):
                for item in client.lrange(key, 0, -1):
                    for pair in seals(key, item):
                        yield kind, *pair
        if re.fullmatch(r"(customer|driver):\d+", key):
            phone = client.hget(key, "phone")
            if phone:
                yield "person", phone, f"person:{key}"
        if key.startswith("{access}:account:"):
            for field in ("totp", "totp_new"):
                secret = client.hget(key, field)
                if secret:
                    yield "account", secret, f"totp {key.rsplit(':', 1)[1]}"
        if key.startswith("outbox:"):
            for _, entry in client.xrange(key):
                ride, role, ref = (entry[name].decode()
                                   for name in (b"ride", b"role", b"ref"))
                yield "outbox", entry[b"to"], f"phone:{ride}:{role}"
                yield "outbox", entry[b"text"], f"text:{ref}"


def open_all(world):
    """{kind: how many} of all sealed values: each opens, with the key that
    seals."""
    counts = {}
    for kind, value, meaning in sealed(world.redis.client):
        assert value[0] == world.vault.sealing, (kind, value[0])
        world.vault.unseal(value, meaning)
        counts[kind] = counts.get(kind, 0) + 1
    return counts


def anywhere(client, needle):
    """The keys in whose name or value those bytes stand."""
    found = []
    for key in client.scan_iter(count=1000):
        kind = client.type(key).decode()
        held = {"string": lambda k: [client.get(k)],
                "hash": lambda k: [b for pair in client.hgetall(k).items()
                                   for b in pair],
                "list": lambda k: client.lrange(k, 0, -1),
                "zset": lambda k: client.zrange(k, 0, -1),
                "stream": lambda k: [b for _, entry in client.xrange(k)
                                     for pair in entry.items() for b in pair],
                "none": lambda k: [],  # just lapsed
                }[kind](key)
        if needle in key or any(needle in value for value in held):
            found.append(key.decode())
    return found
