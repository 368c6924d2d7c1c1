"""The tutorial's database taken over: what becomes of each row, twice, a year later, and the live rides go on."""

import sqlite3
import subprocess
from datetime import datetime, timedelta, timezone

import pytest
from deployment import DEPLOY, Deployment
from poll import wait_for

SETTINGS = {"SAMPLES": "off", "RIDE_HOURS": "24"}
ANNA, BERT, DAN, EVE = "447700900111", "447700900112", "447700900211", "447700900212"
ONE, TWO, GONE = "447700900401", "447700900402", "447700900403"
NOW = datetime.now(timezone.utc)
SCHEMA = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, number TEXT);
CREATE TABLE drivers (id INTEGER PRIMARY KEY, name TEXT, number TEXT);
CREATE TABLE proxy_numbers (id INTEGER PRIMARY KEY, number TEXT);
CREATE TABLE rides (id INTEGER PRIMARY KEY, start TEXT, destination TEXT, datetime TEXT, customer_id INTEGER,
  driver_id INTEGER, number_id INTEGER, FOREIGN KEY (customer_id) REFERENCES customers (id),
  FOREIGN KEY (driver_id) REFERENCES drivers (id), FOREIGN KEY (number_id) REFERENCES proxy_numbers (id));
"""
CUSTOMERS = [
    (1, "Anna", ANNA), (2, "Bert", "+44 7700 900 112"), (3, "National", "0612345678"), (4, "Proxy", "00" + TWO),
    (5, "Anna again", "+" + ANNA), (6, "", "447700900116"), (7, "No phone", None), (8, "Word", "call me"),
    (9, "Short", "12345")]
DRIVERS = [(1, "Dan", "+" + DAN), (2, "Eve", EVE), (3, "Anna drives", ANNA)]
NUMBERS = [(1, ONE), (2, "+" + TWO), (3, GONE), (4, "0201234567")]


def ago(**time):
    return (NOW - timedelta(**time)).strftime("%Y-%m-%dT%H:%M")


RIDES = [
    (1, "Dam 1", "Schiphol", "tomorrow at nine", 1, 1, 1),
    (2, "Dam 2", "Zoo", ago(hours=-5), 2, 1, 2),
    (3, "Old", "Older", "2018-09-24T08:30", 1, 1, 2),
    (4, "Old", "Older", ago(hours=25), 1, 1, 2),
    (5, "Replaced", "x", "soon", 2, 2, 1),
    (6, "", None, ago(hours=23), 2, 2, 1),
    (7, "a", "b", "c", 99, 1, 2),
    (8, "a", "b", "c", 3, 1, 2),
    (9, "a", "b", "c", 1, 2, 4),
    (10, "a", "b", "c", 5, 3, 2),
    (11, "a", "b", "c", 1, 1, 77),
]
LEFT_OUT = {
    "customers": {
        3: "its phone has no country code", 4: "its phone is a proxy number (proxy_numbers row 2)", 6: "has no name",
        7: "has no phone number", 8: "its phone is no phone number", 9: "its phone is no phone number"},
    "drivers": {},
    "proxy_numbers": {4: "its phone has no country code"},
    "rides": {
        5: "cannot be told apart from row 6, the newer one, on the same number", 7: "there is no row 99 of customers",
        8: "row 3 of customers is left out", 9: "row 4 of proxy_numbers is left out",
        10: "its customer and its driver have the same phone", 11: "there is no row 77 of proxy_numbers"}}


def database(path, customers=(), drivers=(), numbers=(), rides=()):
    with sqlite3.connect(path) as store:
        store.executescript(SCHEMA)
        for table, rows in (("customers", customers), ("drivers", drivers), ("proxy_numbers", numbers), ("rides", rides)):
            for row in rows:
                store.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", row)
    store.close()
    return path


@pytest.fixture(scope="module", name="file")
def the_file(tmp_path_factory):
    return database(tmp_path_factory.mktemp("tutorial") / "ridesharing.db", CUSTOMERS, DRIVERS, NUMBERS, RIDES)


def run(deployment, file, *options, check=True):
    done = deployment.run("import-tutorial", *options, file, check=check)
    for phone in (ANNA, BERT, DAN, EVE):
        assert phone[-9:] not in done.stdout + done.stderr
    return done


def told(output):
    """{table: (its line, {row: why it is left out})}"""
    tables, table = {}, None
    for line in output.splitlines():
        if line.startswith("    row "):
            row, why = line[8:].split(": ", 1)
            tables[table][1][int(row)] = why
        elif " rows; " in line:
            table, rest = line.split(maxsplit=1)
            tables[table] = (rest, {})
    return tables


def holds(deployment):
    return {kind: deployment.listed(kind) for kind in ("customers", "drivers", "numbers", "rides")}


def forget(deployment, *kept):
    """As long after as every key that ends has ended, but for those."""
    for key in deployment.redis.keys():
        if deployment.redis.pttl(key) > 0 and not key.startswith((b"lease:", b"service:", *kept)):
            deployment.redis.delete(key)


# ---- the tests follow each other

def test_a_dry_run_says_it_and_changes_nothing(deployment, file):
    for options in ((), ("--dry-run",)):
        done = run(deployment, file, *options)
        tables = told(done.stdout)
        assert {table: left for table, (_, left) in tables.items()} == LEFT_OUT
        assert tables["customers"][0] == "9 rows; to be taken over: 3, left out: 6"
        assert tables["proxy_numbers"][0] == "4 rows; to be taken over: 3, left out: 1"
        assert tables["rides"][0] == "11 rows; to be taken over: 3, over: 2, left out: 6"
        assert "Nothing was changed." in done.stdout and done.stderr == ""
    assert all(items == [] for items in holds(deployment).values())
    assert not (deployment.state / "imported-numbers").exists()
    assert deployment.redis.keys("phone:*") == []


def test_it_takes_over(deployment, file):
    deployment.mark = deployment.sandbox.last()
    tables = told(run(deployment, file, "--yes").stdout)
    assert {table: left for table, (_, left) in tables.items()} == LEFT_OUT
    assert tables["customers"][0] == "9 rows; taken over: 2, there already: 1, left out: 6"
    assert tables["rides"][0] == "11 rows; taken over: 3, over: 2, left out: 6"
    held = holds(deployment)
    assert [p["name"] for p in held["customers"]] == ["Anna", "Bert"]
    assert [p["name"] for p in held["drivers"]] == ["Dan", "Eve", "Anna drives"]
    assert [n["phone"] for n in held["numbers"]] == ["+" + ONE, "+" + TWO, "+" + GONE]
    rides = {(r["customer"]["name"], r["driver"]["name"]): r for r in held["rides"]}
    assert {pair: ride["proxy"] for pair, ride in rides.items()} == {
        ("Anna", "Dan"): "+" + ONE, ("Bert", "Dan"): "+" + TWO, ("Bert", "Eve"): "+" + ONE}
    assert rides["Anna", "Dan"]["datetime"] == "tomorrow at nine"
    assert (rides["Bert", "Eve"]["start"], rides["Bert", "Eve"]["destination"]) == ("-", "-")
    assert all(ride["state"] == "live" for ride in held["rides"])
    # From its pickup where that can be read and the day is not over, else from now on.
    ends = {pair: datetime.fromisoformat(ride["ends_at"].replace("Z", "+00:00")) for pair, ride in rides.items()}
    assert abs(ends["Anna", "Dan"] - NOW - timedelta(hours=24)) < timedelta(minutes=10)
    assert abs(ends["Bert", "Dan"] - NOW - timedelta(hours=29)) < timedelta(minutes=10)
    assert abs(ends["Bert", "Eve"] - NOW - timedelta(hours=1)) < timedelta(minutes=10)


@pytest.mark.parametrize("sender, number, other", [
    (ANNA, ONE, DAN), (DAN, ONE, ANNA), (BERT, TWO, DAN), (DAN, TWO, BERT), (BERT, ONE, EVE), (EVE, ONE, BERT)])
def test_the_rides_go_on(deployment, sender, number, other):
    words = f"from {sender[-3:]} by {number[-3:]}"
    assert deployment.sandbox.text(sender, number, words)["status"] == 200
    got = deployment.sandbox.wait_text(other, words, deployment.mark)
    assert got["originator"] == number
    rings = deployment.sandbox.call(sender, number)["rings"]
    assert (rings["phone"], rings["shows"]) == (other, number)


def test_nobody_had_a_notice(deployment):
    bodies = {m["body"] for m in deployment.sandbox.accepted(deployment.mark)}
    assert len(bodies) == 6 and all(body.startswith("from ") for body in bodies)


@pytest.mark.parametrize("later", [False, True])
def test_twice_is_harmless(deployment, file, later):
    """Also after two days, when the requests are forgotten."""
    if later:
        forget(deployment, b"ride:", b"route:", b"rides:", b"timeline:", b"pool:", b"person-rides:")
        for key in deployment.redis.keys("pool:*:claim:*"):
            deployment.redis.delete(key)
    before = holds(deployment)
    tables = told(run(deployment, file, "--yes").stdout)
    assert holds(deployment) == before
    assert tables["customers"][0] == "9 rows; taken over: 0, there already: 3, left out: 6"
    assert tables["drivers"][0] == "3 rows; taken over: 0, there already: 3"
    assert tables["proxy_numbers"][0] == "4 rows; taken over: 0, there already: 3, left out: 1"
    assert tables["rides"][0] == "11 rows; taken over: 0, there already: 3, over: 2, left out: 6"


def test_a_year_later(deployment, file):
    """Rides are long gone; people were renamed, changed and deleted, and a number was removed."""
    for ride in deployment.listed("rides"):
        assert deployment.api.post(f"/api/v1/rides/{ride['id']}/end").status == 200
    forget(deployment)
    api = deployment.api
    assert api.json("PATCH", "/api/v1/customers/1", {"name": "Anne", "phone": "+447700900777"}).status == 200
    assert api.request("DELETE", "/api/v1/drivers/2").status == 204
    forget(deployment)
    assert api.request("DELETE", f"/api/v1/numbers/{GONE}").status == 204
    before = holds(deployment)
    assert before["rides"] == [] and len(before["numbers"]) == 2
    tables = told(run(deployment, file, "--yes").stdout)
    assert holds(deployment) == before
    assert tables["drivers"][1] == {2: "was deleted here since it was taken over"}
    assert tables["proxy_numbers"][1][3] == "was taken over before, and has been removed since"
    assert tables["rides"][1][6] == "row 2 of drivers is left out"
    assert "there already: 2" in tables["rides"][0]


def test_what_was_added_since_is_taken_over(deployment, file, tmp_path):
    more = database(tmp_path / "more.db", [*CUSTOMERS, (10, "Carla", "447700900120")], DRIVERS, NUMBERS,
                    [*RIDES, (12, "New", "Newer", "today", 10, 3, 2)])
    before = len(deployment.listed("customers"))
    tables = told(run(deployment, more, "--yes", "--ends-at", "2030-05-01T09:30Z").stdout)
    assert tables["customers"][0].startswith("10 rows; taken over: 1, there already: 3")
    assert tables["rides"][0].startswith("12 rows; taken over: 1, there already: 2")
    assert len(deployment.listed("customers")) == before + 1
    ride, = deployment.listed("rides")
    assert (ride["customer"]["name"], ride["ends_at"]) == ("Carla", "2030-05-01T09:30:00Z")
    # Another end does not make it another ride.
    tables = told(run(deployment, more, "--yes", "--ends-at", "2031-05-01T09:30Z").stdout)
    assert "taken over: 0, there already: 3" in tables["rides"][0]
    assert deployment.listed("rides") == [ride]


def test_the_same_two_already_ride_on_that_number(deployment, tmp_path):
    """Here, by another ride than the file's."""
    other = database(tmp_path / "other.db", [(1, "Carla", "447700900120")], [(1, "Fay", "447700900220")], [(1, TWO)],
                     [(1, "a", "b", "c", 1, 1, 1)])
    tables = told(run(deployment, other, "--yes").stdout)
    assert tables["rides"][1] == {1: "one of the two has its number on another ride here, or had it and still keeps it"}


