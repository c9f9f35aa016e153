// Runs once, when the viewer is on the page; `element`, `trigger` and `watch` are Gradio's.
// Gradio builds the page in any order: nothing else can be counted on to be there yet.
const open = (pane, on) => document.getElementById("cs-app").toggleAttribute(`data-${pane}`, on); // for narrow screens

const copy = async (link) => {
  const answer = link.closest(".cs-answer");
  const words = [...answer.querySelectorAll(".cs-text")].map((part) => {
    const clone = part.cloneNode(true);
    clone.querySelectorAll(".cs-chip").forEach((chip) => chip.replaceWith(` [${chip.textContent}]`));
    clone.querySelectorAll("br").forEach((br) => br.replaceWith("\n"));
    return clone.textContent.replaceAll("\u2060", "").trim();
  });
  const references = [...answer.querySelectorAll(".cs-ref")].map((row) => {
    const page = row.querySelector(".cs-page");
    const where = page ? `, ${page.textContent}` : "";
    return `[${row.querySelector(".cs-num").textContent}] ${row.querySelector("bdi").textContent}${where}`;
  });
  await navigator.clipboard.writeText([...words, references.join("\n")].filter(Boolean).join("\n\n"));
  link.textContent = document.getElementById("cs-words").dataset.answerCopied;
};

// The link that led into the viewer, to which Escape leads back. Gradio draws the chat anew: its address stays.
let from = "";
const origin = () => (from ? document.querySelector(`#chat a[href="${from}"]`) : null);
const mark = (link) => {
  document.querySelectorAll(".cs-on").forEach((other) => other.classList.remove("cs-on"));
  link?.classList.add("cs-on");
  from = link?.getAttribute("href") ?? "";
};
new MutationObserver(() => {
  if (from && !document.querySelector("#chat .cs-on")) origin()?.classList.add("cs-on");
}).observe(document.body, {subtree: true, childList: true});
let clicks = 0; // quick ones overtake each other on their way: by its number the server knows the last
const look = (action, value) => trigger("select", {action, value, click: String(++clicks)});
const show = (action, value) => {
  open("viewing", true);
  look(action, value);
};

// One listener for the whole page: links of answers lead into the viewer, never to another address.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.('a[href^="#"]');
  const found = link && /^#(cite|ref|hit|copy)-(.+)$/.exec(link.getAttribute("href"));
  if (!found) return;
  event.preventDefault();
  event.stopPropagation();
  if (found[1] === "copy") {
    copy(link);
    return;
  }
  mark(link);
  show(found[1] === "hit" ? "hit" : "cite", found[2]);
}, true);

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-do]");
  if (!button) return;
  const action = button.dataset.do;
  if (action === "sources") open("listing");
  else if (action === "close") close();
  else if (action === "open") {
    open("listing", false);
    mark(null);
    show(action, button.closest("[data-source]").dataset.source);
  } else if (action === "cite" || action === "hit") walk(button);
  else if (["page", "text", "offset"].includes(action)) look(action, button.dataset.value);
});

const close = () => {
  const shown = document.querySelector("#cs-app[data-viewing], #cs-app[data-listing]");
  for (const pane of ["viewing", "listing"]) open(pane, false);
  if (shown) origin()?.focus();
};

// To the citation before or after the one that is shown; its chip is marked as if it had been clicked.
const walk = (button) => {
  const {do: action, value} = button.dataset;
  const chip = document.querySelector(`#chat a[href="#${action}-${value}"]`);
  mark(chip);
  chip?.scrollIntoView({block: "nearest"});
  show(action, value);
};
const step = (way) => {
  const button = element.querySelector(`[data-way="${way}"]`);
  if (button) {
    if (!button.disabled) walk(button);
    return;
  }
  const answers = document.querySelectorAll("#chat .cs-answer");
  const chips = [...(answers[answers.length - 1]?.querySelectorAll("a.cs-chip") ?? [])];
  (way === "next" ? chips[0] : chips[chips.length - 1])?.click();
};

document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.target.isContentEditable;
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
  if (event.key === "Escape") close();
  if (typing || !plain) return;
  if (event.key === "/") {
    event.preventDefault();
    document.querySelector("#question textarea")?.focus();
  } else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    event.preventDefault();
    step(event.key === "ArrowRight" ? "next" : "previous");
  }
});

const reveal = () => {
  const target = element.querySelector("mark, .cite-box");
  const pane = element.querySelector(".cs-scroll");
  if (!pane) return;
  if (!target) {
    pane.scrollTop = 0;
    return;
  }
  // Only the pane scrolls: scrollIntoView would also move the page under it on a phone.
  const space = pane.clientHeight, box = target.getBoundingClientRect(), frame = pane.getBoundingClientRect();
  const lead = Math.max(space * 0.08, (space - box.height) / 3);
  pane.scrollTop += box.top - frame.top - lead;
  const right = box.right - frame.right + 24, left = box.left - frame.left - 24;
  if (right > 0) pane.scrollLeft += Math.min(right, left); // no further than it takes to see it
};
watch("value", () => requestAnimationFrame(() => {
  const image = element.querySelector("img");
  if (image && !image.complete) image.decode().then(reveal, reveal);
  else reveal();
}));
