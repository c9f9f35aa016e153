// The list of documents: ticks and filter live in the browser; `element`, `trigger` and `watch` are Gradio's.
const off = new Set(), gone = new Set();
let wanted = "", leaving = null; // leaving: the document that is about to be removed, and the timer
const UNDO_MS = 7000;
window.citespan = {unticked: () => JSON.stringify([...off])};

const rows = () => [...element.querySelectorAll("[data-source]")];
const box = (row) => row.querySelector('input[type="checkbox"]');

const count = () => {
  const note = element.querySelector(".cs-unticked");
  if (!note) return;
  const kept = rows().filter((row) => row.dataset.source !== leaving?.source && !gone.has(row.dataset.source));
  const all = kept.length, ticked = kept.filter((row) => box(row).checked).length;
  note.hidden = ticked === all;
  note.textContent = ticked ? note.dataset.only.replace("{ticked}", ticked).replace("{all}", all) : note.dataset.none;
};

const tick = (row, on) => {
  box(row).checked = on;
  if (on) off.delete(row.dataset.source);
  else off.add(row.dataset.source);
};

const filter = () => {
  for (const row of rows()) {
    row.hidden = row.dataset.source === leaving?.source || gone.has(row.dataset.source) || !row.dataset.source.toLocaleLowerCase().includes(wanted);
  }
  const none = element.querySelector(".cs-unfound");
  if (none) none.hidden = rows().some((row) => !row.hidden);
};

element.addEventListener("change", (event) => {
  const row = event.target.closest("[data-source]");
  if (!row) return;
  tick(row, event.target.checked);
  count();
});

element.addEventListener("input", (event) => {
  if (!event.target.matches(".cs-filter")) return;
  wanted = event.target.value.trim().toLocaleLowerCase();
  filter();
});

element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (!button) return;
  const row = button.closest("[data-source]");
  const action = button.dataset.do;
  if (action === "all" || action === "none") {
    for (const shown of rows()) if (!shown.hidden) tick(shown, action === "all");
    count();
  } else if (action === "remove") {
    leave(row.dataset.source);
    element.querySelector('[data-do="undo"]').focus(); // the keyboard stays in the list
  } else if (action === "undo") {
    const source = stay();
    const back = rows().find((one) => one.dataset.source === source);
    back?.querySelector(".cs-open").focus();
  }
});

// Removing cannot be undone: it erases the words from all that was saved. So it waits a while, in which the
// document is hidden and not searched; the page that is closed meanwhile has removed nothing.
const leave = (source) => {
  if (leaving) remove();
  leaving = {source, was: off.has(source), timer: setTimeout(remove, UNDO_MS)};
  off.add(source);
  refresh();
};
const stay = () => {
  if (!leaving) return null;
  const {source, was, timer} = leaving;
  clearTimeout(timer);
  if (!was) off.delete(source);
  leaving = null;
  refresh();
  return source;
};
const remove = () => {
  clearTimeout(leaving.timer);
  const {source} = leaving;
  leaving = null;
  gone.add(source);
  trigger("select", {source});
  refresh();
};

const refresh = () => {
  for (const row of rows()) box(row).checked = !off.has(row.dataset.source);
  const find = element.querySelector(".cs-filter");
  if (find) find.value = wanted;
  else wanted = "";
  const note = element.querySelector(".cs-removing");
  if (note) {
    note.hidden = !leaving;
    note.querySelector("bdi").textContent = leaving ? note.dataset.said.replace("{source}", leaving.source) : "";
  }
  filter();
  count();
};

watch("value", () => {
  gone.clear();
  const held = new Set(rows().map((row) => row.dataset.source));
  for (const name of off) if (!held.has(name)) off.delete(name);
  refresh();
});
