"""The part of Stripe's API that the site uses: one function for each request."""

import copy
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from stripe import params as stripe_params
from stripe.params import billing_portal, checkout

from tests.billing.providers.stripe import account as accounts
from tests.billing.providers.stripe.account import Account, Object, page
from tests.billing.providers.stripe.params import Params, Refused

Answer = Callable[..., Any]
# What may be asked to be expanded, in our requests.
EXPANDABLE = {
    "currency_options",
    "items.data.price.currency_options",
    "latest_invoice.payments",
    "payments",
    "schedule",
    "invoice",
}
ROUTES: "list[Route]" = []


@dataclass(frozen=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    params: type
    answer: Answer


class Nothing(TypedDict):
    """The type of requests without parameters."""


def route(method: str, path: str, params: type = Nothing) -> Callable[[Answer], Answer]:
    """Answer the method at the path, in which {} stands for an id."""

    def register(answer: Answer) -> Answer:
        pattern = re.compile(path.replace("{}", r"([\w.-]+)"))
        ROUTES.append(Route(method, pattern, params, answer))
        return answer

    return register


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]]:
    for each in ROUTES:
        match = each.pattern.fullmatch(path)
        if match and each.method == method:
            return each, match.groups()
    raise Refused(f"Unrecognized request URL ({method}: {path}).", status=404)


# Rendering --------------------------------------------------------------------------------------


def shown(account: Account, found: Object, asked: Params, *, within: str = "") -> Object:
    """An object as it is sent: what was not asked to be expanded is left out, or an id."""
    expand = {name.removeprefix(within) for name in asked.get("expand", [])}
    unknown = expand - EXPANDABLE
    if unknown:
        raise Refused(f"This property cannot be expanded ({', '.join(sorted(unknown))}).")
    sent = copy.deepcopy({name: value for name, value in found.items() if name not in PRIVATE})
    if found["object"] == "price" and "currency_options" not in expand:
        sent.pop("currency_options", None)
    if found["object"] == "subscription":
        _show_subscription(account, sent, expand)
    if found["object"] == "invoice" and "payments" in expand:
        sent["payments"] = _payments_of(account, found)
    if found["object"] == "invoice_payment" and "invoice" in expand:
        sent["invoice"] = copy.deepcopy(account.get(found["invoice"], "invoice"))
    return sent


# What the fake keeps for itself.
PRIVATE = {"card", "price", "subscription_metadata", "invoice_metadata", "periods"}


def _show_subscription(account: Account, sent: Object, expand: set[str]) -> None:
    if "items.data.price.currency_options" not in expand:
        sent["items"]["data"][0]["price"].pop("currency_options", None)
    if "schedule" in expand and sent["schedule"]:
        schedule = account.get(sent["schedule"], "subscription_schedule")
        sent["schedule"] = copy.deepcopy(schedule)
    if "latest_invoice.payments" in expand:
        invoice = account.get(sent["latest_invoice"], "invoice")
        sent["latest_invoice"] = {
            **copy.deepcopy(invoice),
            "payments": _payments_of(account, invoice),
        }


def _payments_of(account: Account, invoice: Object) -> Object:
    payments = account.all("invoice_payment", invoice=invoice["id"])
    return {"object": "list", "data": copy.deepcopy(payments), "has_more": False}


def listed(account: Account, found: list[Object], asked: Params, path: str) -> Object:
    sent = page(found, asked, path)
    sent["data"] = [shown(account, each, asked, within="data.") for each in sent["data"]]
    return sent


# Refusals ---------------------------------------------------------------------------------------


def require_customer(account: Account, asked: Params) -> None:
    if asked["customer"] not in {each["id"] for each in account.all("customer")}:
        raise Refused(
            f"No such customer: '{asked['customer']}'", code="resource_missing", param="customer"
        )


# https://docs.stripe.com/currencies#special-cases
DIVISORS = {
    **dict.fromkeys(("isk", "ugx"), 100),
    **dict.fromkeys(("bhd", "jod", "kwd", "omr", "tnd"), 10),
}


def require_payable(amounts: Mapping[str, int]) -> None:
    for currency, amount in amounts.items():
        divisor = DIVISORS.get(currency, 1)
        if amount % divisor:
            raise Refused(
                f"Invalid amount. Amounts in {currency} must be evenly divisible by {divisor}.",
                code="invalid_charge_amount_no_decimal_compatible",
            )


