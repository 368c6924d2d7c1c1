"""API tokens: what each may, how long, and how often."""

import json
import re
import time

import pytest
from poll import wait_for

SETTINGS = {"TOKEN_RATE": "307", "ADDRESS_RATE": "400"}


def make(deployment, *scopes, name="a program", **more):
    answer = deployment.api.post("/api/v1/tokens", {"name": name, "scopes": list(scopes), **more})
    assert answer.status == 201, answer
    return answer.json


def client_of(deployment, token):
    return deployment.open.bearer(token["token"])


def listed(deployment, token):
    (found,) = [t for t in deployment.listed("tokens") if t["id"] == token["id"]]
    return found


# What each scope opens: (method, path, body), and the status where it may.
ASKED = {
    "read": [("GET", "/api/v1/rides"), ("GET", "/api/v1/customers"), ("GET", "/api/v1/customers/1"), ("GET", "/api/v1/numbers"),
             ("GET", "/api/v1/pools"), ("GET", "/api/v1/pools/default"), ("GET", "/api/v1/messages?state=dead"),
             ("GET", "/metrics"), ("GET", "/"), ("GET", "/customers/1")],
    "rides": [("POST", "/api/v1/rides"), ("POST", "/api/v1/customers"), ("PATCH", "/api/v1/drivers/1"), ("POST", "/createride"),
              ("POST", "/customers"), ("DELETE", "/api/v1/customers/999"), ("POST", "/api/v1/messages/resend?state=dead"),
              ("POST", "/api/v1/rides/17-x/end"), ("POST", "/rides/17-x/cancel")],
    "pool": [("POST", "/api/v1/numbers"), ("POST", "/api/v1/pools"), ("PATCH", "/api/v1/pools/default"),
             ("DELETE", "/api/v1/numbers/31999"), ("POST", "/api/v1/numbers/import"), ("POST", "/numbers"),
             ("GET", "/numbers/import"), ("POST", "/api/v1/pools/default/replay")],
    "admin": [("GET", "/api/v1/accounts"), ("POST", "/api/v1/accounts"), ("GET", "/api/v1/tokens"), ("POST", "/api/v1/tokens"),
              ("DELETE", "/api/v1/tokens/x"), ("GET", "/api/v1/audit"), ("GET", "/api/v1/audit/verify"), ("GET", "/accounts"),
              ("GET", "/tokens"), ("GET", "/audit"), ("POST", "/api/v1/customers/1/reveal"), ("POST", "/drivers/1/reveal")]}
OPENS = {"read": {"read"}, "rides": {"read", "rides"}, "pool": {"read", "pool"}, "admin": set(ASKED)}


@pytest.mark.parametrize("scope", OPENS)
def test_a_scope_opens_what_it_says(deployment, scope):
    client = client_of(deployment, make(deployment, scope))
    for area, asked in ASKED.items():
        for method, path in asked:
            answer = client.request(method, path, b"{}" if method != "GET" else None, {"Content-Type": "application/json"})
            refused = answer.status == 403
            assert answer.status != 401 and refused == (area not in OPENS[scope]), (scope, method, path, answer)
            if refused and path.startswith("/api/"):
                assert answer.json["code"] == "forbidden"


def test_a_token_is_shown_once(deployment):
    made = make(deployment, "rides", "pool", name="back end", expires_at="2031-01-01T00:00")
    assert re.fullmatch(r"bc_[\w-]{11}_[\w-]{32}", made["token"]) and made["scopes"] == ["rides", "pool"]
    secret = made["token"].split("_", 1)[1][12:]
    found = listed(deployment, made)
    assert found["expires_at"] == "2031-01-01T00:00:00Z" and found["created_by"] == "api-token" and found["used_at"] is None
    assert secret not in json.dumps(deployment.listed("tokens")) and secret not in deployment.page.get("/tokens").text
    deployment.redis.bgrewriteaof()
    wait_for(lambda: not deployment.redis.info("persistence")["aof_rewrite_in_progress"], 10, "a rewritten file")
    client_of(deployment, made).get("/api/v1/rides")
    assert not [path for path in deployment.state.glob("data/**/*") if path.is_file() and secret.encode() in path.read_bytes()]
    assert not [line for line in deployment.log_lines() if secret.encode() in line]
    assert listed(deployment, made)["used_at"]


