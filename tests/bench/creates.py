"""What a create costs, by how many rides are live and how many numbers there are: it is to cost the same."""

import os
import statistics
import subprocess
import time

from deployment import ROOT, Deployment
from measures import PEOPLE, RIDE, make_people, say

CREATES = 2 * PEOPLE  # a burst: each customer and each driver is in two of them
SMALL = ((1_000, 100_000), (10, 1_000))  # live rides, numbers
FULL = ((1_000, 100_000, 1_000_000), (10, 1_000, 10_000))


def redis_us(d):
    """What Redis has worked for its clients so far."""
    return sum(stats["usec"] for stats in d.redis.info("commandstats").values())


def burst(d, number, first):
    """µs of Redis a create, and creates a second. Nobody sends the notices meanwhile, and nobody else asks for anything."""
    path = d.path("creates")
    with open(path, "wb") as file:
        for i in range(CREATES):
            pair = {"customer": i % PEOPLE + first, "driver": (i + i // PEOPLE + number) % PEOPLE + first}
            file.write(d.api_request("rides", {**pair, **RIDE}, f"create-{number}-{i}"))
    before = redis_us(d)
    result = d.play(path, 120)
    spent = redis_us(d) - before
    os.remove(path)
    if result["statuses"] != {"201": CREATES}:
        raise RuntimeError(f"creates: {result}")
    return spent / CREATES, result["rate"]


def wait_for_rewrite(d):
    """Redis writes its file anew after so many rides; meanwhile each write copies a page, which is not the create's cost."""
    d.redis.config_set("auto-aof-rewrite-percentage", 0)
    while d.redis.info("persistence")["aof_rewrite_in_progress"]:
        time.sleep(0.5)


def cell(options, numbers, live):
    with Deployment(numbers) as d:
        d.make_numbers()
        d.load(2 * live)
        make_people(d)
        first = d.api("GET", "customers?limit=1")["items"][0]["id"]
        subprocess.run([f"{ROOT}/deploy/scale", "notifier=0", "--state", d.state], check=True, stdout=subprocess.DEVNULL)
        d.settle()
        wait_for_rewrite(d)
        runs = [burst(d, number, first) for number in range(1, min(options.runs, numbers // 4) + 1)]
        return [statistics.median(values) for values in zip(*runs)]


def measure_creates(options, report):
    """The yardstick is the smallest cell."""
    lives, counts = FULL if options.full else SMALL
    base = None
    for numbers in counts:
        for live in lives:
            say(f"creates among {live:,} rides on {numbers:,} numbers")
            us, rate = cell(options, numbers, live)
            base = base or us
            report.add(f"a create among {live:,} live rides, {numbers:,} numbers | the first of these",
                       f"{us:.0f} µs of Redis, {rate:,.0f}/s", f"{base:.0f} µs", f"{us / base:.2f}", "1.10")