@pytest.mark.parametrize("fields, status, code, field", [
    ({"proxy": "+" + TWO}, 409, "proxy_held", "proxy"), ({"proxy": 5}, 422, "wrong_kind", "proxy"),
    ({"proxy": "+447700900999"}, 422, "unknown_number", "proxy"), ({"proxy": "06123"}, 422, "phone_national", "proxy"),
    ({"notices": "no"}, 422, "wrong_kind", "notices"), ({"notices": []}, 422, "wrong_kind", "notices"),
    ({"once": 1}, 422, "wrong_kind", "once"), ({"once": True}, 422, "missing", "proxy")])
def test_the_fields_of_a_ride_that_comes_with_its_number(deployment, fields, status, code, field):
    ride, = [r for r in deployment.listed("rides") if r["proxy"] == "+" + TWO and r["customer"]["name"] == "Carla"]
    answer = deployment.api.post("/api/v1/rides", {
        "customer": ride["customer"]["id"], "driver": 1, "start": "a", "destination": "b", "datetime": "c", **fields},
        headers={"Idempotency-Key": f"fields {field} {code}".replace(" ", "-")})
    assert (answer.status, answer.json["code"], answer.json["field"]) == (status, code, field)
    assert ("next_free_at" in answer.json) == (code == "proxy_held")
    person = deployment.api.post("/api/v1/customers", {"name": "x", "phone": "+447700900130", "once": "yes"})
    assert (person.status, person.json["code"], person.json["field"]) == (422, "wrong_kind", "once")


