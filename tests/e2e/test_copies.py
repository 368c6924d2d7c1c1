"""Two copies of each daemon: one is killed, or asked to leave, under load, and nobody who asks is turned away."""

import os
import signal
import threading
import uuid
from collections import defaultdict
from urllib.parse import urlencode

import pytest
from deployment import SERVICES
from http_client import FORM
from poll import wait_for

# An ended ride gives its number back at once, so that the pool never runs short.
SETTINGS = {"TEXTS_PER_MINUTE": "0", "GRACE_HOURS": "0", "COOLDOWN_HOURS": "0"}
PAIRS, NUMBERS = 12, 40
TRANSFER = b"<Transfer "
# Of each stream. The sandbox keeps the last 10,000 texts, and all of a test's must be among them.
PAUSE_S = 0.01
ROUNDS = 6 if os.environ.get("BIRDCAR_LONG") else 1


class Load:
    """Streams of texts, calls and creates, each from its own thread, until stopped."""

    def __init__(self, deployment, rides):
        self.deployment, self.name = deployment, uuid.uuid4().hex[:8]
        self.stop = threading.Event()
        self.refused, self.cut = [], []
        self.texts = defaultdict(list)  # (proxy, recipient) -> words, in the order in which they were taken
        self.made = {}  # key -> ride's id
        self.done = defaultdict(int)
        half = len(rides) // 2
        self.threads = [threading.Thread(target=self._repeat, args=(what, rides)) for what, rides in (
            (self._text, rides[:half]), (self._text, rides[half:]), (self._call, rides), (self._create, rides))]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _repeat(self, what, rides):
        """Each line is its own connection, kept as long as the other side keeps it."""
        http = self.deployment.open.copy()
        number = 0
        while not self.stop.wait(PAUSE_S):
            what(http, rides[number % len(rides)], number)
            self.done[what.__name__[1:]] += 1
            number += 1
        http.close()

    def _ask(self, http, good, *request):
        """Until it is answered: who was cut off asks the same again."""
        while True:
            try:
                answer = http.request(*request)
            except OSError as error:
                self.cut.append(repr(error))
                continue
            if not good(answer):
                self.refused.append(f"{request[:2]}: {answer}")
            return answer

    def _text(self, http, ride, number):
        words = f"text {number} of {self.name} by {ride['phones'][0]}"
        body = urlencode({"message_id": uuid.uuid4().hex, "originator": ride["phones"][0], "recipient": ride["proxy"][1:],
                          "payload": words}).encode()
        headers = {"Content-Type": FORM, **self.deployment.signature("/webhook", body)}
        if self._ask(http, lambda a: a.status == 200, "POST", "/webhook", body, headers).status == 200:
            self.texts[ride["proxy"][1:], ride["phones"][1]].append(words)

    def _call(self, http, ride, number):
        path = f"/webhook-voice?callID={number}&source={ride['phones'][1]}&destination={ride['proxy'][1:]}"
        self._ask(http, lambda a: a.status == 200 and TRANSFER in a.body, "GET", path, None,
                  self.deployment.signature(path))

    def _create(self, http, ride, number):
        key = uuid.uuid4().hex
        body = (f'{{"customer":{ride["customer"]["id"]},"driver":{ride["driver"]["id"]},"start":"a","destination":"b",'
                f'"datetime":"c {number}"}}').encode()
        headers = {**self.deployment.api.headers, "Content-Type": "application/json", "Idempotency-Key": key}
        answer = self._ask(http, lambda a: a.status == 201, "POST", "/api/v1/rides", body, headers)
        if answer.status == 201:
            self.made[key] = answer.json["id"]
            path = f"/api/v1/rides/{answer.json['id']}/end"
            self._ask(http, lambda a: a.status == 200, "POST", path, b"", headers)


@pytest.fixture(scope="module", name="rides")
def some_rides(deployment):
    """Between people of their own, with numbers enough for more."""
    def add(kind, number, **fields):
        answer = deployment.api.post(f"/api/v1/{kind}", {"phone": f"+447700900{number}", **fields})
        assert answer.status == 201, answer
        return answer.json

    for number in range(NUMBERS):
        add("numbers", 500 + number)
    rides = []
    for number in range(PAIRS):
        customer = add("customers", 600 + number, name=f"C{number}")
        driver = add("drivers", 700 + number, name=f"D{number}")
        ride = deployment.ride(customer["id"], driver["id"])
        rides.append({**ride, "phones": (f"447700900{600 + number}", f"447700900{700 + number}")})
    deployment.sandbox.wait_texts(2 * PAIRS)
    deployment.sandbox.settings(reports=False)
    return rides


@pytest.fixture(scope="module", name="two", autouse=True)
def two_of_each(deployment):
    deployment.scale(**{name.replace("-", "_"): 2 for name in SERVICES})
    assert len(deployment.pids()) == 2 * len(SERVICES) + 2


def progress(load, more=20):
    """Until each stream has gone on by so much."""
    goal = {name: load.done[name] + more for name in ("text", "call", "create")}
    wait_for(lambda: all(load.done[name] >= count for name, count in goal.items()) or load.refused, 30, "progress")


def check(deployment, load):
    """All that was taken has left, once and in order; each key has one ride."""
    wanted = sum(len(words) for words in load.texts.values())

    def arrived():
        got = defaultdict(list)
        for message in deployment.sandbox.accepted():
            if load.name in message["body"]:
                got[message["originator"], message["recipients"][0]].append(message["body"])
        return got if all(set(words) <= set(got[line]) for line, words in load.texts.items()) else None

    got = wait_for(arrived, 40, f"all {wanted} texts")
    for line, words in load.texts.items():
        known = set(words)
        assert [body for body in got[line] if body in known] == words
    assert len(set(load.made.values())) == len(load.made)
    ours = {ride["id"] for ride in deployment.listed("rides")}
    assert set(load.made.values()) <= ours


@pytest.mark.parametrize("service", SERVICES * ROUNDS)
def test_killed_in_mid_flight(deployment, rides, service):
    victim = deployment.pids(service)[0][1]
    others = set(deployment.pids()) - {(service, victim)}
    with Load(deployment, rides) as load:
        progress(load)
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: len(deployment.pids(service)) == 2 and (service, victim) not in deployment.pids(), 5, "a new copy")
        progress(load)
    assert not load.refused, load.refused[:5]
    assert service == "gateway" or not load.cut, load.cut[:5]
    assert others <= set(deployment.pids())
    check(deployment, load)


def test_scaled_under_load(deployment, rides):
    before = set(deployment.pids())
    with Load(deployment, rides) as load:
        progress(load)
        deployment.scale(**{name.replace("-", "_"): 3 for name in SERVICES})
        assert before <= set(deployment.pids())
        progress(load)
        deployment.scale(**{name.replace("-", "_"): 2 for name in SERVICES})
        assert before == set(deployment.pids())
        progress(load)
    assert not load.refused and not load.cut, (load.refused[:5], load.cut[:5])
    check(deployment, load)


def test_restarted_one_after_the_other(deployment, rides):
    """A rolling restart: each is asked to leave, and nobody notices."""
    with Load(deployment, rides) as load:
        for service, pid in [p for p in deployment.pids() if p[0] in SERVICES]:
            os.kill(pid, signal.SIGTERM)
            wait_for(lambda: len(deployment.pids(service)) == 2 and (service, pid) not in deployment.pids(), 15,
                     f"a new {service}")
            progress(load, 5)
    assert not load.refused and not load.cut, (load.refused[:5], load.cut[:5])
    check(deployment, load)
