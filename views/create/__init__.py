"""The parts of the page Create, from the song to the persona."""
