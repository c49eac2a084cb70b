"""Public page that tells if an image was made here."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import body_sizes
from accounts.rate_limits import limited
from generation.images import detection, uploads
from generation.public.detection_forms import PictureForm


@body_sizes.accepts(uploads.MAX_BYTES + body_sizes.BESIDE_FILES)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@limited("detect")
def detect(request: HttpRequest) -> HttpResponse:
    """generation/detect.html

    form: PictureForm; finding: Finding | None.
    """
    if request.method != "POST":
        return render(request, "generation/detect.html", {"form": PictureForm()})
    form = PictureForm(request.POST, request.FILES)
    finding = None
    if form.is_valid():
        try:
            finding = detection.inspect(form.cleaned_data["picture"])
        except uploads.UploadRefused as refusal:
            form.add_error("picture", str(refusal))
    context = {"form": form, "finding": finding}
    status = 200 if finding else 400
    return render(request, "generation/detect.html", context, status=status)
