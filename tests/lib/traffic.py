"""A day's business while things break: people who write to each other, rides that come and go. Each asks again until it is
answered, as the provider and a platform's own server do, and what was answered is written down in the ledger."""

import http.client
import itertools
import random
import threading
import time
from datetime import datetime, timezone
from urllib.parse import urlencode

from http_client import FORM
from poll import wait_for

NOTICES = {"customer": "your ride", "driver": "your fare"}  # and then the ride's key
# What a deployment is told for this load. An ended ride gives its number back at once, so that the pool never runs short.
SETTINGS = {"TEXTS_PER_MINUTE": "0", "GRACE_HOURS": "0", "COOLDOWN_HOURS": "0",
            **{f"{role.upper()}_NOTICE": f"{words} {{datetime}}" for role, words in NOTICES.items()}}

CUSTOMERS, DRIVERS = 4, 3  # each with each: they share few numbers, and a number is a different person's to each
FEW_NUMBERS, MORE_NUMBERS = 6, 40
PASSERS = 6  # customers, and as many drivers, of rides that come and go
LIVE = 8  # of those at a time
TEXTS_PER_S = 4.0  # of a line
SIGNATURE_S = 30  # it holds for 60
ANSWER_S = 60  # whoever is not answered by then never will be
REPEATED = 0.05  # of the texts, though they were answered
TRANSFER = b"<Transfer "


class Odd(AssertionError):
    """An answer that is neither what was asked for nor `try again`."""


def ask(connection, make, good):
    """Until it is answered; the answer. `make()` gives each attempt's request, which may be the one before once more."""
    deadline = time.monotonic() + ANSWER_S
    pause = 0.02
    while True:
        try:
            answer = connection.request(*make())
        except (OSError, http.client.HTTPException):
            answer = None  # nobody there, or died over it
        if answer is not None and good(answer):
            return answer
        if answer is not None and answer.status not in (200, 503):
            raise Odd(f"{make()[:2]}: {answer}")
        assert time.monotonic() < deadline, f"not answered in {ANSWER_S} s: {make()[:2]}; at last {answer}"
        time.sleep(pause)
        pause = min(0.2, pause * 1.5)


class Texter:
    """Hands in texts as the provider does: one `message_id` a text, each attempt with the signature of the one before or
    with a new one."""

    def __init__(self, deployment, ledger, dice):
        self.deployment, self.ledger, self.dice = deployment, ledger, dice
        self.connection = deployment.open.copy()
        self.connection.timeout = 5

    def say(self, words, sender, proxy):
        """One text, until it is taken; a request that repeats it."""
        body = urlencode({"message_id": f"id of {words}", "originator": sender, "recipient": proxy, "payload": words,
                          "createdDatetime": datetime.now(timezone.utc).isoformat(timespec="seconds")}).encode()
        headers, signed = None, 0

        def attempt():
            nonlocal headers, signed
            if headers is None or time.monotonic() - signed > SIGNATURE_S or self.dice.random() < 0.5:
                headers = {"Content-Type": FORM, **self.deployment.signature("/webhook", body)}
                signed = time.monotonic()
            return "POST", "/webhook", body, headers

        self.repeat(attempt)
        self.ledger.acknowledge(words)
        return attempt

    def repeat(self, attempt):
        ask(self.connection, attempt, lambda answer: answer.status == 200)


class Line:
    """One party of one ride, who writes to the other: text n+1 when text n is taken, and now and then an old one once
    more."""

    def __init__(self, load, ride, sender):
        self.name = f"{ride['id']} {sender}"
        self.load, self.proxy = load, ride["proxy"][1:]
        self.sender, self.recipient = ride["phones"][sender], ride["phones"][1 - sender]
        self.dice = random.Random(f"{load.seed} {ride['number']} {sender}")
        self.texter = Texter(load.deployment, load.ledger, self.dice)
        self.said = []

    def run(self):
        for number in itertools.count(1):
            if self.load.stopping.wait(self.dice.uniform(0, 2 / TEXTS_PER_S)):
                return
            self.say(number)

    def say(self, number):
        words = f"{self.name} {number}"
        self.load.ledger.expect(words, self.recipient, self.proxy, self.name, number)
        self.said = [*self.said[-99:], self.texter.say(words, self.sender, self.proxy)]
        if self.dice.random() < REPEATED:
            self.texter.repeat(self.dice.choice((self.said[-1], self.dice.choice(self.said))))


class Rides:
    """Creates rides and ends them, each request under a key and until it is answered."""

    def __init__(self, load, name, people):
        self.load, self.name, self.people = load, name, people
        self.dice = random.Random(f"{load.seed} {name}")
        self.api = load.deployment.api.copy()
        self.api.timeout = 5
        self.made, self.ended, self.odd = {}, set(), []  # key -> ride

    def run(self):
        while not self.load.stopping.wait(self.dice.uniform(0, 0.6)):
            self.create()
            live = [key for key in self.made if key not in self.ended]
            if len(live) > LIVE:
                self.end(self.dice.choice(live))

    def _request(self, key, customer, driver):
        body = (f'{{"customer":{customer["id"]},"driver":{driver["id"]},"start":"a","destination":"b",'
                f'"datetime":"{key}"}}').encode()
        headers = {**self.api.headers, "Content-Type": "application/json", "Idempotency-Key": key}
        return lambda: ("POST", "/api/v1/rides", body, headers)

    def create(self):
        key = f"{self.name}-{len(self.made) + 1}"
        customer, driver = (self.dice.choice(people) for people in self.people)
        request = self._request(key, customer, driver)
        ride = ask(self.api, request, lambda a: a.status == 201).json
        self.made[key] = ride
        self.load.told(key, customer, driver, ride)
        if self.dice.random() < REPEATED:
            again = ask(self.api, request, lambda a: a.status == 201).json
            if again["id"] != ride["id"]:
                self.odd.append(f"{key}: two rides of one key")
        return key

    def end(self, key):
        path = f"/api/v1/rides/{self.made[key]['id']}/end"
        ask(self.api, lambda: ("POST", path, b"", self.api.headers), lambda a: a.status in (200, 404))
        self.ended.add(key)  # or gone, which is told at the end

    def lost(self):
        """What was answered and does not hold: the keys whose ride is gone, doubled, not as it was, or not ended."""
        wrong = list(self.odd)
        for key, ride in self.made.items():
            answer = self.api.get(f"/api/v1/rides/{ride['id']}")
            now = answer.json if answer.status == 200 else {}
            if now.get("proxy") != ride["proxy"] or now.get("datetime") != key:
                wrong.append(f"{key}: {answer.status}")
            elif (now["state"] == "live") == (key in self.ended):
                wrong.append(f"{key}: is {now['state']}")
        return wrong


