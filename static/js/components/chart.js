// Markup: any number of [data-chart], each with [data-day="WORDS"] that may be pointed at and [data-reading], where the words appear;
// form[data-filter], which is sent when what it asks for changes.

for (const chart of document.querySelectorAll("[data-chart]")) {
  const reading = chart.querySelector("[data-reading]");
  const read = ({ target }) => {
    reading.textContent = target.closest("[data-day]")?.dataset.day ?? "";
  };
  chart.addEventListener("pointerover", read);
  chart.addEventListener("pointerdown", read);
  chart.addEventListener("pointerleave", ({ pointerType }) => {
    if (pointerType === "mouse") reading.textContent = "";
  });
  // On a narrow screen a long time is wider than the screen: its end is what one wants to see.
  const plot = chart.querySelector("[data-plot]");
  if (plot) plot.scrollLeft = plot.scrollWidth;
}

for (const form of document.querySelectorAll("form[data-filter]")) {
  form.addEventListener("change", ({ target }) => target.matches("select") && form.requestSubmit());
}
