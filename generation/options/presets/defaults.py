"""Checkpoint preferences and negative prompts that several presets share."""

# Best first. Checkpoints outside the catalogue or not installed are skipped.
FINEST = ("sdxl-1.0", "sd-3", "sd-2.1", "sd-1.5", "sketchbook")
READS_LONG_PROMPTS = ("sd-3", "sdxl-1.0", "sd-2.1", "sd-1.5", "sketchbook")
INPAINTS = ("sd-2.0-inpaint", "sd-1.5-inpaint", "sdxl-1.0", "sd-1.5", "sketchbook")
KEEPS_DEPTH = ("sd-2.0-depth", "sdxl-1.0", "sd-1.5", "sketchbook")
IS_TUNED = ("sd-1.5", "sd-2.1", "sdxl-1.0", "sketchbook")

NO_FLAWS = "blurry, low quality, jpeg artifacts, watermark, signature"
NO_TEXT = f"{NO_FLAWS}, text, letters"
