"""The key that seals is changed under running daemons; cut short anywhere, and
run once more, it comes to the same."""
import time

import pytest

from notifiers import wait_texts
from paths import FAULTS
from poll import wait_for
from rekey import AGAIN, Rekey, open_all, ride_seals, sealed
from town import TOWN_SERVICES, Town, start_notifier
from world import World

SEAL = [f for f in FAULTS if f.startswith("seal.")]


@pytest.fixture
def world(request):
    """Of one test alone, with a key file of its own."""
    failed_before = request.session.testsfailed
    world = World()
    try:
        world.start_all(*TOWN_SERVICES)
        yield world
    finally:
        world.close(request.session.testsfailed > failed_before)


@pytest.fixture
def rekey(world):
    return Rekey(world)


@pytest.fixture
def town(world, scene, provider):
    start_notifier(world, provider)
    return Town(scene, provider)


def test_seals_all_anew(world, town, rekey):
    town.fill()
    before = {kind for kind, *_ in sealed(town.client)}
    assert before >= {"ride", "route", "person", "letter", "parked",
                      "unrouted", "account"}
    out = rekey.seal()
    assert "Done." in out and world.vault.seals.keys() == {2}
    assert open_all(world).keys() >= before
    town.works()
    # What waited was for the ride as it was, and still is.
    town.provider.heal()
    wait_texts(town.provider, 1, 30, to=town.dan.phone)
    wait_for(lambda: "a parked one" in town.provider.texts(town.dan.phone),
             30, "the parked text")
    reply = town.scene.daemon("notifier").bus.ask("LETTER_RESEND_ALL")
    assert reply == ("LETTERS_TAKEN", {"done": 1, "left": 0})
    wait_for(lambda: "a dead letter" in town.provider.texts(town.eve.phone),
             what="the dead letter")
    # And once more, with the next key.
    rekey.seal()
    assert world.vault.seals.keys() == {3}
    assert open_all(world)["ride"] == 2 * 4
    town.works("once more")


@pytest.mark.parametrize("fault", SEAL)
def test_sealing_goes_on(world, town, rekey, fault):
    town.fill()
    rekey.seal(armed=fault, status=-9)
    assert not rekey.fault_file.exists(), "it did not come by that point"
    town.works()
    told = rekey.run("status")
    out = rekey.seal()
    if fault == "seal.dropped":  # it was over, all but the last look
        assert "no change is under way" in told
        assert world.vault.seals.keys() == {3}
    else:
        assert "goes on with it" in told and "Going on" in out
        assert world.vault.seals.keys() == {2}
    assert open_all(world)["person"] >= 6
    town.works("all is well")


def test_half_way_a_text_is_still_its_recipients(world, town, rekey):
    """The ride is sealed anew, what is to be sent on it is not yet."""
    town.fill()
    rekey.seal(armed="seal.used", status=-9)
    for key in town.client.scan_iter("ride:*"):
        was = packed = town.client.get(key)
        for value, meaning in ride_seals(key.decode(), was):
            packed = packed.replace(value, world.vault.reseal(value, meaning))
        assert packed != was
        town.client.set(key, packed, keepttl=True)
    town.provider.heal()
    reply = town.scene.daemon("notifier").bus.ask("LETTER_RESEND_ALL")
    assert reply == ("LETTERS_TAKEN", {"done": 1, "left": 0})
    wait_for(lambda: "a dead letter" in town.provider.texts(town.eve.phone),
             what="the dead letter")
    wait_for(lambda: "a parked one" in town.provider.texts(town.dan.phone),
             30, "the parked text")
    rekey.seal()
    open_all(world)


def test_copies_that_start_meanwhile_know_the_key(world, town, rekey):
    rekey.seal(armed="seal.added", status=-9)
    world.start("voice-svc", "voice-svc-1")
    town.works()
    rekey.seal(armed="seal.page", status=-9)
    world.start("ride-svc", "ride-svc-1")
    world.start("voice-svc", "voice-svc-1")
    world.wait_sees(world.living("ride-svc")[0], "pool-svc")
    town.works("again")
    rekey.seal()
    open_all(world)


def test_waits_for_a_copy_that_is_frozen(world, town, rekey):
    frozen = town.scene.daemon("voice-svc")
    frozen.pause()
    process = rekey.begin("rotate-seal", "--settle=0")
    try:
        time.sleep(4)
        assert process.poll() is None
        assert world.vault.read().sealing == 1
        twice = rekey.run("rotate-seal", status=1)
        assert "another deploy/keys" in twice
    finally:
        frozen.resume()
    assert "waiting for voice-svc-1" in rekey.end(process)
    assert world.vault.sealing == 2
    town.works()


def test_waits_for_texts_that_are_to_leave(world, scene, provider, rekey):
    """Nobody sends them yet; the old key stays as long as they need it."""
    scene.number()
    scene.ride(scene.customer(), scene.driver())
    process = rekey.begin("rotate-seal", "--settle=0")
    for line in process.stdout:
        if "wait to be sent" in line:
            break
    assert process.poll() is None and set(world.vault.read().seals) == {1, 2}
    start_notifier(world, provider)
    rekey.end(process)
    assert len(provider.taken) == 2 and set(world.vault.seals) == {2}


def test_waits_for_requests_of_before(world, scene, rekey):
    began = time.monotonic()
    out = rekey.run("rotate-seal", "--settle=7")
    assert time.monotonic() - began > 7 and "waiting 7 s" in out


def test_what_does_not_open_keeps_the_old_key(world, scene, rekey):
    ann = scene.customer()
    client, key = scene.redis.client, f"customer:{ann.id}"
    good = client.hget(key, "phone")
    client.hset(key, "phone", good[:-1] + bytes([good[-1] ^ 1]))
    out = rekey.seal(status=1)
    assert "1 values do not open" in out and key in out
    assert set(world.vault.seals) == {1, 2}
    client.hset(key, "phone", good)
    rekey.seal()
    assert open_all(world) == {"person": 1}


def test_a_bad_key_file_changes_nothing(world, town):
    """Whoever edits it by hand is told, and daemons go on."""
    good = world.keys_file.read_text()
    for bad in ("", good.replace("mac", "mac 00"),
                good.replace("lookup ", "lookup " + "00" * 32 + "\nlookup ")):
        world.keys_file.write_text(bad)
        wait_for(lambda: all("keys.refused" in d.log()
                             for d in world.living()), what="refusals")
        town.works()
        for daemon in world.living():
            daemon.log_path.write_text("")
    world.keys_file.write_text(good)


def test_without_redis_or_daemons(world, scene, rekey):
    scene.customer()
    for daemon in world.living():
        daemon.terminate()
    rekey.seal()
    assert open_all(world) == {"person": 1}
    world.redis.stop()
    keys = world.keys_file.read_text()
    assert "does not do what" in rekey.run("status", status=AGAIN)
    process = rekey.begin("rotate-seal")
    time.sleep(2)
    assert process.poll() is None and world.keys_file.read_text() == keys
    process.kill()
    process.communicate()
    usage = rekey.run("rotate-everything", status=2)
    assert "usage:" in usage
