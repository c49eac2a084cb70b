"""All configuration, from the environment, each value with its default. Boots with nothing set."""

from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import platformdirs
from django.utils.translation import gettext_lazy as _
from environs import Env, validate

from sdsite import file_modes, logs, valkey

env = Env()
BASE_DIR = Path(__file__).resolve().parent.parent

# Machine and site -------------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", False)
# Data on this machine: media, emails in development, embedded servers.
DATA_DIR = Path(env.str("DATA_DIR", platformdirs.user_data_dir("sdsite")))
# The deployment checks refuse this public key outside of DEBUG.
SECRET_KEY = env.str("SECRET_KEY", "insecure-" + "development-only-" * 3)
# Earlier keys, still accepted for signed and encrypted data.
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
SITE_URL = env.str("SITE_URL", "http://127.0.0.1:8000")
SITE_NAME = env.str("SITE_NAME", "Stepwise")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "sdsite.admin_config.OperatorsConfig",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "channels",
    "corsheaders",
    "csp",
    "django_structlog",
    "ninja",
    "accounts",
    "billing",
    "generation",
    "sdsite",
]

MIDDLEWARE = [
    "sdsite.request_metrics.count_requests",
    "sdsite.health.answer_probes",
    "generation.api.key_in_path.take_key_out",
    "sdsite.input_guard.clean_address",
    "generation.api.cross_origin.CrossOriginMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "sdsite.compression.CompressionMiddleware",
    "sdsite.static_files.StaticFilesMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.LanguageMiddleware",
    "accounts.time_zones.TimeZoneMiddleware",
    "accounts.languages.AskedLanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "generation.api.call_log_middleware.note_calls",
    "sdsite.input_guard.refuse_unfit_fields",
]

ROOT_URLCONF = "sdsite.urls"
DEFAULT_EXCEPTION_REPORTER = "sdsite.debugging.Reporter"
ASGI_APPLICATION = "sdsite.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "sdsite.context.site",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# Servers ----------------------------------------------------------------------------------------

DATABASE_URL = env.str("DATABASE_URL", "postgres://sdsite@127.0.0.1:5432/sdsite")
REDIS_URL = env.str("REDIS_URL", "redis://127.0.0.1:6379/0")

DATABASES = {"default": env.dj_db_url("DATABASE_URL", DATABASE_URL)}
DATABASES["default"].update(
    ENGINE="django.db.backends.postgresql",
    CONN_HEALTH_CHECKS=True,
)
DATABASES["default"].setdefault("OPTIONS", {}).update(
    # The server ends idle transactions: a stopped process must not keep a wallet's lock.
    options="-c idle_in_transaction_session_timeout=2s -c lock_timeout=3s -c statement_timeout=5s",
    # Requests under ASGI and Celery's pool run in changing threads: only a pool keeps connections.
    pool={
        "min_size": 0,
        "max_size": env.int("DATABASE_POOL_SIZE", 20),
        # A request that gets no connection answers 503: most ask several times before they give up.
        "timeout": env.int("DATABASE_POOL_WAIT_SECONDS", 2),
        # The pause between two tries doubles until this: a server that is back must be found soon.
        "reconnect_timeout": 4,
    },
    # A host that vanishes closes no connection: see sdsite/valkey.py. On a socket of this machine they
    # have no effect.
    connect_timeout=3,
    keepalives_idle=5,
    keepalives_interval=2,
    keepalives_count=2,
    tcp_user_timeout=5_000,
)

# For every client of Valkey: without them, a silent network would hang it.
REDIS_OPTIONS = valkey.options(REDIS_URL)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": REDIS_OPTIONS,
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "hosts": [{"address": REDIS_URL, "parser_class": valkey.Parser, **REDIS_OPTIONS}]
        },
    }
}

