"""TEXTS_PER_DAY: no more parts of texts leave on a day (UTC, by Redis's clock)
than that, by however many notifiers; what is past it waits, and is on record
where it waits too long."""
import json
from collections import Counter

import pytest

from notifiers import evenly_held, wait_empty, wait_texts
from outbox import HOUR
from poll import holds, wait_for
from receiver import SECRET, Receiver

SERVICES = []
DAY = 24 * HOUR
LONG = "x" * 400  # three parts


@pytest.fixture(autouse=True)
def noon(redis):
    """A day is not over in the middle of a test."""
    at = redis.now_ms() % DAY
    redis.move(ms=(DAY - at + 12 * HOUR))


def used(redis):
    return int(redis.client.hget("{texts}:today", "used") or 0)


def midnight(redis):
    redis.move(ms=DAY - redis.now_ms() % DAY)


def test_past_it_texts_wait_for_the_next_day(redis, outbox, provider, start):
    redis.move(hours=11)
    start(TEXTS_PER_DAY="5")
    talk = outbox.talk(3)
    texts = [f"text {n}" for n in range(8)]
    talk.send(*texts, until=redis.now_ms() + 9 * HOUR)
    wait_texts(provider, 5)
    holds(lambda: len(provider.posts) == 5, 3, "no more than five")
    assert used(redis) == 5
    midnight(redis)
    wait_texts(provider, 8)
    assert provider.texts(talk.to) == texts
    wait_empty(outbox, 3)
    wait_for(lambda: used(redis) == 3, what="what was taken back")


def test_those_that_wait_too_long_are_on_record(redis, outbox, provider, start):
    daemon = start(TEXTS_PER_DAY="1")
    talk = outbox.talk(3)
    other = outbox.talk(4)
    talk.send("leaves", until=redis.now_ms() + 9 * HOUR)
    wait_texts(provider, 1)
    late = talk.send("waits", "too", until=redis.now_ms() + 9 * HOUR)
    late_too = other.send("long", until=redis.now_ms() + 9 * HOUR)
    redis.move(hours=3, minutes=58)
    holds(lambda: talk.dead() == [] and other.dead() == [], 3)
    assert len(provider.posts) == 1
    redis.move(minutes=3)
    wait_empty(outbox, 3, 4)
    assert talk.dead() == [(r, "day_limit") for r in late]
    assert other.dead() == [(r, "day_limit") for r in late_too]
    assert talk.timeline()[-1] == ("text.failed", "customer", late[1],
                                   "day_limit")
    assert len(provider.posts) == 1
    assert daemon.metric("texts_today") == 1
    assert daemon.metric("texts_per_day") == 1


def test_a_long_text_counts_by_its_parts(redis, outbox, provider, start):
    start(TEXTS_PER_DAY="4")
    outbox.talk(3).send(LONG)
    wait_texts(provider, 1)
    wait_for(lambda: used(redis) == 3, what="what was taken back")
    outbox.talk(4).send(LONG)
    holds(lambda: len(provider.posts) == 1, 2, "no part of the next one")
    outbox.talk(5).send("short")
    wait_texts(provider, 2)
    holds(lambda: len(provider.posts) == 2, 2)
    assert provider.texts()[1] == "short"


def test_many_notifiers_together(redis, outbox, provider, start):
    redis.move(hours=11)
    for n in range(3):
        start(f"notifier-{n + 1}", TEXTS_PER_DAY="70")
    wait_for(lambda: evenly_held(outbox, 3), 20, "even shares")
    talks = [outbox.talk(p) for p in range(64)]
    for talk in talks:
        talk.send("one", "two", "three")
    wait_for(lambda: len(provider.posts) >= 70, 20, "70 texts")
    holds(lambda: len(provider.posts) == 70, 4, "no more than 70")
    assert used(redis) == 70
    midnight(redis)
    wait_for(lambda: len(provider.posts) >= 140, 20, "70 more")
    holds(lambda: len(provider.posts) == 140, 3, "no more than 140")


def test_what_was_not_sent_is_not_counted(redis, outbox, provider, start):
    start(TEXTS_PER_DAY="2")
    refused, fine = outbox.talk(3), outbox.talk(4)
    provider.rule(refused.to, status=422)
    refused.send(*["no"] * 5)
    wait_for(lambda: len(refused.dead()) == 5, what="the end of them")
    fine.send("one", "two", "three")
    wait_texts(provider, 2)
    holds(lambda: len(provider.taken) == 2, 2)


def test_what_may_have_been_sent_is_counted(redis, outbox, provider, start):
    start(TEXTS_PER_DAY="2")
    talk, other = outbox.talk(3), outbox.talk(4)
    provider.rule(talk.to, take=True, cut=True)
    talk.send("taken, unheard of")
    wait_empty(outbox, 3)
    other.send("one", "two")
    wait_texts(provider, 2)
    holds(lambda: len(provider.taken) == 2, 2)


@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_one_that_ends_leaves_what_it_had_taken(redis, outbox, provider, start,
                                                how):
    """Killed, what it had taken in advance is lost for the day, no more."""
    first = start(TEXTS_PER_DAY="640")
    outbox.talk(3).send("one")
    wait_texts(provider, 1)
    taken = used(redis)
    assert 1 < taken <= 40
    getattr(first, how)()
    assert used(redis) == (taken if how == "kill" else 1)


def test_what_nobody_uses_is_given_back(redis, outbox, provider, start):
    start(TEXTS_PER_DAY="640")
    outbox.talk(3).send("one")
    wait_texts(provider, 1)
    wait_for(lambda: used(redis) == 1, what="the rest of it back")


def test_a_higher_limit_lets_them_leave(redis, outbox, provider, start):
    start(TEXTS_PER_DAY="1")
    outbox.talk(3).send("one", "two", "three")
    wait_texts(provider, 1)
    holds(lambda: len(provider.posts) == 1, 1)
    start("notifier-1", TEXTS_PER_DAY="0")
    wait_texts(provider, 3)


def test_the_operator_is_told_once_of_each(redis, outbox, provider, start):
    redis.move(hours=11)
    receiver = Receiver()
    settings = {"ALERT_URL": receiver.url, "ALERT_SECRET": SECRET,
                "TEXTS_PER_DAY": "10"}
    try:
        for n in range(2):
            start(f"notifier-{n + 1}", **settings)
        outbox.talk(3).send(*"1234567")
        wait_texts(provider, 7)
        holds(lambda: receiver.ids() == [], 2, "nothing to tell")
        outbox.talk(4).send("8")
        wait_for(receiver.ids, what="the alert")
        body, = receiver.bodies()
        assert body["type"] == "texts.limit_near"
        assert body["data"] == {"texts_per_day": 10, "percent": 80}
        outbox.talk(5).send("9", "10", "11")
        wait_for(lambda: len(receiver.ids()) == 2, what="the second one")
        holds(lambda: len(receiver.ids()) == 2, 2, "each once")
        assert receiver.bodies()[1]["type"] == "texts.limit_reached"
        assert json.dumps(receiver.bodies()).count("100") == 1
        midnight(redis)
        wait_texts(provider, 11)
        holds(lambda: len(receiver.ids()) == 2, 2, "a new day")
    finally:
        receiver.stop()


def test_without_a_limit_nothing_is_counted(redis, outbox, provider, start):
    daemon = start()
    outbox.talk(3).send("one")
    wait_texts(provider, 1)
    wait_empty(outbox, 3)
    assert redis.client.keys("{texts}*") == []
    assert daemon.metric("texts_per_day") == 0
    assert Counter(provider.texts()) == {"one": 1}
