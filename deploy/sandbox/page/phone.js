// Owns one phone on the page: its conversations, its call, its buttons.

import { ask, clock, complain, digitsOf, make, shown } from "./api.js";

const STATES = {
  scheduled: "scheduled",
  sent: "sent",
  delivered: "delivered",
  buffered: "phone off",
  delivery_failed: "not delivered",
  expired: "expired",
  sending: "sending…",
  accepted: "sent",
  retrying: "not taken yet, trying again",
  refused: "refused",
};
const BAD = new Set(["delivery_failed", "expired", "refused"]);
const REASONS = {
  hangup: "Call ended",
  no_answer: "No answer",
  failed: "Call failed",
};
const ENDED_MS = 2500;
const ERROR_MS = 9000;

export class Phone {
  constructor(number, hooks) {
    this.number = number;
    this.hooks = hooks;
    this.texts = new Map();
    this.calls = new Map();
    this.unread = new Set();
    this.dismissed = new Set();
    this.open = null;
    this.callId = null;
    this.build();
  }

  build() {
    const template = document.getElementById("phone");
    this.element = template.content.firstElementChild.cloneNode(true);
    this.find = (selector) => this.element.querySelector(selector);
    this.element.setAttribute("aria-label", "Phone " + shown(this.number));
    this.find("h3").textContent = shown(this.number);
    this.problem = this.element.querySelector(":scope > .error");
    this.find(".remove").onclick = () => this.hooks.remove(this.number);
    this.find(".back").onclick = () => this.show(null);
    this.find(".ring").onclick = () => this.dial(this.open);
    this.find(".accept").onclick = () => this.act("answer");
    this.find(".decline").onclick = () => this.act("hangup");
    this.find(".compose").onsubmit = (event) => this.send(event);
    this.find(".dial").onsubmit = (event) => this.dialled(event);
    const box = this.find("textarea");
    box.onkeydown = (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.find(".compose").requestSubmit();
      }
    };
    box.oninput = () => {
      box.style.height = "auto";
      box.style.height = Math.min(box.scrollHeight + 2, 96) + "px";
    };
  }

  // All that the sandbox knows of this phone; it replaces what is shown.
  load(view) {
    this.texts = new Map(view.texts.map((item) => [item.seq, item]));
    this.calls = new Map(view.calls.map((call) => [call.id, call]));
    const others = this.conversations();
    if (this.open === null && others.length === 1) this.open = others[0];
    if (this.open !== null && !others.includes(this.open) &&
        !this.find("textarea").value) {
      this.open = others.length === 1 ? others[0] : null;
    }
    this.show(this.open);
    this.showCall();
  }

  conversations() {
    const latest = new Map();
    for (const item of [...this.texts.values(), ...this.calls.values()]) {
      latest.set(item.with, Math.max(item.at, latest.get(item.with) || 0));
    }
    return [...latest].sort((a, b) => b[1] - a[1]).map(([other]) => other);
  }

  text(item) {
    const fresh = !this.texts.has(item.seq);
    this.texts.set(item.seq, item);
    if (fresh) this.arrived(item);
    if (item.with === this.open) this.bubble(item);
    else this.list();
  }

  arrived(item) {
    if (this.open === null && this.conversations().length === 1) {
      this.show(item.with);
    } else if (item.direction === "in" && item.with !== this.open) {
      this.unread.add(item.with);
    }
    this.find(".back").classList.toggle("news", this.unread.size > 0);
  }

  call(call) {
    const before = this.calls.get(call.id);
    this.calls.set(call.id, call);
    if (call.direction === "in" && call.state === "ringing" && !before) {
      this.hooks.announce(`Phone ${shown(this.number)} rings: ` +
        `call from ${shown(call.with)}`);
    }
    if (this.open === null && this.conversations().length === 1) {
      this.show(call.with);
    } else if (call.with === this.open) {
      this.callNote(call);
    } else {
      this.list();
    }
    this.showCall();
  }

  // Opens a conversation; null shows the list of them.
  show(other) {
    this.open = other;
    this.unread.delete(other);
    this.find(".list").hidden = other !== null;
    this.find(".talk").hidden = other === null;
    this.find(".back").classList.toggle("news", this.unread.size > 0);
    if (other === null) {
      this.list();
      return;
    }
    this.find(".who strong").textContent = shown(other);
    this.find(".ring").setAttribute("aria-label", "Call " + shown(other));
    const log = this.find(".log");
    log.setAttribute("aria-label", "Conversation with " + shown(other));
    log.replaceChildren();
    const texts = [...this.texts.values()].map((item) => ({ item }));
    const calls = [...this.calls.values()].map((call) => ({ call }));
    texts.concat(calls)
      .filter(({ item, call }) => (item || call).with === other)
      .sort((a, b) => (a.item || a.call).at - (b.item || b.call).at)
      .forEach(({ item, call }) =>
        item ? this.bubble(item) : this.callNote(call));
  }

  list() {
    const others = this.conversations();
    this.find(".list > .none").hidden = others.length > 0;
    this.find(".list > ul").replaceChildren(...others.map((other) => {
      const last = [...this.texts.values()].filter((i) => i.with === other)
        .pop();
      const button = make("button", "conversation");
      button.type = "button";
      button.append(make("strong", "", shown(other)),
        make("span", "", last ? last.text : "Call"));
      if (this.unread.has(other)) {
        button.classList.add("news");
        button.append(make("span", "unseen", "new"));
      }
      button.onclick = () => {
        this.show(other);
        this.find("textarea").focus();
      };
      const row = make("li");
      row.append(button);
      return row;
    }));
  }

  // Puts a row into the log, in place of the one with the same key.
  row(key, row) {
    const log = this.find(".log");
    const near = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
    row.dataset.key = key;
    const old = [...log.children].find((child) => child.dataset.key === key);
    if (old) old.replaceWith(row);
    else log.append(row);
    if (near || !old) log.scrollTop = log.scrollHeight;
  }

  bubble(item) {
    const row = make("li", "bubble " + item.direction);
    const foot = make("small", BAD.has(item.state) ? "bad" : "",
      `${clock(item.at).slice(0, 5)} · ${STATES[item.state] || item.state}`);
    row.append(make("span", "unseen",
      item.direction === "in" ? "Received: " : "Sent: "),
    make("p", "", item.text), foot);
    this.row("text-" + item.seq, row);
  }

  callNote(call) {
    const incoming = call.direction === "in";
    let text = incoming ? "Incoming call" : "Outgoing call";
    if (call.state === "ended") {
      text += " · " + REASONS[call.reason].toLowerCase();
    }
    const row = make("li", "note", text);
    if (call.said.length) row.append(make("q", "", call.said.join(" ")));
    if (call.error) row.append(make("q", "bad", call.error));
    this.row("call-" + call.id, row);
  }

  async send(event) {
    event.preventDefault();
    const box = this.find("textarea");
    const text = box.value;
    if (!text.trim()) return;
    box.value = "";
    box.style.height = "auto";
    await this.attempt(() => ask("texts",
      { from: this.number, to: this.open, text }));
  }

  dialled(event) {
    event.preventDefault();
    const input = this.find(".dial input");
    const other = digitsOf(input.value);
    if (!other) {
      complain(this.problem, new Error("That is not a phone number; write " +
        "it with its country code: +447700900100."));
      return;
    }
    complain(this.problem, null);
    input.value = "";
    if (event.submitter && event.submitter.value === "call") {
      this.dial(other);
    } else {
      this.show(other);
      this.find("textarea").focus();
    }
  }

  dial(other) {
    const hidden = this.find(".hide input").checked;
    return this.attempt(() =>
      ask("calls", { from: this.number, to: other, hidden }));
  }

  act(what) {
    const call = this.calls.get(this.callId);
    if (!call) return Promise.resolve();
    if (call.state === "ended") {
      this.dismissed.add(call.id);
      this.showCall();
      return Promise.resolve();
    }
    return this.attempt(() => ask(`calls/${call.id}/${what}`, {}));
  }

  async attempt(act) {
    try {
      await act();
      complain(this.problem, null);
    } catch (error) {
      complain(this.problem, error);
    }
  }

  // The call that the screen belongs to: the newest that has not ended, or
  // for a moment the one that just has.
  current() {
    const calls = [...this.calls.values()].filter(
      (call) => !this.dismissed.has(call.id));
    return calls.filter((call) => call.state !== "ended").pop() ||
      calls.filter((call) => call.id === this.callId).pop();
  }

  showCall() {
    const call = this.current();
    const view = this.find(".call");
    this.callId = call ? call.id : null;
    this.element.classList.toggle("in-call", Boolean(call));
    this.cover(view, Boolean(call));
    clearTimeout(this.ending);
    if (!call) return;
    const incoming = call.direction === "in";
    const rings = incoming && call.state === "ringing";
    view.dataset.state = call.state;
    this.find(".call-title").textContent = this.callTitle(call, incoming);
    this.find(".call-number").textContent = shown(call.with);
    this.mask(call, incoming);
    this.find(".caption").textContent =
      call.error || call.said.join(" ");
    this.find(".caption").classList.toggle("bad", Boolean(call.error));
    this.find(".accept").hidden = !rings;
    this.find(".decline").textContent = rings ? "Decline"
      : call.state === "ended" ? "Close" : "Hang up";
    if (call.state === "ended") {
      this.ending = setTimeout(() => {
        this.dismissed.add(call.id);
        this.showCall();
      }, call.error ? ERROR_MS : ENDED_MS);
    }
  }

  // A call covers the screen; who was at this phone stays at it, but on no
  // button, so that a key meant for a text answers nothing.
  cover(view, covered) {
    if (view.hidden === !covered) return;
    const here = this.find(".screen").contains(document.activeElement);
    view.hidden = !covered;
    this.find(".list").inert = this.find(".talk").inert = covered;
    if (here && covered) view.focus();
    else if (here && this.open !== null) this.find("textarea").focus();
  }

  callTitle(call, incoming) {
    switch (call.state) {
      case "starting": return "Calling…";
      case "ringing": return incoming ? "Incoming call" : "Ringing…";
      case "speaking": return "A voice says";
      case "ongoing": return "Connected";
      default: return REASONS[call.reason] || "Call ended";
    }
  }

  mask(call, incoming) {
    const line = this.find(".call-mask");
    line.classList.toggle("leak", call.leak);
    if (!incoming) line.textContent = "";
    else if (call.leak) line.textContent = "Not masked: caller's number";
    else line.textContent = "Masked: the caller stays hidden";
  }
}
