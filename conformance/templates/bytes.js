"use strict";
// The bytes of a token are one place in the order of tabs; arrow keys go from field to field, and a line says which it is.
for (const token of document.querySelectorAll(".token")) {
  const hint = token.querySelector(".hint");
  const bytes = [...token.querySelectorAll(".hex a")];
  const first = bytes.filter((link) => link.tabIndex === 0);
  if (first.length === 0) continue;

  function tell(link) {
    const row = document.getElementById(link.hash.slice(1));
    const [range, name, value] = [...row.cells].map((cell) => cell.textContent.trim().replace(/\s+/g, " "));
    hint.textContent = `${range}  ${name}${value ? `: ${value}` : ""}`;
    for (const other of token.querySelectorAll(".at")) other.classList.remove("at");
    for (const part of [row, ...bytes.filter((other) => other.hash === link.hash)]) part.classList.add("at");
  }

  function choose(link) {
    for (const other of first) other.tabIndex = -1;
    link.tabIndex = 0;
    tell(link);
  }

  const places = { ArrowRight: (at) => at + 1, ArrowDown: (at) => at + 1, ArrowLeft: (at) => at - 1, ArrowUp: (at) => at - 1, Home: () => 0, End: () => first.length - 1 };
  for (const link of bytes) {
    const start = first.find((other) => other.hash === link.hash) ?? first[0];
    link.removeAttribute("title");
    link.addEventListener("focus", () => choose(start));
    link.addEventListener("pointerenter", () => tell(link));
    // A press tells; the key Enter goes to the row of the field, as the link does without a script.
    link.addEventListener("click", (event) => {
      if (event.detail === 0) return;
      event.preventDefault();
      start.focus({ preventScroll: true });
      tell(link);
    });
    link.addEventListener("keydown", (event) => {
      const place = places[event.key];
      if (!place || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      first[Math.min(Math.max(place(first.indexOf(start)), 0), first.length - 1)].focus();
    });
  }
  hint.textContent = "Press a byte, or move with the arrow keys: its field is told here.";
  for (const link of first) link.tabIndex = link === first[0] ? 0 : -1;
}
