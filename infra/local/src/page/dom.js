// Building the page without markup strings: data only ever becomes text.

const ATTRIBUTES = new Set(["class", "href", "for", "id", "role", "type", "name", "value", "min", "max", "autocomplete",
  "placeholder", "required", "disabled", "maxlength", "datetime", "spellcheck", "target", "rel"]);

/** Makes an element: `on…` attributes are listeners, `aria-…` and `data-…` pass, other names must be known. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function" && name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (ATTRIBUTES.has(name) || name.startsWith("aria-") || name.startsWith("data-")) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** `{"amount":"49.90","currency":"USD"}` in the reader's own way; the digits stay as they came. */
export function money(value) {
  if (!value || value.amount === undefined) return "–";
  const digits = (value.amount.split(".")[1] ?? "").length;
  try {
    const style = { style: "currency", currency: value.currency, minimumFractionDigits: digits, maximumFractionDigits: digits };
    return new Intl.NumberFormat(undefined, style).format(value.amount);
  } catch {
    return `${value.amount} ${value.currency}`;
  }
}

/** A time element in the reader's zone. */
export function when(text) {
  const date = new Date(text);
  if (!text || Number.isNaN(date.getTime())) return "";
  return h("time", { datetime: text }, date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" }));
}

/** `already_purchased` as `already purchased`. */
export const words = (code) => String(code ?? "").replaceAll("_", " ");

let fade;
/** Says something to everyone: on screen for a while, and to a screen reader. */
export function announce(text) {
  const notice = document.getElementById("notice");
  notice.textContent = text;
  clearTimeout(fade);
  fade = setTimeout(() => { notice.textContent = ""; }, 6000);
}

/** An error in words, as an alert. */
export function problem(error) {
  const id = error.requestId ? h("span", { class: "small" }, ` (request ${error.requestId})`) : null;
  return h("p", { class: "problem", role: "alert" }, error.message, id);
}

/** Runs an action from a control: locked while it runs, its failure said aloud. */
export async function act(control, action) {
  control.disabled = true;
  try {
    await action();
  } catch (error) {
    announce(error.message);
  } finally {
    control.disabled = false;
  }
}
