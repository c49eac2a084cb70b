import pytest

from generation.models import Job
from generation.operations import alerts
from tests.generation.carrying import submit
from tests.generation.workers import say

pytestmark = pytest.mark.django_db


def texts():
    return [str(concern.text) for concern in alerts.concerns()]


def test_a_worker_that_does_not_see_the_pictures_is_an_alert():
    say("machine:1", sees_media=False)

    assert any("machine:1 takes no jobs" in text for text in texts())


def test_models_that_no_worker_has_are_an_alert(alice):
    say("machine:1", checkpoints=("sketchbook",))
    assert texts() == []
    job = submit(alice)

    Job.objects.filter(pk=job.pk).update(checkpoint="sd-1.5")

    assert texts() == ["No worker has the models of waiting jobs: sd-1.5."]
