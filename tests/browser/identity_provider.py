"""An identity provider (OpenID Connect) for tests: two persons, chosen by a click, no passwords."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from uvicorn import Config, Server

CLIENT = "persona-studio"
PEOPLE = {
    "ada": {"name": "Ada [Lovelace](https://tracker.example) :material/mic:", "email": "ada@example.com"},
    "bob": {"name": "Bob", "email": "bob@example.com"},
}


@dataclass
class Provider:
    """What it remembers, and where it answers."""

    url: str
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    asked: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    """What was asked for, and for whom, by the code that stands for it."""

    def metadata(self, request: Request) -> Response:
        """Say where everything is (OpenID Connect Discovery 1.0, 3)."""
        ends = {
            "authorization_endpoint": "/authorize",
            "token_endpoint": "/token",
            "jwks_uri": "/keys",
            "end_session_endpoint": "/leave",
        }
        return JSONResponse(
            {name: self.url + path for name, path in ends.items()}
            | {
                "issuer": self.url,
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    def authorize(self, request: Request) -> Response:
        """Ask who it is, one link for each person."""
        links = ""
        for person in PEOPLE:
            code = secrets.token_urlsafe()
            self.asked[code] = (person, dict(request.query_params))
            back = urlencode({"code": code, "state": request.query_params["state"]})
            links += f'<a href="{request.query_params["redirect_uri"]}?{back}">{person}</a> '
        return HTMLResponse(f"<h1>Who are you?</h1>{links}")

    async def token(self, request: Request) -> Response:
        """Exchange a code, once, for a signed word about the person."""
        form = await request.form()
        person, asked = self.asked.pop(str(form["code"]))
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "sub": f"subject-{person}", "iat": now, "exp": now + 60}
        claims |= {"nonce": asked["nonce"], "email_verified": True, **PEOPLE[person]}
        word = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        return JSONResponse({"access_token": "none", "token_type": "Bearer", "expires_in": 60, "id_token": word})

    def keys(self, request: Request) -> Response:
        """Say with which key it signs."""
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    def leave(self, request: Request) -> Response:
        """Send who has signed out back to the page."""
        return RedirectResponse(request.query_params["post_logout_redirect_uri"])

    def secrets(self) -> str:
        """Return Streamlit's secrets for a page that takes this one's word; Streamlit fills in the port."""
        return f"""[auth]
redirect_uri = "http://127.0.0.1:{{port}}/oauth2callback"
cookie_secret = "{secrets.token_hex()}"
client_id = "{CLIENT}"
client_secret = "{secrets.token_hex()}"
server_metadata_url = "{self.url}/.well-known/openid-configuration"
"""


@contextlib.contextmanager
def identity_provider() -> Iterator[Provider]:
    """Run it in a thread of this process."""
    listener = socket.create_server(("127.0.0.1", 0))
    provider = Provider(f"http://127.0.0.1:{listener.getsockname()[1]}")
    app = Starlette(
        routes=[
            Route("/.well-known/openid-configuration", provider.metadata),
            Route("/authorize", provider.authorize),
            Route("/token", provider.token, methods=["POST"]),
            Route("/keys", provider.keys),
            Route("/leave", provider.leave),
        ]
    )
    server = Server(Config(app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listener],), name="identity-provider", daemon=True)
    thread.start()
    yield provider
    server.should_exit = True
    thread.join()
