"""The rules of a ride's life, of which number it gets and of where a text and a
call go, written down once more: plainly, for one pool, one step after the
other, at times that are given. Tests ask it what must come out."""
import math
from dataclasses import dataclass

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
FOREVER = math.inf

NO_END = 253402300799000  # of a ride that lasts until it is ended
HOLD_SLACK = MINUTE  # a route ends this long before the hold it depends on
OLD = 48 * HOUR      # a text is not forwarded that was written before
EARLY = MINUTE       # one may have been written this long before its ride
KEPT = 48 * HOUR     # request keys and texts are known for so long


@dataclass(frozen=True)
class Rules:
    """Of rides, in ms; a cool-down may be FOREVER."""
    ride: int
    grace: int
    cooldown: float
    retention: int


def too_far(ends, now):
    """No ride ends so late; but it may have no end."""
    return ends > now + 3660 * DAY and ends != NO_END


class Ride:
    def __init__(self, id_, customer, driver, number, created):
        self.id = id_
        self.customer = customer
        self.driver = driver
        self.number = number
        self.created = created
        self.channels = []  # both
        self.next = None  # the ride that goes on in its place

    def set_end(self, ends, rules, grace=None):
        self.ends = ends
        self.grace = ends + rules.grace if grace is None else grace
        self.closed = self.grace + rules.cooldown
        self.held_until = self.closed + HOLD_SLACK
        last = self.grace if self.closed == FOREVER else self.closed
        self.gone = last + rules.retention

    def state(self, now):
        if now > self.gone:
            return None
        if now < self.ends:
            return "live"
        return "grace" if now < self.grace else "closed"

    def speaks(self, now):
        """Whoever calls or writes is connected, or told that it is over."""
        return now < max(self.grace, self.closed) and now <= self.gone

    def is_use(self, now):
        """What is kept for good counts while it connects."""
        until = self.grace if self.held_until == FOREVER else self.held_until
        return now < until

    def party(self, role):
        return self.customer if role == "customer" else self.driver

    def moments(self):
        """When something about it changes by itself."""
        return [at for at in (self.ends, self.grace, self.closed,
                              self.held_until, self.gone) if at != FOREVER]


@dataclass
class Part:
    """Somebody's in a ride, on its number: until they leave, as long as it."""
    ride: Ride
    role: str
    since: int
    replaced: int  # end of what they had on this number before
    left: "Left" = None

    @property
    def grace(self):
        return self.left.at if self.left else self.ride.grace

    @property
    def held_until(self):
        return self.left.held_until if self.left else self.ride.held_until

    def speaks(self, now):
        return self.left.speaks(now) if self.left else self.ride.speaks(now)

    def other(self):
        return self.ride.party(other_role(self.role))


@dataclass
class Left:
    """Whose place somebody else has: the number is kept from them as after a
    ride, whatever becomes of that one."""
    at: int
    rules: Rules

    @property
    def closed(self):
        return self.at + self.rules.cooldown

    @property
    def held_until(self):
        return self.closed + HOLD_SLACK

    def speaks(self, now):
        gone = self.at + self.rules.retention
        return now < self.closed and (self.closed != FOREVER or now <= gone)


def other_role(role):
    return "driver" if role == "customer" else "customer"


