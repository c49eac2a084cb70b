"""Kept states: bounded, for a day, and gone with their picture."""

from datetime import timedelta

import PIL.Image
import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.deletion import NotYet
from billing.plans import PLANS, TRIAL
from generation import jobs
from generation.images import kept_states, library, storage
from generation.images.kept_states import MissingState, NewState
from generation.models import Job, KeptState, Status
from generation.personal_data import erasure
from tests import factories
from tests.generation.rows import make_draft, make_image, make_job, make_request, make_state

pytestmark = pytest.mark.django_db
STEPS = 20


@pytest.fixture
def image(alice):
    return make_image(make_job(alice, request=make_request(num_inference_steps=STEPS)))


def new_states(*steps, index=0):
    return [NewState(index=index, step=step, content=b"after %d" % step) for step in steps]


def steps_of(image):
    return [state.step for state in kept_states.of_image(image)]


def make_all_old():
    KeptState.objects.update(expires_at=timezone.now())


def test_states_of_a_picture_are_kept_in_order(image):
    kept_states.keep(image.job, new_states(15, 5, 10))

    assert steps_of(image) == [5, 10, 15]
    state = kept_states.of_image(image)[0]
    assert storage.read(state.file) == b"after 5"
    assert state.bytes == len(b"after 5")


def test_after_a_day_they_are_gone(image):
    kept_states.keep(image.job, new_states(5))
    state = kept_states.of_image(image)[0]
    assert state.expires_at - state.created_at == timedelta(days=1)
    make_all_old()

    assert not steps_of(image)
    assert kept_states.sweep() == 1
    assert not default_storage.exists(state.file)
    assert not KeptState.objects.exists()


def test_each_plan_keeps_so_many_and_the_oldest_make_room(image, charlie):
    assert [plan.kept_states for plan in PLANS.values()] == [5, 50, 500]
    jobs_of_charlie = [
        make_job(charlie, request=make_request(num_inference_steps=STEPS)) for _number in range(3)
    ]
    images = [make_image(job) for job in jobs_of_charlie]
    kept_states.keep(image.job, new_states(5))

    for job in jobs_of_charlie:
        kept_states.keep(job, new_states(5, 10, 15))

    assert KeptState.objects.filter(user=charlie).count() == TRIAL.kept_states == 5
    # The early states are those that a branch can change most.
    assert [steps_of(each) for each in images] == [[], [5, 10], [5, 10, 15]]
    assert steps_of(image) == [5]


def test_jobs_paid_in_credits_keep_none(image):
    Job.objects.update(unit="credits")
    image.job.refresh_from_db()

    assert kept_states.most_of_pictures(image.job) == 0


def test_the_site_keeps_no_more_bytes_than_it_has_room_for(image, bob, settings):
    settings.KEPT_STATES_BYTES = len(b"after 10") * 2
    hers = make_image(make_job(bob, request=make_request(num_inference_steps=STEPS)))
    kept_states.keep(hers.job, new_states(10))

    kept_states.keep(image.job, new_states(5, 10))

    assert sum(KeptState.objects.values_list("bytes", flat=True)) <= settings.KEPT_STATES_BYTES


def test_room_is_made_among_the_states_that_nobody_waits_for(image, alice, bob, settings):
    pinned = make_state(image, step=5)
    jobs.submit(alice, kept_states.branch(pinned))
    other = make_state(image, step=10)
    settings.KEPT_STATES_BYTES = pinned.bytes + len(b"after 5")
    hers = make_image(make_job(bob, request=make_request(num_inference_steps=STEPS)))

    kept_states.keep(hers.job, new_states(5))

    assert steps_of(image) == [5]
    assert steps_of(hers) == [5]
    assert not default_storage.exists(other.file)


