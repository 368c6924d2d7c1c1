"""The pace of the account: its limit, shared by all notifiers; what a provider
that says 429, that is away, or that takes nothing does to all texts; and how
soon they leave once it is back."""
import time

import pytest

from notifiers import owned, poke, wait_empty, wait_texts
from outbox import HOUR
from poll import holds, wait_for

SERVICES = ()
PARTITIONS = range(64)


def backlog(outbox, talks, texts):
    """`texts` of each of so many conversations, over all partitions."""
    talks = [outbox.talk(n % 64) for n in range(talks)]
    for n in range(texts):
        for talk in talks:
            talk.send(f"{n}")
    return talks


def in_order(provider, talks, texts):
    for talk in talks:
        assert provider.texts(talk.to) == [f"{n}" for n in range(texts)]


def most_in_a_second(moments):
    moments = sorted(moments)
    return max(sum(at <= later < at + 1 for later in moments)
               for at in moments)


# ---- the rate ----

def test_no_faster_than_the_account_may(start, provider, outbox):
    talks = backlog(outbox, 20, 3)
    notifier = start(SEND_RATE="20")
    wait_texts(provider, 60)
    moments = [p.at for p in provider.posts]
    assert 2 <= max(moments) - min(moments) < 6
    assert most_in_a_second(moments) <= 20 + 2 + 2
    assert notifier.metric("send_rate") == 20
    in_order(provider, talks, 3)


def test_two_share_it(start, provider, outbox):
    both = [start(f"n-{n}", SEND_RATE="20") for n in (1, 2)]
    wait_for(lambda: all(owned(outbox, d.instance) == 32 and
                         d.metric("send_rate") == 10 for d in both),
             what="an even share")
    talks = backlog(outbox, 64, 1)
    poke(both[0], *PARTITIONS)
    poke(both[1], *PARTITIONS)
    wait_texts(provider, 64)
    moments = [p.at for p in provider.posts]
    assert max(moments) - min(moments) >= 2
    assert most_in_a_second(moments) <= 20 + 2 + 2
    assert all(d.metric("sends_total") == 32 for d in both)
    in_order(provider, talks, 1)


def test_no_limit(start, provider, outbox):
    backlog(outbox, 64, 20)
    notifier = start(SEND_RATE="0")
    wait_texts(provider, 1280, seconds=30)
    assert notifier.metric("send_rate") == 0, "there is none"


def test_look_ups_have_a_rate_of_their_own(start, provider, outbox):
    provider.rule(cut=True, take=True, times=8)
    talks = backlog(outbox, 8, 1)
    start(SEND_RATE="20")
    wait_texts(provider, 8)
    wait_empty(outbox, *PARTITIONS, seconds=15)
    assert len(provider.looks) == 8
    assert most_in_a_second(provider.looks) <= 2 + 1 + 1
    in_order(provider, talks, 1)


# ---- too fast ----

def test_429_says_when_to_all(start, provider, outbox):
    notifier = start()
    provider.rule(status=429, headers={"Retry-After": "3"}, times=1)
    first = outbox.talk(7)
    first.send("0", "1")
    poke(notifier, 7)
    wait_for(lambda: notifier.metric("rate_limited_total") == 1, what="a 429")
    assert notifier.metric("send_rate") == 0
    talks = [first] + backlog(outbox, 20, 2)
    poke(notifier, *PARTITIONS)
    wait_texts(provider, 42)
    assert notifier.metric("send_rate") < 500, "more slowly for a while"
    refused, *others = provider.posts
    assert min(p.at for p in others) - refused.at >= 3
    assert others[0].text == "0"
    wait_empty(outbox, *PARTITIONS)
    in_order(provider, talks, 2)


def test_a_storm_of_429s(start, provider, outbox, redis):
    """One pause for all that was under way; then one text at a time asks
    whether it is over. No text is put off for it."""
    provider.rule(status=429, hold=0.3)
    talks = backlog(outbox, 40, 2)
    notifier = start()
    wait_for(lambda: provider.posts, what="the first")
    wait_for(lambda: not provider.under_way, what="all refused")
    wave = len(provider.posts)
    wait_for(lambda: len(provider.posts) >= wave + 2, what="two probes")
    moments = [p.at for p in provider.posts]
    assert moments[wave] - moments[wave - 1] >= 1
    assert moments[wave + 1] - moments[wave] >= 2
    assert notifier.metric("rate_limited_total") >= wave
    for p in PARTITIONS:
        for name, due in outbox.client.zrange(f"parked:{{{p}}}", 0, -1,
                                              withscores=True):
            assert due <= redis.now_ms(), name
    provider.heal()
    wait_texts(provider, 80)
    wait_empty(outbox, *PARTITIONS)
    in_order(provider, talks, 2)


# ---- away ----

def away(notifier):
    return notifier.metric("provider_away") == 1


