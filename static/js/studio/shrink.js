// Markup: none. Photos that are too large for the server are made smaller before they are uploaded; all other files stay as they are.

// As generation/images/decoding.py and uploads.py have them.
const MOST_PIXELS = 16 * 2 ** 20;
const LONGEST_SIDE = 16_384;
const MOST_BYTES = 20 * 2 ** 20;
const SMALLER_SIDE = 4_096; // within what a phone can draw
const QUALITY = 0.92;
// The others may have transparent parts, which JPEG would lose.
const PHOTOS = ["image/jpeg", "image/heic", "image/heif"];

// Upright and in sRGB, as the browser draws it. A file that the browser cannot read is left to the server.
export async function fitting(file) {
  const url = URL.createObjectURL(file);
  try {
    const picture = await loaded(url);
    const { naturalWidth: width, naturalHeight: height } = picture;
    const fits = width * height <= MOST_PIXELS && Math.max(width, height) <= LONGEST_SIDE;
    if (fits && file.size <= MOST_BYTES) return file;
    const scale = Math.min(1, SMALLER_SIDE / Math.max(width, height));
    return await drawn(picture, Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)), file);
  } catch {
    return file;
  } finally {
    URL.revokeObjectURL(url);
  }
}

// Until it is drawn, only its size is decoded.
function loaded(url) {
  return new Promise((resolve, reject) => {
    const picture = new Image();
    picture.addEventListener("load", () => resolve(picture));
    picture.addEventListener("error", reject);
    picture.src = url;
  });
}

async function drawn(picture, width, height, { name, type }) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, 0, 0, width, height);
  const format = PHOTOS.includes(type) ? "image/jpeg" : "image/webp";
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, format, QUALITY));
  return new File([blob], name, { type: blob.type });
}
