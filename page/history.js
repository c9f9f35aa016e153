// The list of conversations, and what can be done with past turns; `element`, `trigger` and `watch` are Gradio's.
const act = (action, value, more = {}) => trigger("select", {action, value: String(value), ...more});
const box = () => document.querySelector("#question textarea");
const write = (text) => {
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(box(), text);
  box().dispatchEvent(new Event("input", {bubbles: true}));
};
const idle = () => document.querySelector("#question .submit-button") !== null;

// The number of the question that is being edited travels with the next question, once.
let editing = "", drafted = "";
const edit = (number, text) => {
  if (number && !editing) drafted = box().value;
  editing = number;
  const banner = document.getElementById("cs-editing");
  if (banner) banner.hidden = !number;
  if (!number) return;
  write(text);
  box().focus();
  box().select();
};
const unedit = () => {
  if (!editing) return;
  edit("");
  write(drafted);
};
window.citespanInstead = () => {
  const number = editing;
  edit("");
  return number;
};

// A correction: the words that are selected in the viewer answer the question of this turn.
let wrong = "", selected = null;
const strip = () => document.querySelector("#cs-correct .cs-correct");
const choose = () => {
  const button = document.querySelector('#cs-correct [data-do="talk-correct"]');
  const selection = document.getSelection();
  const text = selection && !selection.isCollapsed ? selection.toString() : "";
  const pane = document.querySelector("#viewer .cs-document");
  if (text.trim() && pane?.contains(selection.anchorNode) && pane.contains(selection.focusNode)) {
    const range = selection.getRangeAt(0), before = range.cloneRange(), after = range.cloneRange();
    before.collapse(true);
    before.setStart(pane, 0);
    after.collapse(false);
    after.setEnd(pane, pane.childNodes.length);
    selected = {words: text, before: before.toString().slice(-200), after: after.toString().slice(0, 200)};
  } else if (!strip()?.contains(document.activeElement)) selected = null;
  if (button) button.disabled = !selected || !wrong;
};
document.addEventListener("selectionchange", () => { if (wrong) choose(); });
const correcting = (number) => {
  wrong = number;
  selected = null;
  if (strip()) strip().hidden = !number;
  document.getElementById("cs-app").toggleAttribute("data-correcting", Boolean(number));
  if (number) {
    document.getElementById("cs-app").toggleAttribute("data-viewing", true);
    choose();
  }
};

document.addEventListener("click", (event) => {
  const link = event.target.closest?.('#chat a[href^="#"]');
  const found = link && /^#(retry|edit|back|good|wrong)-(\d+)$/.exec(link.getAttribute("href"));
  if (!found) return;
  event.preventDefault();
  event.stopPropagation();
  const [, action, number] = found;
  if (["retry", "edit", "back"].includes(action) && !idle()) return; // an answer is on its way
  if (action === "edit") {
    edit(number, link.closest(".cs-asked").querySelector(".cs-question").innerText);
    return;
  }
  if (["retry", "back"].includes(action)) correcting("");
  if (action === "wrong") correcting(link.classList.contains("cs-chosen") ? "" : number);
  unedit();
  act(action, number, action === "back" ? {typed: box().value.trim() !== ""} : {});
}, true);

const row = (node) => node.closest("[data-conversation]");
const rename = (line, on) => {
  const input = line.querySelector(".cs-title"), title = line.querySelector(".cs-talk");
  input.hidden = !on;
  title.hidden = on;
  if (on) {
    input.focus();
    input.select();
  } else title.focus();
};
document.addEventListener("click", (event) => {
  const button = event.target.closest?.('[data-do^="talk-"]');
  if (!button) return;
  const action = button.dataset.do.slice(5);
  const number = row(button)?.dataset.conversation;
  if (action === "open") {
    unedit();
    correcting("");
    document.getElementById("cs-app").toggleAttribute("data-listing", false);
    act("open", number);
  } else if (action === "rename") rename(row(button), row(button).querySelector(".cs-title").hidden);
  else if (action === "delete") {
    if (row(button).hasAttribute("aria-current")) correcting("");
    act("delete", number);
  }
  else if (action === "act") {
    unedit();
    act(button.dataset.action, button.dataset.value);
  } else if (action === "dismiss") button.closest(".cs-notice, .cs-upload").hidden = true;
  else if (action === "unedit") {
    unedit();
    box().focus();
  } else if (action === "correct" && selected) act("correct", wrong, selected);
  else if (action === "nothing" && wrong) act("nothing", wrong);
  else if (action === "close") correcting("");
});

document.addEventListener("click", (event) => {
  if (event.target.closest?.("#cs-new")) {
    unedit();
    correcting("");
  }
});

element.addEventListener("keydown", (event) => {
  if (!event.target.matches(".cs-title")) return;
  const line = row(event.target);
  if (event.key === "Enter") {
    act("rename", line.dataset.conversation, {title: event.target.value});
    rename(line, false);
  } else if (event.key === "Escape") {
    event.stopPropagation();
    event.target.value = line.querySelector(".cs-talk").textContent;
    rename(line, false);
  }
});
element.addEventListener("change", (event) => {
  if (!event.target.matches(".cs-export") || !event.target.value) return;
  trigger("download", {value: row(event.target).dataset.conversation, form: event.target.value});
  event.target.value = "";
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && editing) unedit();
});
