// Browsing and buying: the catalog, the basket, signing in, starting a checkout.

import { api, checkoutKey, signIn, signOut, username } from "./api.js";
import { act, announce, h, money, words } from "./dom.js";

/** The kinds of products seen so far, by SKU: the basket's lines do not carry it. */
const kinds = new Map();

/** The catalog with its search box. */
export async function catalog(view) {
  const list = h("ul", { class: "grid", "aria-label": "Products" });
  const status = h("p", { class: "muted", "aria-live": "polite" }, "Loading…");
  const more = h("div", { class: "row" });
  let turn = 0;
  const load = async (q, cursor) => {
    const mine = ++turn;
    const query = new URLSearchParams({ limit: "24" });
    if (q) query.set("q", q);
    if (cursor) query.set("cursor", cursor);
    const page = await api("GET", `/products?${query}`);
    if (mine !== turn) return;
    if (!cursor) list.replaceChildren();
    list.append(...page.items.map(product));
    const shown = list.children.length;
    status.textContent = shown === 0 ? "Nothing matches." : `${shown}${page.next_cursor ? "+" : ""} ${shown === 1 ? "course" : "courses and bundles"}`;
    const next = () => h("button", { type: "button", onclick: (event) => act(event.currentTarget, () => load(q, page.next_cursor)) }, "Show more");
    more.replaceChildren(...(page.next_cursor ? [next()] : []));
  };
  let wait;
  const search = (event) => {
    clearTimeout(wait);
    wait = setTimeout(() => load(event.target.value.trim()).catch((error) => announce(error.message)), 250);
  };
  view.append(
    h("div", { class: "head" }, h("h1", {}, "Courses"), h("p", { class: "muted" }, "Choose a course, pay, and you are enrolled.")),
    h("form", { role: "search", onsubmit: (event) => event.preventDefault() },
      h("label", { for: "q" }, "Search courses"),
      h("input", { id: "q", type: "search", name: "q", autocomplete: "off", placeholder: "For example: Rust", oninput: search })),
    status, list, more);
  await load("");
}

function product(item) {
  kinds.set(item.sku, item.kind);
  const left = item.quantity_available;
  const sold = left !== null && left !== undefined && left <= 0;
  const stock = sold ? h("span", { class: "chip bad" }, "Sold out")
    : left === null || left === undefined ? h("span", { class: "chip good" }, "Available")
    : h("span", { class: "chip warn" }, `${left} left`);
  const add = (event) => act(event.currentTarget, async () => {
    countLines(await api("POST", "/basket/lines", { sku: item.sku }));
    announce(`${item.title} is in your basket.`);
  });
  return h("li", { class: "card" },
    h("div", { class: "row between" }, h("span", { class: "chip" }, words(item.mode ?? item.kind)), stock),
    h("h2", {}, item.title),
    h("p", { class: "key" }, item.course_key ?? item.sku),
    (item.contains ?? []).map((part) => h("p", { class: "small muted" }, `${item.kind === "bundle" ? "With" : "A code for"} ${part.title}`)),
    h("div", { class: "row between end" },
      h("span", { class: "price" }, item.price ? money(item.price) : "Not for sale"),
      h("button", { type: "button", class: "primary", disabled: sold || !item.price, "aria-label": `Add ${item.title} to basket`, onclick: add }, "Add to basket")));
}

/** Shows in the header how much the basket holds. */
export function countLines(basket) {
  const count = (basket?.lines ?? []).reduce((sum, line) => sum + line.quantity, 0);
  const badge = document.getElementById("count");
  badge.hidden = count === 0;
  badge.textContent = String(count);
  badge.setAttribute("aria-label", `${count} in basket`);
}

/** The open basket. */
export async function basket(view) {
  const data = await api("GET", "/basket");
  await learnKinds(data.lines);
  showBasket(view, data);
}

async function learnKinds(lines) {
  const unknown = lines.filter((line) => !line.kind && !kinds.has(line.sku));
  await Promise.all(unknown.map(async ({ sku }) => {
    const found = await api("GET", `/products/${encodeURIComponent(sku)}`).catch(() => null);
    kinds.set(sku, found?.kind ?? "seat");
  }));
}

function showBasket(view, data) {
  countLines(data);
  const refresh = async (changed) => {
    const fresh = changed?.lines ? changed : await api("GET", "/basket");
    await learnKinds(fresh.lines);
    showBasket(view, fresh);
  };
  const head = h("div", { class: "head" }, h("h1", {}, "Basket"));
  if (data.lines.length === 0) {
    view.replaceChildren(head, h("div", { class: "card empty" }, h("p", {}, "Your basket is empty."), h("a", { class: "button primary", href: "#/" }, "Browse courses")));
    return;
  }
  const messages = (data.messages ?? []).map((one) => h("p", { class: "muted", role: "status" }, one.text ?? words(one.code)));
  view.replaceChildren(head, ...messages, h("div", { class: "split" },
    h("section", { class: "card", "aria-label": "Lines" },
      h("ul", { class: "lines" }, data.lines.map((line) => basketLine(line, refresh)))),
    h("aside", { class: "card", "aria-label": "Summary" }, codes(data, refresh), sums(data), payButton(data, refresh))));
}

