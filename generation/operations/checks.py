"""System checks of an installation: checkpoints, prompt rules, credential, safety checker."""

from typing import Any

from django.conf import settings
from django.core import checks

from generation import moderation
from generation.engine.checkpoints.store import inventory
from generation.images import c2pa
from generation.moderation import policy
from generation.moderation.policy.rules import InvalidRules
from generation.options.offered import offered


@checks.register
def checkpoints_are_whole(**kwargs: Any) -> list[checks.CheckMessage]:
    return [
        checks.Warning(
            f"The checkpoint {entry.id} cannot be used. {entry.fault}",
            hint="Fetch it again, or remove it: see `manage.py checkpoints`.",
            id="generation.W001",
        )
        for entry in inventory.entries(settings.CHECKPOINTS_DIR)
        if entry.fault
    ]


@checks.register
def default_checkpoint_is_offered(**kwargs: Any) -> list[checks.CheckMessage]:
    id = settings.DEFAULT_CHECKPOINT
    if not id or id in {each.id for each in offered()}:
        return []
    return [
        checks.Warning(
            f"DEFAULT_CHECKPOINT is {id}, which cannot be used here, so other models take its place.",
            hint="Name one that `manage.py checkpoints` lists as present.",
            id="generation.W004",
        )
    ]


@checks.register
def rules_can_be_read(**kwargs: Any) -> list[checks.CheckMessage]:
    try:
        policy.Rules.read(settings.PROMPT_POLICY_DIR)
    except InvalidRules as error:
        return [
            checks.Error(
                f"The rules for prompts cannot be read. {error}",
                hint="generation/policy/README.md says how they are written.",
                id="generation.E001",
            )
        ]
    return []


@checks.register
def credential_can_be_used(**kwargs: Any) -> list[checks.CheckMessage]:
    try:
        c2pa.credential()
    except c2pa.InvalidCredential as error:
        return [
            checks.Error(
                f"Pictures cannot be signed. {error}",
                hint="Set C2PA_CERTIFICATE and C2PA_KEY to PEM files that belong together, or neither.",
                id="generation.E002",
            )
        ]
    return []


@checks.register
def no_job_is_refused_for_the_safety_checker(**kwargs: Any) -> list[checks.CheckMessage]:
    if settings.WITHOUT_SAFETY_CHECKER != moderation.REFUSE or not (
        fault := moderation.checker_fault()
    ):
        return []
    return [
        checks.Warning(
            f"No job is taken. {fault}",
            hint="Run `manage.py checkpoints fetch safety-checker`.",
            id="generation.W002",
        )
    ]


@checks.register(deploy=True)
def pictures_are_checked(**kwargs: Any) -> list[checks.CheckMessage]:
    if settings.WITHOUT_SAFETY_CHECKER == moderation.REFUSE or not (
        fault := moderation.checker_fault()
    ):
        return []
    return [
        checks.Warning(
            f"Pictures are shown without a safety check. {fault}",
            hint="Run `manage.py checkpoints fetch safety-checker`.",
            id="generation.W003",
        )
    ]
