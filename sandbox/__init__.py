"""A stand-in for the KIE Suno API, for the demo and the tests: invented songs, answered as the live service answers.

    with serve() as server:
        print(server.base_url, server.token)

Imports nothing of the rest of this project.
"""

from .faults import Fault
from .scenarios import SCENARIOS, Scenario
from .server import Server, serve
from .state import Recorded, Sandbox
from .web import create_app

__all__ = ["SCENARIOS", "Fault", "Recorded", "Sandbox", "Scenario", "Server", "create_app", "serve"]
