"""The script alone, in a browser elsewhere: it tells the server where."""

from sdsite.processes import PROJECT

SCRIPT = (PROJECT / "static" / "js" / "components" / "time_zone.js").read_text()


def test_the_browser_tells_its_time_zone_in_a_cookie(chromium):
    with chromium.new_context(timezone_id="Asia/Shanghai") as context:
        page = context.new_page()
        page.route(
            "**/*",
            lambda route: route.fulfill(
                body=f"<script type=module>{SCRIPT}</script>", content_type="text/html"
            ),
        )
        page.goto("http://site.example/")
        page.wait_for_function("document.cookie")

        cookies = {each["name"]: each for each in context.cookies()}

    assert cookies["time_zone"]["value"] == "Asia/Shanghai"
    assert (cookies["time_zone"]["path"], cookies["time_zone"]["sameSite"]) == ("/", "Lax")
