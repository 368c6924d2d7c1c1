"""The way out: what a notifier does with the texts of an outbox, over its
ROUTER, a real Redis and a provider that fails as it is told."""
import re
import time

import pytest

from notifiers import KEY, PUBLIC_URL, poke, wait_empty, wait_texts
from outbox import HOUR
from poll import wait_for
from vault import Vault, make_keys

SERVICES = ()


# ---- order ----

def test_in_order_within_a_conversation_side_by_side_otherwise(
        start, provider, outbox):
    notifier = start()
    provider.rule(hold=0.02)
    talks = [outbox.talk(n % 8, role) for n in range(16)
             for role in ("customer", "driver")]
    for n in range(6):
        for talk in talks:
            talk.send(f"{talk.to} {n}")
    poke(notifier, *range(8))
    wait_texts(provider, 6 * len(talks))
    wait_empty(outbox, *range(8))
    for talk in talks:
        assert provider.texts(talk.to) == [f"{talk.to} {n}" for n in range(6)]
        sent = [e for e in talk.timeline() if e[0] == "text.sent"]
        assert len(sent) == 6 and {e[1] for e in sent} == {talk.role}
    assert provider.most_under_way > 8
    assert notifier.metric("sends_total") == 6 * len(talks)
    assert notifier.metric("partitions_owned") == 64


def test_what_the_provider_is_asked(start, provider, outbox):
    notifier = start()
    talk = outbox.talk(17)
    text = 'héllo "you" \\ €\n🚕'
    reference, = talk.send(text)
    poke(notifier, 17)
    wait_texts(provider, 1)
    fields = dict(provider.posts[0].fields)
    report = fields.pop("reportUrl")
    assert fields == {"originator": talk.proxy, "recipients": [talk.to],
                      "body": text, "datacoding": "auto",
                      "reference": reference}
    assert re.fullmatch(re.escape(PUBLIC_URL)
                        + r"/webhook-status\?mac=[\w-]{22}", report)
    assert provider.headers["path"] == "/messages"
    assert provider.headers["Authorization"] == f"AccessKey {KEY}"
    assert provider.headers["Content-Type"] == "application/json"
    assert provider.headers["User-Agent"] == "birdcar"


def test_without_a_poke(start, provider, outbox):
    start()
    talk = outbox.talk(3)
    talk.send("found by the poll")
    wait_texts(provider, 1, seconds=2)


def test_a_long_backlog(start, provider, outbox):
    """More than is held in memory, and read in many pieces."""
    talks = [outbox.talk(5) for _ in range(13)]
    for n in range(100):
        for talk in talks:
            talk.send(f"{n}")
    start()
    wait_texts(provider, 1300, seconds=30)
    wait_empty(outbox, 5)
    for talk in talks:
        assert provider.texts(talk.to) == [f"{n}" for n in range(100)]


def test_connections_are_kept(start, provider, outbox):
    notifier = start()
    talk = outbox.talk(4)
    for n in range(10):
        talk.send(str(n))
        poke(notifier, 4)
        wait_texts(provider, n + 1)
    assert provider.connections == 1


@pytest.mark.parametrize("body", [{"partition": -1}, {"partition": 64},
                                  {"partition": 2 ** 40}, {}])
def test_an_odd_poke_is_harmless(start, body):
    notifier = start()
    notifier.bus.tell("POKE", body)
    assert notifier.alive()


# ---- what goes wrong at the provider ----

def test_a_stuck_recipient_holds_up_nobody_else(start, provider, outbox):
    notifier = start()
    stuck, other = outbox.talk(9), outbox.talk(9)
    provider.rule(stuck.to, hold=3)
    stuck.send("a", "b")
    other.send("c", "d")
    poke(notifier, 9)
    wait_texts(provider, 2, seconds=2, to=other.to)
    assert provider.texts(stuck.to) == ["a"]
    wait_texts(provider, 2, to=stuck.to)


