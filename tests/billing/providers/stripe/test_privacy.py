import pytest

from billing import event_inbox
from billing.models import StripeEvent
from billing.providers.objects import Json
from billing.providers.stripe import events
from billing.providers.stripe.privacy import without_personal_data

CHECKOUT: Json = {
    "id": "evt_1",
    "type": "checkout.session.completed",
    "data": {
        "object": {
            "id": "cs_1",
            "client_reference_id": "7",
            "customer": "cus_1",
            "subscription": "sub_1",
            "customer_email": "alice@example.com",
            "customer_details": {"email": "alice@example.com", "name": "Alice Liddell"},
            "collected_information": {"shipping_details": {"name": "Alice Liddell"}},
            "lines": {"data": [{"id": "il_1", "customer_name": "Alice Liddell"}]},
        }
    },
}


def test_whom_an_event_is_about_is_left_out_however_deep() -> None:
    kept = without_personal_data(CHECKOUT)

    assert "Alice" not in str(kept)
    assert "alice@" not in str(kept)


def test_what_it_is_about_stays() -> None:
    kept = without_personal_data(CHECKOUT)

    assert kept["data"]["object"] == {
        "id": "cs_1",
        "client_reference_id": "7",
        "customer": "cus_1",
        "subscription": "sub_1",
        "lines": {"data": [{"id": "il_1"}]},
    }


@pytest.mark.django_db
def test_the_inbox_keeps_no_more_than_that() -> None:
    event_inbox.store(events.from_json(CHECKOUT))

    assert "alice@" not in str(StripeEvent.objects.get().payload)
