"use strict";
// Shows the findings of some severities and words. Without it the page shows all of them, and no controls.
(() => {
  const box = document.getElementById("filter");
  const words = document.getElementById("filter-text");
  const count = document.getElementById("filter-count");
  if (!box || !words || !count) return;
  const severities = [...box.querySelectorAll("input[type=checkbox]")];
  const cards = [...document.querySelectorAll("article.card")].map(card => ({
    card,
    severity: card.dataset.severity,
    title: [...card.querySelectorAll("h4, .rule")].map(part => part.textContent).join(" ").toLowerCase(),
    items: [...card.querySelectorAll(".places > li")].map(item => ({ item, text: item.textContent.toLowerCase() })),
    folds: [...card.querySelectorAll("details")],
  }));
  const apply = () => {
    const chosen = new Set(severities.filter(one => one.checked).map(one => one.value));
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let all = 0, shown = 0;
    for (const { card, severity, title, items, folds } of cards) {
      const rest = wanted.filter(word => !title.includes(word));
      let here = 0;
      for (const { item, text } of items) {
        item.hidden = !(chosen.has(severity) && rest.every(word => text.includes(word)));
        if (!item.hidden) here += 1;
      }
      card.hidden = here === 0;
      if (wanted.length) for (const fold of folds) fold.open = true;
      all += items.length;
      shown += here;
    }
    count.textContent = shown === all ? `All ${all} findings are shown.` : `${shown} of ${all} findings are shown.`;
  };
  for (const one of severities) one.addEventListener("change", apply);
  words.addEventListener("input", apply);
  box.hidden = false;
  apply();
})();
