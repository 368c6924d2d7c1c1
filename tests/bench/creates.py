"""What a create costs, by how many rides are live and how many numbers there are: it is to cost the same."""

import os
import statistics
import subprocess
import time

from deployment import ROOT, Deployment
from measures import PEOPLE, RIDE, make_people, say

CREATES = 2 * PEOPLE  # a burst: each customer and each driver is in two of them
BURSTS = 2  # the same in each cell, since what people hold costs, too; ten numbers are enough for so many
SMALL = ((1_000, 100_000), (10, 1_000), 100_000)  # live rides, numbers, past rides
FULL = ((1_000, 100_000, 1_000_000), (10, 1_000, 10_000), 5_000_000)


def redis_us(d):
    """What Redis has worked so far, in µs: in scripts, by its command statistics (what a script calls is counted in it, and
    once more by itself); and its main thread's processor time, whatever for."""
    scripts = d.redis.info("commandstats").get("cmdstat_evalsha", {"usec": 0})["usec"]
    return scripts, d.redis.info("cpu")["used_cpu_user_main_thread"] * 1e6


def burst(d, number, first):
    """µs of Redis a create, in scripts and in all, and creates a second. Nobody sends the notices meanwhile, and nobody
    else asks for anything."""
    path = d.path("creates")
    with open(path, "wb") as file:
        for i in range(CREATES):
            pair = {"customer": i % PEOPLE + first, "driver": (i + i // PEOPLE + number) % PEOPLE + first}
            file.write(d.api_request("rides", {**pair, **RIDE}, f"create-{number}-{i}"))
    before = redis_us(d)
    result = d.play(path, 120)
    spent = [after - since for after, since in zip(redis_us(d), before)]
    os.remove(path)
    if result["statuses"] != {"201": CREATES}:
        raise RuntimeError(f"creates: {result}")
    return [us / CREATES for us in spent] + [result["rate"]]


def is_rehashing(d, table, entry):
    """A table that grows has two rows of buckets, the new one twice the old, until all has moved. Each entry weighs so many
    bytes besides."""
    memory, counts = d.redis.memory_stats()["db.0"], d.redis.info("keyspace")["db0"]
    count = counts["keys" if table == "main" else "expires"]
    buckets = (memory[f"overhead.hashtable.{table}"] - count * entry) // 8
    return buckets & (buckets - 1) != 0


def wait_for_rest(d):
    """Redis, filled as fast as it goes, still moves its keys to a larger table, a little with each command and each tick;
    that is the filling's cost, and not a create's."""
    d.redis.config_set("hz", 500)
    for _ in range(600):
        if not is_rehashing(d, "main", 40) and not is_rehashing(d, "expires", 24):
            break
        time.sleep(0.5)
    else:
        raise RuntimeError("Redis still moves its keys")
    d.redis.config_set("hz", 10)


def cell(numbers, live, past=0):
    with Deployment(numbers) as d:
        # Redis writes its file anew after so many rides. Meanwhile, and once after it, the first write to each page costs
        # a copy of it: of the rewriting, and not of a create.
        d.redis.config_set("auto-aof-rewrite-percentage", 0)
        d.make_numbers()
        d.load_past(past)
        d.load(2 * live)
        make_people(d)
        first = d.api("GET", "customers?limit=1")["items"][0]["id"]
        subprocess.run([f"{ROOT}/deploy/scale", "notifier=0", "--state", d.state], check=True, stdout=subprocess.DEVNULL)
        d.settle()
        wait_for_rest(d)
        runs = [burst(d, number, first) for number in range(1, BURSTS + 1)]
        return [statistics.median(values) for values in zip(*runs)]


def measure_creates(options, report):
    """The yardstick is the smallest cell."""
    lives, counts, past = FULL if options.full else SMALL
    cells = [(numbers, live, 0) for numbers in counts for live in lives] + [(counts[1], lives[0], past)]
    base = None
    for numbers, live, gone in cells:
        after = f" after {gone:,} past ones" if gone else ""
        say(f"creates among {live:,} rides{after} on {numbers:,} numbers")
        us, processor, rate = cell(numbers, live, gone)
        base = base or us
        report.add(f"a create among {live:,} live rides{after}, {numbers:,} numbers | the first of these",
                   f"{us:.0f} µs in scripts, {processor:.0f} in all, {rate:,.0f}/s", f"{base:.0f} µs", f"{us / base:.2f}", "1.10")
