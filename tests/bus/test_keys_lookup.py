"""The key of look-ups is changed with all daemons down; cut short anywhere, and
run once more, it comes to the same, and everybody is found again."""
import base64
import re

import pytest

from paths import FAULTS
from poll import wait_for
from rekey import Rekey, anywhere
from town import TOWN_SERVICES, Town, start_notifier
from world import World

LOOKUP = [f for f in FAULTS if f.startswith("lookup.")]


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


def all_down(world):
    for daemon in world.living():
        daemon.terminate()


def all_up(world, provider):
    for service in TOWN_SERVICES:
        world.start(service, f"{service}-1")
    world.wait_sees(world.living("ride-svc")[0], "pool-svc")
    start_notifier(world, provider)


def hashes(world, *phones):
    return [world.vault.phone(phone).encode() for phone in phones]


def test_refused_while_a_daemon_runs(world, town, rekey):
    before = world.keys_file.read_text()
    out = rekey.lookup(status=1)
    assert "while no daemon runs" in out and "ride-svc-1" in out
    assert world.keys_file.read_text() == before
    assert len(world.redis.client.get("keys")) == 22
    town.works()


def holds(client):
    """Who holds which numbers until when, whoever they are."""
    return sorted((key.split(b":")[2], client.pexpiretime(key),
                   *client.zrange(key, 0, -1, withscores=True))
                  for key in client.scan_iter("pool:*:held:*"))


def names(client):
    """{what: how many} of the keys that bear a phone's hash."""
    keys = [key.decode() for key in client.scan_iter()]
    return {what: len([key for key in keys if re.match(what, key)])
            for what in ("route:", r"told:\{\d+\}:\d+:", "person-rides:",
                         "phone:")}


def add_people(scene):
    """One by a request that may come again, one by a key that holds for good.
    """
    bodies = [{"key": f"again-{once}", "role": "customer", "name": "Zoë",
               "phone": f"+44770090041{once:d}", "once": once}
              for once in (False, True)]
    return [(body, scene.done("ride-svc", "PERSON_ADD", **body))
            for body in bodies]


class Before:
    """How things stand before the look-up key is changed."""

    def __init__(self, world, town):
        scene = self.scene = town.scene
        self.world, self.town = world, town
        self.people = add_people(scene)
        phones = [p.phone for p in (town.ann, town.dan, town.bea, town.eve,
                                    town.left)] + ["447700900410",
                                                   "447700900411"]
        # A ride that is over; who wrote on it has been told so.
        self.over = scene.ride(scene.customer(phone="447700900420"),
                               scene.driver(phone="447700900421"))
        scene.done("ride-svc", "RIDE_CANCEL", id=self.over["id"])
        assert scene.text("447700900420", self.over["proxy"]) == "closed"
        wait_for(lambda: "This ride is over" in "".join(
            town.provider.texts("447700900420")), what="the answer")
        wait_for(world.idle, what="idle daemons")
        self.hashes = hashes(world, *phones, "447700900420", "447700900421")
        for value in self.hashes:
            assert anywhere(town.client, value)
        self.holds = holds(town.client)
        self.names = names(town.client)

    def changed(self, layers):
        """Nothing stands under the old hashes, all of it under the new."""
        world, client = self.world, self.town.client
        assert len(world.vault.lookups) == layers
        for value in self.hashes:
            assert not anywhere(client, value)
        assert holds(client) == self.holds
        assert names(client) == self.names
        phones = ("447700900420", "447700900421", self.town.ann.phone)
        for value in hashes(world, *phones):
            assert len(anywhere(client, value)) >= 3
        marks = ".~"[layers % 2]
        assert {key.decode().rsplit(":", 1)[1][0]
                for pattern in ("pool:*:held:*", "phone:*", "route:*",
                                "person-rides:*")
                for key in client.scan_iter(pattern)} == {marks}

    def found(self):
        """Everybody is who they were, and has what they had."""
        scene, town = self.scene, self.town
        town.works()
        for ride, a, b in ((town.ride, town.ann, town.dan),
                           (town.other, town.bea, town.eve)):
            request = scene.request(a, b, proxy=ride["proxy"])
            assert scene.refused("ride-svc", "RIDE_CREATE",
                                 **request)[0] == "proxy_held"
            assert scene.refused("pool-svc", "NUMBER_ADD",
                                 phone="+" + a.phone)[0] == "phone_in_use"
        for body, person in self.people:
            assert scene.done("ride-svc", "PERSON_ADD", **body) == person
        # Who is told once a day is not told twice.
        told = len(town.provider.texts("447700900420"))
        assert scene.text("447700900420", self.over["proxy"]) == "closed"
        assert scene.text(town.left.phone,
                          town.third["proxy"]) == "closed"
        town.works("in the end")
        assert len(town.provider.texts("447700900420")) == told


