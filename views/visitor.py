"""The random name that the door gives each browser, so that a reload finds its account again. Not a secret of KIE's."""

COOKIE = "persona_studio"
SECURE_COOKIE = f"__Host-{COOKIE}"
"""Under HTTPS: no other host and no plain connection can set or read it (RFC 6265bis, 4.1.3.2)."""