def test_a_picture_that_is_deleted_in_between_leaves_no_state(image, alice, monkeypatch):
    save = default_storage.save

    def save_late(name, content):
        library.delete(alice, [image.pk])
        return save(name, content)

    monkeypatch.setattr(default_storage, "save", save_late)
    kept_states.keep(image.job, new_states(5))

    assert not KeptState.objects.exists()
    folder = f"states/{image.job.created_at:%Y/%m/%d}"
    assert not any(str(image.job_id) in name for name in default_storage.listdir(folder)[1])


def test_a_store_that_refuses_keeps_rows_for_the_next_sweep(image, alice, monkeypatch):
    state = make_state(image, step=5)
    library.delete(alice, [image.pk])
    library.remove(alice)

    def refuse(name):
        raise OSError("read-only")

    with monkeypatch.context() as patch:
        patch.setattr(default_storage, "delete", refuse)
        kept_states.sweep()
        library.sweep()
        assert KeptState.objects.get() == state
        with pytest.raises(NotYet):
            erasure.erase(alice)

    kept_states.sweep()
    library.sweep()
    assert not KeptState.objects.exists()
    assert not default_storage.exists(state.file)


def test_a_file_that_cannot_be_stored_leaves_no_row(image, monkeypatch):
    def refuse(name, content):
        raise OSError("full")

    monkeypatch.setattr(default_storage, "save", refuse)
    with pytest.raises(OSError, match="full"):
        kept_states.keep(image.job, new_states(5))

    assert not KeptState.objects.exists()


def test_a_picture_that_was_deleted_meanwhile_keeps_none(image, alice):
    library.delete(alice, [image.pk])

    kept_states.keep(image.job, new_states(5))

    assert not KeptState.objects.exists()


def test_deleting_a_picture_takes_its_states_at_once(
    image, alice, django_capture_on_commit_callbacks
):
    kept_states.keep(image.job, new_states(5))
    file = kept_states.of_image(image)[0].file

    with django_capture_on_commit_callbacks(execute=True) as rung:
        library.delete(alice, [image.pk])

    assert not steps_of(image)
    assert len(rung) == 1
    kept_states.sweep()
    assert not default_storage.exists(file)


def test_a_state_that_a_waiting_job_goes_on_from_stays(image, alice):
    state = make_state(image, step=5)
    job = jobs.submit(alice, kept_states.branch(state))
    make_all_old()

    assert kept_states.sweep() == 0
    assert kept_states.read(alice.pk, job.generation_request)

    Job.objects.filter(pk=job.pk).update(status=Status.CANCELED)
    assert kept_states.sweep() == 1


def test_removing_a_picture_for_good_leaves_no_file(image, alice):
    state = make_state(image, step=5)
    jobs.submit(alice, kept_states.branch(state))
    library.delete(alice, [image.pk])
    library.remove(alice)

    library.sweep()

    assert not default_storage.exists(state.file)
    assert not KeptState.objects.exists()


def test_they_go_with_the_account(image, alice):
    state = make_state(image, step=5)
    draft = make_draft(
        make_job(alice, request=make_request(num_inference_steps=STEPS, draft_steps=6))
    )

    erasure.erase(alice)

    names = (state.file, draft.file, draft.preview)
    assert not any(default_storage.exists(name) for name in names)
    assert not KeptState.objects.exists()


def test_a_branch_changes_words_and_guidance_alone(image):
    state = make_state(image, step=5)

    request = kept_states.branch(state, prompt="a blue house", guidance_scale=7.0)

    assert (request.prompt, request.guidance_scale) == ("a blue house", 7.0)
    assert (request.origin, request.origin_step) == (state.digest, 5)
    assert (request.seed, request.own_evaluations) == (image.job.request["seed"], STEPS - 5)
    with pytest.raises(AssertionError):
        kept_states.branch(state, width=128)


def test_the_second_picture_of_a_job_branches_with_its_own_seed(alice):
    job = make_job(alice, request=make_request(num_inference_steps=STEPS, num_images=2))
    state = make_state(make_image(job, index=1), step=5, index=1)

    request = kept_states.branch(state)

    assert (request.seed, request.num_images) == (job.request["seed"] + 1, 1)


