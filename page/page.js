// Runs once: what belongs to the page as a whole. `element`, `trigger` and `watch` are Gradio's.
// Gradio builds the page in any order: nothing else can be counted on to be there yet.
const say = (key) => document.getElementById("cs-words")?.dataset[key] ?? "";

// The language: the switch sets a cookie, which every request carries, and the server speaks that language.
element.addEventListener("change", (event) => {
  if (!event.target.matches(".cs-language")) return;
  document.cookie = `citespan_language=${event.target.value}; path=/; max-age=31536000; samesite=strict`;
  trigger("select", {language: event.target.value});
});
const speak = () => {
  const words = document.getElementById("cs-words");
  if (words) document.documentElement.lang = words.dataset.language;
  relabel();
};

// What Gradio leaves unnamed or names badly. It draws again what it likes, so this runs after every change.
const set = (node, name, value) => { if (node && value && node.getAttribute(name) !== value) node.setAttribute(name, value); };
const relabel = () => {
  for (const said of document.querySelectorAll("#chat [data-testid=user]")) set(said, "aria-label", say("chatAsked"));
  for (const said of document.querySelectorAll("#chat [data-testid=bot]")) set(said, "aria-label", say("chatAnswer"));
  const log = document.querySelector("#chat [role=log]");
  set(log, "aria-label", say("chatLabel"));
  set(log, "aria-live", "off"); // every repaint would be read out; #cs-live says what counts
  set(document.querySelector("#chat .examples"), "role", "group"); // a list, says Gradio, but of no items
  set(document.querySelector("#question textarea"), "aria-label", say("chatQuestion"));
  set(document.querySelector("#question .submit-button"), "aria-label", say("chatSend"));
  set(document.querySelector("#question .stop-button"), "aria-label", say("chatStop"));
  set(document.querySelector("#cs-left input[type=file]"), "aria-hidden", "true");
  for (const chip of document.querySelectorAll("#chat .cs-chip[title]")) {
    chip.dataset.tip = chip.title;
    chip.setAttribute("aria-label", `${chip.textContent}: ${chip.title}`);
    chip.removeAttribute("title");
  }
  keep();
  announce();
};

// What was opened in the chat stays open, and what has the focus keeps it, though Gradio draws an answer anew.
const opened = new Set();
let focused = "";
const called = (node) => {
  if (node.matches("a")) return node.getAttribute("href");
  const at = [...document.querySelectorAll("#chat .cs-answer")].indexOf(node.closest(".cs-answer"));
  const asked = document.querySelectorAll("#chat .cs-question")[at];
  return `${at} ${node.closest("details").className} ${asked?.textContent}`;
};
document.addEventListener("toggle", ({target}) => {
  if (target.matches?.("#chat details")) opened[target.open ? "add" : "delete"](called(target));
}, true);
document.addEventListener("focusin", ({target}) => {
  const link = target.closest?.('#chat a[href^="#"], #chat summary');
  focused = link ? called(link) : "";
});
document.addEventListener("focusout", ({target}) => queueMicrotask(() => {
  if (target.isConnected && document.activeElement === document.body) focused = ""; // left, not drawn anew
}));
const keep = () => {
  for (const fold of document.querySelectorAll("#chat details:not([open])")) if (opened.has(called(fold))) fold.open = true;
  if (!focused || document.activeElement !== document.body) return;
  const links = [...document.querySelectorAll('#chat a[href^="#"], #chat summary')];
  links.find((link) => called(link) === focused)?.focus({preventScroll: true});
};

let heard = 0;
const announce = () => {
  const badges = document.querySelectorAll("#chat .cs-badge");
  if (badges.length > heard) {
    const live = document.getElementById("cs-live");
    if (live) live.textContent = say("chatAnswered").replace("{confidence}", badges[badges.length - 1].textContent);
  }
  heard = badges.length;
};
let due = false;
new MutationObserver(() => {
  if (due) return;
  due = true;
  queueMicrotask(() => { due = false; relabel(); });
}).observe(document.body, {subtree: true, childList: true, attributes: true, attributeFilter: ["aria-label", "title", "role"]});
watch("value", () => requestAnimationFrame(speak));
requestAnimationFrame(speak);

// The quote of a chip, on hover and on focus.
const tip = document.createElement("div");
tip.className = "cs-tip";
tip.setAttribute("role", "tooltip");
tip.id = "cs-tip";
tip.hidden = true;
document.querySelector(".gradio-container")?.append(tip);
const hide = () => { tip.hidden = true; };
const show = (event) => {
  const chip = event.target.closest?.("a.cs-chip[data-tip]");
  if (!chip) return;
  tip.textContent = chip.dataset.tip;
  tip.hidden = false;
  const at = chip.getBoundingClientRect(), box = tip.getBoundingClientRect();
  const left = Math.min(Math.max(8, at.left + at.width / 2 - box.width / 2), innerWidth - box.width - 8);
  tip.style.left = `${left}px`;
  tip.style.top = `${at.top > box.height + 12 ? at.top - box.height - 8 : at.bottom + 8}px`;
};
for (const name of ["pointerover", "focusin"]) document.addEventListener(name, show);
for (const name of ["pointerout", "focusout", "scroll", "click"]) document.addEventListener(name, hide, true);

// Files that are dropped anywhere go the way of those that are chosen with the button.
const frame = () => document.getElementById("cs-app");
const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
let over = 0;
const dragging = (on) => {
  frame()?.toggleAttribute("data-dropping", on);
  frame()?.setAttribute("data-drop", say("sourcesDrop"));
};
document.addEventListener("dragenter", (event) => { if (carries(event)) { over += 1; dragging(true); } });
document.addEventListener("dragleave", (event) => { if (carries(event)) { over -= 1; if (over <= 0) dragging(false); } });
document.addEventListener("dragover", (event) => { if (carries(event)) event.preventDefault(); });
document.addEventListener("drop", (event) => {
  if (!carries(event)) return;
  event.preventDefault();
  event.stopPropagation();
  over = 0;
  dragging(false);
  const input = document.querySelector("#upload input[type=file]");
  if (!input || !event.dataTransfer.files.length) return;
  input.files = event.dataTransfer.files;
  input.dispatchEvent(new Event("change", {bubbles: true}));
}, true);

// A suggested question is asked as if it had been typed.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.('a[href^="#ask-"]');
  if (!link) return;
  event.preventDefault();
  event.stopPropagation();
  const box = document.querySelector("#question textarea");
  if (!box || !document.querySelector("#question .submit-button")) return; // an answer is on its way
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(box, link.textContent);
  box.dispatchEvent(new Event("input", {bubbles: true}));
  box.focus();
  requestAnimationFrame(() => document.querySelector("#question .submit-button")?.click());
}, true);
