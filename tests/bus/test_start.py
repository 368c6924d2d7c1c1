"""What a daemon refuses to start with, and says."""
import pytest

from scene import Scene
from vault import make_keys

SERVICES = ["ride-svc", "pool-svc"]


@pytest.fixture
def other_keys(world):
    """A key file that is whole and mode 0600, and not the store's."""
    path = world.folder / "other-keys"
    make_keys(path)
    yield path
    path.unlink()


def test_other_keys_than_the_store_was_written_with(world, other_keys):
    """A wrong folder, a lost file: nobody would be found, and every text put
    on record as a stranger's."""
    Scene(world).number()
    # The store was emptied since the daemons started: the next one marks it.
    world.start("voice-svc", "first").stop()
    late = world.start("voice-svc", "late", ready=False,
                       KEYS_FILE=str(other_keys))
    assert late.wait_dead() == 1
    assert "keys.refused" in late.log() and "KEYS_FILE" in late.log()
    world.start("voice-svc", "again").stop()
