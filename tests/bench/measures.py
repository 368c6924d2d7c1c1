"""What is measured, a function a part. Each adds lines to the report and leaves the deployment at rest."""

import contextlib
import json
import os
import re
import statistics
import subprocess
import sys

from deployment import ROOT, SIGNING_KEY, Deployment, free_port, start_tool, stop, tool, wait_for_port
from shape import bytes_of, shape_of

RIDE = {"start": "Damrak 1, Amsterdam", "destination": "Stationsplein 9, Haarlem", "datetime": "2030-01-31 18:30"}
FEW_RIDES = 1000
PEOPLE = 1000  # customers, and as many drivers, for the rides that are made
DELIVERY_RATE = 500
TEXTS_A_SECOND = RIDES_A_SECOND = 12000  # prepared; more than can be taken
WEIGHED = 200  # rides whose keys are weighed one by one


def say(line):
    print(line, file=sys.stderr, flush=True)


class Report:
    """The lines of the table, and what is said below it."""

    def __init__(self):
        self.rows, self.notes = [], []

    def add(self, what, ours, yardstick="", ratio="", goal="", p50="", p99=""):
        self.rows.append([what, ours, yardstick, ratio, goal, p50, p99])

    def add_runs(self, what, ours, yardstick, goal):
        """Runs that were measured in pairs: the median counts, of the ratios too."""

        def middle(runs, key):
            return statistics.median(r[key] for r in runs)

        ratio = statistics.median(a["rate"] / b["rate"] for a, b in zip(ours, yardstick))
        rates = [f"{middle(runs, 'rate'):,.0f}/s" for runs in (ours, yardstick)]
        times = [f"{middle(ours, p) / 1000:.2f} ms" for p in ("p50_us", "p99_us")]
        self.add(what, *rates, f"{ratio:.2f}", goal, *times)

    def note(self, line):
        if line not in self.notes:
            self.notes.append(line)

    def note_refusals(self, what, result, wanted):
        others = {status: n for status, n in result["statuses"].items() if status != wanted}
        if others or result["broken"]:
            self.note(f"{what}: not all were taken: {others}, {result['broken']} without an answer")


def in_pairs(options, what, ours, yardstick):
    """Measures both in turn; returns the runs of each."""
    pairs = []
    for run in range(1, options.runs + 1):
        pairs.append((ours(run), yardstick(run)))
        rates = " against ".join(f"{result['rate']:,.0f}/s" for result in pairs[-1])
        say(f"  {what} {run}/{options.runs}: {rates}")
    return [p[0] for p in pairs], [p[1] for p in pairs]


@contextlib.contextmanager
def watched(d, report, what):
    """Notes what each process spent meanwhile, for each of the `count` that the measurement fills in. That is steadier
    than the rates where the machine is not quiet."""
    before, measured = d.cpu_seconds(), {}
    yield measured
    after = d.cpu_seconds()
    spent = {service: (after[service] - before.get(service, 0)) * 1e6 / measured["count"] for service in after}
    shares = ", ".join(f"{service} {us:.1f}" for service, us in spent.items() if us >= 0.5)
    report.note(f"{what}: {sum(spent.values()):.0f} µs of processor each: {shares}")


# ---- calls


def save_answer(d, calls, path):
    """One answer of the gateway, for the bare server to repeat."""
    with open(calls, encoding="ascii") as file:
        target, token = file.readline().rstrip("\n").split("\t")
    words = ["curl", "-q", "-sSi", "--noproxy", "*", "-H", f"MessageBird-Signature-JWT: {token}", d.url + target]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    head, body = done.stdout.replace("\r\n", "\n").split("\n\n", 1)
    status, *headers = head.split("\n")
    if " 200 " not in status or "<Transfer" not in body:
        sys.exit(f"A call was answered {status!r}, {body!r}.")
    kept = [h for h in headers if not re.match(r"(Date|Connection|Content-Length):", h, re.I)]
    with open(path, "w", encoding="ascii") as file:
        file.write("\n".join(kept) + "\n\n" + body)