def test_a_retry_keeps_the_order(start, provider, outbox):
    """What comes behind a text in back-off waits behind it; nobody else."""
    notifier = start()
    stuck, other = outbox.talk(9), outbox.talk(9)
    provider.rule(stuck.to, status=500)
    first = stuck.send("1", "2", "3")
    poke(notifier, 9)
    wait_for(lambda: stuck.parked() == first, what="parked texts")
    last = stuck.send("4")
    other.send("now")
    poke(notifier, 9)
    wait_texts(provider, 1, seconds=2, to=other.to)
    wait_for(lambda: stuck.parked() == first + last, what="parked texts")
    assert outbox.left(9) == {"parked": 1}
    provider.heal()
    wait_texts(provider, 4, seconds=15, to=stuck.to)
    assert provider.texts(stuck.to) == ["1", "2", "3", "4"]
    wait_empty(outbox, 9)


def test_back_off_grows(start, provider, outbox, redis, tmp_path):
    """Of a text whose trouble is its own; here, sealed with other keys."""
    notifier = start()
    other, talk = outbox.talk(11), outbox.talk(11)
    make_keys(tmp_path / "keys")
    ours, outbox.vault = outbox.vault, Vault(tmp_path / "keys")
    talk.send("x")
    outbox.vault = ours
    before = 0
    for least, most in ((1000, 2000), (2000, 4000), (4000, 8000),
                        (8000, 16000)):
        poke(notifier, 11)
        due = wait_for(lambda: (score := outbox.client.zscore(
            "parked:{11}", talk.name)) and score > before and score,
            what="the next attempt")
        assert least - 1000 <= due - redis.now_ms() <= most
        before = due
        redis.move(ms=max(0, int(due) - redis.now_ms()))
    assert "check KEYS_FILE" in notifier.log()
    other.send("y")
    poke(notifier, 11)
    wait_texts(provider, 1, seconds=2)


def test_429_says_when(start, provider, outbox):
    notifier = start()
    talk = outbox.talk(12)
    provider.rule(talk.to, status=429, headers={"Retry-After": "3"}, times=1)
    talk.send("first", "second")
    poke(notifier, 12)
    wait_texts(provider, 2)
    tries = provider.tries(talk.to)
    assert [p.text for p in tries] == ["first", "first", "second"]
    assert 3 <= tries[1].at - tries[0].at <= 5
    assert tries[2].at - tries[1].at < 1
    wait_empty(outbox, 12)


def test_500_is_looked_up_twice_before_it_is_sent_again(
        start, provider, outbox):
    notifier = start()
    talk = outbox.talk(20)
    provider.rule(talk.to, status=500, times=1)
    talk.send("first", "second")
    poke(notifier, 20)
    wait_texts(provider, 2, seconds=15)
    tries = provider.tries(talk.to)
    assert [p.text for p in tries] == ["first", "first", "second"]
    assert len(provider.looks) == 2
    assert provider.looks[0] - tries[0].at < 1, "at once"
    assert 5 <= provider.looks[1] - provider.looks[0] < 7
    assert tries[1].at - tries[0].at < 10
    wait_empty(outbox, 20)


@pytest.mark.parametrize("rule, reused", [
    ({"status": 500, "take": True}, False), ({"hold": 10.5}, False),
    ({"cut": True}, False), ({"cut": True}, True)],
    ids=["500", "time-out", "cut", "cut while reused"])
def test_taken_but_not_answered_is_sent_once(start, provider, outbox, rule,
                                             reused):
    notifier = start()
    talk, other = outbox.talk(21), outbox.talk(21)
    if reused:
        other.send("opens a connection")
        poke(notifier, 21)
        wait_texts(provider, 1)
        wait_empty(outbox, 21)
    provider.rule(talk.to, times=1, **rule)
    talk.send("first", "second")
    poke(notifier, 21)
    wait_texts(provider, 2, seconds=20, to=talk.to)
    wait_empty(outbox, 21)
    assert [p.text for p in provider.tries(talk.to)] == ["first", "second"]
    assert len(provider.looks) == 1
    assert [e[0] for e in talk.timeline()].count("text.sent") == 2