@pytest.fixture
def before(world, town):
    town.fill()
    return Before(world, town)


def test_everything_is_found_again(world, town, before, provider, rekey):
    all_down(world)
    out = rekey.lookup()
    assert "Done" in out and "left alone" not in out
    before.changed(2)
    all_up(world, provider)
    before.found()
    # A third key: odd after even.
    again = Before.__new__(Before)
    again.__dict__.update(before.__dict__)
    again.hashes = hashes(world, "447700900420", town.ann.phone)
    all_down(world)
    again.holds, again.names = holds(town.client), names(town.client)
    rekey.lookup()
    again.changed(3)
    all_up(world, provider)
    again.found()


@pytest.mark.parametrize("fault", LOOKUP)
def test_look_ups_go_on(world, town, before, provider, rekey, fault):
    all_down(world)
    rekey.lookup(armed=fault, status=-9)
    assert not rekey.fault_file.exists(), "it did not come by that point"
    # Half done, no daemon may write; nor is it taken for a store of others.
    daemon = world.start("ride-svc", "ride-svc-1", ready=False)
    assert daemon.process.wait(10) == 1
    said = daemon.log()
    assert "keys.refused" in said and "rotate-lookup" in said
    assert "being changed" in rekey.run("status")
    out = rekey.lookup()
    assert "Going on" in out
    before.changed(2)
    all_up(world, provider)
    before.found()


def test_other_keys_are_refused(world, scene, rekey):
    """The key file of another deployment, or of before a change."""
    scene.customer()
    mine = world.keys_file.read_text()
    all_down(world)
    rekey.lookup()
    newer = world.keys_file.read_text()
    world.keys_file.write_text(mine)
    assert "other keys" in rekey.run("status")
    out = rekey.lookup(status=1)
    assert "other keys" in out and world.keys_file.read_text() == mine
    daemon = world.start("ride-svc", "ride-svc-1", ready=False)
    assert daemon.process.wait(10) == 1
    # A backup of Redis of before the change comes up to the file's keys.
    world.keys_file.write_text(newer)
    world.start("ride-svc", "ride-svc-1")


def test_an_older_backup_comes_up_to_the_keys(world, town, before, provider,
                                              rekey):
    all_down(world)
    rows = [(key, town.client.dump(key), town.client.pexpiretime(key))
            for key in town.client.scan_iter()]
    rekey.lookup()
    rekey.lookup()
    town.client.flushall()
    for key, value, expires in rows:
        town.client.restore(key, max(expires, 0), value, absttl=True)
    assert "being changed" in rekey.run("status")
    rekey.lookup()
    before.changed(3)
    all_up(world, provider)
    before.found()


# ---- where keys are not ----

def test_keys_are_never_in_redis(world, town, before, provider, rekey):
    """Neither in what it holds, nor in what it has written to disk."""
    keys = world.vault.keys()
    rekey.seal()
    keys += world.vault.keys()
    all_down(world)
    rekey.lookup()
    keys += world.vault.keys()
    spellings = [bytes for key in set(keys) for bytes in (
        key, key.hex().encode(), key.hex().upper().encode(),
        base64.b64encode(key)[:-2], base64.urlsafe_b64encode(key)[:-2])]
    files = [path for path in (world.folder / "appendonlydir").iterdir()]
    assert files
    for path in [*files, *world.folder.glob("*.log")]:
        held = path.read_bytes()
        assert not any(spelling in held for spelling in spellings), path.name


def test_old_hashes_leave_the_disk(world, town, before, rekey):
    all_down(world)
    rekey.lookup()
    held = b"".join(path.read_bytes() for path
                    in (world.folder / "appendonlydir").iterdir())
    assert hashes(world, town.ann.phone)[0] in held
    assert not any(value in held for value in before.hashes)
