"""The schedule of `celery beat`: a message must expire before the next one is sent."""

from django.conf import settings

SCHEDULE = {
    "reap": ("generation.reap", 5.0, 5),
    "sweep": ("generation.sweep", 3600.0, 3600),
    "start parked": ("generation.start_parked", 60.0, 60),
    "send webhooks": ("generation.send_webhooks", 30.0, 30),
    "send mails": ("accounts.send_mails", 30.0, 30),
    "make exports": ("accounts.make_exports", 60.0, 60),
    "erase accounts": ("accounts.erase_accounts", 15.0, 15),
    "tidy": ("accounts.tidy", 3600.0, 3600),
    "reconcile": ("billing.reconcile", 21600.0, 3600),
    "expire": ("billing.expire", 600.0, 600),
    "tell minutes": ("billing.tell_minutes", 60.0, 60),
    "process events": ("billing.process_events", 30.0, 30),
    "catch up": ("billing.catch_up", 3600.0, 3600),
    "cancel again": ("billing.cancel_all_again", 60.0, 60),
    "grant due months": ("billing.grant_due_months", 600.0, 600),
    "renew sandbox subscriptions": ("billing.renew_sandbox_subscriptions", 600.0, 600),
}


def test_each_task_has_its_interval_and_its_messages_expire():
    found = {
        name: (entry["task"], entry["schedule"], entry["options"]["expires"])
        for name, entry in settings.CELERY_BEAT_SCHEDULE.items()
    }

    assert found == SCHEDULE


def test_an_entry_has_no_other_options():
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        assert entry.keys() == {"task", "schedule", "options"}
        assert entry["options"].keys() == {"expires"}


def test_no_two_messages_of_a_task_wait_at_once():
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        assert entry["options"]["expires"] <= entry["schedule"]
