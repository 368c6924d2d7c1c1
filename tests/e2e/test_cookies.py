"""The cookies of a console that browsers reach by TLS."""

import re

SETTINGS = {"PUBLIC_URL": "https://birdcar.example"}


def test_behind_tls(deployment):
    """Sent over TLS alone, to this host alone, and shown to no script; the same where one is taken away."""
    answer, client = deployment.open.sign_in("admin", deployment.secret("admin-password"))
    cookies = answer.headers.get_all("Set-Cookie")
    assert sorted(cookie.split("=")[0] for cookie in cookies) == ["__Host-birdcar", "__Host-birdcar-device"]
    assert deployment.open.get("/", {"Cookie": client.headers["Cookie"].replace("__Host-", "")}).status == 401
    page = client.get("/account")
    assert page.status == 200
    token = re.search(r'name="form_token" value="([^"]+)"', page.text).group(1)
    for cookie in (*cookies, client.form("/signout", {"form_token": token}).headers["Set-Cookie"]):
        about = [part for part in cookie.split("; ")[1:] if not part.startswith("Max-Age=")]
        assert cookie.startswith("__Host-") and about == ["Path=/", "HttpOnly", "SameSite=Lax", "Secure"], cookie
