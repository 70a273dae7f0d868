// After the purchase: the list of orders, one order as it moves, its timeline and receipt.

import { api, request, username } from "./api.js";
import { act, announce, h, money, problem, when, words } from "./dom.js";
import { countLines, sums } from "./shop.js";

const STEPS = ["Waiting for payment", "Paid, access on its way", "Enrolled"];
const POLL_MS = 1000;

/** What an order means to its owner: a chip's words and colour, the step it is at, and whether it still moves. */
function reading(order) {
  const access = order.fulfillment_status;
  if (order.money_status === "refunded" || access === "revoked") return { text: "Refunded", style: "warn", step: 3, moving: false };
  if (order.status === "cancelled") return { text: "Cancelled", style: "bad", step: 0, moving: false };
  if (order.status === "expired") return { text: "Expired: it was not paid in time", style: "bad", step: 0, moving: false };
  if (order.status === "pending_payment") return { text: STEPS[0], style: "warn", step: 0, moving: true };
  if (access === "complete") return { text: STEPS[2], style: "good", step: 3, moving: false };
  if (access === "parked") return { text: "We are looking into it", style: "warn", step: 1, moving: true };
  return { text: STEPS[1], style: "", step: 1, moving: true };
}

const total = (order) => order.total ?? order.totals?.total;

/** The learner's orders, newest first. */
export async function orders(view) {
  const head = h("div", { class: "head" }, h("h1", {}, "Orders"));
  if (!username()) {
    view.append(head, h("div", { class: "card empty" }, h("p", {}, "Sign in to see your orders."), h("a", { class: "button primary", href: "#/account" }, "Sign in")));
    return;
  }
  const page = await api("GET", "/orders?limit=50");
  if (page.items.length === 0) {
    view.append(head, h("div", { class: "card empty" }, h("p", {}, "You have not bought anything yet."), h("a", { class: "button primary", href: "#/" }, "Browse courses")));
    return;
  }
  const row = (order) => {
    const { text, style } = reading(order);
    return h("li", {},
      h("div", { class: "grow" }, h("h2", {}, h("a", { href: `#/orders/${encodeURIComponent(order.number)}` }, order.number)), when(order.placed_at)),
      h("span", {}, h("span", { class: `chip ${style}` }, text)),
      h("span", { class: "price" }, money(total(order))));
  };
  view.append(head, h("ul", { class: "card lines" }, page.items.map(row)));
}

/** One order, read every second while it still moves and the page shows it. */
export async function order(view, number, signal) {
  const path = `/orders/${encodeURIComponent(number)}`;
  const live = h("p", { class: "small muted", role: "status", "aria-live": "polite" });
  const body = h("div");
  view.append(h("div", { class: "head" }, h("h1", {}, "Order ", number), live), body);
  let last = "";
  while (!signal.aborted) {
    let moving = true;
    try {
      const [data, history] = await Promise.all([api("GET", path), api("GET", `${path}/timeline`).catch(() => null)]);
      if (signal.aborted) return;
      const seen = JSON.stringify([data, history]);
      const state = reading(data);
      moving = state.moving;
      if (seen !== last) {
        last = seen;
        live.textContent = state.text;
        redraw(body, data, state, history);
        api("GET", "/basket").then(countLines).catch(() => {});
      }
    } catch (error) {
      if (signal.aborted) return;
      last = "";
      body.replaceChildren(problem(error));
      moving = error.status === 0 || error.status >= 500;
    }
    if (!moving) return;
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
  }
}

/** Replaces what the order shows, and gives the focus back to the control that had it. */
function redraw(body, data, state, history) {
  const focused = body.contains(document.activeElement) ? document.activeElement.id : "";
  body.replaceChildren(
    h("section", { class: "card", "aria-label": "Status" },
      h("div", { class: "row between" }, h("span", { class: `chip ${state.style}` }, state.text), h("span", { class: "price" }, money(total(data)))),
      steps(state.step),
      state.text === "We are looking into it" ? h("p", {}, "Your payment is safe. We could not give you access yet and are looking into it; you need not do anything.") : null),
    h("div", { class: "split" },
      h("section", { class: "card", "aria-label": "Lines" }, h("ul", { class: "lines" }, data.lines.map(orderLine))),
      h("aside", { class: "card", "aria-label": "Summary" }, sums(data.totals ?? { total: total(data) }), receiptButton(data), codesList(data), refundForm(data))),
    timeline(history));
  if (focused) document.getElementById(focused)?.focus();
}

