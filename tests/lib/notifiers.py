"""What the tests of the notifier wait for, over its ROUTER, a real Redis and a
provider that fails as it is told."""
from collections import Counter

from poll import wait_for

PUBLIC_URL = "https://birdcar.example"
KEY = "test_a-key-of-nobody"


def owned(outbox, name):
    return list(outbox.leases().values()).count(name)


def evenly_held(outbox, copies):
    """{instance: a partition of its own} once all are held and none of the
    `copies` has more than its share, so that none moves any more."""
    leases = outbox.leases()
    counts = Counter(leases.values())
    if len(leases) < 64 or len(counts) < copies or \
            max(counts.values()) > -(-64 // copies):
        return None
    return {instance: partition for partition, instance in leases.items()}


def poke(daemon, *partitions):
    for partition in partitions:
        daemon.bus.tell("POKE", {"partition": partition})


def wait_texts(provider, count, seconds=10, to=None):
    wait_for(lambda: len(provider.texts(to)) >= count, seconds,
             f"{count} texts")


def wait_empty(outbox, *partitions, seconds=10):
    wait_for(lambda: not any(outbox.left(p) for p in partitions), seconds,
             "empty outbox")
