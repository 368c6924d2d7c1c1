"""Dead letters: listed, sent again and dropped by hand, one by one or all at
once, at any notifier's ROUTER."""
import threading

import msgpack
import pytest

from notifiers import poke, wait_empty, wait_texts
from outbox import HOUR, dead_letters
from paths import script_of
from poll import wait_for

SERVICES = ()
DAY = 24 * HOUR
RIDE_FIELDS, GRACE = 18, 15
CUSTOMER_PHONE, DRIVER_PHONE = 4, 5
MOST_DEAD, MOST_WAITING = 1000, 100_000


class Letters:
    """What a notifier says of them, and what the store holds."""

    def __init__(self, notifier, outbox):
        self.bus = notifier.bus
        self.client = outbox.client

    def ask(self, name, **body):
        return self.bus.ask(name, body)

    def done(self, name, **body):
        reply, message = self.ask(name, **body)
        assert reply != "PROBLEM", f"{name}: {message}"
        return message

    def refused(self, name, **body):
        reply, message = self.ask(name, **body)
        assert reply == "PROBLEM", f"{name} was done: {message}"
        return message["code"], message["field"]

    def page(self, before="", limit=200):
        return self.done("LETTER_LIST", before=before, limit=limit)

    def listed(self, limit=200):
        """All of them, over the pages."""
        letters, cursor = [], ""
        while True:
            page = self.page(cursor, limit)
            letters += page["letters"]
            cursor = page["next"]
            if not cursor:
                return letters

    def references(self):
        return [letter["reference"] for letter in self.listed()]

    def taken(self, name, **body):
        got = self.done(name, **body)
        return got["done"], got["left"]

    def waiting(self, partition):
        return int(self.client.get(f"waiting:{{{partition}}}") or 0)


@pytest.fixture
def letters(start, outbox):
    return Letters(start(), outbox)


def die(letters, provider, outbox, talk, *texts, **how):
    """The provider refuses them for good."""
    provider.rule(talk.to, status=422)
    before = len(dead_letters(outbox.client, talk.partition))
    references = talk.send(*texts, **how)
    wait_for(lambda: len(dead_letters(outbox.client, talk.partition))
             == before + len(texts), what="dead letters")
    provider.heal()
    return references


def plant(outbox, talk, count, died=None, reason="refused", until=None):
    """As many as the provider refused long ago, without it; references."""
    now, made = outbox.redis.now_ms(), []
    pipe = outbox.client.pipeline(transaction=False)
    for n in range(count):
        reference = f"{talk.partition:02}-p{next(outbox.counter):06}"
        at = died if died is not None else now - count + n
        pipe.set(f"{talk.key('letter')}:{reference}", msgpack.packb(
            [f"{at - 1000}-0", reference, talk.ride, talk.role, reason,
             talk.proxy,
             outbox.vault.seal(talk.to, f"phone:{talk.ride}:{talk.role}"),
             outbox.vault.seal(f"planted {n}", f"text:{reference}"),
             until or now + 9 * HOUR, "t", at - 1000, 0],
            use_bin_type=False))
        pipe.zadd(talk.key("dead"), {reference: at})
        made.append(reference)
    pipe.execute()
    return made


def set_ride(outbox, talk, grace, to=None, others_since=None):
    """Until when the ride connects, and whom; since when the other of the two
    is in it, where not from its beginning."""
    ride = [""] * RIDE_FIELDS
    if others_since:
        since = [0, others_since] if talk.role == "customer" \
            else [others_since, 0]
        ride += ["", *since]
    ride[GRACE] = grace
    ride[CUSTOMER_PHONE if talk.role == "customer" else DRIVER_PHONE] = \
        to or talk.sealed_to
    outbox.client.set(f"{talk.key('ride')}:{talk.ride}",
                      msgpack.packb(ride, use_bin_type=False))


def resent(outbox, partition):
    """The entries of an outbox that nobody sends for."""
    return [{name.decode(): value for name, value in entry.items()}
            for _, entry in outbox.client.xrange(f"outbox:{{{partition}}}")]


def stop_sending(outbox, partition):
    """Another one has the lease, for good."""
    outbox.client.set(f"lease:{{{partition}}}", "somebody-else 99")
    outbox.client.persist(f"lease:{{{partition}}}")