class Pool:
    def __init__(self, rules, numbers):
        self.rules = rules
        self.last = dict.fromkeys(numbers, 0)  # assigned, of all that are there
        self.resting = set()  # of these, those that take no new rides
        self.assigned = 0
        self.rides = []
        self.met = {}    # (person, number) -> their parts in rides on it
        self.texts = {}  # id -> taken at
        self.told = {}   # (person, number) -> last told what, when

    # ---- which number ----

    @property
    def walk(self):
        """The longest-unassigned first."""
        return sorted((n for n in self.last if n not in self.resting),
                      key=lambda n: (self.last[n], n))

    def held_until(self, person, number):
        """0: never met."""
        return max((part.held_until
                    for part in self.met.get((person, number), ())), default=0)

    def ended(self, customer, driver, number):
        return max(self.held_until(customer, number),
                   self.held_until(driver, number))

    def number_for(self, customer, driver, now):
        """None: every number is held by one of the two."""
        walk = self.walk
        ended = {n: self.ended(customer, driver, n) for n in walk}
        for number in walk:
            if ended[number] == 0:
                return number
        lapsed = [n for n in walk if ended[n] <= now]
        return min(lapsed, key=ended.get) if lapsed else None

    def next_free(self, customer, driver):
        """Where every number is held; 0: never."""
        first = min((self.ended(customer, driver, n) for n in self.walk),
                    default=FOREVER)
        return 0 if first >= NO_END else first

    # ---- a number's life ----

    def rest(self, number, rests):
        """Of one that is there: whether it takes new rides."""
        (self.resting.add if rests else self.resting.discard)(number)

    def holds(self, number, now):
        """How many rides hold it; those that keep it for good, for as long as
        they connect."""
        return sum(ride.is_use(now) for ride in self.rides
                   if ride.number == number)

    def remove(self, number, now):
        """None, or why not."""
        if number not in self.last:
            return "not_found"
        kept = any(ride.number == number and ride.held_until == FOREVER
                   for ride in self.rides)
        if kept or self.holds(number, now):
            return "number_held"
        del self.last[number]
        self.resting.discard(number)
        return None

    def add(self, number):
        self.last.setdefault(number, 0)

    # ---- a ride's life ----

    def create(self, id_, customer, driver, number, ends, now):
        self.assigned += 1
        self.last[number] = self.assigned
        ride = Ride(id_, customer, driver, number, now)
        ride.set_end(ends, self.rules)
        self.join(ride, "customer", now)
        self.join(ride, "driver", now)
        self.rides.append(ride)
        return ride

    def join(self, ride, role, now):
        before = self.met.setdefault((ride.party(role), ride.number), [])
        before.append(Part(ride, role, now, before[-1].grace if before else 0))

    def part_of(self, ride, role):
        """Of who has that place now."""
        return next(part for part in reversed(
            self.met[ride.party(role), ride.number]) if part.ride is ride)

    def stays(self, ride, role, person, now):
        """The ride keeps its number where who comes may have it: it is there,
        though it may drain, and they do not hold it."""
        return ride.number in self.last and \
            self.held_until(person, ride.number) <= now

    def change_party(self, ride, role, person, now):
        """On the same number, which counts as assigned where it takes
        rides."""
        if ride.number not in self.resting:
            self.assigned += 1
            self.last[ride.number] = self.assigned
        self.part_of(ride, role).left = Left(now, self.rules)
        setattr(ride, role, person)
        self.join(ride, role, now)
        # What was written before was written to who left.
        stayer = self.part_of(ride, other_role(role))
        stayer.since = stayer.replaced = now

    def replace(self, ride, other, now):
        """Another ride goes on in its place."""
        self.cancel(ride, now)
        other.channels = ride.channels
        ride.next = other

    def end(self, ride, now):
        if now < ride.ends:
            ride.set_end(now, self.rules)
        if ride.closed <= now:  # by hand: the number is free at once
            ride.held_until = min(ride.held_until, now)

    def cancel(self, ride, now):
        """Ended without grace, also in its grace."""
        if now < ride.grace:
            ride.set_end(min(ride.ends, now), self.rules, grace=now)
        if ride.closed <= now:
            ride.held_until = min(ride.held_until, now)

    def reopen(self, ride, ends, now):
        """In its grace it is live again; None, or why not."""
        if too_far(ends, now):
            return "invalid"
        if ride.grace <= now:
            return "ride_over"
        if now < ride.ends:
            return None if ends == ride.ends else "ride_live"
        if ends <= now:
            return "in_the_past"
        ride.set_end(ends, self.rules)
        return None

    def extend(self, ride, ends, now):
        """None, or why not."""
        if too_far(ends, now):
            return "invalid"
        if ride.ends <= now:
            return "ride_over"
        if ends <= now or ends < ride.ends != NO_END:
            return "invalid"
        ride.set_end(ends, self.rules)
        return None

    # ---- where a text or a call goes ----

    def part_on(self, person, number, now):
        """What this person has on that number."""
        parts = self.met.get((person, number))
        return parts[-1] if parts and parts[-1].speaks(now) else None

    def text(self, id_, sender, number, written, now):
        """(fate, the sender's part); written 0: nobody knows when."""
        if self.is_known(id_, now):
            return "repeat", None
        self.texts[id_] = now
        part = self.part_on(sender, number, now)
        if part is None:
            return "stranger", None
        if written == 0 or written > now:
            written = now
        if written < now - OLD or written < part.since - EARLY or \
                written < part.replaced:
            return "old", part
        if now >= part.grace:
            return "closed", part
        return ("no_texts" if part.ride.channels == ["voice"] else
                "forwarded"), part

    def is_known(self, id_, now):
        return id_ in self.texts and now <= self.texts[id_] + KEPT

    def is_told(self, sender, number, fate, now):
        """Who writes to a ride that is over, or for calls only, is told so,
        once a day."""
        what, at = self.told.get((sender, number), (None, 0))
        if what == fate and now <= at + DAY:
            return False
        self.told[sender, number] = fate, now
        return True

    def call(self, caller, number, now):
        """(what it comes to, who it is put through to)."""
        part = self.part_on(caller, number, now)
        if part is None:
            return "unknown", None
        if now >= part.grace:
            return "closed", None
        if part.ride.channels == ["sms"]:
            return "texts only", None
        return "connected", part.other()
