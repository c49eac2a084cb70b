"""Writes docs/fidelity.md: how far the engine's latents are from diffusers' own, case by case.

python -m tests.engine.fidelity
"""

import tempfile
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import diffusers
import torch

from generation.engine.loading.loader import Loader
from generation.engine.loop.batch_limit import BatchLimit
from generation.engine.loop.engine import Engine
from tests.engine import toy_checkpoints
from tests.engine.cases import all_cases, inputs_of, name_of, request_for
from tests.engine.driving import run_to_the_end, the_finished, turn
from tests.engine.reference import References, Seen, relative_difference
from tests.engine.toy_checkpoints import TOYS

PAGE = Path(__file__).parents[2] / "docs" / "fidelity.md"

_TEXT = """\
# Fidelity

Every family, mode, noise scheduler and sigma schedule gives the latents that diffusers' own pipeline gives at
the same seed. The numbers are the largest difference of any latent value, as a share of the largest latent (or
of ten, if that is more), once with the run alone and once while all the other cases of its checkpoint join and
leave its batch. Guidance goes from 0 to 30. The checkpoints are toys: the real classes with a few thousand random weights each, one of
them a latent consistency model. Single precision on a CPU; the tests hold every case below 0.00001 at
guidance up to 5. At 30 the guidance enlarges the roundings, too: a few cases are above that here.

    python -m tests.engine.fidelity

made this page on {date} with diffusers {diffusers} and torch {torch}.

{tables}

## Without a counterpart

* Outpainting is compared with the inpainting pipeline on the extended canvas: diffusers has no pipeline of
  its own for it.
* The upscaler's tiles have no counterpart; a picture that fits into one tile is compared.
* Prompts longer than the model's length, and weights, are not read by diffusers' pipelines;
  `tests/engine/diffusion/families/test_clip_text.py` says what they do here.
* Clip skip (of both prompts: the pipelines skip no layers of the negative one by themselves), masks of other
  sizes, the masked part alone, and DDIM's eta equal diffusers' pipelines
  (`tests/engine/loop/test_expert_settings.py`). Prompts that change, eta of Euler ancestral, variation seeds and what
  fills a mask are not there: the same tests compute them from their formulas.
* Heun with dynamic shifting (Stable Diffusion 3.5 can be configured so) is not offered by diffusers.
"""


def main() -> None:
    """Run every case and write the page."""
    toy_checkpoints.add_to_catalogue()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        toy_checkpoints.write_all(root)
        tables = [_table(id, root) for id in TOYS]
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(
        _TEXT.format(
            date=f"{datetime.now(UTC):%Y-%m-%d}",
            diffusers=diffusers.__version__,
            torch=torch.__version__,
            tables="\n\n".join(tables),
        )
    )


def _table(id: str, root: Path) -> str:
    """Return the cases of one checkpoint as a table in Markdown."""
    cases = [case for case in all_cases() if case[0] == id]
    requests = [
        request_for(*case, seed=100 + index, guidance_scale=(5.0, 0.0, 7.5, 1.0, 30.0)[index % 5])
        for index, case in enumerate(cases)
    ]
    references, seen = References(root), Seen()
    seen.install(setattr)
    expected = [references.latents(request, inputs_of(request)) for request in requests]
    loader = Loader(root)
    engine = Engine(loader=loader, batch_limit=BatchLimit(initial=16))
    rows: dict[str, list[str]] = defaultdict(list)
    alone = []
    for request, latents in zip(requests, expected, strict=True):
        engine.submit(request, key="alone", inputs=inputs_of(request))
        the_finished(run_to_the_end(engine), key="alone")
        alone.append(relative_difference(seen.latents[request], latents))
    for index, request in enumerate(requests):
        engine.submit(request, key=str(index), inputs=inputs_of(request))
        turn(engine)
    run_to_the_end(engine)
    for case, request, latents, one in zip(cases, requests, expected, alone, strict=True):
        together = relative_difference(seen.latents[request], latents)
        rows[f"{case[1]} ({name_of(case[3])})"].append(f"{case[2]} {one:.0e}, {together:.0e}")
    loader.close()
    return _markdown(id, rows.items())


def _markdown(id: str, rows: Iterable[tuple[str, list[str]]]) -> str:
    lines = [f"## {id}", "", "| mode | noise scheduler: alone, in company |", "|---|---|"]
    lines += [f"| {mode} | {'; '.join(cells)} |" for mode, cells in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
