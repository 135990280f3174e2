"""What the scripts that try to break `initlab` share: tiny data, bounded calls, and what a directory holds apart from times."""
