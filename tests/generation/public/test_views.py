"""Public pages: their content, their visitors, their query counts."""

import pytest
from django.urls import reverse

from generation.engine.checkpoints.catalogue import CHECKPOINTS
from generation.models import Speed
from generation.options import example_images, presets
from generation.queue import estimates
from generation.studio.prefill import MAX_TEXT_LENGTH

pytestmark = pytest.mark.django_db
PAGES = [
    reverse("home"),
    reverse("uses"),
    *(reverse("use", args=[id]) for id in presets.PRESETS),
    reverse("models"),
    *(reverse("model", args=[id]) for id in CHECKPOINTS),
]
BEGIN = reverse("begin")
STUDIO = reverse("studio")


def measure(checkpoint="sketchbook", *, ms=1_000.0, device="a device"):
    Speed.objects.create(
        checkpoint=checkpoint,
        device=device,
        ms_per_step_megapixel=ms,
        overhead_ms=0,
        samples=estimates.ENOUGH,
    )


@pytest.mark.parametrize("path", PAGES)
def test_each_page_is_for_visitors_and_for_those_who_signed_in(client, alice, path):
    assert client.get(path).status_code == 200
    client.force_login(alice)

    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_each_page_is_only_read(client, path):
    assert client.post(path).status_code == 405


@pytest.mark.parametrize("name", ["use", "model"])
def test_what_there_is_not_is_not_found(client, name):
    assert client.get(reverse(name, args=["nothing"])).status_code == 404


def test_the_front_page_shows_all_that_there_is(client):
    page = client.get(reverse("home")).text

    for picture in example_images.read().pictures[:8]:
        assert picture.prompts["en"] in page
    for id in presets.PRESETS:
        assert reverse("use", args=[id]) in page
    for id in CHECKPOINTS:
        assert reverse("model", args=[id]) in page
    for price in ("$10", "$30", "$60", "$29", "$49", "$149"):
        assert price in page


def test_the_receipt_on_the_front_page_adds_up(client):
    receipt = client.get(reverse("home")).context["wall"].making.receipt

    assert receipt.charged_ms == sum(group.ms for group in receipt.groups if group.billed) > 0


def test_the_front_page_says_how_far_the_trial_goes_once_that_is_known(client, settings):
    unknown = client.get(reverse("home"))
    sketchbook = CHECKPOINTS["sketchbook"]
    passes = 2 * sketchbook.num_inference_steps
    # Slow enough for one image a second.
    measure(ms=1_000 / passes / (sketchbook.native_size**2 / 1_000_000))

    known = client.get(reverse("home"))

    assert unknown.context["trial_pictures"] is None
    assert known.context["trial_pictures"] == pytest.approx(
        60 * settings.TRIAL_GPU_MINUTES, rel=0.02
    )
    assert "pictures by Sketchbook" in known.text


def test_many_measurements_take_as_many_queries_as_one(
    client, django_assert_num_queries, django_assert_max_num_queries
):
    measure()
    with django_assert_max_num_queries(3) as few:
        client.get(reverse("home"))
    for number in range(29):
        measure(device=f"device {number}")

    with django_assert_num_queries(len(few.captured_queries)):
        client.get(reverse("home"))


def test_the_slowest_device_is_what_a_model_promises(client):
    measure(ms=1_000, device="quick")
    measure(ms=4_000, device="slow")
    quick_only = client.get(reverse("model", args=["sketchbook"])).context["model"]
    Speed.objects.filter(device="slow").delete()

    both = client.get(reverse("model", args=["sketchbook"])).context["model"]

    assert both.rate.pictures_a_minute / quick_only.rate.pictures_a_minute >= 3


def test_a_model_that_is_not_installed_says_so(client):
    page = client.get(reverse("model", args=["sd-1.5"])).text

    assert "Not installed here" in page
    assert "Draw with it" not in page


def test_a_visitors_words_wait_for_the_studio(client, alice):
    response = client.post(BEGIN, {"prompt": "a red house", "preset": "teaching"})
    client.force_login(alice)

    form = client.get(STUDIO).context["form"]

    assert response.url == reverse("account_signup")
    assert form["prompt"].value() == "a red house"


def test_the_words_of_who_is_signed_in_go_straight_to_the_studio(client, alice):
    client.force_login(alice)

    response = client.post(BEGIN, {"prompt": "a red house"}, follow=True)

    assert response.redirect_chain == [(STUDIO, 302)]
    assert response.context["form"]["prompt"].value() == "a red house"


def test_words_that_were_used_are_forgotten(client, alice):
    client.force_login(alice)
    client.post(BEGIN, {"prompt": "a red house"})
    client.post(STUDIO, {"prompt": "a blue house", "checkpoint": "sketchbook", "shape": "square"})

    form = client.get(STUDIO).context["form"]

    assert not form["prompt"].value()


def test_a_pasted_article_waits_as_what_it_is_about(client, alice):
    client.force_login(alice)
    text = "Rivers in spring\n\n" + "The snow melts. " * MAX_TEXT_LENGTH

    response = client.post(BEGIN, {"prompt": text, "preset": "posts"}, follow=True)

    assert response.context["form"]["prompt"].value() == "Rivers in spring"


def test_beginning_is_something_that_one_does(client):
    assert client.get(BEGIN).status_code == 405


def test_a_link_with_a_preset_fills_the_studio(client, alice):
    client.force_login(alice)

    form = client.get(STUDIO, {"preset": "posts", "size": "story"}).context["form"]

    assert form["prompt"].value() == presets.get("posts").examples["en"]
    assert form["width"].value() < form["height"].value()


def test_a_link_goes_before_what_waits(client, alice):
    client.force_login(alice)
    client.post(BEGIN, {"prompt": "a red house"})

    form = client.get(STUDIO, {"preset": "teaching", "prompt": "a cat"}).context["form"]

    assert form["prompt"].value() == "a cat"


def test_a_link_with_a_model_chooses_it(client, alice):
    client.force_login(alice)

    form = client.get(STUDIO, {"checkpoint": "sketchbook"}).context["form"]

    assert form["checkpoint"].value() == "sketchbook"


def test_a_link_with_an_unknown_preset_is_not_found(client, alice):
    client.force_login(alice)

    assert client.get(STUDIO, {"preset": "nothing"}).status_code == 404


def test_visitors_follow_links_by_way_of_signing_up(client):
    page = client.get(reverse("uses")).text

    assert f"{reverse('account_signup')}?next=%2Fstudio%2F%3Fpreset%3Dteaching" in page
