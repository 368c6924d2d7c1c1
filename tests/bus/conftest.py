"""Fixtures of the bus tests: a Redis and the daemons a test file, an empty
store a test."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from notifiers import KEY, PUBLIC_URL, owned  # noqa: E402
from outbox import Outbox  # noqa: E402
from poll import wait_for  # noqa: E402
from provider import Provider  # noqa: E402
from scene import Scene  # noqa: E402
from world import World  # noqa: E402


@pytest.fixture(scope="module")
def file_world(request):
    """The services that the file names in SERVICES, once; on a Redis that is
    a cluster, unless CLUSTER says otherwise."""
    failed_before = request.session.testsfailed
    world = World(getattr(request.module, "CLUSTER", True))
    try:
        yield world.start_all(*request.module.SERVICES)
    finally:
        world.close(request.session.testsfailed > failed_before)


@pytest.fixture
def world(file_world):
    file_world.reset()
    return file_world


@pytest.fixture
def scene(world):
    return Scene(world)


@pytest.fixture
def redis(world):
    return world.redis


@pytest.fixture
def provider():
    provider = Provider().start()
    yield provider
    provider.stop()


@pytest.fixture
def outbox(world):
    return Outbox(world)


def start_notifier(world, provider, name, **more):
    return world.start("notifier", name, PUBLIC_URL=PUBLIC_URL, **{
        "MESSAGEBIRD_API_KEY": KEY, "MESSAGEBIRD_API_URL": provider.url,
        **more})


@pytest.fixture
def notifier(world, provider):
    """One, which takes its partitions meanwhile; it ends well."""
    daemon = start_notifier(world, provider, "notifier")
    yield daemon
    daemon.stop()


@pytest.fixture
def start(world, provider, outbox):
    """Starts a notifier of that name and waits until it has a share; all are
    killed with the test. To leave takes them over a second: where that is
    tested, and whether anything leaked, a test ends them itself."""
    started = []

    def start(name="notifier-1", share=1, **more):
        daemon = start_notifier(world, provider, name, **more)
        started.append(daemon)
        wait_for(lambda: owned(outbox, name) >= share,
                 what=f"partitions of {name}")
        return daemon

    yield start
    for daemon in started:
        daemon.stop(at_once=True)
