"""Forms of file that are no weights to read, by their names and first bytes, with what to do instead."""

from collections.abc import Mapping
from pathlib import Path

PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
WHY_NO_PICKLES = "Pickled weights can run code when they are read: only safetensors are loaded."
SAFETENSORS = (".safetensors", ".sft")
_PICKLE = f"is a pickle. {WHY_NO_PICKLES} Most are published as .safetensors, too: add that file."
_GGUF = (
    "is a GGUF file, whose weights are quantized. Quantized weights are not read here: "
    "take the checkpoint's .safetensors."
)
_LFS = (
    "is a pointer of Git LFS, not the weights. Run `git lfs pull` in its repository, or download the file "
    "itself."
)
_WEB_PAGE = (
    "is a web page, not weights: the site wanted a sign-in or a consent first. Download it again in a "
    "browser, or with your token."
)
_ARCHIVE = "is an archive: unpack it first, then add the folder or the .safetensors file in it."
_COMPILED = "was compiled for another program. Take the checkpoint's .safetensors."
# Only content decides these: such files have the name of the weights that they stand for.
_BY_START: Mapping[bytes, str] = {
    b"gguf": _GGUF,
    b"version https://git-lfs": _LFS,
    b"/annex/objects/": (
        "is a pointer of git-annex, not the weights. Run `git annex get` in its repository."
    ),
    b"<!doctype": _WEB_PAGE,
    b"<html": _WEB_PAGE,
    b"<?xml": _WEB_PAGE,
    b'{"': "is JSON, such as an error of the site that it came from. Download it again.",
    b"pk\x03\x04": _PICKLE,
    b"\x80\x02": _PICKLE,
    b"\x80\x03": _PICKLE,
    b"\x80\x04": _PICKLE,
    b"\x80\x05": _PICKLE,
    b"7z\xbc\xaf": _ARCHIVE,
    b"rar!": _ARCHIVE,
    b"\x1f\x8b": _ARCHIVE,
    b"\x89hdf": _COMPILED,
}
_BY_SUFFIX: Mapping[str, str] = {
    **dict.fromkeys(PICKLES, _PICKLE),
    **dict.fromkeys((".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".zst", ".xz"), _ARCHIVE),
    **dict.fromkeys((".onnx", ".engine", ".plan", ".trt", ".tflite", ".mlmodel"), _COMPILED),
    **dict.fromkeys((".mlmodelc", ".mlpackage", ".openvino"), _COMPILED),
    ".gguf": _GGUF,
    ".msgpack": "has weights for Flax. Take the checkpoint's .safetensors.",
    ".h5": "has weights for TensorFlow. Take the checkpoint's .safetensors.",
    ".part": "is a download that has not ended. Finish it first.",
    ".crdownload": "is a download that has not ended. Finish it first.",
    ".aria2": "is the note of a download that has not ended. Finish it first.",
}


def is_safetensors(path: Path) -> bool:
    """Return True for a name of weights that are read, in whatever case it is written."""
    return path.suffix.lower() in SAFETENSORS


def reason_by_name(path: Path) -> str:
    """Return the reason why a file of this name is not read, or an empty string."""
    reason = _BY_SUFFIX.get(path.suffix.lower(), "")
    return f"{path.name} {reason}" if reason else ""


def reason_by_content(path: Path) -> str:
    """Return the reason why a file that starts like this is not read, or an empty string."""
    with path.open("rb") as file:
        # A byte order mark and white space may stand before a page.
        start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not start:
        return f"{path.name} is no safetensors file: it is empty. Download it again."
    for sign, reason in _BY_START.items():
        if start.startswith(sign):
            return f"{path.name} {reason}"
    return ""
