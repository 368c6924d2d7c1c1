"""Clients that race: each creates, extends and ends rides of the same few
people, many requests at a time, some of them at two copies at once, and notes
when what was asked and answered. Times are of one monotonic clock: `asked`
before the request left, `answered` after its answer was read."""
import math
import random
import threading
import time
from dataclasses import dataclass, field

import zmq

WINDOW = 4  # requests of a client under way
DEADLINE_MS = 30_000
NOT_YET = math.inf


@dataclass
class Text:
    """Written while its ride was live; sent then or later."""
    id: str
    sender: str
    create: object
    asked: float
    answered: float = NOT_YET
    fate: str = ""


@dataclass(repr=False)
class Create:
    """A request for a ride, and the ride that came of it."""
    key: str
    customer: object
    driver: object
    asked: float
    rides: list = field(default_factory=list)     # as they were answered
    refused: list = field(default_factory=list)   # (asked, answered) each
    problems: list = field(default_factory=list)  # codes
    answered: float = NOT_YET
    end_asked: float = NOT_YET
    end_answered: float = NOT_YET
    ends: float = NOT_YET  # by hand, in ms of Redis's clock
    texts: list = field(default_factory=list)

    def __repr__(self):
        return self.key

    @property
    def ride(self):
        return self.rides[0]

    @property
    def parties(self):
        return self.customer.phone, self.driver.phone


class Racer(threading.Thread):
    """`again`: how many of its requests go to two copies at once."""

    def __init__(self, name, seed, daemons, customers, drivers, count,
                 again=0.15):
        super().__init__(name=name)
        self.dice = random.Random(f"{seed} {name}")
        self.daemons = daemons
        self.people = customers, drivers
        self.count = count
        self.again = again
        self.creates, self.live, self.ended = [], [], []
        self.problems = set()  # (request, code) of other than creates
        self.error = None

    def run(self):
        self.buses = [daemon.connect() for daemon in self.daemons]
        self.under_way = [{} for _ in self.buses]  # id -> what to do
        poller = zmq.Poller()
        for bus in self.buses:
            poller.register(bus.socket, zmq.POLLIN)
        try:
            while self.fill():
                assert poller.poll(DEADLINE_MS), "nobody answers"
                self.take()
        except BaseException as error:  # pylint: disable=broad-except
            self.error = error
        finally:
            for bus in self.buses:
                bus.close()

    def fill(self):
        """False: all is done."""
        while sum(map(len, self.under_way)) < WINDOW:
            act = self.choose()
            if act is None:
                break
            act()
        return any(self.under_way)

    def choose(self):
        """Which of its rides lives, and for how long, is chance."""
        dice, more = self.dice, len(self.creates) < self.count
        if more and len(self.live) < dice.randint(0, 6):
            return self.create
        if self.ended and more and dice.random() < 0.2:
            return dice.choice((self.end_again, self.late_text))
        if self.live:
            return dice.choices((self.end, self.text, self.extend),
                                (10, 4, 1))[0]
        return self.create if more else None

    def take(self):
        for bus, under_way in zip(self.buses, self.under_way):
            got = bus.collect(list(under_way), ms=0) if under_way else {}
            now = time.monotonic()
            for id_, (name, body) in got.items():
                under_way.pop(id_)(name, body, now)

    def send(self, name, body, done):
        """`done(asked, reply, body, answered)` for each copy that answers."""
        copies = self.dice.sample(range(len(self.buses)), 2)
        if self.dice.random() >= self.again:
            del copies[1]
        asked = time.monotonic()
        for at in copies:
            id_ = self.buses[at].begin(name, body, DEADLINE_MS)
            self.under_way[at][id_] = (
                lambda reply, body, answered: done(asked, reply, body,
                                                   answered))

    # ---- what it does ----

    def create(self):
        customer, driver = map(self.dice.choice, self.people)
        create = Create(f"{self.name}-{len(self.creates)}", customer, driver,
                        time.monotonic())
        self.creates.append(create)
        self.send("RIDE_CREATE", {
            "key": create.key, "customer": customer.id, "driver": driver.id,
            "start": "Home", "destination": "Airport", "datetime": "now"},
            lambda *answer: self.created(create, *answer))

    def created(self, create, asked, reply, body, answered):
        if reply != "RIDE":
            create.problems.append(body["code"])
            create.refused.append((asked, answered))
            return
        create.rides.append(body)
        if create.answered == NOT_YET:
            create.answered = answered
            self.live.append(create)

    def pick(self, creates):
        at = self.dice.randrange(len(creates))
        creates[at], creates[-1] = creates[-1], creates[at]
        return creates[-1]

    def end(self):
        create = self.pick(self.live)
        self.live.pop()
        create.end_asked = time.monotonic()
        self.send("RIDE_END", {"id": create.ride["id"]},
                  lambda *answer: self.was_ended(create, *answer))

    def end_again(self):
        """It takes nothing from a ride that has the number by now."""
        create = self.pick(self.ended)
        self.send("RIDE_END", {"id": create.ride["id"]},
                  lambda *answer: self.was_ended(create, *answer))

    def was_ended(self, create, _, reply, body, answered):
        if reply != "RIDE" or body["state"] != "closed":
            self.problems.add(("RIDE_END", body.get("code", "not closed")))
        elif create.end_answered == NOT_YET:
            create.end_answered, create.ends = answered, body["ends"]
            self.ended.append(create)

    def extend(self):
        """Its end may overtake it."""
        create = self.pick(self.live)
        ends = create.ride["ends"] + self.dice.randrange(1, 10**7)

        def extended(_, reply, body, __):
            if reply != "RIDE":
                self.problems.add(("RIDE_EXTEND", body["code"]))
        self.send("RIDE_EXTEND", {"id": create.ride["id"], "ends": ends},
                  extended)

    def text(self):
        self.write(self.pick(self.live))

    def late_text(self):
        self.write(self.pick(self.ended))

    def write(self, create):
        """As a text that was written when the ride began: early enough to be
        no later ride's."""
        sender = self.dice.choice(create.parties)
        text = Text(f"{create.key}-{len(create.texts)}", sender, create,
                    time.monotonic())
        create.texts.append(text)

        def taken(_, reply, body, answered):
            if reply != "SMS_TAKEN":
                self.problems.add(("SMS_RECEIVED", body["code"]))
            elif body["fate"] != "repeat":
                text.fate, text.answered = body["fate"], answered
        self.send("SMS_RECEIVED", {
            "id": text.id, "content": text.id, "from": sender,
            "to": create.ride["proxy"], "text": text.id,
            "created": create.ride["created"]}, taken)