def test_a_submitted_branch_names_its_job(image, alice):
    job = jobs.submit(alice, kept_states.branch(make_state(image, step=5)))

    assert job.branched_from == image.job


def test_the_rest_alone_is_quoted(image, alice):
    whole = jobs.submit(alice, make_request(num_inference_steps=STEPS))
    rest = jobs.submit(alice, kept_states.branch(make_state(image, step=15)))

    assert rest.quote_ms < whole.quote_ms


def test_nobody_goes_on_from_anothers_picture(image, bob):
    request = kept_states.branch(make_state(image, step=5))

    with pytest.raises(MissingState):
        jobs.submit(bob, request)
    assert not Job.objects.filter(user=bob).exists()
    with pytest.raises(MissingState):
        kept_states.read(bob.pk, request)


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 8},
        {"width": 128},
        {"num_inference_steps": 30},
        {"origin_step": 6},
        {"origin": "f" * 64},
        {"noise_scheduler": "euler"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_request_that_does_not_fit_its_state_is_refused(image, alice, changes):
    fitting = kept_states.branch(make_state(image, step=5))
    request = type(fitting).from_dict({**fitting.to_dict(), **changes})

    with pytest.raises(MissingState):
        jobs.submit(alice, request)


def test_a_damaged_file_is_no_state(image, alice):
    state = make_state(image, step=5)
    request = kept_states.branch(state)
    default_storage.delete(state.file)
    with pytest.raises(MissingState):
        kept_states.read(alice.pk, request)

    with default_storage.open(state.file, "wb") as file:
        file.write(b"something else")

    with pytest.raises(MissingState):
        kept_states.read(alice.pk, request)


def test_drafts_are_stored_with_previews_and_kept_beside_the_plans_states(alice):
    job = make_job(
        alice, request=make_request(num_inference_steps=STEPS, num_images=8, draft_steps=6)
    )
    states = [NewState(index=number, step=6, content=b"%d" % number) for number in range(8)]
    previews = [PIL.Image.new("RGB", (128, 128), "teal")] * 8

    kept_states.keep_drafts(kept_states.store_drafts(job, states, previews))
    kept_states.make_room_for_drafts(job)

    drafts = list(KeptState.objects.drafts().order_by("index"))
    assert [draft.index for draft in drafts] == list(range(8))
    assert all(storage.read(draft.preview)[8:12] == b"WEBP" for draft in drafts)
    assert [kept_states.branch(draft).seed for draft in drafts] == list(
        range(job.request["seed"], job.request["seed"] + 8)
    )


def test_old_drafts_make_room_for_new_ones(alice, monkeypatch):
    monkeypatch.setattr(kept_states, "MOST_DRAFTS", 1)
    request = make_request(num_inference_steps=STEPS, draft_steps=6)
    old, new = (make_draft(make_job(alice, request=request)) for _number in range(2))

    kept_states.make_room_for_drafts(new.job)

    assert list(KeptState.objects.all()) == [new]
    assert not default_storage.exists(old.preview)


def test_drafts_that_cannot_be_stored_leave_no_file(alice, monkeypatch):
    job = make_job(
        alice, request=make_request(num_inference_steps=STEPS, num_images=2, draft_steps=6)
    )
    states = [NewState(index=number, step=6, content=b"%d" % number) for number in range(2)]
    save, names = default_storage.save, []

    def save_once(name, content):
        if names:
            raise OSError("full")
        names.append(save(name, content))
        return names[0]

    monkeypatch.setattr(default_storage, "save", save_once)
    with pytest.raises(storage.StorageRefused):
        kept_states.store_drafts(job, states, [PIL.Image.new("RGB", (64, 64))] * 2)

    assert not default_storage.exists(names[0])


def test_a_larger_plan_keeps_more(db):
    dora = factories.make_user("dora@example.com")
    factories.subscribe(dora, plan="premium")

    assert kept_states.most_of_pictures(make_job(dora)) == 500
