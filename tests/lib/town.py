"""A small town for the tests of key changes: rides, and something of every kind
that holds what is sealed, or bears a phone's hash."""
import msgpack

from notifiers import KEY, PUBLIC_URL, wait_texts
from poll import wait_for

TOWN_SERVICES = ("ride-svc", "pool-svc", "voice-svc")


def start_notifier(world, provider):
    return world.start("notifier", "notifier-1", PUBLIC_URL=PUBLIC_URL,
                       MESSAGEBIRD_API_KEY=KEY,
                       MESSAGEBIRD_API_URL=provider.url)


class Town:
    """Two rides, and something of every kind that holds a sealed value."""

    def __init__(self, scene, provider):
        self.scene = scene
        self.client = scene.redis.client
        self.provider = provider
        scene.numbers(5)
        self.ann, self.dan = scene.customer(), scene.driver()
        self.bea, self.eve = scene.customer(), scene.driver()
        self.ride = scene.ride(self.ann, self.dan)
        self.other = scene.ride(self.bea, self.eve)
        wait_texts(provider, 4)

    def fill(self):
        """A party left; one text is parked, one dead, one reached nobody."""
        scene, provider = self.scene, self.provider
        before = scene.driver()
        third = scene.ride(scene.customer(), before)
        wait_texts(provider, 1, to=before.phone)
        scene.done("ride-svc", "RIDE_PARTY", id=third["id"],
                   driver=scene.driver().id)
        self.left, self.third = before, third
        # Nobody signs in here: what the gateway keeps of an account.
        secret = scene.world.vault.seal("twenty bytes of chance", "totp jan")
        self.client.hset("{access}:account:jan", "totp_new", secret)
        # What an erasure under way knows of a person.
        phone = scene.world.vault.phone(self.ann.phone)
        self.client.hset("{erasures}:" + "x" * 22, "phones",
                         f"{phone} {scene.world.vault.phone('447700900410')}")
        # A person who had another phone before.
        self.client.hset(f"customer:{self.ann.id}", "before", f"{phone} {phone}")
        # A text that reached nobody, with its sender.
        words = scene.world.vault.seal("lost", "text:03-lost")
        self.client.lpush("unrouted:{3}", msgpack.packb(
            [scene.redis.now_ms(), "stranger", "03-lost", words, phone],
            use_bin_type=False))
        assert scene.text("447700900999", self.ride["proxy"]) == "stranger"
        provider.rule(self.eve.phone, status=422)
        assert self.text_to_eve("a dead letter") == "forwarded"
        wait_for(lambda: list(self.client.scan_iter("letter:*")),
                 what="a dead letter")
        provider.rule(self.dan.phone, status=500, take=False)
        assert self.text_to_dan("a parked one") == "forwarded"
        wait_for(lambda: list(self.client.scan_iter("parked:*:*:driver")),
                 what="a parked text")

    def text_to_dan(self, words):
        return self.scene.text(self.ann.phone, self.ride["proxy"], text=words)

    def text_to_eve(self, words):
        return self.scene.text(self.bea.phone, self.other["proxy"], text=words)

    def works(self, words="still here"):
        """Texts arrive, calls connect, rides are made."""
        scene, mark = self.scene, len(self.provider.texts(self.ann.phone))
        assert scene.text(self.dan.phone, self.ride["proxy"],
                          text=words) == "forwarded"
        assert scene.call(self.ann.phone, self.ride["proxy"]) == self.dan.phone
        assert scene.call(self.eve.phone,
                          self.other["proxy"]) == self.bea.phone
        scene.ride(scene.customer(), scene.driver())
        wait_for(lambda: words in self.provider.texts(self.ann.phone)[mark:],
                 what="the text")