# Customers and the catalogue --------------------------------------------------------------------


@route("GET", "/v1/account", stripe_params.AccountRetrieveCurrentParams)
def retrieve_account(account: Account, *, asked: Params) -> Object:
    return {"id": account.id, "object": "account"}


@route("POST", "/v1/customers", stripe_params.CustomerCreateParams)
def create_customer(account: Account, *, asked: Params) -> Object:
    return shown(account, account.new("customer", "cus", card=accounts.VISA, **asked), {})


@route("GET", "/v1/products", stripe_params.ProductListParams)
def list_products(account: Account, *, asked: Params) -> Object:
    ids = asked.get("ids")
    found = [each for each in account.all("product") if ids is None or each["id"] in ids]
    return listed(account, found, asked, "/v1/products")


@route("POST", "/v1/products", stripe_params.ProductCreateParams)
def create_product(account: Account, *, asked: Params) -> Object:
    if asked.get("id") in account.objects:
        raise Refused("Product already exists.", code="resource_already_exists")
    product = account.new("product", "prod", **{"active": True, **asked})
    account.objects[product["id"]] = product
    return product


@route("POST", "/v1/products/{}", stripe_params.ProductUpdateParams)
def update_product(account: Account, product_id: str, *, asked: Params) -> Object:
    product = account.get(product_id, "product")
    product |= asked
    return product


@route("GET", "/v1/prices", stripe_params.PriceListParams)
def list_prices(account: Account, *, asked: Params) -> Object:
    keys, active = asked.get("lookup_keys"), asked.get("active")
    found = [
        each
        for each in account.all("price")
        if (keys is None or each["lookup_key"] in keys)
        and (active is None or each["active"] == active)
    ]
    return listed(account, found, asked, "/v1/prices")


@route("GET", "/v1/prices/{}", stripe_params.PriceRetrieveParams)
def retrieve_price(account: Account, price_id: str, *, asked: Params) -> Object:
    return shown(account, account.get(price_id, "price"), asked)


@route("POST", "/v1/prices", stripe_params.PriceCreateParams)
def create_price(account: Account, *, asked: Params) -> Object:
    if account.all("price", lookup_key=asked["lookup_key"]):
        raise Refused("A price already uses that lookup key.", code="resource_already_exists")
    account.get(asked["product"], "product")
    options = asked.get("currency_options", {})
    amounts = {name: option["unit_amount"] for name, option in options.items()}
    require_payable({asked["currency"]: asked["unit_amount"], **amounts})
    recurring = asked.pop("recurring", None)
    return shown(
        account, account.new("price", "price", active=True, recurring=recurring, **asked), {}
    )


@route("POST", "/v1/prices/{}", stripe_params.PriceUpdateParams)
def update_price(account: Account, price_id: str, *, asked: Params) -> Object:
    price = account.get(price_id, "price")
    price |= asked
    return shown(account, price, {})


# Checkout and the portal ------------------------------------------------------------------------


@route("POST", "/v1/checkout/sessions", checkout.SessionCreateParams)
def create_session(account: Account, *, asked: Params) -> Object:
    (line,) = asked["line_items"]
    price = account.get(line["price"], "price")
    if not price["active"]:
        raise Refused("The price specified is inactive.")
    if (asked["mode"] == "subscription") != (price["recurring"] is not None):
        raise Refused(
            "You specified `payment` mode but passed a recurring price, or the other way."
        )
    require_customer(account, asked)
    session = account.new(
        "checkout.session",
        "cs_test",
        mode=asked["mode"],
        status="open",
        payment_status="unpaid",
        customer=asked["customer"],
        client_reference_id=asked.get("client_reference_id"),
        subscription=None,
        invoice=None,
        payment_intent=None,
        currency=price["currency"],
        amount_total=price["unit_amount"],
        metadata=asked.get("metadata", {}),
        automatic_tax=asked.get("automatic_tax", {"enabled": False}),
        price=price["id"],
        subscription_metadata=asked.get("subscription_data", {}).get("metadata", {}),
        invoice_metadata=asked.get("invoice_creation", {})
        .get("invoice_data", {})
        .get("metadata", {}),
    )
    session["url"] = f"https://checkout.stripe.com/c/pay/{session['id']}"
    return shown(account, session, {})