# ---- the list ----

def test_what_the_list_tells(letters, provider, outbox, redis):
    talk = outbox.talk(17, "driver")
    before = redis.now_ms()
    reference, = die(letters, provider, outbox, talk, "ü€" + "y" * 75,
                     kind="n")
    page = letters.page()
    letter, = page["letters"]
    assert before <= letter.pop("queued") <= letter["died"]
    assert letter.pop("died") <= redis.now_ms()
    assert letter == {"reference": reference, "ride": talk.ride,
                      "role": "driver", "reason": "refused", "kind": "n",
                      "proxy": talk.proxy, "parts": 1, "sendable": True}
    assert page["next"] == "" and page["total"] == 1
    assert talk.to not in str(page) and "yyy" not in str(page)
    kept = outbox.client.pttl(f"letter:{{17}}:{reference}")
    assert DAY - 60_000 < kept <= DAY


def test_parts_are_counted(letters, provider, outbox):
    talk = outbox.talk(3)
    long, unreadable = die(letters, provider, outbox, talk, "🚲" * 36, "x")
    key = f"letter:{{3}}:{unreadable}"
    letter = msgpack.unpackb(outbox.client.get(key), raw=True)
    letter[7] = b"\1" + b"?" * 60
    outbox.client.set(key, msgpack.packb(letter, use_bin_type=False))
    parts = {x["reference"]: x["parts"] for x in letters.listed()}
    assert parts == {long: 2, unreadable: 0}


def test_they_are_counted_once_over_all_copies(letters, start, world,
                                               provider, outbox, redis):
    """Whoever sends for a partition counts its letters."""
    talks = [outbox.talk(partition) for partition in range(0, 64, 7)]
    for talk in talks:
        die(letters, provider, outbox, talk, "1", "2")

    def counted(count):
        wait_for(lambda: sum(d.metric("dead_letters") for d in
                             world.living("notifier")) == count,
                 what=f"{count} counted")

    counted(20)
    start("notifier-2", share=20)
    counted(20)
    letters.taken("LETTER_DROP", reference=letters.references()[0])
    counted(19)
    world.living("notifier")[1].terminate()
    counted(19)
    redis.move(hours=24)
    counted(0)


@pytest.mark.parametrize("limit", [1, 7, 200])
def test_newest_first_by_pages_over_partitions(letters, outbox, redis, limit):
    """Also where more died in one millisecond than a page holds."""
    now = redis.now_ms()
    for n, partition in enumerate((0, 1, 17, 63)):
        talk = outbox.talk(partition)
        plant(outbox, talk, 9, died=now - 1000)
        plant(outbox, talk, 3, died=now - 500 - n)
    plant(outbox, outbox.talk(17), 3, died=now - 2000)
    pages, cursor = [], ""
    while True:
        page = letters.page(cursor, limit)
        assert page["total"] == 51
        pages.append(page["letters"])
        cursor = page["next"]
        if not cursor:
            break
    listed = [letter for page in pages for letter in page]
    assert all(len(page) == limit for page in pages[:-1])
    assert len({letter["reference"] for letter in listed}) == 51
    died = [letter["died"] for letter in listed]
    assert died == sorted(died, reverse=True)


def test_after_a_day_they_are_gone(letters, provider, outbox, redis):
    """Also where a newer one keeps the partition's list alive."""
    talk = outbox.talk(5)
    old, = die(letters, provider, outbox, talk, "old")
    redis.move(hours=23)
    new, = die(letters, provider, outbox, talk, "new")
    assert letters.references() == [new, old]
    redis.move(hours=1)
    assert outbox.client.zcard("dead:{5}") == 2
    assert letters.references() == [new] and letters.page()["total"] == 1
    assert letters.refused("LETTER_RESEND", reference=old) == (
        "not_found", "reference")
    assert letters.taken("LETTER_DROP_ALL") == (1, 0)
    newest, = die(letters, provider, outbox, talk, "newest")
    assert outbox.client.zrange("dead:{5}", 0, -1) == [newest.encode()]
    redis.move(hours=24)
    assert letters.page() == {"letters": [], "next": "", "total": 0}
    assert not outbox.client.keys("letter:*") + outbox.client.keys("dead:*")


