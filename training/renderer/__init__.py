"""Ray-marched studio photographs of products."""

import hashlib
from pathlib import Path

import numba

# numba's cache looks at the file of the compiled function only, not at what that calls: key it by the whole package.
_here = Path(__file__).parent
_sources = b"".join(path.read_bytes() for path in sorted(_here.glob("*.py")))
numba.config.CACHE_DIR = str(_here / "__pycache__" / hashlib.sha256(_sources).hexdigest()[:12])
