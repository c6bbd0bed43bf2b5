"use strict";

// A formula that KaTeX does not read keeps its text and is marked, so that it can be counted.
function typeset(node, displayMode) {
  const written = node.textContent;
  try {
    katex.render(node.dataset.tex, node, { displayMode, throwOnError: true });
  } catch (error) {
    node.textContent = written;
    node.classList.add("untypeset");
  }
}
for (const node of document.querySelectorAll(".tex")) typeset(node, false);
for (const node of document.querySelectorAll(".formula")) typeset(node, true);
