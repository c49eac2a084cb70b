"""Measures the figures that are named, or all."""

import argparse
import logging
import sys
import warnings

from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from tests.bench import figures, page
from tests.bench.browser import NoAnswer
from tests.bench.site import session


def main() -> None:
    _be_quiet()
    _register()
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(figures.names()))
    parser.add_argument(
        "--write", action="store_true", help="renew the figures' rows in docs/benchmarks.md"
    )
    arguments = parser.parse_args()
    names = arguments.names or figures.names()
    if unknown := set(names) - figures.MEASUREMENTS.keys():
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")
    with session:
        lost = [name for name in names if not _measure(name, write=arguments.write)]
    if lost:
        sys.exit(f"not measured: {', '.join(lost)}")


def _measure(name: str, *, write: bool) -> bool:
    """Measure one figure; return False if the site didn't answer, so that the others go on."""
    measured = []
    try:
        for figure in figures.MEASUREMENTS[name]():
            print(figure, flush=True)
            measured.append(figure)
    except NoAnswer as silence:
        print(f"{name}: {silence}", file=sys.stderr, flush=True)
        return False
    if write:
        page.write({name: measured})
    return True


def _be_quiet() -> None:
    """Only the figures are of interest, not what the libraries think of what they find."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    for library in (diffusers_logging, transformers_logging):
        library.set_verbosity_error()
        library.disable_progress_bar()


def _register() -> None:
    """Import whatever measures something, which the libraries comment on unless they are quiet."""
    from tests.bench import (  # noqa: F401, PLC0415  # slow import: what measures
        admission,
        alone,
        charging,
        coldstart,
        continuous,
        frames,
        fullsite,
        gallery,
        geometry,
        holdups,
        ledger,
        neighbour,
        overhead,
        previews,
        resuming,
        sharing,
        sockets,
        starting,
        stepping,
        submits,
        upscaling,
    )


if __name__ == "__main__":
    main()