def test_two_at_a_time(deployment, tmp_path):
    """As if two people had the same idea."""
    file = database(tmp_path / "both.db", [(n, f"C{n}", f"4477009001{n}") for n in range(40, 60)],
                    [(n, f"D{n}", f"4477009002{n}") for n in range(40, 60)], [(1, "447700900460")],
                    [(n, "a", "b", "c", n, n, 1) for n in range(40, 60)])
    before = {kind: len(items) for kind, items in holds(deployment).items()}
    command = [DEPLOY / "import-tutorial", "--yes", "--state", deployment.state, file]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        tables = told(process.communicate(timeout=60)[0])
        assert process.returncode == 0 and all(left == {} for _, left in tables.values()), tables
    after = {kind: len(items) for kind, items in holds(deployment).items()}
    assert {kind: after[kind] - before[kind] for kind in before} == {
        "customers": 20, "drivers": 20, "numbers": 1, "rides": 20}


def test_into_a_pool(deployment, tmp_path):
    file = database(tmp_path / "pool.db", numbers=[(1, "447700900450")])
    assert "There is no pool NL." in run(deployment, file, "--yes", "--pool", "NL", check=False).stderr
    assert deployment.api.post("/api/v1/pools", {"name": "NL", "prefixes": ["31"]}).status == 201
    run(deployment, file, "--yes", "--pool", "NL")
    assert "NL" in [n["pool"] for n in deployment.listed("numbers") if n["phone"] == "+447700900450"]


