// The list of documents: ticks and filter live in the browser; `element`, `trigger` and `watch` are Gradio's.
const off = new Set();
window.citespan = {unticked: () => JSON.stringify([...off])};

const rows = () => [...element.querySelectorAll("[data-source]")];
const box = (row) => row.querySelector('input[type="checkbox"]');

const count = () => {
  const note = element.querySelector(".cs-unticked");
  if (!note) return;
  const all = rows().length, ticked = rows().filter((row) => box(row).checked).length;
  note.hidden = ticked === all;
  note.textContent = ticked ? `Only the ${ticked} ticked of ${all} are searched.` : "Nothing is ticked: nothing is searched.";
};

const tick = (row, on) => {
  box(row).checked = on;
  if (on) off.delete(row.dataset.source);
  else off.add(row.dataset.source);
};

element.addEventListener("change", (event) => {
  const row = event.target.closest("[data-source]");
  if (!row) return;
  tick(row, event.target.checked);
  count();
});

element.addEventListener("input", (event) => {
  if (!event.target.matches(".cs-filter")) return;
  const wanted = event.target.value.trim().toLocaleLowerCase();
  for (const row of rows()) row.hidden = !row.dataset.source.toLocaleLowerCase().includes(wanted);
});

element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (!button) return;
  const row = button.closest("[data-source]");
  const action = button.dataset.do;
  if (action === "all" || action === "none") {
    for (const shown of rows()) if (!shown.hidden) tick(shown, action === "all");
    count();
  } else if (action === "ask" || action === "keep") {
    const asking = action === "ask";
    row.querySelector(".cs-confirm").hidden = !asking;
    row.classList.toggle("cs-asking", asking);
    row.querySelector(asking ? '[data-do="keep"]' : '[data-do="ask"]').focus();
  } else if (action === "remove") {
    off.delete(row.dataset.source);
    button.disabled = true;
    trigger("select", {source: row.dataset.source});
  }
});

watch("value", () => {
  const held = new Set(rows().map((row) => row.dataset.source));
  for (const name of off) if (!held.has(name)) off.delete(name);
  for (const row of rows()) box(row).checked = !off.has(row.dataset.source);
  count();
});