def test_in_doubt_while_the_provider_cannot_say(start, provider, outbox,
                                                redis):
    """It is not sent again before the provider said that it has it not."""
    notifier = start()
    talk = outbox.talk(22)
    provider.rule(talk.to, cut=True, times=1)
    provider.look_status = 500
    talk.send("x")
    poke(notifier, 22)
    for looks in (1, 2, 3, 4):
        wait_for(lambda n=looks: len(provider.looks) >= n
                 and outbox.left(22) == {"parked": 1}, what="a look-up")
        redis.move(seconds=10)
    provider.look_status = 200
    assert len(provider.tries(talk.to)) == 1
    wait_empty(outbox, 22, seconds=12)
    assert len(provider.tries(talk.to)) == 1


def test_nobody_listens(start, provider, outbox):
    notifier = start()
    port = provider.port
    provider.stop()
    talks = [outbox.talk(n) for n in range(30, 40)]
    for talk in talks:
        talk.send("1", "2")
    poke(notifier, *range(30, 40))
    # Some were tried and parked; the others are held back while it is away.
    wait_for(lambda: any("parked" in outbox.left(t.partition)
                         for t in talks)
             and notifier.metric("provider_away") == 1, what="it is away")
    provider.start(port)
    wait_texts(provider, 20, seconds=15)
    wait_empty(outbox, *range(30, 40))
    for talk in talks:
        assert provider.texts(talk.to) == ["1", "2"]
    assert not provider.looks, "it was sure that nothing was sent"


@pytest.mark.parametrize("status, errors", [(422, None), (400, None),
                                            (404, None)])
def test_a_final_error_is_a_dead_letter(start, provider, outbox, status,
                                        errors):
    notifier = start()
    talk = outbox.talk(40)
    provider.rule(talk.to, status=status, errors=errors, times=1)
    bad, good = talk.send("bad", "good")
    poke(notifier, 40)
    wait_texts(provider, 1)
    wait_empty(outbox, 40)
    assert provider.texts(talk.to) == ["good"]
    assert talk.dead() == [(bad, "refused")]
    assert talk.timeline()[1:] == [
        ("text.failed", "customer", bad, "refused"),
        ("text.sent", "customer", good, "")]
    assert notifier.metric("send_failures_total") == 1


def test_without_balance_it_waits_for_a_person(start, provider, outbox,
                                               redis):
    notifier = start()
    talk, other = outbox.talk(41), outbox.talk(40)
    provider.rule(status=422, times=1, errors=[
        {"code": 25, "description": "Not enough balance", "parameter": None}])
    talk.send("x")
    poke(notifier, 41)
    wait_for(lambda: outbox.left(41) == {"parked": 1}, what="parked text")
    assert "advice=\"top the account up\"" in notifier.log()
    other.send("y")
    poke(notifier, 40)
    redis.move(minutes=6)
    wait_texts(provider, 2, seconds=40)
    tries = [p.at for p in provider.posts]
    assert 30 <= tries[1] - tries[0] < 32, "nobody was tried meanwhile"
    assert len(tries) == 3


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_loses_nothing(start, provider, outbox, status):
    notifier = start()
    talk = outbox.talk(42)
    provider.rule(status=status)
    texts = talk.send("1", "2")
    poke(notifier, 42)
    wait_for(lambda: talk.parked() == texts[:1], what="parked text")
    wait_for(lambda: len(provider.posts) == 2, what="a probe")
    assert provider.posts[1].at - provider.posts[0].at >= 5
    assert "check MESSAGEBIRD_API_KEY" in notifier.log()
    assert KEY not in notifier.log()
    provider.heal()
    wait_texts(provider, 2, seconds=15)
    assert provider.texts() == ["1", "2"]


# ---- texts that are never sent ----

def test_past_the_routes_end(start, provider, outbox, redis):
    notifier = start()
    talk = outbox.talk(50)
    late, = talk.send("late", until=redis.now_ms() - 1)
    talk.send("in time")
    poke(notifier, 50)
    wait_texts(provider, 1)
    wait_empty(outbox, 50)
    assert provider.texts() == ["in time"]
    assert talk.dead() == [(late, "ride_over")]


def test_too_old(start, provider, outbox, redis):
    notifier = start()
    talk = outbox.talk(51)
    now = redis.now_ms()
    old, = talk.send("old", queued=now - 4 * HOUR - 1000)
    talk.send("not yet", queued=now - 4 * HOUR + 60_000)
    poke(notifier, 51)
    wait_texts(provider, 1)
    wait_empty(outbox, 51)
    assert provider.texts() == ["not yet"]
    assert talk.dead() == [(old, "too_old")]