@route("GET", "/v1/checkout/sessions/{}", checkout.SessionRetrieveParams)
def retrieve_session(account: Account, session_id: str, *, asked: Params) -> Object:
    return shown(account, account.get(session_id, "checkout.session"), asked)


@route("GET", "/v1/checkout/sessions", checkout.SessionListParams)
def list_sessions(account: Account, *, asked: Params) -> Object:
    wanted = {name: asked[name] for name in ("payment_intent", "status") if name in asked}
    since = asked.get("created", {}).get("gte", 0)
    found = [each for each in account.all("checkout.session", **wanted) if each["created"] >= since]
    return listed(account, found, asked, "/v1/checkout/sessions")


@route("GET", "/v1/billing_portal/configurations", billing_portal.ConfigurationListParams)
def list_configurations(account: Account, *, asked: Params) -> Object:
    found = account.all("billing_portal.configuration")
    return listed(account, found, asked, "/v1/billing_portal/configurations")


@route("POST", "/v1/billing_portal/configurations", billing_portal.ConfigurationCreateParams)
def create_configuration(account: Account, *, asked: Params) -> Object:
    return account.new("billing_portal.configuration", "bpc", active=True, **asked)


@route("POST", "/v1/billing_portal/configurations/{}", billing_portal.ConfigurationUpdateParams)
def update_configuration(account: Account, configuration_id: str, *, asked: Params) -> Object:
    configuration = account.get(configuration_id, "billing_portal.configuration")
    configuration |= asked
    return configuration


@route("POST", "/v1/billing_portal/sessions", billing_portal.SessionCreateParams)
def create_portal_session(account: Account, *, asked: Params) -> Object:
    require_customer(account, asked)
    session = account.new("billing_portal.session", "bps", **asked)
    session["url"] = f"https://billing.stripe.com/p/session/{session['id']}"
    return session


@route("GET", "/v1/webhook_endpoints", stripe_params.WebhookEndpointListParams)
def list_endpoints(account: Account, *, asked: Params) -> Object:
    return listed(account, account.all("webhook_endpoint"), asked, "/v1/webhook_endpoints")


@route("POST", "/v1/webhook_endpoints", stripe_params.WebhookEndpointCreateParams)
def create_endpoint(account: Account, *, asked: Params) -> Object:
    if not asked["url"].startswith("https://"):
        raise Refused("Invalid URL: An explicit scheme (such as https) must be provided.")
    made = account.new("webhook_endpoint", "we", status="enabled", **asked)
    return {**made, "secret": f"whsec_{made['id']}"}


@route("POST", "/v1/webhook_endpoints/{}", stripe_params.WebhookEndpointUpdateParams)
def update_endpoint(account: Account, endpoint_id: str, *, asked: Params) -> Object:
    endpoint = account.get(endpoint_id, "webhook_endpoint")
    endpoint["status"] = "disabled" if asked.pop("disabled", False) else "enabled"
    endpoint |= asked
    return endpoint


@route("DELETE", "/v1/webhook_endpoints/{}")
def delete_endpoint(account: Account, endpoint_id: str, *, asked: Params) -> Object:
    account.get(endpoint_id, "webhook_endpoint")
    del account.objects[endpoint_id]
    return {"id": endpoint_id, "object": "webhook_endpoint", "deleted": True}


# Subscriptions ----------------------------------------------------------------------------------


@route("GET", "/v1/subscriptions", stripe_params.SubscriptionListParams)
def list_subscriptions(account: Account, *, asked: Params) -> Object:
    status = asked.get("status")
    found = account.all("subscription", **({} if status == "all" else {"status": "active"}))
    return listed(account, found, asked, "/v1/subscriptions")


@route("GET", "/v1/subscriptions/{}", stripe_params.SubscriptionRetrieveParams)
def retrieve_subscription(account: Account, subscription_id: str, *, asked: Params) -> Object:
    return shown(account, account.get(subscription_id, "subscription"), asked)