function steps(at) {
  const state = (index) => (index < at ? "done" : index === at ? "now" : "later");
  return h("ol", { class: "steps" }, STEPS.map((text, index) => h("li", { "data-state": state(index), "aria-current": index === at ? "step" : null }, text)));
}

function orderLine(line) {
  return h("li", {},
    h("div", { class: "grow" }, h("h2", {}, line.title), h("p", { class: "key" }, `${line.quantity} × ${line.sku}`),
      (line.parts ?? []).map((part) => h("p", { class: "small" }, part.title, " ", standing(part.fulfillment?.state)))),
    standing(line.fulfillment?.state),
    h("span", { class: "price" }, money(line.total)));
}

function standing(state) {
  if (!state) return null;
  const style = state === "granted" ? "good" : state === "parked" ? "warn" : "";
  return h("span", {}, h("span", { class: `chip ${style}` }, words(state)));
}

/** The enrolment codes of an order, once they are made; asked for by a click, since who sees a code can use it. */
function codesList(data) {
  const made = data.lines.some((line) => line.kind === "enrollment_code" && line.fulfillment?.state === "granted");
  if (!made) return null;
  const list = h("ul", { class: "small", "aria-label": "Codes" });
  const show = (event) => act(event.currentTarget, async () => {
    const answer = await api("GET", `/orders/${encodeURIComponent(data.number)}/codes`);
    list.replaceChildren(...answer.items.map((one) => h("li", {}, h("span", { class: "key" }, one.code), ` ${one.title}: ${words(one.status)}`)));
  });
  return [h("button", { id: "codes", type: "button", class: "wide", onclick: show }, "Show the codes"), list];
}

function timeline(history) {
  const entries = Array.isArray(history) ? history : history?.items ?? history?.events ?? [];
  if (entries.length === 0) return "";
  const entry = (one) => h("li", {}, words(one.title ?? one.event ?? one.kind ?? one.type), " ", when(one.at ?? one.time ?? one.occurred_at));
  return h("section", { class: "card", "aria-label": "Timeline" }, h("h2", {}, "Timeline"), h("ol", { class: "timeline" }, entries.map(entry)));
}

/** What became of the refunds, and a form to ask for one. A reason that is being typed outlives the next reading. */
let reason = "";
function refundForm(data) {
  if (data.status !== "paid") return null;
  const asked = (data.refunds ?? []).map((one) => h("p", { class: "small muted" }, `Refund of ${money(one.amount)}: ${words(one.state)}`));
  const open = (data.refunds ?? []).some((one) => one.state === "requested") || data.money_status === "refunded";
  if (open) return asked;
  const submit = (event) => {
    event.preventDefault();
    return act(event.target.elements.ask, async () => {
      const body = { reason: reason.trim() };
      await api("POST", `/orders/${encodeURIComponent(data.number)}/refunds`, body, { "Idempotency-Key": crypto.randomUUID() });
      reason = "";
      announce("Your request was sent. We will look at it.");
      window.dispatchEvent(new Event("hashchange"));
    });
  };
  const typed = (event) => { reason = event.target.value; };
  return [...asked, h("form", { onsubmit: submit }, h("label", { for: "reason" }, "Ask for your money back"),
    h("input", { id: "reason", name: "reason", maxlength: 500, required: true, placeholder: "Why?", value: reason, oninput: typed, autocomplete: "off" }),
    h("button", { id: "ask", type: "submit", name: "ask", class: "wide" }, "Request a refund"))];
}

function receiptButton(data) {
  if (data.status !== "paid") return null;
  // The tab opens with the click, before the answer is there: a later one would be blocked as a pop-up.
  const open = (event) => {
    const tab = window.open("", "_blank");
    return act(event.currentTarget, async () => {
      try {
        const answer = await request("GET", `/api/v1/orders/${encodeURIComponent(data.number)}/receipt`, { accept: "text/html" });
        const url = URL.createObjectURL(await answer.blob());
        if (tab) tab.location = url;
        else location.assign(url);
        setTimeout(() => URL.revokeObjectURL(url), 60_000);
      } catch (error) {
        tab?.close();
        throw error;
      }
    });
  };
  return h("button", { id: "receipt", type: "button", class: "wide", onclick: open }, "Open the receipt");
}
