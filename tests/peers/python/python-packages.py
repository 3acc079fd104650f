"""Prints the folder in the user's cache where `prepare` puts the packages of requirements.txt for this Python."""

import hashlib
import os
import pathlib
import sys

requirements = pathlib.Path(__file__).with_name("requirements.txt").read_bytes()
digest = hashlib.sha256(requirements + sys.version.encode()).hexdigest()[:16]
caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
print(f"{caches}/lyss/python-sdks-{digest}")
