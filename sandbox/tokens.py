"""Personal access tokens, OAuth access tokens and how they are refreshed, service accounts.

Source: Asana's page "OAuth" and reports. Beyond the success case, the token endpoint follows RFC
6749, section 5.2, because Asana does not document its answers.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.refusals import EXPIRED_BEARER, ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.access import Viewer
    from sandbox.server_time import Clock


@dataclass(slots=True)
class Token:
    """One bearer token and whose it is; `expires` is in seconds since 1970."""

    text: str
    viewer: Viewer
    kind: str = "personal_access_token"
    expires: float | None = None
    disabled: bool = False


@dataclass(slots=True)
class OAuthApp:
    """An OAuth app with one authorization."""

    client_id: str
    client_secret: str
    refresh_token: str
    viewer: Viewer
    life_seconds: float = 3600.0
    rotates: bool = False
    revoked: bool = False
    access_tokens: list[str] = field(default_factory=list)


class Auth:
    """All tokens and apps that the sandbox knows."""

    def __init__(self, clock: Clock) -> None:
        """Start without tokens."""
        self.clock = clock
        self.tokens: dict[str, Token] = {}
        self.apps: dict[str, OAuthApp] = {}
        self.disabled = False

    def add(self, text: str, viewer: Viewer, *, kind: str = "personal_access_token") -> Token:
        """Accept `text` as a token of `viewer` from now on."""
        self.tokens[text] = Token(text, viewer, kind)
        return self.tokens[text]

    def add_app(
        self, viewer: Viewer, *, life_seconds: float = 3600.0, rotates: bool = False
    ) -> OAuthApp:
        """Return a new OAuth app that `viewer` has authorized."""
        number = len(self.apps) + 1
        app = OAuthApp(
            client_id=f"12000000000{number:05d}",
            client_secret=f"secret-{number}",
            refresh_token=f"refresh-{number}-{secrets.token_hex(8)}",
            viewer=viewer,
            life_seconds=life_seconds,
            rotates=rotates,
        )
        self.apps[app.client_id] = app
        return app

    def check(self, authorization: str | None) -> Token:
        """Return the token of an `Authorization` header, or refuse it with a 401."""
        scheme, _, text = (authorization or "").partition(" ")
        token = self.tokens.get(text.strip())
        if scheme.lower() != "bearer" or token is None or self.disabled or token.disabled:
            raise ApiError(401, "Not Authorized")
        if token.expires is not None and self.clock.now() >= token.expires:
            raise ApiError(401, EXPIRED_BEARER)
        return token

    def refresh(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """Answer POST /-/oauth_token with a status and a body."""
        app = self.apps.get(form.get("client_id", ""))
        if app is None or form.get("client_secret") != app.client_secret:
            return 401, {"error": "invalid_client", "error_description": "Unknown client."}
        if form.get("grant_type") != "refresh_token":
            return 400, {"error": "unsupported_grant_type"}
        if app.revoked or form.get("refresh_token") != app.refresh_token:
            return 400, {"error": "invalid_grant", "error_description": "The token is not valid."}
        token = self.add(f"access-{secrets.token_hex(12)}", app.viewer, kind="oauth")
        token.expires = self.clock.now() + app.life_seconds
        app.access_tokens.append(token.text)
        body: dict[str, Any] = {
            "access_token": token.text,
            "token_type": "bearer",
            "expires_in": int(app.life_seconds),
            "data": {"gid": app.viewer.user},
        }
        if app.rotates:
            app.refresh_token = f"refresh-{secrets.token_hex(8)}"
            body["refresh_token"] = app.refresh_token
        return 200, body

    def change_rights(self, change: Callable[[Viewer], Viewer], holder: str | OAuthApp) -> None:
        """Change what a token, or an app with all its tokens, may do from now on."""
        texts = [holder]
        if isinstance(holder, OAuthApp):
            holder.viewer = change(holder.viewer)
            texts = [*holder.access_tokens]
        for text in texts:
            token = self.tokens[str(text)]
            token.viewer = change(token.viewer)

    def expire_access_tokens(self) -> None:
        """Let every OAuth access token expire now."""
        for token in self.tokens.values():
            if token.expires is not None:
                token.expires = self.clock.now()

    def revoke(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """Answer POST /-/oauth_revoke, which ends the refresh token and its access tokens."""
        app = self.apps.get(form.get("client_id", ""))
        if app is None or form.get("client_secret") != app.client_secret:
            return 401, {"error": "invalid_client"}
        if form.get("token") == app.refresh_token:
            app.revoked = True
            for text in app.access_tokens:
                self.tokens[text].disabled = True
        return 200, {}

    def introspect(self, text: str) -> dict[str, Any]:
        """Answer POST /-/token_info with type, expiry, scopes, and whether the token is active."""
        token = self.tokens.get(text)
        if token is None or self.disabled or token.disabled:
            return {"active": False}
        now = self.clock.now()
        if token.expires is not None and now >= token.expires:
            return {"active": False}
        scopes = token.viewer.scopes
        return {
            "active": True,
            "token_type": token.kind,
            "scope": "default" if scopes is None else " ".join(sorted(scopes)),
            "expires_in": None if token.expires is None else int(token.expires - now),
        }
