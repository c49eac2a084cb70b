"""The error body of Stability's v1."""

from collections.abc import Mapping

from django.http import JsonResponse

from generation.api import call_log
from generation.api.endpoint import ApiFormat
from generation.api.errors import ApiError
from generation.api.stability.errors import status_and_name
from generation.api.stability.parsing import MAX_BYTES

# Our names of fields to theirs.
PARAMS: Mapping[str, str] = {
    "prompt": "text_prompts",
    "negative_prompt": "text_prompts",
    "checkpoint": "engine_id",
    "num_inference_steps": "steps",
    "guidance_scale": "cfg_scale",
    "noise_scheduler": "sampler",
    "num_images": "samples",
    "strength": "image_strength",
    "image": "init_image",
    "mask": "mask_image",
}


def _response(error: ApiError) -> JsonResponse:
    status, name = status_and_name(error)
    named = [f"{PARAMS.get(param, param)}: {message}" for param, message in error.errors.items()]
    message = " ".join(named) or error.explained
    body = {"id": str(call_log.request_id()), "name": name, "message": message}
    return JsonResponse(body, status=status)


api_format = ApiFormat(error_response=_response, max_bytes=MAX_BYTES)
