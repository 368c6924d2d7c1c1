"""Many small worlds at once, each with people and proxy numbers of its own,
held against the plain rules of model.py step by step. Redis's clock stands
still while they act, so that every moment is known to the millisecond, and is
then moved, often to where something ends."""
import random
import time
from collections import Counter

from invariants import Store, check_invariants
from model import DAY, FOREVER, HOUR, MINUTE, Rules
from poll import wait_for
from scene import Person, open_entry
from small_world import TOLD, SmallWorld

BEGINS = 1_900_000_000_000  # some day
PARTITIONS = 64
ROUNDS = 300  # then the worlds are made anew
FAR = 10**15  # ms since 1970

# One ride-svc for each, with the settings that say the same.
WAYS = [
    (Rules(3 * HOUR, 2 * HOUR, 4 * HOUR, 30 * DAY),
     {"GRACE_HOURS": "2", "COOLDOWN_HOURS": "4", "RETENTION_DAYS": "30"}),
    (Rules(3 * HOUR, 2 * HOUR, FOREVER, DAY),
     {"GRACE_HOURS": "2", "COOLDOWN_HOURS": "never", "RETENTION_DAYS": "1"}),
    (Rules(3 * HOUR, 0, 4 * HOUR, DAY),
     {"GRACE_HOURS": "0", "COOLDOWN_HOURS": "4", "RETENTION_DAYS": "1"}),
    (Rules(3 * HOUR, 0, 0, DAY),
     {"GRACE_HOURS": "0", "COOLDOWN_HOURS": "0", "RETENTION_DAYS": "1"}),
]
RIDE_SETTINGS = {
    "RIDE_HOURS": "3", "TEXTS_PER_MINUTE": "0", "LOG_LEVEL": "error",
    "CUSTOMER_NOTICE": "{driver} comes: {datetime}",
    "DRIVER_NOTICE": "{customer} waits: {datetime}",
    "CLOSED_ANSWER": TOLD["closed"], "NO_TEXTS_ANSWER": TOLD["no_texts"],
    "LEFT_NOTICE": "left: {datetime}", "NEW_DRIVER_NOTICE": "now {driver}",
    "NEW_CUSTOMER_NOTICE": "now {customer}"}
VOICE_SETTINGS = {"UNKNOWN_CALLER": "unknown", "CLOSED_CALLER": "closed",
                  "NO_CALLS_CALLER": "texts only", "LOG_LEVEL": "error"}