def test_nobody_listens_for_a_while(start, provider, outbox):
    notifier = start()
    port = provider.port
    provider.stop()
    talks = backlog(outbox, 100, 2)
    poke(notifier, *PARTITIONS)
    wait_for(lambda: away(notifier), what="provider away")
    wait_for(lambda: not any("sending" in outbox.left(p) for p in PARTITIONS),
             what="the end of what was under way")
    before, began = notifier.metric("send_retries_total"), time.monotonic()
    wait_for(lambda: notifier.metric("send_retries_total") - before >= 8, 20,
             "eight probes")
    assert time.monotonic() - began > 5, "only probes"
    provider.start(port)
    wait_texts(provider, 200, seconds=5)
    wait_empty(outbox, *PARTITIONS)
    assert not away(notifier)
    assert not provider.looks, "it was sure that nothing was sent"
    in_order(provider, talks, 2)


def test_an_hour_away(start, provider, outbox, redis):
    """All that came before and meanwhile leaves when it is over; the log tells
    of it in few lines."""
    notifier = start()
    said = len(notifier.log().splitlines())
    port = provider.port
    provider.stop()
    talks = [outbox.talk(n) for n in PARTITIONS]
    ends = redis.now_ms() + 3 * HOUR
    for n in range(12):
        for talk in talks:
            talk.send(f"{n}", until=ends)
        poke(notifier, *PARTITIONS)
        before = notifier.metric("send_retries_total")
        wait_for(lambda b=before: notifier.metric("send_retries_total") > b
                 and away(notifier), what="an attempt")
        redis.move(minutes=5)
    wait_for(lambda: owned(outbox, "notifier-1") == 64, what="all its leases")
    lines = notifier.log().splitlines()[said:]
    provider.start(port)
    wait_texts(provider, 12 * 64, seconds=5)
    wait_empty(outbox, *PARTITIONS)
    in_order(provider, talks, 12)
    assert not any(talk.dead() for talk in talks)
    assert len(lines) < 200, lines[-20:]  # of hundreds of attempts an outage


def test_one_that_was_tried_again_and_again(start, provider, outbox, redis):
    """Its back-off does not outlast the outage by more than seconds."""
    notifier = start()
    port = provider.port
    provider.stop()
    talk = outbox.talk(30)
    talk.send("0", "1")
    poke(notifier, 30)
    for tries in range(1, 10):
        redis.move(minutes=5)
        poke(notifier, 30)
        wait_for(lambda n=tries: notifier.metric("send_retries_total") >= n
                 and "sending" not in outbox.left(30), what="an attempt")
    provider.start(port)
    wait_texts(provider, 2, seconds=5)
    in_order(provider, [talk], 2)


def test_it_fails_for_a_while(start, provider, outbox):
    notifier = start(SEND_RATE="100")
    provider.rule(status=503)
    provider.look_status = 503
    talks = backlog(outbox, 100, 2)
    poke(notifier, *PARTITIONS)
    wait_for(lambda: away(notifier), what="provider away")
    wait_for(lambda: not any("sending" in outbox.left(p) for p in PARTITIONS),
             what="the end of what was under way")
    posts, looks = len(provider.posts), len(provider.looks)
    began = time.monotonic()
    wait_for(lambda: len(provider.looks) - looks >= 12, 20, "twelve probes")
    assert time.monotonic() - began > 5, "only probes"
    assert len(provider.posts) - posts <= 2, "none that puts a text in doubt"
    tried = {p.to for p in provider.posts}
    assert len(tried) <= 30
    provider.heal()
    provider.look_status = 200
    others = [t for t in talks if t.to not in tried]
    wait_for(lambda: all(len(provider.texts(t.to)) == 2 for t in others), 5,
             "all others")
    wait_texts(provider, 200, seconds=25)
    wait_empty(outbox, *PARTITIONS)
    in_order(provider, talks, 2)


def test_it_is_silent_for_a_while(start, provider, outbox):
    """Each time-out puts a text in doubt: few are tried meanwhile."""
    notifier = start(SEND_RATE="100")
    provider.rule(hold=30, take=False)
    talks = backlog(outbox, 30, 2)
    poke(notifier, *PARTITIONS)
    wait_for(lambda: away(notifier), 20, "provider away")
    asked = len(provider.posts)
    holds(lambda: len(provider.posts) - asked <= 5, 3, "hardly any attempt")
    provider.heal()
    wait_for(lambda: not away(notifier), 5, "provider back")
    wait_texts(provider, 60, seconds=30)
    wait_empty(outbox, *PARTITIONS)
    in_order(provider, talks, 2)


def test_one_recipients_trouble_is_nobody_elses(start, provider, outbox):
    notifier = start()
    other = outbox.talk(9)
    for n in range(10):
        stuck = outbox.talk(9)
        provider.rule(stuck.to, status=500)
        stuck.send("x")
        other.send(f"{n}")
        poke(notifier, 9)
        wait_for(lambda: provider.tries(stuck.to), what="an attempt")
        wait_texts(provider, n + 1, seconds=2, to=other.to)
        assert not away(notifier)


def test_nobody_else_writes(start, provider, outbox):
    """Then theirs is the only trouble there is; the next one finds out."""
    notifier = start()
    for _ in range(8):
        stuck = outbox.talk(9)
        provider.rule(stuck.to, status=500)
        stuck.send("x")
    poke(notifier, 9)
    wait_for(lambda: away(notifier), what="provider away")
    other = outbox.talk(10)
    other.send("0")
    poke(notifier, 10)
    wait_texts(provider, 1, seconds=5, to=other.to)
    assert not away(notifier)
