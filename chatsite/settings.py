"""Settings: defaults that serve from one folder, and the environment on top.

Nothing here is edited for a deployment; docs/operations.md lists the variables.
Hosts beyond loopback mean production: then cookies are for TLS only, plain HTTP
is sent to HTTPS and browsers are told to remember it.
"""

import sys
from pathlib import Path

import dj_database_url

from chatsite.email import email_settings
from chatsite.env import (
    DATABASE_SCHEMES,
    EMAIL_SCHEMES,
    REDIS_SCHEMES,
    Env,
    EnvError,
    is_loopback,
)

BASE_DIR = Path(__file__).resolve().parent.parent
env = Env(BASE_DIR)
try:
    VAR_DIR = env.var_dir()
    DEBUG = env.switch("DEBUG")
    ALLOWED_HOSTS = env.hosts()
    BIND = env.address()
    PORT = env.port()
    REDIS_URL = env.url("REDIS_URL", REDIS_SCHEMES)
    DATABASE_URL = env.url("DATABASE_URL", DATABASE_SCHEMES, f"sqlite:///{VAR_DIR / 'db.sqlite3'}")
    JOBS_ENGINE = env.choice("JOBS_ENGINE", ("embedded", "celery"))
    RATE_LIMITS = env.switch("RATE_LIMITS", default=True)
    SECRET_KEY = env.secret("SECRET_KEY", VAR_DIR / "secret_key", length=50)
    EMAIL_URL = env.url("EMAIL_URL", EMAIL_SCHEMES, "console://")
    SITE_NAME = env.text("SITE_NAME", "Chat")
    if JOBS_ENGINE == "celery" and not REDIS_URL:
        raise EnvError("JOBS_ENGINE", "celery needs REDIS_URL, its broker")
except EnvError as error:
    sys.exit(str(error))

IS_PRODUCTION = not all(is_loopback(host) for host in ALLOWED_HOSTS)

# --- Applications -----------------------------------------------------------

INSTALLED_APPS = [
    "daphne",  # first, so that `runserver` serves ASGI
    "chatsite.realtime",
    "accounts",
    "notifications",
    "chat",
    "chatsite",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "channels",
    "ninja",
    "django.contrib.humanize",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",  # before the policy: that is for pages, and longer than most files
    "django.middleware.gzip.GZipMiddleware",
    "chatsite.middleware.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.PreferencesMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.ActivityMiddleware",
    "accounts.middleware.FirstRunMiddleware",
]

ROOT_URLCONF = "chatsite.urls"
ASGI_APPLICATION = "chatsite.asgi.application"

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
                "chatsite.context.site",
            ],
            "builtins": ["chatsite.templatetags.look"],
        },
    }
]

# --- Data -------------------------------------------------------------------

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": dj_database_url.parse(DATABASE_URL)}
DATABASE = DATABASES["default"]
if DATABASE["ENGINE"].endswith("sqlite3"):
    # FULL: what was acknowledged survives a power cut. IMMEDIATE: a transaction that
    # reads and then writes waits for its turn instead of failing half-way.
    # Writers stand in line. The log in front of the database gives space back after a burst.
    DATABASE["ENGINE"] = "chatsite.sqlite3"
    DATABASE["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=67108864;",
    }
    DATABASE["CONN_MAX_AGE"] = None  # threads are kept, and each keeps its open file
    DATABASE["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}  # a file: threads share it
else:
    DATABASE["CONN_HEALTH_CHECKS"] = True
    DATABASE["DISABLE_SERVER_SIDE_CURSORS"] = True  # PgBouncer in transaction mode has none
    # Per process, connections are held by 4 + 4 threads of the sockets' commands, the posts' writer, the hub's
    # two watches and up to 4 jobs; what is left is shared by requests, heartbeats, the sweep and probes, each for
    # moments. After `timeout` a request hears 503. A lost server is tried again without the long pauses that
    # the pool makes when it is patient: who gives up after 2 s begins anew with the next that asks.
    DATABASE["OPTIONS"] = {
        "connect_timeout": 5,
        "keepalives_idle": 30,
        "tcp_user_timeout": 15_000,  # milliseconds without an answer from the other machine
        **DATABASE.get("OPTIONS", {}),
        "pool": {"min_size": 2, "max_size": 20, "timeout": 3, "max_lifetime": 30 * 60, "reconnect_timeout": 2},
    }

if REDIS_URL:
    REDIS_TIMEOUTS = {"socket_timeout": 5, "socket_connect_timeout": 2, "socket_keepalive": True}
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [{"address": REDIS_URL, "health_check_interval": 15, **REDIS_TIMEOUTS}]},
        }
    }
    CACHES = {
        "default": {
            "BACKEND": "chatsite.caching.SteadyCache",
            "LOCATION": REDIS_URL,
            "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},  # pages wait for it
        }
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

MEDIA_ROOT = VAR_DIR / "uploads"
MEDIA_URL = "/media/"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# --- People -----------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"

ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "accounts.forms.door.LoginForm",
    "signup": "accounts.forms.door.SignupForm",
    "reset_password": "accounts.forms.door.ResetPasswordForm",
    "reset_password_from_key": "accounts.forms.door.ResetPasswordKeyForm",
    "reauthenticate": "accounts.forms.door.ReauthenticateForm",
    "add_email": "accounts.forms.security.AddEmailForm",
    "change_password": "accounts.forms.security.ChangePasswordForm",
    "set_password": "accounts.forms.security.SetPasswordForm",
}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
ACCOUNT_USERNAME_MIN_LENGTH = 2
# Only where mail really goes out can an address be asked to prove itself before the first sign-in.
# There it also hides, at sign-up, whether somebody has an account.
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if EMAIL_URL.startswith("smtp") else "optional"
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if IS_PRODUCTION else "http"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_LOGOUT_REDIRECT_URL = LOGIN_URL
ACCOUNT_SESSION_REMEMBER = None  # asks, with a box to tick
ACCOUNT_RATE_LIMITS: dict[str, str] | bool = {} if RATE_LIMITS else False  # {}: allauth's own
MFA_ADAPTER = "accounts.adapters.MFAAdapter"
MFA_FORMS = {
    "authenticate": "accounts.forms.door.AuthenticateForm",
    "reauthenticate": "accounts.forms.door.ReauthenticateByCodeForm",
    "activate_totp": "accounts.forms.security.ActivateTOTPForm",
    "add_webauthn": "accounts.forms.security.AddPasskeyForm",
    "edit_webauthn": "accounts.forms.security.EditPasskeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RATE_LIMITS: dict[str, str] | bool = {} if RATE_LIMITS else False
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not IS_PRODUCTION  # browsers allow passkeys on http://localhost
USERSESSIONS_TRACK_ACTIVITY = True
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if IS_PRODUCTION else 0

SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = 60 * 60 * 24 * 365
LANGUAGE_COOKIE_SECURE = IS_PRODUCTION
CSRF_USE_SESSIONS = False

vars().update(email_settings(EMAIL_URL, VAR_DIR))

# --- Security ---------------------------------------------------------------

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if IS_PRODUCTION:
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"

# --- Languages and time -----------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español"), ("pt-br", "Português do Brasil")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- Static files -----------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # Hashed names without rewriting modules' imports: the import map resolves them.
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "chatsite.storage.PackedStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_KEEP_ONLY_HASHED_FILES = False

# --- Logs -------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "filters": {"outages": {"()": "chatsite.logs.OutageFilter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["outages"]}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {name: {"level": "WARNING"} for name in ("django.channels.server", "daphne", "psycopg.pool")},
}