/** The codes that were entered, and a field for another. */
function codes(data, refresh) {
  const remove = (code) => (event) => act(event.currentTarget, async () => {
    await refresh(await api("DELETE", `/basket/vouchers/${encodeURIComponent(code)}`));
    announce(`${code} was taken out.`);
  });
  const submit = (event) => {
    event.preventDefault();
    const form = event.target;
    return act(form.elements.apply, async () => {
      await refresh(await api("POST", "/basket/vouchers", { code: form.elements.code.value.trim() }));
      announce("The code was entered.");
    });
  };
  return [
    ...data.vouchers.map((code) => h("div", { class: "row between" }, h("span", { class: "chip good" }, code),
      h("button", { type: "button", class: "link", "aria-label": `Remove code ${code}`, onclick: remove(code) }, "Remove"))),
    h("form", { onsubmit: submit }, h("label", { for: "code" }, "Code"),
      h("div", { class: "row" }, h("input", { id: "code", name: "code", autocomplete: "off", spellcheck: "false", maxlength: 64, required: true }),
        h("button", { type: "submit", name: "apply" }, "Apply"))),
  ];
}

function basketLine(line, refresh) {
  const path = `/basket/lines/${encodeURIComponent(line.sku)}`;
  const single = (line.kind ?? kinds.get(line.sku)) !== "enrollment_code";
  const id = `qty-${line.sku}`;
  const change = (event) => {
    const quantity = Math.max(0, Number.parseInt(event.target.value, 10) || 0);
    return act(event.target, async () => {
      await refresh(await api("PATCH", path, { quantity }));
      document.getElementById(id)?.focus();
    });
  };
  const remove = (event) => act(event.currentTarget, async () => {
    await refresh(await api("DELETE", path));
    announce(`${line.title} was removed.`);
    document.getElementById("main").focus();
  });
  const applied = (line.applied ?? []).map((one) => h("p", { class: "small muted" }, `${one.name ?? one.offer}: −${money(one.amount)}`));
  return h("li", {},
    h("div", { class: "grow" }, h("h2", {}, line.title), h("p", { class: "key" }, `${money(line.unit_price)} each`), applied),
    single ? null : h("div", {}, h("label", { for: id }, "Quantity"), h("input", { id, class: "qty", type: "number", min: 0, max: 100, value: line.quantity, onchange: change })),
    h("div", {}, struck(line), h("div", { class: "price" }, money(line.total)),
      h("button", { type: "button", class: "link", "aria-label": `Remove ${line.title}`, onclick: remove }, "Remove")));
}

/** What a single unit would cost without its offers. */
function struck(line) {
  const less = line.quantity === 1 && Number(line.discount?.amount ?? 0) > 0;
  return less ? h("s", { class: "muted", "aria-label": `instead of ${money(line.unit_price)}` }, money(line.unit_price)) : null;
}

/** Subtotal, discount, tax and total. */
export function sums(data) {
  const row = (name, value, style) => (value ? [h("dt", { class: style }, name), h("dd", { class: style }, money(value))] : []);
  return h("dl", { class: "sums" }, row("Subtotal", data.subtotal), row("Discount", data.discount), row(data.tax_included ? "Tax in it" : "Tax", data.tax), row("Total", data.total, "total"));
}

function payButton(data, refresh) {
  if (!username()) {
    return h("a", { class: "button primary wide", href: "#/account?next=basket" }, "Sign in to check out");
  }
  return h("button", { type: "button", class: "primary wide", onclick: (event) => act(event.currentTarget, () => checkout(data).catch(async (error) => {
    // A price or a code changed: the basket is shown as it is now, with the reason.
    await refresh();
    throw error;
  })) }, "Check out");
}

async function checkout(data) {
  const body = { processor: "stripe", return_url: `${location.origin}/#/orders/{order_number}`, basket_version: data.version, total: data.total };
  const { order_number: number, payment } = await api("POST", "/checkout", body, { "Idempotency-Key": checkoutKey(data) });
  if (payment.kind === "redirect") location.assign(payment.url);
  else if (payment.kind === "form") submitForm(payment);
  else location.hash = `#/orders/${encodeURIComponent(number)}`;
}

function submitForm(payment) {
  const form = h("form", {}, Object.entries(payment.fields ?? {}).map(([name, value]) => h("input", { type: "hidden", name, value })));
  form.action = payment.url;
  form.method = payment.method ?? "POST";
  document.body.append(form);
  form.submit();
}

/** Signing in as a demo learner, and out. */
export async function account(view, next) {
  const name = username();
  if (name) {
    const leave = (event) => act(event.currentTarget, async () => { await signOut(); countLines(null); location.hash = "#/"; });
    view.append(h("div", { class: "card" }, h("h1", {}, `Hello, ${name}`), h("p", { class: "muted" }, "You are signed in."),
      h("button", { type: "button", onclick: leave }, "Sign out")));
    return;
  }
  const submit = (event) => {
    event.preventDefault();
    const form = event.target;
    return act(form.elements.go, async () => {
      const missing = await signIn(form.elements.username.value.trim());
      announce(["You are signed in.", ...missing].join(" "));
      location.hash = next === "basket" ? "#/basket" : "#/";
    });
  };
  view.append(h("form", { class: "card", onsubmit: submit },
    h("h1", {}, "Sign in"),
    h("p", { class: "muted" }, "A demo learner needs a name only. On a real site the learning platform signs people in."),
    h("p", {}, h("label", { for: "username" }, "Username"),
      h("input", { id: "username", name: "username", value: "ada", autocomplete: "username", spellcheck: "false", maxlength: 64, required: true })),
    h("button", { type: "submit", name: "go", class: "primary" }, "Sign in")));
}
