// Owns the page: which phones it shows, the stream of events, the wire and
// the faults. One phone is phone.js.

import { ask, clock, complain, digitsOf, make, shown } from "./api.js";
import { Phone } from "./phone.js";

const STORE = "birdcar.sandbox.phones";
const BY_THEMSELVES = 2;
const MOST_PHONES = 8;
const WIRE_ROWS = 80;
const byId = (id) => document.getElementById(id);

const phones = new Map();
const sentAway = new Set();
// Phones appear by themselves until somebody picks some.
let picked = false;
let recent = [];
let stream = null;

function announce(text) {
  byId("announce").textContent = text;
}

function remember() {
  picked = true;
  try {
    localStorage.setItem(STORE, JSON.stringify([...phones.keys()]));
  } catch {
    // A browser that keeps nothing still shows everything.
  }
}

function chosen() {
  const query = new URLSearchParams(location.search).get("phones");
  let numbers = [];
  try {
    numbers = query ? query.split(",")
      : JSON.parse(localStorage.getItem(STORE)) || [];
  } catch {
    numbers = [];
  }
  return numbers.map((number) => digitsOf(String(number).trim()))
    .filter(Boolean);
}

function put(number) {
  if (phones.has(number) || phones.size >= MOST_PHONES) return;
  const phone = new Phone(number, { remove: takeAway, announce });
  const used = new Set([...phones.values()].map((p) => p.element.dataset.hue));
  phone.element.dataset.hue =
    ["0", "1", "2", "3"].find((hue) => !used.has(hue)) || "0";
  phones.set(number, phone);
  byId("phones").append(phone.element);
}

function add(number) {
  sentAway.delete(number);
  put(number);
  remember();
  connect();
}

function takeAway(number) {
  phones.get(number).element.remove();
  phones.delete(number);
  sentAway.add(number);
  remember();
  connect();
  byId("phones").focus();
}

function byThemselves() {
  if (picked) return false;
  const room = BY_THEMSELVES - phones.size;
  const fresh = recent.filter((n) => !phones.has(n) && !sentAway.has(n))
    .slice(0, Math.max(room, 0)).reverse();
  fresh.forEach(put);
  return fresh.length > 0;
}

function showRecent(numbers) {
  recent = numbers;
  if (byThemselves()) connect();
  byId("empty").hidden = phones.size > 0;
  const others = recent.filter((number) => !phones.has(number));
  byId("seen").hidden = others.length === 0;
  byId("chips").replaceChildren(...others.map((number) => {
    const chip = make("button", "chip", shown(number));
    chip.type = "button";
    chip.setAttribute("aria-label", "Show phone " + shown(number));
    chip.onclick = () => add(number);
    const row = make("li");
    row.append(chip);
    return row;
  }));
}

async function load(phone) {
  try {
    phone.load(await ask("phones/" + phone.number));
  } catch (error) {
    complain(phone.problem, error);
  }
}

// One stream for the phones that are shown; it starts anew with each change.
function connect() {
  if (stream) stream.close();
  stream = new EventSource("/sandbox/events?phones=" +
    [...phones.keys()].join(","));
  const on = (kind, act) => stream.addEventListener(kind,
    (event) => act(JSON.parse(event.data)));
  on("hello", hello);
  on("resync", connect);
  on("recent", showRecent);
  on("wire", ({ entries, skipped }) => showWire(entries, skipped));
  on("faults", showFaults);
  on("text", ({ phone, item }) => phones.get(phone)?.text(item));
  on("call", ({ phone, call }) => phones.get(phone)?.call(call));
  stream.onerror = () => link("Connection lost, trying again…", false);
  showRecent(recent);
}

function hello(state) {
  byId("console").href = state.gateway + "/";
  link(state.signed ? "Connected · webhooks are signed"
    : "Connected · webhooks are not signed", true);
  byId("wire").replaceChildren();
  showWire(state.wire, 0);
  showModes(state.modes);
  showFaults(state.faults);
  phones.forEach(load);
  showRecent(state.recent);
}

function link(text, good) {
  byId("link").textContent = text;
  byId("link").dataset.good = String(good);
}

function wireRow(entry) {
  const out = entry.direction === "out";
  const good = entry.status !== null && entry.status < 300;
  const row = make("li", good ? "" : "bad");
  const way = make("span", "way " + entry.direction, out ? "→" : "←");
  way.setAttribute("aria-label", out ? "sandbox to BirdCar"
    : "BirdCar to sandbox");
  const status = make("span", "status", entry.status === null ? "none"
    : String(entry.status));
  row.append(make("time", "", clock(entry.at)), way,
    make("code", "", entry.request), status,
    make("span", "ms", entry.ms.toFixed(entry.ms < 10 ? 1 : 0) + " ms"),
    make("span", "what", entry.note));
  return row;
}

function showWire(entries, skipped) {
  const list = byId("wire");
  const rows = entries.map(wireRow).reverse();
  if (skipped) rows.unshift(make("li", "skipped", `… and ${skipped} more`));
  list.prepend(...rows);
  while (list.children.length > WIRE_ROWS) list.lastElementChild.remove();
  byId("wire-none").hidden = list.children.length > 0;
}

function showModes(modes) {
  const select = byId("fault-mode");
  if (select.options.length) return;
  modes.filter(({ mode }) => mode !== "ok").forEach(({ mode, says }) =>
    select.add(new Option(`${says} (${mode})`, mode)));
}

function showFaults(faults) {
  const now = byId("fault-now");
  now.dataset.good = String(faults.length === 0);
  now.textContent = faults.length === 0 ? "The provider is healthy."
    : "The provider " + faults.map((fault) => fault.says +
      (fault.recipient ? ` for ${shown(fault.recipient)}` : "") +
      (fault.left === null ? "" : fault.left === 1 ? ", once more"
        : `, ${fault.left} more times`))
      .join("; it ") + ".";
}

async function switchFault(body) {
  try {
    showFaults((await ask("faults", body)).faults);
    complain(byId("fault-error"), null);
  } catch (error) {
    complain(byId("fault-error"), error);
  }
}

byId("fault").onsubmit = (event) => {
  event.preventDefault();
  const body = { mode: byId("fault-mode").value };
  const count = byId("fault-count").value;
  const recipient = byId("fault-recipient").value.trim();
  if (count) body.count = Number(count);
  if (recipient) {
    body.recipient = digitsOf(recipient);
    if (!body.recipient) {
      complain(byId("fault-error"), new Error("That is not a phone number."));
      return;
    }
  }
  switchFault(body);
};
byId("fault-off").onclick = () => switchFault({ mode: "ok" });
byId("wire-clear").onclick = () => {
  byId("wire").replaceChildren();
  byId("wire-none").hidden = false;
};
byId("add").onsubmit = (event) => {
  event.preventDefault();
  const number = digitsOf(byId("add-number").value);
  complain(byId("add-error"), number ? null : new Error(
    "That is not a phone number; write it with its country code, such as " +
    "+447700900001."));
  if (!number) return;
  byId("add-number").value = "";
  add(number);
};

chosen().forEach(put);
picked = phones.size > 0;
connect();
