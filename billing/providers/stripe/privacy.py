"""Removal of personal data from Stripe's events; Stripe keeps the originals."""

from typing import Any

# Of checkout sessions, invoices and charges; `customer` itself is an id.
PERSONAL = frozenset(
    {
        "billing_details",
        "collected_information",
        "customer_account",
        "customer_address",
        "customer_details",
        "customer_email",
        "customer_name",
        "customer_phone",
        "customer_shipping",
        "customer_tax_ids",
        "custom_fields",
        "payment_method_details",
        "receipt_email",
        "shipping",
        "shipping_details",
    }
)


def without_personal_data(data: Any) -> Any:
    """A copy without names, addresses and the like, at any depth."""
    if isinstance(data, dict):
        return {
            key: without_personal_data(value) for key, value in data.items() if key not in PERSONAL
        }
    if isinstance(data, list):
        return [without_personal_data(each) for each in data]
    return data
