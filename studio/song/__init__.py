"""From a pasted text to a track and the seconds of it that KIE listens to."""
