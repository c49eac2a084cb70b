"""What we don't keep of the provider's events: whom they are about. The provider keeps that itself."""

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
    """The same, without names, addresses and the like, however deep they are."""
    if isinstance(data, dict):
        return {
            key: without_personal_data(value) for key, value in data.items() if key not in PERSONAL
        }
    if isinstance(data, list):
        return [without_personal_data(each) for each in data]
    return data
