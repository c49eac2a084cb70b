"""Error pages, each caused by a failing request, with production settings."""

import os
import re
import subprocess
import sys

import pytest
from django.utils import translation
from playwright.sync_api import expect

from sdsite.machine import answers
from sdsite.processes import PROJECT
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.findings import OVERFLOW
from tests.running import free_port, wait_for

NOWHERE = {"DATABASE_URL": "postgres://x@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1/0"}
SCREENS = [
    pytest.param({"viewport": DESKTOP, "color_scheme": "light"}, id="desktop"),
    pytest.param({"viewport": DESKTOP, "color_scheme": "dark"}, id="dark"),
    pytest.param({"viewport": PHONE, "color_scheme": "light", "locale": "zh-CN"}, id="phone"),
    pytest.param({"viewport": PHONE, "color_scheme": "dark", "locale": "zh-CN"}, id="phone-dark"),
]
screens = pytest.mark.parametrize("screen", SCREENS)
# A request that none of our pages sends.
POST = """([path, fields]) => {
  const form = document.createElement("form");
  form.method = "post";
  form.action = path;
  for (const [name, value] of fields) {
    const input = document.createElement("input");
    [input.type, input.name, input.value] = ["hidden", name, value];
    form.append(input);
  }
  document.body.append(form);
  form.submit();
}"""


@pytest.fixture(scope="package")
def static_files(tmp_path_factory):
    root = tmp_path_factory.mktemp("static")
    command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity=0"]
    subprocess.run(command, env=environment(root), cwd=PROJECT, check=True)
    return root


def environment(static_root, **changes):
    return {
        **os.environ,
        "DEBUG": "0",
        "HTTPS": "0",
        "STATIC_ROOT": str(static_root),
        "DJANGO_SETTINGS_MODULE": "tests.browser.breaking_settings",
        **changes,
    }


@pytest.fixture(scope="package")
def serve(static_files):
    """Starts a web process and returns its address."""
    processes = []

    def serve(**changes):
        port = free_port()
        env = environment(static_files, **changes)
        command = [sys.executable, "manage.py", "web", f"--port={port}"]
        processes.append(subprocess.Popen(command, env=env, cwd=PROJECT))
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/healthz"))
        return f"http://127.0.0.1:{port}"

    yield serve
    for process in processes:
        process.terminate()
        process.wait()


@pytest.fixture(scope="package")
def production(serve, site):
    """The running site's servers and accounts, under production settings."""
    of_site = site.process_of("web").environ()
    names = ("COOKIE_SUFFIX", "DATABASE_URL", "DATA_DIR", "REDIS_URL", "SECRET_KEY")
    return serve(**{name: of_site[name] for name in names})


@pytest.fixture(scope="package")
def without_servers(serve):
    """The site while PostgreSQL and Valkey are away."""
    return serve(**NOWHERE)


@pytest.fixture
def open_errors(chromium):
    """Opens a page without failing on its errors."""
    contexts = []

    def open_errors(url, **options):
        context = chromium.new_context(base_url=url, **options)
        contexts.append(context)
        return context.new_page()

    yield open_errors
    for context in contexts:
        context.close()


def assert_page(page, response, *, status, heading, screen):
    """Expect our own error page, in the reader's language, without overflow."""
    language = "zh-hans" if "locale" in screen else "en"
    with translation.override(language):
        expected = translation.gettext(heading)
    assert response.status == status
    assert page.locator("html").get_attribute("lang") == language
    expect(page.get_by_role("heading", level=1)).to_have_text(expected)
    expect(page.locator("main .badge")).to_have_text(str(status))
    expect(page.locator(".brand")).to_be_visible()
    # The stylesheet is loaded, with the reader's theme.
    color = page.evaluate("getComputedStyle(document.body).backgroundColor")
    lightness = float(re.search(r"oklch\(([\d.]+)", color)[1])
    assert (lightness < 0.5) == (screen["color_scheme"] == "dark")
    assert page.evaluate(OVERFLOW) <= 0


def post(page, path, fields):
    with page.expect_navigation() as navigation:
        page.evaluate(POST, [path, fields])
    return navigation.value


@screens
def test_what_is_malformed(open_errors, without_servers, screen):
    page = open_errors(without_servers, **screen)
    # Get the CSRF cookie, without which the server ignores the form.
    page.goto("/accounts/login/")

    response = post(page, "/accounts/login/", [[f"field-{n}", ""] for n in range(1_001)])

    heading = "That request made no sense"
    assert_page(page, response, status=400, heading=heading, screen=screen)


@screens
def test_what_one_may_not_see(open_errors, production, demo_session, screen):
    page = open_errors(production, storage_state=demo_session, **screen)

    response = page.goto("/admin/")

    assert_page(page, response, status=403, heading="This is not for you", screen=screen)


@screens
def test_a_form_that_has_grown_old(open_errors, without_servers, screen):
    page = open_errors(without_servers, **screen)
    page.goto("/")

    response = post(page, "/account/language/", [["language", "en"]])

    assert_page(page, response, status=403, heading="This page had grown old", screen=screen)


@screens
def test_what_is_not_there(open_errors, without_servers, screen):
    page = open_errors(without_servers, **screen)

    response = page.goto("/nothing/")

    assert_page(page, response, status=404, heading="There is nothing here", screen=screen)


@screens
def test_what_is_not_there_for_whoever_is_signed_in(open_errors, production, demo_session, screen):
    page = open_errors(production, storage_state=demo_session, **screen)

    response = page.goto("/jobs/00000000-0000-0000-0000-000000000000/")

    assert_page(page, response, status=404, heading="There is nothing here", screen=screen)
    expect(page.locator("[data-balance]")).to_be_visible()


@screens
def test_what_was_a_little_fast(open_errors, production, demo_session, screen):
    page = open_errors(production, storage_state=demo_session, **screen)
    path = "/accounts/password/change/"

    for _ in range(6):
        page.goto(path)
        token = page.locator("main [name=csrfmiddlewaretoken]").get_attribute("value")
        if (response := post(page, path, [["csrfmiddlewaretoken", token]])).status == 429:
            break

    assert_page(page, response, status=429, heading="That was a little fast", screen=screen)


@screens
def test_what_went_wrong_on_our_side(open_errors, without_servers, screen):
    page = open_errors(without_servers, **screen)

    response = page.goto("/broken/")

    heading = "Something went wrong on our side"
    assert_page(page, response, status=500, heading=heading, screen=screen)


@screens
def test_what_passes(open_errors, without_servers, screen):
    page = open_errors(without_servers, **screen)
    name = f"sessionid{os.environ.get('COOKIE_SUFFIX', '')}"
    page.context.add_cookies([{"name": name, "value": "x" * 32, "url": without_servers}])

    response = page.goto("/studio/")

    assert_page(page, response, status=503, heading="Back in a moment", screen=screen)
    assert response.headers["retry-after"] == "5"
