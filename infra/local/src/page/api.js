// The public API as a front end uses it: identity, anti-forgery, idempotency, errors in words.

let name = null;

const WORDS = {
  already_purchased: "You already have this course.",
  basket_changed: "Your basket has changed. Please look at it again and check out once more.",
  blocked_country: "This course cannot be sold in your country.",
  empty_basket: "Your basket is empty.",
  nothing_to_refund: "Everything was paid back already.",
  out_of_stock: "There is no place left.",
  price_changed: "The price has changed. Please look at your basket again.",
  refund_window_over: "It is too late to ask for your money back.",
  unknown_voucher: "This code cannot be used here.",
  unknown_product: "This product is not on sale.",
};

/** A refusal, worded for the reader. */
export class ApiError extends Error {
  constructor(status, body) {
    const fields = (body?.errors ?? []).map((one) => one.detail ?? one.message).filter(Boolean).join(" ");
    super(WORDS[body?.code] ?? ([body?.detail ?? body?.title, fields].filter(Boolean).join(" ") || `The shop answered ${status}.`));
    this.status = status;
    this.code = body?.code;
    this.requestId = body?.request_id;
  }
}

const cookie = (name) => {
  const found = document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`));
  return found && decodeURIComponent(found.slice(name.length + 1));
};

/** The fetch behind every call; answers the response when it is a success. */
export async function request(method, path, { body, headers = {}, accept = "application/json" } = {}) {
  const all = { Accept: accept, ...headers };
  const csrf = cookie("bursar_csrf");
  if (csrf && method !== "GET") all["X-CSRF-Token"] = csrf;
  if (body !== undefined) all["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers: all, body: body === undefined ? undefined : JSON.stringify(body), credentials: "same-origin" });
  } catch {
    throw new ApiError(0, { detail: "The shop cannot be reached. Please try again." });
  }
  if (response.ok) return response;
  const refusal = await response.json().catch(() => null);
  if (response.status === 401) know(null);
  throw new ApiError(response.status, refusal);
}

/** A call under `/api/v1` that answers JSON, or nothing. */
export async function api(method, path, body, headers) {
  const response = await request(method, `/api/v1${path}`, { body, headers });
  return response.status === 204 ? null : response.json().catch(() => null);
}

/** Who is signed in, if anyone. */
export const username = () => name;

function know(now) {
  if (now === name) return;
  name = now;
  window.dispatchEvent(new Event("bursar:identity"));
}

/** Asks the shop who is signed in: the session is a cookie that no script can read. */
export async function recall() {
  know((await api("GET", "/users/me")).username);
}

/**
 * Signs in as a demo learner: the learning platform's token is exchanged for a session, and the shop merges the
 * anonymous basket into the learner's. Answers what could not be brought along, in words.
 */
export async function signIn(learner) {
  const answer = await request("POST", "/_local/token", { body: { username: learner } });
  const { token } = await answer.json();
  const { user, messages } = await api("POST", "/login", { token });
  know(user.username);
  return messages.map((message) => message.text);
}

/** Ends the session. */
export async function signOut() {
  await api("POST", "/logout");
  know(null);
}

const keys = new Map();
/** One idempotency key per state of the basket: a second click on the same basket is the same checkout. */
export function checkoutKey(basket) {
  const state = `${basket.id}@${basket.version}`;
  if (!keys.has(state)) keys.set(state, crypto.randomUUID());
  return keys.get(state);
}
