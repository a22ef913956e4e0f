"""The random name that the door gives each browser, so that a reload finds its account again. Not a secret of KIE's."""

COOKIE = "persona_studio"