def test_no_more_than_a_thousand_a_partition(letters, provider, outbox):
    talk = outbox.talk(9)
    planted = plant(outbox, talk, MOST_DEAD)
    died = die(letters, provider, outbox, outbox.talk(8), "elsewhere")
    provider.rule(talk.to, status=422)
    died += talk.send("one", "two")
    wait_for(lambda: outbox.client.zscore("dead:{9}", died[-1]),
             what="the last letter")
    assert letters.page(limit=1)["total"] == MOST_DEAD + 1
    assert sorted(letters.references()) == sorted(planted[2:] + died)
    assert not outbox.client.exists(*(f"letter:{{9}}:{reference}"
                                      for reference in planted[:2]))


def test_a_wrong_list(letters):
    for limit in (0, 201, -1, 2 ** 40):
        assert letters.refused("LETTER_LIST", limit=limit) == ("invalid",
                                                               "limit")
    for cursor in ("x", "12.", "12.64-x", ".17-good", "x.17-good", "12",
                   "12.17-" + "x" * 40, "9" * 30 + ".17-good"):
        assert letters.refused("LETTER_LIST", limit=5, before=cursor) == (
            "invalid", "cursor"), cursor


def test_a_cursor_beyond_all(letters, provider, outbox):
    died, = die(letters, provider, outbox, outbox.talk(2), "x")
    assert letters.page("-5.17-good")["letters"] == []
    page = letters.page("9" * 18 + ".17-good")
    assert [x["reference"] for x in page["letters"]] == [died]


# ---- one by one ----

def test_sent_again_once(letters, provider, outbox):
    talk = outbox.talk(20)
    reference, = die(letters, provider, outbox, talk, "Where are you?")
    counted = letters.waiting(20)
    assert letters.taken("LETTER_RESEND", reference=reference) == (1, 0)
    assert letters.refused("LETTER_RESEND", reference=reference) == (
        "not_found", "reference")
    assert letters.refused("LETTER_DROP", reference=reference) == (
        "not_found", "reference")
    wait_texts(provider, 1)
    wait_empty(outbox, 20)
    post, = [p for p in provider.posts if p.status == 201]
    assert (post.reference, post.text, post.to) == (
        reference, "Where are you?", talk.to)
    assert letters.references() == [] and letters.waiting(20) == counted
    assert [e[:3] for e in talk.timeline()[1:]] == [
        (what, "customer", reference) for what in (
            "text.failed", "text.resent", "text.sent")]


def test_many_hands_at_once(letters, start, provider, outbox):
    """At two copies: one of them has it, and the text goes out once."""
    other = start("notifier-2", share=20)
    talk = outbox.talk(21)
    reference, = die(letters, provider, outbox, talk, "once")
    request = ("LETTER_RESEND", {"reference": reference})
    replies = []

    def ask(bus):
        replies.extend(bus.ask_all([request] * 20))

    thread = threading.Thread(target=ask, args=(other.bus,))
    thread.start()
    ask(letters.bus)
    thread.join()
    names = [name for name, _ in replies]
    assert names.count("LETTERS_TAKEN") == 1 and names.count("PROBLEM") == 39
    wait_texts(provider, 1)
    wait_empty(outbox, 21)
    assert provider.texts() == ["once"]


def test_refused_again_it_is_a_letter_again(letters, provider, outbox):
    talk = outbox.talk(22)
    reference, = die(letters, provider, outbox, talk, "x")
    provider.rule(talk.to, status=422)
    assert letters.taken("LETTER_RESEND", reference=reference) == (1, 0)
    wait_for(lambda: letters.references() == [reference], what="the letter")
    provider.heal()
    assert letters.taken("LETTER_RESEND", reference=reference) == (1, 0)
    wait_texts(provider, 1)