class Simulation:
    """`forgetful`: the pool loses its holds now and then, as by a failover;
    the routes alone have to keep rides apart."""

    def __init__(self, world, seed, worlds=192, forgetful=False):
        self.world, self.redis = world, world.redis
        self.seed, self.size, self.forgetful = seed, worlds, forgetful
        self.steps = self.epoch = 0
        self.counts = Counter()

    def start(self):
        self.redis.start()
        self.world.start("pool-svc", LOG_LEVEL="error")
        for _, settings in WAYS:
            daemon = self.world.start("ride-svc", **settings, **RIDE_SETTINGS)
            self.world.wait_sees(daemon, "pool-svc")
        self.world.start("voice-svc", **VOICE_SETTINGS)
        self.redis.stand_still(BEGINS)
        return self

    def bus(self, service):
        return self.world.living(service)[0].bus

    def run(self, steps):
        while self.steps < steps:
            self.begin_epoch()
            for at in range(ROUNDS):
                self.round()
                if at == ROUNDS // 2:
                    self.check_store()
                if self.forgetful and self.dice.random() < 0.2:
                    self.world.forget_holds()
                    for small in self.smalls:
                        small.requests.clear()  # claims are gone, too
                if self.steps >= steps:
                    break
                self.move()
            self.check_store()
            for small in self.smalls:
                self.counts.update(small.counts)

    # ---- making the worlds ----

    def begin_epoch(self):
        self.epoch += 1
        self.world.reset()
        self.dice = random.Random(f"{self.seed} {self.epoch}")
        self.now = self.redis.now_ms()
        self.keep_pool_svc()
        self.smalls = [self.make(i) for i in range(self.size)]
        self.add_all()
        for small in self.smalls:
            small.begin()

    def make(self, i):
        rules = WAYS[i % len(WAYS)][0]
        return SmallWorld(
            f"w{i}", f"1{201 + i}", self.world.living("ride-svc")[
                i % len(WAYS)], rules,
            random.Random(f"{self.seed} {self.epoch} {i}"),
            strict=not self.forgetful)

    def add_all(self):
        """Pools, numbers and people; all phones are of ranges reserved for
        fiction. One person of each world is both customer and driver; one
        driver drives in the next world, too."""
        people, numbers = [], []
        for small in self.smalls:
            dice = small.dice
            many = 2 if small.rules.cooldown == FOREVER else 1
            phones = [f"{small.prefix}55501{n:02}" for n in range(100)]
            customers = phones[:dice.randint(2, 4) * many]
            drivers = phones[10:10 + dice.randint(1, 3) * many]
            small.numbers = phones[50:50 + dice.randint(1, 5) * many]
            small.strangers = [phones[99]]
            people += [(small, "customer", p) for p in customers]
            people += [(small, "driver", p) for p in [*drivers, customers[0]]]
            numbers += [(small, n) for n in small.numbers]
        self.ask("pool-svc", "POOL_ADD", [
            {"name": s.name, "prefixes": [s.prefix]} for s in self.smalls])
        self.ask("pool-svc", "NUMBER_ADD", [
            {"phone": "+" + n, "pool": s.name} for s, n in numbers])
        added = self.ask("ride-svc", "PERSON_ADD", [
            {"key": f"{role} {phone}", "role": role, "phone": "+" + phone,
             "name": f"{role[0]}{phone[1:4]}-{phone[-2:]}"}
            for _, role, phone in people])
        for (small, role, phone), got in zip(people, added):
            person = Person(role, got["id"], got["name"], phone)
            (small.customers if role == "customer"
             else small.drivers).append(person)
        firsts = [small.drivers[0] for small in self.smalls]
        for small, driver in zip(self.smalls, firsts[1:] + firsts[:1]):
            small.drivers.append(driver)
            small.strangers.append(driver.phone)

    def ask(self, service, name, bodies):
        got = self.bus(service).ask_all([(name, body) for body in bodies])
        for reply, body in got:
            assert reply != "PROBLEM", f"{name}: {body}"
        return [body for _, body in got]

    # ---- time ----

    def keep_pool_svc(self):
        """The clock moves by more, between two heartbeats, than a copy may be
        silent: it is announced for good."""
        daemon, = self.world.living("pool-svc")
        key = "service:pool-svc"
        pipe = self.redis.client.pipeline(transaction=False)
        pipe.hset(key, daemon.instance, f"{FAR} live {daemon.endpoint}")
        pipe.persist(key)
        pipe.execute()

    def move(self):
        dice, by = self.dice, 0
        kind = dice.random()
        for small in self.smalls:
            small.focus = None
        if kind < 0.35:
            by = self.to_a_moment()
        elif kind < 0.65:
            by = dice.randrange(MINUTE)
        elif kind < 0.95:
            by = dice.randrange(HOUR // 2)
        else:
            by = dice.randrange(5 * HOUR)
        self.pass_by(max(by, 1))

    def pass_by(self, ms):
        self.keep_pool_svc()
        self.redis.move(ms=ms)
        self.now += ms

    def to_a_moment(self):
        """Where something about a ride ends, or just before, or just
        after."""
        small = self.dice.choice(self.smalls)
        near = [(at, ride) for ride in small.model.rides
                for at in ride.moments() if 0 < at - self.now < HOUR]
        if not near:
            return self.dice.randrange(MINUTE)
        at, small.focus = self.dice.choice(near)
        return at - self.now + self.dice.choice((-1, 0, 1))

    # ---- a round: one step of each world ----

    def round(self):
        steps = [(small, small.step(self.now)) for small in self.smalls]
        began = {}
        for small, step in steps:
            bus = small.daemon.bus if step.service == "ride-svc" \
                else self.bus(step.service)
            began.setdefault(bus, []).append(
                (small, step, bus.begin(step.name, step.body, 30_000)))
        expected = Counter()
        for bus, requests in began.items():
            got = bus.answers([id_ for *_, id_ in requests], 30_000)
            for small, step, id_ in requests:
                answer = self.patient(bus, step, got[id_])
                expected.update(self.judge(small, step, *answer))
        self.wait_idle()
        assert self.redis.now_ms() == self.now
        self.check_outbox(expected)
        self.steps += len(steps)

    @staticmethod
    def patient(bus, step, answer):
        """A caller is told to try again where the store is slow to answer, as
        on a busy machine."""
        tries = 0
        while step.name == "CALL_RECEIVED" and tries < 20 and \
                answer[1].get("code") == "store_away":
            answer, tries = bus.ask(step.name, step.body), tries + 1
        return answer

    def wait_idle(self):
        """What follows an answer, like a confirm, is done, too."""
        deadline = time.monotonic() + 30
        while not self.world.idle():
            assert time.monotonic() < deadline, "daemons stay busy"
            time.sleep(0.001)

    def judge(self, small, step, reply, body):
        try:
            return small.settle(step, reply, body)
        except AssertionError as wrong:
            raise AssertionError(self.story(small, str(wrong))) from wrong

    def story(self, small, wrong):
        rides = "\n".join(
            f"r{i} {r.id} {small.who(r.customer)} {small.who(r.driver)} "
            f"{r.number} created={r.created} ends={r.ends} grace={r.grace} "
            f"closed={r.closed} held={r.held_until}"
            for i, r in enumerate(small.model.rides))
        return (f"BIRDCAR_SEED={self.seed}, epoch {self.epoch}, step "
                f"{self.steps}, world {small.name}, {small.rules}\n"
                + "\n".join(small.log) + f"\n{rides}\nnow {self.now}: {wrong}")

    # ---- what waits to be sent ----

    def check_outbox(self, expected):
        """That and nothing else, to those and nobody else."""
        found = Counter(
            (e["kind"], e["to"], e["text"], e["ride"], e["role"], e["proxy"],
             e["until"]) for e in self.take_outbox())
        if found == expected:
            return
        wrong = f"too many: {found - expected}; missing: {expected - found}"
        number = next(iter((found - expected) + (expected - found)))[5]
        small = next(s for s in self.smalls if number in s.numbers)
        raise AssertionError(self.story(small, wrong))

    def take_outbox(self):
        tags = [f"{{{p}}}" for p in range(PARTITIONS)]
        pipe = self.redis.client.pipeline(transaction=False)
        for tag in tags:
            pipe.xrange(f"outbox:{tag}")
        streams = pipe.execute()
        for tag, stream in zip(tags, streams):
            if stream:
                pipe.delete(f"outbox:{tag}", f"waiting:{tag}")
        pipe.execute()
        return [open_entry(self.world.vault, at, raw)
                for stream in streams for at, raw in stream]

    # ---- the store as a whole ----

    def check_store(self):
        if self.forgetful:
            return
        self.pass_by(15_000)  # what is owed for a ride in another's place
        wait_for(lambda: not Store(self.redis).duties, 30, "duties done")
        check_invariants(self.redis)
        for daemon in self.world.living("ride-svc"):
            assert daemon.metric("routes_taken_total") == 0, \
                "the pool offered a number whose route is taken"
        after, uses = "", {}
        while True:
            page, = self.ask("pool-svc", "NUMBER_LIST",
                             [{"limit": 200, "after": after}])
            uses.update((n["phone"], n["rides"]) for n in page["numbers"])
            after = page["next"]
            if not after:
                break
        for small in self.smalls:
            for number in small.numbers:
                there = number in small.model.last
                holds = small.model.holds(number, self.now) if there else None
                if uses.get(number) != holds:
                    raise AssertionError(self.story(
                        small,
                        f"{number}: {uses.get(number)} uses, not {holds}"))