# Celery has its own URL scheme for a socket.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://").replace(
    "?db=", "?virtual_host="
)
# Celery also pings its idle connections, because a worker that only listens sends nothing.
CELERY_BROKER_TRANSPORT_OPTIONS = {**REDIS_OPTIONS, "health_check_interval": 5}
# A bell that finds no broker is let go: whoever rings, such as a request, must not wait for long.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Emails in development print to the terminal unchanged.
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
# Workers take jobs alone: what waits for strangers' servers, or works for minutes, must not hold their threads.
# The release before had one queue for all, whose messages workers still take.
JOB_QUEUE = CELERY_TASK_DEFAULT_QUEUE = "celery"
BACKGROUND_QUEUE = "background"
CELERY_TASK_ROUTES = (
    [("generation.work", {"queue": JOB_QUEUE}), ("*", {"queue": BACKGROUND_QUEUE})],
)
# Threads of `manage.py background`.
BACKGROUND_THREADS = env.int("BACKGROUND_THREADS", 8)
# One process for each device, whose threads feed one engine; a few more take bells that ring meanwhile.
WORKER_SLOTS = env.int("WORKER_SLOTS", 8)
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_CONCURRENCY = WORKER_SLOTS + 4
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")


def every(task: str, *, seconds: float, expires: int | None = None) -> dict[str, Any]:
    """A beat entry. Its message expires before the next one, so that none pile up without a worker."""
    return {
        "task": task,
        "schedule": float(seconds),
        "options": {"expires": int(seconds) if expires is None else expires},
    }


CELERY_BEAT_SCHEDULE = {
    "reap": every("generation.reap", seconds=5),
    "sweep": every("generation.sweep", seconds=3600),
    "start parked": every("generation.start_parked", seconds=60),
    "send webhooks": every("generation.send_webhooks", seconds=30),
    "send mails": every("accounts.send_mails", seconds=30),
    "make exports": every("accounts.make_exports", seconds=60),
    "erase accounts": every("accounts.erase_accounts", seconds=15),
    "tidy": every("accounts.tidy", seconds=3600),
    "reconcile": every("billing.reconcile", seconds=21_600, expires=3_600),
    "expire": every("billing.expire", seconds=600),
    "tell minutes": every("billing.tell_minutes", seconds=60),
    "process events": every("billing.process_events", seconds=30),
    "catch up": every("billing.catch_up", seconds=3600),
    "cancel again": every("billing.cancel_all_again", seconds=60),
    "grant due months": every("billing.grant_due_months", seconds=600),
    "renew sandbox subscriptions": every("billing.renew_sandbox_subscriptions", seconds=600),
}

# Accounts ---------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
    )
]
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", 0)
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "add_email": "accounts.forms.ChangeAddressForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "reset_password_from_key": "accounts.forms.ResetPasswordForm",
    "set_password": "accounts.forms.SetPasswordForm",
    "signup": "accounts.forms.SignupForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
