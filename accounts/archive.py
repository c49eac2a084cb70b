"""A zip file written piece by piece, in constant memory."""

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from django.core.files.storage import default_storage
from django.core.serializers.json import DjangoJSONEncoder

CHUNK = 2**20


class Archive:
    """The zip file of an export; `on_step` is called after each file and each row."""

    def __init__(self, path: Path, *, on_step: Callable[[], None]) -> None:
        self._zip = ZipFile(path, "w", compression=ZIP_DEFLATED)
        self._on_step = on_step

    def add_json(self, name: str, data: Any) -> None:
        """Add a file `name` with `data` as JSON."""
        self._zip.writestr(name, _json(data))

    def add_rows(self, name: str, rows: Iterable[Any]) -> None:
        """Add a file `name` with a JSON array; the rows are consumed one by one."""
        with self._zip.open(name, "w", force_zip64=True) as file:
            before = "[\n"
            for row in rows:
                file.write(f"{before}{_json(row)}".encode())
                before = ",\n"
                self._on_step()
            file.write(b"[]\n" if before == "[\n" else b"\n]\n")

    def add_file(self, name: str, key: str) -> bool:
        """Add the stored file `key` as `name`, uncompressed. Returns False if it does not exist."""
        info = ZipInfo(name, date_time=time.localtime()[:6])
        info.compress_type = ZIP_STORED
        try:
            stored = default_storage.open(key)
        except FileNotFoundError:
            return False
        with stored, self._zip.open(info, "w", force_zip64=True) as file:
            for chunk in stored.chunks(CHUNK):
                file.write(chunk)
        self._on_step()
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._zip.close()


def _json(data: Any) -> str:
    return json.dumps(data, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)
