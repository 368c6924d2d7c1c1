"""Several notifiers that share the partitions, and one that dies or freezes in
mid-attempt."""
import time

import pytest

from notifiers import evenly_held, owned, poke, wait_empty, wait_texts
from paths import FAULTS
from poll import wait_for

SERVICES = ()


# ---- several notifiers ----

def test_shares_are_even(start, outbox, world):
    start("n-1", share=64)
    second = start("n-2", share=32)
    wait_for(lambda: owned(outbox, "n-1") == 32, what="an even share")
    start("n-3", share=21)
    shares = wait_for(lambda: (counts := sorted(
        owned(outbox, f"n-{n}") for n in (1, 2, 3))) == [21, 21, 22]
        and counts, what="even shares")
    # And it stays so, round after round: each looks at all in each.
    held, living = outbox.leases(), world.living("notifier")
    goals = {d: d.metric("redis_calls_total") + 6 * 64 for d in living}
    wait_for(lambda: all(d.metric("redis_calls_total") >= goal
                         for d, goal in goals.items()), what="more rounds")
    assert outbox.leases() == held and sum(shares) == 64
    second.terminate()
    wait_for(lambda: sorted((owned(outbox, "n-1"), owned(outbox, "n-3")))
             == [32, 32], seconds=5, what="all taken over")


def feed(outbox, talks, rounds, done):
    for n in range(rounds):
        for talk in talks:
            talk.send(str(n))
        done()


def test_a_newcomer_disturbs_no_order(start, provider, outbox):
    start("n-1", share=64)
    provider.rule(hold=0.05)
    talks = [outbox.talk(p) for p in range(64)]
    feed(outbox, talks, 20, lambda: None)
    wait_texts(provider, 100)
    start("n-2", share=32)
    wait_texts(provider, 20 * 64, seconds=30)
    wait_empty(outbox, *range(64), seconds=20)
    for talk in talks:
        assert provider.texts(talk.to) == [str(n) for n in range(20)]


def test_one_killed_the_other_goes_on(start, provider, outbox):
    victim = start("n-1", share=64)
    start("n-2", share=32)
    wait_for(lambda: owned(outbox, "n-1") == 32, what="an even share")
    provider.rule(hold=0.1)
    talks = [outbox.talk(p) for p in range(64)]
    feed(outbox, talks, 10, lambda: None)
    wait_texts(provider, 100)
    victim.kill()
    killed = time.monotonic()
    under_way = {t.to for t in talks
                 if outbox.left(t.partition).get("sending")}
    assert under_way
    others = [t for t in talks if t.to not in under_way]
    wait_for(lambda: all(len(provider.texts(t.to)) == 10 for t in others),
             what="all but what was under way")
    assert all(p.at - killed < 5 for t in others
               for p in provider.tries(t.to)[:1])
    wait_empty(outbox, *range(64), seconds=30)
    for talk in talks:
        assert provider.texts(talk.to) == [str(n) for n in range(10)]


def test_killed_with_little_to_do_the_rest_leaves_in_time(start, provider,
                                                          outbox):
    victim = start("n-1", share=64)
    start("n-2", share=32)
    wait_for(lambda: owned(outbox, "n-1") == 32, what="an even share")
    victim.kill()
    killed = time.monotonic()
    talks = [outbox.talk(p) for p in range(64)]
    for talk in talks:
        talk.send("1", "2")
    wait_texts(provider, 128)
    assert time.monotonic() - killed < 5
    assert all(provider.texts(t.to) == ["1", "2"] for t in talks)


def test_leaving_hands_over_at_once(start, provider, outbox):
    leaving = start("n-1", share=64)
    start("n-2", share=32)
    wait_for(lambda: owned(outbox, "n-1") == 32, what="an even share")
    provider.rule(hold=0.3)
    talks = [outbox.talk(p) for p in range(64)]
    feed(outbox, talks, 5, lambda: None)
    wait_texts(provider, 64)
    began = time.monotonic()
    leaving.process.terminate()
    wait_for(lambda: owned(outbox, "n-1") == 0, seconds=1,
             what="leases given back")
    wait_for(lambda: owned(outbox, "n-2") == 64, seconds=2,
             what="leases taken over")
    assert leaving.wait_dead() == 0
    assert time.monotonic() - began < 4
    wait_empty(outbox, *range(64))
    for talk in talks:
        assert provider.texts(talk.to) == [str(n) for n in range(5)]
    assert not provider.looks, "nothing was left in doubt"


def test_a_frozen_one_sends_nothing_when_it_wakes(start, provider, outbox):
    frozen = start("n-1", share=64)
    start("n-2", share=32)
    wait_for(lambda: owned(outbox, "n-1") == 32, what="an even share")
    mine = [p for p, name in outbox.leases().items() if name == "n-1"]
    provider.rule(hold=0.05)
    talks = [outbox.talk(p) for p in mine for _ in range(2)]
    feed(outbox, talks, 10, lambda: None)
    wait_texts(provider, 100)
    frozen.pause()
    wait_for(lambda: owned(outbox, "n-2") == 64, what="leases taken over")
    frozen.resume()
    wait_empty(outbox, *mine, seconds=40)
    for talk in talks:
        assert provider.texts(talk.to) == [str(n) for n in range(10)]
    assert frozen.alive()


