"use strict";
(() => {
  const most = 60;
  const field = document.getElementById("q");
  const list = document.getElementById("results");
  const status = document.getElementById("status");
  const lower = entries.map(([kind, title, , text]) => [title.toLowerCase(), `${kind} ${title} ${text}`.toLowerCase()]);

  // Words that stand in the title count for more, and most if the title ends with them: the last part of an id.
  function weight([title, all], words) {
    let sum = 0;
    for (const word of words) {
      if (!all.includes(word)) return 0;
      sum += 1 + (title.includes(word) ? 2 : 0) + (title.endsWith(word) ? 2 : 0) + (title === word ? 4 : 0);
    }
    return sum;
  }

  function item([kind, title, href, text]) {
    const line = document.createElement("li");
    const link = document.createElement("a");
    link.href = href;
    link.textContent = title;
    const tag = document.createElement("span");
    tag.className = "tag";
    tag.textContent = kind;
    line.append(link, " ", tag, document.createElement("br"), text);
    return line;
  }

  function search() {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    list.replaceChildren();
    if (words.length === 0) {
      status.textContent = `${entries.length} pages can be found.`;
      return;
    }
    const found = [];
    lower.forEach((texts, place) => {
      const sum = weight(texts, words);
      if (sum > 0) found.push([sum, place]);
    });
    found.sort(([one, first], [other, second]) => other - one || first - second);
    list.append(...found.slice(0, most).map(([, place]) => item(entries[place])));
    const shown = found.length > most ? `, the first ${most} are shown` : "";
    status.textContent = `${found.length} found${shown}`;
  }

  field.value = new URLSearchParams(location.search).get("q") ?? "";
  field.form.addEventListener("submit", (event) => { event.preventDefault(); search(); });
  field.addEventListener("input", search);
  search();
  field.focus();
})();
