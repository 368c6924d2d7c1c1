"""Who signs in: roles, passwords, a second factor, sessions; and strangers who try."""

import base64
import hashlib
import hmac
import re
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from poll import wait_for

PASSWORD = "a few words in a row"
PHONE = re.compile(r"\+44|447700|7700 ?900|••")


def code_at(secret, steps=0):
    """RFC 6238, by the key as it is shown."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    mac = hmac.new(key, struct.pack(">Q", int(time.time()) // 30 + steps), hashlib.sha1).digest()
    at = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[at:at + 4])[0] & 0x7fffffff) % 1000000:06d}"


def token_of(client, path="/account"):
    return re.search(r'name="form_token" value="([^"]+)"', client.get(path).text).group(1)


def send(client, path, fields=None, page="/account"):
    return client.form(path, {"form_token": token_of(client, page), **(fields or {})})


def add(deployment, name, role="operator", **more):
    answer = deployment.api.post("/api/v1/accounts", {"name": name, "role": role, "password": PASSWORD, **more})
    assert answer.status == 201, answer
    return answer.json


def enter(deployment, name, password=PASSWORD, **more):
    """A fresh browser, signed in."""
    answer, client = deployment.open.sign_in(name, password, **more)
    assert answer.status == 303, answer
    return client


def refused(deployment, name, password=PASSWORD, client=None, **more):
    answer, _ = (client or deployment.open).sign_in(name, password, **more)
    assert answer.status in (401, 429) and "Set-Cookie" not in answer.headers, answer
    return answer


def forget_attempts(deployment):
    """As if a quarter of an hour had passed."""
    for key in deployment.redis.scan_iter("{access}:tries-*"):
        deployment.redis.delete(key)


@pytest.fixture(autouse=True)
def forgets(deployment):
    forget_attempts(deployment)


# ---- signing in

def test_the_first_admin(deployment):
    answer, client = deployment.open.sign_in("Admin ", deployment.secret("admin-password"))
    assert answer.status == 303 and answer.headers["Location"] == "/"
    session = [line for line in answer.headers.get_all("Set-Cookie") if line.startswith("birdcar=")][0]
    assert re.fullmatch(r"birdcar=[\w-]{22}; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax", session)
    assert client.get("/accounts").status == 200


def test_what_is_wrong_reads_the_same(deployment):
    add(deployment, "reads.the.same")
    texts = set()
    for name, password in (("reads.the.same", "wrong"), ("nobody.at.all", PASSWORD), ("reads.the.same", PASSWORD + " "),
                           ("", PASSWORD), ("reads.the.same", ""), ("a b", PASSWORD), ("admin", "wrong"),
                           ("reads.the.same", "x" * 300)):
        answer = refused(deployment, name, password)
        assert answer.status == 401 and "Name, password or one-time code are not right." in answer.text
        texts.add(re.sub(r'value="[^"]*"', "", answer.text))
    assert len(texts) == 1


def test_a_sign_in_leads_back(deployment):
    page = deployment.open.get("/customers/1?x=y")
    assert page.status == 401 and 'name="next" value="/customers/1?x=y"' in page.text
    answer, _ = deployment.open.sign_in("admin", deployment.secret("admin-password"), next="/customers/1?x=y")
    assert answer.headers["Location"] == "/customers/1?x=y"
    answer, _ = deployment.open.sign_in("admin", deployment.secret("admin-password"), next="//evil.example/")
    assert answer.headers["Location"] == "/"


def test_another_site_cannot_sign_in(deployment):
    add(deployment, "lured")
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        answer = deployment.open.form("/signin", {"name": "lured", "password": PASSWORD}, headers)
        assert answer.status == 403 and "Set-Cookie" not in answer.headers


def test_a_session_is_new_at_each_sign_in(deployment):
    add(deployment, "renewed")
    first = enter(deployment, "renewed")
    answer, second = first.sign_in("renewed", PASSWORD)
    assert answer.status == 303
    assert first.headers["Cookie"] != second.headers["Cookie"]
    assert first.get("/").status == 401 and second.get("/").status == 200


def test_the_file_makes_the_first_admin_once(deployment):
    """Its password is no way in again, though that account is gone."""
    client = enter(deployment, "admin", deployment.secret("admin-password"))
    add(deployment, "second.admin", "admin")
    assert deployment.api.json("DELETE", "/api/v1/accounts/admin").status == 204
    assert client.get("/").status == 401
    refused(deployment, "admin", deployment.secret("admin-password"))
    assert "admin" not in [account["name"] for account in deployment.listed("accounts")]
    answer = deployment.api.post("/api/v1/accounts", {"name": "admin", "role": "admin", "password": PASSWORD})
    assert answer.status == 201
    assert deployment.api.json("DELETE", "/api/v1/accounts/second.admin").status == 204
    deployment.redis.delete("{access}:account:admin", "{access}:accounts", "{access}:founded")  # as on the first day
    deployment._page = None
    enter(deployment, "admin", deployment.secret("admin-password"))


def test_another_account_in_the_same_browser(deployment):
    add(deployment, "was.here")
    add(deployment, "is.here")
    first = enter(deployment, "was.here")
    answer, second = first.sign_in("is.here", PASSWORD)
    assert answer.status == 303 and second.get("/").status == 200
    assert first.get("/").status == 401


def test_a_list_of_sessions_lasts_as_long_as_they_do(deployment):
    """Though those that are begun later end sooner."""
    add(deployment, "lasting")
    enter(deployment, "lasting")
    (long,) = deployment.redis.zrange("{access}:sessions:lasting", 0, -1)
    ends = int(time.time() * 1000) + 10 * 86400_000
    deployment.redis.zadd("{access}:sessions:lasting", {long: ends})
    enter(deployment, "lasting")
    assert deployment.redis.pexpiretime("{access}:sessions:lasting") == ends


def test_right_passwords_use_no_attempts_up(deployment):
    add(deployment, "often")
    for _ in range(55):
        enter(deployment, "often")


def test_made_up_cookies(deployment):
    for cookie in ("birdcar=", "birdcar=x", "birdcar=" + "A" * 22, "birdcar=" + "A" * 5000, "birdcar=../../x",
                   "birdcar=\u00e9", "birdcar; =x", ";;;", "__Host-birdcar=" + "A" * 22):
        assert deployment.open.get("/", {"Cookie": cookie}).status == 401, cookie


# ---- strangers who try

def test_strangers_are_slowed_and_lock_nobody_out(deployment):
    add(deployment, "tried")
    known = enter(deployment, "tried")  # a browser that was in before
    statuses = [refused(deployment, "tried", f"guess {i}").status for i in range(8)]
    assert statuses == [401] * 5 + [429] * 3
    answer = refused(deployment, "tried", PASSWORD)
    assert answer.status == 429 and 0 < int(answer.headers["Retry-After"]) <= 900
    again, _ = known.sign_in("tried", PASSWORD)
    assert again.status == 303  # the same address; but it was in before
    other, _ = deployment.open.sign_in("admin", deployment.secret("admin-password"))
    assert other.status == 303  # another account
    forget_attempts(deployment)
    enter(deployment, "tried")


def test_a_known_browser_is_slowed_too(deployment):
    add(deployment, "guessed")
    known = enter(deployment, "guessed")
    assert [refused(deployment, "guessed", "wrong", known).status for _ in range(11)] == [401] * 10 + [429]
    forget_attempts(deployment)
    forged = known.copy({"Cookie": re.sub(r"(birdcar-device=)[\w-]{22}", r"\1" + "A" * 22, known.headers["Cookie"])})
    assert [refused(deployment, "guessed", "wrong", forged).status for _ in range(6)] == [401] * 5 + [429]


def test_guesses_at_once_count_each(deployment):
    """What is tried in parallel is counted before it is looked at."""
    add(deployment, "parallel")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda i: deployment.open.copy().form("/signin", {"name": "parallel",
                                                                                 "password": f"guess {i}"}).status, range(40)))
    assert answers.count(401) == 5 and set(answers) <= {401, 429}


# ---- roles

def test_a_viewer_sees_no_phone_and_changes_nothing(deployment):
    ride = deployment.ride()
    add(deployment, "looks", "viewer")
    client = enter(deployment, "looks")
    for path in ("/", f"/rides/{ride['id']}", "/customers/1", "/drivers/1", "/messages", f"/rides/{ride['id']}/why",
                 "/pools/default"):
        page = client.get(path)
        assert page.status == 200, (path, page)
        assert not PHONE.search(page.text.replace("+31 6 1234 5678", "")), (path, PHONE.search(page.text))
    for path in (f"/numbers/{ride['proxy'][1:]}", "/accounts", "/tokens", "/audit"):
        assert client.get(path).status == 403, path
    token = token_of(client, "/")
    for path in (f"/rides/{ride['id']}/end", "/createride", "/customers", "/customers/1", "/customers/1/delete",
                 "/customers/1/reveal", "/numbers", "/pools", "/numbers/import", "/accounts", "/tokens",
                 "/messages/resend", "/pools/default"):
        answer = client.form(path, {"form_token": token, "name": "x", "phone": "+447700900777", "reason": "because of it"})
        assert answer.status == 403, (path, answer)
    assert not re.search(r'<form [^>]*method="post"[^>]*action="/(?!signout)', client.get("/").text)


def test_an_operator_is_no_admin(deployment):
    add(deployment, "operates")
    client = enter(deployment, "operates")
    assert PHONE.search(client.get("/").text)
    for path in ("/accounts", "/tokens", "/audit"):
        assert client.get(path).status == 403
    token = token_of(client, "/")
    for path, fields in (("/accounts", {"name": "mine", "role": "admin"}), ("/accounts/operates", {"role": "admin"}),
                         ("/tokens", {"name": "mine", "scopes": "admin"}), ("/accounts/admin/delete", {})):
        assert client.form(path, {"form_token": token, **fields}).status == 403, path
    assert client.form("/customers", {"form_token": token, "name": "By Operator", "phone": "+447700900771"}).status == 303


def test_who_tries_other_doors_is_told_of(deployment):
    """In the log, with who it was: not oftener than once a second."""
    add(deployment, "curious", "viewer")
    client = enter(deployment, "curious")
    token = deployment.api.post("/api/v1/tokens", {"name": "two words", "scopes": ["read"]}).json
    program = deployment.open.bearer(token["token"])
    for ask, said in ((lambda: client.get("/audit"), "who=curious route=GET /audit"),
                      (lambda: program.json("DELETE", "/api/v1/customers/1"),
                       f"who={token['id']} route=DELETE /api/v1/customers/{{}}")):
        def told(ask=ask, said=said.encode()):
            assert ask().status == 403
            return [line for line in deployment.log_lines() if b" access.forbidden " in line and line.endswith(said)]
        wait_for(told, 10, "a line of the log")
    assert not [line for line in deployment.log_lines() if b"two words" in line]


def test_a_role_counts_at_once(deployment):
    add(deployment, "promoted", "viewer")
    client = enter(deployment, "promoted")
    assert client.get("/accounts").status == 403
    assert deployment.api.json("PATCH", "/api/v1/accounts/promoted", {"role": "admin"}).status == 200
    assert client.get("/accounts").status == 200
    assert deployment.api.json("PATCH", "/api/v1/accounts/promoted", {"role": "viewer"}).status == 200
    assert client.get("/accounts").status == 403


def test_revealing_takes_a_reason_and_is_noted(deployment):
    add(deployment, "reveals")
    client = enter(deployment, "reveals")
    plain = "+" + re.sub(r"\D", "", deployment.person("customer", 1)["phone"])
    assert plain not in client.get("/customers/1").text.replace(" ", "")
    for reason in ("", "  ", "abc", ".....", "\u200b" * 9, "x" * 201):
        answer = send(client, "/customers/1/reveal", {"reason": reason}, "/customers/1")
        assert answer.status == 422 and plain not in answer.text, reason
    answer = send(client, "/customers/1/reveal", {"reason": "left the phone in the car"}, "/customers/1")
    assert answer.status == 200 and plain in answer.text, answer
    entry = deployment.api.get("/api/v1/audit?what=customer.reveal&who=reveals").json["items"][0]
    assert (entry["object"], entry["detail"], entry["outcome"]) == ("1", "left the phone in the car", "done")
    answer = deployment.api.post("/api/v1/customers/1/reveal", {"reason": "asked by the police"})
    assert answer.json == {"phone": plain}


# ---- accounts

BAD_ACCOUNTS = {
    "name": [{}, {"name": ""}, {"name": "a b"}, {"name": "-x"}, {"name": "x" * 65}, {"name": 7}, {"name": "a:b"}],
    "role": [{"name": "odd"}, {"name": "odd", "role": "root"}, {"name": "odd", "role": ""}, {"name": "odd", "role": []}],
    "password": [{"name": "odd", "role": "viewer", "password": p}
                 for p in ("short", "x" * 257, "has odd in the middle", 12345678901234, "elevenchars")]}


@pytest.mark.parametrize("field", BAD_ACCOUNTS)
def test_bad_accounts(deployment, field):
    for body in BAD_ACCOUNTS[field]:
        answer = deployment.api.post("/api/v1/accounts", body)
        assert (answer.status, answer.json["field"]) == (422, field), (body, answer)
    assert "odd" not in [account["name"] for account in deployment.listed("accounts")]


def test_passwords_that_are_tried_first(deployment):
    for common in ("administrator1", "basketball12", "123456789012", "aaaaaaaaaaaaa", "1234567890qwe", "abcdefghijkl"):
        answer = deployment.api.post("/api/v1/accounts", {"name": "common", "role": "viewer", "password": common})
        assert (answer.status, answer.json["code"], answer.json["field"]) == (422, "password_common", "password"), common
    assert "common" not in [account["name"] for account in deployment.listed("accounts")]


def test_an_account_that_is_there(deployment):
    add(deployment, "twice")
    answer = deployment.api.post("/api/v1/accounts", {"name": "TWICE", "role": "viewer", "password": PASSWORD})
    assert (answer.status, answer.json["code"], answer.json["field"]) == (409, "account_exists", "name")


def test_a_password_that_was_made(deployment):
    made = deployment.api.post("/api/v1/accounts", {"name": "made", "role": "viewer"}).json
    assert len(made["password"]) == 20
    enter(deployment, "made", made["password"])
    listed = deployment.api.get("/api/v1/accounts").text
    assert made["password"] not in listed and "argon2" not in listed


def test_a_long_password_counts_to_its_end(deployment):
    """Of whatever characters, blanks at its ends too."""
    long = " " + "\u00e9\U0001f6b2" * 42 + "\t "
    assert len(long.encode()) == 255
    add(deployment, "wordy", password=long)
    enter(deployment, "wordy", long)
    for other in (long.strip(), long[:72], long[:-1], long + " ", long.upper()):
        refused(deployment, "wordy", other)
        forget_attempts(deployment)


def test_changing_ones_password(deployment):
    add(deployment, "changes")
    here, there = enter(deployment, "changes"), enter(deployment, "changes")
    new = "another few words"
    for fields, fault in (({"current": "wrong", "password": new}, "This is not your password."),
                          ({"current": PASSWORD, "password": "short"}, "A password needs 12 characters")):
        answer = send(here, "/account/password", fields)
        assert answer.status == 422 and fault in answer.text, answer
    assert there.get("/").status == 200
    assert send(here, "/account/password", {"current": PASSWORD, "password": new}).status == 303
    assert here.get("/").status == 200 and there.get("/").status == 401
    refused(deployment, "changes")
    enter(deployment, "changes", new)


def test_the_file_holds_no_more(deployment):
    """Once the first admin has a password of their own; and is the way back by the first token."""
    secret = deployment.secret("admin-password")
    client = enter(deployment, "admin", secret)
    assert send(client, "/account/password", {"current": secret, "password": PASSWORD}).status == 303
    refused(deployment, "admin", secret)
    answer = deployment.api.json("PATCH", "/api/v1/accounts/admin", {"password": secret})
    assert answer.status == 200
    enter(deployment, "admin", secret)
    assert client.get("/").status == 401
    deployment._page = None


def test_shut_and_removed(deployment):
    add(deployment, "leaves")
    client = enter(deployment, "leaves")
    assert deployment.api.json("PATCH", "/api/v1/accounts/leaves", {"disabled": True}).status == 200
    assert client.get("/").status == 401
    refused(deployment, "leaves")
    assert deployment.api.json("PATCH", "/api/v1/accounts/leaves", {"disabled": False}).status == 200
    client = enter(deployment, "leaves")
    deployment.redis.hset("{access}:account:leaves", "disabled", "1")  # though a session is left
    assert client.get("/").status == 401
    deployment.redis.hdel("{access}:account:leaves", "disabled")
    assert client.get("/").status == 200
    assert deployment.api.json("DELETE", "/api/v1/accounts/leaves").status == 204
    assert client.get("/").status == 401
    refused(deployment, "leaves")
    assert deployment.api.json("DELETE", "/api/v1/accounts/leaves").status == 404


def test_the_last_admin_stays(deployment):
    deployment.page.get("/")  # there is one
    for method, body in (("DELETE", None), ("PATCH", {"disabled": True}), ("PATCH", {"role": "operator"})):
        answer = deployment.api.json(method, "/api/v1/accounts/admin", body)
        assert (answer.status, answer.json["code"]) == (409, "last_admin"), answer
    assert deployment.page.get("/accounts").status == 200


# ---- sessions

def test_sessions_are_listed_and_ended(deployment):
    add(deployment, "everywhere")
    here, there = enter(deployment, "everywhere"), enter(deployment, "everywhere")
    page = here.get("/account").text
    others = re.findall(r"/account/sessions/([\w-]{22})/end", page)
    assert len(others) == 1 and "(this one)" in page
    assert send(here, f"/account/sessions/{others[0]}/end").status == 303
    assert there.get("/").status == 401 and here.get("/").status == 200
    add(deployment, "somebody")
    stranger = enter(deployment, "somebody")
    theirs = deployment.api.get("/api/v1/accounts/everywhere/sessions").json["items"]
    assert len(theirs) == 1
    send(stranger, f"/account/sessions/{theirs[0]['id']}/end")
    assert here.get("/").status == 200  # it is none of theirs
    assert deployment.api.json("DELETE", "/api/v1/accounts/everywhere/sessions").status == 204
    assert here.get("/").status == 401


def test_signing_out(deployment):
    add(deployment, "goes")
    client = enter(deployment, "goes")
    token = token_of(client)
    answer = client.form("/signout", {"form_token": token})
    assert answer.status == 303 and "birdcar=; Path=/; Max-Age=0" in answer.headers["Set-Cookie"]
    assert client.get("/").status == 401
    assert not deployment.redis.keys("{access}:sessions:goes")


def test_a_session_ends_by_itself(deployment):
    """Idle, and at last whatever is done: time is moved in the store."""
    add(deployment, "sleeps")
    client = enter(deployment, "sleeps")
    (key,) = [k for k in deployment.redis.keys("{access}:session:*") if deployment.redis.hget(k, "account") == b"sleeps"]
    idle = deployment.redis.pttl(key)
    assert 3500_000 < idle <= 3600_000
    deployment.redis.hset(key, "seen", int(time.time() * 1000) - 61_000)
    deployment.redis.pexpire(key, 5_000)
    assert client.get("/").status == 200  # it was used, so it lives on
    assert deployment.redis.pttl(key) > 3500_000
    ends = int(time.time() * 1000) + 1_000_000
    deployment.redis.hset(key, mapping={"seen": 0, "expires": ends})
    assert client.get("/").status == 200
    assert deployment.redis.pttl(key) <= 1_000_000  # not past its end
    deployment.redis.hset(key, "expires", int(time.time() * 1000) - 1)
    assert client.get("/").status == 401


def test_a_form_of_another_session(deployment):
    add(deployment, "one")
    add(deployment, "two")
    one, two = enter(deployment, "one"), enter(deployment, "two")
    answer = two.form("/customers", {"form_token": token_of(one, "/"), "name": "Crossed", "phone": "+447700900772"})
    assert answer.status == 403
    assert "Crossed" not in [c["name"] for c in deployment.listed("customers")]


# ---- the second factor

def test_a_second_factor(deployment):
    add(deployment, "careful")
    client = enter(deployment, "careful")
    for wrong in ({}, {"current": "wrong"}):
        assert send(client, "/account/totp/new", wrong).status == 422
    assert send(client, "/account/totp/new", {"current": PASSWORD}).status == 303
    page = client.get("/account").text
    secret = re.search(r'<code class="secret">([A-Z2-7]{32})</code>', page).group(1)
    assert f"otpauth://totp/BirdCar:careful?secret={secret}&amp;issuer=BirdCar" in page
    enter(deployment, "careful")  # not in force before its first code
    assert send(client, "/account/totp/confirm", {"code": "000000"}).status == 422
    assert send(client, "/account/totp/confirm", {"code": code_at(secret, -1)}).status == 303
    page = client.get("/account").text
    assert secret not in page and "Signing in takes a one-time code." in page
    assert secret.encode() not in deployment.redis.hget("{access}:account:careful", "totp")

    assert "type the one-time code, too" in refused(deployment, "careful").text
    refused(deployment, "careful", code="000000")
    refused(deployment, "careful", "wrong", code=code_at(secret))
    code = code_at(secret)
    client = enter(deployment, "careful", code=f"{code[:3]} {code[3:]}")
    refused(deployment, "careful", code=code)  # good once
    forget_attempts(deployment)
    enter(deployment, "careful", code=code_at(secret, 1))

    assert send(client, "/account/totp/remove", {"current": "wrong"}).status == 422
    assert send(client, "/account/totp/remove", {"current": PASSWORD}).status == 303
    enter(deployment, "careful")


def test_a_hash_that_would_take_all_memory(deployment):
    """As somebody might write it into the store: it is not even tried."""
    add(deployment, "costly")
    costly = "$argon2id$v=19$m=4194304,t=100,p=1$c2FsdHNhbHRzYWx0c2FsdA$" + "A" * 43
    deployment.redis.hset("{access}:account:costly", "password", costly)
    refused(deployment, "costly")
    enter(deployment, "admin", deployment.secret("admin-password"))


def test_a_new_password_forgets_known_browsers(deployment):
    add(deployment, "renews")
    known = enter(deployment, "renews")
    assert deployment.api.json("PATCH", "/api/v1/accounts/renews", {"password": "another few words"}).status == 200
    assert [refused(deployment, "renews", "wrong", known).status for _ in range(6)] == [401] * 5 + [429]


def test_one_code_for_many_at_once(deployment):
    add(deployment, "raced")
    client = enter(deployment, "raced")
    send(client, "/account/totp/new", {"current": PASSWORD})
    secret = re.search(r'<code class="secret">([A-Z2-7]{32})</code>', client.get("/account").text).group(1)
    assert send(client, "/account/totp/confirm", {"code": code_at(secret, -1)}).status == 303
    code = code_at(secret, 1)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.copy().sign_in("raced", PASSWORD, code=code)[0].status, range(8)))
    assert sorted(answers) == [303] + [401] * 7


def test_an_admin_takes_a_second_factor_away(deployment):
    add(deployment, "lost.phone")
    client = enter(deployment, "lost.phone")
    send(client, "/account/totp/new", {"current": PASSWORD})
    secret = re.search(r'<code class="secret">([A-Z2-7]{32})</code>', client.get("/account").text).group(1)
    assert send(client, "/account/totp/confirm", {"code": code_at(secret)}).status == 303
    refused(deployment, "lost.phone")
    assert deployment.api.json("PATCH", "/api/v1/accounts/lost.phone", {"totp": True}).status == 422
    assert deployment.api.json("PATCH", "/api/v1/accounts/lost.phone", {"totp": False}).status == 200
    assert client.get("/").status == 401
    enter(deployment, "lost.phone")


def test_a_new_password_leaves_the_second_factor(deployment):
    add(deployment, "forgot")
    client = enter(deployment, "forgot")
    send(client, "/account/totp/new", {"current": PASSWORD})
    secret = re.search(r'<code class="secret">([A-Z2-7]{32})</code>', client.get("/account").text).group(1)
    assert send(client, "/account/totp/confirm", {"code": code_at(secret, -1)}).status == 303
    new = "made by an admin"
    assert deployment.api.json("PATCH", "/api/v1/accounts/forgot", {"password": new}).status == 200
    assert client.get("/").status == 401
    assert "type the one-time code, too" in refused(deployment, "forgot", new).text
    enter(deployment, "forgot", new, code=code_at(secret))


# ---- at rest

def test_no_secret_is_stored_plain(deployment):
    add(deployment, "stored")
    client = enter(deployment, "stored")
    cookie = re.search(r"birdcar=([\w-]{22})", client.headers["Cookie"]).group(1)
    deployment.redis.bgrewriteaof()
    wait_for(lambda: not deployment.redis.info("persistence")["aof_rewrite_in_progress"], 10, "a rewritten file")
    written = b"".join(path.read_bytes() for path in deployment.state.glob("data/**/*") if path.is_file())
    logged = b"\n".join(deployment.log_lines())
    for secret in (PASSWORD, cookie, deployment.secret("admin-password"), deployment.secret("api-token")):
        assert secret.encode() not in written and secret.encode() not in logged
    assert b"$argon2id$v=19$m=19456,t=2,p=1$" in written
