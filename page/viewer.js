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
  link.textContent = "Copied";
};

const mark = (link) => {
  document.querySelectorAll(".cs-on").forEach((other) => other.classList.remove("cs-on"));
  link.classList.add("cs-on");
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
  open("viewing", true);
  trigger("select", {action: found[1] === "hit" ? "hit" : "cite", value: found[2]});
}, true);

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-do]");
  if (!button) return;
  const action = button.dataset.do;
  if (action === "sources") open("listing");
  else if (action === "close") open("viewing", false);
  else if (action === "open") {
    open("listing", false);
    open("viewing", true);
    trigger("select", {action, value: button.closest("[data-source]").dataset.source});
  } else if (["page", "text", "offset"].includes(action)) trigger("select", {action, value: button.dataset.value});
});

document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === "Escape") for (const pane of ["viewing", "listing"]) open(pane, false);
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    document.querySelector("#question textarea")?.focus();
  }
});

// Gradio labels each message with its markup, which a screen reader would then read out.
const relabel = () => {
  for (const said of document.querySelectorAll("#chat [data-testid=user], #chat [data-testid=bot]")) {
    const label = said.dataset.testid === "user" ? "Your question" : "Answer";
    if (said.getAttribute("aria-label") !== label) said.setAttribute("aria-label", label);
  }
};
new MutationObserver(relabel).observe(document.body, {
  subtree: true, childList: true, attributes: true, attributeFilter: ["aria-label"],
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
  if (box.width && pane.scrollWidth > pane.clientWidth) pane.scrollLeft += box.left - frame.left - 24;
};
watch("value", () => requestAnimationFrame(() => {
  const image = element.querySelector("img");
  if (image && !image.complete) image.decode().then(reveal, reveal);
  else reveal();
}));
