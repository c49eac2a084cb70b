// Markup: radio buttons `checkpoint` that say what their model can do (data-modes, data-schedulers, data-num-inference-steps, ...), within
// [data-models]; radio buttons `mode` within [data-starts]; selects `noise_scheduler` and
// `sigma_schedule`; [data-model-name], [data-bundled-note].

import { form, mode } from "./form.js";

export function showModel() {
  const model = form.querySelector("[name=checkpoint]:checked");
  if (!model) return;
  const { dataset } = model;
  offerModes(dataset.modes.split(" "));
  offer(form.elements.noise_scheduler, dataset.schedulers.split(" "));
  offerSigmas(dataset);
  form.querySelector("[data-model-name]").textContent = dataset.name;
  form.querySelector("[data-bundled-note]").hidden = !("bundled" in dataset);
  showDefaults(dataset);
}

function offerModes(modes) {
  for (const each of form.querySelectorAll("[name=mode]")) {
    each.disabled = !modes.includes(each.value);
    each.toggleAttribute("data-unavailable", each.disabled);
  }
  if (mode()?.disabled ?? true) form.querySelector("[name=mode]:enabled").checked = true;
  form.querySelector("[data-starts]").hidden = modes.length === 1;
}

function offer(select, values) {
  for (const option of select.options) option.hidden = option.disabled = !["", ...values].includes(option.value);
  if (select.selectedOptions[0]?.disabled) select.value = "";
}

// Each noise scheduler can follow some of the sigma schedules.
function offerSigmas({ scheduler, sigmas }) {
  const { noise_scheduler: chosen, sigma_schedule: select } = form.elements;
  offer(select, JSON.parse(sigmas)[chosen.value || scheduler] ?? []);
}

function showDefaults({ numInferenceSteps, guidanceScale, min, max, step, size }) {
  form.elements.num_inference_steps.placeholder = numInferenceSteps;
  form.elements.guidance_scale.placeholder = guidanceScale;
  for (const name of ["width", "height"]) Object.assign(form.elements[name], { min, max, step, placeholder: size });
}

form.addEventListener("change", ({ target }) => {
  if (target.name === "noise_scheduler") offerSigmas(form.querySelector("[name=checkpoint]:checked").dataset);
  if (target.name !== "checkpoint") return;
  showModel();
  form.querySelector("[data-models]").open = false;
});

showModel();