def test_its_reports_count_from_the_start(letters, provider, outbox):
    """Where the last word on the first attempt was a final one."""
    talk = outbox.talk(23)
    reference, = die(letters, provider, outbox, talk, "x")
    report = {"reference": reference, "status": "delivery_failed"}
    letters.done("REPORT", **report)
    assert letters.taken("LETTER_RESEND", reference=reference) == (1, 0)
    wait_texts(provider, 1)
    wait_empty(outbox, 23)
    letters.done("REPORT", **{**report, "status": "delivered"})
    assert talk.timeline()[-1] == ("text.delivered", "customer", reference,
                                   "delivered")
    key = f"status:{{23}}:{reference}"
    assert outbox.client.get(key).startswith(f"4 {talk.ride} ".encode())
    assert 0 < outbox.client.ttl(key) <= 604_800


def test_behind_what_waits(letters, provider, outbox):
    """Parked or in the outbox; another recipient waits for neither."""
    talk = outbox.talk(24)
    reference, = die(letters, provider, outbox, talk, "again")
    provider.rule(talk.to, status=429)
    waiting = talk.send("1", "2")
    wait_for(lambda: talk.parked() == waiting[:1], what="a parked text")
    stop_sending(outbox, 24)
    talk.send("3")
    assert letters.taken("LETTER_RESEND", reference=reference) == (1, 0)
    talk.send("4")
    outbox.client.delete("lease:{24}")
    provider.heal()
    wait_texts(provider, 5, seconds=15, to=talk.to)
    assert provider.texts(talk.to) == ["1", "2", "3", "again", "4"]


def test_the_ride_says_until_when(letters, provider, outbox, redis):
    """As it stands now: extended since, over, or gone from the store."""
    talk = outbox.talk(25)
    reference, = die(letters, provider, outbox, talk, "x",
                     until=redis.now_ms() + HOUR)
    stop_sending(outbox, 25)
    redis.move(hours=2)
    assert not letters.listed()[0]["sendable"]
    assert letters.refused("LETTER_RESEND", reference=reference) == (
        "ride_over", "reference")
    set_ride(outbox, talk, redis.now_ms() - 1)
    assert letters.refused("LETTER_RESEND", reference=reference) == (
        "ride_over", "reference")
    assert letters.references() == [reference] and not resent(outbox, 25)
    grace = redis.now_ms() + 5 * HOUR
    set_ride(outbox, talk, grace)
    assert letters.listed()[0]["sendable"]
    set_ride(outbox, talk, grace, to=b"somebody else by now")
    assert not letters.listed()[0]["sendable"]
    assert letters.refused("LETTER_RESEND", reference=reference) == (
        "ride_over", "reference")
    set_ride(outbox, talk, grace, others_since=redis.now_ms())
    assert letters.refused("LETTER_RESEND", reference=reference) == (
        "ride_over", "reference"), "who wrote it has left"
    set_ride(outbox, talk, grace)
    assert letters.taken("LETTER_RESEND", reference=reference) == (1, 0)
    entry, = resent(outbox, 25)
    assert int(entry["until"]) == grace and entry["kind"] == b"t"
    assert entry["ref"].decode() == reference


def test_an_answer_of_our_own_has_its_own_end(letters, provider, outbox,
                                              redis):
    talk = outbox.talk(26)
    until = redis.now_ms() + HOUR
    reference, = die(letters, provider, outbox, talk, "It is over.",
                     until=until, kind="a")
    stop_sending(outbox, 26)
    set_ride(outbox, talk, redis.now_ms() - 1)
    assert letters.listed()[0]["sendable"]
    assert letters.taken("LETTER_RESEND", reference=reference) == (1, 0)
    entry, = resent(outbox, 26)
    assert int(entry["until"]) == until and entry["kind"] == b"a"


def test_no_more_than_may_wait(letters, provider, outbox):
    talk = outbox.talk(27)
    first, second = die(letters, provider, outbox, talk, "1", "2")
    stop_sending(outbox, 27)
    outbox.client.set("waiting:{27}", MOST_WAITING - 1)
    assert letters.taken("LETTER_RESEND_ALL") == (1, 1)
    assert letters.references() == [second]
    assert letters.refused("LETTER_RESEND", reference=second)[0] == "busy"
    assert letters.waiting(27) == MOST_WAITING
    assert letters.taken("LETTER_DROP", reference=second) == (1, 0)


