// Markup: fields `seed` and `keep_seed`; template[data-dice] with a button, which is put beside the seed.

import { form } from "./form.js";

const LARGEST_SEED = 2 ** 32 - 1;

const { seed, keep_seed: keep } = form.elements;
const wrapper = document.createElement("div");
wrapper.className = "seed";
seed.replaceWith(wrapper);
wrapper.append(seed, document.querySelector("template[data-dice]").content);
wrapper.querySelector("button").addEventListener("click", () => {
  seed.value = Math.floor(Math.random() * (LARGEST_SEED + 1));
  keep.checked = true;
});
