"""Nothing has to be run for it: once its time has passed, nothing of a ride is
found in the store, nor on its disk once that is written anew; of its people
what stands in their own records, and nothing when these are deleted."""
import re

from notifiers import wait_texts
from poll import wait_for

SERVICES = ["ride-svc", "pool-svc", "voice-svc"]
PLACES = ("Elm Street 7", "Plugh Airport")
WHEN = "the day after the xyzzy"
# What is nobody's: pools and numbers, counters, and what says who is running.
NOBODYS = re.compile(
    r"pools|pool:{\w+}:(numbers|index|about|settings|busy|need|low)"
    r"|number:{\d+}:\d+|{(customers|drivers)}:last"
    r"|(outbox|waiting|epoch|lease):{\d+}|service:[\w-]+|keys")
PEOPLES = re.compile(r"customers|drivers|(customer|driver):\d+"
                     r"|phone:[\w-]{20}")


def left(redis, *allowed):
    keys = [key.decode() for key in redis.client.keys("*")]
    return sorted(key for key in keys
                  if not any(kind.fullmatch(key) for kind in allowed)
                  and not key.startswith("phone:")) + \
        [key for key in keys if key.startswith("phone:")
         and PEOPLES not in allowed
         and redis.client.zscore(key, "number") is None]


def written(world):
    """All of the store's file, uncompressed, once it was written anew."""
    client = world.redis.client
    client.config_set("rdbcompression", "no")
    wait_for(lambda: not client.info("persistence")["aof_rewrite_in_progress"],
             what="an earlier rewrite")
    # What has expired is deleted a little later, by its name.
    wait_for(lambda: client.dbsize() == len(client.keys("*")), 30,
             "the end of what has expired")
    client.bgrewriteaof()
    wait_for(lambda: not client.info("persistence")["aof_rewrite_in_progress"],
             what="the rewrite")
    return b"".join(path.read_bytes()
                    for path in world.folder.rglob("appendonlydir/*"))


def a_ride_with_all(scene, provider, ann, dan):
    """Texts that arrive, wait, fail, come too late and reach nobody; calls; a
    change of driver."""
    ride = scene.ride(ann, dan, start=PLACES[0], destination=PLACES[1],
                      datetime=WHEN)
    wait_texts(provider, 1, to=dan.phone)
    scene.text(ann.phone, ride["proxy"], text="it arrives", jti="j1")
    wait_texts(provider, 2, to=dan.phone)
    provider.rule(dan.phone, status=422, times=1)
    scene.text(ann.phone, ride["proxy"], text="it fails")
    wait_texts(provider, 2, to=ann.phone)  # which she is told
    provider.rule(ann.phone, status=503, times=1)
    scene.text(dan.phone, ride["proxy"], text="it waits")
    scene.text("447700900499", ride["proxy"], text="from a stranger")
    scene.call(ann.phone, ride["proxy"])
    scene.call("447700900499", ride["proxy"])
    wait_texts(provider, 3, to=ann.phone, seconds=20)
    comes = scene.driver()
    scene.done("ride-svc", "RIDE_PARTY", id=ride["id"], driver=comes.id)
    wait_texts(provider, 1, to=comes.phone)
    scene.done("ride-svc", "RIDE_CANCEL", id=ride["id"])
    for phone in (ann.phone, comes.phone, dan.phone):
        assert scene.text(phone, ride["proxy"], text="too late") == "closed"
    wait_texts(provider, 2, to=comes.phone)  # which he is told
    return ride, comes


def test_nothing_is_left(world, scene, redis, provider, start):
    start(TEXTS_PER_DAY="1000")
    scene.numbers(3)
    ann, dan = scene.customer(name="Annabel Quux"), scene.driver()
    ride, comes = a_ride_with_all(scene, provider, ann, dan)
    gone = scene.customer(name="Zoe Erased")
    scene.done("ride-svc", "PERSON_ERASE", key="e", role="customer",
               id=gone.id)
    hashes = [world.vault.phone(p.phone)[:20] for p in (ann, dan, comes)]
    on_disk = written(world)
    for thing in (ride["id"], *PLACES, WHEN, *hashes):
        assert thing.encode() in on_disk
    redis.move(days=1, hours=1)  # its cool-down is over
    redis.move(days=29)
    assert scene.get(ride)["state"] == "closed"
    redis.move(days=1, hours=2)
    # Holds are remembered for as long again.
    redis.move(days=1)
    wait_for(lambda: not redis.client.exists("{erasures}:due"),
             what="the end of the erasure")
    # A list lasts as long as the ride was to last at first.
    assert left(redis, NOBODYS, PEOPLES, re.compile(r"rides:{\d+}")) == []
    redis.move(days=2)
    assert left(redis, NOBODYS, PEOPLES) == []
    on_disk = written(world)
    for thing in (ride["id"], *PLACES, WHEN):
        assert thing.encode() not in on_disk, thing
    for key in redis.client.keys("*"):
        if not PEOPLES.fullmatch(key.decode()):
            assert not any(h.encode() in key for h in hashes)
    # And nothing of its people once they are deleted.
    assert ann.name.encode() in on_disk
    for person in (ann, dan, comes):
        scene.done("ride-svc", "PERSON_REMOVE", id=person.id, role=person.role)
    redis.move(days=2, minutes=1)
    assert left(redis, NOBODYS) == []
    on_disk = written(world)
    for thing in (ann.name, dan.name, comes.name, *hashes):
        assert thing.encode() not in on_disk, thing


def test_each_kind_goes_in_its_time(scene, redis, provider, start):
    """Texts within a day, what makes repeats harmless within two, what became
    of texts within a week; the ride's own things stay."""
    start()
    scene.numbers(3)
    a_ride_with_all(scene, provider, scene.customer(), scene.driver())

    def kinds():
        return {key.decode().split(":")[0] for key in redis.client.keys("*")}
    assert {"letter", "unrouted", "seen", "jti", "status", "told"} <= kinds()
    redis.move(days=1, minutes=1)
    # What was just being sent as the day went by has its attempt to end.
    wait_for(lambda: not kinds() & {"letter", "unrouted", "sending", "parked",
                                    "pace"}, 20)
    redis.move(days=1)
    assert not kinds() & {"seen", "jti", "request"}
    redis.move(days=5, minutes=1)
    assert not kinds() & {"status", "told", "undelivered", "originators"}
    assert {"ride", "timeline", "rides", "person-rides"} & kinds() >= {
        "ride", "timeline", "rides"}