# A link may open in another browser than the one that signs up, and a passkey sign-up must continue in the
# same browser.
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# In addition to allauth's own, which limit sign-ups, sign-ins, codes and resets per minute.
ACCOUNT_RATE_LIMITS = {
    "api_key": "20/h/user",
    "delete_account": "5/m/user",
    "detect": "20/m/ip",
    "export": "3/h/user",
    "submit": "60/m/user",
    "upload": "60/m/user",
}
MFA_ADAPTER = "accounts.adapter.MFAAdapter"
MFA_FORMS = {
    "add_webauthn": "accounts.passkeys.AddForm",
    "authenticate_webauthn": "accounts.passkeys.AuthenticateForm",
    "login_webauthn": "accounts.passkeys.LoginForm",
    "reauthenticate_webauthn": "accounts.passkeys.ReauthenticateForm",
    "signup_webauthn": "accounts.passkeys.SignupForm",
}
MFA_SUPPORTED_TYPES = ["recovery_codes", "totp", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_PASSKEY_SIGNUP_ENABLED = True
MFA_TOTP_ISSUER = SITE_NAME
# Phone clocks are off by some seconds.
MFA_TOTP_TOLERANCE = 1
LOGIN_REDIRECT_URL = "studio"
ACCOUNT_LOGOUT_REDIRECT_URL = "home"

# Social sign-in: a provider is offered if the environment has its keys.
SOCIALACCOUNT_PROVIDERS: dict[str, dict[str, Any]] = {}
# Targets of our sign-in forms, for the Content-Security-Policy.
SOCIALACCOUNT_ORIGINS: list[str] = []
if GOOGLE_CLIENT_ID := env.str("GOOGLE_CLIENT_ID", ""):
    SOCIALACCOUNT_PROVIDERS["google"] = {
        "APPS": [{"client_id": GOOGLE_CLIENT_ID, "secret": env.str("GOOGLE_CLIENT_SECRET", "")}],
        "SCOPE": ["email"],
        # Both verify email addresses: a verified one signs in to the account that has it.
        "EMAIL_AUTHENTICATION": True,
    }
    SOCIALACCOUNT_ORIGINS.append("https://accounts.google.com")
if GITHUB_CLIENT_ID := env.str("GITHUB_CLIENT_ID", ""):
    SOCIALACCOUNT_PROVIDERS["github"] = {
        "APPS": [{"client_id": GITHUB_CLIENT_ID, "secret": env.str("GITHUB_CLIENT_SECRET", "")}],
        "SCOPE": ["user:email"],
        "EMAIL_AUTHENTICATION": True,
    }
    SOCIALACCOUNT_ORIGINS.append("https://github.com")
if OIDC_SERVER_URL := env.str("OIDC_SERVER_URL", ""):
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {
        "APPS": [
            {
                "provider_id": "oidc",
                "name": env.str("OIDC_NAME", "") or "OpenID Connect",
                "client_id": env.str("OIDC_CLIENT_ID", ""),
                "secret": env.str("OIDC_CLIENT_SECRET", ""),
                "settings": {"server_url": OIDC_SERVER_URL},
            }
        ]
    }
    SOCIALACCOUNT_ORIGINS.append("{0.scheme}://{0.netloc}".format(urlsplit(OIDC_SERVER_URL)))
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
INSTALLED_APPS += [f"allauth.socialaccount.providers.{each}" for each in SOCIALACCOUNT_PROVIDERS]

# Without a mail server, emails are files in the data folder, and their links are printed.
EMAIL_BACKEND = env.str("EMAIL_BACKEND", "accounts.dev_mail.FolderBackend")
EMAIL_FILE_PATH = DATA_DIR / "mail"
EMAIL_HOST = env.str("EMAIL_HOST", "localhost")
EMAIL_PORT = env.int("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", False)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", f"{SITE_NAME} <noreply@localhost>")

# Billing ----------------------------------------------------------------------------------------

STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", "")
STRIPE_WEBHOOK_SECRET = env.str("STRIPE_WEBHOOK_SECRET", "")
# Another base URL than Stripe's own.
STRIPE_API_URL = env.str("STRIPE_API_URL", "")
TRIAL_GPU_MINUTES = env.int("TRIAL_GPU_MINUTES", 5)
# Currency of the price catalog, and the rates of other currencies for one unit of it: "eur=0.95,gbp=0.8".
CURRENCY = env.str("CURRENCY", "usd").lower()
CURRENCY_RATES: dict[str, Decimal] = env.dict("CURRENCY_RATES", {}, subcast_values=Decimal)
# Stripe Tax, on top of the prices or included in them.
STRIPE_TAX = env.bool("STRIPE_TAX", False)
STRIPE_TAX_CODE = env.str("STRIPE_TAX_CODE", "txcd_10103000")  # software as a service, personal use
TAX_BEHAVIOR = env.str(
    "TAX_BEHAVIOR", "exclusive", validate=validate.OneOf(["exclusive", "inclusive"])
)
# The cost of a device hour, for the operator's margin.
DEVICE_HOUR_CENTS = env.int("DEVICE_HOUR_CENTS", 0)

# Generation -------------------------------------------------------------------------------------

# Folders of downloaded checkpoints; the sketchbook comes with the code.
CHECKPOINTS_DIR = Path(env.str("CHECKPOINTS_DIR", str(DATA_DIR / "checkpoints")))
# The model of API requests that name none, if it can make what they ask for. Empty, or else: the first that can,
# and the sketchbook last.
DEFAULT_CHECKPOINT = env.str("DEFAULT_CHECKPOINT", "")
# The hub's access token for gated checkpoints, used by `manage.py checkpoints fetch`.
HF_TOKEN = env.str("HF_TOKEN", "")
# Memory for a device's checkpoints; 0 leaves as much free as the work needs.
WORKER_WARM_BYTES = env.int("WORKER_WARM_BYTES", 0)
# Optimizations of the worker; see docs/checkpoints.md. Empty picks them by checkpoint and device.
WORKER_DTYPE = env.str(
    "WORKER_DTYPE", "", validate=validate.OneOf(["", "float32", "float16", "bfloat16"])
)
WORKER_ATTENTION = env.str("WORKER_ATTENTION", "fused", validate=validate.OneOf(["fused", "plain"]))
WORKER_CHANNELS_LAST = env.bool("WORKER_CHANNELS_LAST", False)
WORKER_COMPILE = env.bool("WORKER_COMPILE", False)
WORKER_GRAPHS = env.bool("WORKER_GRAPHS", True)
# The most images in a batch; guidance counts each twice.
WORKER_MAX_ROWS = env.int("WORKER_MAX_ROWS", 16, validate=validate.Range(min=1))
# Prompt policy: the categories that apply (see generation/moderation/policy), and the folder of its rules.
PROMPT_POLICY: list[str] = env.list(
    "PROMPT_POLICY",
    ["minors", "sexual", "nudity", "gore", "hate", "self_harm"],
    validate=validate.ContainsOnly(["minors", "sexual", "nudity", "gore", "hate", "self_harm"]),
)
PROMPT_POLICY_DIR = Path(
    env.str("PROMPT_POLICY_DIR", str(BASE_DIR / "generation" / "moderation" / "policy"))
)
# Show operators the text of refused prompts, or only user, time and reason.
KEEP_REFUSED_PROMPTS = env.bool("KEEP_REFUSED_PROMPTS", False)
# Without the weights of the safety checker: warn, or refuse every job.
WITHOUT_SAFETY_CHECKER = env.str(
    "WITHOUT_SAFETY_CHECKER", "warn", validate=validate.OneOf(["warn", "refuse"])
)
LEASE_SECONDS = env.int("LEASE_SECONDS", 30)
LEASE_RENEWAL_SECONDS = env.int("LEASE_RENEWAL_SECONDS", 5)
# A job that loses its worker this often fails: it is probably the cause.
MAX_ATTEMPTS = 3
# A stopping worker lets its jobs run for this long, then hands them back.
WORKER_GRACE_SECONDS = env.int("WORKER_GRACE_SECONDS", 10)
# A worker ends if its device, tender or publisher makes no progress for this long; see worker/watchdog.py.
WORKER_STALL_SECONDS = env.int("WORKER_STALL_SECONDS", 60)
# A worker looks about this often for jobs of dead workers, in case beat is away.
WORKER_REAP_SECONDS = env.int("WORKER_REAP_SECONDS", 30)
PREVIEW_INTERVAL_SECONDS = 0.25
# A worker keeps the state of each run this often, so that another one loses no more of it. All together take so many
# bytes in Valkey.
SAVE_INTERVAL_SECONDS = env.float("SAVE_INTERVAL_SECONDS", 2.0)
SAVED_RUNS_BYTES = env.int("SAVED_RUNS_BYTES", 256 * 2**20)
# States of finished pictures and drafts, from which others go on, take so many bytes in the media store at most.
KEPT_STATES_BYTES = env.int("KEPT_STATES_BYTES", 4 * 2**30)

# Images are marked as AI-made. With a certificate (PEM, followed by its issuer's) and its key, they are also
# signed by C2PA; a timestamp lets the signature outlive the certificate.
C2PA_CERTIFICATE = env.str("C2PA_CERTIFICATE", "")
C2PA_KEY = env.str("C2PA_KEY", "")
C2PA_TIMESTAMP_URL = env.str("C2PA_TIMESTAMP_URL", "")

# API: requests per key and minute, and webhooks to addresses of the private network.
API_REQUESTS_A_MINUTE = env.int("API_REQUESTS_A_MINUTE", 600, validate=validate.Range(min=1))
WEBHOOKS_TO_PRIVATE_ADDRESSES = env.bool("WEBHOOKS_TO_PRIVATE_ADDRESSES", DEBUG)
# Websites whose pages may call the API from a browser, such as https://app.example, or * for any; see
# generation/api/cross_origin.py. The other names are those of the library, which checks them.
CORS_ORIGINS: list[str] = env.list("CORS_ORIGINS", [])
CORS_ORIGINS = [each.rstrip("/").lower() for each in CORS_ORIGINS]
CORS_ALLOWED_ORIGINS = [each for each in CORS_ORIGINS if each != "*"]
CORS_EXPOSE_HEADERS = [
    "Finish-Reason",
    "Mcp-Session-Id",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "Seed",
    "X-Job-Id",
    "X-Request-Id",
    "X-Should-Retry",
]
CORS_PREFLIGHT_MAX_AGE = 3_600

# Files ------------------------------------------------------------------------------------------

# A group that may read media and static files in the data folder, such as the proxy's.
FILES_GROUP = env.str("FILES_GROUP", "")
SERVED = file_modes.served(FILES_GROUP)
STATIC_ROOT = Path(env.str("STATIC_ROOT", str(DATA_DIR / "static")))
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": DATA_DIR / "media",
            "base_url": None,
            **file_modes.options(SERVED),
        },
    },
    "staticfiles": {
        "BACKEND": "sdsite.static_files.StaticFilesStorage"
        if not DEBUG
        else "django.contrib.staticfiles.storage.StaticFilesStorage",
        "OPTIONS": file_modes.options(
            SERVED if STATIC_ROOT.is_relative_to(DATA_DIR) else file_modes.PUBLIC
        ),
    },
}
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "sdsite.stylesheet.StylesheetFinder",
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
]
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20