def test_in_doubt_it_is_looked_up_first(letters, provider, outbox, redis):
    """The provider had taken it, and could not say so for four hours."""
    talk = outbox.talk(28)
    provider.rule(talk.to, cut=True, take=True, times=1)
    provider.look_status = 500
    reference, = talk.send("once", until=redis.now_ms() + 9 * HOUR)
    wait_for(lambda: provider.looks and outbox.left(28) == {"parked": 1},
             what="a look-up")
    redis.move(hours=4, minutes=1)
    wait_for(letters.references, what="the letter")
    assert letters.listed()[0]["reason"] == "in_doubt"
    provider.look_status = 200
    assert letters.taken("LETTER_RESEND", reference=reference) == (1, 0)
    wait_empty(outbox, 28)
    assert provider.texts(talk.to) == ["once"]
    assert [e[0] for e in talk.timeline()[1:]] == [
        "text.failed", "text.resent", "text.sent"]
    letters.done("REPORT", reference=reference, status="delivered")
    assert talk.timeline()[-1][0] == "text.delivered"


def test_in_doubt_and_not_known_it_is_sent(letters, provider, outbox, redis):
    talk = outbox.talk(29)
    provider.rule(talk.to, cut=True, take=False, times=1)
    provider.look_status = 500
    reference, = talk.send("late", until=redis.now_ms() + 9 * HOUR)
    wait_for(lambda: provider.looks and outbox.left(29) == {"parked": 1},
             what="a look-up")
    redis.move(hours=4, minutes=1)
    wait_for(letters.references, what="the letter")
    provider.look_status = 200
    before = len(provider.looks)
    assert letters.taken("LETTER_RESEND", reference=reference) == (1, 0)
    wait_texts(provider, 1, seconds=15)
    wait_empty(outbox, 29)
    assert provider.texts(talk.to) == ["late"]
    assert len(provider.looks) - before == 2


def test_dropped(letters, provider, outbox):
    talk = outbox.talk(30)
    dropped, kept = die(letters, provider, outbox, talk, "1", "2")
    counted = letters.waiting(30)
    assert letters.taken("LETTER_DROP", reference=dropped) == (1, 0)
    for name in ("LETTER_DROP", "LETTER_RESEND"):
        assert letters.refused(name, reference=dropped) == ("not_found",
                                                            "reference")
    assert letters.references() == [kept]
    assert not outbox.client.exists(f"letter:{{30}}:{dropped}")
    assert talk.timeline()[-1] == ("text.dropped", "customer", dropped, "")
    assert letters.waiting(30) == counted and not provider.texts()


@pytest.mark.parametrize("name", ["LETTER_RESEND", "LETTER_DROP"])
def test_a_wrong_reference(letters, provider, outbox, name):
    died = die(letters, provider, outbox, outbox.talk(17), "x")
    for reference in ("", "x", "64-x", "17-" + "x" * 38, "17-a b", "17-{17}",
                      "17-nobody", "17-x\n", "*"):
        assert letters.refused(name, reference=reference) == (
            "not_found", "reference"), reference
    assert letters.references() == died


# ---- all at once ----

def test_all_are_sent_again_oldest_first(letters, provider, outbox):
    talks = [outbox.talk(p, role) for p in (0, 31, 63)
             for role in ("customer", "driver")]
    for talk in talks:
        die(letters, provider, outbox, talk, "1", "2", "3")
    assert letters.taken("LETTER_RESEND_ALL") == (18, 0)
    wait_texts(provider, 18)
    for talk in talks:
        assert provider.texts(talk.to) == ["1", "2", "3"]
    assert letters.taken("LETTER_RESEND_ALL") == (0, 0)


def test_all_of_a_reason(letters, provider, outbox, redis):
    talk, late = outbox.talk(32), outbox.talk(33)
    refused, = die(letters, provider, outbox, talk, "refused")
    over, = late.send("over", until=redis.now_ms() - 1)
    wait_for(lambda: len(letters.references()) == 2, what="two letters")
    assert letters.taken("LETTER_DROP_ALL", reason="too_old") == (0, 0)
    assert letters.taken("LETTER_RESEND_ALL", reason="ride_over") == (0, 1)
    assert letters.taken("LETTER_RESEND_ALL") == (1, 1)
    wait_texts(provider, 1)
    assert letters.references() == [over]
    assert letters.taken("LETTER_DROP_ALL", reason="ride_over") == (1, 0)
    assert letters.references() == []
    assert provider.taken[0].reference == refused


