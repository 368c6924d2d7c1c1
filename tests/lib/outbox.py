"""Texts in the outbox, as ride-svc puts them there, and what the notifier
keeps of them."""
import itertools

import msgpack

HOUR = 3600 * 1000


class Talk:
    """A conversation: what one party of a ride is sent."""

    def __init__(self, outbox, partition, ride, role, to, proxy):
        self.outbox = outbox
        self.partition = partition
        self.ride = ride
        self.role = role
        self.to = to
        self.proxy = proxy
        self.name = f"{ride}:{role}"
        # The same bytes in the ride, its routes and all entries.
        self.sealed_to = outbox.vault.seal(to, f"phone:{ride}:{role}")

    def key(self, what):
        return f"{what}:{{{self.partition}}}"

    def send(self, *texts, until=None, queued=None, kind="t"):
        """Puts them there; their references. `queued`: as if at that time."""
        outbox, sent = self.outbox, []
        for text in texts:
            reference = f"{self.partition:02}-t{next(outbox.counter):06}"
            until_ms = until or outbox.redis.now_ms() + HOUR
            outbox.client.xadd(self.key("outbox"), {
                "ref": reference, "ride": self.ride, "role": self.role,
                "to": self.sealed_to,
                "text": outbox.vault.seal(text, f"text:{reference}"),
                "proxy": self.proxy, "until": str(until_ms), "kind": kind},
                id=f"{queued}-*" if queued else "*")
            sent.append(reference)
        return sent

    def timeline(self):
        """(what, role, reference, detail) of all that happened."""
        raw = outbox_list(self.outbox.client, f"{self.key('timeline')}:"
                                              f"{self.ride}")
        events = [(event[1:] + [""] * 3)[:4] for event in raw]
        # What does not name its partition stands behind the ride's id.
        return [(what, role, self.ride + reference
                 if reference and reference[2:3] != "-" else reference, detail)
                for what, role, reference, detail in events]

    def parked(self):
        """The texts that wait, as references."""
        raw = outbox_list(self.outbox.client,
                          f"{self.key('parked')}:{self.name}")
        return [text[1] for text in raw]

    def dead(self):
        """(reference, reason) of the dead letters of its partition."""
        return [(letter["reference"], letter["reason"]) for letter
                in dead_letters(self.outbox.client, self.partition)]


def loose(packed):
    """A record; what is sealed in it stays bytes."""
    def plain(value):
        try:
            return value.decode() if isinstance(value, bytes) else value
        except UnicodeDecodeError:
            return value
    return [plain(v) for v in msgpack.unpackb(packed, raw=True)]


def outbox_list(client, key):
    return [loose(item) for item in client.lrange(key, 0, -1)]


LETTER = ("entry", "reference", "ride", "role", "reason", "proxy", "to",
          "text", "until", "kind", "queued", "doubt")


def dead_letters(client, partition):
    """Those of a partition, as they stand there, oldest first."""
    tag = f"{{{partition}}}"
    found = [client.get(f"letter:{tag}:{reference.decode()}")
             for reference in client.zrange(f"dead:{tag}", 0, -1)]
    return [dict(zip(LETTER, loose(letter))) for letter in found if letter]


class Outbox:
    def __init__(self, world):
        self.redis = world.redis
        self.client = world.redis.client
        self.vault = world.vault
        self.counter = itertools.count(1)
        self.phones = itertools.count(447700900000)

    def talk(self, partition, role="customer", ride=None):
        to = str(next(self.phones))
        ride = ride or f"{partition:02}-{'ride':x<12}{next(self.counter):010}"
        talk = Talk(self, partition, ride, role, to,
                    f"4915550{partition:05}")
        key = f"{talk.key('timeline')}:{ride}"
        if not self.client.exists(key):
            self.client.rpush(key, msgpack.packb(
                [self.redis.now_ms(), "ride.created", "", "", ""]))
        return talk

    def leases(self):
        """{partition: instance} of all that are held."""
        held = {}
        for partition in range(64):
            lease = self.client.get(f"lease:{{{partition}}}")
            if lease and not lease.startswith(b"- "):
                held[partition] = lease.decode().rsplit(" ", 1)[0]
        return held

    def left(self, partition):
        """What stands there of texts not ended yet, by kind."""
        tag = f"{{{partition}}}"
        return {what: count for what, count in (
            ("outbox", self.client.xlen(f"outbox:{tag}")),
            ("sending", self.client.hlen(f"sending:{tag}")),
            ("parked", self.client.zcard(f"parked:{tag}"))) if count}
