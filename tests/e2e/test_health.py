"""What /readyz and /metrics say before the store has no more room, and while it refuses what is new."""

import re

import pytest
from poll import wait_for

SETTINGS = {"REDIS_MAXMEMORY": "300mb"}
LIMIT = 300 << 20


@pytest.fixture(name="limit")
def a_limit(deployment):
    """Moves the limit of Redis's memory; to its place again after the test."""
    yield lambda limit: deployment.redis.config_set("maxmemory", limit)
    deployment.redis.config_set("maxmemory", LIMIT)


def detail(deployment):
    answer = deployment.open.get("/readyz")
    assert answer.status == 200 and answer.json["ready"] and answer.json["redis"], answer
    return answer.json


def ratio(deployment, name):
    page = deployment.api.get("/metrics").text
    return float(re.search(rf"^birdcar_{name}{{[^}}]*}} (\S+)$", page, re.MULTILINE).group(1))


def said(deployment, event):
    return [line for line in deployment.log_lines() if event in line and b"gateway" in line]


def test_room_enough(deployment):
    now = detail(deployment)
    assert now["memory"]["limit"] == LIMIT and 0 < now["memory"]["used"] < LIMIT / 2
    assert now["memory"]["state"] == "ok" and "redis_refuses" not in now
    disk = now["disk"]
    assert 0 < disk["free"] <= disk["size"] and disk["state"] in ("ok", "low")
    assert ratio(deployment, "redis_memory_ratio") == pytest.approx(now["memory"]["used"] / LIMIT, abs=0.02)
    assert ratio(deployment, "disk_free_ratio") == pytest.approx(disk["free"] / disk["size"], abs=0.02)


def test_little_memory_left(deployment, limit):
    limit(int(detail(deployment)["memory"]["used"] * 1.1))
    for _ in range(20):
        assert detail(deployment)["memory"]["state"] == "high"
    assert 0.8 <= ratio(deployment, "redis_memory_ratio") < 1
    limit(LIMIT)
    assert detail(deployment)["memory"]["state"] == "ok"
    assert len(said(deployment, b" warn memory.low ")) == len(said(deployment, b" info memory.enough ")) == 1


def test_the_log_tells_of_it_though_nobody_asks(deployment, limit):
    used, before = detail(deployment)["memory"]["used"], len(said(deployment, b" warn memory.low "))
    limit(int(used * 1.1))
    wait_for(lambda: len(said(deployment, b" warn memory.low ")) > before, 15, "a warning")


def test_no_memory_left(deployment, limit):
    """Calls are still answered, so it is ready; what is new is refused."""
    ride = deployment.ride()
    limit(100_000)
    assert detail(deployment)["memory"]["state"] == "full"
    wait_for(lambda: detail(deployment).get("redis_refuses") == "OOM", 5, "the refusal")
    assert deployment.api.post("/api/v1/customers", {"name": "Ann", "phone": "+447700900177"}).status == 503
    limit(LIMIT)
    wait_for(lambda: "redis_refuses" not in detail(deployment), 5, "no refusal")
    assert deployment.api.post("/api/v1/customers", {"name": "Ann", "phone": "+447700900177"}).status == 201
    assert deployment.api.get(f"/api/v1/rides/{ride['id']}").status == 200


def test_a_read_only_store(deployment):
    deployment.redis.replicaof("127.0.0.1", 1)
    try:
        wait_for(lambda: detail(deployment).get("redis_refuses") == "READONLY", 5, "the refusal")
    finally:
        deployment.redis.replicaof("NO", "ONE")
    wait_for(lambda: "redis_refuses" not in detail(deployment), 5, "no refusal")


def test_a_size_that_is_none(deployment):
    """Last: it stops the deployment."""
    deployment.down()
    kept = dict(deployment.settings)
    deployment.settings["REDIS_MAXMEMORY"] = "much"
    refused = deployment.up(check=False)
    assert refused.returncode == 1 and "REDIS_MAXMEMORY wants a size" in refused.stderr
    assert deployment.status() == []
    del kept["REDIS_MAXMEMORY"]
    deployment.settings = kept
    deployment.up()
    assert detail(deployment)["memory"]["limit"] > LIMIT, "a part of the machine's"