def wrk(options, report, port, calls):
    done = subprocess.run(
        ["wrk", "-t2", "-c64", f"-d{options.seconds}s", "-s", f"{ROOT}/tests/bench/calls.lua"]
        + [f"http://127.0.0.1:{port}"],
        env={**os.environ, "BENCH_CALLS": calls},
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(re.search(r"^RESULT (.*)$", done.stdout, re.M)[1])
    if result["refused"] or result["broken"]:
        report.note(f"calls: {result['refused']} refused, {result['broken']} without an answer")
    return result


def measure_calls(d, options, report):
    calls, answer, port = d.path("calls"), d.path("answer"), free_port()
    count = min(options.requests, options.routes)
    with open(calls, "wb") as file:
        tool("requests", "calls", SIGNING_KEY, d.url, options.routes, d.proxies, count, stdout=file)
    save_answer(d, calls, answer)

    def ours(run):
        with watched(d, report, f"calls, run {run}") as measured:
            result = wrk(options, report, d.port, calls)
            measured["count"] = result["answered"]
        return result

    bare = start_tool("bare_http", port, answer)
    try:
        wait_for_port(port)
        runs = in_pairs(options, "calls", ours, lambda _: wrk(options, report, port, calls))
    finally:
        stop(bare)
    report.add_runs(f"calls, {options.routes:,} routes | bare libmicrohttpd", *runs, "0.50, p99 < 6 ms")


# ---- texts


@contextlib.contextmanager
def written_texts(d, options, count, name):
    path = d.path("texts")
    with open(path, "wb") as file:
        tool("requests", "texts", SIGNING_KEY, d.url, options.routes, d.proxies, count, name, stdout=file)
    yield path
    os.remove(path)


def add_to_stream(d, count):
    words = ["redis-benchmark", "-s", d.socket, "-c", "64", "-P", "1", "--csv", "-n", str(count)]
    words += ["XADD", "bench:yardstick", "*", "text", "x" * 100]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    d.redis.delete("bench:yardstick")
    names, values = ([field.strip('"') for field in line.split('","')] for line in done.stdout.splitlines()[-2:])
    found = dict(zip(names, values))
    return {"rate": float(found["rps"]), "p50_us": float(found["p50_latency_ms"]) * 1000}


def measure_texts(d, options, report):
    commands = int(add_to_stream(d, 10000)["rate"] * options.seconds)

    def ours(run):
        with written_texts(d, options, options.seconds * TEXTS_A_SECOND, f"run{run}") as texts:
            with watched(d, report, f"texts, run {run}") as measured:
                result = d.play(texts, options.seconds)
                measured["count"] = result["answered"]
        report.note_refusals("texts", result, "200")
        d.settle()
        return result

    runs = in_pairs(options, "texts", ours, lambda _: add_to_stream(d, commands))
    report.add_runs("texts, fsync before the 200 | XADD, same Redis", *runs, "0.35")


# ---- overload


def measure_overload(d, options, report):
    """Twice as many texts as were taken before, from connections enough that each is sent when it is due; then as before
    once more."""

    def play(seconds, name, count, **how):
        with written_texts(d, options, count, name) as texts:
            result = d.play(texts, seconds, **how)
        d.settle()
        return result

    prepared = options.seconds * TEXTS_A_SECOND
    before = play(options.seconds, "before", prepared)
    twice = int(2 * before["rate"])
    sent = d.path("overload")
    result = play(options.seconds + 5, "twice", twice * options.seconds, connections=1024, rate=(twice, sent))
    after = play(options.seconds, "after", prepared)
    times = [f"{result[p] / 1000:.2f} ms" for p in ("p50_us", "p99_us")]
    rates = [f"{run['rate']:,.0f}/s" for run in (result, before)]
    report.add(f"texts, {twice:,}/s asked for | as many as go", *rates, f"{result['rate'] / before['rate']:.2f}",
               "p99 < 250 ms", *times)
    report.add("texts right after that | before it", f"{after['rate']:,.0f}/s", rates[1],
               f"{after['rate'] / before['rate']:.2f}", "1.00")
    report.note(f"overload: answers by status {result['statuses']}, {result['broken']} without one")


# ---- delivery


def read_moments(path):
    with open(path, encoding="ascii") as file:
        return {int(number): int(ns) for number, ns in (line.split() for line in file)}


def measure_delivery(d, options, report):
    """The yardstick is the clock."""
    seconds = 2 * options.seconds
    d.settle()
    d.start_provider(0, 0)
    with written_texts(d, options, seconds * DELIVERY_RATE, "delivery") as texts:
        with watched(d, report, "delivery") as measured:
            result = d.play(texts, seconds + 5, rate=(DELIVERY_RATE, d.path("sent")))
            measured["count"] = result["answered"]
    report.note_refusals("delivery", result, "200")
    d.settle()
    d.stop_provider()
    sent, arrived = read_moments(d.path("sent")), read_moments(d.path("arrivals"))
    d.start_provider(0, DELIVERY_RATE)
    took = sorted(arrived[n] - sent[n] for n in sent if n in arrived)
    if len(took) < len(sent):
        report.note(f"delivery: {len(sent) - len(took)} of {len(sent)} texts never left")
    times = [f"{took[len(took) * part // 100] / 1e6:.2f} ms" for part in (50, 99)] if took else []
    what = f"a text in → its POST out, at {DELIVERY_RATE}/s"
    report.add(what, f"{result['rate']:,.0f}/s", "", "", "p50 < 5 ms, p99 < 25 ms", *times)


# ---- rides


def check_loader(d):
    """Measured on rides unlike those that the daemons write, all figures would lie."""
    people = {}
    for role, phone in (("customer", "+316500000001"), ("driver", "+316500000002")):
        people[role] = d.api("POST", role + "s", {"name": "Shape Checker", "phone": phone})["id"]
    made = d.api("POST", "rides", {**people, **RIDE})["id"]
    loaded = next(d.loaded_rides(1))
    ours, theirs = shape_of(d.redis, loaded), shape_of(d.redis, made)
    wrong = [f"{kind}: loaded {ours[kind]}, made {theirs[kind]}" for kind in ours if ours[kind] != theirs[kind]]
    if wrong:
        sys.exit("bench_load does not write what the daemons write:\n  " + "\n  ".join(wrong))


def make_people(d, group=0):
    for kind, prefix in (("customers", "+3163"), ("drivers", "+3164")):
        d.post_all(kind, [{"name": f"Person {i}", "phone": f"{prefix}{group * PEOPLE + i:08d}"} for i in range(PEOPLE)])


def make_rides(d, options, report, run):
    path = d.path("rides")
    first = d.api("GET", "customers?limit=1")["items"][0]["id"]
    with open(path, "wb") as file:
        for i in range(options.seconds * RIDES_A_SECOND):
            pair = {"customer": i % PEOPLE + first, "driver": (i + i // PEOPLE) % PEOPLE + first}
            file.write(d.api_request("rides", {**pair, **RIDE}, f"bench-{run}-{i}"))
    with watched(d, report, f"rides among {d.rides:,}, run {run}") as measured:
        result = d.play(path, options.seconds)
        measured["count"] = result["answered"]
    os.remove(path)
    report.note_refusals("rides", result, "201")
    d.settle()
    return result


def measure_rides(d, options, report):
    with Deployment(d.proxies) as few:
        few.make_numbers()
        few.load(2 * FEW_RIDES)
        for each in (d, few):
            make_people(each)
        runs = in_pairs(
            options,
            "rides",
            lambda run: make_rides(d, options, report, run),
            lambda run: make_rides(few, options, report, run),
        )
    report.add_runs(f"rides created among {d.rides:,} | among {FEW_RIDES:,}", *runs, "0.90")


# ---- memory


def weigh_rides(d):
    """Before the other parts, which add to the timelines: kind of key → bytes a ride."""
    return bytes_of(d.redis, list(d.loaded_rides(WEIGHED)))


def add_memory(d, report, idle, kinds, bytes_each):
    now = d.resident_mb()
    for service, mb in idle.items():
        goal = {"redis": "", "notifier": "< 32 MB"}.get(service, "< 16 MB")
        report.add(f"resident now, {service} | idle", f"{now[service]:.1f} MB", f"{mb:.1f} MB", "", goal)
    besides = ("claim", "request", "rides of")
    counted = sum(size for kind, size in kinds.items() if not kind.startswith(besides))
    report.add("Redis a live ride: ride, routes, holds, index, 3 events", f"{counted:,.0f} B", "", "", "< 1,536 B")
    report.add("Redis a live ride: all that it adds", f"{bytes_each:,.0f} B")
    report.note("bytes a ride: " + ", ".join(f"{kind} {size:.0f}" for kind, size in kinds.items()))