@route("POST", "/v1/subscriptions/{}", stripe_params.SubscriptionUpdateParams)
def update_subscription(account: Account, subscription_id: str, *, asked: Params) -> Object:
    subscription = account.get(subscription_id, "subscription")
    if subscription["status"] == "canceled":
        raise Refused("A canceled subscription can only update its cancellation_details.")
    if subscription["schedule"] is not None:
        raise Refused("The subscription is managed by the subscription schedule.")
    cancel, pending = asked.get("cancel_at_period_end"), subscription["pending_update"]
    if pending and cancel is not None and cancel != pending["cancel_at_period_end"]:
        account.drop_pending_update(subscription)
    if "items" in asked:
        _change_price(account, subscription, asked)
    elif cancel is not None:
        subscription["cancel_at_period_end"] = cancel
    account.emit("customer.subscription.updated", subscription)
    return shown(account, subscription, asked)


def _change_price(account: Account, subscription: Object, asked: Params) -> None:
    if asked.get("payment_behavior") != "pending_if_incomplete":
        raise Refused("The fake knows payment_behavior=pending_if_incomplete alone.")
    # https://docs.stripe.com/billing/subscriptions/pending-updates-reference
    supported = {
        "items",
        "payment_behavior",
        "proration_behavior",
        "proration_date",
        "cancel_at_period_end",
        "expand",
    }
    if asked.keys() - supported:
        raise Refused("pending_if_incomplete does not support these parameters.")
    (change,) = asked["items"]
    (item,) = subscription["items"]["data"]
    if change["id"] != item["id"]:
        raise Refused(f"No such subscription item: '{change['id']}'", status=404)
    price = account.get(change["price"], "price")
    at = asked["proration_date"]
    invoice = account.bill(subscription, account.lines_of_change(subscription, price, at=at))
    intent = account.settle(invoice)
    if intent["status"] == "succeeded":
        account.apply(subscription, price, at=at)
        if "cancel_at_period_end" in asked:
            subscription["cancel_at_period_end"] = asked["cancel_at_period_end"]
    else:
        subscription["pending_update"] = {
            "expires_at": min(accounts.now() + 23 * accounts.HOUR, item["current_period_end"]),
            "cancel_at_period_end": asked.get("cancel_at_period_end"),
            "subscription_items": [{"id": item["id"], "price": price["id"]}],
            "price": price["id"],
        }


@route("DELETE", "/v1/subscriptions/{}", stripe_params.SubscriptionCancelParams)
def cancel_subscription(account: Account, subscription_id: str, *, asked: Params) -> Object:
    subscription = account.get(subscription_id, "subscription")
    if subscription["status"] == "canceled":
        raise Refused(f"No such subscription: {subscription_id}", code="resource_missing")
    account.end(subscription)
    return shown(account, subscription, asked)


@route("POST", "/v1/subscription_schedules", stripe_params.SubscriptionScheduleCreateParams)
def create_schedule(account: Account, *, asked: Params) -> Object:
    subscription = account.get(asked["from_subscription"], "subscription")
    if subscription["schedule"] is not None:
        raise Refused("You cannot migrate a subscription that is already attached to a schedule.")
    (item,) = subscription["items"]["data"]
    schedule = account.new(
        "subscription_schedule",
        "sub_sched",
        status="active",
        subscription=subscription["id"],
        released_subscription=None,
        end_behavior="release",
        phases=[
            {
                "start_date": item["current_period_start"],
                "end_date": item["current_period_end"],
                "items": [{"price": item["price"]["id"]}],
            }
        ],
    )
    subscription["schedule"] = schedule["id"]
    account.emit("subscription_schedule.created", schedule)
    return schedule


@route("POST", "/v1/subscription_schedules/{}", stripe_params.SubscriptionScheduleUpdateParams)
def update_schedule(account: Account, schedule_id: str, *, asked: Params) -> Object:
    schedule = account.get(schedule_id, "subscription_schedule")
    first, second = asked["phases"]
    if first["start_date"] != schedule["phases"][0]["start_date"]:
        raise Refused("You can not modify the start date of the current phase.")
    start = first["end_date"]
    months = accounts.MONTHS[second["duration"]["interval"]]
    for phase in (first, second):
        account.get(phase["items"][0]["price"], "price")
    schedule["phases"] = [
        {**first, "start_date": first["start_date"]},
        {**second, "start_date": start, "end_date": accounts.later(start, months=months)},
    ]
    account.emit("subscription_schedule.updated", schedule)
    return schedule


