"""What a create costs, by how many rides are live and how many numbers there are: it is to cost the same."""

import os
import statistics
import subprocess
import time
from contextlib import contextmanager

from deployment import ROOT, Deployment
from measures import PEOPLE, RIDE, make_people, say

CREATES = 2 * PEOPLE  # a burst: each customer and each driver is in two of them
GROUPS = 3  # of people, each for two bursts: what people hold costs, too, and ten numbers are enough for so many
BURSTS = 2 * GROUPS
YARDSTICK = (10, 1_000)  # numbers, live rides
GROWTH = 16 * BURSTS * CREATES  # keys that the bursts add, at most
SMALL = ((1_000, 100_000), (10, 1_000), 100_000)  # live rides, numbers, past rides
FULL = ((1_000, 100_000, 1_000_000), (10, 1_000, 10_000), 5_000_000)


def redis_us(d):
    """What Redis has worked so far, in µs: in scripts, by its command statistics (what a script calls is counted in it, and
    once more by itself); and its main thread's processor time, whatever for."""
    scripts = d.redis.info("commandstats").get("cmdstat_evalsha", {"usec": 0})["usec"]
    return scripts, d.redis.info("cpu")["used_cpu_user_main_thread"] * 1e6


def burst(d, number):
    """µs of Redis a create, in scripts and in all, and creates a second. Nobody sends the notices meanwhile, and nobody
    else asks for anything."""
    first = 1 + number // 2 * PEOPLE
    path = d.path("creates")
    with open(path, "wb") as file:
        for i in range(CREATES):
            pair = {"customer": i % PEOPLE + first, "driver": (i + i // PEOPLE + number % 2) % PEOPLE + first}
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


def make_room(d):
    """So many keys that have no meaning that no table has to grow while it is measured: a table that doubles moves all that
    is in it, which each key pays for once or twice in its life, whatever their number; but not in each burst."""
    keys, room = d.redis.dbsize(), 1
    while room < keys + GROWTH:
        room *= 2
    with d.redis.pipeline(transaction=False) as pipe:
        for i in range(max(0, room // 2 + 1 - keys)):
            pipe.set(f"room:{i}", "", ex=7200)
            if i % 10_000 == 9_999:
                pipe.execute()
        pipe.execute()


@contextmanager
def cell(numbers, live, past=0):
    """A deployment with so many, at rest, and with people who have no rides yet."""
    with Deployment(numbers) as d:
        # Redis writes its file anew after so many rides. Meanwhile, and once after it, the first write to each page costs
        # a copy of it: of the rewriting, and not of a create.
        d.redis.config_set("auto-aof-rewrite-percentage", 0)
        d.make_numbers()
        d.load_past(past)
        d.load(2 * live)
        for group in range(GROUPS):
            make_people(d, group)
        subprocess.run([f"{ROOT}/deploy/scale", "notifier=0", "--state", d.state], check=True, stdout=subprocess.DEVNULL)
        d.settle()
        make_room(d)
        wait_for_rest(d)
        yield d


def pairs(numbers, live, past):
    """The medians of the cell and of the yardstick beside it; turn about, since machines are noisy."""
    with cell(*YARDSTICK) as base, cell(numbers, live, past) as ours:
        runs = {base: [], ours: []}
        for number in range(BURSTS):
            for d in (base, ours) if number % 2 else (ours, base):
                runs[d].append(burst(d, number))
        return [[statistics.median(values) for values in zip(*runs[d])] for d in (ours, base)]


def measure_creates(options, report):
    """The yardstick is the smallest cell, once more beside each of them; the ratio is of the processor's time."""
    lives, counts, past = FULL if options.full else SMALL
    cells = [(numbers, live, 0) for numbers in counts for live in lives] + [(counts[1], lives[0], past)]
    for numbers, live, gone in cells:
        after = f" after {gone:,} past ones" if gone else ""
        say(f"creates among {live:,} rides{after} on {numbers:,} numbers")
        (us, processor, rate), (base, base_processor, base_rate) = pairs(numbers, live, gone)
        report.add(f"a create among {live:,} live rides{after}, {numbers:,} numbers | among 1,000, 10 numbers",
                   f"{us:.0f} µs in scripts, {processor:.0f} in all, {rate:,.0f}/s",
                   f"{base:.0f}, {base_processor:.0f}, {base_rate:,.0f}/s", f"{us / base:.2f}, {processor / base_processor:.2f}",
                   "1.10")
