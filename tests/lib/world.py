"""One Redis and the daemons of a test file, in a folder of their own."""
import shutil

from daemon import Daemon
from paths import scratch_folder
from poll import wait_for
from redis_server import RedisServer
from vault import Vault, make_keys


class World:
    def __init__(self, cluster=True):
        self.folder = scratch_folder("bc-")
        self.keys_file = self.folder / "keys"
        make_keys(self.keys_file)
        self.vault = Vault(self.keys_file)
        self.redis = RedisServer(self.folder, cluster)
        self.daemons = []

    def start(self, service, instance=None, ready=True, armed=None,
              **settings):
        """One more copy; with a name that was used, that one anew. `armed`:
        with that crash point, from its start."""
        count = sum(d.service == service for d in self.daemons)
        for before in self.daemons:
            if before.instance == instance:
                before.stop(at_once=True)
        daemon = Daemon(self, service, instance or f"{service}-{count + 1}",
                        settings)
        self.daemons = [d for d in self.daemons
                        if d.instance != daemon.instance] + [daemon]
        if armed:
            daemon.arm(armed)
        return daemon.start(ready)

    def start_all(self, *services):
        self.redis.start()
        for service in services:
            self.start(service)
        for daemon in self.living():
            if daemon.service == "ride-svc":
                self.wait_sees(daemon, "pool-svc")
        return self

    def wait_sees(self, daemon, service):
        """The daemon found a live copy of the service for each that lives."""
        copies = len(self.living(service))
        wait_for(lambda: daemon.metric("bus_copies") >= copies,
                 what=f"{daemon.instance} sees {service}")

    def living(self, service=None):
        return [d for d in self.daemons if d.bus is not None
                and service in (None, d.service)]

    def idle(self):
        """Nothing is under way in any daemon: what follows an answer, like a
        confirm, is done, too."""
        return all(d.bus.ask("PING")[1]["unanswered"] == 0
                   for d in self.living())

    def reset(self):
        """An empty store, for the next test; ids begin at 1 again."""
        wait_for(self.idle, what="idle daemons")
        self.redis.client.flushall()

    def forget_holds(self):
        """pool-svc's part of the store as after a failover that lost it: the
        numbers are there, who holds them is not."""
        wait_for(self.idle, what="idle daemons")
        for what in ("held", "uses", "claim"):
            for key in self.redis.client.keys(f"pool:*:{what}:*"):
                self.redis.client.delete(key)

    def close(self, failed):
        """Ends all; the folder stays where a test failed."""
        for daemon in self.daemons:
            if daemon.process.poll() is None:
                daemon.resume()
                daemon.process.terminate()
        for daemon in self.daemons:
            daemon.stop()
        self.redis.stop()
        try:
            for daemon in self.daemons:
                daemon.check_log()
        except AssertionError:
            failed = True
            raise
        finally:
            if failed:
                print(f"kept: {self.folder}")
            else:
                shutil.rmtree(self.folder)
