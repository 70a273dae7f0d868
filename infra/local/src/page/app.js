// The shop front: which view a hash names, and the header around it.

import { api, recall, username } from "./api.js";
import { h, problem } from "./dom.js";
import { order, orders } from "./orders.js";
import { account, basket, catalog, countLines } from "./shop.js";

const main = document.getElementById("main");
let leave = new AbortController();

/** `#/orders/ord_1` as the name of a view, its title, and what draws it. */
function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, id] = path.split("/").map(decodeURIComponent);
  if (name === "basket") return ["basket", "Basket", basket];
  if (name === "account") return ["account", "Account", (view) => account(view, new URLSearchParams(query).get("next"))];
  if (name === "orders" && id) return ["orders", `Order ${id}`, (view, signal) => order(view, id, signal)];
  if (name === "orders") return ["orders", "Orders", orders];
  return ["catalog", "Courses", catalog];
}

async function show(moveFocus) {
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  const [name, title, draw] = route();
  document.title = `${title} · Bursar`;
  for (const link of document.querySelectorAll("[data-nav]")) {
    if (link.dataset.nav === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const view = h("div");
  main.replaceChildren(view);
  if (moveFocus) main.focus();
  try {
    await draw(view, signal);
  } catch (error) {
    if (!signal.aborted) view.replaceChildren(problem(error));
  }
}

function showIdentity() {
  document.getElementById("who").textContent = username() ?? "Sign in";
}

window.addEventListener("bursar:identity", showIdentity);
window.addEventListener("hashchange", () => { if (location.hash !== "#main") show(true); });
await recall().catch(() => {});
showIdentity();
show(false);
api("GET", "/basket").then(countLines).catch(() => {});