class Probe:
    """Tells when all works again: a text handed in after the fault has reached its phone, a call connects, and a ride is
    made."""

    def __init__(self, load, ride, people):
        self.load, self.ride, self.count = load, ride, itertools.count(1)
        self.rides = Rides(load, "probe", people)
        self.texter = Texter(load.deployment, load.ledger, random.Random(f"{load.seed} probe"))

    def wait(self):
        self._text()
        self._call()
        self.rides.end(self.rides.create())

    def _text(self):
        number, proxy = next(self.count), self.ride["proxy"][1:]
        words = f"probe {number}"
        self.load.ledger.expect(words, self.ride["phones"][1], proxy, "probe", number)
        self.texter.say(words, self.ride["phones"][0], proxy)
        wait_for(lambda: words in self.load.provider.arrived, ANSWER_S, "the probe's text")

    def _call(self):
        path = f"/webhook-voice?callID=1&source={self.ride['phones'][1]}&destination={self.ride['proxy'][1:]}"
        ask(self.texter.connection, lambda: ("GET", path, None, self.load.deployment.signature(path)),
            lambda answer: TRANSFER in answer.body)


class Load:
    """All of it, from threads of their own."""

    PROBES = ("447700900698", "447700900798")  # the phones of the probe's ride, which the provider is to spare

    def __init__(self, deployment, provider, ledger, seed):
        self.deployment, self.provider, self.ledger, self.seed = deployment, provider, ledger, seed
        self.stopping = threading.Event()
        self.errors = []
        self._number(range(FEW_NUMBERS))
        customers, drivers = self._people(CUSTOMERS + PASSERS)
        riding = [(c, d) for c in customers[:CUSTOMERS] for d in drivers[:DRIVERS]]
        rides = [self._ride(number, c, d) for number, (c, d) in enumerate(riding)]
        self._number(range(FEW_NUMBERS, MORE_NUMBERS))
        probes = [[self._person(kind, phone)] for kind, phone in zip(("customers", "drivers"), self.PROBES)]
        self.lines = [Line(self, ride, sender) for ride in rides for sender in (0, 1)]
        self.rides = Rides(self, "passing", (customers[CUSTOMERS:], drivers[CUSTOMERS:]))
        self.probe = Probe(self, self._ride(len(rides), probes[0][0], probes[1][0]), probes)
        self.threads = [threading.Thread(target=self._run, args=(each,)) for each in (*self.lines, self.rides)]

    def _post(self, kind, fields):
        answer = self.deployment.api.post(f"/api/v1/{kind}", fields)
        assert answer.status == 201, answer
        return answer.json

    def _number(self, numbers):
        for number in numbers:
            self._post("numbers", {"phone": f"+4477009005{number:02}"})

    def _person(self, kind, phone):
        return {"id": self._post(kind, {"name": phone[-3:], "phone": f"+{phone}"})["id"], "phone": phone}

    def _people(self, count):
        return ([self._person("customers", f"4477009006{number:02}") for number in range(count)],
                [self._person("drivers", f"4477009007{number:02}") for number in range(count)])

    def _ride(self, number, customer, driver):
        when = f"of old {number}"
        ride = self.deployment.ride(customer["id"], driver["id"], when)
        self.told(when, customer, driver, ride)
        return {**ride, "number": number, "phones": (customer["phone"], driver["phone"])}

    def told(self, key, customer, driver, ride):
        """A ride was made: both must hear of it."""
        for words, person in zip(NOTICES.values(), (customer, driver)):
            self.ledger.expect(f"{words} {key}", person["phone"], ride["proxy"][1:])
            self.ledger.acknowledge(f"{words} {key}")

    def notices(self):
        """Of the rides that came and went: (ride, role) by the words."""
        made = {**self.rides.made, **self.probe.rides.made}
        return {f"{words} {key}": (ride["id"], role) for key, ride in made.items() for role, words in NOTICES.items()}

    def _run(self, each):
        try:
            each.run()
        except BaseException as error:  # noqa: B036 - a thread's end is not to pass unseen
            self.errors.append(error)

    def start(self):
        for thread in self.threads:
            thread.start()

    def check(self):
        """That nobody was turned away."""
        if self.errors:
            raise self.errors[0]

    def end(self):
        """When all have their answers. May be called again."""
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def made(self):
        return len(self.rides.made) + len(self.probe.rides.made)

    def lost_rides(self):
        """As of Rides, of all that were made; and whether there are more than keys."""
        made = {**self.rides.made, **self.probe.rides.made}
        listed = [ride["id"] for ride in self.deployment.listed("rides") if ride["datetime"] in made]
        doubled = len(listed) - len(set(made))
        return self.rides.lost() + self.probe.rides.lost() + ([f"{doubled} rides more than keys"] if doubled else [])
