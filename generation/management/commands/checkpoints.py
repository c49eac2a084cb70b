"""The `checkpoints` command, described in docs/checkpoints.md. Needs no database."""

import logging
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from generation.engine.checkpoints.store import importing, inventory
from generation.engine.checkpoints.store.downloads import DOWNLOADS
from generation.engine.checkpoints.store.importing import ImportOptions
from generation.engine.checkpoints.store.inferred_configs import PREDICTIONS
from generation.engine.checkpoints.store.inventory import InventoryItem, NotInstalled
from generation.engine.checkpoints.store.sampling_defaults import SPACINGS, SamplingOptions
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.enums import Family
from generation.engine.request import MAX_GUIDANCE_SCALE, MAX_STEPS

GIGABYTE = 1_000_000_000


class Command(BaseCommand):
    help = "Lists, fetches, adds, verifies and removes checkpoints."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("list", help="what there is, and what could be fetched")
        fetch = verbs.add_parser("fetch", help="download from the hub, or repair what is here")
        fetch.add_argument("id", nargs="+")
        fetch.add_argument("--revision", help="a commit of the repository (default: its newest)")
        fetch.add_argument(
            "--half", action="store_true", help="prefer weights in half precision: half the bytes"
        )
        fetch.add_argument(
            "--accept-license", action="store_true", help="accept the license without being asked"
        )
        add = verbs.add_parser("add", help="a folder of diffusers', or a single .safetensors file")
        add.add_argument("path", type=Path)
        add.add_argument("--id", default="", help="default: made of the file's name")
        add.add_argument("--name", default="", help="what people see (default: the file's name)")
        add.add_argument("--family", type=Family, choices=list(Family))
        add.add_argument("--prediction", choices=PREDICTIONS, help="what a version 2 file predicts")
        add.add_argument(
            "--vocabulary", default="", help="a checkpoint or folder that has CLIP's, for a file"
        )
        add.add_argument(
            "--vae", default="", help="a checkpoint, folder or file whose VAE it shall have"
        )
        add.add_argument(
            "--text-encoder",
            action="append",
            default=[],
            help="a checkpoint, folder or file with a text encoder that it lacks; may be repeated",
        )
        add.add_argument("--license", default="", help="what people see of its license")
        add.add_argument(
            "--steps", type=_within(int, 1, MAX_STEPS), help="its usual number of steps"
        )
        add.add_argument(
            "--guidance",
            type=_within(float, 0, MAX_GUIDANCE_SCALE),
            help="its usual guidance; 1 is none",
        )
        add.add_argument(
            "--spacing",
            choices=SPACINGS,
            help="of its timesteps; trailing for most few-step models",
        )
        add.add_argument(
            "--link", action="store_true", help="leave a folder's files where they are"
        )
        verify = verbs.add_parser("verify", help="read every byte and compare the sums")
        verify.add_argument("id", nargs="*", help="default: all that are here")
        remove = verbs.add_parser("remove", help="delete from this machine")
        remove.add_argument("id")
        remove.add_argument("--yes", action="store_true", help="without being asked")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        # It logs every request, which would hide the progress bar.
        logging.getLogger("httpx2").setLevel(logging.WARNING)
        self.root: Path = settings.CHECKPOINTS_DIR
        verbs = {
            "list": self._list,
            "fetch": self._fetch,
            "add": self._add,
            "verify": self._verify,
            "remove": self._remove,
        }
        with _command_errors():
            verbs[verb](options)

    def _list(self, options: dict[str, Any]) -> None:
        self.stdout.write(f"Checkpoints in {self.root}\n\n")
        for entry in inventory.entries(self.root):
            family = entry.family or "-"
            self.stdout.write(f"{entry.id:<18} {family:<5} {_state(entry):<26} {entry.name}")
            if entry.fault:
                self.stdout.write(self.style.ERROR(f"{'':<18} {entry.fault}"))

    def _fetch(self, options: dict[str, Any]) -> None:
        from generation.engine.checkpoints.store import downloading  # noqa: PLC0415  # slow import: hub
        from generation.engine.checkpoints.store.downloading import License  # noqa: PLC0415  # slow import: hub
        from generation.engine.checkpoints.store.hub import FetchError, Hub  # noqa: PLC0415  # slow import: hub

        def accept(license: License) -> bool:
            return options["accept_license"] or self._ask_about(license.name, license.text)

        for id in options["id"]:
            if id not in DOWNLOADS:
                raise CommandError(f"{id} cannot be fetched. `checkpoints list` shows what can.")
            try:
                manifest = downloading.fetch(
                    DOWNLOADS[id],
                    root=self.root,
                    hub=Hub(token=settings.HF_TOKEN),
                    accept=accept,
                    say=self.stdout.write,
                    revision=options["revision"],
                    half=options["half"],
                )
            except FetchError as error:
                raise CommandError(str(error)) from error
            size = manifest.num_bytes / GIGABYTE
            self.stdout.write(
                self.style.SUCCESS(f"{id} is here: {size:.1f} GB, revision {manifest.revision}")
            )

    def _ask_about(self, name: str, text: str) -> bool:
        self.stdout.write(f"{text}\n\nLicense: {name}")
        if not sys.stdin.isatty():
            self.stdout.write("Nobody is here to accept it: use --accept-license.")
            return False
        return input("Do you accept it for this site? [y/N] ").strip().lower() in {"y", "yes"}

    def _add(self, options: dict[str, Any]) -> None:
        import_options = ImportOptions(
            id=options["id"],
            name=options["name"],
            family=options["family"],
            prediction=options["prediction"],
            vocabulary=self._folder_of(options["vocabulary"]),
            vae=self._folder_of(options["vae"]),
            text_encoders=tuple(filter(None, map(self._folder_of, options["text_encoder"]))),
            license=options["license"],
            links=options["link"],
            sampling=SamplingOptions(
                steps=options["steps"], guidance=options["guidance"], spacing=options["spacing"]
            ),
        )
        notes: list[str] = []
        checkpoint = importing.add(
            options["path"], import_options, root=self.root, say=notes.append
        )
        modes = ", ".join(sorted(checkpoint.modes))
        self.stdout.write(
            self.style.SUCCESS(
                f"{checkpoint.id} is here: {checkpoint.family}, {checkpoint.native_size} pixels, {modes}"
            )
        )
        for note in notes:
            self.stdout.write(note)
        if checkpoint.takes_few_steps:
            self.stdout.write(
                f"It is taken for a few-step model: {checkpoint.num_inference_steps} steps of "
                f"{checkpoint.noise_scheduler}, guidance {checkpoint.guidance_scale:g}. If that is wrong, "
                "remove it and add it with --steps, --guidance and --spacing."
            )

    def _folder_of(self, text: str) -> Path | None:
        if not text:
            return None
        installed = self.root / text
        return installed if installed.is_dir() else Path(text).expanduser()

    def _verify(self, options: dict[str, Any]) -> None:
        entries = (
            [inventory.get(id, root=self.root) for id in options["id"]]
            if options["id"]
            else [entry for entry in inventory.entries(self.root) if entry.is_present]
        )
        damaged = [entry.id for entry in entries if not self._is_whole(entry)]
        if damaged:
            raise CommandError(f"Damaged, and not used any more: {', '.join(damaged)}.")

    def _is_whole(self, entry: InventoryItem) -> bool:
        if not entry.is_present:
            raise CommandError(f"{entry.name} is not installed.")
        total = entry.manifest.num_bytes if entry.manifest else None
        with tqdm(total=total, unit="B", unit_scale=True, desc=entry.id, disable=None) as bar:
            found = inventory.verify(entry, report=bar.update)
        for fault in found:
            self.stdout.write(self.style.ERROR(f"{entry.id}: {fault}"))
        if not found:
            how = "is whole" if entry.manifest else "seems whole; nothing is known of its sums"
            self.stdout.write(f"{entry.id} {how}")
        return not found

    def _remove(self, options: dict[str, Any]) -> None:
        entry = inventory.get(options["id"], root=self.root)
        if not options["yes"]:
            if not sys.stdin.isatty():
                raise CommandError("Nobody is here to confirm it: use --yes.")
            if input(f"Delete {entry.folder}? [y/N] ").strip().lower() not in {"y", "yes"}:
                return
        inventory.remove(entry)
        self.stdout.write(
            f"{entry.id} is removed. Jobs in line for it will fail, and cost nothing."
        )


def _state(entry: InventoryItem) -> str:
    if entry.is_bundled:
        return "comes with the program"
    if entry.fault:
        return "unavailable"
    if not entry.is_present:
        return "not here"
    if entry.manifest is None:
        return "here, put by hand"
    size = f"{entry.manifest.num_bytes / GIGABYTE:.1f} GB"
    return f"here, {size} {entry.manifest.revision[:8]}".rstrip()


@contextmanager
def _command_errors() -> Iterator[None]:
    try:
        yield
    except (Unusable, NotInstalled, OSError) as error:
        raise CommandError(str(error)) from error


def _within(kind: Callable[[str], float], low: float, high: float) -> Callable[[str], float]:
    """Return a reader of an argument, which must be from `low` to `high`."""

    def read(text: str) -> float:
        number = kind(text)
        if not low <= number <= high:
            raise ArgumentTypeError(f"{text} is not from {low:g} to {high:g}")
        return number

    return read
