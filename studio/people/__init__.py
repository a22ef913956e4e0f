"""Who uses this process: tokens, browsers, and what is granted to one browser."""
