"""Every page of the site, found in its URL patterns, so that a new one can't be forgotten.

A route is a page if it answers a GET of any audience with a whole document. Other routes are no pages by
nature (another method, a file, a part of a page), or listed in ELSEWHERE. `fill` has a value for each
argument of a route.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse

from generation.engine.enums import Mode

AUDIENCES = ("visitor", "member", "newcomer", "operator")
# Routes that redirect, or that have no page without data.
ELSEWHERE = {
    "account_confirm_login_code": "is shown to whom a code was sent",
    "account_email_verification_sent": "is shown to whom a code was sent",
    "account_set_password": "is for those who have none",
    "accounts:export_download": "is a file",
    "billing:confirm_end": "is for those whose renewal failed",
    "billing:pay": "leads to the page where an invoice is paid",
    "billing:success": "is a redirect's target, with a checkout of one's own",
    "compare": "needs two pictures, and is among the scenes",
    "github_callback": "is where another site sends people to",
    "google_callback": "is where another site sends people to",
    "google_login_by_token": "is where another site sends people to",
    "draft_preview": "is a picture",
    "mfa_authenticate": "is for those who have a second factor",
    "mfa_deactivate_totp": "is for those who have a second factor",
    "mfa_download_recovery_codes": "is for those who have a second factor",
    "mfa_edit_webauthn": "is for those who have a passkey",
    "mfa_login_webauthn": "is data",
    "mfa_reauthenticate": "is for those who have a second factor",
    "mfa_reauthenticate_webauthn": "is for those who have a passkey",
    "mfa_remove_webauthn": "is for those who have a passkey",
    "mfa_signup_webauthn": "is shown to who signs up with a passkey",
    "mfa_view_recovery_codes": "is for those who have a second factor",
    "openid_connect_callback": "is where another site sends people to",
    "socialaccount_login_error": "is where another site sends people to",
    "socialaccount_signup": "is shown to who comes from another site",
    "share_file": "is a picture",
    "trash_thumbnail": "is a picture",
    "usersessions_list": "leads to a page of ours",
}
# Pages that may ask for the password first, or that need keys of other sites in the settings: the tests can't
# rely on them.
SOMETIMES = {
    "accounts:delete",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "mfa_generate_recovery_codes",
    "github_login",
    "google_login",
    "openid_connect_login",
}
# Pages that differ for new users and visitors.
EMPTY_FOR_NEWCOMERS = {"studio", "gallery", "billing:usage"}
DIFFERENT_FOR_MEMBERS = {"home", "billing:plans"}
ERRORS = ("400", "403", "403_csrf", "404", "429", "500", "503")
# Views of Django's, and of the API's document, which functools creates.
NOT_OURS = ("django.", "functools")
BACKSTAGE = "admin:"


@dataclass(frozen=True)
class Route:
    """A URL pattern: its name with namespaces, and the names of its arguments."""

    name: str
    arguments: tuple[str, ...]

    def path(self, known: Mapping[str, str]) -> str:
        """The route's path with the known arguments. Raises LookupError for an unknown argument."""
        return reverse(
            self.name, kwargs={name: self._value(name, known) for name in self.arguments}
        )

    def _value(self, name: str, known: Mapping[str, str]) -> str:
        for key in (f"{self.name}.{name}", name):
            if key in known:
                return known[key]
        raise LookupError(f"{self.name}: say in tests/showing/fill.py what stands for {name!r}")


@dataclass(frozen=True)
class Page:
    """A page as one audience sees it.

    `template` is what stands at its path where the site has nothing there. The first audience's is the
    common one, which goes by the page's name alone.
    """

    name: str
    path: str
    audience: str
    template: str = ""
    is_common: bool = True

    @property
    def is_worth_drawing(self) -> bool:
        """True if no earlier audience sees the same page."""
        return self.is_common or self.name in EMPTY_FOR_NEWCOMERS | DIFFERENT_FOR_MEMBERS

    @property
    def is_error(self) -> bool:
        """True if the browser's console may report an error."""
        return self.name.startswith("error")

    @property
    def label(self) -> str:
        """A name usable as a file name."""
        stem = self.name.replace(":", "-").replace("_", "-").replace(" ", "-")
        return stem if self.is_common else f"{stem}-{self.audience}"


