"""Error bodies as AUTOMATIC1111's web UI sends them, which are FastAPI's."""

from collections.abc import Mapping

from django.http import JsonResponse

from generation.api.endpoint import ApiFormat
from generation.api.errors import ApiError

# Our names of fields to theirs.
PARAMS: Mapping[str, str] = {
    "checkpoint": "sd_model_checkpoint",
    "num_inference_steps": "steps",
    "guidance_scale": "cfg_scale",
    "noise_scheduler": "sampler_name",
    "sigma_schedule": "scheduler",
    "num_images": "batch_size",
    "strength": "denoising_strength",
    "mask_fill": "inpainting_fill",
    "only_masked": "inpaint_full_res",
    "mask_padding": "inpaint_full_res_padding",
}


def missing(message: str) -> ApiError:
    """The error for a feature of the web UI that this site lacks."""
    return ApiError(404, "not_here", message)


def _response(error: ApiError) -> JsonResponse:
    if error.status == 422:
        details = [
            {"loc": ["body", PARAMS.get(param, param)], "msg": message, "type": "value_error"}
            for param, message in (error.errors or {"body": error.message}).items()
        ]
        return JsonResponse({"detail": details}, status=422)
    body = {
        "error": "HTTPException",
        "detail": error.explained,
        "body": "",
        "errors": error.code,
    }
    response = JsonResponse(body, status=error.status)
    if error.status == 401:
        response["WWW-Authenticate"] = "Basic"
    return response


api_format = ApiFormat(error_response=_response)
