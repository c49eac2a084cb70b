"""The largest values that a request may have."""

# As many as the API formats allow.
MAX_PROMPT_LENGTH = 32_000
# Of a word in a prompt, in either direction. Beyond it, no model's numbers stay finite for long.
MAX_WEIGHT = 10.0
MAX_STEPS = 150
MAX_GUIDANCE_SCALE = 30.0
MAX_SEED = 2**32 - 1
MAX_IMAGES = 4
# Of a draft, which is not decoded.
MAX_DRAFTS = 8
MAX_NOISE_LEVEL = 350
MAX_REFINER_SHARE = 0.5
# Of a text encoder that has so many layers.
MAX_CLIP_SKIP = 12
MAX_MASK_BLUR = 64
MAX_MASK_PADDING = 256