class Unknown(Exception):
    """A route that is neither a page nor listed as no page."""


def routes() -> list[Route]:
    """All routes of the site's own URL patterns."""
    return sorted(set(_walk(get_resolver(), namespace="")), key=lambda route: route.name)


def _walk(resolver: URLResolver, *, namespace: str, outer: tuple[str, ...] = ()) -> Iterator[Route]:
    for pattern in resolver.url_patterns:
        arguments = (*outer, *pattern.pattern.regex.groupindex)
        if isinstance(pattern, URLPattern):
            if not pattern.callback.__module__.startswith(NOT_OURS) and namespace != BACKSTAGE:
                yield Route(f"{namespace}{pattern.name}", arguments)
        else:
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _walk(pattern, namespace=inner, outer=arguments)


def find(get, known: Mapping[str, str]) -> list[Page]:
    """Every page, as visitors and members see it, or as the first audience that may.

    `get(path, audience)` follows redirects and returns status, content type, text and the path at the
    end. Raises Unknown with every undecided route.
    """
    found, problems = [], []
    for route in routes():
        try:
            found += _pages(route, get, known)
        except (Unknown, LookupError) as problem:
            problems.append(str(problem))
    if problems:
        raise Unknown("\n".join(problems))
    return found


def _pages(route: Route, get, known: Mapping[str, str]) -> Iterator[Page]:
    if route.name in SOMETIMES:
        return
    path = route.path(known)
    seen, found = {}, False
    for audience in AUDIENCES:
        if found and not _differs(route, audience):
            continue
        status, kind, text, end = get(path, audience)
        # JSON answers are for programs, including errors.
        is_for_programs = "json" in kind or (status == 200 and not _is_document(kind, text))
        if status == 405 or is_for_programs:
            return
        seen[audience] = status, end
        if status == 200 and _name_at(end) == route.name:
            yield Page(route.name, path, audience, is_common=not found)
            found = True
    if found == (route.name in ELSEWHERE):
        shows = "is in ELSEWHERE and shows" if found else "is not in ELSEWHERE and shows nobody"
        raise Unknown(f"{route.name} {shows} a page: {seen}")


def scenes(known: Mapping[str, str]) -> list[Page]:
    """Pages in special states, and error pages."""
    studio = reverse("studio")
    return [
        Page("studio drawing", f"{studio}?job={known['running_id']}", "member"),
        *(
            Page(f"studio {mode}", f"{studio}?from={known['image_id']}&mode={mode}", "member")
            for mode in (Mode.IMAGE_TO_IMAGE, Mode.INPAINT, Mode.OUTPAINT)
        ),
        Page("studio preset", f"{studio}?preset=posts&size=story", "member"),
        Page("use synthetic", reverse("use", args=["medical-simulation"]), "visitor"),
        Page(
            "compare", f"{reverse('compare')}?a={known['image_id']}&b={known['image_id']}", "member"
        ),
        Page("drafts", reverse("job", args=[known["drafts_id"]]), "member"),
        Page("model absent", reverse("model", args=["sd-1.5"]), "visitor"),
        *(
            Page(f"error {name}", f"/errors/{name}/", "visitor", template=f"{name}.html")
            for name in ERRORS
        ),
    ]


def _is_document(kind: str, text: str) -> bool:
    return kind.startswith("text/html") and "<html" in text


def _differs(route: Route, audience: str) -> bool:
    """True if the audience sees the page differently from earlier audiences."""
    return audience == "member" or (audience == "newcomer" and route.name in EMPTY_FOR_NEWCOMERS)


def _name_at(path: str) -> str:
    return resolve(path).view_name