@pytest.mark.parametrize("content, words", [
    (b"not a database", "is no SQLite database"), (None, "is not the tutorial's database"), ("", "No such file")])
def test_what_is_no_such_file(deployment, tmp_path, content, words):
    file = tmp_path / "x.db"
    if content is None:
        with sqlite3.connect(file) as store:
            store.execute("CREATE TABLE customers (id INTEGER)")
        store.close()
    elif content:
        file.write_bytes(content)
    done = run(deployment, file, "--yes", check=False)
    assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("options", [[], ["--yes", "--dry-run", "x"], ["--ends-at", "2001-01-01T00:00Z", "x"],
                                     ["--ends-at", "soon", "x"], ["--nonsense", "x"]])
def test_what_it_does_not_take(deployment, options):
    done = deployment.run("import-tutorial", *options, check=False)
    assert done.returncode == 2 and "usage: deploy/import-tutorial" in done.stderr


def test_help():
    done = subprocess.run([DEPLOY / "import-tutorial", "--help"], capture_output=True, text=True, check=True)
    for words in ("--dry-run", "--yes", "--state DIR", "--ends-at TIME", "RIDE_HOURS", "a year later"):
        assert words in done.stdout


def test_without_a_deployment(tmp_path, file):
    place = Deployment(state=tmp_path / "none")
    done = place.run("import-tutorial", file, check=False)
    assert done.returncode == 1 and "There is no deployment in" in done.stderr


def test_while_it_is_down(deployment, file):
    deployment.down()
    done = run(deployment, file, "--yes", check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr and done.stdout == ""
    wait_for(lambda: deployment.up().returncode == 0, what="up again")
