"""A small OpenID provider on loopback: codes used once, PKCE, signed ID tokens; it lies where a test tells it to."""

import hashlib
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Form, HTTPException, Request
from fastapi.responses import RedirectResponse
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.conftest import free_port

CLIENT, SECRET = "laoxian-console", "a-secret-of-the-tests"


class Provider:
    """The provider and what it says of whoever comes.

    Attributes:
        name: the account name in its tokens.
        lies: claims that replace the true ones.
        key: signs; ``forged`` is a key that it never published.
        codes: codes given out and not used yet, with what they stand for.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.key, self.forged = (RSAKey.generate_key(parameters={"kid": "1"}) for _ in range(2))
        self.codes: dict[str, dict[str, str]] = {}
        self.tell("clerk")
        self.server = uvicorn.Server(uvicorn.Config(self._app(), port=self.port, log_level="warning"))
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def tell(self, name: str, *, forge: bool = False, **lies: Any) -> None:
        """Says from now on that everybody is ``name``."""
        self.name, self.lies, self.forge = name, lies, forge

    def start(self) -> None:
        """Serves."""
        self.thread.start()
        while not self.server.started:
            time.sleep(0.05)

    def stop(self) -> None:
        """Stops."""
        self.server.should_exit = True
        self.thread.join(10)

    def _app(self) -> FastAPI:
        app = FastAPI()
        app.get("/.well-known/openid-configuration")(self._metadata)
        app.get("/jwks")(lambda: {"keys": [self.key.as_dict(private=False)]})
        app.get("/authorize")(self._authorize)
        app.post("/token")(self._token)
        return app

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        }

    def _authorize(self, request: Request) -> RedirectResponse:
        asked = dict(request.query_params)
        if asked["client_id"] != CLIENT or asked["response_type"] != "code" or asked["code_challenge_method"] != "S256":
            raise HTTPException(400)
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?code={code}&state={asked['state']}", 302)

    def _token(
        self,
        request: Request,
        code: Annotated[str, Form()],
        redirect_uri: Annotated[str, Form()],
        code_verifier: Annotated[str, Form()],
    ) -> dict[str, Any]:
        asked = self.codes.pop(code, None)
        challenge = urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=").decode()
        if asked is None or asked["redirect_uri"] != redirect_uri or asked["code_challenge"] != challenge:
            raise HTTPException(400)
        if not request.headers.get("authorization", "").startswith("Basic "):
            raise HTTPException(401)
        now = int(time.time())
        claims = {"iss": self.issuer, "sub": "42", "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims |= {"preferred_username": self.name} | self.lies
        key = self.forged if self.forge else self.key
        signed = jwt.encode({"alg": "RS256", "kid": "1"}, claims, key)
        return {"access_token": secrets.token_urlsafe(8), "token_type": "Bearer", "expires_in": 300, "id_token": signed}
