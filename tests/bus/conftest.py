"""Fixtures of the bus tests: a Redis and the daemons a test file, an empty
store a test."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from scene import Scene  # noqa: E402
from world import World  # noqa: E402


@pytest.fixture(scope="module")
def file_world(request):
    """The services that the file names in SERVICES, once."""
    failed_before = request.session.testsfailed
    world = World()
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