# ---- crashes ----

# Where it dies, what the provider had by then, and how often it is asked
# before the text leaves again.
CRASHES = [("send.begun", 0, 2), ("send.checked", 0, 2),
           ("send.writing", 0, 2), ("send.answered", 1, 1),
           ("send.recorded", 1, 0)]


def test_every_step_of_a_send_is_walked():
    """The look-up has a test of its own, below."""
    assert {"send.looked", *(c[0] for c in CRASHES)} == {
        f for f in FAULTS if f.startswith("send.")}


@pytest.mark.parametrize("fault, had, looks", CRASHES)
def test_a_crash_in_mid_attempt(start, provider, outbox, redis, fault, had,
                                looks):
    notifier = start()
    talk = outbox.talk(60)
    notifier.arm(fault)
    talk.send("1", "2", "3")
    poke(notifier, 60)
    notifier.wait_dead()
    assert provider.texts() == ["1"] * had
    start("notifier-1")
    if looks:
        wait_for(lambda: outbox.leases().get(60), what="a new owner")
        assert not provider.looks, "it may still be under way"
        redis.move(seconds=12)
    wait_texts(provider, 3, seconds=15)
    wait_empty(outbox, 60)
    assert provider.texts(talk.to) == ["1", "2", "3"]
    assert len(provider.looks) == looks


def test_a_crash_after_the_look_up(start, provider, outbox, redis):
    """It is looked up again, and sent once."""
    talk = outbox.talk(60)
    notifier = start()
    notifier.arm("send.answered")
    talk.send("1", "2")
    poke(notifier, 60)
    notifier.wait_dead()
    redis.move(seconds=12)
    second = start("notifier-2", armed="send.looked", share=0)
    second.wait_dead()
    start("notifier-3")
    wait_texts(provider, 2, seconds=15)
    wait_empty(outbox, 60)
    assert provider.texts(talk.to) == ["1", "2"]
    assert len(provider.looks) == 2


def test_a_crash_after_a_report(start, provider, outbox):
    """The status has moved, and moves once."""
    notifier = start()
    talk = outbox.talk(9)
    reference, = talk.send("1")
    poke(notifier, 9)
    wait_empty(outbox, 9)
    notifier.arm("report.stored")
    body = {"reference": reference, "status": "delivered"}
    notifier.bus.begin("REPORT", body)
    notifier.wait_dead()
    assert start("notifier-2").bus.ask("REPORT", body)[0] == "OK"
    assert [e[0] for e in talk.timeline()].count("text.delivered") == 1


def test_frozen_at_each_step_of_a_send(start, provider, outbox):
    """Each notifier freezes at another step, for longer than its lease and
    than an attempt lives. What is between the last look at the clock and the
    kernel's write leaves twice, at most; nothing else does."""
    steps = [f for f, _, _ in CRASHES]
    frozen = {f: start(f.replace(".", "-")) for f in steps}
    start("heir")
    held = wait_for(lambda: evenly_held(outbox, 6), what="even shares")
    talks = {f: outbox.talk(held[d.instance]) for f, d in frozen.items()}
    for step, daemon in frozen.items():
        daemon.arm(f"{step} stop")
    for step, talk in talks.items():
        talk.send(f"{step} 1", f"{step} 2", f"{step} 3")
        poke(frozen[step], talk.partition)
    wait_for(lambda: all(d.struck() for d in frozen.values()),
             what="all frozen")
    wait_for(lambda: owned(outbox, "heir") == 64, what="all taken over")
    # Theirs is left alone until it has surely ended, and then looked up.
    wait_empty(outbox, *(t.partition for t in talks.values()), seconds=40)
    before = {step: provider.texts(t.to) for step, t in talks.items()}
    for step, texts in before.items():
        assert texts == [f"{step} {n}" for n in (1, 2, 3)]
    for daemon in frozen.values():
        daemon.resume()
    wait_for(lambda: all(d.alive() for d in frozen.values()), what="all awake")
    wait_for(lambda: len(provider.texts(talks["send.writing"].to)) == 4,
             what="the text that nothing could stop")
    wait_for(lambda: len(set(outbox.leases().values())) == 6,
             what="all at work again")
    after = {step: provider.texts(t.to) for step, t in talks.items()}
    assert after.pop("send.writing") == \
        before.pop("send.writing") + ["send.writing 1"]
    assert after == before


def test_redis_away_for_a_while(start, provider, outbox, redis):
    """What the provider took while Redis was silent is not sent again."""
    notifier = start()
    provider.rule(hold=1)
    talks = [outbox.talk(p) for p in range(20)]
    for talk in talks:
        talk.send("1", "2", "3")
    poke(notifier, *range(20))
    wait_texts(provider, 20)
    before = notifier.metric("redis_failures_total")
    redis.pause()
    # What the provider answered could not be written down, by any of them.
    wait_for(lambda: notifier.metric("redis_failures_total") - before >= 20,
             what="the end of their patience")
    assert len(provider.posts) == 20, "no lease, no attempt"
    redis.resume()
    wait_texts(provider, 60)
    wait_empty(outbox, *range(20), seconds=15)
    assert all(provider.texts(t.to) == ["1", "2", "3"] for t in talks)
