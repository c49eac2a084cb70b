"""A client of the hub that lists, downloads and checks the files of a repository.

The library's own download restarts a file after an interruption. This one keeps the bytes in
`NAME.part` and resumes, which matters for files of ten gigabytes.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import http_get
from tqdm import tqdm

from generation.engine.checkpoints.store.files import git_sha1, sha256

TRIES = 3
PAUSE_SECONDS = 2.0
PART = ".part"
TOKEN = "HF_TOKEN"  # noqa: S105  # the name of an environment variable


class FetchError(Exception):
    """The download failed; the message tells the operator why, and what to do."""


class NeedsToken(FetchError):
    """The repository is gated or private, or the token is invalid."""


class NotFound(FetchError):
    """The repository, revision or file does not exist."""


class Broken(FetchError):
    """The connection broke repeatedly. The downloaded bytes are kept."""


class WrongSum(FetchError):
    """The downloaded file does not match the hub's checksum. It was deleted."""


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file in a repository. The hub lists a SHA-256 for large files, git's SHA-1 for small ones."""

    path: str
    size: int
    sha256: str = ""
    git_sha1: str = ""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A repository at one commit. `license` comes from its model card and may be empty."""

    repository: str
    revision: str
    license: str
    files: Mapping[str, RemoteFile]


class Hub:
    """A client with the operator's token, if any; `bar` shows the progress of a file."""

    def __init__(
        self, *, token: str = "", endpoint: str | None = None, bar: type["tqdm[Any]"] = tqdm
    ) -> None:
        # False keeps the library from looking for a token elsewhere.
        self._token: str | bool = token or False
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._endpoint = endpoint
        self._bar = bar

    def snapshot(self, repository: str, *, revision: str | None) -> Snapshot:
        """Return the repository at a revision, by default its newest. Raises FetchError."""
        api = HfApi(endpoint=self._endpoint, token=self._token)
        with self._fetch_errors(repository):
            info = api.model_info(repository, revision=revision, files_metadata=True)
        assert info.sha is not None, "the hub names the commit of every revision"
        files = [
            RemoteFile(
                path=each.rfilename,
                size=(each.lfs.size if each.lfs else each.size) or 0,
                sha256=each.lfs.sha256 if each.lfs else "",
                git_sha1="" if each.lfs else each.blob_id or "",
            )
            for each in info.siblings or []
        ]
        card = info.card_data
        return Snapshot(
            repository=repository,
            revision=info.sha,
            license=str((card and (card.get("license_name") or card.get("license"))) or ""),
            files={file.path: file for file in files},
        )

    def download(self, snapshot: Snapshot, file: RemoteFile, to: Path) -> None:
        """Download the file, resuming an earlier attempt; a correct file is left alone.

        Raises FetchError.
        """
        if to.is_file() and is_right(to, file):
            return
        to.parent.mkdir(parents=True, exist_ok=True)
        part = to.with_name(f"{to.name}{PART}")
        was_begun = part.exists()
        self._complete(snapshot, file, part)
        if was_begun and not is_right(part, file):
            # The bytes of the earlier attempt may be wrong: start over once.
            part.unlink()
            self._complete(snapshot, file, part)
        if not is_right(part, file):
            part.unlink()
            raise WrongSum(
                f"{file.path} is not what {snapshot.repository} says that it is: its sum is "
                "another. It was thrown away. Try again; if it happens again, something between the "
                "hub and this machine changes files."
            )
        part.replace(to)

    def _complete(self, snapshot: Snapshot, file: RemoteFile, part: Path) -> None:
        for last in (False,) * (TRIES - 1) + (True,):
            try:
                return self._append(snapshot, file, part)
            except Broken:
                if last:
                    raise
                time.sleep(PAUSE_SECONDS)
        raise AssertionError("the last try returns or raises")

    def _append(self, snapshot: Snapshot, file: RemoteFile, part: Path) -> None:
        """Request the missing bytes. Raises FetchError."""
        done = part.stat().st_size if part.exists() else 0
        if done > file.size:
            part.unlink()
            done = 0
        url = hf_hub_url(
            snapshot.repository, file.path, revision=snapshot.revision, endpoint=self._endpoint
        )
        with self._fetch_errors(snapshot.repository), part.open("ab") as content:
            http_get(
                url,
                content,
                resume_size=done,
                headers=self._headers,
                expected_size=file.size,
                displayed_filename=file.path,
                tqdm_class=self._bar,
            )

    @contextmanager
    def _fetch_errors(self, repository: str) -> Iterator[None]:
        """Turn errors of the library and the network into a FetchError for the operator."""
        try:
            yield
        except GatedRepoError as error:
            raise NeedsToken(self._gated(repository)) from error
        except RevisionNotFoundError as error:
            raise NotFound(f"{repository} has no such revision.") from error
        except RemoteEntryNotFoundError as error:
            raise NotFound(f"{repository} lacks a file that it names.") from error
        except RepositoryNotFoundError as error:
            raise NotFound(self._hidden(repository)) from error
        except HfHubHTTPError as error:
            raise self._refusal(repository, error.response.status_code) from error
        except (httpx2.HTTPError, OSError) as error:
            raise Broken(
                f"The connection to the hub broke ({error}). What has come is kept: run the same "
                "command again to go on from there."
            ) from error

    def _gated(self, repository: str) -> str:
        if self._token:
            return (
                f"{repository} is gated, and the account behind {TOKEN} has not been let in. Open its "
                "page on the hub, accept its terms with that account, and try again."
            )
        return (
            f"{repository} is gated: its owner wants to know who uses it. Accept its terms on its page "
            f"on the hub, make a token that may read, and set {TOKEN} in the environment."
        )

    def _hidden(self, repository: str) -> str:
        if self._token:
            return f"There is no repository {repository}, or the account behind {TOKEN} may not see it."
        return (
            f"There is no repository {repository} that everybody may see. If it is private or gated, "
            f"set {TOKEN} in the environment to a token of an account that may read it."
        )

    def _refusal(self, repository: str, status: int) -> FetchError:
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return WrongSum(f"The hub has less of a file of {repository} than it says.")
        if status == HTTPStatus.UNAUTHORIZED:
            return NeedsToken(f"The hub does not know the token in {TOKEN}.")
        if status == HTTPStatus.FORBIDDEN:
            return NeedsToken(f"The hub does not let the account behind {TOKEN} read {repository}.")
        return Broken(f"The hub answered with an error ({status}). Try again later.")


def is_right(path: Path, file: RemoteFile) -> bool:
    """Return True if the file has the hub's size and checksum; an unlisted checksum matches."""
    if path.stat().st_size != file.size:
        return False
    if file.sha256:
        return sha256(path) == file.sha256
    return not file.git_sha1 or git_sha1(path) == file.git_sha1