def test_what_dies_meanwhile_is_for_the_next_time(letters, provider, outbox):
    talk = outbox.talk(34)
    died = die(letters, provider, outbox, talk, *map(str, range(80)))
    provider.rule(talk.to, status=422)
    assert letters.taken("LETTER_RESEND_ALL") == (80, 0)
    wait_for(lambda: len(letters.references()) == 80, what="letters again")
    assert len([p for p in provider.posts if p.reference == died[0]]) == 2


def test_a_slow_request_takes_nothing_that_died_since(letters, outbox, redis):
    """Another one sent it again, and it died again: the script's own word,
    since no request is ever that slow by order."""
    talk = outbox.talk(35)
    reference, = plant(outbox, talk, 1, died=redis.now_ms())
    script = script_of("notifier/letters_take.lua")
    keys = [talk.key(what) for what in ("dead", "outbox", "sending",
                                        "waiting")]
    prefixes = [f"{talk.key(what)}:" for what in ("letter", "ride", "timeline",
                                                  "status")]
    asked = int(outbox.client.zscore("dead:{35}", reference)) - 1
    for at, said in ((asked, b"none"), (asked + 1, b"done")):
        assert outbox.client.eval(
            script, 4, *keys, "drop", at, "", MOST_WAITING, 12_000, *prefixes,
            reference) == [said]


def test_more_than_there_is_time_for(letters, outbox):
    """What is left is told, and done by the next requests; also where there was
    not even time to tell."""
    for partition in (1, 40, 62):
        plant(outbox, outbox.talk(partition), MOST_DEAD)
    left, asked = 3 * MOST_DEAD, 0
    while left:
        request = letters.bus.begin("LETTER_DROP_ALL", {}, ms=100)
        (name, got), = letters.bus.answers([request]).values()
        now_left, asked = letters.page(limit=1)["total"], asked + 1
        assert name == "PROBLEM" or got == {"done": left - now_left,
                                            "left": now_left}
        left = now_left
    assert asked > 1


def test_killed_in_the_middle(letters, start, provider, outbox):
    """Each text is a letter still, or is sent, and no text is both."""
    talks = [outbox.talk(partition) for partition in range(50, 58)]
    planted = {r for talk in talks for r in plant(outbox, talk, 100)}
    sender = start("sender")
    asker = start("asker")
    asker.bus.begin("LETTER_RESEND_ALL")
    wait_for(lambda: sum(outbox.client.zcard(t.key("dead")) for t in talks)
             < len(planted), what="the first letters taken")
    asker.kill()
    left = set(letters.references())
    wait_texts(provider, len(planted) - len(left))
    wait_empty(outbox, *range(50, 58), seconds=20)
    sent = [p.reference for p in provider.taken]
    assert len(sent) == len(set(sent)) and set(sent) == planted - left
    assert letters.taken("LETTER_RESEND_ALL") == (len(left), 0)
    wait_texts(provider, len(planted), seconds=20)
    wait_empty(outbox, *range(50, 58), seconds=20)
    assert len({p.reference for p in provider.taken}) == len(planted)
    assert len(provider.taken) == len(planted)
    assert sender.alive()


@pytest.mark.parametrize("name", ["LETTER_RESEND_ALL", "LETTER_DROP_ALL"])
def test_a_wrong_reason(letters, provider, outbox, name):
    died = die(letters, provider, outbox, outbox.talk(17), "x")
    for reason in ("Refused", "x y", "x" * 33, "*", "é"):
        assert letters.refused(name, reason=reason) == ("invalid", "reason")
    assert letters.references() == died


# ---- what nobody may see ----

def test_no_number_and_no_text_shows(letters, world, provider, outbox, redis):
    talk = outbox.talk(7)
    die(letters, provider, outbox, talk, "secret one", "secret two")
    letters.page()
    letters.taken("LETTER_RESEND_ALL")
    wait_texts(provider, 2)
    shown = b"".join(d.log().encode() for d in world.daemons) + b"".join(
        key + redis.client.dump(key) for key in redis.client.keys("*"))
    assert b"secret" not in shown and talk.to.encode() not in shown
