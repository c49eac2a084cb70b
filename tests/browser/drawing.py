"""Creates accounts with images on the running site, in its web process's environment.

    python -m tests.browser.drawing

Each input line is an account in JSON; each output line is the key of its session.
"""

import json
import sys

import django

PROMPTS = ["a red house", "a blue boat", "a green tree", "红色的房子", "a golden castle"]
SIZES = [(64, 64), (64, 96), (96, 64)]


def main() -> None:
    django.setup()
    for line in sys.stdin:
        print(account(**json.loads(line)), flush=True)


def account(email: str, *, pictures: int, plan: str) -> str:
    """Create an account with this many images, on a plan or on none; return its session key."""
    from billing import subscriptions  # noqa: PLC0415  # app registry: after django.setup()
    from billing.plans import TRIAL  # noqa: PLC0415  # app registry: after django.setup()
    from tests import factories  # noqa: PLC0415  # app registry: after django.setup()
    from tests.generation.rows import make_image, make_job, make_request  # noqa: PLC0415  # app registry: after django.setup()

    user = factories.make_user(email)
    if plan == TRIAL.id:
        subscriptions.start_trial(user, email=user.email)
    elif plan:
        factories.subscribe(user, plan=plan)
    for number in range(pictures):
        request = make_request(prompt=PROMPTS[number % len(PROMPTS)], seed=number)
        make_image(make_job(user, request=request), size=SIZES[number % len(SIZES)])
    return factories.session_of(user)


if __name__ == "__main__":
    main()
