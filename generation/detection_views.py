"""The page that says whether a picture was made here; for everybody, with or without an account."""

from allauth.core import ratelimit
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from generation import detection, uploads
from generation.detection_forms import PictureForm

# The rate in the settings is by the minute.
RETRY_SECONDS = 60


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def detect(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "generation/detect.html", {"form": PictureForm()})
    if not ratelimit.consume(request, action="detect"):
        response = render(request, "429.html", status=429)
        response["Retry-After"] = str(RETRY_SECONDS)
        return response
    form = PictureForm(request.POST, request.FILES)
    finding = None
    if form.is_valid():
        try:
            finding = detection.look_at(form.cleaned_data["picture"])
        except uploads.UploadRefused as refusal:
            form.add_error("picture", str(refusal))
    context = {"form": form, "finding": finding}
    status = 200 if finding else 400
    return render(request, "generation/detect.html", context, status=status)
