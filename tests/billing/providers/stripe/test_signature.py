import time

import pytest
import stripe

from billing.providers import gateway
from billing.providers.protocol import InvalidEvent
from billing.providers.sandbox import delivery
from billing.providers.stripe import signature

SECRET = "whsec_1"
PAYLOAD = b'{"id": "evt_1"}'


def now() -> int:
    return int(time.time())


def test_what_was_signed_is_accepted() -> None:
    signature.verify(
        PAYLOAD, secret=SECRET, header=signature.sign(PAYLOAD, secret=SECRET, at=now())
    )


def test_stripe_accepts_what_we_sign() -> None:
    header = signature.sign(PAYLOAD, secret=SECRET, at=now())

    stripe.WebhookSignature.verify_header(PAYLOAD.decode(), header, SECRET, 300)


def test_several_signatures_may_be_given_while_a_secret_is_replaced() -> None:
    timestamp, right = signature.sign(PAYLOAD, secret=SECRET, at=now()).split(",")

    signature.verify(PAYLOAD, secret=SECRET, header=f"{timestamp},v1={'0' * 64},v0=old,{right}")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        "t=,v1=",
        "t=soon,v1=00",
        "t={now}",
        "t={now},v1=",
        "t={now},v1=" + "0" * 64,
        "t={now},v1=é",
        f"t={'9' * 400},v1=00",
        f"t={'9' * 5_000},v1=00",
        "t={now},t={now},v1=" + "0" * 64,
    ],
)
def test_a_forged_header_is_refused(header: str) -> None:
    with pytest.raises(signature.InvalidSignature):
        signature.verify(PAYLOAD, secret=SECRET, header=header.replace("{now}", str(now())))


def test_another_payload_is_refused() -> None:
    header = signature.sign(PAYLOAD, secret=SECRET, at=now())

    with pytest.raises(signature.InvalidSignature):
        signature.verify(PAYLOAD + b" ", secret=SECRET, header=header)


@pytest.mark.parametrize("seconds", [-310, 310])
def test_a_signature_of_another_time_is_refused(seconds: int) -> None:
    header = signature.sign(PAYLOAD, secret=SECRET, at=now() + seconds)

    with pytest.raises(signature.InvalidSignature, match="stale"):
        signature.verify(PAYLOAD, secret=SECRET, header=header)


def test_another_secret_is_refused() -> None:
    header = signature.sign(PAYLOAD, secret="whsec_2", at=now())

    with pytest.raises(signature.InvalidSignature):
        signature.verify(PAYLOAD, secret=SECRET, header=header)


def test_with_a_stripe_key_only_stripes_secret_counts(settings) -> None:
    event = b'{"id": "evt_1", "type": "invoice.paid"}'
    of_the_sandbox = signature.sign(event, secret=delivery.secret(), at=now())
    assert gateway().read_event(event, {signature.HEADER: of_the_sandbox}).id == "evt_1"
    settings.STRIPE_SECRET_KEY = "sk_test_1"
    settings.STRIPE_WEBHOOK_SECRET = SECRET

    with pytest.raises(InvalidEvent):
        gateway().read_event(event, {signature.HEADER: of_the_sandbox})
    right = signature.sign(event, secret=SECRET, at=now())
    assert gateway().read_event(event, {signature.HEADER: right}).id == "evt_1"
