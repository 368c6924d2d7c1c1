"""How long a change of keys takes, by how many rides there are."""

import subprocess
import time

from deployment import ROOT, Deployment
from measures import say

RIDES = {False: 100_000, True: 1_000_000}


def rotate(d, what, *words):
    """Seconds; the command's own words go to the terminal."""
    began = time.monotonic()
    subprocess.run([f"{ROOT}/deploy/keys", what, *words, "--state", d.state], check=True)
    return time.monotonic() - began


def measure_keys(options, report):
    rides = RIDES[options.full]
    with Deployment(options.proxies) as d:
        say(f"Loading {rides:,} rides.")
        d.load(2 * rides)
        d.settle()
        keys = d.redis.dbsize()
        say("rotate-seal, with all daemons up")
        seal = rotate(d, "rotate-seal", "--settle=1")
        subprocess.run([f"{ROOT}/deploy/down", "--state", d.state], check=True, stdout=subprocess.DEVNULL)
        say("rotate-lookup, with all daemons down")
        lookup = rotate(d, "rotate-lookup")
        began = time.monotonic()
        d.up()
        up = time.monotonic() - began
    report.add(f"rotate-seal, {rides:,} live rides, {keys:,} keys | .", f"{seal:.0f} s", "", "", "none")
    report.add("rotate-lookup, the same | deploy/up after it", f"{lookup:.0f} s", f"{up:.0f} s", "", "none")
