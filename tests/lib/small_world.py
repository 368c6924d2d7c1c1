"""One small world: people and proxy numbers of a pool, and a random walk among
all that people do. Each step is a request, and the plain rules of model.py say
what must come of it."""
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timezone

from model import (EARLY, FOREVER, HOUR, KEPT, MINUTE, NO_END, OLD, Pool,
                   Rules, other_role)


# To who writes to a ride that is over, or for calls only.
TOLD = {"closed": "over", "no_texts": "calls only"}
ANSWERED = 4 * HOUR  # and not later than so long after the text


@dataclass
class Step:
    """A request, and what must come of it: `judge(reply, body)` fails where it
    did not, and returns what the outbox has to hold for it."""
    service: str
    name: str
    body: dict
    said: str
    judge: object


@dataclass
class Request:
    """A create that is known by its key."""
    content: dict
    at: int
    ride: object = None


@dataclass
class Text:
    body: dict
    at: int


@dataclass
class SmallWorld:
    """One world: a pool of its own, chosen by its customers' prefix."""
    name: str
    prefix: str
    daemon: object  # its ride-svc
    rules: Rules
    dice: random.Random
    strict: bool  # the pool knows who holds what
    customers: list = field(default_factory=list)
    drivers: list = field(default_factory=list)
    strangers: list = field(default_factory=list)  # phones
    numbers: list = field(default_factory=list)
    requests: dict = field(default_factory=dict)
    texts: list = field(default_factory=list)
    log: list = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)
    focus: object = None  # a ride something of which ends about now

    def begin(self):
        self.model = Pool(self.rules, self.numbers)

    # ---- a step ----

    def step(self, now):
        kinds, weights = zip(
            (self.create, 26), (self.create_again, 4), (self.reuse_key, 1),
            (self.end, 10), (self.cancel, 3), (self.extend, 7),
            (self.reopen, 5), (self.change_party, 9), (self.text, 31),
            (self.text_again, 5), (self.call, 12), (self.get, 4),
            (self.rest, 2), (self.remove, 1), (self.add, 1))
        step = None
        while step is None:
            step = self.dice.choices(kinds, weights)[0](now)
        self.log.append(f"{now} {step.said}")
        return step

    def settle(self, step, reply, body):
        """What the outbox must hold for it."""
        entries, outcome = step.judge(reply, body)
        self.counts[step.name, outcome] += 1
        self.log[-1] += f" -> {outcome}"
        return entries

    def some_ride(self, now):
        """Often the one that changes about now, or one that is not closed."""
        rides = self.model.rides
        if self.focus and self.dice.random() < 0.8:
            return self.focus
        if self.dice.random() < 0.5:
            rides = [r for r in rides[-12:] if r.speaks(now)] or rides
        return self.dice.choice(rides) if rides else None

    def called(self, ride):
        return f"r{self.model.rides.index(ride)}" if ride else "-"

    # ---- creates ----

    def create(self, now):
        dice = self.dice
        customer, driver = dice.choice(self.customers), dice.choice(
            self.drivers)
        if self.focus and dice.random() < 0.5:
            customer = next(p for p in self.customers
                            if p.phone == self.focus.customer)
        request = {"key": f"{self.name}-{len(self.log)}",
                   "customer": customer.id, "driver": driver.id,
                   "start": "Home", "destination": "Airport",
                   "datetime": "at ten", "ends": 0}
        when = dice.random()
        if when < 0.25:
            request["ends"] = now + dice.randrange(MINUTE, 8 * HOUR)
        elif when < 0.28:
            request["ends"] = now - dice.randrange(MINUTE)
        elif when < 0.32:
            request["ends"] = NO_END
        elif when < 0.45:
            pickup = (now + dice.randrange(-4 * HOUR, 4 * HOUR)) // 1000
            request["datetime"] = datetime.fromtimestamp(
                pickup, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        if dice.random() < 0.15:
            request["channels"] = [dice.choice(("sms", "voice"))]
        return self.step_of(request, now)

    def known_keys(self, now):
        return [key for key, request in self.requests.items()
                if now <= request.at + KEPT]

    def create_again(self, now):
        keys = self.known_keys(now)
        if not keys:
            return None
        key = self.dice.choice(keys)
        return self.step_of({"key": key, **self.requests[key].content}, now)

    def reuse_key(self, now):
        keys = self.known_keys(now)
        if not keys:
            return None
        key = self.dice.choice(keys)
        content = {**self.requests[key].content, "start": "Elsewhere"}
        return self.step_of({"key": key, **content}, now)

    def step_of(self, request, now):
        content = {k: v for k, v in request.items() if k != "key"}
        customer, driver = (
            next(p for p in people if p.id == content[role])
            for role, people in (("customer", self.customers),
                                 ("driver", self.drivers)))
        said = f"create {request['key']} {customer.name} {driver.name} " \
            f"ends={content['ends']} at {content['datetime']}"
        return Step("ride-svc", "RIDE_CREATE", request, said,
                    lambda reply, body: self.judge_create(
                        request["key"], content, customer, driver, now,
                        reply, body))

    def judge_create(self, key, content, customer, driver, now, reply, body):
        known = self.requests.get(key)
        if known and known.content != content:
            return problem("key_reused", reply, body)
        if customer.phone == driver.phone:
            return problem("same_phone", reply, body)
        if content["ends"] and content["ends"] <= now and \
                not (known and known.ride):
            return problem("in_the_past", reply, body)
        if known and known.ride:
            if known.ride.state(now) is None:
                return problem("ride_over", reply, body)
            self.check_ride(known.ride, now, reply, body)
            return [], "again"
        self.requests[key] = known = known or Request(content, now)
        number = self.number_given(customer, driver, now, reply, body)
        if number is None:
            return [], "no_number"
        known.ride = ride = self.model.create(
            body["id"], customer.phone, driver.phone, number,
            end_of(content, self.rules, now), now)
        ride.datetime = content["datetime"]
        ride.channels = content.get("channels", [])
        self.check_ride(ride, now, reply, body)
        return [self.notice(ride, "customer"),
                self.notice(ride, "driver")], "made"

    def person(self, role, phone):
        people = self.customers if role == "customer" else self.drivers
        return next(p for p in people if p.phone == phone)

    def notice(self, ride, role):
        """Who comes, to who has that place."""
        other = self.person(other_role(role), ride.party(other_role(role)))
        comes = "comes" if role == "customer" else "waits"
        return entry("n", ride, role, ride.party(role),
                     f"{other.name} {comes}: {ride.datetime}", ride.grace)

    def number_given(self, customer, driver, now, reply, body):
        """As the rules have it; None: it was refused, and rightly."""
        pair, model = (customer.phone, driver.phone), self.model
        if not self.strict:
            return self.free_number_given(pair, now, reply, body)
        number = model.number_for(*pair, now)
        if number is None:
            problem("no_number", reply, body)
            free = model.next_free(*pair)
            assert (body["detail"] or 0) == free, f"{body}, not {free}"
        else:
            assert reply == "RIDE", f"{body['code']} in place of {number}"
            assert body["proxy"] == number, f"not {number}, its turn"
        return number

    def free_number_given(self, pair, now, reply, body):
        """The pool forgot who holds what: it may offer what a route refuses,
        and give up."""
        if reply == "PROBLEM":
            assert body["code"] in ("no_number", "busy"), f"{body}"
            return None
        for party in pair:
            for part in self.model.met.get((party, body["proxy"]), ()):
                assert not part.speaks(now), \
                    f"{body['proxy']} is still {self.called(part.ride)}'s"
        return body["proxy"]

    def check_ride(self, ride, now, reply, body):
        assert reply == "RIDE", f"{body}"
        got = {k: body[k] for k in ("id", "state", "proxy", "pool", "created",
                                    "ends", "grace", "closed", "customer",
                                    "driver", "channels")}
        wanted = {
            **{role: self.person(role, ride.party(role)).id
               for role in ("customer", "driver")},
            "channels": "".join(ride.channels),
            "id": ride.id, "state": ride.state(now), "proxy": ride.number,
            "pool": self.name, "created": ride.created, "ends": ride.ends,
            "grace": ride.grace,
            "closed": -1 if ride.closed == FOREVER else ride.closed}
        assert got == wanted, f"{got}, not {wanted}"

    # ---- numbers that drain, go and come back ----

    def rest(self, _now):
        """Also one that is not there."""
        number = self.dice.choice(self.numbers)
        rests = self.dice.random() < 0.5

        def judge(reply, body):
            if number not in self.model.last:
                return problem("not_found", reply, body)
            self.model.rest(number, rests)
            state = "draining" if rests else "active"
            assert (reply, body["state"]) == ("NUMBER", state), f"{body}"
            return [], state
        return Step("pool-svc", "NUMBER_EDIT",
                    {"phone": number,
                     "state": "draining" if rests else "active"},
                    f"{number} {'drains' if rests else 'takes rides'}", judge)

    def remove(self, now):
        if not self.strict:  # the pool forgot who holds it
            return None
        number = self.dice.choice(self.numbers)

        def judge(reply, body):
            refused = self.model.remove(number, now)
            if refused:
                return problem(refused, reply, body)
            assert reply == "OK", f"{body}"
            return [], "done"
        return Step("pool-svc", "NUMBER_REMOVE", {"phone": number},
                    f"{number} goes", judge)

    def add(self, _now):
        gone = [n for n in self.numbers if n not in self.model.last]
        if not gone:
            return None
        number = self.dice.choice(gone)

        def judge(reply, body):
            assert (reply, body["pool"]) == ("NUMBER", self.name), f"{body}"
            self.model.add(number)
            return [], "done"
        return Step("pool-svc", "NUMBER_ADD",
                    {"phone": "+" + number, "pool": self.name},
                    f"{number} comes", judge)

    # ---- ends, extensions, reopenings ----

    def get(self, now):
        return self.about("RIDE_GET", {}, now, lambda ride: None)

    def end(self, now):
        return self.about("RIDE_END", {}, now,
                          lambda ride: self.model.end(ride, now))

    def extend(self, now):
        ride = self.some_ride(now)
        if ride is None:
            return None
        ends = self.dice.choice([
            ride.ends, ride.ends - MINUTE, ride.ends + 1,
            max(now, ride.ends) + self.dice.randrange(8 * HOUR),
            max(now, ride.ends) + self.dice.randrange(8 * HOUR),
            min(ride.ends, now + HOUR) + self.dice.randrange(100 * HOUR),
            NO_END])
        return self.about("RIDE_EXTEND", {"ends": ends}, now,
                          lambda ride: self.model.extend(ride, ends, now),
                          ride)

    def cancel(self, now):
        return self.about("RIDE_CANCEL", {}, now,
                          lambda ride: self.model.cancel(ride, now))

    def reopen(self, now):
        dice, ride = self.dice, self.some_ride(now)
        in_grace = [r for r in self.model.rides[-12:]
                    if r.state(now) == "grace"]
        if in_grace and dice.random() < 0.7:
            ride = dice.choice(in_grace)
        if ride is None:
            return None
        ends = dice.choice([now, now + 1, ride.ends,
                            now + dice.randrange(MINUTE), NO_END,
                            now + dice.randrange(8 * HOUR)])
        return self.about("RIDE_REOPEN", {"ends": ends}, now,
                          lambda ride: self.model.reopen(ride, ends, now),
                          ride)

    # ---- somebody else in mid-ride ----

    def change_party(self, now):
        ride, role = self.some_ride(now), self.dice.choice(
            ("customer", "driver"))
        if ride is None:
            return None
        who = self.dice.choice(
            self.customers if role == "customer" else self.drivers)
        replaced = [r for r in self.model.rides if r.next]
        if replaced and self.dice.random() < 0.2:  # the same once more
            ride = self.dice.choice(replaced)
            who = self.person(role, ride.next.party(role))
        return Step("ride-svc", "RIDE_PARTY", {"id": ride.id, role: who.id},
                    f"{self.called(ride)} goes on with {who.name}",
                    lambda reply, body: self.judge_party(ride, role, who, now,
                                                         reply, body))

    def judge_party(self, ride, role, who, now, reply, body):
        if ride.state(now) is None:
            return problem("not_found", reply, body)
        if ride.party(role) == who.phone:
            self.check_ride(ride, now, reply, body)
            return [], "as it was"
        if ride.party(other_role(role)) == who.phone:
            return problem("same_phone", reply, body)
        if ride.next:
            if ride.next.state(now) is None or \
                    ride.next.party(role) != who.phone:
                return problem("ride_over", reply, body)
            self.check_ride(ride.next, now, reply, body)
            return [], "followed"
        if ride.grace <= now:
            return problem("ride_over", reply, body)
        stays = self.model.stays(ride, role, who.phone, now)
        if not self.strict:
            # Where the pool offers what a route refuses it is another one.
            stays = reply == "RIDE" and body["id"] == ride.id
            part = self.model.part_on(who.phone, ride.number, now)
            assert not (stays and part), \
                f"{ride.number} is still {self.called(part.ride)}'s"
        if stays:
            return self.goes_on(ride, role, who, now, reply, body)
        return self.is_replaced(ride, role, who, now, reply, body)

    def goes_on(self, ride, role, who, now, reply, body):
        """On its own number."""
        leaver = ride.party(role)
        self.model.change_party(ride, role, who.phone, now)
        self.check_ride(ride, now, reply, body)
        stayer = other_role(role)
        return [self.left_notice(ride, role, leaver, now),
                self.notice(ride, role),
                entry("n", ride, stayer, ride.party(stayer),
                      f"now {who.name}", ride.grace)], "same number"

    def is_replaced(self, ride, role, who, now, reply, body):
        """By a ride with a number of its own."""
        if ride.ends <= now:
            return problem("no_number", reply, body)
        stayer = self.person(other_role(role), ride.party(other_role(role)))
        pair = (who, stayer) if role == "customer" else (stayer, who)
        if self.strict and self.model.number_for(
                *(p.phone for p in pair), now) is None:
            return problem("no_number", reply, body)
        number = self.number_given(*pair, now, reply, body)
        if number is None:
            return [], "no_number"
        other = self.model.create(body["id"], *(p.phone for p in pair), number,
                                  ride.ends, now)
        other.datetime = ride.datetime
        left = self.left_notice(ride, role, ride.party(role), now)
        self.model.replace(ride, other, now)
        self.check_ride(other, now, reply, body)
        return [left, self.notice(other, "customer"),
                self.notice(other, "driver")], "another number"

    def left_notice(self, ride, role, leaver, now):
        return entry("a", ride, role, leaver, f"left: {ride.datetime}",
                     now + ANSWERED)

    # ---- about a ride ----

    def about(self, name, more, now, change, ride=None):
        ride = ride or self.some_ride(now)
        if ride is None:
            return None

        def judge(reply, body):
            if ride.state(now) is None:
                return problem("not_found", reply, body)
            refused = change(ride)
            if refused:
                return problem(refused, reply, body)
            self.check_ride(ride, now, reply, body)
            return [], "done"
        return Step("ride-svc", name, {"id": ride.id, **more},
                    f"{name} {self.called(ride)} {more}", judge)

    # ---- texts and calls ----

    def address(self, now):
        """(who, a number, their ride perhaps)."""
        dice, ride = self.dice, self.some_ride(now)
        if ride is None or dice.random() < 0.15:
            people = [p.phone for p in self.customers + self.drivers]
            return dice.choice(people + self.strangers), dice.choice(
                self.numbers), None
        left = [person for (person, number), parts in self.model.met.items()
                if number == ride.number and parts[-1].left]
        who = [ride.customer, ride.driver]
        if left and dice.random() < 0.3:
            who = left
        return dice.choice(who), ride.number, ride

    def written(self, sender, number, ride, now):
        """A moment for a text, often one on which its fate turns."""
        dice = self.dice
        moments = [0, 0, now, now, now + HOUR, now - dice.randrange(10 * HOUR),
                   now - OLD, now - OLD - 1]
        parts = self.model.met.get((sender, number), [])
        if parts and parts[-1].ride is ride:
            since = parts[-1].since
            moments += [since, since - 1, since - EARLY, since - EARLY - 1]
        if parts[1:]:
            before = parts[-2]
            moments += [before.grace, before.grace - 1,
                        dice.randrange(before.since, before.grace + 1)] * 2
        return dice.choice(moments)

    def text(self, now):
        sender, number, ride = self.address(now)
        id_ = f"{self.name}-{len(self.log)}"
        body = {"id": id_, "content": id_, "from": sender, "to": number,
                "text": f"text {id_}",
                "created": self.written(sender, number, ride, now)}
        self.texts.append(Text(body, now))
        return self.send(body, now)

    def text_again(self, now):
        if not self.texts:
            return None
        texts = self.texts[-20:] if self.dice.random() < 0.5 else self.texts
        return self.send(self.dice.choice(texts).body, now)

    def send(self, body, now):
        sender, number = body["from"], body["to"]

        def judge(reply, answer):
            fate, part = self.model.text(body["id"], sender, number,
                                         body["created"], now)
            assert (reply, answer.get("fate")) == ("SMS_TAKEN", fate), \
                f"{answer}, not {fate}; {self.called(part and part.ride)}"
            if fate == "forwarded":
                return [entry("t", part.ride, other_role(part.role),
                              part.other(), body["text"], part.grace)], fate
            if fate in TOLD and self.model.is_told(sender, number, fate, now):
                told = " who left" if part.left else ""
                return [entry("a", part.ride, part.role, sender, TOLD[fate],
                              now + ANSWERED)], f"told {fate}{told}"
            return [], fate
        return Step("ride-svc", "SMS_RECEIVED", body,
                    f"text {body['id']} {self.who(sender)} -> {number} "
                    f"written {body['created']}", judge)

    def call(self, now):
        caller, number, _ = self.address(now)

        def judge(reply, flow):
            fate, other = self.model.call(caller, number, now)
            got = (reply, flow.get("action"),
                   flow.get("destination") or flow.get("words"))
            wanted = ("CALL_FLOW", "transfer" if other else "say",
                      other or fate)
            assert got == wanted, f"{flow}, not {wanted}"
            return [], fate
        return Step("voice-svc", "CALL_RECEIVED",
                    {"from": caller, "to": number},
                    f"call {self.who(caller)} -> {number}", judge)

    def who(self, phone):
        return next((p.name for p in self.customers + self.drivers
                     if p.phone == phone), phone)


def problem(code, reply, body):
    assert reply == "PROBLEM" and body["code"] == code, \
        f"{reply} {body}, not {code}"
    return [], code


def end_of(content, rules, now):
    if content["ends"]:
        return content["ends"]
    try:
        pickup = int(datetime.fromisoformat(
            content["datetime"].replace("Z", "+00:00")).timestamp()) * 1000
    except ValueError:
        pickup = now
    # One whose ride would be over is but a word in the notice.
    return (pickup if pickup + rules.ride > now else now) + rules.ride


def entry(kind, ride, role, to, text, until):
    """As the outbox has to have it."""
    return (kind, to, text, ride.id, role, ride.number, until)