@route(
    "POST",
    "/v1/subscription_schedules/{}/release",
    stripe_params.SubscriptionScheduleReleaseParams,
)
def release_schedule(account: Account, schedule_id: str, *, asked: Params) -> Object:
    schedule = account.get(schedule_id, "subscription_schedule")
    account.release(schedule)
    return schedule


# Invoices and money -----------------------------------------------------------------------------


@route("GET", "/v1/invoices", stripe_params.InvoiceListParams)
def list_invoices(account: Account, *, asked: Params) -> Object:
    found = [
        each
        for each in account.all("invoice")
        if each["parent"]
        and each["parent"]["subscription_details"]["subscription"] == asked["subscription"]
        and asked.get("status", each["status"]) == each["status"]
    ]
    return listed(account, found, asked, "/v1/invoices")


@route("POST", "/v1/invoices/create_preview", stripe_params.InvoiceCreatePreviewParams)
def preview_invoice(account: Account, *, asked: Params) -> Object:
    if "schedule" in asked:
        schedule = account.get(asked["schedule"], "subscription_schedule")
        subscription = account.get(schedule["subscription"], "subscription")
    else:
        schedule = None
        subscription = account.get(asked["subscription"], "subscription")
    (item,) = subscription["items"]["data"]
    details = asked.get("subscription_details")
    if details:
        (change,) = details["items"]
        price = account.get(change["price"], "price")
        lines = account.lines_of_change(subscription, price, at=details["proration_date"])
    else:
        price = item["price"]
        if schedule is not None and len(schedule["phases"]) > 1:
            price = account.get(schedule["phases"][1]["items"][0]["price"], "price")
        start = item["current_period_end"]
        months = accounts.MONTHS[price["recurring"]["interval"]]
        lines = [account.line(price, start, accounts.later(start, months=months))]
    return account.draft(subscription["customer"], lines, subscription=subscription)


@route("GET", "/v1/invoices/{}", stripe_params.InvoiceRetrieveParams)
def retrieve_invoice(account: Account, invoice_id: str, *, asked: Params) -> Object:
    return shown(account, account.get(invoice_id, "invoice"), asked)


@route("POST", "/v1/invoices/{}/void", stripe_params.InvoiceVoidInvoiceParams)
def void_invoice(account: Account, invoice_id: str, *, asked: Params) -> Object:
    invoice = account.get(invoice_id, "invoice")
    account.void(invoice)
    return shown(account, invoice, asked)


@route("GET", "/v1/invoice_payments", stripe_params.InvoicePaymentListParams)
def list_invoice_payments(account: Account, *, asked: Params) -> Object:
    found = account.all("invoice_payment", payment=asked["payment"])
    return listed(account, found, asked, "/v1/invoice_payments")


@route("GET", "/v1/payment_intents/{}", stripe_params.PaymentIntentRetrieveParams)
def retrieve_intent(account: Account, intent_id: str, *, asked: Params) -> Object:
    return account.get(intent_id, "payment_intent")


@route("GET", "/v1/refunds", stripe_params.RefundListParams)
def list_refunds(account: Account, *, asked: Params) -> Object:
    account.get(asked["payment_intent"], "payment_intent")
    found = account.all("refund", payment_intent=asked["payment_intent"])
    return listed(account, found, asked, "/v1/refunds")


@route("GET", "/v1/disputes", stripe_params.DisputeListParams)
def list_disputes(account: Account, *, asked: Params) -> Object:
    found = account.all("dispute", payment_intent=asked["payment_intent"])
    return listed(account, found, asked, "/v1/disputes")


@route("GET", "/v1/events", stripe_params.EventListParams)
def list_events(account: Account, *, asked: Params) -> Object:
    since, types = asked.get("created", {}).get("gte", 0), asked.get("types")
    if types is not None and len(types) > 20:
        raise Refused("You may pass up to 20 event types.")
    found = [
        event
        for event in reversed(account.events)
        if event["created"] >= since and (types is None or event["type"] in types)
    ]
    return listed(account, found, asked, "/v1/events")
