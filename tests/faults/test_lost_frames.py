"""So many of a hundred messages on the bus are lost: nothing that was answered is, it only takes longer; where all are
lost, whoever asks is told so."""

import re
import shutil
import threading
import uuid
from urllib.parse import urlencode

import pytest
from deployment import SERVICES
from figures import record
from http_client import FORM
from paths import scratch_folder
from poll import wait_for

LOSS = scratch_folder("loss-") / "percent"
LOSS.parent.chmod(0o711)  # the daemons need not be ours
SETTINGS = {"FAULT_LOSS_FILE": str(LOSS), "TEXTS_PER_MINUTE": "0"}
PAIRS = (1, 2, 3)
MOST_TRIES = 60
BUSY_FLOW = b"Please try again in a minute."


@pytest.fixture(scope="module", autouse=True)
def the_file():
    yield
    shutil.rmtree(LOSS.parent)


@pytest.fixture(scope="module", name="lines")
def both_ways_of_some_rides(deployment):
    """(sender, proxy, recipient), each."""
    deployment.scale(**{name.replace("-", "_"): 2 for name in SERVICES})
    lines = []
    for number in PAIRS:
        ride = deployment.ride(number, number)
        phones = [deployment.person(role, number)["phone"].lstrip("+") for role in ("customer", "driver")]
        lines += [(phones[0], ride["proxy"][1:], phones[1]), (phones[1], ride["proxy"][1:], phones[0])]
    deployment.sandbox.wait_texts(2 * len(PAIRS))
    return lines


class Sender(threading.Thread):
    """One line: the next text only after the last was answered 200; asked again until it is."""

    def __init__(self, deployment, line, count):
        super().__init__()
        self.deployment, self.line, self.count = deployment, line, count
        self.words, self.refusals, self.failed = [], 0, None

    def run(self):
        try:
            http = self.deployment.open.copy()
            for number in range(self.count):
                self._send(http, f"{number} of {uuid.uuid4().hex}")
            http.close()
        except Exception as error:  # told by the test's own thread
            self.failed = error

    def _send(self, http, words):
        sender, proxy, _ = self.line
        body = urlencode({"message_id": uuid.uuid4().hex, "originator": sender, "recipient": proxy, "payload": words}).encode()
        for _ in range(MOST_TRIES):
            answer = http.request("POST", "/webhook", body,
                                  {"Content-Type": FORM, **self.deployment.signature("/webhook", body)})
            if answer.status == 200:
                self.words.append(words)
                return
            check_refusal(answer)
            self.refusals += 1
        raise AssertionError(f"{MOST_TRIES} tries without a 200")


def check_refusal(answer):
    assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0, answer


def create(deployment, number):
    """One ride, asked for with one key until it is answered."""
    key, fields = uuid.uuid4().hex, {"customer": number, "driver": 1 + number % 3, "start": "a", "destination": "b",
                                     "datetime": f"for {uuid.uuid4().hex}"}
    for _ in range(MOST_TRIES):
        answer = deployment.api.post("/api/v1/rides", fields, {"Idempotency-Key": key})
        if answer.status == 201:
            return answer.json
        check_refusal(answer)
    raise AssertionError(f"{MOST_TRIES} tries without a 201")


def repeats(deployment):
    """How often a daemon asked another copy, since the first did not answer."""
    page = deployment.api.get("/metrics").text
    return sum(float(n) for n in re.findall(r"^birdcar_bus_repeats_total{[^}]*} (\S+)$", page, re.MULTILINE))


def arrived(deployment, senders, mark):
    got = {sender.line: [] for sender in senders}
    for message in deployment.sandbox.accepted(mark):
        for sender in senders:
            if message["body"] in sender.words:
                assert message["recipients"] == [sender.line[2]] and message["originator"] == sender.line[1]
                got[sender.line].append(message["body"])
    return got if all(len(got[s.line]) >= len(s.words) for s in senders) else None


@pytest.mark.parametrize("percent, texts", [(0, 20), (10, 20), (50, 4)])
def test_some_are_lost(deployment, lines, percent, texts):
    mark, before = deployment.sandbox.last(), repeats(deployment)
    LOSS.write_text(str(percent))
    senders = [Sender(deployment, line, texts) for line in lines]
    for sender in senders:
        sender.start()
    ride = create(deployment, 1)
    for sender in senders:
        sender.join()
    LOSS.write_text("0")
    assert not any(sender.failed for sender in senders), [sender.failed for sender in senders]
    got = wait_for(lambda: arrived(deployment, senders, mark), 40, "all texts")
    for sender in senders:
        assert got[sender.line] == sender.words
    assert [r["id"] for r in deployment.listed("rides") if r["datetime"] == ride["datetime"]] == [ride["id"]]
    record(f"messages on the bus lost, {percent} of 100", "all along", texts=texts * len(lines), lost=0, twice=0,
           out_of_order=0, misrouted=0, seed="none", refused_before_a_200=sum(s.refusals for s in senders))
    assert percent == 0 or repeats(deployment) > before, "nothing was lost on the way"
    assert percent > 0 or not any(sender.refusals for sender in senders)


def test_all_are_lost(deployment, lines):
    """Refused in words, in time, and nothing is done; then it works again by itself."""
    mark, rides = deployment.sandbox.last(), deployment.listed("rides")
    LOSS.write_text("100")
    sender, proxy, recipient = lines[0]
    body = urlencode({"message_id": "all-lost", "originator": sender, "recipient": proxy, "payload": "lost"}).encode()
    text = ("POST", "/webhook", body, {"Content-Type": FORM, **deployment.signature("/webhook", body)})
    check_refusal(deployment.open.request(*text))
    path = f"/webhook-voice?callID=1&source={sender}&destination={proxy}"
    call = ("GET", path, None, deployment.signature(path))
    flow = deployment.open.request(*call)
    assert flow.status == 200 and flow.type == "application/xml" and BUSY_FLOW in flow.body
    check_refusal(deployment.api.post("/api/v1/rides", {"customer": 1, "driver": 3, "start": "a", "destination": "b",
                                                        "datetime": "c"}))
    LOSS.write_text("0")
    wait_for(lambda: deployment.open.request(*text).status == 200, 10, "texts again")
    wait_for(lambda: recipient.encode() in deployment.open.request(*call).body, 10, "calls again")
    deployment.sandbox.wait_text(recipient, "lost", mark)
    assert deployment.listed("rides") == rides
    record("messages on the bus lost, 100 of 100", "all refused, in words")
