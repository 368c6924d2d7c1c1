"""People, proxy numbers and rides for tests, driven over the bus."""
import itertools
from dataclasses import dataclass

HOUR = 3600 * 1000
MINUTE = 60 * 1000


@dataclass(frozen=True)
class Person:
    role: str
    id: int
    name: str
    phone: str


def open_entry(vault, at, raw):
    """What an outbox entry says, to whom; `at` is its place in the stream."""
    entry = {k.decode(): v for k, v in raw.items()}
    ride, role, ref = (entry[k].decode() for k in ("ride", "role", "ref"))
    return {"to": vault.unseal(entry["to"], f"phone:{ride}:{role}"),
            "text": vault.unseal(entry["text"], f"text:{ref}"),
            "ride": ride, "role": role, "kind": entry["kind"].decode(),
            "queued": int(at.split(b"-")[0]),
            "after": int(entry.get("after", 0)),
            "proxy": entry["proxy"].decode(), "until": int(entry["until"])}


class Scene:
    """All phones are of a range reserved for fiction."""

    def __init__(self, world):
        self.world = world
        self.redis = world.redis
        self.keys = (f"key-{n}" for n in itertools.count(1))
        self.phones = (f"447700900{n:03}" for n in range(500))
        self.proxies = (f"447700900{n:03}" for n in range(500, 1000))

    def daemon(self, service):
        return self.world.living(service)[0]

    def ask(self, service, name, /, **body):
        return self.daemon(service).bus.ask(name, body)

    def done(self, service, name, /, **body):
        """The reply of a request that has to work."""
        reply, message = self.ask(service, name, **body)
        assert reply != "PROBLEM", f"{name}: {message}"
        return message

    def refused(self, service, name, /, **body):
        """(code, field) of a request that has to be refused."""
        reply, message = self.ask(service, name, **body)
        assert reply == "PROBLEM", f"{name} was done: {message}"
        return message["code"], message["field"]

    # ---- people and numbers ----

    def person(self, role, phone=None, name=None):
        phone = phone or next(self.phones)
        name = name or f"{role.title()} {phone[-3:]}"
        reply = self.done("ride-svc", "PERSON_ADD", key=next(self.keys),
                          role=role, name=name, phone="+" + phone)
        return Person(role, reply["id"], name, phone)

    def customer(self, **more):
        return self.person("customer", **more)

    def driver(self, **more):
        return self.person("driver", **more)

    def number(self, pool=""):
        return self.done("pool-svc", "NUMBER_ADD", phone=next(self.proxies),
                         pool=pool)["phone"]

    def numbers(self, count, pool=""):
        return [self.number(pool) for _ in range(count)]

    def pool(self, name, *prefixes):
        return self.done("pool-svc", "POOL_ADD", name=name,
                         prefixes=list(prefixes))

    def uses(self):
        """{number: rides that hold it now}"""
        listed = self.done("pool-svc", "NUMBER_LIST", limit=200)["numbers"]
        return {n["phone"]: n["rides"] for n in listed}

    # ---- rides ----

    def request(self, customer, driver, **more):
        """A RIDE_CREATE; a key of its own where none is given."""
        body = {"customer": customer.id, "driver": driver.id,
                "start": "Home", "destination": "Airport",
                "datetime": "next Friday at ten"}
        return {**body, "key": more.pop("key", None) or next(self.keys),
                **more}

    def ride(self, customer, driver, by=None, **more):
        request = self.request(customer, driver, **more)
        reply, ride = (by or self.daemon("ride-svc")).bus.ask("RIDE_CREATE",
                                                              request)
        assert reply == "RIDE", ride
        return ride

    def end(self, ride):
        return self.done("ride-svc", "RIDE_END", id=ride["id"])

    def get(self, ride):
        return self.done("ride-svc", "RIDE_GET", id=ride["id"])

    # ---- texts and calls ----

    def text_from(self, phone, proxy, **more):
        key = more.pop("id", None) or next(self.keys)
        return {"id": key, "content": more.pop("content", key), "from": phone,
                "to": proxy, "text": "Where are you?", **more}

    def text(self, phone, proxy, **more):
        """The fate of a text."""
        return self.done("ride-svc", "SMS_RECEIVED",
                         **self.text_from(phone, proxy, **more))["fate"]

    def call(self, phone, proxy):
        """What a call comes to: the number it is put through to, or the words
        that the caller hears."""
        flow = self.done("voice-svc", "CALL_RECEIVED",
                         **{"from": phone, "to": proxy})
        return flow["destination"] if flow["action"] == "transfer" \
            else flow["words"]

    def outbox(self):
        """All that waits to be sent, opened."""
        return [open_entry(self.world.vault, at, entry)
                for key in self.redis.client.keys("outbox:*")
                for at, entry in self.redis.client.xrange(key)]

    def texts(self, kind="t"):
        """(recipient, text) of what people wrote; `a`: of what they were
        answered."""
        return [(e["to"], e["text"]) for e in self.outbox()
                if e["kind"] == kind]
