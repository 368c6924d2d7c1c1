// Owns the requests to the sandbox, and how a number is written.

export async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch("/sandbox/" + path, options);
  } catch {
    throw new Error("The sandbox does not answer.");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new Error(answer.error || `The sandbox answered ${response.status}.`);
  }
  return answer;
}

// The digits of a number as people type it; null when it is none.
export function digitsOf(typed) {
  const digits = typed.replace(/[\s().-]/g, "").replace(/^(\+|00)/, "");
  return /^[1-9]\d{6,14}$/.test(digits) ? digits : null;
}

// Names (senders that are no number) stay as they are.
export function shown(number) {
  return /^\d+$/.test(number) ? "+" + number : number;
}

export function clock(ms) {
  return new Date(ms).toLocaleTimeString([], {
    hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
  });
}

export function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

export function complain(element, error) {
  element.textContent = error ? error.message : "";
  element.hidden = !error;
}
