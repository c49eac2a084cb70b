// Markup: the studio, templates/generation/studio.html; each module names the part that it expects.
// Those that show pictures come last: the others listen to them.

import "../studio/model.js";
import "../studio/quote.js";
import "../studio/submit.js";
import "../studio/seed.js";
import "../studio/mask.js";
import "../studio/room.js";
import "../studio/strength.js";
import "../studio/prompts.js";
import "../studio/presets.js";
import "../studio/recall.js";
import "../studio/pictures.js";
