// What a page can do beyond being read. Nothing here is needed to read or print it.
"use strict";
(() => {
  const words = document.body.dataset;
  const all = (selector, under = document) => [...under.querySelectorAll(selector)];

  // Where scripts run, show what only works with them.
  for (const element of all(".with-script")) element.hidden = false;

  // Copying. Browsers keep the clipboard from pages that were opened as a file; the older way works
  // there, and where neither does the text is left selected.
  function select(element) {
    const range = document.createRange();
    range.selectNodeContents(element);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  }
  async function copy(element) {
    try {
      await navigator.clipboard.writeText(element.dataset.text ?? element.textContent.trim());
      return true;
    } catch {
      select(element);
      try {
        return document.execCommand("copy");
      } catch {
        return false;
      }
    }
  }
  for (const element of all("pre.command")) {
    const box = document.createElement("div");
    const button = document.createElement("button");
    box.className = "copyable";
    button.type = "button";
    button.className = "small";
    button.textContent = words.copy;
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", async () => {
      button.textContent = (await copy(element)) ? words.copied : words.select;
      setTimeout(() => (button.textContent = words.copy), 2500);
    });
    element.replaceWith(box);
    box.append(element, button);
  }

  // Ticks stay in this browser, under this page's key. It may refuse to keep them; then they last
  // as long as the page.
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(words.store)) ?? {};
  } catch {}
  for (const box of all("input[data-tick]")) {
    box.checked = kept[box.dataset.tick] === true;
    box.addEventListener("change", () => {
      kept[box.dataset.tick] = box.checked;
      try {
        localStorage.setItem(words.store, JSON.stringify(kept));
      } catch {}
    });
  }

  // Filtering. All words typed must be in a row; what is in it is read once.
  const find = document.getElementById("find");
  if (!find) return;
  const state = document.getElementById("find-state");
  const count = document.getElementById("find-count");
  const rows = all("tbody tr", document.getElementById("fleet")).map((element) => ({
    element,
    state: element.dataset.state,
    text: element.textContent.toLowerCase(),
  }));
  function filter() {
    const wanted = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const fits =
        (!state.value || row.state === state.value) &&
        wanted.every((word) => row.text.includes(word));
      if (row.element.hidden === fits) row.element.hidden = !fits;
      shown += fits;
    }
    count.textContent = count.dataset.text.replace("{shown}", shown).replace("{all}", rows.length);
  }
  find.addEventListener("input", filter);
  state.addEventListener("change", filter);
  filter();
})();