def test_wrong_tokens(deployment):
    token = make(deployment, "admin")["token"]
    other = make(deployment, "read")["token"]
    swapped = token[:15] + other[15:]
    for wrong in (token[:-1], token + "x", token[:-1] + ("A" if token[-1] != "A" else "B"), swapped, token.upper(), token[3:],
                  "bc_", "bc__", token[:15], token.replace("_", "-"), "bc_" + "x" * 5000, "bc_{access}:x_" + "y" * 32):
        assert deployment.open.bearer(wrong).get("/api/v1/rides").status == 401, wrong
    assert deployment.open.get("/api/v1/rides", {"Cookie": f"birdcar={token}"}).status == 401
    assert deployment.open.get(f"/api/v1/rides?token={token}").status == 401


BAD = [({}, "name"), ({"name": ""}, "name"), ({"name": "x" * 65, "scopes": ["read"]}, "name"), ({"name": "x"}, "scopes"),
       ({"name": "x", "scopes": []}, "scopes"), ({"name": "x", "scopes": ["root"]}, "scopes"),
       ({"name": "x", "scopes": "read"}, "scopes"), ({"name": "x", "scopes": ["read"] * 5}, "scopes"),
       ({"name": "x", "scopes": ["read"], "expires_at": "soon"}, "expires_at"),
       ({"name": "x", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}, "expires_at")]


@pytest.mark.parametrize("body, field", BAD)
def test_bad_tokens(deployment, body, field):
    before = deployment.listed("tokens")
    answer = deployment.api.post("/api/v1/tokens", body)
    assert (answer.status, answer.json["field"]) == (422, field), answer
    assert deployment.listed("tokens") == before


def test_a_token_ends(deployment):
    token = make(deployment, "read", expires_at="2031-01-01T00:00:00Z")
    client = client_of(deployment, token)
    assert client.get("/api/v1/rides").status == 200
    deployment.redis.hset(f"{{access}}:token:{token['id']}", "expires", int(time.time() * 1000) - 1)
    assert client.get("/api/v1/rides").status == 401


def test_taken_away_in_every_gateway_at_once(deployment):
    deployment.scale(gateway=2)
    deployment.wait_ready()
    token = make(deployment, "read")
    clients = [client_of(deployment, token).copy() for _ in range(8)]  # connections to both
    assert {client.get("/api/v1/rides").status for client in clients} == {200}
    assert deployment.api.json("DELETE", f"/api/v1/tokens/{token['id']}").status == 204
    assert {client.get("/api/v1/rides").status for client in clients} == {401}
    assert not deployment.redis.exists(f"{{access}}:token:{token['id']}")  # nor did its use write it anew
    assert deployment.api.json("DELETE", f"/api/v1/tokens/{token['id']}").status == 404


# ---- limits

def test_a_limit_is_shared_by_all_gateways(deployment):
    """Of what is sent within one window, all gateways together take no more than it says."""
    deployment.scale(gateway=2)
    deployment.wait_ready()
    clients = [client_of(deployment, make(deployment, "read"))]
    clients += [clients[0].copy() for _ in range(7)]

    wait_for(lambda: not deployment.redis.keys("{access}:pace:*"), 5, "a new second")
    clients[0].get("/api/v1/jobs/x")
    (key,) = deployment.redis.keys("{access}:pace:*")
    wait_for(lambda: not deployment.redis.exists(key), 5, "a new second")
    deployment.redis.set(key, 307 - 5, px=60_000)  # five are left of it
    answers = [clients[i % len(clients)].get("/api/v1/jobs/x") for i in range(40)]
    assert [answer.status for answer in answers].count(404) == 5
    refused = [answer for answer in answers if answer.status != 404]
    assert {answer.status for answer in refused} == {429}
    assert {(answer.headers["Retry-After"], answer.json["code"]) for answer in refused} == {("1", "too_many_requests")}
    assert client_of(deployment, make(deployment, "read")).get("/api/v1/jobs/x").status == 404  # others go on
    deployment.redis.delete(key)


def test_strangers_are_limited_and_webhooks_are_not(deployment):
    deployment.open.get("/api/v1/rides")
    for key in deployment.redis.scan_iter("{access}:pace:*"):
        deployment.redis.set(key, 10_000, px=60_000)

    def refused():
        return deployment.open.get("/api/v1/rides").status == 429 and deployment.open.sign_in("admin", "x")[0].status == 429
    wait_for(refused, 5, "a limit by address")
    path = "/webhook-voice?source=447700900101&destination=447700900301"
    assert deployment.open.get(path, deployment.signature(path)).status == 200
    assert deployment.open.get(path).status == 401
    assert deployment.open.get("/healthz").status == 200
    for key in deployment.redis.scan_iter("{access}:pace:*"):
        deployment.redis.delete(key)