def test_too_old_while_parked(start, provider, outbox, redis):
    notifier = start()
    talk = outbox.talk(52)
    provider.rule(status=429)
    texts = talk.send("1", "2", until=redis.now_ms() + 9 * HOUR)
    poke(notifier, 52)
    wait_for(lambda: talk.parked() == texts[:1], what="parked text")
    redis.move(hours=4, seconds=1)
    wait_empty(outbox, 52)
    assert talk.dead() == [(t, "too_old") for t in texts]
    assert outbox.client.ttl("dead:{52}") > 0


# ---- delivery reports ----

def report(notifier, reference, status):
    return notifier.bus.ask("REPORT", {"reference": reference,
                                       "status": status})


def test_reports_move_only_forward(start, provider, outbox):
    notifier = start()
    talk = outbox.talk(33)
    first, second = talk.send("1", "2")
    poke(notifier, 33)
    wait_empty(outbox, 33)
    before = len(talk.timeline())
    for reference, status in ((first, "sent"), (first, "buffered"),
                              (first, "sent"), (first, "delivered"),
                              (first, "delivered"), (first, "expired"),
                              (first, "scheduled"), (second, "delivered"),
                              (second, "sent")):
        assert report(notifier, reference, status) == ("OK", {})
    assert talk.timeline()[before:] == [
        ("text.delivered", "customer", first, "delivered"),
        ("text.delivered", "customer", second, "delivered")]
    key = f"status:{{33}}:{first}"
    kept, queued = outbox.client.get(key).decode().rsplit(" ", 1)
    assert kept == f"4 {talk.ride} customer t"
    assert 0 <= outbox.redis.now_ms() - int(queued) < 60_000
    assert 600_000 < outbox.client.ttl(key) <= 604_800


@pytest.mark.parametrize("status", ["expired", "delivery_failed"])
def test_a_bad_report(start, provider, outbox, status):
    notifier = start()
    talk = outbox.talk(34)
    reference, = talk.send("1")
    poke(notifier, 34)
    wait_empty(outbox, 34)
    report(notifier, reference, status)
    assert talk.timeline()[-1] == ("text.undelivered", "customer", reference,
                                   status)


def test_an_early_report(start, provider, outbox):
    """It overtakes the answer to the POST."""
    notifier = start()
    talk = outbox.talk(35)
    provider.rule(hold=1)
    reference, = talk.send("1")
    poke(notifier, 35)
    wait_texts(provider, 1)
    report(notifier, reference, "delivered")
    wait_empty(outbox, 35)
    assert {e[0] for e in talk.timeline()[1:]} == {"text.delivered",
                                                   "text.sent"}


def test_an_unknown_report(start, outbox):
    notifier = start()
    assert report(notifier, "17-nobody-knows-it", "delivered") == ("OK", {})
    assert not outbox.client.keys("status:*")


@pytest.mark.parametrize("reference, status, field", [
    ("", "sent", "reference"), ("64-x", "sent", "reference"),
    ("17-" + "x" * 38, "sent", "reference"), ("17-a b", "sent", "reference"),
    ("17-a}b", "sent", "reference"), ("17-good", "lost", "status"),
    ("17-good", "", "status")])
def test_a_wrong_report(start, reference, status, field):
    notifier = start()
    name, problem = report(notifier, reference, status)
    assert (name, problem["code"], problem["field"]) == ("PROBLEM", "invalid",
                                                         field)


# ---- what nobody may see ----

def test_no_number_and_no_text_shows(start, provider, outbox, redis):
    notifier = start()
    talk = outbox.talk(7)
    provider.rule(talk.to, status=422, times=1)
    talk.send("secret one", "secret two")
    poke(notifier, 7)
    wait_texts(provider, 1)
    provider.rule(talk.to, status=429)
    talk.send("secret three")
    poke(notifier, 7)
    wait_for(lambda: talk.parked(), what="parked text")
    shown = notifier.log().encode() + b"".join(
        key + redis.client.dump(key) for key in redis.client.keys("*"))
    assert b"secret" not in shown
    assert talk.to.encode() not in shown
    assert talk.proxy not in notifier.log()
