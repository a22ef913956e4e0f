"""From what somebody pastes to a track and its seconds."""
