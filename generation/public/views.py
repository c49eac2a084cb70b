"""Public pages: home, uses, models."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.http import require_POST, require_safe

from billing import storefront
from billing.models import Interval
from billing.plans import CREDIT_PACKS, PLANS, TRIAL
from generation.engine.checkpoints import catalogue
from generation.options import example_images, mode_names, on_offer, presets
from generation.options.offered import offered
from generation.studio import prefill

# Example images on a page: four columns on a desktop, three on a phone.
MAX_EXAMPLES = 16


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """generation/home.html

    wall: ExampleSet; pictures: list[ExampleImage]; example: str; models: list[Model]; drawing: the default
    Model; trial_pictures: int | None, images of the default model in the trial's minutes; uses: list[Fit];
    offered: list[storefront.Offered]; trial: Plan; credit_packs: list[CreditPack]; currency: str;
    example_cents: float, price of the receipt's image on the first plan.
    """
    models = on_offer.models()
    drawing = models[0]
    examples = example_images.bundled()
    first_plan = next(iter(PLANS.values()))
    context = {
        "wall": examples,
        "pictures": examples.pictures[:MAX_EXAMPLES],
        "example": examples.pictures[0].prompt(get_language()),
        "models": models,
        "drawing": drawing,
        "trial_pictures": round(drawing.rate.pictures_a_minute * TRIAL.gpu_minutes)
        if drawing.rate
        else None,
        "uses": on_offer.uses(),
        "offered": storefront.offered(request.user, Interval.MONTH),
        "trial": TRIAL,
        "credit_packs": list(CREDIT_PACKS.values()),
        "currency": settings.CURRENCY,
        "example_cents": on_offer.cents(examples.making.receipt.charged_ms, plan=first_plan),
    }
    return render(request, "generation/home.html", context)


@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Keep the prompt for the studio and redirect there, for visitors by way of sign-up."""
    preset_id = request.POST.get("preset", "")
    prefill.keep(request, text=request.POST.get("prompt", ""), preset_id=preset_id)
    return redirect("studio" if request.user.is_authenticated else "account_signup")


@require_safe
def uses(request: HttpRequest) -> HttpResponse:
    return render(request, "generation/uses.html", {"uses": on_offer.uses()})


@require_safe
def use(request: HttpRequest, preset_id: str) -> HttpResponse:
    """generation/use.html

    use: Fit; preset: Preset; mode: its name; example, frame: str; trial: Plan;
    picture: ExampleImage | None.
    """
    try:
        preset = presets.get(preset_id)
    except presets.UnknownPreset as error:
        raise Http404 from error
    language = get_language()
    context = {
        "use": presets.fit(preset, among=offered()),
        "preset": preset,
        "mode": mode_names.NAMES[preset.mode],
        "example": preset.example(language),
        "frame": preset.frame(language),
        "trial": TRIAL,
        "picture": example_images.bundled().picture(preset.id),
    }
    return render(request, "generation/use.html", context)


@require_safe
def models(request: HttpRequest) -> HttpResponse:
    return render(request, "generation/models.html", {"models": on_offer.models()})


@require_safe
def model(request: HttpRequest, checkpoint_id: str) -> HttpResponse:
    """generation/model.html

    model: Model; pictures: list[ExampleImage] drawn by it.
    """
    try:
        checkpoint = catalogue.get(checkpoint_id)
    except catalogue.UnknownCheckpoint as error:
        raise Http404 from error
    examples = example_images.bundled()
    drawn = examples.pictures[:MAX_EXAMPLES] if examples.checkpoint == checkpoint.id else ()
    context = {"model": on_offer.model(checkpoint), "pictures": drawn}
    return render(request, "generation/model.html", context)
