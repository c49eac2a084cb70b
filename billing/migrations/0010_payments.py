"""Customers, payments, plans by the year, refunds."""

import django.db.models.deletion
from django.conf import settings
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def keep_customers(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Who subscribed before has a customer already."""
    customer, subscription = (
        apps.get_model("billing", name) for name in ("Customer", "Subscription")
    )
    for row in subscription.objects.exclude(provider_customer_id="").iterator():
        customer.objects.create(
            user_id=row.user_id,
            provider=row.provider,
            provider_customer_id=row.provider_customer_id,
        )


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0003_entries_by_time"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CatchUp",
            fields=[
                ("provider", models.CharField(max_length=12, primary_key=True, serialize=False)),
                ("until", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Customer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("provider", models.CharField(max_length=12)),
                ("provider_customer_id", models.CharField(max_length=100)),
            ],
        ),
        migrations.CreateModel(
            name="Payment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("open", "Open"), ("paid", "Paid"), ("void", "Void")], max_length=5
                    ),
                ),
                ("product", models.CharField(max_length=40)),
                ("reference", models.CharField(max_length=100)),
                ("provider", models.CharField(max_length=12)),
                ("provider_subscription_id", models.CharField(blank=True, max_length=100)),
                ("invoice_id", models.CharField(blank=True, max_length=100)),
                ("payment_intent_id", models.CharField(blank=True, max_length=100)),
                ("number", models.CharField(blank=True, max_length=100)),
                ("currency", models.CharField(max_length=3)),
                ("cents", models.BigIntegerField()),
                ("refunded_cents", models.PositiveBigIntegerField(default=0)),
                ("disputed_cents", models.PositiveBigIntegerField(default=0)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(blank=True, null=True)),
                ("months", models.JSONField(blank=True, default=list)),
                ("grants_given", models.PositiveSmallIntegerField(default=0)),
                ("next_month_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField()),
                ("paid_at", models.DateTimeField(blank=True, null=True)),
                ("version", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="entry",
            name="entry_sign_follows_kind",
        ),
        migrations.AddField(
            model_name="grant",
            name="refunded",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="grant",
            name="rolls_over_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="stripeevent",
            name="retry_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="subscription",
            name="awaits_confirmation",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="subscription",
            name="changes",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="subscription",
            name="currency",
            field=models.CharField(blank=True, max_length=3),
        ),
        migrations.AddField(
            model_name="subscription",
            name="interval",
            field=models.CharField(
                choices=[("month", "monthly"), ("year", "yearly")], default="month", max_length=5
            ),
        ),
        migrations.AddField(
            model_name="subscription",
            name="next_interval",
            field=models.CharField(
                blank=True, choices=[("month", "monthly"), ("year", "yearly")], max_length=5
            ),
        ),
        migrations.AddField(
            model_name="subscription",
            name="next_invoice_cents",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="subscription",
            name="next_plan",
            field=models.CharField(blank=True, max_length=20),
        ),
        migrations.AddField(
            model_name="subscription",
            name="price_cents",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="grant",
            name="source",
            field=models.CharField(
                choices=[
                    ("trial", "Trial"),
                    ("plan", "Plan"),
                    ("topup", "Top-up"),
                    ("pack", "Credit pack"),
                    ("adjustment", "Adjustment"),
                ],
                max_length=12,
            ),
        ),
        migrations.AddConstraint(
            model_name="entry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("amount__gt", 0), ("kind", "grant")),
                    models.Q(("amount__lt", 0), ("kind__in", ["capture", "expire"])),
                    models.Q(
                        ("kind__in", ["refund", "adjustment"]),
                        models.Q(("amount", 0), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="entry_sign_follows_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.CheckConstraint(
                condition=models.Q(("refunded__gte", 0), ("refunded__lte", models.F("amount"))),
                name="grant_refunded_within_amount",
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="customers",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="payment",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="payments",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.CreateModel(
            name="FailedPayment",
            fields=[],
            options={
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("billing.payment",),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.UniqueConstraint(
                fields=("user", "provider"), name="customer_one_at_each_provider"
            ),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(fields=["user", "-created_at", "-id"], name="payment_history"),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                condition=models.Q(("payment_intent_id", ""), _negated=True),
                fields=["payment_intent_id"],
                name="payment_by_intent",
            ),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                condition=models.Q(("next_month_at__isnull", False)),
                fields=["next_month_at"],
                name="payment_month_due",
            ),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                condition=models.Q(("status", "open")), fields=["created_at"], name="payment_failed"
            ),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                condition=models.Q(("status", "paid")), fields=["paid_at"], name="payment_revenue"
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.UniqueConstraint(fields=("reference",), name="payment_once"),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "paid"), _negated=True),
                    ("paid_at__isnull", False),
                    _connector="OR",
                ),
                name="payment_paid_at_some_time",
            ),
        ),
        migrations.RunPython(keep_customers, migrations.RunPython.noop),
    ]
