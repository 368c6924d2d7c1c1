"""What a daemon refuses to start with, and says."""
import pytest

from poll import wait_for
from scene import Scene
from vault import make_keys

SERVICES = ["ride-svc", "pool-svc"]
CLUSTER = False  # a cluster has one database


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


def test_a_store_with_users_and_a_database_of_its_own(world):
    """REDIS_URL names them; a `:password@` alone is the default user's."""
    client, port = world.redis.client, world.redis.port
    client.acl_setuser("bob", enabled=True, passwords=["+secret"],
                       commands=["+@all"], keys=["*"])
    of_the_url = {"REDIS_USER": "", "REDIS_PASSWORD_FILE": ""}
    daemon = world.start("pool-svc", "bob", **of_the_url,
                         REDIS_URL=f"redis://bob:secret@127.0.0.1:{port}/3")
    assert daemon.bus.ask("POOL_ADD", {"name": "x"})[0] == "POOL"
    daemon.stop()
    assert client.info("keyspace")["db3"]["keys"] > 0
    late = world.start("pool-svc", "stranger", ready=False, **of_the_url,
                       REDIS_URL=f"redis://bob:wrong@127.0.0.1:{port}/3")
    wait_for(lambda: "redis.hello" in late.log(), what="a word in the log")
    late.stop(at_once=True)
