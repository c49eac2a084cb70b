// Markup: any number of [data-chart], each with [data-day="WORDS"] and [data-reading], which shows the words of the day under the pointer;
// form[data-filter], which is sent when a select in it changes.

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
  // A chart that is wider than the screen shows its newest days first.
  const plot = chart.querySelector("[data-plot]");
  if (plot) plot.scrollLeft = plot.scrollWidth;
}

for (const form of document.querySelectorAll("form[data-filter]")) {
  form.addEventListener("change", ({ target }) => target.matches("select") && form.requestSubmit());
}
