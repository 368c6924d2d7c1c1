"""TEXTS_PER_DAY in a whole deployment: where it shows, and that nothing past it leaves or is lost."""

import re

from poll import holds, wait_for

SETTINGS = {"TEXTS_PER_DAY": "5"}


def today(deployment):
    return deployment.open.get("/readyz").json["texts_today"]


def test_the_limit(deployment):
    sandbox = deployment.sandbox
    assert today(deployment) == {"used": 0, "limit": 5, "state": "ok"}
    ride = deployment.ride()
    sandbox.wait_texts(2)
    customer = deployment.person("customer", 1)["phone"]
    for n in range(5):
        assert sandbox.text(customer, ride["proxy"], f"text {n}")["status"] == 200
    sandbox.wait_texts(5)
    wait_for(lambda: today(deployment) == {"used": 5, "limit": 5, "state": "reached"}, what="the limit reached")
    holds(lambda: len(sandbox.accepted()) == 5, 3, "no more than five")
    assert deployment.ready()
    metrics = deployment.api.get("/metrics").text
    assert re.search(r"^birdcar_texts_today\{[^}]*\} 5$", metrics, re.M)
    assert re.search(r"^birdcar_texts_per_day\{[^}]*\} 5$", metrics, re.M)
    assert any(b"texts.limit" in line and b"nothing" in line for line in deployment.log_lines())
    assert not any(b"redis.denied" in line for line in deployment.log_lines())


def test_a_higher_one(deployment):
    """What waited leaves."""
    deployment.settings["TEXTS_PER_DAY"] = "50"
    deployment.down()
    deployment.up()
    deployment.wait_ready()
    wait_for(lambda: len(deployment.sandbox.accepted()) >= 2, 20, "what waited")
    assert sorted(m["body"] for m in deployment.sandbox.accepted()) == ["text 3", "text 4"]
