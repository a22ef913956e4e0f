"""What the pages share: signing in, the token panel, waiting, downloads, times, errors."""