# Languages --------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

# Security ---------------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "connect-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'", *SOCIALACCOUNT_ORIGINS],
        "frame-ancestors": ["'none'"],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Cookie names for two sites on one host, which a browser would mix up.
COOKIE_SUFFIX = env.str("COOKIE_SUFFIX", "")
SESSION_COOKIE_NAME = f"sessionid{COOKIE_SUFFIX}"
CSRF_COOKIE_NAME = f"csrftoken{COOKIE_SUFFIX}"
LANGUAGE_COOKIE_NAME = f"language{COOKIE_SUFFIX}"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
# HTTPS is expected unless the site runs on a developer's machine.
HTTPS = env.bool("HTTPS", not DEBUG)
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
# Both bind more than this site: every subdomain needs HTTPS from then on, and browsers' preload lists are left
# only after months. They are the choice of the domain's owner.
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("HSTS_SUBDOMAINS", False)
SECURE_HSTS_PRELOAD = env.bool("HSTS_PRELOAD", False)
# Django warns about each that is off.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
BEHIND_PROXY = env.bool("BEHIND_PROXY", False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# Metrics ----------------------------------------------------------------------------------------

# The bearer token of Prometheus. Without one, only this machine may read the metrics.
METRICS_TOKEN = env.str("METRICS_TOKEN", "")

# Logs -------------------------------------------------------------------------------------------

# No user id: the error page for a missing PostgreSQL would query PostgreSQL for it.
DJANGO_STRUCTLOG_USER_ID_FIELD = None
# It would believe any X-Forwarded-For. `sdsite.client_address` binds the address instead.
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
LOGGING = logs.config(level=env.str("LOG_LEVEL", "INFO"), readable=DEBUG)
